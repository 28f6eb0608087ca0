"""Groups as their members see them change: coming and going, events, what goes with a group, typing."""
import pytest

from client import wait_until
from groups import ASK, ME, MESSAGES, OPEN, Group, at_once, crew, group_of, rows, send, show, fact_of
from harness import unique

TYPING = "/api/v1/webchat/typing"


@pytest.fixture(name="carl")
def third_user(relay):
    return relay.sign_in(display_name="Carl")


# -- coming and going ------------------------------------------------------------------------------

def test_new_member_sees_later_messages_only(ann, bob):
    group = Group(ann, **OPEN)
    before = send(ann, group, "before")
    group.join(bob)
    send(ann, group, "after")
    assert group.texts(bob) == ["after"]
    show(bob, before, 404).is_error(404, "unknown_message")
    bob.send(ann, reply_to=before, expect=404).is_error(404, "unknown_message", field="reply_to")


def test_one_who_comes_back_sees_only_what_comes_after(ann, bob):
    group = group_of(ann, bob)
    first = send(ann, group, "first")
    group.leave(bob)
    send(ann, group, "meanwhile")
    group.add(bob)
    send(ann, group, "again")
    assert group.texts(bob) == ["again"]
    show(bob, first, 404)


@pytest.mark.parametrize("out", ["leave", "kick"])
def test_ex_member_keeps_nothing(relay, ann, bob, out):
    group, other = group_of(ann, bob), relay.sign_in(bob.email)
    ids = [send(ann, group, "fetched")]
    _, cursor = bob.poll_all()
    ids.append(send(ann, group, "waiting"))
    ann.send(bob, "direct")
    group.leave(bob) if out == "leave" else group.remove(bob)
    send(ann, group, "later")
    assert group.texts(bob, cursor) == group.texts(bob) == group.texts(other) == []
    assert [item["text"] for item in other.poll_all("")[0] if item["kind"] == "text"] == ["direct"]
    for message_id in ids:
        show(bob, message_id, 404).is_error(404, "unknown_message")
    assert bob.read(*ids)["updated"] == 0


def test_ex_member_finds_nothing_of_others_in_his_export(ann, bob):
    group = group_of(ann, bob)
    send(ann, group, "theirs")
    own = send(bob, group, "mine")
    group.leave(bob)
    items = bob.get("/api/v1/pchat/auth/export", expect=200)["messages"]
    assert [item["message_id"] for item in items if item["kind"] == "text"] == [own]


def test_kicked_member_gets_one_notice_and_nothing_else(relay, ann, bob, carl):
    group, other = group_of(ann, bob, carl), relay.sign_in(bob.email)
    send(ann, group, "before")
    group.remove(bob)
    send(ann, group, "after")
    group.change(name="New")
    for session in (bob, other):
        [item] = group.items(session)
        assert fact_of(item) == {"type": "removed", "chat_address": bob.address}
        assert (item["from"], item["kind"], item["group_id"]) == ("relay", "system", group.id)
    assert group.events(carl)[-2:] == [{"type": "removed", "chat_address": bob.address}, {"type": "updated", "chat_address": ann.address}]


def test_member_who_leaves_during_sends_gets_nothing_after(ann, bob, carl):
    group = group_of(ann, bob, carl)
    found = []

    def leave():
        group.leave(bob)
        found.extend(group.items(bob))

    talk = [lambda user=user: [send(user, group, "x") for _ in range(15)] for user in (ann, carl)]
    at_once(leave, *talk)
    assert found == group.items(bob) == []
    receipts = ann.receipts(send(ann, group))
    assert [entry["chat_address"] for receipt in receipts.values() for entry in receipt["recipients"]] == [carl.address]
    assert group.texts(carl).count("x") == 15


def test_member_who_leaves_while_they_send_gets_through_or_is_refused(ann, bob):
    group = group_of(ann, bob)
    responses = []

    def talk():
        # either: they leave while they send
        responses.extend(bob.send(group.id, f"m{number}", expect=(202, 404)) for number in range(20))

    at_once(talk, lambda: group.leave(bob))
    statuses = [response.status for response in responses]
    assert statuses == sorted(statuses), "once out, nothing more is taken"
    items = group.items(ann)
    assert [item["text"] for item in items if item["kind"] == "text"] == [f"m{n}" for n in range(statuses.count(202))]
    assert [item["event"]["type"] for item in items if item["kind"] == "system"] == ["joined", "left"]
    assert items[-1]["kind"] == "system", "nothing of them comes after they left"


# -- events of the group ---------------------------------------------------------------------------

def event_steps(group, people, guest):
    """(what happens, the event of it, roles that are notified of it)."""
    member, admin = people["member"], people["admin"]
    everybody = ("owner", "admin", "writer", "member")
    return [
        (lambda: group.add(guest, "writer"), {"type": "joined", "chat_address": guest.address, "role": "writer"}, everybody),
        (lambda: group.set_role(guest, "member"), {"type": "role", "chat_address": guest.address, "role": "member"}, everybody),
        (lambda: group.change(admin, name="New"), {"type": "updated", "chat_address": admin.address}, everybody),
        (lambda: group.leave(guest), {"type": "left", "chat_address": guest.address}, everybody),
        (lambda: group.remove(member), {"type": "removed", "chat_address": member.address}, everybody),
        (lambda: group.set_role(admin, "owner"), {"type": "role", "chat_address": admin.address, "role": "owner"}, everybody[:3]),
        (group.delete, {"type": "deleted", "chat_address": people["owner"].address}, everybody[:3])]


