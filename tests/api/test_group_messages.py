"""Messages to groups: who gets them, in which order, how far they came, editing and withdrawing."""
import pytest

from groups import ASK, MESSAGES, OPEN, Group, at_once, crew, group_of, rows, send, show
from harness import unique


@pytest.fixture(name="carl")
def third_user(relay):
    return relay.sign_in(display_name="Carl")


# -- who gets it -----------------------------------------------------------------------------------

def test_everybody_but_the_sender_gets_it(relay):
    group, people = crew(relay)
    message_id = send(people["writer"], group, "Grüße 😀", subject="S", title="T", source="cli", kind="voice")
    for role, user in people.items():
        items = [item for item in user.poll_all()[0] if item["message_id"] == message_id]
        assert len(items) == (role not in ("writer", "stranger")), role
        for item in items:
            del item["created_at"]
            assert item == {
                "message_id": message_id, "channel": "pchat", "kind": "voice", "from": people["writer"].address, "from_name": "Writer",
                "to": group.id, "group_id": group.id, "text": "Grüße 😀", "subject": "S", "title": "T", "source": "cli"}


def test_every_session_of_a_member_gets_it_and_none_of_the_sender(relay, ann, bob):
    group = group_of(ann, bob)
    others = [relay.sign_in(ann.email), relay.sign_in(bob.email)]
    send(ann, group, "x")
    assert [group.texts(user) for user in (ann, others[0], bob, others[1])] == [[], [], ["x"], ["x"]]


def test_text_is_stored_once_however_many_get_it(relay):
    group, people = crew(relay)
    text = unique("once-")
    before = rows(relay, "SELECT count(*) FROM message")[0][0]
    send(people["owner"], group, text)
    assert rows(relay, "SELECT count(*) FROM message")[0][0] == before + 1
    assert [group.texts(people[role]) for role in ("admin", "writer", "member")] == [[text]] * 3


def test_direct_messages_name_no_group(ann, bob):
    ann.send(bob)
    assert "group_id" not in bob.poll("")["messages"][0]


@pytest.mark.parametrize("fields", [OPEN, {}], ids=["public", "private"])
def test_stranger_may_not_send(ann, bob, fields):
    group = Group(ann, **fields)
    bob.send(group.id, expect=404).is_error(404, "unknown_recipient", field="to")
    assert group.texts(ann) == []


def test_one_who_asks_to_join_gets_and_sends_nothing_yet(ann, bob):
    group = Group(ann, **ASK)
    group.ask(bob)
    send(ann, group, "not yet")
    bob.send(group.id, expect=404).is_error(404, "unknown_recipient")
    assert group.texts(bob) == []


def test_message_to_a_group_of_one_is_kept_for_its_sender(ann):
    group = Group(ann)
    message_id = send(ann, group, "echo")
    assert show(ann, message_id)["message"]["text"] == "echo"
    assert ann.receipts(message_id)[message_id]["message_id"] == message_id


@pytest.mark.parametrize("role", ["owner", "admin", "writer", "member"])
@pytest.mark.parametrize("mode", ["chat", "stream"])
def test_who_may_write_in_which_mode(relay, role, mode):
    group, people = crew(relay, mode=mode)
    allowed = mode == "chat" or role != "member"
    response = people[role].send(group.id, "x", expect=202 if allowed else 403)
    if not allowed:
        response.is_error(403, "no_write_right")
    reader = people["owner" if role != "owner" else "admin"]
    assert group.texts(reader) == (["x"] if allowed else [])


def test_right_to_write_follows_mode_and_role_at_once(ann, bob):
    group = group_of(ann, bob)
    for change, status in ((lambda: group.change(mode="stream"), 403), (lambda: group.set_role(bob, "writer"), 202),
                           (lambda: group.set_role(bob, "member"), 403), (lambda: group.change(mode="chat"), 202)):
        change()
        bob.send(group.id, str(status), expect=status)
    assert group.texts(ann) == ["202", "202"]


