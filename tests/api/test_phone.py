"""Phones: queues, leases, acknowledgements, retries, expiry, and messages brought in."""
import json
import subprocess
import sys
import time

import pytest

from client import wait_until
from groups import at_once, rows
from keys import make_key
from phone import ACK, CLAIM, INBOUND, WRONG_LEASE, Phone

MESSAGES, PHONES = "/api/v1/messages", "/api/v1/webchat/phones"
CHANNELS = {
    "sms": {"to": "+4912345"}, "wa": {"to": "+4912345"}, "tg": {"to": "@bob"}, "notify": {"title": "T"},
    "email": {"to": "a@example.com", "subject": "S"}, "tg_bot": {"to": "1", "bot_token": "123:abc"},
}


@pytest.fixture(scope="module", name="relay")
def relay_that_sends_nothing_itself(built):
    from harness import Relay
    with Relay({"RELAY_TELEGRAM_API": ""}) as relay:
        yield relay


@pytest.fixture(name="phone")
def anns_phone(ann):
    return Phone(make_key(ann, "phone"), "pixel")


def send(user, channel="sms", text="Hello", *, expect=202, **fields):
    """Send to an external address; returns the id."""
    response = user.post(MESSAGES, {"channel": channel, "text": text, **CHANNELS[channel], **fields}, expect=expect)
    return response["message_id"] if response.status < 300 else response


def ids(messages):
    return [message["message_id"] for message in messages]


def change(relay, message_id, **columns):
    """Change the queue's row of a message, as time would."""
    words = ", ".join(f"{name} = {value}" for name, value in columns.items())
    with relay.locked_database() as link:
        done = link.execute(f"UPDATE bridge SET {words} WHERE message_id = (SELECT id FROM message WHERE public_id = ?)",
                            (bytes.fromhex(message_id[4:]),))
        assert done.rowcount == 1


def end_lease(relay, message_id):
    """The lease of the message ended a moment ago."""
    change(relay, message_id, next_try_at=1)


def receipt(user, message_id):
    return user.receipts(message_id)[message_id]


# -- sending ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("channel", CHANNELS)
def test_message_reaches_the_phone_as_it_was_sent(ann, phone, channel):
    message_id = send(ann, channel, "Grüße\n😀", source="cli", phone_id="pixel")
    [message] = phone.claim()
    fixed = {name: message.pop(name) for name in ("lease_id", "lease_until", "created_at")}
    assert 55_000 < fixed["lease_until"] - time.time() * 1000 < 65_000
    assert message == {"message_id": message_id, "channel": channel, "text": "Grüße\n😀", "source": "cli", "to": "",
                       "phone_id": "pixel", "tries": 0, **CHANNELS[channel]}


def test_external_message_is_queued_for_its_sender_only(ann, bob):
    response = ann.post(MESSAGES, {"channel": "sms", "text": "x", "to": "1"}, expect=202)
    assert response["status"] == "queued" and response["idempotency_key"]
    message = ann.get(f"{MESSAGES}/{response['message_id']}", expect=200)["message"]
    assert (message["channel"], message["to"], message["from"], message["status"]) == ("sms", "1", ann.address, "queued")
    bob.get(f"{MESSAGES}/{response['message_id']}", expect=404)
    assert ann.poll_all()[0] == []


def test_external_recipient_may_have_the_name_of_an_account(ann, bob):
    send(ann, "tg", to=bob.address)
    assert bob.poll_all()[0] == []


@pytest.mark.parametrize("channel, field", [(channel, field) for channel, needed in CHANNELS.items() for field in needed])
def test_what_a_channel_needs_is_asked_for(ann, channel, field):
    body = {"channel": channel, "text": "x", **CHANNELS[channel]}
    del body[field]
    ann.post(MESSAGES, body, expect=400).is_error(400, "missing_field", field=field)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("text, error", [(None, "missing_field"), ("", "invalid_field")])
def test_every_channel_needs_a_text(ann, channel, text, error):
    body = {"channel": channel, **CHANNELS[channel], **({} if text is None else {"text": text})}
    ann.post(MESSAGES, body, expect=400).is_error(400, error, field="text")


