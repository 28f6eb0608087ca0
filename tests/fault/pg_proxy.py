"""What lies between a relay and its PostgreSQL: a socket that passes everything on, and breaks when it is told to."""
import contextlib
import os
import shutil
import socket
import tempfile
import threading


class Proxy:
    """Listens in a folder of its own; use it as a context manager. `break_at`: the next connection on which both marks pass to
    the server, one after the other, is cut at the second: before it gets there, or once the server has responded, which the
    client never sees; `act` is called before that."""

    def __init__(self, server_folder):
        self.server_path = os.path.join(server_folder, ".s.PGSQL.5432")
        self.folder = tempfile.mkdtemp(prefix="relay-test-proxy-")
        os.chmod(self.folder, 0o755)
        self.listener = socket.socket(socket.AF_UNIX)
        path = os.path.join(self.folder, ".s.PGSQL.5432")
        self.listener.bind(path)
        os.chmod(path, 0o777)
        self.listener.listen(64)
        self.marks, self.before, self.cut, self.closed, self.act = None, False, 0, False, None
        self.links, self.changed, self.flights = [], (b"", b""), None

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closed = True
        self.listener.close()
        self.cut_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name):
        """The address of a database behind it."""
        return f"postgresql://relay@/{name}?host={self.folder}"

    def break_at(self, first, then, before, act=lambda: None):
        """Cut the next connection on which the marks pass."""
        self.before, self.cut, self.act, self.marks = before, 0, act, (first, then)

    def change(self, old, new):
        """From here on the server gets other bytes instead of these, as many of them."""
        self.changed = old, new

    @contextlib.contextmanager
    def recorded(self, mark):
        """The list of what the client sent, a flight each, on the connection on which the mark passed; it is there after the block."""
        flights, self.flights = [], []
        try:
            yield flights
        finally:
            [pair] = {id(pair): pair for pair, data in self.flights if mark in data}.values()
            flights += [data for of, data in self.flights if of is pair]
            self.flights = None

    def cut_all(self):
        """End every connection that there is."""
        for link in self.links:
            _end(link)
        self.links = []

    def _accept(self):
        while not self.closed:
            with contextlib.suppress(OSError):
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self.server_path)
                except OSError:
                    client.close()
                    continue
                pair = {"client": client, "server": server, "seen": b"", "passed": 0, "broken": False}
                self.links += [client, server]
                threading.Thread(target=self._to_server, args=(pair,), daemon=True).start()
                threading.Thread(target=self._to_client, args=(pair,), daemon=True).start()

    def _to_server(self, pair):
        with contextlib.suppress(OSError):
            while data := pair["client"].recv(65536):
                if self.flights is not None:
                    self.flights.append((pair, data))
                if self._passed(pair, data):
                    self.marks = None
                    if self.before:
                        self._break()
                        break
                    pair["broken"] = True
                pair["server"].sendall(data.replace(*self.changed) if self.changed[0] else data)
        self._end(pair)

    def _passed(self, pair, data):
        """Whether with this the last of the marks passed, each after the one before it; one may come in two parts."""
        marks, seen = self.marks or (), pair["seen"] + data
        for mark in marks[pair["passed"]:]:
            _, found, rest = seen.partition(mark)
            if not found:
                break
            pair["passed"] += 1
            seen = rest
        pair["seen"] = seen[-64:] if marks else b""
        return bool(marks) and pair["passed"] == len(marks)

    def _to_client(self, pair):
        with contextlib.suppress(OSError):
            while data := pair["server"].recv(65536):
                if pair["broken"]:
                    self._break()
                    break
                pair["client"].sendall(data)
        self._end(pair)

    def _break(self):
        self.act()
        self.cut += 1

    @staticmethod
    def _end(pair):
        _end(pair["client"])
        _end(pair["server"])


def _end(link):
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
