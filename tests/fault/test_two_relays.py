"""Two relays on one PostgreSQL and one folder of uploads, as two machines behind a load balancer are."""
import pytest

import harness
import pg_server
from client import wait_until
from harness import kill_pids
from live import WAKE, Listener
from machines import two_relays
from senders import finish, items_for, start_senders
from smtp_sink import SmtpSink

UPLOAD, FILES = "/api/v1/webchat/upload", "/api/v1/webchat/files"
PG_BUILD = pg_server.build()


@pytest.fixture(name="two", scope="module")
def two_on_one_database(server):
    with pytest.MonkeyPatch.context() as patch, SmtpSink() as sink:
        patch.setattr(harness, "BUILD", PG_BUILD)
        settings = sink.settings(DATABASE_URL=server.url(server.new_database()), PCHAT_DEV_EXPOSE_CODES="true")
        with two_relays(settings) as (one, other):
            one.sink = sink
            yield one, other


def test_what_is_sent_on_one_is_polled_on_the_other(two):
    one, other = two
    ann, bob = one.sign_in(), other.sign_in()
    message = ann.send(bob, "across")["message_id"]
    assert bob.texts() == ["across"]
    bob.poll_all()
    assert ann.status(message) == "delivered"


def test_session_is_known_to_both_and_ends_on_both(two):
    one, other = two
    ann = one.sign_in()
    there = other.client(ann.token)
    there.get("/api/v1/pchat/auth/me", expect=200)
    ann.post("/api/v1/pchat/auth/logout", {}, expect=200)
    there.get("/api/v1/pchat/auth/me", expect=401)


def test_send_on_one_wakes_who_listens_on_the_other(two):
    one, other = two
    ann, bob = one.sign_in(), other.sign_in()
    with Listener(bob) as stream:
        stream.event()  # that it begins
        ann.send(bob, "wake up")
        assert stream.event() == WAKE


def test_upload_on_one_is_fetched_on_the_other(two):
    one, other = two
    ann, bob = one.sign_in(), other.sign_in()
    file_id = ann.put(f"{UPLOAD}?name=a.txt", data=b"bytes", headers={"Content-Type": "text/plain"}, expect=200)["file_id"]
    ann.send(bob, "look", attachments=[file_id])
    assert bob.texts() == ["look"]
    assert bob.get(f"{FILES}/{file_id}", expect=200, check=False).body == b"bytes"


def test_one_of_them_sends_the_mail(two):
    """Codes of both leave once each."""
    one, other = two
    addresses = [harness.unique() + "@example.com" for _ in range(6)]
    for number, address in enumerate(addresses):
        (one, other)[number % 2].code(address)
    wait_until("all mails came", lambda: all(one.sink.mails_to(address) for address in addresses))
    assert [len(one.sink.mails_to(address)) for address in addresses] == [1] * 6


def test_nothing_is_lost_or_doubled_while_workers_are_killed(two):
    one, other = two
    bob = other.sign_in()
    senders = start_senders([one.sign_in(), one.sign_in(), other.sign_in()], bob, 60)
    for relay in (one, other, one, other):
        kill_pids(relay.workers()[:1])
        wait_until("it is replaced", lambda relay=relay: len(relay.workers()) == 2)
    sent = finish(senders)
    got = [item["message_id"] for item in items_for(bob)]
    assert sorted(got) == sorted(sent.values()) and len(set(got)) == 180


def test_nothing_is_lost_or_doubled_while_the_server_is_killed(two, server):
    one, other = two
    bob = other.sign_in()
    senders = start_senders([one.sign_in(), other.sign_in()], bob, 60)
    for _ in range(2):
        count = len(senders[0].acknowledged)
        wait_until("some are sent", lambda count=count: len(senders[0].acknowledged) > count + 3)
        server.stop("kill")
        server.start()
    sent = finish(senders)
    got = [item["message_id"] for item in items_for(bob)]
    assert sorted(got) == sorted(sent.values()) and len(set(got)) == 120
