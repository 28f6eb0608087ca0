#!/usr/bin/python3
"""A phone that carries external messages both ways; with --bad MODE it behaves as phones should not.
Usage: phone.py URL KEY PHONE_ID [--bad late|twice|wrong-lease|dies|silent] [--rounds N]"""
import argparse
import json
import sys
import urllib.parse

from client import Client

CLAIM, ACK, INBOUND = "/api/v1/phone/claim", "/api/v1/phone/ack", "/api/v1/phone/inbound"
WRONG_LEASE = "lea_" + "0" * 32
BAD = ("late", "twice", "wrong-lease", "dies", "silent")


class Phone:
    """One phone of the owner of a key; `caller` is a client that comes with the key."""

    def __init__(self, caller, phone_id=""):
        self.caller, self.phone_id, self.taken = caller, phone_id, []

    def claim(self, limit=100, expect=200, **fields):
        """Take messages; returns what was handed out."""
        response = self.caller.post(CLAIM, {"phone_id": self.phone_id, "limit": limit, **fields}, expect=expect)
        if response.status == 200:
            self.taken += response["messages"]
            return response["messages"]
        return response

    def ack(self, message, status="sent", *, lease=True, **fields):
        """Say what became of one message; returns the result."""
        result = {"message_id": message["message_id"], "status": status, **fields}
        if lease:
            result.setdefault("lease_id", message["lease_id"])
        return self.ack_all([result])[0]

    def ack_all(self, results):
        """Say what became of several."""
        return self.caller.post(ACK, {"phone_id": self.phone_id, "results": results}, expect=200)["results"]

    def inbound(self, text="Hello", *, expect=202, **fields):
        """Bring a message in."""
        body = {"phone_id": self.phone_id, "channel": "sms", "from": "+49301234", "text": text,
                "received_at": 1767225600000, **fields}
        return self.caller.post(INBOUND, body, expect=expect)

    def turn(self, bad=None):
        """One turn of a phone: take, send, say so; `bad` is how it goes wrong. Returns the results."""
        messages = self.claim()
        if bad in ("dies", "silent"):
            return []
        results = []
        for message in messages if bad != "late" else self.taken[:-len(messages) or None]:
            results.append(self.ack(message, **({"lease_id": WRONG_LEASE} if bad == "wrong-lease" else {})))
            if bad == "twice":
                results.append(self.ack(message))
        return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("phone_id")
    parser.add_argument("--bad", choices=BAD)
    parser.add_argument("--rounds", type=int, default=1)
    words = parser.parse_args()
    url = urllib.parse.urlsplit(words.url)
    phone = Phone(Client(url.hostname, url.port, headers={"Authorization": f"Bearer {words.key}"}), words.phone_id)
    for _ in range(words.rounds):
        print(json.dumps(phone.turn(words.bad)), flush=True)
        if words.bad == "dies":
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