def test_members_are_notified_of_each_change_once(relay, ann):
    group, people = crew(relay)
    cursors = {role: user.poll_all()[1] for role, user in people.items()}
    for act, event, roles in event_steps(group, people, ann):
        act()
        for role, user in people.items():
            items, cursors[role] = user.poll_all(cursors[role])
            assert [fact_of(item) for item in items] == ([event] if role in roles else []), (role, event)
            for item in items:
                assert (item["from"], item["kind"], item["to"], item["group_id"]) == ("relay", "system", group.id, group.id)
                assert item["text"].endswith(".")


def test_change_that_changes_no_role_is_no_event(ann, bob):
    group = group_of(ann, bob)
    _, cursor = bob.poll_all()
    group.set_role(bob, "member")
    assert group.events(bob, cursor) == []


def test_deleted_group_takes_its_messages_along(relay, ann, bob, carl):
    group, text = group_of(ann, bob, carl), unique("gone-")
    message_id = send(ann, group, text)
    _, cursor = bob.poll_all()
    group.delete()
    assert [item["event"]["type"] for item in group.items(bob, cursor)] == ["deleted"]
    assert [item["event"]["type"] for item in group.items(carl)] == ["deleted"]
    for user in (ann, bob, carl):
        show(user, message_id, 404).is_error(404, "unknown_message")
    assert ann.receipts(message_id) == {}
    assert rows(relay, "SELECT 1 FROM message WHERE public_id = ?", bytes.fromhex(message_id[4:])) == []


def test_position_in_the_stream_goes_with_the_member(relay, ann, bob):
    group = group_of(ann, bob)
    message_id = send(ann, group)
    group.leave(bob)
    query = "SELECT 1 FROM stream s JOIN account a ON a.id = s.stream_id JOIN message m ON m.id = s.message_id WHERE a.chat_address = ? AND m.public_id = ?"
    assert rows(relay, query, bob.address, bytes.fromhex(message_id[4:])) == []


def test_nothing_of_deleted_groups_and_edited_messages_stays_in_the_streams(relay, ann, bob):
    group = group_of(ann, bob)
    message_id = send(ann, group, "old")
    bob.poll_all()
    ann.patch(f"{MESSAGES}/{message_id}", {"text": "new"}, expect=200)
    group.delete()
    query = ("SELECT 1 FROM stream s JOIN account a ON a.id = s.stream_id WHERE a.chat_address = ?"
             " AND s.message_id NOT IN (SELECT id FROM message)")
    assert rows(relay, query, bob.address) == []


@pytest.mark.parametrize("how", ["rejected", "removed", "only-member"])
def test_erased_account_leaves_no_notice_behind_that_only_it_could_see(relay, ann, bob, how):
    group = group_of(ann, **ASK)
    if how == "rejected":
        group.decide(group.ask(bob), "reject")
    elif how == "removed":
        group.add(bob)
        group.remove(bob)
    own = Group(bob)
    about = rows(relay, "SELECT m.id FROM message m JOIN account a ON a.id = m.about_id WHERE a.chat_address = ?", bob.address)
    assert len(about) == {"rejected": 2, "removed": 3, "only-member": 0}[how]
    bob.delete(ME, expect=200)
    assert [found for number, in about for found in rows(relay, "SELECT id FROM message WHERE id = ?", number)] == []
    own.show(ann, 404)


def test_messages_of_an_erased_member_go_with_him(ann, bob):
    group = group_of(ann, bob)
    message_id = send(bob, group, "mine")
    bob.delete(ME, expect=200)
    assert group.texts(ann) == []
    show(ann, message_id, 404).is_error(404, "unknown_message")


# -- typing ----------------------------------------------------------------------------------------

def set_typing(user, group, typing=True, expect=200):
    return user.post(TYPING, {"to": group.id, "typing": typing}, expect=expect)


def typing_seen(user):
    return user.poll("").json.get("typing", [])


def test_typing_shows_to_the_other_members_only(relay):
    group, people = crew(relay)
    other = group_of(people["admin"], people["stranger"])
    set_typing(people["member"], group)
    for role, user in people.items():
        shown = role not in ("member", "stranger")
        assert typing_seen(user) == ([{"from": people["member"].address, "to": group.id}] if shown else []), role
    set_typing(people["stranger"], other)
    found = typing_seen(people["admin"])
    assert sorted((entry["from"], entry["to"]) for entry in found) == sorted([
        (people["member"].address, group.id), (people["stranger"].address, other.id)])


def test_typing_in_a_group_ends_when_it_is_taken_back_or_by_itself(ann, bob, carl):
    group = group_of(ann, bob, carl)
    set_typing(ann, group)
    set_typing(ann, group, False)
    assert typing_seen(bob) == []
    set_typing(carl, group)
    wait_until("typing is over", lambda: typing_seen(bob) == [], 30, 0.5)


def test_typing_does_not_show_to_one_who_left(ann, bob):
    group = group_of(ann, bob)
    set_typing(ann, group)
    group.leave(bob)
    assert typing_seen(bob) == []


@pytest.mark.parametrize("fields", [OPEN, {}], ids=["public", "private"])
def test_typing_to_a_group_of_others_is_404(ann, bob, fields):
    set_typing(bob, Group(ann, **fields), expect=404).is_error(404, "unknown_recipient", field="to")
