"""Blocks: whom a user does not want to hear from, and that the other one cannot tell."""
from urllib.parse import quote

import pytest

from groups import MESSAGES, at_once, group_of, send, show

BLOCKS = "/api/v1/webchat/blocks"
TYPING = "/api/v1/webchat/typing"


def block(user, other, expect=200):
    return user.post(BLOCKS, {"chat_address": other if isinstance(other, str) else other.address}, expect=expect)


def unblock(user, other, expect=200):
    return user.delete(f"{BLOCKS}/{other if isinstance(other, str) else other.address}", expect=expect)


def blocked(user):
    return [entry["chat_address"] for entry in user.get(BLOCKS, expect=200)["blocks"]]


# -- the list --------------------------------------------------------------------------------------

def test_block_is_listed_until_it_is_taken_back(ann, bob):
    assert blocked(ann) == []
    assert block(ann, bob)["status"] == "blocked"
    [entry] = ann.get(BLOCKS, expect=200)["blocks"]
    assert (entry["chat_address"], entry["display_name"]) == (bob.address, "Bob")
    assert entry["created_at"] >= bob.user["created_at"]
    assert blocked(bob) == []
    assert unblock(ann, bob)["status"] == "unblocked"
    assert blocked(ann) == []


def test_blocking_and_unblocking_twice_is_no_error(ann, bob):
    at_once(*[lambda: block(ann, bob)] * 3)
    before = ann.get(BLOCKS, expect=200).json
    block(ann, bob)
    assert ann.get(BLOCKS, expect=200).json == before and len(before["blocks"]) == 1
    for _ in range(2):
        assert unblock(ann, bob)["status"] == "unblocked"


def test_blocking_oneself_is_refused(ann):
    block(ann, ann, 400).is_error(400, "invalid_field", field="chat_address")
    assert blocked(ann) == []


@pytest.mark.parametrize("address", ["nobody-here", "relay", "grp_" + "0" * 32, "x" * 64, "' OR 1=1", "😀"])
def test_blocking_nobody_is_404(ann, address):
    block(ann, address, 404).is_error(404, "unknown_recipient", field="chat_address")
    unblock(ann, quote(address), 404).is_error(404, "unknown_recipient")


@pytest.mark.parametrize("limit, sizes", [(1, [1] * 3), (2, [2, 1]), (3, [3])])
def test_list_pages_through_everybody_once(relay, ann, limit, sizes):
    others = [relay.sign_in() for _ in range(3)]
    for other in others:
        block(ann, other)
    pages, query = [], f"?limit={limit}"
    while query:
        response = ann.get(BLOCKS + query, expect=200)
        pages.append([entry["chat_address"] for entry in response["blocks"]])
        query = response["has_more"] and f"?limit={limit}&after={response['after']}"
    assert [len(page) for page in pages] == sizes
    assert sum(pages, []) == sorted(other.address for other in others)


@pytest.mark.parametrize("query, field", [("limit=0", "limit"), ("limit=201", "limit"), ("after=%00", "after")])
def test_list_refuses_a_bad_page(ann, query, field):
    ann.get(f"{BLOCKS}?{query}", expect=400).is_error(400, "invalid_field", field=field)


def test_erased_account_is_blocked_by_nobody_and_blocks_nobody(ann, bob):
    block(ann, bob)
    block(bob, ann)
    bob.delete("/api/v1/pchat/auth/me", expect=200)
    assert blocked(ann) == []


# -- what it does ----------------------------------------------------------------------------------

def test_direct_message_of_the_blocked_is_accepted_like_any_other_and_never_seen(relay, ann, bob):
    carl, other = relay.sign_in(), relay.sign_in(ann.email)
    block(ann, bob)
    dropped, taken = bob.send(ann, "dropped"), bob.send(carl, "taken")
    assert set(dropped.json) == set(taken.json) and dropped["status"] == taken["status"]
    assert [ann.texts(), other.texts(), carl.texts()] == [[], [], ["taken"]]
    assert bob.receipts(dropped["message_id"])[dropped["message_id"]] == {"message_id": dropped["message_id"], "status": "queued"}
    assert show(bob, dropped["message_id"])["message"]["status"] == "queued"
    show(ann, dropped["message_id"], 404).is_error(404, "unknown_message")
    ann.read(dropped["message_id"])
    assert bob.status(dropped["message_id"]) == "queued"


def test_dropped_message_is_repeated_edited_and_withdrawn_like_any_other(ann, bob):
    block(ann, bob)
    first = bob.send(ann, "x", idempotency_key="k")
    again = bob.send(ann, "x", idempotency_key="k", expect=200)
    assert (again["message_id"], again["duplicate"]) == (first["message_id"], True)
    bob.patch(f"{MESSAGES}/{first['message_id']}", {"text": "new"}, expect=200)
    assert ann.poll_all()[0] == []
    assert bob.delete(f"{MESSAGES}/{first['message_id']}", expect=200)["status"] == "withdrawn"
    assert ann.poll_all()[0] == []


def test_dropped_message_does_not_come_after_the_block_is_taken_back(relay, ann, bob):
    block(ann, bob)
    bob.send(ann, "dropped")
    unblock(ann, bob)
    bob.send(ann, "heard")
    other = relay.sign_in(ann.email)
    assert ann.texts() == other.texts() == ["heard"]


def test_block_works_one_way_and_for_that_one_only(relay, ann, bob):
    carl = relay.sign_in()
    block(ann, bob)
    ann.send(bob, "from Ann")
    carl.send(ann, "from Carl")
    assert (bob.texts(), ann.texts()) == (["from Ann"], ["from Carl"])


@pytest.mark.parametrize("how", ["fetched", "read"])
def test_receipt_of_an_earlier_message_stands_still(ann, bob, how):
    message_id = bob.send(ann)["message_id"]
    block(ann, bob)
    ann.poll_all()
    if how == "read":
        ann.read(message_id)
    assert bob.receipts(message_id)[message_id] == {"message_id": message_id, "status": "queued"}
    assert show(bob, message_id)["message"]["status"] == "queued"


def test_typing_of_the_blocked_does_not_show(relay, ann, bob):
    carl = relay.sign_in()
    block(ann, bob)
    for user in (bob, carl):
        user.post(TYPING, {"to": ann.address, "typing": True}, expect=200)
    assert [entry["from"] for entry in ann.poll("").json["typing"]] == [carl.address]


def test_blocker_looks_offline_to_the_blocked_only(relay, ann, bob):
    carl = relay.sign_in()
    ann.presence(True, device_name="laptop")
    block(ann, bob)
    entry = bob.listed(ann)
    assert (entry["online"], entry["sessions"]) == (False, [])
    assert carl.listed(ann)["online"] is True and ann.listed(ann)["online"] is True
    unblock(ann, bob)
    assert bob.listed(ann)["online"] is True


def test_blocked_still_shows_to_the_blocker(ann, bob):
    bob.presence(True)
    block(ann, bob)
    assert ann.listed(bob)["online"] is True


def test_group_messages_go_on(ann, bob):
    group = group_of(ann, bob)
    block(ann, bob)
    message_id = send(bob, group, "in the group")
    assert group.texts(ann) == ["in the group"]
    receipt = bob.receipts(message_id)[message_id]
    assert [receipt["status"]] == [entry["status"] for entry in receipt["recipients"]] == ["delivered"]
