"""Sending: once, whatever becomes of the connection."""
import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from cli import PROGRAM, Responses, Proxy, first, signed_in
from harness import free_port, unique
from tls import make_certificate

SEND = "POST /api/v1/messages"


def texts(user):
    return [item["text"] for item in user.poll_all()[0] if item["kind"] != "system"]


def test_message_arrives_and_its_id_is_printed(cli, bob):
    done = cli.run("--to", bob.address, "--message", "Hello Bob, it's 5 o'clock; ü 🙂 $(date)")
    [item] = bob.poll_all()[0]
    assert item["text"] == "Hello Bob, it's 5 o'clock; ü 🙂 $(date)" and item["from_name"] == "Cleo"
    assert done.stdout.splitlines()[-1] == f"Sent: {item['message_id']}"


def test_json_names_id_status_and_recipient(cli, bob):
    sent = cli.json("--to", bob.address, "--message", "x")["sent"]
    assert sent == {"type": "sent", "message_id": bob.poll_all()[0][0]["message_id"], "status": "queued",
                    "to": bob.address}


def test_same_message_twice_is_two_messages(cli, bob):
    cli.run("--to", bob.address, "--message", "x")
    cli.run("--to", bob.address, "--message", "x")
    assert texts(bob) == ["x", "x"]


def test_unknown_recipient_is_refused_in_one_line(cli):
    done = cli.run("--to", unique("nobody-"), "--message", "x", expect=1)
    assert done.stderr.count("\n") == 1 and "Nobody has this chat address" in done.stderr


def test_text_beyond_the_limit_is_refused_in_one_line(cli, bob):
    done = cli.run("--to", bob.address, "--message", "x" * 66000, expect=1)
    assert done.stderr.count("\n") == 1 and texts(bob) == []


# -- broken connections ----------------------------------------------------------------------------

@pytest.mark.parametrize("times,lost", [(1, "answer"), (3, "answer"), (2, "half")])
def test_message_whose_response_was_lost_arrives_once(make_cli, relay, bob, times, lost):
    with Proxy(relay, first(SEND, lost, times)) as proxy:
        cli = make_cli(url=proxy.url)
        cli.sign_in()
        sent = cli.json("--to", bob.address, "--message", "once")["sent"]
        assert proxy.count(SEND) == times + 1
    [item] = bob.poll_all()[0]
    assert (item["text"], item["message_id"]) == ("once", sent["message_id"])


def test_message_cut_before_the_relay_saw_it_arrives_once(make_cli, relay, bob):
    with Proxy(relay, first(SEND, "request", 2)) as proxy:
        cli = make_cli(url=proxy.url)
        cli.sign_in()
        cli.run("--to", bob.address, "--message", "once")
        assert proxy.count(SEND) == 3
    assert texts(bob) == ["once"]


def test_message_is_given_up_when_the_time_is_over(make_cli, relay, bob):
    with Proxy(relay, first(SEND, "request", 1000)) as proxy:
        cli = make_cli(url=proxy.url)
        cli.sign_in()
        done = cli.run("--to", bob.address, "--message", "never", "--timeout", "2", expect=4)
        assert proxy.count(SEND) > 1 and "trying again" in done.stderr
    assert texts(bob) == []


def test_message_is_refused_without_another_try_on_a_4xx(make_cli, relay):
    with Proxy(relay, lambda head: None) as proxy:
        cli = make_cli(url=proxy.url)
        cli.sign_in()
        cli.run("--to", unique("nobody-"), "--message", "x", expect=1)
        assert proxy.count(SEND) == 1


def test_message_waits_for_a_relay_that_is_starting(make_cli, make_relay):
    relay = make_relay()
    cli, bob = make_cli(of=relay), relay.sign_in()
    cli.sign_in()
    relay.fixed_port = relay.port
    relay.stop()
    sending = cli.start("--to", bob.address, "--message", "late")
    sending.wait_for_note("trying again")
    relay.start()
    sending.wait(0)
    assert texts(bob) == ["late"] and "connected again" in sending.err


def test_busy_relay_is_asked_again_when_it_said_so(make_cli, make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 100})
    cli, bob = make_cli(of=relay), relay.sign_in()
    cli.sign_in()
    with relay.locked_database():
        sending = cli.start("--to", bob.address, "--message", "patient")
        sending.wait_for_note("trying again")
    sending.wait(0)
    assert texts(bob) == ["patient"]


