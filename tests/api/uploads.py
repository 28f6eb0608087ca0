"""Uploads that a test holds under way."""
import socket

UPLOAD = "/api/v1/webchat/upload"


class Sending:
    """A PUT whose body is under way."""

    def __init__(self, user, size, length=True):
        self.size, self.length = size, length
        self.link = socket.create_connection(("127.0.0.1", user.port), 20)
        framing = f"Content-Length: {size}" if length else "Transfer-Encoding: chunked"
        self.link.sendall(f"PUT {UPLOAD}?name=a HTTP/1.1\r\nHost: x\r\nX-PChat-Session: {user.token}\r\nConnection: close\r\n"
                          f"Expect: 100-continue\r\n{framing}\r\n\r\n".encode())
        self.first = self.status()
        self.accepted = self.first == 100

    def finish(self):
        """Send the body, if it is wanted, and return the status."""
        if not self.accepted:
            return self.first
        try:
            if self.length:
                self.link.sendall(b"x" * self.size)
            else:
                self.link.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (self.size, b"x" * self.size))
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused meanwhile
        status = self.status()
        self.close()
        return status

    def status(self):
        """The status of the next response, which is waited for."""
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            more = self.link.recv(1)
            if not more:
                return 0
            got += more
        return int(got.split()[1])

    def close(self):
        self.link.close()
