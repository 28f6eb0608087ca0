"""Runs webchat_cli.py as a user would, with a home of its own; a proxy that breaks connections at the worst moment."""
import collections
import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from client import wait_until
from contract import ROOT
from harness import DIE_WITH_TESTS, clean_env, unique

PROGRAM = os.path.join(ROOT, "scripts", "webchat_cli.py")


class Cli:
    """One user of the program: an e-mail address, a folder for its state, and a relay (or a proxy before it)."""

    def __init__(self, relay, home, email=None, url=None):
        self.relay, self.home, self.email = relay, str(home), email or unique() + "@example.com"
        self.url = url or relay.url
        self.running = []

    def words(self, words):
        """The command line."""
        return [sys.executable, PROGRAM, self.email, "--relay", self.url, *map(str, words)]

    def env(self, **more):
        """An environment with a home of its own."""
        return clean_env(HOME=self.home, TZ="UTC", PYTHONIOENCODING="utf-8", **more)

    def run(self, *words, expect=0, **options):
        """Run to the end; stdin is closed."""
        done = subprocess.run(self.words(words), env=self.env(), capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=120, check=False, cwd=self.home, **options)
        assert expect is None or done.returncode == expect, f"exit {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def json(self, *words, **options):
        """The objects that it prints with --json, by their type (the last of each)."""
        lines = self.run("--json", *words, **options).stdout.splitlines()
        return {found["type"]: found for found in map(json.loads, lines)}

    def sign_in(self, *words):
        """Sign in with a fresh code; returns what status says."""
        return self.json("--code", self.relay.code(self.email), *words)["status"]

    def start(self, *words):
        """Start it and leave it running."""
        self.running.append(Running(self, words))
        return self.running[-1]

    def end(self):
        """End what still runs."""
        for running in self.running:
            running.kill()

    @property
    def state_path(self):
        """The one state file."""
        folder = os.path.join(self.home, ".config", "webchat")
        [name] = [name for name in os.listdir(folder) if name.endswith(".json")]
        return os.path.join(folder, name)

    @property
    def state(self):
        """What the state file holds."""
        with open(self.state_path, encoding="utf-8") as file:
            return json.load(file)


class Running:
    """A program under way; its output goes to files."""

    def __init__(self, cli, words):
        number = len(cli.running)
        self.paths = [os.path.join(cli.home, f"{name}-{number}") for name in ("out", "err")]
        with open(self.paths[0], "wb") as out, open(self.paths[1], "wb") as err:
            self.process = subprocess.Popen([*DIE_WITH_TESTS, *cli.words(words)], env=cli.env(), stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, cwd=cli.home)

    def _text(self, number):
        with open(self.paths[number], encoding="utf-8", errors="replace", newline="") as file:
            return file.read()

    @property
    def out(self):
        return self._text(0)

    @property
    def err(self):
        return self._text(1)

    def wait_for(self, text, count=1):
        """Wait until it printed the text that often."""
        wait_until(f"{text!r} is printed", lambda: self._alive() and self.out.count(text) >= count, 60)
        return self

    def wait_for_note(self, text):
        """Wait until it said so on stderr."""
        wait_until(f"{text!r} is said", lambda: self._alive() and text in self.err, 60)
        return self

    def _alive(self):
        code = self.process.poll()
        assert code in (None, 0), f"it ended with {code}: {self.out}{self.err}"
        return True

    def stop(self, number=signal.SIGTERM, expect=130):
        """Interrupt it and wait."""
        self.process.send_signal(number)
        return self.wait(expect)

    def wait(self, expect):
        """Wait for its end."""
        code = self.process.wait(60)
        assert code == expect, f"exit {code}: {self.out}{self.err}"
        assert "Traceback" not in self.err, self.err
        return self

    def kill(self):
        """End it in all cases."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


class Proxy:
    """Passes one request per connection to the relay. `break_at(request)` names what becomes of it: None, "answer"
    (the relay acts, its response is lost), "request" (cut before the relay saw any of it), "middle" (after a part),
    "half" (the relay acts, the end of its response is lost)."""

    def __init__(self, relay, break_at):
        self.relay, self.break_at, self.requests = relay, break_at, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(20)

    def count(self, start):
        """How many requests began so."""
        return sum(request.startswith(start) for request in self.requests)

    def _serve(self):
        while True:
            try:
                link = self.listener.accept()[0]
            except OSError:
                return
            with link, contextlib.suppress(OSError):
                link.settimeout(20)
                self._pass_on(link)

    def _pass_on(self, link):
        data = b""
        while b"\r\n\r\n" not in data:
            data += link.recv(65536) or b"\r\n\r\n"
        head = data.split(b"\r\n\r\n")[0].decode("latin-1")
        self.requests.append(head)
        verdict = self.break_at(head)
        if verdict == "request":
            return
        length = next((int(line.split(":")[1]) for line in head.split("\r\n")
                       if line.lower().startswith("content-length:")), 0)
        with socket.create_connection(("127.0.0.1", self.relay.port), 20) as up:
            up.sendall(data)
            if verdict == "middle":
                return
            missing = length - len(data.split(b"\r\n\r\n", 1)[1])
            while missing > 0:
                piece = link.recv(65536)
                up.sendall(piece)
                missing -= len(piece) or missing
            response = b""
            while piece := up.recv(65536):
                response += piece
            link.sendall({"answer": b"", "half": response[:-5]}.get(verdict, response))


def first(start, verdict, times=1):
    """A break_at that treats the first requests that begin so."""
    left = [times]

    def classify(head):
        if not head.startswith(start) or not left[0]:
            return None
        left[0] -= 1
        return verdict
    return classify


Request = collections.namedtuple("Request", "method path headers body size time")


class Responses:
    """A server of a few lines instead of a relay: `script(request)` returns (status, headers, bytes or JSON).
    The `hasty` methods get a response, and their connection closed, before their body is read."""

    def __init__(self, script, hasty=()):
        self.script, self.requests = script, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Reads a request of any size, keeps the start of its body."""

            def response(self):
                size = missing = int(self.headers.get("Content-Length") or 0)
                body = b""
                while missing and self.command not in hasty:
                    piece = self.rfile.read(min(missing, 1 << 20))
                    missing -= len(piece) or missing
                    body += piece if len(body) < 1 << 20 else b""
                request = Request(self.command, self.path, self.headers, body, size, time.monotonic())
                outer.requests.append(request)
                status, headers, response = outer.script(request)
                data = response if isinstance(response, bytes) else json.dumps(response).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            do_GET = do_POST = do_PUT = response

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def of(self, path):
        """The requests of a path, whatever their query."""
        return [request for request in self.requests if request.path.split("?")[0] == path]


def signed_in(request):
    """How a relay responds to all that leads to a signed-in user."""
    if request.path.endswith("/config"):
        return 200, {}, {"success": True, "limits": {"max_upload_bytes": 1 << 30, "poll_interval_ms": 10}}
    return 200, {}, {"success": True, "session_token": "pct_x",
                     "user": {"chat_address": "me", "display_name": "Me", "email": "me@example.com"},
                     "session": {"device_name": "d", "session_name": "s", "visible": False}}
