"""Clients that mean no good, by the hundred: a program of its own, so that it takes no time from those who measure. It opens COUNT
connections from an address of its own, does on each what its kind does, turn after turn, opens anew what the server closed, says
`up` once all were tried and it is past the limit that it is to go past, and ends with its standard input."""
import argparse
import contextlib
import dataclasses
import json
import os
import select
import socket
import ssl
import sys
import time
import typing

FROM = "127.0.0.9"
ME, SIGN_IN = "/api/v1/pchat/auth/me", "/api/v1/pchat/auth/request-code"
TURN_SEC = 0.2
IP_BIND_ADDRESS_NO_PORT = 24  # of linux/in.h
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
STREAMS_A_TURN, STREAMS_ALLOWED = 100, 32


def request(path="/api/v1/webchat/config", method="GET", body=b"", **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def frames(*made):
    return b"".join(frame.serialize() for frame in made)


def head_block(**more):
    """A header block that leaves no trace in the tables of a connection, so that it can be sent again and again."""
    import hpack
    pairs = {":method": "GET", ":scheme": "https", ":authority": "x", ":path": "/api/v1/webchat/config", **more}
    return hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(name, value) for name, value in pairs.items()])


def hello(**settings):
    """How a connection of HTTP/2 begins; a setting is named by its number."""
    from hyperframe.frame import SettingsFrame
    return PREFACE + frames(SettingsFrame(0, settings={int(number[1:]): value for number, value in settings.items()}))


def opened(turn, *flags, count=STREAMS_A_TURN):
    """The frames that open the streams of a turn."""
    from hyperframe.frame import HeadersFrame
    first = turn * count
    return [HeadersFrame(2 * n + 1, data=head_block(), flags=["END_STREAM", *flags]) for n in range(first, first + count)]


def streams(_, turn):
    from hyperframe.frame import WindowUpdateFrame
    begin = b"" if turn else hello() + frames(WindowUpdateFrame(0, window_increment=1 << 30))
    return begin + frames(*opened(turn, "END_HEADERS", count=STREAMS_ALLOWED))


def resets(_, turn):
    from hyperframe.frame import RstStreamFrame
    pairs = ((frame, RstStreamFrame(frame.stream_id, error_code=8)) for frame in opened(turn, "END_HEADERS"))
    return (b"" if turn else hello()) + frames(*(frame for pair in pairs for frame in pair))


def continuations(_, turn):
    from hyperframe.frame import ContinuationFrame
    begin = b"" if turn else hello() + frames(opened(0)[0])
    return begin + frames(*(ContinuationFrame(1, data=head_block(**{f"x-{turn}-{n}": "x" * 200})) for n in range(STREAMS_A_TURN)))


def pings(_, turn):
    from hyperframe.frame import PingFrame, SettingsFrame
    return (b"" if turn else hello()) + frames(PingFrame(0, opaque_data=b"12345678"), SettingsFrame(0, settings={3: 100})) * 10 * STREAMS_A_TURN


def closed_windows(_, turn):
    return b"" if turn else hello(s4=0) + frames(*opened(0, "END_HEADERS"))


def at_first(make):
    """What is sent once."""
    return lambda words, turn: b"" if turn else make(words)


def slow_head(_, turn):
    return b"x" if turn else request()[:-2] + b"X-Slow: "


def slow_body(_, turn):
    return b" " if turn else request(SIGN_IN, "POST", Content_Type="application/json", Content_Length=16000)


def many(count, make):
    return lambda words, turn: b"".join(make(words, f"{turn}_{n}") for n in range(count))


def sign_in(_, name):
    body = json.dumps({"email": f"{name}@example.com"}).encode()
    return request(SIGN_IN, "POST", body, Content_Type="application/json", Content_Length=len(body))


@dataclasses.dataclass
class Kind:
    """What each connection sends in a turn, how many do in one turn (then the next ones), whether responses are read, whether it is
    HTTP/2, and the status that shows that it is past a limit."""
    sends: typing.Callable = lambda words, turn: b""
    at_once: int = 200
    reads: bool = True
    http2: bool = False
    wanted: str = ""