@pytest.mark.parametrize("channel, field, value", [
    ("sms", "to", "+49\r\n1"), ("sms", "to", "a\x00b"[:1] + "\x7f"), ("sms", "to", "x" * 255), ("email", "to", "nobody"),
    ("email", "to", "a@example.com\r\nBcc: b@example.com"), ("email", "to", "a@example.com,b@example.com"),
    ("email", "subject", "S\r\nBcc: b@example.com"), ("email", "subject", "x" * 999), ("notify", "title", "a\nb"),
    ("tg_bot", "bot_token", "1:a/../b"), ("tg_bot", "bot_token", "1:a?b"), ("tg_bot", "bot_token", "1:a b"),
    ("tg_bot", "bot_token", "é"), ("tg_bot", "bot_token", "x" * 257), ("sms", "phone_id", "a\nb"), ("sms", "phone_id", "x" * 129),
    ("sms", "kind", "voice"), ("wa", "kind", "call"), ("sms", "attachments", ["file_" + "0" * 32]),
], ids=ascii)
def test_what_a_channel_cannot_carry_is_refused(ann, channel, field, value):
    body = {"channel": channel, "text": "x", **CHANNELS[channel], field: value}
    ann.post(MESSAGES, body, expect=400).is_error(400, "invalid_field", field=field)


def test_notify_takes_a_subject_for_a_title(ann, phone):
    send(ann, "notify", title="", subject="S")
    assert phone.claim()[0]["subject"] == "S"


@pytest.mark.parametrize("channel", CHANNELS)
def test_repeat_of_the_key_is_sent_once(ann, phone, channel):
    body = {"channel": channel, "text": "x", **CHANNELS[channel], "idempotency_key": "k"}
    first, again = ann.post(MESSAGES, body, expect=202), ann.post(MESSAGES, body, expect=200)
    assert again["duplicate"] and again["message_id"] == first["message_id"]
    ann.post(MESSAGES, {**body, "text": "y"}, expect=422).is_error(422, "idempotency_key_reused")
    assert ids(phone.claim()) == [first["message_id"]]


def test_withdrawn_message_is_not_handed_out(ann, phone):
    message_id = send(ann)
    ann.delete(f"{MESSAGES}/{message_id}", expect=200)
    assert phone.claim() == []
    assert phone.ack({"message_id": message_id}, lease=False)["reason"] == "unknown_message"


def test_message_withdrawn_while_the_phone_has_it_is_not_handed_out_again(relay, ann, phone):
    message_id = send(ann)
    [message] = phone.claim()
    ann.delete(f"{MESSAGES}/{message_id}", expect=200)
    end_lease(relay, message_id)
    assert phone.claim() == []
    assert phone.ack(message)["accepted"] and ann.status(message_id) == "sent"
    assert ann.poll_all()[0] == []


def test_edit_counts_until_a_phone_has_the_message(ann, phone):
    message_id = send(ann, text="old")
    ann.patch(f"{MESSAGES}/{message_id}", {"text": "new"}, expect=200)
    assert phone.claim()[0]["text"] == "new"
    ann.patch(f"{MESSAGES}/{message_id}", {"text": "late"}, expect=403).is_error(403, "edit_window_closed")


def test_erased_sender_leaves_nothing(relay, ann, phone):
    message_id = send(ann, "tg_bot", bot_token="77:secretsecret")
    phone.claim()
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    for table in ("bridge", "delivery"):
        assert rows(relay, f"SELECT * FROM {table} WHERE message_id = (SELECT id FROM message WHERE public_id = ?)",
                    bytes.fromhex(message_id[4:])) == []
    assert rows(relay, "SELECT * FROM bridge WHERE bot_token = '77:secretsecret'") == []
    assert rows(relay, "SELECT * FROM phone WHERE account_id NOT IN (SELECT id FROM account)") == []


# -- claiming --------------------------------------------------------------------------------------

def test_phone_gets_its_queue_and_the_one_for_any_phone(ann, phone):
    own, other, shared = send(ann, phone_id="pixel"), send(ann, phone_id="nokia"), send(ann)
    assert ids(phone.claim()) == [own, shared]
    assert ids(Phone(phone.caller, "nokia").claim()) == [other]


def test_phone_without_a_name_gets_the_queue_for_any_phone_only(ann, phone):
    send(ann, phone_id="pixel")
    shared = send(ann)
    assert ids(Phone(phone.caller, "").claim()) == [shared]


