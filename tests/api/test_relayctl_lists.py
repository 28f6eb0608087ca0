"""relayctl: lists for people and for programs, and the last word on users, sessions and groups."""
import json

import pytest

from client import wait_until
from harness import unique
from keys import make_key

GROUPS = "/api/v1/webchat/groups"


def as_json(relay, *words):
    return json.loads(relay.ctl(*words, "--json").stdout)


def audit(boss):
    return [(entry["actor"], entry["action"], entry["target"]) for entry in boss.get("/api/v1/webchat/admin/audit?limit=100")["entries"]]


@pytest.fixture(name="boss")
def an_admin(relay):
    boss = relay.sign_in()
    relay.ctl("user", "promote", boss.address)
    return boss


def test_users_are_listed_with_a_header_in_columns_and_as_json(relay):
    ann = relay.sign_in(display_name="Ann \u4e2d\u6587", chat_address=unique("ann"))
    lines = relay.ctl("user", "list").stdout.splitlines()
    assert lines[0].split() == ["CHAT", "ADDRESS", "EMAIL", "ROLE", "STATE", "CREATED", "AT", "DISPLAY", "NAME"]
    [line] = [line for line in lines if line.startswith(ann.address + " ")]
    assert line.index(ann.email) == lines[0].index("EMAIL") and line.endswith("Ann \u4e2d\u6587")
    [entry] = [entry for entry in as_json(relay, "user", "list") if entry["chat_address"] == ann.address]
    assert entry == {"chat_address": ann.address, "email": ann.email, "role": "user", "state": "active",
                     "created_at": ann.user["created_at"], "display_name": "Ann \u4e2d\u6587"}


def test_empty_lists_say_so_to_people_and_are_empty_to_programs(make_relay):
    relay = make_relay()
    for words in (["user", "list"], ["group", "list"], ["mail"]):
        assert as_json(relay, *words) == [] and relay.ctl(*words).stdout.endswith(".\n"), words


def test_what_could_steer_a_terminal_is_not_printed(relay):
    ann = relay.sign_in(display_name="Mal\u009b31m")
    line = next(line for line in relay.ctl("user", "list").stdout.splitlines() if line.startswith(ann.address))
    assert line.endswith("Mal?31m")


def test_deleted_user_is_gone_for_good_and_the_audit_names_nobody(relay, boss):
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "last words")
    assert "erased" in relay.ctl("user", "delete", ann.email.upper()).stdout
    ann.get("/api/v1/pchat/auth/me", expect=401)
    assert [entry for entry in as_json(relay, "user", "list") if entry["chat_address"] == ann.address] == []
    assert audit(boss)[0] == ("relayctl", "delete", "erased")
    relay.ctl("user", "delete", ann.address, expect=1)


def test_last_admin_is_not_deleted(make_relay):
    relay = make_relay()
    boss = relay.sign_in()
    relay.ctl("user", "promote", boss.address)
    assert "last admin" in relay.ctl("user", "delete", boss.address, expect=1).stderr
    boss.get("/api/v1/pchat/auth/me", expect=200)


def test_sessions_of_a_user_are_listed_and_ended_with_their_keys(relay, boss):
    ann = relay.sign_in(device_name="Laptop", session_name="work")
    key = make_key(ann, "send")
    [entry] = as_json(relay, "user", "sessions", ann.address)
    assert (entry["device"], entry["session"]) == ("Laptop", "work")
    assert "Laptop" in relay.ctl("user", "sessions", "@" + ann.address).stdout
    assert ann.address in relay.ctl("user", "logout", ann.address).stdout
    ann.get("/api/v1/pchat/auth/me", expect=401)
    key.post("/api/v1/messages", {"to": boss.address, "text": "x"}, expect=401)
    assert as_json(relay, "user", "sessions", ann.address) == []
    assert audit(boss)[0] == ("relayctl", "logout", ann.address)


def test_groups_are_listed_and_deleted_and_members_are_notified(relay, boss):
    ann, bob = relay.sign_in(), relay.sign_in()
    group = ann.post(GROUPS, {"name": "Hikers", "visibility": "public", "join_policy": "open"}, expect=200)["group_id"]
    bob.post(f"{GROUPS}/{group}/join", expect=200)
    [entry] = [entry for entry in as_json(relay, "group", "list") if entry["group_id"] == group]
    assert (entry["name"], entry["members"], entry["visibility"], entry["mode"]) == ("Hikers", 2, "public", "chat")
    assert group in relay.ctl("group", "delete", group).stdout
    ann.get(f"{GROUPS}/{group}", expect=404)
    wait_until("the members are told", lambda: any(item.get("event", {}).get("type") == "deleted" for item in bob.poll_all()[0]))
    assert audit(boss)[0] == ("relayctl", "delete-group", group)
    assert "no group" in relay.ctl("group", "delete", group, expect=1).stderr


@pytest.mark.parametrize("words", [["user"], ["user", "list", "x"], ["user", "delete"], ["user", "erase", "x"], ["user", "block", "x", "--json"],
                                   ["group"], ["group", "delete"], ["group", "delete", "x", "--json"], ["group", "list", "x"]])
def test_wrong_use_is_said_in_a_line(relay, words):
    done = relay.ctl(*words, expect=2)
    assert len(done.stderr.splitlines()) == 1 and "usage" in done.stderr and not done.stdout


def test_id_that_is_none_is_said(relay):
    assert "group list" in relay.ctl("group", "delete", "hikers", expect=1).stderr
