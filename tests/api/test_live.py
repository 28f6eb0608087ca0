"""Live wake-ups: who is woken and by what, whose stream ends and when, and what relay-live never gets to know."""
import glob
import os
import re
import signal
import socket
import threading
import time

import pytest

from client import wait_until
from groups import OPEN, Group
from harness import BUILD
from keys import make_key
from live import EVENTS, RECEIPTS, WAKE, Listener, Quiet, listen, long_poll
from tls import https_client, make_certificate

AUTH, CHAT = "/api/v1/pchat/auth", "/api/v1/webchat"
PER_ACCOUNT = 16


@pytest.fixture(name="stream")
def anns_stream(ann):
    with listen(ann) as stream:
        yield stream


def sync(relay, ann, stream):
    """Ann is woken for a receipt, which must be the next that she gets: so nothing woke her before."""
    reader = relay.sign_in()
    message = ann.send(reader)["message_id"]
    reader.poll_all()
    assert stream.event() == RECEIPTS
    reader.read(message)
    assert stream.event() == RECEIPTS


def handed(ann, bob):
    """A message of Bob's that Ann has fetched, and Bob was notified that she has."""
    message = bob.send(ann)["message_id"]
    ann.poll_all()
    return message


# -- what wakes ----------------------------------------------------------------------------------------

def test_message_wakes_its_recipient(ann, bob, stream):
    bob.send(ann)
    assert stream.event() == WAKE
    assert ann.texts() == ["Hello"]


def test_message_to_a_group_wakes_its_members_and_not_its_sender(relay, ann, bob, stream):
    group = Group(bob, **OPEN)
    group.join(ann)
    stream.event()
    with listen(bob) as own:
        bob.send(group.id)
        assert stream.event() == WAKE
        sync(relay, bob, own)


def test_edit_wakes_who_was_handed_the_message(ann, bob):
    message = handed(ann, bob)
    with listen(ann) as stream:
        bob.patch(f"/api/v1/messages/{message}", {"text": "Other"}, expect=200)
        assert stream.event() == WAKE


def test_withdrawal_wakes_who_was_handed_the_message(ann, bob):
    message = handed(ann, bob)
    with listen(ann) as stream:
        bob.delete(f"/api/v1/messages/{message}", expect=200)
        assert stream.event() == WAKE


def test_change_in_a_group_wakes_its_members(ann, bob):
    group = Group(bob, **OPEN)
    group.join(ann)
    message = bob.send(group.id)["message_id"]
    ann.poll_all()
    with listen(ann) as stream:
        bob.patch(f"/api/v1/messages/{message}", {"text": "Other"}, expect=200)
        assert stream.event() == WAKE


def test_removing_a_message_for_oneself_wakes_ones_other_sessions(relay, ann, bob):
    message = handed(ann, bob)
    other = relay.sign_in(ann.email)
    with listen(other) as stream:
        ann.delete(f"/api/v1/messages/{message}", expect=200)
        assert stream.event() == WAKE


def test_typing_wakes_the_peer_once_in_three_seconds(relay, ann, bob, stream):
    bob.post(CHAT + "/typing", {"to": ann.address, "typing": True}, expect=200)
    assert stream.event() == WAKE
    for typing in (True, False, True):
        bob.post(CHAT + "/typing", {"to": ann.address, "typing": typing}, expect=200)
    sync(relay, ann, stream)


def test_typing_to_a_group_wakes_nobody(relay, ann, bob):
    group = Group(bob, **OPEN)
    group.join(ann)
    ann.poll_all()
    with listen(ann) as stream:
        bob.post(CHAT + "/typing", {"to": group.id, "typing": True}, expect=200)
        sync(relay, ann, stream)


def test_confirming_and_reading_wake_the_sender_for_receipts(ann, bob, stream):
    message = ann.send(bob)["message_id"]
    bob.poll_all()
    assert stream.event() == RECEIPTS
    assert ann.status(message) == "delivered"
    bob.read(message)
    assert stream.event() == RECEIPTS
    assert ann.status(message) == "read"