# -- order and cursors -----------------------------------------------------------------------------

def test_everybody_sees_the_same_order(relay):
    group, people = crew(relay)
    writers = [people[role] for role in ("owner", "admin", "writer")]

    def talk(user):
        for number in range(8):
            send(user, group, f"{user.address}-{number}")

    at_once(*[lambda user=user: talk(user) for user in writers])
    found = group.texts(people["member"])
    assert len(found) == 24
    for user in writers:
        own = [f"{user.address}-{number}" for number in range(8)]
        assert [text for text in found if text in own] == own
        assert group.texts(user) == [text for text in found if text not in own]


def test_each_session_has_its_own_cursor(relay, ann, bob):
    group, other = group_of(ann, bob), relay.sign_in(bob.email)
    seen = {bob: [], other: []}
    for number in range(4):
        send(ann, group, f"m{number}")
        seen[bob] += bob.poll()["messages"]
    for _ in range(8):
        seen[other] += other.poll(limit=1)["messages"]
    for session, items in seen.items():
        assert [item["text"] for item in items if item["kind"] == "text"] == [f"m{n}" for n in range(4)], session


def test_direct_and_group_messages_share_one_order(ann, bob):
    group = group_of(ann, bob)
    for number in range(6):
        send(ann, group, f"m{number}") if number % 2 else ann.send(bob, f"m{number}")
    assert [item["text"] for item in bob.poll_all()[0] if item["kind"] == "text"] == [f"m{n}" for n in range(6)]


# -- idempotency -----------------------------------------------------------------------------------

def test_repeated_key_is_delivered_once(ann, bob, carl):
    group = group_of(ann, bob, carl)
    # either: six at once under one key
    responses = at_once(*[lambda: ann.send(group.id, "x", idempotency_key="k", expect=(200, 202))] * 6)
    assert sorted(response.status for response in responses) == [200] * 5 + [202]
    assert len({response["message_id"] for response in responses}) == 1
    assert [group.texts(user) for user in (bob, carl)] == [["x"], ["x"]]


def test_repeat_gets_its_response_also_after_leaving(ann, bob):
    group = group_of(ann, bob)
    message_id = send(bob, group, "x", idempotency_key="k")
    group.leave(bob)
    again = bob.send(group.id, "x", idempotency_key="k", expect=200)
    assert (again["message_id"], again["duplicate"]) == (message_id, True)
    assert group.texts(ann) == ["x"]


def test_refused_message_does_not_use_up_its_key(ann, bob):
    group = group_of(ann, bob, mode="stream")
    bob.send(group.id, "x", idempotency_key="k", expect=403)
    group.set_role(bob, "writer")
    bob.send(group.id, "x", idempotency_key="k", expect=202)


# -- receipts --------------------------------------------------------------------------------------

def recipients(user, message_id):
    """({chat address: status}, aggregate) of a receipt."""
    receipt = user.receipts(message_id)[message_id]
    return {entry["chat_address"]: entry["status"] for entry in receipt["recipients"]}, receipt["status"]


def test_receipt_names_each_member_and_the_least_advanced(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group)
    steps = [(lambda: None, "queued", "queued", "queued"), (lambda: bob.poll(""), "claimed", "queued", "queued"),
             (bob.poll_all, "delivered", "queued", "queued"), (lambda: bob.read(message_id), "read", "queued", "queued"),
             (carl.poll_all, "read", "delivered", "delivered"), (lambda: carl.read(message_id), "read", "read", "read")]
    for step, bobs, carls, least in steps:
        step()
        assert recipients(ann, message_id) == ({bob.address: bobs, carl.address: carls}, least)
        assert show(ann, message_id)["message"]["status"] == least


def test_receipt_has_times_per_member(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group)
    bob.read(message_id)
    entries = {entry["chat_address"]: entry for entry in ann.receipts(message_id)[message_id]["recipients"]}
    assert entries[bob.address]["delivered_at"] <= entries[bob.address]["read_at"]
    assert set(entries[carl.address]) == {"chat_address", "status"}


