"""Read marks, receipts and typing."""
import pytest

from client import wait_until

READ, RECEIPTS, TYPING = (f"/api/v1/webchat/{name}" for name in ("read", "receipt-status", "typing"))
UNKNOWN = "msg_AAAAAAAAAAAAAAAAAAAAAA"


# -- read marks and receipts -----------------------------------------------------------------------

def test_receipt_follows_the_message_from_queued_to_read(ann, bob):
    message_id = ann.send(bob)["message_id"]
    assert ann.receipts(message_id)[message_id] == {"message_id": message_id, "status": "queued"}
    cursor = bob.poll("")["cursor"]
    assert ann.receipts(message_id)[message_id] == {"message_id": message_id, "status": "claimed"}
    bob.poll(cursor)
    delivered = ann.receipts(message_id)[message_id]
    assert delivered["status"] == "delivered" and "read_at" not in delivered
    assert bob.read(message_id)["updated"] == 1
    read = ann.receipts(message_id)[message_id]
    assert read["status"] == "read"
    assert read["delivered_at"] == delivered["delivered_at"] <= read["read_at"]


def test_read_before_delivery_counts_as_delivered(ann, bob):
    message_id = ann.send(bob)["message_id"]
    bob.read(message_id)
    receipt = ann.receipts(message_id)[message_id]
    assert receipt["status"] == "read" and receipt["delivered_at"] <= receipt["read_at"]


def test_reading_twice_changes_nothing(ann, bob):
    message_id = ann.send(bob)["message_id"]
    bob.read(message_id)
    before = ann.receipts(message_id)
    assert bob.read(message_id)["updated"] == 0
    assert ann.receipts(message_id) == before


def test_read_ignores_unknown_ids(ann, bob):
    message_id = ann.send(bob)["message_id"]
    assert bob.read(UNKNOWN, "x", "", "msg_😀", message_id, message_id)["updated"] == 1


def test_sender_cannot_mark_his_own_sent_message_read(ann, bob):
    message_id = ann.send(bob)["message_id"]
    assert ann.read(message_id)["updated"] == 0
    assert ann.status(message_id) == "queued"


def test_others_cannot_mark_a_message_read(relay, ann, bob):
    message_id = ann.send(bob)["message_id"]
    assert relay.sign_in().read(message_id)["updated"] == 0
    assert ann.status(message_id) == "queued"


def test_read_for_somebody_else_is_403(ann, bob):
    message_id = ann.send(bob)["message_id"]
    body = {"chat_address": bob.address, "message_ids": [message_id]}
    ann.post(READ, body, expect=403).is_error(403, "not_your_address")
    assert ann.status(message_id) == "queued"


def test_two_hundred_ids_are_taken_at_once(ann, bob):
    ids = [ann.send(bob, "x")["message_id"] for _ in range(3)] + [UNKNOWN] * 197
    assert bob.read(*ids)["updated"] == 3
    assert {receipt["status"] for receipt in ann.receipts(*ids).values()} == {"read"}


def test_receipts_are_for_the_sender_only(relay, ann, bob):
    message_id = ann.send(bob)["message_id"]
    for user in (bob, relay.sign_in()):
        assert user.receipts(message_id, UNKNOWN) == {}


def test_receipt_of_a_saved_message(ann):
    message_id = ann.send(ann)["message_id"]
    ann.read(message_id)
    assert ann.status(message_id) == "read"


def test_message_shows_its_status_to_both(ann, bob):
    message_id = ann.send(bob)["message_id"]
    bob.read(message_id)
    for user in (ann, bob):
        assert user.get(f"/api/v1/messages/{message_id}", expect=200)["message"]["status"] == "read"


@pytest.mark.parametrize("path", [READ, RECEIPTS])
@pytest.mark.parametrize("ids", [[], [UNKNOWN] * 201, [1], [None], [[UNKNOWN]], [{}], ["x", 5], "msg_x", {"0": "x"}],
                         ids=["none", "201", "number", "null", "list", "object", "mixed", "string", "dict"])
def test_bad_list_of_ids_is_refused(ann, path, ids):
    body = {"chat_address": ann.address, "message_ids": ids}
    ann.post(path, body, expect=400).is_error(400, "invalid_field", field="message_ids")


# -- typing ----------------------------------------------------------------------------------------

def set_typing(user, peer, typing=True, expect=200):
    to = peer if isinstance(peer, str) else peer.address
    return user.post(TYPING, {"to": to, "typing": typing}, expect=expect)


def typing_seen(user):
    """Who is typing to the user, as a poll tells."""
    return [entry["from"] for entry in user.poll("").json.get("typing", [])]


def test_typing_shows_in_the_peers_poll_and_names_the_recipient(ann, bob):
    set_typing(ann, bob)
    assert bob.poll("").json.get("typing") == [{"from": ann.address, "to": bob.address}]


def test_typing_shows_in_every_session_of_the_peer(relay, ann, bob):
    other = relay.sign_in(bob.email)
    set_typing(ann, bob)
    assert typing_seen(bob) == typing_seen(other) == [ann.address]


def test_typing_shows_to_nobody_else(relay, ann, bob):
    carl = relay.sign_in()
    set_typing(ann, bob)
    assert typing_seen(ann) == typing_seen(carl) == []


def test_typing_ends_when_it_is_taken_back(ann, bob):
    set_typing(ann, bob)
    set_typing(ann, bob, False)
    assert typing_seen(bob) == []


def test_typing_ends_by_itself(ann, bob):
    set_typing(ann, bob)
    wait_until("typing is over", lambda: typing_seen(bob) == [], 30, 0.5)


def test_typing_of_several_people_shows_each_once(relay, ann, bob):
    carl = relay.sign_in()
    for user in (ann, carl, ann):
        set_typing(user, bob)
    assert sorted(typing_seen(bob)) == sorted([ann.address, carl.address])


def test_typing_taken_back_without_having_begun_is_no_error(ann, bob):
    set_typing(ann, bob, False)


@pytest.mark.parametrize("to", ["nobody-here", "grp_0123456789abcdef", "x" * 64, "😀"])
def test_typing_to_an_unknown_recipient_is_404(ann, to):
    set_typing(ann, to, expect=404).is_error(404, "unknown_recipient", field="to")


def test_typing_of_very_many_people_breaks_nothing(relay, ann, bob):
    for user in (ann, bob, relay.sign_in()):
        for _ in range(100):
            set_typing(user, ann)
    assert set(typing_seen(ann)) >= {bob.address}