def test_phone_gets_nothing_of_others(ann, bob):
    send(ann, phone_id="pixel")
    send(ann)
    assert Phone(make_key(bob, "phone"), "pixel").claim() == []


def test_key_of_one_phone_speaks_for_no_other(ann):
    key = make_key(ann, "phone", phone_id="pixel")
    message_id = send(ann, phone_id="pixel")
    for path, body in ((CLAIM, {"phone_id": "nokia"}), (CLAIM, {"phone_id": ""}),
                       (ACK, {"phone_id": "nokia", "results": [{"message_id": message_id, "status": "sent"}]}),
                       (INBOUND, {"phone_id": "x", "channel": "sms", "from": "1", "text": "x", "received_at": 1})):
        key.post(path, body, expect=403).is_error(403, "not_your_phone", field="phone_id")
    assert ids(Phone(key, "pixel").claim()) == [message_id]


def test_claimed_is_leased_and_not_handed_out_again(ann, phone):
    message_id = send(ann)
    assert ids(phone.claim()) == [message_id] and ann.status(message_id) == "claimed"
    assert phone.claim() == [] and Phone(phone.caller, "nokia").claim() == []


def test_lease_that_ended_returns_to_the_queue(relay, ann, phone):
    message_id = send(ann)
    first = phone.claim()[0]
    end_lease(relay, message_id)
    assert ann.status(message_id) == "claimed"
    [again] = Phone(phone.caller, "nokia").claim()
    assert again["message_id"] == message_id and again["lease_id"] != first["lease_id"]


def test_messages_are_handed_out_once_however_many_phones_ask_at_once(ann, phone):
    sent = [send(ann, text=str(number)) for number in range(40)]
    phones = [Phone(phone.caller, f"p{number}") for number in range(4)]
    found = at_once(*[lambda phone=phone: phone.claim(limit=15) for phone in phones])
    assert sorted(message for messages in found for message in ids(messages)) == sorted(sent)


def test_messages_come_in_the_order_of_sending_and_no_more_than_asked_for(ann, phone):
    sent = [send(ann, text=str(number)) for number in range(25)]
    assert ids(phone.claim(limit=1)) == sent[:1]
    assert ids(phone.caller.post(CLAIM, {"phone_id": "pixel"}, expect=200)["messages"]) == sent[1:21]
    assert ids(phone.claim(limit=100)) == sent[21:]


def test_channels_take_turns(ann, phone):
    texts = [send(ann, "sms") for _ in range(30)]
    others = [send(ann, "wa"), send(ann, "wa"), send(ann, "notify")]
    first = ids(phone.claim(limit=5))
    assert set(others) <= set(first[:5]) and first[0] == texts[0]


def test_long_queue_of_one_channel_does_not_keep_another_from_small_claims(relay, ann, phone):
    stuck = [send(ann, "wa") for _ in range(5)]
    text = send(ann, "sms")
    taken = []
    for _ in range(6):
        taken += ids(phone.claim(limit=1))
        for message_id in taken:
            change(relay, message_id, next_try_at=int(time.time() * 1000))  # All leases end at once.
    assert text in taken and set(stuck) <= set(taken)


def test_phone_that_is_stuck_does_not_hold_up_another(ann, phone):
    for _ in range(30):
        send(ann, phone_id="dead")
    message_id = send(ann, phone_id="pixel")
    assert ids(phone.claim(limit=1)) == [message_id]


def test_only_the_channels_asked_for_are_handed_out(ann, phone):
    sent = {channel: send(ann, channel) for channel in CHANNELS}
    assert ids(phone.claim(channels=["wa", "notify"])) == [sent["wa"], sent["notify"]]
    assert ids(phone.claim(channels=["wa"])) == []
    assert sorted(ids(phone.claim())) == sorted(sent[channel] for channel in CHANNELS if channel not in ("wa", "notify"))


def test_response_ends_when_it_is_large(ann, phone):
    sent = [send(ann, text="\x01" * 65536) for _ in range(10)]
    first = ids(phone.claim())
    assert 0 < len(first) < 10
    assert sorted(first + ids(phone.claim())) == sorted(sent)


