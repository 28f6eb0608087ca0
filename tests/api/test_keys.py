"""API keys: making, listing, rotating, ending, and what each scope lets in."""
import pytest

from client import wait_until
from groups import at_once
from keys import KEYS, KeyCaller, make_key

AUTH, CHAT = "/api/v1/pchat/auth", "/api/v1/webchat"
DIRECTORY = CHAT + "/directory"
UNKNOWN = "key_" + "0" * 32


@pytest.fixture(name="admin")
def an_admin(relay):
    admin = relay.sign_in()
    relay.ctl("user", "promote", admin.address)
    return admin


def listed(user):
    return user.get(KEYS, expect=200)["keys"]


def is_dead(key):
    key.get(DIRECTORY, expect=401).is_error(401, "credential_invalid")


def test_key_is_listed_as_it_was_made_and_its_token_only_shown_once(ann):
    response = ann.post(KEYS, {"name": "Café 1", "scopes": ["receive", "send"], "phone_id": "pixel"}, expect=200)
    assert response["key"]["name"] == "Café 1" and response["key"]["phone_id"] == "pixel"
    assert sorted(response["key"]["scopes"]) == ["receive", "send"]
    assert listed(ann) == [response["key"]]
    assert b"pck_" not in ann.get(KEYS).body


def test_keys_are_listed_oldest_first_and_nobody_elses(ann, bob):
    names = ["one", "two", "three"]
    for name in names:
        make_key(ann, "send", name=name)
    make_key(bob, "send")
    assert [key["name"] for key in listed(ann)] == names


def test_scope_named_twice_counts_once(ann):
    assert make_key(ann, "send", "send").key["scopes"] == ["send"]


def test_token_is_in_no_file_and_no_log(make_relay):
    relay = make_relay()
    key = make_key(relay.sign_in(), "receive")
    key.get(DIRECTORY, expect=200)
    assert relay.files_holding(key.secret.removeprefix("pck_").encode()) == []
    assert key.secret not in relay.stderr


def test_key_works_as_bearer_only(ann):
    key = make_key(ann, "receive")
    key.get(DIRECTORY, expect=200)
    ann.with_token(key.secret).get(DIRECTORY, expect=401).is_error(401, "credential_invalid")


def test_key_acts_as_its_owner(ann, bob):
    key = make_key(ann, "send")
    message_id = key.post("/api/v1/messages", {"to": bob.address, "text": "by key"}, expect=202)["message_id"]
    [item] = [item for item in bob.poll_all()[0] if item["message_id"] == message_id]
    assert item["from"] == ann.address
    assert ann.get(f"/api/v1/messages/{message_id}", expect=200)["message"]["text"] == "by key"


def test_key_polls_with_a_cursor_of_its_own(ann, bob):
    key, other = make_key(ann, "receive"), make_key(ann, "receive")
    for text in ("1", "2", "3"):
        bob.send(ann, text)
    assert [item["text"] for item in key.poll(limit=2)["messages"]] == ["1", "2"]
    assert [item["text"] for item in key.poll(limit=2)["messages"]] == ["3"]
    assert [item["text"] for item in other.poll(limit=9)["messages"]] == ["1", "2", "3"]
    assert ann.texts() == ["1", "2", "3"]


def test_key_starts_where_its_owner_has_confirmed(ann, bob):
    bob.send(ann, "old")
    ann.poll_all()
    bob.send(ann, "new")
    assert [item["text"] for item in make_key(ann, "receive").poll(cursor="")["messages"]] == ["new"]


def test_key_confirms_what_it_fetched(ann, bob):
    message_id = bob.send(ann)["message_id"]
    key = make_key(ann, "receive")
    cursor = key.poll()["cursor"]
    assert bob.status(message_id) == "claimed"
    key.poll(cursor=cursor)
    assert bob.status(message_id) == "delivered"


def test_key_is_no_session(ann):
    make_key(ann, "send", "receive")
    assert [entry["session_id"] for entry in ann.get(AUTH + "/sessions")["sessions"]] == [ann.session_id]
    ann.presence(True)
    entry = ann.listed(ann)
    assert len(entry["sessions"]) == 1


def test_key_cannot_be_ended_as_a_session_nor_a_session_as_a_key(ann):
    key = make_key(ann, "receive")
    ann.delete(f"{AUTH}/sessions/ses_{key.id[4:]}", expect=404)
    ann.delete(f"{KEYS}/key_{ann.session_id[4:]}", expect=404).is_error(404, "unknown_key")
    ann.post(f"{KEYS}/key_{ann.session_id[4:]}/rotate", expect=404).is_error(404, "unknown_key")
    key.get(DIRECTORY, expect=200)


def test_key_outlives_the_sessions_of_its_owner(relay, ann):
    key, other = make_key(ann, "receive"), relay.sign_in(ann.email, device_name="other")
    assert other.post(AUTH + "/logout-all", expect=200)["revoked"] == 1
    other.post(AUTH + "/logout", expect=200)
    key.get(DIRECTORY, expect=200)


def test_signing_in_with_the_name_of_a_key_leaves_the_key(relay, ann):
    key = make_key(ann, "receive", name="laptop")
    relay.sign_in(ann.email, device_name="", session_name="laptop")
    key.get(DIRECTORY, expect=200)


def test_last_use_shows_once_there_was_one(ann):
    key = make_key(ann, "receive")
    assert "last_used_at" not in listed(ann)[0]
    key.get(DIRECTORY, expect=200)
    wait_until("the use is noted", lambda: key.get(DIRECTORY) and listed(ann)[0].get("last_used_at"))


# -- rotating and ending ---------------------------------------------------------------------------