def test_phone_that_sent_a_message_wakes_its_sender_for_receipts(ann, stream):
    ann.post("/api/v1/messages", {"channel": "sms", "to": "+491701234567", "text": "x"}, expect=202)
    phone = make_key(ann, "phone", phone_id="one")
    [item] = phone.post("/api/v1/phone/claim", {"phone_id": "one"}, expect=200)["messages"]
    assert stream.event() == RECEIPTS
    result = {"message_id": item["message_id"], "lease_id": item.get("lease_id"), "status": "sent"}
    phone.post("/api/v1/phone/ack", {"phone_id": "one", "results": [{k: v for k, v in result.items() if v}]}, expect=200)
    assert stream.event() == RECEIPTS


def test_streams_of_all_sessions_and_keys_are_woken(relay, ann, bob):
    callers = [ann, relay.sign_in(ann.email), make_key(ann, "receive")]
    streams = [listen(caller) for caller in callers]
    bob.send(ann)
    assert [stream.event() for stream in streams] == [WAKE] * 3


# -- what does not -----------------------------------------------------------------------------------------

def test_who_was_blocked_wakes_nobody(relay, ann, bob, stream):
    ann.post(CHAT + "/blocks", {"chat_address": bob.address}, expect=200)
    assert stream.event() == WAKE  # her own devices have the list of blocks anew
    bob.send(ann)
    bob.post(CHAT + "/typing", {"to": ann.address, "typing": True}, expect=200)
    sync(relay, ann, stream)


def test_who_blocked_wakes_nobody_by_reading(relay, ann, bob):
    message = ann.send(bob)["message_id"]
    bob.poll(expect=200)
    bob.post(CHAT + "/blocks", {"chat_address": ann.address}, expect=200)
    with listen(ann) as stream:
        bob.poll_all()
        bob.read(message)
        for _ in range(2):  # of two kinds that wait together, the one to poll comes first
            relay.sign_in().send(ann)
            assert stream.event() == WAKE


def test_write_that_was_not_made_wakes_nobody(relay, ann, bob, stream):
    with relay.locked_database():
        bob.send(ann, expect=503)
    sync(relay, ann, stream)


def test_message_sent_again_wakes_nobody(relay, ann, bob):
    bob.send(ann, idempotency_key="k")
    with listen(ann) as stream:
        bob.send(ann, idempotency_key="k", expect=200)
        sync(relay, ann, stream)


def test_wakes_come_at_most_every_tenth_of_a_second_and_the_last_is_not_dropped(relay, ann, bob, stream):
    times = []

    def receive_all():
        while (event := stream.event()) != RECEIPTS:
            assert event == WAKE
            times.append(time.monotonic())

    hearing = threading.Thread(target=receive_all)
    hearing.start()
    start = time.monotonic()
    while time.monotonic() < start + 1:
        sent = time.monotonic()
        bob.send(ann)
    wait_until("the last wake came", lambda: times[-1] > sent)
    spent, count = times[-1] - start, len(times)
    ann.send(bob)
    bob.poll_all()
    hearing.join(20)
    assert 5 <= count <= spent / 0.1 + 2


# -- whose stream ends -------------------------------------------------------------------------------------

def ends(stream):
    while (event := stream.event()) is not None:
        assert event in (WAKE, RECEIPTS)
    return True


def test_stream_ends_at_logout_and_the_next_try_is_401(ann, stream):
    ann.post(AUTH + "/logout", expect=200)
    assert ends(stream)
    ann.get(EVENTS, expect=401).is_error(401, "credential_invalid")


def test_others_of_the_account_come_back_after_a_logout(relay, ann, stream):
    other = relay.sign_in(ann.email)
    other.post(AUTH + "/logout", expect=200)
    assert ends(stream)
    # either: who comes back before it is known that a credential ended is told to ask again
    wait_until("she is let in", lambda: Listener(ann).status == 200)
    listen(ann).close()


@pytest.mark.parametrize("act", ["logout-all", "revoke", "rotate", "key", "block", "erase", "sign-in"])
def test_stream_ends_with_the_credential(relay, ann, act):
    admin = relay.sign_in()
    relay.ctl("user", "promote", admin.address)
    other = relay.sign_in(ann.email, device_name="phone")
    key = make_key(ann, "receive")
    caller = key if act in ("rotate", "key") else other
    with listen(caller) as stream:
        if act == "logout-all":
            ann.post(AUTH + "/logout-all", expect=200)
        elif act == "revoke":
            ann.delete(f"{AUTH}/sessions/{other.session_id}", expect=200)
        elif act == "rotate":
            ann.post(f"{key.path}/rotate", expect=200)
        elif act == "key":
            ann.delete(key.path, expect=200)
        elif act == "block":
            admin.post(f"{CHAT}/admin/users/{ann.address}", {"action": "block"}, expect=200)
        elif act == "erase":
            ann.delete(AUTH + "/me", expect=200)
        else:
            relay.sign_in(ann.email, device_name="phone")
        assert ends(stream)
    caller.get(EVENTS, expect=401)


