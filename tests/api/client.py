"""An HTTP client that holds every response against the contract."""
import http.client
import json
import socket
import time

from contract import CONTRACT, ContractError, strict_json

TIMEOUT_SEC = 20


class Response:
    """One HTTP response; `json` is None where the body is no JSON."""

    def __init__(self, request, status, headers, body):
        self.request, self.status, self.headers, self.body = request, status, headers, body
        self.media_type = (headers.get("Content-Type") or "").split(";")[0].strip()
        try:
            self.json = strict_json(body) if body else None
        except ValueError:
            self.json = None

    def __getitem__(self, name):
        return self.json[name]

    def __str__(self):
        return f"{self.request} -> {self.status} {self.body[:400]!r}"

    __repr__ = __str__

    @property
    def error(self):
        """The error code of a failure, else None."""
        return self.json.get("error") if self.json else None

    @property
    def field(self):
        """The field that a failure names, else None."""
        return self.json.get("field") if self.json else None

    def is_error(self, status, *codes, field=None):
        """Assert that this is that failure (one of the codes, naming the field if one is given)."""
        assert self.status == status and self.error in codes, f"{self}: expected {status} {codes}"
        assert field is None or self.field == field, f"{self}: expected field {field!r}"
        return self


class Client:
    """One caller: an address, perhaps a token, and headers of its own."""

    def __init__(self, host, port, token=None, headers=None, tls=None):
        self.host, self.port, self.token, self.tls = host, port, token, tls
        self.headers = dict(headers or {})

    def with_token(self, token):
        """The same client with another credential."""
        return Client(self.host, self.port, token, self.headers, self.tls)

    def with_headers(self, **headers):
        """The same client with more headers; underscores stand for hyphens."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self.host, self.port, self.token, {**self.headers, **more}, self.tls)

    def call(self, method, path, body=None, *, expect=None, check=True, headers=None, data=None):
        """Send JSON (`body`) or bytes (`data`), check the response, and its status if one is given."""
        sent = {**self.headers, **(headers or {})}
        if self.token is not None:
            sent.setdefault("X-PChat-Session", self.token)
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        response = self._exchange(method, path, data, {k: v for k, v in sent.items() if v is not None})
        if check:
            CONTRACT.check(method, path, response)
        if expect is not None:
            wanted = expect if isinstance(expect, tuple) else (expect,)
            assert response.status in wanted, f"{response}: expected {wanted}"
        return response

    def _exchange(self, method, path, data, headers):
        if self.tls:
            link = http.client.HTTPSConnection(self.host, self.port, timeout=TIMEOUT_SEC, context=self.tls)
        else:
            link = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_SEC)
        try:
            link.request(method, path, body=data, headers=headers)
            reply = link.getresponse()
            return Response(f"{method} {path[:200]}", reply.status, reply.headers, reply.read())
        finally:
            link.close()

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.call("POST", path, body, **options)

    def put(self, path, body=None, **options):
        return self.call("PUT", path, body, **options)

    def patch(self, path, body=None, **options):
        return self.call("PATCH", path, body, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def raw(self, data, check=None):
        """Send bytes as they are and read one response; `check` is (method, path) to hold it to."""
        with socket.create_connection((self.host, self.port), TIMEOUT_SEC) as link:
            if self.tls:
                link = self.tls.wrap_socket(link, server_hostname=self.host)
            try:
                link.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The relay may respond before it has read all.
            reply = http.client.HTTPResponse(link, method=data.split(b" ", 1)[0].decode("latin-1"))
            reply.begin()
            response = Response(repr(data[:80]), reply.status, reply.headers, reply.read())
        if check:
            CONTRACT.check(*check, response)
        return response


class User(Client):
    """A signed-in client that knows its account."""

    def __init__(self, client, signed_in):
        super().__init__(client.host, client.port, signed_in["session_token"], client.headers, client.tls)
        self.session = signed_in["session"]
        self.session_id = self.session["session_id"]
        self.user = signed_in["user"]
        self.email = self.user["email"]
        self.address = self.user["chat_address"]

    def send(self, to, text="Hello", *, expect=202, **fields):
        """Send a message to an address or a User."""
        to = to.address if isinstance(to, User) else to
        return self.post("/api/v1/messages", {"to": to, "text": text, **fields}, expect=expect)

    def poll(self, cursor=None, limit=100, *, expect=200):
        """One poll; without a cursor, as older clients do."""
        body = {"chat_address": self.address, "limit": limit}
        if cursor is not None:
            body["cursor"] = cursor
        return self.post("/api/v1/webchat/poll", body, expect=expect)

    def poll_all(self, cursor="", limit=100, poll=None):
        """Every message after the cursor, and the last cursor, which is confirmed; `poll`: how one poll is made."""
        messages = []
        while True:
            response = (poll or self.poll)(cursor, limit)
            messages += response["messages"]
            if not response["messages"] and not response["has_more"]:
                return messages, response["cursor"]
            assert response["cursor"] != cursor, f"{response}: the cursor stands still"
            cursor = response["cursor"]

    def texts(self, cursor=""):
        """The texts of every message after the cursor."""
        return [item["text"] for item in self.poll_all(cursor)[0]]

    def read(self, *ids, expect=200):
        """Mark messages as read."""
        body = {"chat_address": self.address, "message_ids": list(ids)}
        return self.post("/api/v1/webchat/read", body, expect=expect)

    def receipts(self, *ids):
        """{message_id: receipt} of one's own messages."""
        response = self.post("/api/v1/webchat/receipt-status", {"message_ids": list(ids)}, expect=200)
        return {receipt["message_id"]: receipt for receipt in response["receipts"]}

    def status(self, message_id):
        """The status of one of one's own messages."""
        return self.receipts(message_id)[message_id]["status"]

    def presence(self, visible=True, *, expect=200, **fields):
        """Say that this session is live, or not."""
        body = {"chat_address": self.address, "display_name": "", "visible": visible, **fields}
        return self.post("/api/v1/webchat/presence", body, expect=expect)

    def listed(self, other, q=None):
        """The other's directory entry, or None."""
        address = other.address if isinstance(other, User) else other
        response = self.get(f"/api/v1/webchat/directory?limit=200&q={q or address}", expect=200)
        return next((user for user in response["users"] if user["chat_address"] == address), None)


def wait_until(what, test, timeout_sec=20, pause_sec=0.05):
    """Call test() until it returns something true, which is returned; fail at the deadline."""
    deadline = time.monotonic() + timeout_sec
    while True:
        found = test()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout_sec} s: {what}"
        time.sleep(pause_sec)


__all__ = ["Client", "ContractError", "User", "wait_until"]