def test_rotated_key_has_another_token_and_keeps_its_cursor(ann, bob):
    key = make_key(ann, "receive", phone_id="p")
    bob.send(ann, "before")
    key.poll()
    response = ann.post(key.path + "/rotate", expect=200)
    fresh = KeyCaller(ann, response)
    assert fresh.secret != key.secret and fresh.id == key.id
    assert {**fresh.key, "last_used_at": 0} == {**key.key, "last_used_at": 0}
    is_dead(key)
    bob.send(ann, "after")
    assert [item["text"] for item in fresh.poll()["messages"]] == ["after"]


def test_ended_key_is_dead_at_once(ann):
    key, other = make_key(ann, "receive"), make_key(ann, "receive")
    assert ann.delete(key.path, expect=200)["status"] == "revoked"
    is_dead(key)
    other.get(DIRECTORY, expect=200)
    ann.delete(key.path, expect=404).is_error(404, "unknown_key")


def test_key_of_a_blocked_owner_is_dead_at_once_and_stays_dead(relay, ann):
    key = make_key(ann, "receive")
    relay.ctl("user", "block", ann.address)
    is_dead(key)
    relay.ctl("user", "unblock", ann.address)
    is_dead(key)


def test_key_of_an_erased_owner_is_dead_at_once(ann):
    key = make_key(ann, "receive")
    ann.delete(AUTH + "/me", expect=200)
    is_dead(key)


@pytest.mark.parametrize("name", [UNKNOWN, "1", "key_", "key_x", "%ff", UNKNOWN.upper()])
@pytest.mark.parametrize("call", ["rotate", "delete"])
def test_unknown_key_is_404(ann, call, name):
    method, path = ("POST", f"{KEYS}/{name}/rotate") if call == "rotate" else ("DELETE", f"{KEYS}/{name}")
    ann.call(method, path, check=False).is_error(404, "unknown_key", "not_found")


@pytest.mark.parametrize("call", ["rotate", "delete"])
def test_somebody_elses_key_is_404_and_stays(ann, bob, call):
    key = make_key(ann, "receive")
    if call == "rotate":
        bob.post(key.path + "/rotate", expect=404).is_error(404, "unknown_key")
    else:
        bob.delete(key.path, expect=404).is_error(404, "unknown_key")
    key.get(DIRECTORY, expect=200)


def test_fifty_keys_and_no_more_even_at_once(ann):
    for _ in range(47):
        make_key(ann, "send")
    found = at_once(*[lambda: ann.post(KEYS, {"name": "x", "scopes": ["send"]}).status for _ in range(6)])
    assert sorted(found) == [200, 200, 200, 409, 409, 409]
    ann.post(KEYS, {"name": "x", "scopes": ["send"]}, expect=409).is_error(409, "too_many_keys")
    ann.delete(f"{KEYS}/{listed(ann)[0]['key_id']}", expect=200)
    make_key(ann, "send")


# -- scopes ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("scopes", [["nonsense"], ["send", ""], ["Send"], ["send "], ["*"], ["send", "receive", "all"]], ids=str)
def test_unknown_scope_is_refused(ann, scopes):
    ann.post(KEYS, {"name": "x", "scopes": scopes}, expect=400).is_error(400, "invalid_field", field="scopes")
    assert listed(ann) == []


@pytest.mark.parametrize("fields, field", [
    ({"name": ""}, "name"), ({"name": "a\nb"}, "name"), ({"name": "x" * 129}, "name"), ({"scopes": []}, "scopes"),
    ({"scopes": ["send"] * 5}, "scopes"), ({"scopes": [1]}, "scopes"), ({"phone_id": "a\x07"}, "phone_id"),
    ({"phone_id": "x" * 129}, "phone_id"),
], ids=str)
def test_bad_field_is_named(ann, fields, field):
    ann.post(KEYS, {"name": "x", "scopes": ["send"], **fields}, expect=400).is_error(400, "invalid_field", field=field)


def test_admin_scope_is_an_admins_to_give(ann, admin):
    ann.post(KEYS, {"name": "x", "scopes": ["admin"]}, expect=403).is_error(403, "forbidden", field="scopes")
    make_key(admin, "admin").get(CHAT + "/admin/stats", expect=200)


def test_admin_scope_counts_only_while_the_owner_is_an_admin(relay, admin):
    relay.ctl("user", "promote", relay.sign_in().address)
    key = make_key(admin, "admin")
    relay.ctl("user", "demote", admin.address)
    key.get(CHAT + "/admin/stats", expect=403).is_error(403, "forbidden")


def test_key_of_an_admin_without_the_scope_is_no_admin(admin):
    make_key(admin, "send", "receive", "phone").get(CHAT + "/admin/stats", expect=403).is_error(403, "scope_missing")


@pytest.mark.parametrize("method, path", [("GET", KEYS), ("POST", KEYS), ("DELETE", f"{KEYS}/{UNKNOWN}"), ("POST", f"{KEYS}/{UNKNOWN}/rotate"),
                                          ("GET", AUTH + "/me"), ("DELETE", AUTH + "/me"), ("GET", AUTH + "/export")])
def test_what_is_for_sessions_only_is_closed_to_a_key_with_all_scopes(admin, method, path):
    key = make_key(admin, "send", "receive", "phone", "admin")
    key.call(method, path, expect=403).is_error(403, "scope_missing")


@pytest.mark.parametrize("scope", ["send", "receive"])
def test_receipts_are_for_those_who_send_and_those_who_receive(ann, scope):
    make_key(ann, scope).post(CHAT + "/receipt-status", {"message_ids": ["x"]}, expect=200)
