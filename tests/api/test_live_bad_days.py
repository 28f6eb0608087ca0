"""Live wake-ups where something stands between, or somebody does not read."""
import contextlib
import http.client
import http.server
import os
import shutil
import socket
import subprocess
import threading

import pytest

from client import Client, wait_until
from harness import free_port, kill_pids, make_folder
from live import EVENTS, WAKE, listen

FRONT = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{relay};
            proxy_buffering on;
            proxy_buffers 4 64k;
            proxy_buffer_size 64k;
            {more}
        }}
    }}
}}
"""


@contextlib.contextmanager
def proxy_before(relay, more=""):
    """A web server of somebody else's that buffers what it passes on, as nginx does by itself."""
    folder, port = make_folder("front"), free_port()
    with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(FRONT.format(folder=folder, port=port, relay=relay.port, more=more))
    with subprocess.Popen(["nginx", "-e", "stderr", "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL) as front:
        try:
            def is_up():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    return True
                return False
            wait_until("the proxy listens", is_up)
            yield port
        finally:
            kill_pids([front.pid])
            front.wait()
            shutil.rmtree(os.path.dirname(folder), ignore_errors=True)


def through(user, port):
    return Client("127.0.0.1", port, user.token, user.headers)


def test_proxy_that_buffers_is_asked_not_to_and_holds_no_wake_back(relay, ann, bob):
    with proxy_before(relay) as port, listen(through(ann, port)) as stream:
        bob.send(ann)
        assert stream.event() == WAKE


class Holding(http.server.BaseHTTPRequestHandler):
    """A proxy that passes a response on when it is there to its end, and not before."""
    relay_port = 0

    def do_GET(self):
        link = http.client.HTTPConnection("127.0.0.1", self.relay_port, timeout=60)
        link.request("GET", self.path, headers={"X-PChat-Session": self.headers["X-PChat-Session"]})
        with contextlib.closing(link):
            try:
                response = link.getresponse()
                body = response.read()
            except OSError:
                return
        self.send_response(response.status)
        self.send_header("Content-Type", response.headers["Content-Type"])
        self.send_header("X-Request-Id", response.headers["X-Request-Id"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def proxy_that_holds(relay):
    handler = type("Handler", (Holding,), {"relay_port": relay.port})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_behind_a_proxy_that_holds_streams_the_long_poll_brings_the_wake(relay, ann, bob):
    """A client that hears no hello there asks by long poll instead, which ends and so gets through."""
    with proxy_that_holds(relay) as port:
        with socket.create_connection(("127.0.0.1", port), 20) as link:
            link.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: relay\r\nX-PChat-Session: {ann.token}\r\n\r\n".encode())
            link.settimeout(1)
            with pytest.raises(TimeoutError):
                link.recv(65536)
        after = ann_through(ann, port)["after"]
        bob.send(ann)
        assert ann_through(ann, port, after)["wake"] is True


def ann_through(ann, port, after=""):
    caller = through(ann, port)
    return caller.call("GET", f"{EVENTS}?after={after}", expect=200, check=False).json


def test_client_of_http_1_0_gets_the_stream_until_it_is_closed(ann, bob):
    with socket.create_connection((ann.host, ann.port), 20) as link:
        link.sendall(f"GET {EVENTS} HTTP/1.0\r\nX-PChat-Session: {ann.token}\r\n\r\n".encode())
        got = b""
        while b'"hello"' not in got:
            got += link.recv(65536)
        assert got.startswith(b"HTTP/1.1 200") and b"Transfer-Encoding" not in got
        bob.send(ann)
        while b'"wake"' not in got:
            part = link.recv(65536)
            assert part, got
            got += part


def test_readers_that_never_read_keep_no_wake_from_others(make_relay):
    relay = make_relay()
    people, bob = [relay.sign_in() for _ in range(20)], relay.sign_in()
    stuck = []
    for person in people:
        link = socket.create_connection(("127.0.0.1", relay.port), 20)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        link.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: relay\r\nX-PChat-Session: {person.token}\r\n\r\n".encode())
        stuck.append(link)
    (live,) = relay.children("relay-live")
    try:
        wait_until("all listen", lambda: relay.client().get("/api/v1/webchat/config")["features"]["push"] is True)
        with listen(bob) as stream:
            before = resident(live)
            for _ in range(20):
                for person in people:
                    bob.send(person)
                people[0].send(bob)
                assert stream.event() == WAKE
            assert resident(live) - before < 1 << 20
    finally:
        for link in stuck:
            link.close()


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
