"""Two calls that meet at the write lock: neither undoes the other's change, and rights are those of the moment that counts."""
import contextlib
from threading import Thread

import pytest

from client import wait_until
from groups import GROUPS, ME, MESSAGES, OPEN, Group
from harness import unique

USERS = "/api/v1/webchat/admin/users"
CONTACTS = "/api/v1/webchat/contacts"


@contextlib.contextmanager
def behind_the_lock(relay, *calls):
    """Run the calls until each stands at the write lock, then the block, which holds the lock; their responses follow."""
    responses = [None] * len(calls)

    def run(index, call):
        responses[index] = call()

    threads = [Thread(target=run, args=found) for found in enumerate(calls)]
    with relay.locked_database() as link:
        for thread in threads:
            thread.start()
        wait_until("all calls stand at the lock", lambda: relay.waiting_writers() == len(calls))
        yield link, responses
    for thread in threads:
        thread.join()


def together(relay, *calls):
    """All calls have read what they read before any of them writes."""
    with behind_the_lock(relay, *calls) as (_, responses):
        pass
    return responses


@pytest.fixture(name="slow")
def relay_with_a_patient_lock(relay_with):
    return relay_with({"RELAY_BUSY_TIMEOUT_MS": 15000, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})


def test_two_admins_change_two_flags_of_one_user(slow):
    boss, chief, ann = slow.sign_in(), slow.sign_in(), slow.sign_in()
    for admin in boss, chief:
        slow.ctl("user", "promote", admin.address)
    path = f"{USERS}/{ann.address}"
    together(slow, lambda: boss.post(path, {"action": "block"}, expect=200), lambda: chief.post(path, {"action": "hide"}, expect=200))
    [found] = boss.get(f"{USERS}?q={ann.address}", expect=200)["users"]
    assert found["blocked"] and found["hidden"]


def test_two_clients_change_two_fields_of_me(slow):
    ann = slow.sign_in(public_visible=True)
    together(slow, lambda: ann.put(ME, {"display_name": "New"}, expect=200),
             lambda: ann.put(ME, {"public_visible": False, "language": "fr"}, expect=200))
    user = ann.get(ME)["user"]
    assert (user["display_name"], user["public_visible"], user["language"]) == ("New", False, "fr")


def test_response_of_a_change_shows_what_another_changed_before(slow):
    ann = slow.sign_in(public_visible=True)
    call = lambda: ann.put(ME, {"language": "fr"}, expect=200)["user"]  # noqa: E731
    with behind_the_lock(slow, call) as (link, responses):
        link.execute("UPDATE account SET display_name = 'Now' WHERE chat_address = ?", [ann.address])
    assert (responses[0]["display_name"], responses[0]["language"]) == ("Now", "fr")


def test_presence_that_names_the_account_keeps_the_rest_of_it(slow):
    ann = slow.sign_in(public_visible=True)
    together(slow, lambda: ann.presence(True, display_name="Ann"), lambda: ann.put(ME, {"public_visible": False}, expect=200))
    user = ann.get(ME)["user"]
    assert (user["display_name"], user["public_visible"]) == ("Ann", False)


def test_presence_gives_no_name_to_an_account_that_has_just_got_one(slow):
    ann = slow.sign_in()
    with behind_the_lock(slow, lambda: ann.presence(True, display_name="Client")) as (link, _):
        link.execute("UPDATE account SET display_name = 'Own' WHERE chat_address = ?", [ann.address])
    assert ann.get(ME)["user"]["display_name"] == "Own"


def test_two_presences_name_two_things_of_one_session(slow):
    ann = slow.sign_in(device_name="d", session_name="s", listen_channel="c")
    together(slow, lambda: ann.presence(True, device_name="new d"), lambda: ann.presence(True, session_name="new s"))
    session = ann.get(ME)["session"]
    assert (session["device_name"], session["session_name"], session["listen_channel"]) == ("new d", "new s", "c")


def test_two_changes_of_a_group_keep_each_other(slow):
    group = Group(slow.sign_in(), **OPEN)
    together(slow, lambda: group.change(name="New"), lambda: group.change(description="Also new"))
    assert (group.now()["name"], group.now()["description"]) == ("New", "Also new")


def test_only_one_of_two_lists_replaces_the_version_that_both_name(slow):
    ann = slow.sign_in()
    ann.put(CONTACTS, {"contacts": []}, expect=200)
    tag = ann.get(CONTACTS).headers["ETag"]
    put = lambda name: ann.put(CONTACTS, {"contacts": [{"name": name, "channel": "pchat", "address": "x"}]},  # noqa: E731
                               headers={"If-Match": tag}).status
    assert sorted(together(slow, lambda: put("one"), lambda: put("two"))) == [200, 412]


# -- rights ----------------------------------------------------------------------------------------

def send(user, to, **fields):
    return lambda: user.post(MESSAGES, {"to": to, "text": "x", **fields})