def test_seventeenth_stream_closes_the_oldest(ann, bob):
    streams = [listen(ann) for _ in range(PER_ACCOUNT + 1)]
    assert ends(streams[0])
    bob.send(ann)
    assert [stream.event() for stream in streams[1:]] == [WAKE] * PER_ACCOUNT
    for stream in streams:
        stream.close()


def test_one_stream_more_than_may_be_is_503_and_room_comes_back(make_relay):
    relay = make_relay({"RELAY_LIVE_MAX": 2})
    user = relay.sign_in()
    streams = [listen(user), listen(user)]
    assert Listener(user).status == 503
    user.get(EVENTS, expect=503).is_error(503, "unavailable")
    streams[0].close()
    wait_until("there is room", lambda: Listener(user).status == 200)


def test_streams_of_one_client_are_limited_and_are_no_requests(make_relay):
    relay = make_relay({"RELAY_MAX_CONNECTIONS": 5})
    users = [relay.sign_in() for _ in range(13)]
    streams = [listen(users[i // PER_ACCOUNT]) for i in range(200)]
    assert Listener(users[-1]).status == 429
    users[-1].get(EVENTS, expect=429).is_error(429, "rate_limited")
    users[0].get(AUTH + "/me", expect=200)
    for stream in streams:
        stream.close()


# -- the response ------------------------------------------------------------------------------------------

def test_head_of_a_stream_says_that_nothing_may_hold_it_back(ann):
    with Listener(ann, Origin="https://chat.example.com") as stream:
        assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["x-accel-buffering"] == "no" and stream.headers["cache-control"] == "no-store"
        assert stream.headers["access-control-allow-origin"] == "*" and "content-encoding" not in stream.headers
        assert stream.line() == "retry: 1000"


def test_errors_are_the_usual_envelope(relay, client, ann):
    client.get(EVENTS, expect=401).is_error(401, "credential_required")
    make_key(ann, "send").get(EVENTS, expect=403).is_error(403, "scope_missing")
    ann.get(EVENTS + "?after=x", expect=400).is_error(400, "invalid_field", field="after")
    ann.get(EVENTS + "?after=" + "9" * 3000, expect=400).is_error(400, "invalid_field", field="after")
    ann.post(EVENTS, {}, expect=405).is_error(405, "method_not_allowed")
    relay.client(headers={"Origin": "https://x.example"}).call("OPTIONS", EVENTS, check=False, expect=204)


def test_comments_show_that_both_ends_are_there(stream):
    assert stream.line(25) == ":"


def test_listening_is_no_sign_of_life(relay, ann):
    own = "account_id = (SELECT id FROM account WHERE chat_address = ?)"

    def seen():
        with relay.opened_database() as database:
            return database.execute(f"SELECT last_seen_at FROM session WHERE {own}", (ann.address,)).fetchone()[0]

    with relay.opened_database() as database:
        database.execute(f"UPDATE session SET last_seen_at = 1700000000000 WHERE {own}", (ann.address,))
    listen(ann).close()
    assert seen() == 1700000000000
    ann.get(AUTH + "/me", expect=200)
    assert seen() > 1700000000000


# -- long polls ------------------------------------------------------------------------------------------

def test_first_long_poll_is_responded_to_at_once(ann):
    assert long_poll(ann)["wake"] is True


def test_long_poll_waits_for_a_wake_up(ann, bob):
    after, found = long_poll(ann)["after"], []
    waiting = threading.Thread(target=lambda: found.append(long_poll(ann, after).json))
    waiting.start()
    waiting.join(0.3)
    assert not found
    bob.send(ann)
    waiting.join(10)
    assert found[0]["wake"] is True


def test_wake_up_between_two_long_polls_is_responded_to_at_once(ann, bob):
    after = long_poll(ann)["after"]
    for _ in range(5):
        bob.send(ann)
        response = long_poll(ann, after)
        assert response["wake"] is True
        after = response["after"]


def test_long_poll_without_a_wake_up_ends_after_25_seconds(ann):
    after, start = long_poll(ann)["after"], time.monotonic()
    with Listener(ann, f"{EVENTS}?after={after}", timeout_sec=40) as response:
        assert response.status == 200 and b'"wake":false' in response.rest()
    assert 23 < time.monotonic() - start < 28


def test_cursor_of_a_time_to_come_or_long_ago_is_responded_to_at_once(ann):
    for after in ("1", "9" * 18):
        assert long_poll(ann, after)["wake"] is True


def test_cursor_says_time_and_not_how_much_others_write(ann, bob):
    first = int(long_poll(ann)["after"])
    for _ in range(20):
        bob.send(bob)
    again = int(long_poll(ann, "1")["after"])
    assert abs(first / 1e6 - time.time()) < 60 and again > first


# -- relay-live itself ------------------------------------------------------------------------------------

@pytest.fixture(name="own")
def relay_of_its_own(make_relay):
    return make_relay()


def live_pid(relay, but=None):
    return wait_until("relay-live runs", lambda: [p for p in relay.children("relay-live") if p != but])[0]


def test_killed_relay_live_is_started_again_and_loses_no_wake(own):
    ann, bob = own.sign_in(), own.sign_in()
    after = long_poll(ann)["after"]
    stream, pid = listen(ann), live_pid(own)
    os.kill(pid, signal.SIGKILL)
    bob.send(ann)
    assert ends(stream)
    listen(ann).close()
    assert live_pid(own, pid) != pid
    assert long_poll(ann, after)["wake"] is True
    assert ann.get(CHAT + "/config", expect=200)["features"]["push"] is True


def test_marks_made_while_relay_live_was_away_are_found_by_the_next(own):
    """The next one looks before anybody rings: whoever listens by then is woken."""
    ann, bob = own.sign_in(), own.sign_in()
    listen(ann).close()
    pid = live_pid(own)
    os.kill(own.process.pid, signal.SIGSTOP)  # so nobody starts the next one yet
    os.kill(pid, signal.SIGKILL)
    bob.send(ann)
    waiting = []
    caller = threading.Thread(target=lambda: waiting.append(listen(ann)))
    caller.start()
    os.kill(own.process.pid, signal.SIGCONT)
    caller.join(20)
    bob.send(ann)
    assert waiting[0].event() == WAKE
    waiting[0].close()


def test_stopped_relay_live_wakes_when_it_goes_on(own):
    ann, bob = own.sign_in(), own.sign_in()
    with listen(ann) as stream:
        pid = live_pid(own)
        os.kill(pid, signal.SIGSTOP)
        bob.send(ann)
        with pytest.raises(Quiet):
            stream.event(0.3)
        os.kill(pid, signal.SIGCONT)
        assert stream.event() == WAKE


def test_every_one_of_many_is_woken_though_relay_live_is_stopped_again_and_again(own):
    people = [own.sign_in() for _ in range(30)]
    sender, streams = own.sign_in(), [listen(person) for person in people]
    pid = live_pid(own)
    for n, person in enumerate(people):
        os.kill(pid, signal.SIGSTOP if n % 3 else signal.SIGCONT)
        sender.send(person)
    os.kill(pid, signal.SIGCONT)
    assert [stream.event() for stream in streams] == [WAKE] * len(people)


def test_reload_says_goodbye_and_listens_again(own):
    ann, bob = own.sign_in(), own.sign_in()
    with listen(ann) as stream:
        own.reload()
        assert stream.event()["type"] == "bye"
        assert ends(stream)
    stream = wait_until("she listens again", lambda: listen(ann))
    bob.send(ann)
    assert stream.event() == WAKE
    stream.close()


def test_stop_of_the_relay_ends_streams_at_once(own):
    ann = own.sign_in()
    with listen(ann) as stream:
        start = time.monotonic()
        own.stop()
        assert time.monotonic() - start < 5
        assert stream.event()["type"] == "bye"


def test_off_is_off_and_the_config_says_so(make_relay):
    relay = make_relay({"RELAY_LIVE": "false"})
    ann = relay.sign_in()
    assert relay.children("relay-live") == [] and not os.path.exists(os.path.join(relay.folder, "run", "live.sock"))
    assert ann.get(CHAT + "/config", expect=200)["features"]["push"] is False
    ann.get(EVENTS, expect=404).is_error(404, "push_off")
    relay.settings["RELAY_LIVE"] = "true"
    relay.reload_all()
    wait_until("it is on", lambda: ann.get(CHAT + "/config", expect=200)["features"]["push"])
    wait_until("she listens", lambda: Listener(ann).status == 200)
    relay.settings["RELAY_LIVE"] = "false"
    relay.reload()
    wait_until("it is off", lambda: not relay.children("relay-live"))


# -- what it never gets to know ------------------------------------------------------------------------------

def memory_of(pid):
    """Every byte of a process that can be read."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            start, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if rights[0] == "r" and "[v" not in line:
                try:
                    memory.seek(int(start, 16))
                    found.append(memory.read(int(end, 16) - int(start, 16)))
                except OSError:
                    continue
    return b"".join(found)


@pytest.mark.skipif(os.getuid() != 0 or "san" in os.path.basename(BUILD),
                    reason="only root reads the memory of others, and that of a sanitizer has no end")
def test_no_token_gets_into_relay_live_or_a_log(make_relay):
    own = make_relay({"RELAY_LOG_LEVEL": "debug"}, env={"SECRET_OF_OPERATOR": "hush-hush-hush"})
    ann, bob = own.sign_in(), own.sign_in()
    key = make_key(ann, "receive")
    with listen(ann), listen(key):
        long_poll(ann)
        bob.send(ann, "words that nobody may see")
        ann.get(f"{EVENTS}?after=&x={ann.token}", expect=200)
        pid = live_pid(own)
        memory = memory_of(pid)
        with open(f"/proc/{pid}/environ", "rb") as environment:
            assert environment.read() == b""
    assert len(memory) > 1 << 20 and b"X-Live-Account" in memory
    secrets = [ann.token, key.secret, "hush-hush-hush", "words that nobody", ann.address, ann.email]
    assert [secret for secret in secrets if secret.encode() in memory] == []
    own.stop()
    logs = own.stderr + "".join(own.file_text(os.path.relpath(name, own.folder))
                                for name in glob.glob(os.path.join(own.folder, "run", "*.log")))
    assert EVENTS in logs and [token for token in (ann.token, key.secret) if token in logs] == []


def test_caller_cannot_say_who_they_are(ann, bob):
    account = 1
    with listen(ann, **{"X-Live-Account": f"{account} {int(time.time() * 1000)} -1 " + "0" * 64}) as stream:
        bob.send(ann)
        assert stream.event() == WAKE
    Listener(bob.with_token(None), **{"X-Live-Account": "1"}).close()
    bob.with_token(None).call("GET", EVENTS, headers={"X-Live-Account": "1"}, expect=401)


def ask_socket(relay, request):
    """What relay-live responds to somebody who can reach its socket."""
    here = os.open(os.path.join(relay.folder, "run"), os.O_PATH)  # the path may be too long for a socket
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(f"/proc/self/fd/{here}/live.sock")
            link.sendall(request)
            return link.recv(4096)
    except ConnectionResetError:
        return b""
    finally:
        os.close(here)


@pytest.mark.parametrize("head", [b"", b"X-Live-Account: 1", b"X-Live-Account: 1 NOW -1 " + b"0" * 64, b"x-live-account:"])
def test_socket_serves_nobody_without_a_pass(relay, head):
    head = head.replace(b"NOW", b"%d" % (time.time() * 1000))
    assert ask_socket(relay, b"GET / HTTP/1.1\r\n" + head + b"\r\n\r\n").startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("junk", [b"x" * 5000, b"GET / HTTP/1.1\r\nA: \0\r\n", b"\0" * 10], ids=["long", "nul", "nuls"])
def test_socket_ends_what_is_no_request(relay, junk):
    assert ask_socket(relay, junk) == b""


def test_socket_is_the_pools_and_the_web_servers(relay):
    mode = os.stat(os.path.join(relay.folder, "run", "live.sock")).st_mode & 0o777
    assert mode == 0o660


def test_over_tls_a_wake_is_not_held_back(make_relay, tmp_path):
    certificate, key = make_certificate(str(tmp_path))
    relay = make_relay({"RELAY_TLS_CERTIFICATE": certificate, "RELAY_TLS_KEY": key})
    client = https_client(relay, certificate)
    relay.client = lambda token=None, **options: client.with_token(token)
    ann, bob = relay.sign_in(), relay.sign_in()
    with listen(ann) as stream:
        bob.send(ann)
        assert stream.event(5) == WAKE