def test_idle_phone_writes_nothing(relay, ann, phone):
    phone.claim()
    before = rows(relay, "SELECT last_seen_at FROM phone WHERE phone_id = 'pixel' ORDER BY last_seen_at DESC LIMIT 1")
    with relay.locked_database():
        assert phone.claim() == []
    assert rows(relay, "SELECT last_seen_at FROM phone WHERE phone_id = 'pixel' ORDER BY last_seen_at DESC LIMIT 1") == before


# -- acknowledging ---------------------------------------------------------------------------------

@pytest.mark.parametrize("lease", [True, False], ids=["with-lease", "without-lease"])
def test_sent_then_delivered(ann, phone, lease):
    message_id = send(ann)
    [message] = phone.claim()
    assert phone.ack(message, lease=lease) == {"message_id": message_id, "status": "sent", "accepted": True}
    assert receipt(ann, message_id) == {"message_id": message_id, "status": "sent"}
    assert phone.ack(message, "delivered", lease=lease)["status"] == "delivered"
    found = receipt(ann, message_id)
    assert found["status"] == "delivered" and found["delivered_at"] > 1_500_000_000_000


def test_ack_that_comes_twice_changes_nothing(ann, phone):
    message_id = send(ann)
    [message] = phone.claim()
    phone.ack(message, "delivered")
    before = receipt(ann, message_id)
    for status in ("delivered", "sent"):
        assert phone.ack(message, status) == {"message_id": message_id, "status": "delivered", "accepted": True}
    assert receipt(ann, message_id) == before


def test_failed_after_sent_is_not_taken(ann, phone):
    message_id = send(ann)
    [message] = phone.claim()
    phone.ack(message)
    assert phone.ack(message, "failed", error="no") == {"message_id": message_id, "status": "sent", "accepted": False, "reason": "final"}
    assert receipt(ann, message_id) == {"message_id": message_id, "status": "sent"}


@pytest.mark.parametrize("lease", [True, False], ids=["with-lease", "without-lease"])
def test_late_ack_of_a_lease_that_was_given_to_another_changes_nothing(relay, ann, phone, lease):
    message_id, nokia = send(ann), Phone(phone.caller, "nokia")
    [late] = phone.claim()
    end_lease(relay, message_id)
    [current] = nokia.claim()
    for status in ("sent", "delivered", "failed"):
        assert phone.ack(late, status, lease=lease) == {
            "message_id": message_id, "status": "claimed", "accepted": False, "reason": "lease_expired"}
    assert ann.status(message_id) == "claimed"
    assert nokia.ack(current)["accepted"] and ann.status(message_id) == "sent"
    assert phone.ack(late, "failed", lease=lease)["reason"] == "lease_expired"


def test_late_ack_of_an_older_lease_of_the_same_phone_changes_nothing(relay, ann, phone):
    message_id = send(ann)
    [late] = phone.claim()
    end_lease(relay, message_id)
    phone.claim()
    assert phone.ack(late)["reason"] == "lease_expired" and ann.status(message_id) == "claimed"


def test_late_ack_counts_while_nobody_was_handed_the_message(relay, ann, phone):
    message_id = send(ann)
    [message] = phone.claim()
    end_lease(relay, message_id)
    assert phone.ack(message)["accepted"] and ann.status(message_id) == "sent"
    assert Phone(phone.caller, "nokia").claim() == []


@pytest.mark.parametrize("lease_id", [WRONG_LEASE, "", "lea_", "x" * 64, "lea_" + "f" * 32])
def test_wrong_lease_changes_nothing(ann, phone, lease_id):
    message_id = send(ann)
    [message] = phone.claim()
    assert phone.ack(message, lease_id=lease_id)["reason"] == "lease_expired"
    assert ann.status(message_id) == "claimed"


def test_message_that_was_not_handed_out_cannot_be_acknowledged(ann, phone):
    message_id = send(ann)
    result = phone.ack({"message_id": message_id}, lease=False)
    assert (result["accepted"], result["reason"], result["status"]) == (False, "not_leased", "queued")
    assert ids(phone.claim()) == [message_id]


