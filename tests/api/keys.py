"""What the tests of API keys and phones share: a caller that comes with a key."""
from client import Client

KEYS = "/api/v1/webchat/keys"


class KeyCaller(Client):
    """A caller with an API key of a user; it knows the key and its owner."""

    def __init__(self, owner, response):
        super().__init__(owner.host, owner.port, headers={"Authorization": f"Bearer {response['token']}"}, tls=owner.tls)
        self.owner, self.key, self.secret = owner, response["key"], response["token"]
        self.id, self.path = self.key["key_id"], f"{KEYS}/{self.key['key_id']}"

    def poll(self, **fields):
        """One poll as the owner."""
        return self.post("/api/v1/webchat/poll", {"chat_address": self.owner.address, **fields}, expect=200)


def make_key(owner, *scopes, **fields):
    """A new key of the user."""
    return KeyCaller(owner, owner.post(KEYS, {"name": "A key", "scopes": list(scopes), **fields}, expect=200))