def scripted(to_messages):
    """Responds like a relay; to messages by `to_messages(number)`."""
    count = [0]

    def script(request):
        if request.path == "/api/v1/messages":
            count[0] += 1
            return to_messages(count[0])
        return signed_in(request)
    return script


def test_retry_after_is_honoured_and_the_same_bytes_are_sent_again(make_cli):
    def response(number):
        if number == 1:
            return 429, {"Retry-After": "2"}, {"success": False, "error": "rate_limited", "message": "Slower."}
        return 202, {}, {"success": True, "message_id": "msg_12345678", "status": "queued", "idempotency_key": "k"}

    with Responses(scripted(response)) as relay:
        make_cli(of=relay).run("--code", "123456", "--to", "bob", "--message", "x")
        one, other = [request for request in relay.requests if request.path == "/api/v1/messages"]
        assert other.time - one.time >= 2
        assert one.body == other.body and len(json.loads(one.body)["idempotency_key"]) >= 16


def test_retry_after_beyond_the_time_gives_up_at_once(make_cli):
    refused = 429, {"Retry-After": "3600"}, {"success": False, "error": "rate_limited", "message": "Slower."}
    with Responses(scripted(lambda number: refused)) as relay:
        done = make_cli(of=relay).run("--code", "123456", "--to", "bob", "--message", "x", expect=1)
        assert "Slower." in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("response", [b"", b"<html>hello</html>", b"[]", b"{}", b'{"success":true}',
                                      b'{"success":"yes"}'])
def test_server_that_is_no_relay_is_one_line(make_cli, response):
    with Responses(lambda request: (200, {}, response)) as relay:
        done = make_cli(of=relay).run("--code", "123456", expect=None)
        assert done.returncode in (1, 4) and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_redirect_is_named_and_not_followed_with_the_token(make_cli):
    with Responses(lambda request: (301, {"Location": "http://elsewhere.example.com/\x1b[31m"}, b"")) as relay:
        done = make_cli(of=relay).run("--code", "123456", expect=4)
        assert "elsewhere.example.com" in done.stderr and "\x1b" not in done.stderr and len(relay.requests) == 1


def test_relay_that_is_not_there_is_exit_4_at_once(make_cli, relay):
    done = make_cli(url=f"http://127.0.0.1:{free_port()}").run(expect=4)
    assert done.stderr.count("\n") == 1 and "refused" in done.stderr and done.stdout == ""


def test_relay_name_that_does_not_exist_is_exit_4(make_cli, relay):
    done = make_cli(url="https://no-such-host.invalid").run(expect=4)
    assert done.stderr.count("\n") == 1


def test_interrupt_while_trying_again_is_exit_130(make_cli, relay):
    cli = make_cli(url=f"http://127.0.0.1:{free_port()}")
    sending = cli.start("--to", "bob", "--message", "x")
    sending.wait_for_note("trying again")
    sending.stop(signal.SIGINT)


def test_two_runs_at_once_share_the_state(cli, bob):
    running = [cli.start("--to", bob.address, "--message", f"n{number}", "--computer", f"pc{number}")
               for number in range(6)]
    for one in running:
        one.wait(0)
    assert sorted(texts(bob)) == [f"n{number}" for number in range(6)]
    cli.run()


def test_relay_over_tls_is_trusted_only_with_its_certificate(make_cli, make_relay, tmp_path):
    certificate, key = make_certificate(str(tmp_path))
    cli = make_cli(of=make_relay({"RELAY_TLS_CERTIFICATE": certificate, "RELAY_TLS_KEY": key}))
    done = cli.run("--to", "bob", "--message", "x", expect=4)  # At once: another try would not help.
    assert "certificate" in done.stderr and done.stderr.count("\n") == 1
    cli.env = lambda **more: {**type(cli).env(cli, **more), "SSL_CERT_FILE": certificate}
    assert "a code was sent" in cli.run(expect=3).stderr


# -- groups and people -----------------------------------------------------------------------------

