"""What sequences found, each by itself."""

import pytest

from client import wait_until
from groups import MESSAGES, Group
from harness import needs_housekeeping, run

ME, BLOCKS = "/api/v1/pchat/auth/me", "/api/v1/webchat/blocks"
LEFT = "SELECT count(*) FROM stream WHERE message_id NOT IN (SELECT id FROM message)"
ON_CLAIM = pytest.mark.parametrize("mode", ["scrub_content_on_claim", "scrub_all_on_claim"])


def number(relay, query):
    with relay.opened_database() as link:
        return link.execute(query).fetchone()[0]


def sweep(relay):
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0


@ON_CLAIM
@pytest.mark.parametrize("blocked", [True, False], ids=["blocked", "not-blocked"])
def test_another_device_of_the_sender_does_not_see_that_they_are_blocked(make_relay, mode, blocked):
    relay = make_relay({"MESSAGE_RETENTION_MODE": mode})
    ann, bob = relay.sign_in(device_name="phone"), relay.sign_in()
    tablet = relay.sign_in(ann.email, device_name="tablet")
    if blocked:
        bob.post(BLOCKS, {"chat_address": ann.address}, expect=200)
    message = ann.send(bob, "Hello")["message_id"]
    found = tablet.post("/api/v1/webchat/poll", {"chat_address": ann.address, "cursor": "", "own": True}, expect=200)["messages"]
    assert [(item["message_id"], item["text"]) for item in found] == [(message, "Hello")]
    shown = ann.get(f"{MESSAGES}/{message}", expect=200)["message"]
    assert (shown["text"], "scrubbed_at" in shown, shown["status"]) == ("Hello", False, "queued")


def test_new_session_is_told_of_what_one_that_is_over_had_changed(make_relay):
    """The newest session had ended, and its number was given out again: what it wrote was taken for the new one's own."""
    relay = make_relay()
    phone, bob = relay.sign_in(device_name="phone"), relay.sign_in()
    message = phone.send(bob, "Hello")["message_id"]
    tablet = relay.sign_in(phone.email, device_name="tablet")
    tablet.patch(f"{MESSAGES}/{message}", {"text": "Hello again"}, expect=200)
    tablet.post("/api/v1/pchat/auth/logout", expect=200)
    watch = relay.sign_in(phone.email, device_name="watch")
    found = watch.post("/api/v1/webchat/poll", {"chat_address": watch.address, "cursor": "", "own": True}, expect=200)["messages"]
    assert [item["text"] for item in found] == ["Hello again"]


def test_erasing_a_recipient_leaves_no_position_with_the_sender(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(device_name="phone"), relay.sign_in()
    relay.sign_in(ann.email, device_name="tablet")
    ann.send(bob, "Hello")
    bob.delete(ME, expect=200)
    assert number(relay, LEFT) == 0


def test_erasing_somebody_leaves_no_position_of_what_the_relay_said_of_them(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(), relay.sign_in()
    Group(ann).invite(bob)
    ann.delete(ME, expect=200)
    assert number(relay, LEFT) == 0


def test_who_has_a_message_reads_it_though_it_has_expired_for_its_sender(make_relay):
    """Who was blocked learns of nothing that came of it since."""
    relay = make_relay({"PCHAT_QUEUE_STALE_TTL_SEC": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "Hello")["message_id"]
    bob.post(BLOCKS, {"chat_address": ann.address}, expect=200)
    assert [item["text"] for item in bob.poll()["messages"]] == ["Hello"]
    bob.poll()
    wait_until("it has expired for her", lambda: ann.status(message) == "expired")
    found = bob.get(f"{MESSAGES}/{message}", expect=200)["message"]
    assert (found["text"], found["status"]) == ("Hello", "delivered")


def test_who_has_a_message_of_a_group_reads_it_though_another_never_fetched_it(make_relay):
    relay = make_relay({"PCHAT_QUEUE_STALE_TTL_SEC": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob, eve = relay.sign_in(), relay.sign_in(), relay.sign_in()
    group = Group(ann)
    group.add(bob, "member")
    group.add(eve, "member")
    message = ann.send(group.id, "Hello")["message_id"]
    bob.texts()
    wait_until("it has expired for its sender", lambda: ann.status(message) == "expired")
    assert bob.get(f"{MESSAGES}/{message}", expect=200)["message"]["text"] == "Hello"
    assert ann.get(f"{MESSAGES}/{message}", expect=200)["message"]["text"] == ""


@needs_housekeeping
def test_withdrawn_before_it_was_fetched_leaves_no_position_when_everything_is_scrubbed(make_relay):
    """It stood in the streams of recipients who have no delivery of it any more, and in the sender's."""
    relay = make_relay({"MESSAGE_RETENTION_MODE": "scrub_all_on_final", "PCHAT_QUEUE_STALE_TTL_SEC": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(device_name="phone"), relay.sign_in()
    relay.sign_in(ann.email, device_name="tablet")
    message = ann.send(bob, "Hello")["message_id"]
    ann.delete(f"{MESSAGES}/{message}", expect=200)
    assert number(relay, "SELECT count(*) FROM stream") > 1

    def gone():
        sweep(relay)
        return number(relay, "SELECT count(*) FROM stream") == 0
    wait_until("the positions are gone", gone)
