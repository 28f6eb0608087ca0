"""External addresses that a user does not want to hear from."""
from urllib.parse import quote

import pytest

from keys import make_key
from phone import Phone

BLOCKS = "/api/v1/webchat/blocks"


def block(user, address, channel="sms", expect=200):
    return user.post(BLOCKS, {"channel": channel, "address": address}, expect=expect)


def unblock(user, address, channel="sms", expect=200):
    return user.delete(f"{BLOCKS}/{channel}/{quote(address, safe='')}", expect=expect)


def blocked(user):
    return [(entry["channel"], entry["address"]) for entry in user.get(BLOCKS, expect=200)["outside"]]


@pytest.fixture(name="phone")
def phone_of_ann(ann):
    return Phone(make_key(ann, "phone"))


def test_blocked_address_is_listed_until_it_is_taken_back(ann, bob):
    assert blocked(ann) == []
    assert block(ann, "+49301234")["status"] == "blocked"
    block(ann, "spam@example.org", "email")
    assert blocked(ann) == [("email", "spam@example.org"), ("sms", "+49301234")] and blocked(bob) == []
    assert unblock(ann, "+49301234")["status"] == "unblocked"
    assert blocked(ann) == [("email", "spam@example.org")]


def test_blocking_and_unblocking_twice_is_no_error(ann):
    block(ann, "1")
    before = ann.get(BLOCKS, expect=200).json
    block(ann, "1")
    assert ann.get(BLOCKS, expect=200).json == before
    unblock(ann, "1")
    unblock(ann, "1")
    assert blocked(ann) == []


def test_people_and_addresses_are_lists_of_their_own(ann, bob):
    ann.post(BLOCKS, {"chat_address": bob.address}, expect=200)
    block(ann, "+49301234")
    response = ann.get(BLOCKS, expect=200)
    assert [entry["chat_address"] for entry in response["blocks"]] == [bob.address] and len(response["outside"]) == 1
    assert "outside" not in ann.get(f"{BLOCKS}?after={bob.address}", expect=200).json


def test_what_comes_in_from_a_blocked_address_is_accepted_like_any_other_and_dropped(ann, phone):
    block(ann, "+49301234")
    dropped, taken = phone.inbound("dropped"), phone.inbound("taken", **{"from": "+49305678"})
    assert set(dropped.json) == set(taken.json) and dropped["status"] == taken["status"] and dropped.status == 202
    phone.inbound("dropped", idempotency_key="k")
    assert phone.inbound("dropped", idempotency_key="k")["idempotency_key"] == "k"
    assert ann.texts() == ["taken"]
    ann.get(f"/api/v1/messages/{dropped['message_id']}", expect=404)
    unblock(ann, "+49301234")
    phone.inbound("heard")
    assert ann.texts() == ["taken", "heard"]


@pytest.mark.parametrize("kept, written", [("+49301234", "+49 (30) 12-34"), ("+49 30/1234", "0049301234"), ("0049 30 1234", "+49.30.1234"),
                                           ("DHL", "dhl"), ("4930@c.us", "4930@C.US"), ("12345", "12345")])
def test_address_is_the_same_however_it_is_written(ann, phone, kept, written):
    block(ann, kept)
    phone.inbound("dropped", **{"from": written})
    assert ann.texts() == []
    unblock(ann, written)
    assert blocked(ann) == []


@pytest.mark.parametrize("blocked_one, other", [(("sms", "+49301234"), ("wa", "+49301234")), (("sms", "+49301234"), ("sms", "+493012345")),
                                                (("sms", "DHL"), ("sms", "DHL 1")), (("sms", "123"), ("sms", ""))])
def test_other_channels_and_addresses_get_through(ann, phone, blocked_one, other):
    block(ann, blocked_one[1], blocked_one[0])
    phone.inbound("heard", channel=other[0], **{"from": other[1]})
    assert ann.texts() == ["heard"]


def test_block_of_one_user_is_nothing_to_another(ann, bob):
    block(bob, "+49301234")
    Phone(make_key(ann, "phone")).inbound("heard")
    assert ann.texts() == ["heard"]


def test_sending_to_a_blocked_address_goes_on(ann, phone):
    block(ann, "+49301234")
    ann.post("/api/v1/messages", {"channel": "sms", "to": "+49301234", "text": "x"}, expect=202)
    assert [message["text"] for message in phone.claim()] == ["x"]


@pytest.mark.parametrize("body, field, code", [
    ({}, "chat_address", "missing_field"), ({"channel": "sms"}, "address", "missing_field"), ({"address": "1"}, "channel", "missing_field"),
    ({"channel": "pchat", "address": "bob"}, "channel", "invalid_field"), ({"channel": "fax", "address": "1"}, "channel", "invalid_field"),
    ({"channel": "sms", "address": ""}, "address", "invalid_field"), ({"channel": "sms", "address": "a\nb"}, "address", "invalid_field"),
    ({"channel": "sms", "address": "1" * 255}, "address", "invalid_field"), ({"channel": "sms", "address": 1}, "address", "invalid_field"),
    ({"chat_address": "bob", "channel": "sms", "address": "1"}, "chat_address", "invalid_field")])
def test_what_names_nobody_is_400_by_its_field(ann, body, field, code):
    ann.post(BLOCKS, body, expect=400).is_error(400, code, field=field)
    assert blocked(ann) == []


def test_unblocking_on_no_channel_is_404(ann):
    unblock(ann, "1", "fax", 404).is_error(404, "not_found")


def test_a_thousand_are_kept_and_one_more_is_refused(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    with relay.locked_database() as link:
        link.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
                     " INSERT INTO block_outside SELECT (SELECT id FROM account WHERE chat_address = ?), 'sms', '+' || i,"
                     " 1767225600000 FROM n", (ann.address,))
    assert len(blocked(ann)) == 1000
    block(ann, "+1001", expect=409).is_error(409, "too_many_blocks")
    block(ann, "+1000")
    unblock(ann, "+7")
    block(ann, "+1001")
    assert len(blocked(ann)) == 1000


def test_change_reaches_the_other_devices(relay, ann):
    other = relay.sign_in(ann.email)
    ask = lambda cursor: other.post("/api/v1/webchat/poll", {"chat_address": ann.address, "own": True, "cursor": cursor}, expect=200)  # noqa: E731
    start = ask("")
    block(ann, "1")
    response = ask(start["cursor"])
    assert response["records"] == ["blocks"]
    unblock(ann, "1")
    assert ask(response["cursor"])["records"] == ["blocks"]


def test_blocks_go_with_the_account(relay, ann):
    block(ann, "+49301234")
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    assert blocked(relay.sign_in(ann.email)) == []