def test_messages_of_others_and_of_the_chat_are_unknown_to_a_phone(ann, bob, phone):
    theirs = send(bob)
    Phone(make_key(bob, "phone"), "pixel").claim()
    chat = ann.send(bob)["message_id"]
    results = phone.ack_all([{"message_id": name, "status": "failed"} for name in (theirs, chat, "x", "msg_" + "0" * 32)])
    assert [result["reason"] for result in results] == ["unknown_message"] * 4
    assert bob.status(theirs) == "claimed" and ann.status(chat) == "queued"


def test_results_are_returned_one_by_one(ann, phone):
    sent = [send(ann), send(ann), send(ann)]
    phone.claim()
    results = phone.ack_all([{"message_id": sent[0], "status": "sent"}, {"message_id": "x", "status": "sent"},
                             {"message_id": sent[1], "status": "delivered"}, {"message_id": sent[0], "status": "delivered"}])
    assert [result["accepted"] for result in results] == [True, False, True, True]
    assert [ann.status(message_id) for message_id in sent] == ["delivered", "delivered", "claimed"]


# -- failing ---------------------------------------------------------------------------------------

def test_failed_is_tried_again_five_times_and_then_for_good(relay, ann, phone):
    message_id, pauses = send(ann), []
    for tries in range(6):
        [message] = phone.claim()
        assert message["tries"] == tries
        now = time.time() * 1000
        result = phone.ack(message, "failed", error=f"try {tries}")
        assert result["accepted"] and result["status"] == ("failed" if tries == 5 else "claimed")
        assert phone.claim() == []
        [(due_at,)] = rows(relay, "SELECT next_try_at FROM bridge b JOIN message m ON m.id = b.message_id WHERE public_id = ?",
                           bytes.fromhex(message_id[4:]))
        pauses.append(round((due_at - now) / 1000 / 10) * 10)
        end_lease(relay, message_id)
    assert pauses[:5] == [30, 120, 600, 1800, 3600]
    assert phone.claim() == []
    assert receipt(ann, message_id) == {"message_id": message_id, "status": "failed", "error": "try 5"}
    assert ann.get(f"{MESSAGES}/{message_id}")["message"]["error"] == "try 5"
    assert phone.ack(message)["reason"] == "final" and phone.ack(message, "failed")["accepted"]


def test_failure_is_counted_once_per_lease(ann, phone):
    send(ann)
    [message] = phone.claim()
    assert phone.ack(message, "failed")["accepted"]
    assert phone.ack(message, "failed")["reason"] == "not_leased"


def test_failure_without_a_reason_says_so(relay, ann, phone):
    message_id = send(ann)
    change(relay, message_id, tries=5)
    phone.ack(phone.claim()[0], "failed")
    assert receipt(ann, message_id)["error"] == "No reason was given."


def test_message_that_failed_once_and_then_went_has_no_error(relay, ann, phone):
    message_id = send(ann)
    phone.ack(phone.claim()[0], "failed", error="no signal")
    assert receipt(ann, message_id) == {"message_id": message_id, "status": "claimed"}
    end_lease(relay, message_id)
    phone.ack(phone.claim()[0])
    assert receipt(ann, message_id) == {"message_id": message_id, "status": "sent"}


def test_bot_token_is_gone_once_the_message_is_over(relay, ann, phone):
    for number, status in enumerate(("sent", "delivered", "failed")):
        message_id = send(ann, "tg_bot", bot_token=f"55:token{number}")
        change(relay, message_id, tries=5)
        phone.ack(phone.claim()[0], status)
        assert rows(relay, "SELECT * FROM bridge WHERE bot_token = ?", f"55:token{number}") == []


# -- expiry ----------------------------------------------------------------------------------------