def test_group_is_made_once_and_sent_to_by_name(cli, relay):
    name = unique("My Hikers & Co ")
    made = cli.json("--group", name, "--create-group")["group"]["group"]
    again = cli.json("--group", name, "--create-group")["group"]["group"]
    assert made["group_id"] == again["group_id"] and made["visibility"] == "private"
    assert cli.json("--group", name, "--message", "x")["sent"]["to"] == made["group_id"]
    assert cli.json("--group", made["group_id"], "--message", "x")["sent"]["to"] == made["group_id"]


def test_open_group_is_found_joined_and_written_to_by_somebody_else(cli, make_cli, relay):
    name, other = unique("Open "), make_cli()
    other.sign_in()
    cli.run("--group", name, "--create-group", "--open")
    found = other.json("--group", name, "--join", "--message", "I am in")
    assert found["join"]["status"] == "member" and found["sent"]


def test_joining_a_group_that_decides_is_a_request(cli, bob):
    group = bob.post("/api/v1/webchat/groups", {"name": unique("Asked "), "visibility": "public"}, expect=200)["group"]
    assert cli.json("--group", group["name"], "--join")["join"]["status"] == "requested"
    assert "request" in cli.run("--group", group["group_id"], "--join").stdout.splitlines()[-1]


def test_invite_opens_a_group_that_one_does_not_see(cli, relay, ann):
    group = ann.post("/api/v1/webchat/groups", {"name": "Hidden", "visibility": "private"}, expect=200)["group_id"]
    token = ann.post(f"/api/v1/webchat/groups/{group}/invites", {}, expect=200)["token"]
    assert cli.run("--group", group, "--join", expect=1).stderr.count("\n") == 1
    assert cli.json("--group", group, "--join", "--invite", token, "--message", "I am in")["join"]["status"] == "member"
    assert ann.texts()[-1] == "I am in"
    assert "invit" in cli.run("--group", group, "--join", "--invite", token[:-1], expect=1).stderr


def test_unknown_group_is_one_line(cli):
    assert cli.run("--group", unique("none"), "--message", "x", expect=1).stderr.count("\n") == 1
    assert cli.run("--group", "grp_" + "0" * 32, "--join", expect=1).stderr.count("\n") == 1


def test_two_groups_of_one_name_need_an_id(cli, bob):
    name = unique("Twins ")
    ids = {bob.post("/api/v1/webchat/groups", {"name": name, "visibility": "public"}, expect=200)["group_id"]
           for _ in range(2)}
    done = cli.run("--group", name, "--join", expect=1)
    assert all(group_id in done.stderr for group_id in ids)


def test_directory_lists_people_and_groups_without_their_control_characters(make_cli, make_relay):
    relay = make_relay()
    cli = make_cli(of=relay)
    cli.sign_in()
    people = [relay.sign_in(display_name=f"P{number}\u200e\u009b", public_visible=True) for number in range(3)]
    people[0].presence()
    people[0].post("/api/v1/webchat/groups", {"name": "Public\u009bgroup", "visibility": "public"}, expect=200)
    lines = cli.run("--directory").stdout.splitlines()
    assert sorted(lines[:3]) == sorted(f"User: {user.address} {'offline' if number else 'online'} P{number}\\u200e\\x9b"
                                       for number, user in enumerate(people))
    assert lines[3].startswith("Group: grp_") and lines[3].endswith(" public Public\\x9bgroup")
    found = [json.loads(line) for line in cli.run("--directory", "--json").stdout.splitlines()[1:]]
    assert [one["type"] for one in found] == ["user"] * 3 + ["group"]


# -- wrong use -------------------------------------------------------------------------------------

RELAY = ["--relay", "http://127.0.0.1:1"]


