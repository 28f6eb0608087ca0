"""What nginx responds to by itself, and what it lets through."""
import contextlib
import ctypes
import http.client
import json
import os
import socket
import struct

import pytest

from client import wait_until
from harness import Relay, unique
from tls import https_client, make_certificate

CONFIG, ME, POLL = "/api/v1/webchat/config", "/api/v1/pchat/auth/me", "/api/v1/webchat/poll"
CONTACTS = "/api/v1/webchat/contacts"
REQUEST = "/api/v1/pchat/auth/request-code"
PREFLIGHT = {"Origin": "https://chat.example.com", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type,x-pchat-session,authorization"}


def is_json_failure(response, status, *codes):
    """nginx's own response has the envelope of all others."""
    assert response.status == status, response
    assert response.media_type == "application/json" and response.json, response
    assert set(response.json) == {"success", "error", "message"} and response["success"] is False
    assert len(response.headers["X-Request-Id"]) == 32
    assert not codes or response.error in codes, response
    return response


# -- nginx's own errors ----------------------------------------------------------------------------

@pytest.mark.parametrize("request_bytes, status", [
    (b"GET /health HTTP/1.1\r\nHost: x\r\nbad header\x00\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\n\r\n", 400),
    (b"G\x01T /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /api/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    (b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
    (b"PUT /api/v1/webchat/upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
    (b"GET /api/v1/pchat/auth/me HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 40000 + b"\r\n\r\n", 400),
    (b"GET /api/v1/" + b"x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /health HTTP/3.7\r\nHost: x\r\n\r\n", 505),
], ids=["nul-in-header", "bad-host", "no-host", "control-in-method", "nul-in-path", "climbing-path", "two-lengths",
        "bad-chunk", "bad-chunk-of-a-file", "long-header", "long-path", "trace", "connect", "odd-version"])
def test_bad_request_is_json(client, request_bytes, status):
    is_json_failure(client.raw(request_bytes), status)


def test_path_outside_the_api_is_404(client):
    for path in ("/nope", "/.env.local", "/data/bridge.db", "/run/relay.sock", "/app/webchat/../../.env.local", "/50x.html"):
        response = client.get(path, check=False, expect=404)
        assert b"SMTP" not in response.body and b"nginx" not in response.body.lower()


def test_server_header_tells_no_version(client):
    assert client.get("/health").headers.get("Server", "") in ("", "nginx")


def test_no_worker_is_502_or_504_as_json(make_relay):
    relay = make_relay()
    socket_path = os.path.join(relay.folder, "run", "relay.sock")
    os.rename(socket_path, socket_path + ".away")
    try:
        response = relay.client().get("/health", check=False)
        is_json_failure(response, 502, "unavailable")
        is_json_failure(relay.client().post("/api/v1/messages", {}, check=False), 502, "unavailable")
    finally:
        os.rename(socket_path + ".away", socket_path)
    relay.client().get("/health", expect=200)


def test_body_over_nginxs_own_limit_is_413_without_a_worker(make_relay):
    relay = make_relay()
    with relay.frozen_workers():
        response = relay.client().post("/api/v1/messages", data=b"x" * (8 << 20), check=False)
        is_json_failure(response, 413, "too_large")


# -- requests ahead of responses ---------------------------------------------------------------------

def test_request_ahead_of_a_response_ends_its_connection_and_is_not_carried_out(ann):
    """One packet holds dozens of requests, and nginx would respond to all before it turns to anybody else."""
    ask = f"GET {ME} HTTP/1.1\r\nHost: x\r\nX-PChat-Session: {ann.token}\r\n\r\n".encode()
    name = json.dumps({"display_name": "Ahead"})
    change = f"PUT {ME} HTTP/1.1\r\nHost: x\r\nX-PChat-Session: {ann.token}\r\nContent-Type: application/json\r\n" \
             f"Content-Length: {len(name)}\r\n\r\n{name}".encode()
    with socket.create_connection((ann.host, ann.port), 10) as link, link.makefile("rb") as stream:
        def responses(sent, count):
            link.sendall(sent)
            return [Reply(stream) for _ in range(count)]
        assert [responses(ask, 1)[0].status for _ in range(3)] == [200] * 3, "one after the other on one connection"
        first, second = responses(ask + change + ask, 2)
        assert first.status == 200 and first.json["user"]
        assert second.status == 429 and second.json["error"] == "rate_limited"
        assert second.headers["Retry-After"] == "1" and second.headers["Connection"] == "close"
        assert stream.read(1) == b""
    assert ann.get(ME, expect=200)["user"]["display_name"] != "Ahead"


class Reply:
    """The next response of a connection, read to its last byte and no further."""

    def __init__(self, stream):
        self.status = int(stream.readline().split()[1])
        self.headers = http.client.parse_headers(stream)
        self.json = json.loads(stream.read(int(self.headers["Content-Length"])))


# -- CORS ------------------------------------------------------------------------------------------

EXPOSED = {"x-request-id", "retry-after", "etag", "content-range", "content-disposition", "accept-ranges"}


def allows(response, origin):
    return response.headers.get("Access-Control-Allow-Origin") in (origin, "*") if origin else False


def test_preflight_gets_its_response_without_a_worker(make_relay):
    relay = make_relay()
    with relay.frozen_workers():
        for path in (POLL, ME, "/health", "/api/v1/messages/msg_x"):
            response = relay.client().call("OPTIONS", path, headers=PREFLIGHT, check=False)
            assert response.status == 204 and response.body == b"", response
            assert allows(response, PREFLIGHT["Origin"])
            methods = response.headers["Access-Control-Allow-Methods"]
            assert all(method in methods for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))
            headers = response.headers["Access-Control-Allow-Headers"].lower()
            assert all(name in headers for name in ("content-type", "x-pchat-session", "authorization", "if-none-match", "if-match",
                                               "if-range", "range"))
            assert int(response.headers["Access-Control-Max-Age"]) == 86400


def test_responses_and_failures_can_be_read_by_another_origin(client):
    origin = {"Origin": "https://chat.example.com"}
    oversized = client.post(POLL, data=b"x" * (8 << 20), headers=origin, check=False)
    responses = [client.get(CONFIG, headers=origin, expect=200), client.get(ME, headers=origin, expect=401),
                 client.get("/api/v1/nope", headers=origin, expect=404), oversized]
    for response in responses:
        assert allows(response, origin["Origin"]), response
        exposed = response.headers["Access-Control-Expose-Headers"].lower()
        assert set(exposed.split(", ")) == EXPOSED, response
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_all_that_a_page_needs_of_a_download_can_be_read_by_another_origin(relay):
    ann, origin = relay.sign_in(), {"Origin": "https://chat.example.com"}
    made = ann.put("/api/v1/webchat/upload?name=a.txt", data=b"bytes", expect=200)
    whole = ann.get(made["url"], headers=origin, expect=200)
    part = ann.get(made["url"], headers={**origin, "Range": "bytes=1-2"}, expect=206)
    for response in (whole, part, ann.get(made["url"], headers={**origin, "Range": "bytes=9-"}, expect=416)):
        assert allows(response, origin["Origin"]) and "Origin" in response.headers["Vary"], response
        assert set(response.headers["Access-Control-Expose-Headers"].lower().split(", ")) == EXPOSED
    assert whole.headers["Accept-Ranges"] == "bytes" and whole.headers["ETag"] and whole.headers["Content-Disposition"]
    assert part.headers["Content-Range"] == "bytes 1-2/5"


@pytest.mark.parametrize("origin, allowed", [
    ("https://chat.example.com", True), ("http://localhost:5173", True), ("https://evil.example", False),
    ("https://chat.example.com.evil.example", False), ("http://chat.example.com", False),
    ("https://chat.example.com:8443", False), ("https://xchat.example.com", False), ("null", False),
    ("https://chatXexample.com", False),
])
def test_only_allowed_origins_may_call(listed_origins, origin, allowed):
    client = listed_origins.client()
    for response in (client.call("OPTIONS", POLL, headers={**PREFLIGHT, "Origin": origin}, check=False),
                     client.get(CONFIG, headers={"Origin": origin})):
        assert (response.headers.get("Access-Control-Allow-Origin") == origin) is allowed, response
        assert allowed or "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers.get("Vary", "")


@pytest.fixture(scope="module", name="listed_origins")
def relay_with_listed_origins(built):
    with Relay({"WEBCHAT_ALLOWED_ORIGINS": "https://chat.example.com, http://localhost:5173"}) as relay:
        yield relay


# -- rates -----------------------------------------------------------------------------------------

def test_requests_over_the_rate_are_429_with_retry_after(make_relay):
    relay = make_relay({"RELAY_API_RATE": 1})
    client = relay.client()
    refused = wait_until("a 429", lambda: next(
        (response for response in (client.get(CONFIG) for _ in range(50)) if response.status == 429), None))
    is_json_failure(refused, 429, "rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1


def test_sign_in_calls_over_the_rate_are_429_and_others_go_on(make_relay):
    relay = make_relay({"RELAY_AUTH_RATE": 1})
    client = relay.client()
    # either: how many get through goes by the clock
    responses = [client.post(REQUEST, {"email": unique() + "@example.com"}, expect=(202, 429)) for _ in range(40)]
    assert {response.status for response in responses} == {202, 429}
    assert client.get(CONFIG, expect=200)


def test_hundred_users_at_one_address_have_a_rate_each(make_relay):
    relay = make_relay({"RELAY_API_RATE": 20})
    people = [relay.sign_in() for _ in range(10)]
    for _ in range(15):  # three times what one account may
        for person in people:
            person.get(CONTACTS, expect=200)


def test_user_over_the_rate_is_refused_on_all_devices_and_nobody_else(make_relay):
    relay = make_relay({"RELAY_API_RATE": 1})
    ann, bob = relay.sign_in(), relay.sign_in()
    refused = wait_until("a 429", lambda: next(
        (answer for answer in (ann.get(CONTACTS) for _ in range(10)) if answer.status == 429), None))
    is_json_failure(refused, 429, "rate_limited")
    assert "account" in refused.json["message"] and int(refused.headers["Retry-After"]) >= 1
    bob.get(CONTACTS, expect=200)
    relay.client().get(CONFIG, expect=200)


def test_made_up_credentials_reach_the_limit_of_their_address(make_relay):
    asker = make_relay({"RELAY_API_RATE": 1}).client()
    statuses = [asker.get(CONFIG, headers={"X-PChat-Session": f"pcs_{n}"}, check=False).status for n in range(100)]
    assert statuses[:40] == [200] * 40 and 429 in statuses


def test_forged_forwarding_header_does_not_escape_the_rate(make_relay):
    relay = make_relay({"RELAY_API_RATE": 1})
    statuses = {relay.client().get(CONFIG, headers={"X-Forwarded-For": f"10.0.0.{n}"}).status for n in range(100)}
    assert 429 in statuses


def test_trusted_proxy_tells_clients_apart(make_relay):
    relay = make_relay({"RELAY_API_RATE": 1, "RELAY_TRUSTED_PROXIES": "127.0.0.1"})
    statuses = {relay.client().get(CONFIG, headers={"X-Forwarded-For": f"10.0.0.{n}"}).status for n in range(100)}
    assert statuses == {200}


@pytest.mark.parametrize("trusted, refused", [("", True), ("127.0.0.1", False), ("127.0.0.0/8, 10.1.1.1", False), ("10.0.0.0/8", True)])
def test_codes_per_client_count_the_address_that_is_believed(make_relay, trusted, refused):
    relay = make_relay({"RELAY_CODES_PER_CLIENT": 3, "RELAY_TRUSTED_PROXIES": trusted})
    statuses = [relay.client().post(REQUEST, {"email": unique() + "@example.com"}, headers={
        "X-Forwarded-For": f"203.0.113.{n}"}, expect=429 if refused and n >= 3 else 202).status for n in range(6)]
    assert (429 in statuses) is refused


# -- what is kept ----------------------------------------------------------------------------------

def test_access_log_holds_no_query_no_token_and_no_address(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    ann.get("/api/v1/webchat/directory?q=private-search", expect=200)
    relay.client().get(f"/api/v1/nope?token={ann.token}", headers={"Referer": "https://private-referer.example/",
                                                                  "User-Agent": "private-agent"}, expect=404)
    relay.client().raw(b"GET /api/v1/nope?private-raw=1\x01 HTTP/1.1\r\nHost: x\r\n\r\n")
    relay.stop()
    log = relay.file_text("run/access.log") + relay.stderr
    assert "/api/v1/webchat/directory" in log
    for word in ("private-", ann.token, ann.token[4:], "127.0.0.1", ann.email.split("@")[0] + "&"):
        assert word not in "\n".join(line for line in log.splitlines() if "http://127.0.0.1" not in line), word


def test_client_address_is_logged_when_asked_for(make_relay):
    relay = make_relay({"RELAY_LOG_ADDRESSES": "true"})
    relay.client().get(CONFIG, expect=200)
    relay.stop()
    assert "127.0.0.1" in relay.file_text("run/access.log")


@contextlib.contextmanager
def watched_folders(root):
    """Yields a function that names the files that were made below `root` since; folders themselves do not count."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0
    folders = {}
    for folder, _, _ in os.walk(root):
        folders[libc.inotify_add_watch(watch, folder.encode(), 0x100 | 0x80)] = folder  # IN_CREATE, IN_MOVED_TO

    def made():
        names = []
        with contextlib.suppress(BlockingIOError):
            while data := os.read(watch, 65536):
                names += _inotify_names(data, folders)
        return names

    try:
        yield made
    finally:
        os.close(watch)


def _inotify_names(data, folders):
    names, at = [], 0
    while at < len(data):
        number, mask, _, length = struct.unpack_from("iIII", data, at)
        name = data[at + 16:at + 16 + length].rstrip(b"\0").decode()
        at += 16 + length
        if not mask & 0x40000000:  # IN_ISDIR
            names.append(os.path.join(folders[number], name))
    return names


def test_bodies_and_responses_of_chats_never_touch_a_temporary_file(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(), relay.sign_in()
    with watched_folders(os.path.join(relay.folder, "run")) as made:
        for text in ("x" * 65536, "\x01" * 65536, "é" * 32768) * 3:
            ann.send(bob, text)
        assert len(bob.texts()) == 9
        assert made() == []
        open(os.path.join(relay.folder, "run", "probe"), "w", encoding="utf-8").close()
        assert len(made()) == 1, "the watch itself does not work"


# -- TLS -------------------------------------------------------------------------------------------

def test_relay_speaks_tls_with_its_own_certificate(make_relay, tmp_path):
    certificate, key = make_certificate(str(tmp_path))
    relay = make_relay({"RELAY_TLS_CERTIFICATE": certificate, "RELAY_TLS_KEY": key})
    assert relay.url.startswith("https://")
    client = https_client(relay, certificate)
    client.get("/health", expect=200)
    response = client.post(REQUEST, {"email": "ann@example.com"}, expect=202)
    assert "dev_code" in response.json


def test_plain_http_on_the_tls_port_is_a_json_refusal(make_relay, tmp_path):
    certificate, key = make_certificate(str(tmp_path))
    relay = make_relay({"RELAY_TLS_CERTIFICATE": certificate, "RELAY_TLS_KEY": key})
    response = relay.client().get("/api/v1/webchat/config", check=False)
    is_json_failure(response, 400)


@pytest.mark.parametrize("one, other, same", [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True), ("2001:db8:1::5", "2001:db8:1:0:9:8:7:6", True),
    ("2001:db9::5", "2001:db9:0:0:1:2:3:4", True), ("2001:0:0:5:1:2:3:4", "2001:0:0:5::1", True),
    ("2a01:1:2:3::1", "2a01:1:2:4::1", False), ("2a03:0:0:1:1:1:1:1", "2a03:0:0:2:1:1:1:1", False),
    ("192.0.2.1", "192.0.2.2", False),
])
def test_ipv6_clients_are_limited_by_their_64(make_relay, one, other, same):
    relay = make_relay({"RELAY_TRUSTED_PROXIES": "127.0.0.1", "RELAY_API_RATE": 1})
    addresses = [one, one, one, one, other]
    codes = [relay.client().get(CONFIG, headers={"X-Forwarded-For": a}, check=False).status for a in addresses]
    assert codes[:3] == [200] * 3 and codes[3] == 429
    assert codes[4] == (429 if same else 200)