@pytest.fixture(name="hasty")
def relay_with_a_short_life_of_messages(make_relay):
    return make_relay({"QUEUE_STALE_TTL_SEC": 100, "RELAY_TELEGRAM_API": "", "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 3600})


def age(relay, message_id, seconds):
    """The message was made that long ago."""
    change(relay, message_id, created_at=int(time.time() * 1000) - seconds * 1000)


def test_message_that_waited_too_long_is_never_handed_out_and_its_receipt_says_expired(hasty):
    ann = hasty.sign_in()
    phone = Phone(make_key(ann, "phone"), "pixel")
    old, young = send(ann, "tg_bot", bot_token="66:token"), send(ann)
    age(hasty, old, 100)
    age(hasty, young, 60)
    assert ids(phone.claim()) == [young]
    assert ann.status(old) == "expired"
    assert rows(hasty, "SELECT * FROM bridge WHERE bot_token = '66:token'") == []
    assert phone.ack({"message_id": old}, lease=False)["reason"] == "not_leased"


@pytest.mark.parametrize("how", ["receipt", "message", "phones"])
def test_expiry_shows_without_anybody_claiming(hasty, how):
    ann = hasty.sign_in()
    message_id = send(ann)
    age(hasty, message_id, 101)
    if how == "receipt":
        assert receipt(ann, message_id) == {"message_id": message_id, "status": "expired"}
    elif how == "message":
        assert ann.get(f"{MESSAGES}/{message_id}")["message"]["status"] == "expired"
    else:
        assert ann.get(PHONES, expect=200)["phones"] == []


def test_message_under_a_lease_expires_only_when_the_lease_ended(hasty):
    ann = hasty.sign_in()
    phone = Phone(make_key(ann, "phone"), "pixel")
    kept, lost = send(ann), send(ann)
    messages = phone.claim()
    for message_id in (kept, lost):
        age(hasty, message_id, 200)
    assert ann.status(kept) == "claimed"
    assert phone.ack(messages[0])["status"] == "sent"
    end_lease(hasty, lost)
    assert ann.status(lost) == "expired" and ann.status(kept) == "sent"
    assert phone.ack(messages[1]) == {"message_id": lost, "status": "expired", "accepted": False, "reason": "final"}


def test_expiry_that_is_off_expires_nothing(make_relay):
    relay = make_relay({"QUEUE_STALE_TTL_SEC": 0})
    ann = relay.sign_in()
    message_id = send(ann)
    change(relay, message_id, created_at=1, next_try_at=1)
    assert ann.status(message_id) == "queued"
    assert ids(Phone(make_key(ann, "phone"), "").claim()) == [message_id]


# -- bringing messages in --------------------------------------------------------------------------

def test_picture_from_a_hidden_number_is_brought_in(ann, phone):
    phone.inbound("", **{"from": ""})
    [item] = ann.poll_all()[0]
    assert (item["from"], item["from_name"], item["text"], item["channel"]) == ("", "", "", "sms")


def test_message_brought_in_is_in_the_owners_stream(ann, phone):
    response = phone.inbound("Grüße", **{"from": "+49 30 1234"}, received_at=1767225600123)
    [item] = ann.poll_all()[0]
    assert item.pop("created_at") > 1767225600123
    assert item == {"message_id": response["message_id"], "channel": "sms", "kind": "text", "from": "+49 30 1234",
                    "from_name": "+49 30 1234", "to": ann.address, "text": "Grüße", "received_at": 1767225600123, "phone_id": "pixel"}
    assert ann.get(f"{MESSAGES}/{response['message_id']}", expect=200)["message"]["from"] == "+49 30 1234"


def test_message_brought_in_is_nobody_elses(bob, phone):
    message_id = phone.inbound()["message_id"]
    assert bob.poll_all()[0] == []
    bob.get(f"{MESSAGES}/{message_id}", expect=404)


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}], ids=["by-content", "by-key"])
def test_message_brought_in_again_is_the_same(ann, phone, key):
    first = phone.inbound("one", **key)
    again = phone.inbound("one", **key, expect=200)
    assert again["message_id"] == first["message_id"] and again["duplicate"]
    assert ann.texts() == ["one"]


@pytest.mark.parametrize("fields", [{"text": "two"}, {"from": "+1"}, {"received_at": 1767225600001}, {"channel": "wa"}], ids=str)
def test_message_that_differs_is_another(ann, phone, fields):
    phone.inbound("one")
    phone.inbound(**{"text": "one", **fields})
    assert len(ann.poll_all()[0]) == 2


def test_same_message_of_another_phone_is_another(ann, phone):
    phone.inbound("one")
    Phone(phone.caller, "nokia").inbound("one")
    assert ann.texts() == ["one", "one"]


def test_key_reused_for_another_message_is_422(phone):
    phone.inbound("one", idempotency_key="k")
    phone.inbound("two", idempotency_key="k", expect=422).is_error(422, "idempotency_key_reused")


