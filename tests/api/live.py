"""Who listens for live wake-ups: one stream of events, read as it comes."""
import contextlib
import json
import socket
import time

EVENTS = "/api/v1/webchat/events"
WAKE, RECEIPTS = {"type": "wake"}, {"type": "wake", "for": "receipts"}


class Quiet(AssertionError):
    """Nothing came in time."""


class Listener:
    """A stream as the relay sends it to a caller; use it as a context manager."""

    def __init__(self, caller, path=EVENTS, timeout_sec=20, **headers):
        sent = {**caller.headers, "Host": "relay", **headers}
        if caller.token:
            sent["X-PChat-Session"] = caller.token
        self._link = socket.create_connection((caller.host, caller.port), timeout_sec)
        if caller.tls:
            self._link = caller.tls.wrap_socket(self._link, server_hostname=caller.host)
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        self._link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self._raw, self._text, self.over = b"", "", False
        head = self._until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:])}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._link.close()

    def _more(self):
        got = self._link.recv(65536)
        self._raw += got
        return bool(got)

    def rest(self):
        """What is left of a response that is no stream."""
        while len(self._raw) < int(self.headers["content-length"]) and self._more():
            pass
        return self._raw

    def _until(self, mark):
        while mark not in self._raw:
            if not self._more():
                raise ConnectionError(f"ended after {self._raw!r}")
        head, self._raw = self._raw.split(mark, 1)
        return head

    def _chunk(self):
        size = int(self._until(b"\r\n"), 16)
        while len(self._raw) < size + 2:
            if not self._more():
                raise ConnectionError("ended in a chunk")
        text, self._raw = self._raw[:size].decode(), self._raw[size + 2:]
        self.over = size == 0
        return text

    def line(self, timeout_sec=20):
        """The next line that is not empty; None once the stream has ended."""
        end = time.monotonic() + timeout_sec
        while "\n" not in self._text:
            if self.over:
                return None
            self._link.settimeout(max(end - time.monotonic(), 0.001))
            try:
                self._text += self._chunk()
            except TimeoutError:
                raise Quiet(f"nothing within {timeout_sec} s") from None
            except ConnectionError:
                self.over = True
        line, self._text = self._text.split("\n", 1)
        return line or self.line(end - time.monotonic())

    def event(self, timeout_sec=20):
        """The next event, as the object that it carries; None once the stream has ended."""
        end = time.monotonic() + timeout_sec
        line = self.line(timeout_sec)
        while line is not None and not line.startswith("data: "):
            line = self.line(end - time.monotonic())
        return line and json.loads(line[6:])


def listen(caller, **headers):
    """A stream that said hello."""
    stream = Listener(caller, **headers)
    assert stream.status == 200, stream.status
    hello = stream.event()
    assert hello["type"] == "hello" and hello["reconnect_ms"] >= 1000, hello
    return stream


def long_poll(caller, after="", expect=200):
    """One long poll."""
    return caller.get(f"{EVENTS}?after={after}", expect=expect)