def test_receipt_has_no_time_of_delivery_while_somebody_waits(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group)
    bob.read(message_id)
    assert ann.receipts(message_id)[message_id]["status"] == "queued"
    assert not {"delivered_at", "read_at"} & set(ann.receipts(message_id)[message_id])


def test_receipt_is_for_the_sender_only_and_direct_ones_name_no_recipients(ann, bob):
    group = group_of(ann, bob)
    message_id, direct = send(ann, group), ann.send(bob)["message_id"]
    assert bob.receipts(message_id) == {}
    assert "recipients" not in ann.receipts(direct)[direct]


def test_recipient_sees_his_own_status(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group)
    bob.read(message_id)
    assert [show(user, message_id)["message"]["status"] for user in (bob, carl)] == ["read", "queued"]


def test_member_who_left_holds_no_receipt_back(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group)
    bob.read(message_id)
    group.leave(carl)
    assert recipients(ann, message_id) == ({bob.address: "read"}, "read")


# -- editing and withdrawing -----------------------------------------------------------------------

def test_edit_changes_what_waits_and_follows_what_was_fetched(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group, "old")
    assert group.texts(bob) == ["old"]
    _, cursor = bob.poll_all()
    ann.patch(f"{MESSAGES}/{message_id}", {"text": "new"}, expect=200)
    for user, start in ((bob, cursor), (carl, "")):
        [item] = [item for item in group.items(user, start) if item["kind"] == "text"]
        assert (item["message_id"], item["text"], item["group_id"], "edited_at" in item) == (message_id, "new", group.id, True)


def test_withdrawal_takes_what_waits_and_follows_what_was_fetched(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group, "gone", title="t")
    _, cursor = bob.poll_all()
    assert ann.delete(f"{MESSAGES}/{message_id}", expect=200)["status"] == "withdrawn"
    [item] = group.items(bob, cursor)
    assert (item["message_id"], item["text"], "deleted_at" in item, "title" in item) == (message_id, "", True, False)
    assert group.texts(carl) == []
    show(carl, message_id, 404).is_error(404, "unknown_message")


def test_member_removes_a_message_for_himself_only(ann, bob, carl):
    group = group_of(ann, bob, carl)
    message_id = send(ann, group, "kept")
    assert bob.delete(f"{MESSAGES}/{message_id}", expect=200)["status"] == "removed"
    show(bob, message_id, 404)
    assert group.texts(carl) == ["kept"]


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_edit_is_for_the_sender_whatever_the_others_role(relay, role):
    group, people = crew(relay)
    message_id = send(people["writer"], group, "mine")
    people[role].patch(f"{MESSAGES}/{message_id}", {"text": "x"}, expect=403).is_error(403, "forbidden")
    assert show(people[role], message_id)["message"]["text"] == "mine"


def test_change_does_not_reach_those_who_came_later_or_left(ann, bob, carl):
    group = group_of(ann, bob)
    message_id = send(ann, group, "old")
    _, cursor = bob.poll_all()
    group.leave(bob)
    group.add(carl)
    ann.patch(f"{MESSAGES}/{message_id}", {"text": "new"}, expect=200)
    ann.delete(f"{MESSAGES}/{message_id}", expect=200)
    assert group.items(bob, cursor) == [] and group.texts(carl) == []


@pytest.mark.parametrize("out", ["leave", "kick"])
def test_ex_member_cannot_write_into_the_group_by_editing(ann, bob, out):
    group = group_of(ann, bob)
    message_id = send(bob, group, "old")
    _, cursor = ann.poll_all()
    group.leave(bob) if out == "leave" else group.remove(bob)
    bob.patch(f"{MESSAGES}/{message_id}", {"text": "still here"}, expect=403)
    assert group.texts(ann, cursor) == []