def test_keys_of_phones_and_senders_do_not_meet(ann, bob, phone):
    ann.send(bob, "x", idempotency_key="k")
    phone.inbound("one", idempotency_key="k")
    assert ann.texts() == ["one"]


def test_message_brought_in_can_be_removed_and_goes_with_its_owner(relay, ann, phone):
    first, second = phone.inbound("1")["message_id"], phone.inbound("2", received_at=2)["message_id"]
    assert ann.delete(f"{MESSAGES}/{first}", expect=200)["status"] == "removed"
    assert [item["text"] for item in ann.poll_all()[0] if "deleted_at" not in item] == ["2"]
    ann.patch(f"{MESSAGES}/{second}", {"text": "y"}, expect=403).is_error(403, "forbidden")
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    assert rows(relay, "SELECT * FROM message WHERE public_id = ?", bytes.fromhex(second[4:])) == []


def test_message_brought_in_is_in_the_export(ann, phone):
    phone.inbound("kept")
    received = ann.get("/api/v1/pchat/auth/export?after=r0", expect=200)["messages"]
    assert [(item["text"], item["from"]) for item in received] == [("kept", "+49301234")]


def test_phones_and_keys_are_in_the_export(ann, phone):
    phone.claim()
    response = ann.get("/api/v1/pchat/auth/export", expect=200)
    assert [key["key_id"] for key in response["keys"]] == [phone.caller.id] and b"pck_" not in response.body
    assert [entry["phone_id"] for entry in response["phones"]] == ["pixel"]


# -- bad input -------------------------------------------------------------------------------------

@pytest.mark.parametrize("path, fields, field", [
    (CLAIM, {"channels": ["pchat"]}, "channels"), (CLAIM, {"channels": ["SMS"]}, "channels"), (CLAIM, {"channels": []}, "channels"),
    (CLAIM, {"channels": ["sms"] * 7}, "channels"), (CLAIM, {"channels": [1]}, "channels"), (CLAIM, {"limit": 0}, "limit"),
    (CLAIM, {"limit": 101}, "limit"), (CLAIM, {"phone_id": "a\nb"}, "phone_id"), (CLAIM, {"phone_id": "x" * 129}, "phone_id"),
    (ACK, {"results": []}, "results"), (ACK, {"results": ["x"]}, "results"),
    (ACK, {"results": [{"message_id": "x", "status": "sent"}] * 101}, "results"),
    (ACK, {"results": [{"message_id": "", "status": "sent"}]}, "message_id"),
    (ACK, {"results": [{"message_id": 5, "status": "sent"}]}, "message_id"),
    (ACK, {"results": [{"message_id": "x", "status": "read"}]}, "status"),
    (ACK, {"results": [{"message_id": "x", "status": "queued"}]}, "status"),
    (ACK, {"results": [{"message_id": "x", "status": "sent", "error": "x" * 513}]}, "error"),
    (ACK, {"results": [{"message_id": "x", "status": "sent", "lease_id": "x" * 65}]}, "lease_id"),
    (INBOUND, {"channel": "pchat"}, "channel"), (INBOUND, {"channel": "fax"}, "channel"), (INBOUND, {"from": "x" * 255}, "from"),
    (INBOUND, {"from": "a\r\nb"}, "from"), (INBOUND, {"text": "x" * 65537}, "text"),
    (INBOUND, {"received_at": 0}, "received_at"), (INBOUND, {"received_at": -1}, "received_at"),
    (INBOUND, {"idempotency_key": ""}, "idempotency_key"),
], ids=lambda value: ascii(value)[:60])
def test_bad_field_is_named(phone, path, fields, field):
    good = {CLAIM: {}, ACK: {"results": []}, INBOUND: {"channel": "sms", "from": "1", "text": "x", "received_at": 1}}[path]
    phone.caller.post(path, {"phone_id": "pixel", **good, **fields}, expect=400).is_error(400, "invalid_field", field=field)


@pytest.mark.parametrize("missing", ["message_id", "status"])
def test_result_without_what_it_needs_is_refused(phone, missing):
    result = {"message_id": "x", "status": "sent"}
    del result[missing]
    phone.caller.post(ACK, {"phone_id": "p", "results": [result]}, expect=400).is_error(400, "missing_field", field=missing)