KINDS = {
    "idle": Kind(),
    "kept": Kind(at_first(lambda words: request("/health"))),
    "slow-heads": Kind(slow_head),
    "slow-bodies": Kind(slow_body),
    "slow-readers": Kind(at_first(lambda words: request(words.path, X_PChat_Session=words.token)), reads=False),
    "long-heads": Kind(many(1, lambda words, name: request(**{f"X_{n}": "x" * 7000 for n in range(6)})), at_once=40),
    "many-heads": Kind(many(1, lambda words, name: request(**{f"X_{n}": n for n in range(2000)})), at_once=40),
    "past-limits": Kind(many(1, lambda words, name: request()), at_once=1000, wanted="429"),
    "ahead": Kind(many(100, lambda words, name: request())),
    "made-up-tokens": Kind(many(1, lambda words, name: request(ME, X_PChat_Session=f"pcs_{name}")), at_once=1000, wanted="429"),
    "one-account": Kind(many(1, lambda words, name: request(ME, X_PChat_Session=words.token)), at_once=1000, wanted="429"),
    "sign-ins": Kind(many(1, sign_in), wanted="429"),
    "streams": Kind(streams, at_once=20, http2=True),
    "resets": Kind(resets, at_once=20, http2=True),
    "continuations": Kind(continuations, at_once=20, http2=True),
    "pings": Kind(pings, at_once=20, reads=False, http2=True),
    "closed-windows": Kind(closed_windows, at_once=20, http2=True),
}


def tls_of(kind):
    """A context for connections of a kind, whoever the server is."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(["h2" if KINDS[kind].http2 else "http/1.1"])
    return tls


class Link:
    """One connection, and what of it is still to be sent."""

    def __init__(self, words, kind, tls):
        self.words, self.kind, self.turn = words, KINDS[kind], 0
        self.socket = socket.socket()
        if not self.kind.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)  # else each looks for a port among thousands
        self.socket.bind((FROM, 0))
        self.socket.connect(("127.0.0.1", words.port))
        if tls:
            self.socket = tls.wrap_socket(self.socket)
        self.socket.setblocking(False)
        self.left = b""

    def go_on(self):
        """One turn: the statuses of responses that came, or None once the server has ended it."""
        came = b""
        try:
            while self.kind.reads and (data := self._try(lambda: self.socket.recv(1 << 16))) is not None:
                if not data:
                    return None
                came += data
            if not self.left:
                self.left, self.turn = self.kind.sends(self.words, self.turn), self.turn + 1
            if self.left:
                self.left = self.left[self._try(lambda: self.socket.send(self.left)) or 0:]
        except OSError:
            return None
        return [came[at + 9:at + 12].decode() for at in _all_of(came, b"HTTP/1.1 ")]

    @staticmethod
    def _try(call):
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return call()
        return None


def _all_of(data, word):
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + 1)


class Crowd:
    """All of them, and what is counted."""

    def __init__(self, words):
        self.words, self.kind, self.links = words, KINDS[words.kind], []
        self.counts = {"opened": 0, "not opened": 0, "ended by the server": 0}
        self.tls = tls_of(words.kind) if words.tls else None

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def fill(self, most):
        for _ in range(min(most, self.words.count - len(self.links))):
            try:
                self.links.append(Link(self.words, self.words.kind, self.tls))
                self.count("opened")
            except OSError:
                self.count("not opened")
                return

    def turn(self):
        now, self.links = self.links[:self.kind.at_once], self.links[self.kind.at_once:]
        for link in now:
            statuses = link.go_on()
            if statuses is None:
                link.socket.close()
                self.count("ended by the server")
            else:
                self.links.append(link)
            for status in statuses or ():
                self.count(status)
        self.fill(self.kind.at_once)

    @staticmethod
    def is_over(seconds=0):
        return bool(select.select([sys.stdin], [], [], seconds)[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--path", default="/", help="what is large enough to be read slowly")
    parser.add_argument("--token", default="", help="whose account is used up")
    words = parser.parse_args()
    os.nice(10)  # those who measure come first
    crowd = Crowd(words)
    crowd.fill(words.count)
    crowd.turn()
    while crowd.kind.wanted and crowd.kind.wanted not in crowd.counts and not crowd.is_over(TURN_SEC):
        crowd.turn()
    print("up", flush=True)
    while not crowd.is_over(TURN_SEC):
        crowd.turn()
    print(json.dumps({**crowd.counts, "at the end": len(crowd.links)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
