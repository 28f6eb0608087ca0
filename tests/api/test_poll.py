"""Polling: cursors, confirmation, sessions side by side, paging."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import wait_until

POLL = "/api/v1/webchat/poll"


def texts_of(response):
    return [item["text"] for item in response["messages"]]


def send_many(sender, recipient, count, prefix="m"):
    """Send `count` messages one after the other; returns their texts."""
    texts = [f"{prefix}{n}" for n in range(count)]
    for text in texts:
        sender.send(recipient, text)
    return texts


def test_empty_poll_has_a_cursor_and_the_interval(bob):
    response = bob.poll("")
    assert response["messages"] == [] and response["has_more"] is False
    assert response["poll_interval_ms"] == 100
    assert bob.poll(response["cursor"])["messages"] == []


def test_messages_come_oldest_first(ann, bob):
    assert send_many(ann, bob, 12) == bob.texts()


def test_messages_of_one_millisecond_keep_their_order(relay, bob):
    senders = [relay.sign_in() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda sender: send_many(sender, bob, 10, sender.address + "-"), senders))
    found = bob.texts()
    for sender in senders:
        assert [text for text in found if text.startswith(sender.address)] == [f"{sender.address}-{n}" for n in range(10)]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_limit_pages_through_everything_once(ann, bob, limit):
    sent = send_many(ann, bob, 7)
    first = bob.poll("", limit)
    assert texts_of(first) == sent[:limit]
    assert first["has_more"] is (limit < 7)
    assert texts_of(first) + [item["text"] for item in bob.poll_all(first["cursor"], limit)[0]] == sent


def test_limit_is_20_by_default(ann, bob):
    send_many(ann, bob, 21)
    response = bob.post(POLL, {"chat_address": bob.address, "cursor": ""}, expect=200)
    assert len(response["messages"]) == 20 and response["has_more"] is True


def test_page_that_just_fits_has_no_more(ann, bob):
    send_many(ann, bob, 5)
    assert bob.poll("", 5)["has_more"] is False


def test_lost_response_is_given_again_for_the_same_cursor(ann, bob):
    cursor = bob.poll("")["cursor"]
    sent = send_many(ann, bob, 3)
    for _ in range(3):
        assert texts_of(bob.poll(cursor)) == sent


def test_empty_cursor_is_the_sessions_own_start_as_long_as_it_lives(ann, bob):
    sent = send_many(ann, bob, 2)
    _, _ = bob.poll_all()
    sent += send_many(ann, bob, 2, "n")
    assert texts_of(bob.poll(""))[-2:] == sent[-2:]


def test_only_the_next_cursor_confirms(ann, bob):
    message_id = ann.send(bob)["message_id"]
    assert ann.status(message_id) == "queued"
    first = bob.poll("")
    assert ann.status(message_id) == "claimed"
    bob.poll("")
    assert ann.status(message_id) == "claimed"
    bob.poll(first["cursor"])
    assert ann.status(message_id) == "delivered"


def test_page_that_was_not_confirmed_is_not_delivered(ann, bob):
    ids = [ann.send(bob)["message_id"] for _ in range(4)]
    first = bob.poll("", 2)
    bob.poll(first["cursor"], 2)
    assert [ann.status(message_id) for message_id in ids] == ["delivered"] * 2 + ["claimed"] * 2


def test_older_client_without_cursor_sees_each_message_once(ann, bob):
    sent = send_many(ann, bob, 5)
    found = []
    for _ in range(4):
        found += texts_of(bob.poll(limit=2))
    assert found == sent


def test_older_client_confirms_with_its_next_poll(ann, bob):
    message_id = ann.send(bob)["message_id"]
    bob.poll()
    assert ann.status(message_id) == "claimed"
    bob.poll()
    assert ann.status(message_id) == "delivered"


def test_every_session_sees_every_message(relay, ann, bob):
    sessions = [bob, relay.sign_in(bob.email), relay.sign_in(bob.email)]
    sent = send_many(ann, bob, 5)
    assert [session.texts() for session in sessions] == [sent] * 3


def test_sessions_with_and_without_cursor_do_not_disturb_each_other(relay, ann, bob):
    older = relay.sign_in(bob.email)
    sent = send_many(ann, bob, 3)
    assert texts_of(older.poll()) == sent
    assert texts_of(older.poll()) == []
    assert bob.texts() == sent


def test_new_session_starts_with_what_was_never_delivered(relay, ann, bob):
    send_many(ann, bob, 2, "delivered")
    bob.poll_all()
    bob.post("/api/v1/pchat/auth/logout", expect=200)
    waiting = send_many(ann, bob, 3, "waiting")
    assert relay.sign_in(bob.email).texts() == waiting


def test_new_session_does_not_get_what_was_read_out_of_order(relay, ann, bob):
    _, read, _ = [ann.send(bob, text)["message_id"] for text in ("m0", "m1", "m2")]
    bob.read(read)
    assert relay.sign_in(bob.email).texts() == ["m0", "m2"]


def test_new_session_gets_what_another_fetched_but_never_confirmed(relay, ann, bob):
    sent = send_many(ann, bob, 2)
    bob.poll("")
    assert relay.sign_in(bob.email).texts() == sent


def test_messages_wait_for_somebody_who_is_away(relay, ann, bob):
    bob.post("/api/v1/pchat/auth/logout", expect=200)
    sent = send_many(ann, bob, 3)
    assert relay.sign_in(bob.email).texts() == sent


def test_cursor_never_loses_a_message_sent_between_polls(ann, bob):
    found, cursor = [], ""
    for n in range(10):
        ann.send(bob, f"m{n}")
        response = bob.poll(cursor, 1)
        found += texts_of(response)
        cursor = response["cursor"]
    assert found == [f"m{n}" for n in range(10)]


def test_cursor_of_another_users_session_shows_nothing_foreign(relay, ann, bob):
    carl = relay.sign_in()
    ann.send(carl, "for Carl")
    cursor = carl.poll("")["cursor"]
    assert bob.poll(cursor, expect=200)["messages"] == []


@pytest.mark.parametrize("cursor", ["x", "-1", " ", "1 ", "0x1", "9" * 400, "1.5", "😀", "' OR 1", "NaN", "1e3", "\n"])
def test_malformed_cursor_is_refused(bob, cursor):
    bob.poll(cursor, expect=400).is_error(400, "invalid_field", field="cursor")


def test_cursor_from_the_future_confirms_nothing_that_was_not_handed_out(ann, bob):
    cursor = bob.poll("")["cursor"]
    message_id = ann.send(bob, "still here")["message_id"]
    tampered = cursor[:-1] + ("9" if cursor[-1] != "9" else "8")
    bob.poll("9" * len(cursor), expect=200)
    bob.poll(tampered, expect=200)
    assert ann.status(message_id) in ("queued", "claimed")
    assert bob.texts() == ["still here"]


def test_poll_of_somebody_else_is_403(ann, bob):
    body = {"chat_address": ann.address, "limit": 5}
    bob.post(POLL, body, expect=403).is_error(403, "not_your_address")


@pytest.mark.parametrize("limit", [0, 101, -1, 10**30], ids=["0", "101", "minus-1", "huge"])
def test_limit_out_of_range_is_refused(bob, limit):
    bob.poll("", limit, expect=400).is_error(400, "invalid_field", field="limit")


def test_phone_id_of_older_clients_is_ignored(ann, bob):
    ann.send(bob, "x")
    body = {"chat_address": bob.address, "phone_id": "any", "cursor": ""}
    assert texts_of(bob.post(POLL, body, expect=200)) == ["x"]


def test_response_stops_at_about_512_kib_and_the_rest_follows(ann, bob):
    sent = [f"{n:02d}" + "x" * 65000 for n in range(12)]
    for text in sent:
        ann.send(bob, text)
    first = bob.poll("", 100)
    assert first["has_more"] is True and 1 <= len(first["messages"]) < 12
    assert len(first.body) <= 700_000
    assert texts_of(first) + [item["text"] for item in bob.poll_all(first["cursor"])[0]] == sent


def test_state_never_moves_backward(relay, ann, bob):
    other = relay.sign_in(bob.email)
    message_id = ann.send(bob)["message_id"]
    bob.poll("")
    bob.read(message_id)
    for session in (bob, other):
        session.poll_all()
        assert ann.status(message_id) == "read"


def test_polling_with_nothing_new_writes_nothing(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 86400})
    bob = relay.sign_in()
    _, cursor = bob.poll_all()

    def five_polls_leave_the_log_as_it_is():
        before = write_ahead_log(relay)
        for _ in range(5):
            bob.poll(cursor)
        return write_ahead_log(relay) == before

    wait_until("five polls in a row write nothing", five_polls_leave_the_log_as_it_is)


def write_ahead_log(relay):
    """The bytes of the write-ahead log: any commit changes them."""
    with open(relay.database + "-wal", "rb") as log:
        return log.read()