def test_bad_result_undoes_none_of_the_others(ann, phone):
    message_id = send(ann)
    phone.claim()
    phone.caller.post(ACK, {"phone_id": "pixel", "results": [{"message_id": message_id, "status": "sent"}, {"message_id": "x"}]},
                      expect=400)
    assert ann.status(message_id) == "claimed"


# -- the list of phones ----------------------------------------------------------------------------

def test_phones_are_listed_with_what_waits(relay, ann, phone):
    for _ in range(3):
        send(ann, phone_id="pixel")
    failed, _ = phone.claim(limit=2)
    for name in ("nokia", ""):
        send(ann, phone_id=name)
    change(relay, failed["message_id"], tries=5)
    phone.ack(failed, "failed")
    now = time.time() * 1000
    found = {entry.pop("phone_id"): entry for entry in ann.get(PHONES, expect=200)["phones"]}
    for entry in found.values():
        assert abs(now - entry.pop("last_seen_at", now)) < 60_000
        assert abs(now - entry.pop("oldest_queued_at", now)) < 60_000
    assert found == {"": {"queued": 1, "leased": 0, "failed": 0}, "nokia": {"queued": 1, "leased": 0, "failed": 0},
                     "pixel": {"queued": 1, "leased": 1, "failed": 1}}


def test_phone_that_asked_is_listed_and_only_to_its_owner(ann, bob, phone):
    phone.claim()
    [entry] = make_key(ann, "receive").get(PHONES, expect=200)["phones"]
    assert entry["phone_id"] == "pixel" and entry["last_seen_at"] and "oldest_queued_at" not in entry
    assert bob.get(PHONES, expect=200)["phones"] == []


def test_only_the_newest_hundred_phones_are_remembered(relay, ann, phone):
    for number in range(103):
        Phone(phone.caller, f"p{number:03d}").claim()
    names = {entry["phone_id"] for entry in ann.get(PHONES, expect=200)["phones"]}
    assert len(names) == 100 and "p102" in names


# -- phone.py as a program -------------------------------------------------------------------------

def run_phone(relay, phone, *words):
    done = subprocess.run([sys.executable, __file__.replace("test_phone.py", "phone.py"), relay.url, phone.caller.secret, "pixel", *words],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_good_phone_sends_all(relay, ann, phone):
    sent = [send(ann), send(ann, "wa")]
    status, [results] = run_phone(relay, phone)
    assert status == 0 and sorted(ids(results)) == sorted(sent)
    assert [ann.status(message_id) for message_id in sent] == ["sent", "sent"]


@pytest.mark.parametrize("bad, status, reason", [("wrong-lease", "claimed", "lease_expired"), ("twice", "sent", None),
                                                 ("dies", "claimed", None), ("silent", "claimed", None)])
def test_bad_phone_does_no_harm(relay, ann, phone, bad, status, reason):
    message_id = send(ann)
    _, turns = run_phone(relay, phone, "--bad", bad)
    assert ann.status(message_id) == status
    assert {result.get("reason") for results in turns for result in results} <= {reason}
    if status == "claimed":
        end_lease(relay, message_id)
        assert phone.ack(phone.claim()[0])["status"] == "sent"


def test_phone_that_is_always_late_learns_so(relay, ann, phone):
    message_id = send(ann)
    phone.turn("dies")
    end_lease(relay, message_id)
    [result] = phone.turn("late")
    assert result["reason"] == "lease_expired" and ann.status(message_id) == "claimed"


def test_message_sent_while_a_phone_polls_arrives(ann, phone):
    phone.claim()
    message_id = send(ann)
    wait_until("the phone has it", lambda: message_id in ids(phone.claim()))


def test_inbound_message_names_the_phone_that_brought_it(ann):
    Phone(ann, "work").inbound("ring ring")
    [item] = [i for i in ann.poll_all("")[0] if i["text"] == "ring ring"]
    assert item["phone_id"] == "work"


def test_inbound_message_of_a_phone_without_a_name_names_none(ann):
    Phone(ann).inbound("ring ring")
    [item] = [i for i in ann.poll_all("")[0] if i["text"] == "ring ring"]
    assert "phone_id" not in item