@pytest.mark.parametrize("words,says", [
    (["ann@example.com"], "relay"),
    (["ann@example.com", "--relay-mode", "public"], "relay"),
    (["ann@example.com", "--relay-mode", "private"], "--relay"),
    (["ann@example.com", "--relay-mode", "private", "--site", "https://s.example.com"], "--relay"),
    (["ann@example.com", "--relay-mode", "secret", *RELAY], "--relay-mode"),
    (["ann@example.com", "--relay", "relay.example.com"], "--relay"),
    (["ann@example.com", "--relay", "https://me:secret@relay.example.com"], "--relay"),
    (["ann@example.com", "--site", "nowhere", *RELAY], "--site"),
    (["ann", *RELAY], "EMAIL"), (["a b@example.com", *RELAY], "EMAIL"), (["", *RELAY], "EMAIL"),
    (["ann@example.com", "bob@example.com", *RELAY], "bob@example.com"),
    (["ann@example.com", "--code", "12345", *RELAY], "--code"),
    (["ann@example.com", "--code", "12345x", *RELAY], "--code"),
    (["ann@example.com", "--message", "x", *RELAY], "--to"), (["ann@example.com", "--to", "bob", *RELAY], "--message"),
    (["ann@example.com", "--to", "bob", "--group", "g", "--message", "x", *RELAY], "--group"),
    (["ann@example.com", "--to", "bob", "--message", "", *RELAY], "empty"),
    (["ann@example.com", "--join", *RELAY], "--group"), (["ann@example.com", "--create-group", *RELAY], "--group"),
    (["ann@example.com", "--group", "g", "--open", *RELAY], "--create-group"),
    (["ann@example.com", "--save", "/", *RELAY], "--watch"),
    (["ann@example.com", "--on-message", "cat", *RELAY], "--watch"),
    (["ann@example.com", "--save", "x", *RELAY], "--watch"),
    (["ann@example.com", "--since", "2h", *RELAY], "--watch"),
    (["ann@example.com", "--watch", "--since", "yesterday", *RELAY], "yesterday"),
    (["ann@example.com", "--chat", "bob", "--json", *RELAY], "--chat"),
    (["ann@example.com", "--chat", " ", *RELAY], "--chat"),
    (["ann@example.com", "--token-in-url", *RELAY], "--site"),
    (["ann@example.com", "--proxy", "socks5://127.0.0.1:1", *RELAY], "proxy"),
    (["ann@example.com", "--watch", "--on-message", "no-such-program-at-all", *RELAY], "--on-message"),
    (["ann@example.com", "--watch", "--on-message", "cat 'x", *RELAY], "quotation"),
    (["ann@example.com", "--interval", "0", *RELAY], "--interval"),
    (["ann@example.com", "--interval", "soon", *RELAY], "--interval"),
    (["ann@example.com", "--interval", "nan", *RELAY], "--interval"),
    (["ann@example.com", "--limit", "0", *RELAY], "--limit"),
    (["ann@example.com", "--limit", "101", *RELAY], "--limit"),
    (["ann@example.com", "--timeout", "-1", *RELAY], "--timeout"),
    (["ann@example.com", "--to", "bob", *["--attach", __file__] * 11, *RELAY], "10"),
    (["ann@example.com", "--to", "bob", "--attach", __file__, "--voice", __file__, *RELAY], "--voice"),
    (["ann@example.com", "--rel", "http://127.0.0.1:1"], "--rel"),
    (["ann@example.com", "--wat\x1bch", *RELAY], "--wat\\x1bch"),
])
def test_wrong_use_is_one_line_and_exit_2(words, says, tmp_path):
    done = subprocess.run([sys.executable, PROGRAM, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=60, check=False, env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1 and says in done.stderr, done
    assert "secret" not in done.stderr or "secret" in words and os.listdir(tmp_path) == []


def test_public_mode_takes_the_relay_of_the_site(make_cli, relay):
    cli = make_cli()
    code = relay.code(cli.email)
    words = [sys.executable, PROGRAM, cli.email, "--relay-mode", "public", "--site", relay.url + "/chat", "--code",
             code, "--json"]
    done = subprocess.run(words, env=cli.env(), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          check=True)
    status = json.loads(done.stdout)
    assert status["relay"] == relay.url and status["relay_mode"] == "public"
    assert status["webchat_url"].startswith(relay.url + "/chat#") and "&mode=public&" in status["webchat_url"]


def test_plain_http_over_the_internet_is_warned_of(make_cli, relay):
    done = make_cli(url="http://relay.invalid").run(expect=4)
    assert "warning" in done.stderr.splitlines()[0]


def test_reader_that_goes_away_is_no_traceback(cli):
    done = subprocess.run(["bash", "-c", '"$@" | true', "-", *cli.words([])], env=cli.env(), capture_output=True,
                          text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr, done.stderr


# -- standard input, odd names, proxies ------------------------------------------------------------

def test_message_of_a_dash_is_read_from_standard_input(cli, bob):
    subprocess.run(cli.words(["--to", bob.address, "--message", "-"]), env=cli.env(), input="Zeile 1\nZeile ü\n\n".encode(),
                   check=True, capture_output=True, timeout=120, cwd=cli.home)
    assert bob.texts() == ["Zeile 1\nZeile ü"]


@pytest.mark.parametrize("data, status, says", [(b"", 2, "nothing came"), (b" \n", 2, "nothing came"), (b"\xff\xfe", 1, "not UTF-8")])
def test_standard_input_that_is_no_text_is_said(cli, bob, data, status, says):
    done = subprocess.run(cli.words(["--to", bob.address, "--message", "-"]), env=cli.env(), input=data, capture_output=True,
                          timeout=120, cwd=cli.home, check=False)
    assert done.returncode == status and says in done.stderr.decode() and bob.texts() == []


def test_file_name_that_is_not_utf8_is_sent(cli, bob):
    path = os.path.join(os.fsencode(cli.home), b"Gr\xfcn.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("x")
    cli.run("--to", bob.address, "--attach", os.fsdecode(path))
    assert bob.poll_all()[0][0]["attachments"][0]["name"] == "Gr\ufffdn.txt"


@pytest.mark.parametrize("typed", ["@{}", " {} ", "{}".upper()])
def test_address_as_people_type_it_is_sent_to(cli, bob, typed):
    cli.run("--to", typed.format(bob.address.upper()), "--message", "x")
    assert bob.texts() == ["x"]


class HttpProxy(Responses):
    """A proxy of a few lines for plain http: passes requests with a whole address on, and knows one user."""

    def __init__(self, relay):
        super().__init__(self.forward)
        self.relay = relay

    def forward(self, request):
        if request.headers.get("Proxy-Authorization") != "Basic " + base64.b64encode(b"me:s3cret").decode():
            return 407, {}, b"who are you?"
        assert request.path.startswith("http://relay.invalid/"), request.path
        link = http.client.HTTPConnection("127.0.0.1", self.relay.port, timeout=20)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "proxy-authorization")}
        link.request(request.method, request.path[len("http://relay.invalid"):], request.body or None, headers)
        response = link.getresponse()
        return response.status, {"Content-Type": response.headers["Content-Type"]}, response.read()


def test_proxy_is_gone_through_with_its_password(make_cli, relay):
    with HttpProxy(relay) as proxy:
        cli = make_cli(url="http://relay.invalid")
        way = proxy.url.replace("http://", "http://me:s3cret@")
        status = cli.json("--proxy", way, "--code", relay.code(cli.email))["status"]
        assert status["relay"] == "http://relay.invalid"
        cli.env = lambda **more: {**type(cli).env(cli, **more), "http_proxy": way}
        assert cli.json()["status"]["chat_address"] == status["chat_address"]
        assert "relay.invalid" in cli.run("--proxy", "none", "--timeout", "1", expect=4).stderr
        assert "s3cret" not in cli.run("--proxy", "http://me:s3cret@127.0.0.1:1", "--timeout", "1", expect=4).stderr


def test_proxy_of_the_environment_is_not_asked_for_this_computer(cli):
    cli.env = lambda **more: {**type(cli).env(cli, **more), "http_proxy": "http://127.0.0.1:1"}
    cli.run()


def test_https_goes_through_a_tunnel(make_cli, make_relay, tmp_path):
    """The proxy sees CONNECT and bytes, and no token."""
    certificate, key = make_certificate(str(tmp_path))
    relay = make_relay({"RELAY_TLS_CERTIFICATE": certificate, "RELAY_TLS_KEY": key})
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    link = listener.accept()[0]
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += link.recv(65536)
                    seen.append(head.decode())
                    link.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    up = socket.create_connection(("127.0.0.1", relay.port), 20)
                    for one, other in ((link, up), (up, link)):
                        threading.Thread(target=pump, args=(one, other), daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()
        cli = make_cli(url=f"https://localhost:{relay.port}")
        cli.env = lambda **more: {**type(cli).env(cli, **more), "SSL_CERT_FILE": certificate}
        code = relay.ctl("code", cli.email).stdout.strip()
        cli.run("--proxy", f"http://127.0.0.1:{listener.getsockname()[1]}", "--code", code)
        assert seen and all(head.startswith(f"CONNECT localhost:{relay.port} HTTP/1.") for head in seen)
        assert "pct_" not in "".join(seen)


def pump(one, other):
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)
