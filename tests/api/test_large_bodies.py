"""Nothing large is read from somebody without a credential."""
import socket

import pytest

from harness import unique

CONTACTS, MESSAGES = "/api/v1/webchat/contacts", "/api/v1/messages"
LARGE = {"messages": ("POST", MESSAGES, 400000), "edit": ("PATCH", MESSAGES + "/msg_x", 400000),
         "contacts": ("PUT", CONTACTS, 4 << 20), "prefs": ("PUT", "/api/v1/webchat/prefs", 400000), "ack": ("POST", "/api/v1/phone/ack", 500000),
         "inbound": ("POST", "/api/v1/phone/inbound", 400000), "read": ("POST", "/api/v1/webchat/read", 60000),
         "receipts": ("POST", "/api/v1/webchat/receipt-status", 60000), "upload": ("PUT", "/api/v1/webchat/upload", 1 << 20)}
PUBLIC = {"request-code": ("POST", "/api/v1/pchat/auth/request-code"), "verify-code": ("POST", "/api/v1/pchat/auth/verify-code"),
          "health": ("GET", "/health"), "ready": ("GET", "/ready"), "config": ("GET", "/api/v1/webchat/config"),
          "file": ("GET", "/api/v1/webchat/files/fil_x")}
MADE_UP = {"none": "", "session": "X-PChat-Session: pct_" + "A" * 43 + "\r\n", "bearer": "Authorization: Bearer pct_" + "A" * 43 + "\r\n",
           "key": "Authorization: Bearer pck_" + "A" * 43 + "\r\n", "nonsense": "X-PChat-Session: x\r\n", "basic": "Authorization: Basic eDp4\r\n"}


def head(method, path, headers, length="Content-Length: {}\r\n"):
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}{length}\r\n".encode()


def response_before_body(client, method, path, headers, length):
    """The response to the head alone: it comes only if nothing of the body is waited for."""
    sent = head(method, path, headers, length)
    return client.raw(sent, check=(method, path))


@pytest.mark.parametrize("headers", MADE_UP.values(), ids=MADE_UP)
@pytest.mark.parametrize("method, path, length", LARGE.values(), ids=LARGE)
def test_large_body_of_somebody_without_a_credential_is_refused_unread(client, method, path, length, headers):
    response = response_before_body(client, method, path, headers, f"Content-Length: {length}\r\n")
    assert response.is_error(401, "credential_required", "credential_invalid")


@pytest.mark.parametrize("method, path, length", [each for name, each in LARGE.items() if name != "upload"],
                         ids=[name for name in LARGE if name != "upload"])
def test_body_of_unknown_length_of_somebody_without_a_credential_is_refused_unread(client, method, path, length):
    response = response_before_body(client, method, path, "", "Transfer-Encoding: chunked\r\n")
    assert response.is_error(401, "credential_required")


@pytest.mark.parametrize("method, path", PUBLIC.values(), ids=PUBLIC)
def test_calls_for_everybody_take_no_large_body(client, method, path):
    response = response_before_body(client, method, path, "", "Content-Length: 20000\r\n")
    assert response.is_error(413, "too_large")


def test_path_that_is_not_there_takes_no_large_body(client):
    sent = head("POST", "/api/v1/nothing", "", "Content-Length: 400000\r\n")
    assert client.raw(sent).is_error(404, "not_found")


def test_method_that_is_not_there_takes_no_large_body(client):
    sent = head("PUT", MESSAGES, "", "Content-Length: 400000\r\n")
    response = client.raw(sent)
    assert response.is_error(405, "method_not_allowed").headers["Allow"] == "POST"


@pytest.mark.parametrize("size", [100, 15000, 16000, 16384, 16385, 60000])
def test_bodies_around_the_border_arrive_whole(ann, size):
    text = unique() + "x" * size
    ann.send(ann.address, text)
    assert ann.texts() == [text]


@pytest.mark.parametrize("size", [10, 60000])
def test_chunked_body_of_a_user_arrives_whole(ann, size):
    body = ('{"to":"%s","text":"%s"}' % (ann.address, "x" * size)).encode()
    sent = head("POST", MESSAGES, f"X-PChat-Session: {ann.token}\r\n", "Transfer-Encoding: chunked\r\nConnection: close\r\n")
    assert ann.raw(sent + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), check=("POST", MESSAGES)).status == 202
    assert ann.texts() == ["x" * size]


def test_large_body_of_a_user_beyond_the_limit_of_the_call_is_413_unread(ann):
    headers = f"X-PChat-Session: {ann.token}\r\n"
    response = response_before_body(ann, "POST", "/api/v1/webchat/typing", headers, "Content-Length: 17000\r\n")
    assert response.is_error(413, "too_large")


def test_key_without_the_scope_may_not_send_a_large_body(ann):
    key = ann.post("/api/v1/webchat/keys", {"name": "k", "scopes": ["receive"]}, expect=200)["token"]
    headers = f"Authorization: Bearer {key}\r\n"
    response = response_before_body(ann, "POST", MESSAGES, headers, "Content-Length: 400000\r\n")
    assert response.is_error(403, "scope_missing")


def test_many_large_bodies_without_a_credential_take_no_memory(relay):
    def memory():
        found = 0
        for pid in relay.children("nginx"):
            for child in [pid, *map(int, open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8").read().split())]:
                with open(f"/proc/{child}/status", encoding="utf-8") as file:
                    found += next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))
        return found

    before, links = memory(), []
    try:
        for _ in range(60):
            link = socket.create_connection(("127.0.0.1", relay.port), 10)
            links.append(link)
            link.sendall(head("PUT", CONTACTS, MADE_UP["session"], f"Content-Length: {4 << 20}\r\n"))
            try:
                link.setblocking(False)
                for _ in range(20):
                    link.send(b"x" * 65536)
            except OSError:
                pass
        assert memory() - before < 20000, "kB"
    finally:
        for link in links:
            link.close()


def test_error_of_nginx_on_a_large_body_is_the_one_that_it_is(make_relay):
    relay = make_relay({"RELAY_API_RATE": 1})
    ann = relay.sign_in()
    sent = head("POST", MESSAGES, f"X-PChat-Session: {ann.token}\r\n", "Content-Length: 400000\r\n")
    statuses = [ann.raw(sent + b"x" * 400000, check=("POST", MESSAGES)).status for _ in range(8)]
    assert set(statuses) == {400, 429}