def raw_id(name):
    return bytes.fromhex(name[4:])


def test_member_of_a_group_that_has_just_become_a_stream_cannot_send(slow):
    owner, ann = slow.sign_in(), slow.sign_in()
    group = Group(owner, **OPEN)
    group.join(ann)
    with behind_the_lock(slow, send(ann, group.id)) as (link, responses):
        link.execute("UPDATE grp SET is_stream = 1 WHERE public_id = ?", [raw_id(group.id)])
    responses[0].is_error(403, "no_write_right", field="to")
    with behind_the_lock(slow, send(ann, group.id)) as (link, responses):
        link.execute("UPDATE grp SET is_stream = 0 WHERE public_id = ?", [raw_id(group.id)])
    assert responses[0].status == 202


def test_writer_who_is_none_any_more_cannot_edit_what_he_wrote(slow):
    owner, ann = slow.sign_in(), slow.sign_in()
    group = Group(owner, mode="stream", **OPEN)
    group.add(ann, "writer")
    message = send(ann, group.id)()["message_id"]
    group.set_role(ann, "member")
    ann.patch(f"{MESSAGES}/{message}", {"text": "y"}, expect=403).is_error(403, "forbidden")


@pytest.mark.parametrize("change", ["DELETE FROM account WHERE chat_address = ?", "UPDATE account SET blocked = 1 WHERE chat_address = ?"],
                         ids=["erased", "blocked"])
def test_recipient_who_has_just_gone_is_unknown(slow, change):
    ann, bob = slow.sign_in(), slow.sign_in()
    with behind_the_lock(slow, send(ann, bob.address)) as (link, responses):
        link.execute(change, [bob.address])
    responses[0].is_error(404, "unknown_recipient", field="to")


# -- what has just gone ----------------------------------------------------------------------------

UPLOAD = "/api/v1/webchat/upload"
SENDS = {
    "message": lambda ann, bob: send(ann, bob.address),
    "with a file": lambda ann, bob: send(ann, bob.address, attachments=[
        ann.put(f"{UPLOAD}?name=f", data=b"x", headers={"Content-Type": "text/plain"}, expect=200)["file_id"]]),
    "contacts": lambda ann, bob: lambda: ann.put(CONTACTS, {"contacts": []}),
    "prefs": lambda ann, bob: lambda: ann.put("/api/v1/webchat/prefs", {"prefs": "x"}),
    "block outside": lambda ann, bob: lambda: ann.post("/api/v1/webchat/blocks", {"channel": "sms", "address": "1"}),
    "group": lambda ann, bob: lambda: ann.post(GROUPS, {"name": "x"}),
    "me": lambda ann, bob: lambda: ann.put(ME, {"display_name": "x"}),
    "presence": lambda ann, bob: lambda: ann.presence(True, expect=None),
    "block": lambda ann, bob: lambda: ann.post("/api/v1/webchat/blocks", {"chat_address": bob.address}),
    "key": lambda ann, bob: lambda: ann.post("/api/v1/webchat/keys", {"name": "k", "scopes": ["send"]}),
    "outside": lambda ann, bob: lambda: ann.post(MESSAGES, {"channel": "sms", "to": "+15551234567", "text": "x"}),
}


@pytest.mark.parametrize("what", SENDS)
def test_account_that_was_erased_meanwhile_is_refused_as_unknown(slow, what):
    ann, bob = slow.sign_in(), slow.sign_in()
    with behind_the_lock(slow, SENDS[what](ann, bob)) as (link, responses):
        link.execute("DELETE FROM session WHERE account_id = (SELECT id FROM account WHERE chat_address = ?)", [ann.address])
        link.execute("DELETE FROM account WHERE chat_address = ?", [ann.address])
    responses[0].is_error(401, "credential_invalid")


def test_file_that_has_just_gone_is_unknown(slow):
    ann, bob = slow.sign_in(), slow.sign_in()
    call = SENDS["with a file"](ann, bob)
    with behind_the_lock(slow, call) as (link, responses):
        link.execute("DELETE FROM file")
    responses[0].is_error(404, "unknown_file", field="attachments")


@pytest.mark.parametrize("table, event, call", [
    ("session", "UPDATE", lambda user: user.presence(True, expect=None)),
    ("account", "UPDATE", lambda user: user.put(ME, {"display_name": unique()})),
    ("message", "INSERT", lambda user: user.post(MESSAGES, {"to": user.address, "text": "x"})),
    ("contacts", "INSERT", lambda user: user.put(CONTACTS, {"contacts": []})),
    ("grp", "INSERT", lambda user: user.post(GROUPS, {"name": "x"})),
])
def test_rule_of_the_database_that_nobody_expects_to_break_is_a_failure_with_a_line_in_the_log(make_relay, table, event, call):
    relay = make_relay()
    ann = relay.sign_in()
    relay.forbid(event, table, "an odd rule")
    call(ann).is_error(500, "internal")
    assert "an odd rule" in relay.stderr
