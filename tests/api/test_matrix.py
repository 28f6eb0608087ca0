"""Who may do what: every route asked by everybody. The table holds what is expected; a route without a row fails."""
import os
import subprocess

import pytest

from groups import accept
from keys import make_key

BUILD = os.environ.get("RELAY_BUILD", "build")
AUTH, CHAT, PHONE = "/api/v1/pchat/auth", "/api/v1/webchat", "/api/v1/phone"
GROUP = CHAT + "/groups/{group}"
GROUP_BODY = {"name": "G"}

# Columns: a plain user who has nothing to do with it, an ex-member of the group, a member, the owner (of group, message
# and session), an admin of the relay. Everybody without a valid credential gets 401 wherever a row is not OPEN.
OPEN = "open"
ROWS = {
    # method, path: (body, plain, ex-member, member, owner, admin)
    ("GET", "/health"): (OPEN, 200),
    ("GET", "/ready"): (OPEN, 200),
    ("GET", CHAT + "/config"): (OPEN, 200),
    ("GET", "/metrics"): (OPEN, 404),
    ("POST", AUTH + "/request-code"): (OPEN, 400),
    ("POST", AUTH + "/verify-code"): (OPEN, 400),
    ("GET", AUTH + "/me"): (None, 200, 200, 200, 200, 200),
    ("PUT", AUTH + "/me"): ({"language": "en"}, 200, 200, 200, 200, 200),
    ("DELETE", AUTH + "/me"): (None, 200, 200, 200, 200, 200),
    ("GET", AUTH + "/export"): (None, 200, 200, 200, 200, 200),
    ("GET", AUTH + "/sessions"): (None, 200, 200, 200, 200, 200),
    ("DELETE", AUTH + "/sessions/{session}"): (None, 404, 404, 404, 200, 404),
    ("POST", AUTH + "/logout"): (None, 200, 200, 200, 200, 200),
    ("POST", AUTH + "/logout-all"): (None, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/presence"): ({"chat_address": "{owner}", "visible": True}, 403, 403, 403, 200, 403),
    ("GET", CHAT + "/directory"): (None, 200, 200, 200, 200, 200),
    ("GET", CHAT + "/users/{second}"): (None, 404, 404, 200, 200, 404),
    ("POST", "/api/v1/messages"): ({"to": "{group}", "text": "x"}, 404, 404, 202, 202, 404),
    ("GET", "/api/v1/messages/{message}"): (None, 404, 404, 200, 200, 404),
    ("PATCH", "/api/v1/messages/{message}"): ({"text": "y"}, 404, 404, 403, 200, 404),
    ("DELETE", "/api/v1/messages/{message}"): (None, 404, 404, 200, 200, 404),
    ("POST", CHAT + "/poll"): ({"chat_address": "{owner}", "limit": 1}, 403, 403, 403, 200, 403),
    ("GET", CHAT + "/events"): (None, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/read"): ({"chat_address": "{owner}", "message_ids": ["x"]}, 403, 403, 403, 200, 403),
    ("POST", CHAT + "/receipt-status"): ({"message_ids": ["{message}"]}, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/typing"): ({"to": "{group}", "typing": True}, 404, 404, 200, 200, 404),
    ("POST", CHAT + "/translate"): ({"text": "x", "target": "en"}, 404, 404, 404, 404, 404),
    ("POST", CHAT + "/transcribe"): ({"file_id": "{file}"}, 404, 404, 404, 404, 404),
    ("GET", CHAT + "/calls/ice"): (None, 404, 404, 404, 404, 404),
    ("GET", CHAT + "/groups"): (None, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/groups"): (GROUP_BODY, 200, 200, 200, 200, 200),
    ("GET", GROUP): (None, 404, 404, 200, 200, 404),
    ("PATCH", GROUP): (GROUP_BODY, 404, 404, 403, 200, 404),
    ("DELETE", GROUP): (None, 404, 404, 403, 200, 404),
    ("POST", GROUP + "/join"): (None, 404, 404, 200, 200, 404),
    ("DELETE", GROUP + "/join"): (None, 404, 404, 404, 404, 404),
    ("POST", GROUP + "/leave"): (None, 404, 404, 200, 409, 404),
    ("GET", GROUP + "/requests"): (None, 404, 404, 403, 200, 404),
    ("POST", GROUP + "/requests/{request}/approve"): (None, 404, 404, 403, 404, 404),
    ("POST", GROUP + "/requests/{request}/reject"): (None, 404, 404, 403, 404, 404),
    ("GET", GROUP + "/invites"): (None, 404, 404, 403, 200, 404),
    ("POST", GROUP + "/invites"): ({"uses": 1}, 404, 404, 403, 200, 404),
    ("DELETE", GROUP + "/invites/{group_link}"): (None, 404, 404, 403, 200, 404),
    ("GET", GROUP + "/members"): (None, 404, 404, 200, 200, 404),
    ("POST", GROUP + "/members"): ({"chat_address": "{plain}"}, 404, 404, 403, 202, 404),
    ("PATCH", GROUP + "/members/{second}"): ({"role": "writer"}, 404, 404, 403, 200, 404),
    ("DELETE", GROUP + "/members/{second}"): (None, 404, 404, 403, 200, 404),
    ("GET", CHAT + "/invites"): (None, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/invites/{invite}/accept"): (None, 200, 404, 404, 404, 404),
    ("POST", CHAT + "/invites/{invite}/decline"): (None, 200, 404, 404, 404, 404),
    ("POST", CHAT + "/upload"): (None, 415, 415, 415, 415, 415),
    ("PUT", CHAT + "/upload"): (None, 200, 200, 200, 200, 200),
    ("GET", CHAT + "/files"): (None, 200, 200, 200, 200, 200),
    ("GET", CHAT + "/files/{file}"): (None, 404, 404, 200, 200, 404),
    ("POST", CHAT + "/files/{file}/link"): (None, 404, 404, 200, 200, 404),
    ("DELETE", CHAT + "/files/{file}"): (None, 404, 404, 404, 200, 404),
    ("GET", CHAT + "/blocks"): (None, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/blocks"): ({"chat_address": "{second}"}, 200, 200, 200, 200, 200),
    ("DELETE", CHAT + "/blocks/{second}"): (None, 200, 200, 200, 200, 200),
    ("DELETE", CHAT + "/blocks/{channel}/{number}"): (None, 200, 200, 200, 200, 200),
    ("GET", CHAT + "/contacts"): (None, 200, 200, 200, 200, 200),
    ("PUT", CHAT + "/contacts"): ({"contacts": []}, 200, 200, 200, 200, 200),
    ("GET", CHAT + "/prefs"): (None, 200, 200, 200, 200, 200),
    ("PUT", CHAT + "/prefs"): ({"prefs": "x"}, 200, 200, 200, 200, 200),
    ("PUT", CHAT + "/push"): ({"endpoint": "https://push.example.com/1"}, 404, 404, 404, 404, 404),
    ("DELETE", CHAT + "/push"): (None, 200, 200, 200, 200, 200),
    ("GET", CHAT + "/keys"): (None, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/keys"): ({"name": "x", "scopes": ["send"]}, 200, 200, 200, 200, 200),
    ("POST", CHAT + "/keys/{key}/rotate"): (None, 404, 404, 404, 200, 404),
    ("DELETE", CHAT + "/keys/{key}"): (None, 404, 404, 404, 200, 404),
    ("POST", PHONE + "/claim"): ({"phone_id": ""}, 200, 200, 200, 200, 200),
    ("POST", PHONE + "/ack"): ({"phone_id": "", "results": [{"message_id": "{message}", "status": "sent"}]}, 200, 200, 200, 200, 200),
    ("POST", PHONE + "/inbound"): ({"phone_id": "", "channel": "sms", "from": "1", "text": "x", "received_at": 1}, 202, 202, 202, 202, 202),
    ("GET", CHAT + "/phones"): (None, 200, 200, 200, 200, 200),
    ("GET", CHAT + "/admin/users"): (None, 403, 403, 403, 403, 200),
    ("POST", CHAT + "/admin/users/{second}"): ({"action": "hide"}, 403, 403, 403, 403, 200),
    ("DELETE", CHAT + "/admin/users/{second}"): (None, 403, 403, 403, 403, 200),
    ("GET", CHAT + "/admin/users/{second}/sessions"): (None, 403, 403, 403, 403, 200),
    ("DELETE", CHAT + "/admin/users/{second}/sessions"): (None, 403, 403, 403, 403, 200),
    ("DELETE", CHAT + "/admin/users/{owner}/sessions/{session}"): (None, 403, 403, 403, 403, 200),
    ("GET", CHAT + "/admin/groups"): (None, 403, 403, 403, 403, 200),
    ("DELETE", CHAT + "/admin/groups/{group}"): (None, 403, 403, 403, 403, 200),
    ("GET", CHAT + "/admin/invites"): (None, 403, 403, 403, 403, 200),
    ("POST", CHAT + "/admin/invites"): ({"uses": 1}, 403, 403, 403, 403, 200),
    ("DELETE", CHAT + "/admin/invites/{link}"): (None, 403, 403, 403, 403, 200),
    ("GET", CHAT + "/admin/stats"): (None, 403, 403, 403, 403, 200),
    ("GET", CHAT + "/admin/health"): (None, 403, 403, 403, 403, 200),
    ("GET", CHAT + "/admin/audit"): (None, 403, 403, 403, 403, 200),
    ("GET", CHAT + "/admin/access-requests"): (None, 403, 403, 403, 403, 200),
    ("POST", CHAT + "/admin/access-requests/{request}/approve"): (None, 403, 403, 403, 403, 404),
    ("POST", CHAT + "/admin/access-requests/{request}/deny"): (None, 403, 403, 403, 403, 404),
}

# What an API key may call, with the scope that lets it in; all that is open to no key is not here.
SCOPES = {
    ("POST", CHAT + "/upload"): ["send"],
    ("PUT", CHAT + "/upload"): ["send"],
    ("GET", CHAT + "/files"): ["receive"],
    ("GET", CHAT + "/files/{file}"): ["receive"],
    ("POST", CHAT + "/files/{file}/link"): ["receive"],
    ("DELETE", CHAT + "/files/{file}"): ["send"],
    ("GET", CHAT + "/directory"): ["receive"],
    ("GET", CHAT + "/users/{second}"): ["receive"],
    ("POST", "/api/v1/messages"): ["send"],
    ("GET", "/api/v1/messages/{message}"): ["receive"],
    ("PATCH", "/api/v1/messages/{message}"): ["send"],
    ("DELETE", "/api/v1/messages/{message}"): ["send"],
    ("POST", CHAT + "/poll"): ["receive"],
    ("GET", CHAT + "/events"): ["receive"],
    ("POST", CHAT + "/read"): ["receive"],
    ("POST", CHAT + "/receipt-status"): ["send", "receive"],
    ("POST", CHAT + "/typing"): ["send"],
    ("POST", CHAT + "/translate"): ["receive"],
    ("POST", CHAT + "/transcribe"): ["receive"],
    ("PUT", CHAT + "/push"): ["receive"],
    ("DELETE", CHAT + "/push"): ["receive"],
    ("GET", CHAT + "/groups"): ["receive"],
    ("GET", GROUP): ["receive"],
    ("GET", GROUP + "/members"): ["receive"],
    ("GET", CHAT + "/invites"): ["receive"],
    ("POST", PHONE + "/claim"): ["phone"],
    ("POST", PHONE + "/ack"): ["phone"],
    ("POST", PHONE + "/inbound"): ["phone"],
    ("GET", CHAT + "/phones"): ["receive"],
    **{row: ["admin"] for row in ROWS if "/admin/" in row[1]},
}


@pytest.fixture(scope="module")
def world_relay(built):
    from harness import Relay
    with Relay({"PCHAT_ADMIN_DOMAINS": "admins.example"}) as relay:
        yield relay


def nameless(path):
    """The path with * in the places of its parameters, as relayd names it."""
    return "/".join("*" if part.startswith("{") else part for part in path.split("/"))


def make_world(relay):
    """A private group with one message of its owner, and people around it."""
    people = {name: relay.sign_in() for name in ("plain", "exmember", "member", "owner", "second")}
    people["admin"] = relay.sign_in(f"{people['plain'].address}@admins.example")
    owner = people["owner"]
    group = owner.post(CHAT + "/groups", {"name": "Private"}, expect=200)["group_id"]
    for name in ("exmember", "member", "second"):
        owner.post(f"{CHAT}/groups/{group}/members", {"chat_address": people[name].address}, expect=202)
        accept(people[name])
    owner.post(f"{CHAT}/groups/{group}/members", {"chat_address": people["plain"].address}, expect=202)
    names = {name: person.address for name, person in people.items()}
    names["file"] = owner.put(CHAT + "/upload?name=a.txt", data=b"bytes", expect=200)["file_id"]
    names["group"], names["message"] = group, owner.send(group, attachments=[names["file"]])["message_id"]
    people["exmember"].post(f"{CHAT}/groups/{group}/leave", expect=200)
    names["session"] = owner.get(AUTH + "/me", expect=200)["session"]["session_id"]
    names["key"] = make_key(owner, "send").id
    [invite] = people["plain"].get(CHAT + "/invites", expect=200)["invites"]
    names["invite"] = invite["invite_id"]
    names["link"] = people["admin"].post(CHAT + "/admin/invites", {"uses": 2}, expect=200)["invite"]["invite_id"]
    names["group_link"] = owner.post(f"{CHAT}/groups/{group}/invites", {"uses": 2}, expect=200)["invite"]["invite_id"]
    names["channel"], names["number"] = "sms", "+4930123"
    names["request"] = "req_" + "0" * 32
    return people, names


def fill(value, names):
    """The row's path or body with the names of this world."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", text)
        return value + ("?after=" if value == CHAT + "/events" else "")  # the stream has no end
    if isinstance(value, dict):
        return {key: fill(item, names) for key, item in value.items()}
    return [fill(item, names) for item in value] if isinstance(value, list) else value


def strangers(relay):
    """Clients whose credential is not good: (name, client)."""
    revoked, blocked, expired = relay.sign_in(), relay.sign_in(), relay.sign_in()
    revoked.post(AUTH + "/logout", expect=200)
    relay.ctl("user", "block", blocked.address)
    with relay.opened_database() as database:
        database.execute("UPDATE session SET expires_at = 1 WHERE account_id = "
                         "(SELECT id FROM account WHERE chat_address = ?)", (expired.address,))
    return [("nobody", relay.client()), ("forged", relay.client("pct_" + "A" * 43)), ("revoked", revoked),
            ("blocked", blocked), ("expired", expired), ("other-kind", relay.client("pck_" + "A" * 43))]


@pytest.fixture(scope="module")
def without_credential(world_relay):
    return strangers(world_relay)


def test_every_route_has_a_row_and_every_row_a_route():
    listed = subprocess.run([os.path.join(BUILD, "relayd"), "--routes"], capture_output=True, text=True, check=True).stdout
    routes = {tuple(line.split()[:2]) for line in listed.splitlines()}
    rows = {(method, nameless(path)) for method, path in ROWS}
    assert routes - rows == set() and rows - routes == set()


@pytest.mark.parametrize("method, path", ROWS, ids=lambda value: value)
def test_without_a_good_credential_nothing_but_open_routes_responds(world_relay, without_credential, method, path):
    body, *expected = ROWS[method, path]
    names = {key: "x" for key in ("file", "group", "message", "session", "request", "key", "second", "owner", "plain")}
    for name, client in without_credential:
        response = client.call(method, fill(path, names), None if body == OPEN else fill(body, names), check=False)
        assert response.status == (expected[0] if body == OPEN else 401), (name, response)


@pytest.mark.parametrize("method, path", [row for row in ROWS if ROWS[row][0] != OPEN], ids=lambda value: value)
def test_each_may_what_the_table_says(world_relay, method, path):
    people, names = make_world(world_relay)
    body, *expected = ROWS[method, path]
    found = [people[name].call(method, fill(path, names), fill(body, names), check=False).status
             for name in ("plain", "exmember", "member", "owner", "admin")]
    assert found == expected


@pytest.mark.parametrize("method, path", [row for row in ROWS if ROWS[row][0] != OPEN], ids=lambda value: value)
def test_a_key_is_let_in_by_the_scope_of_the_table_and_by_no_other(world_relay, method, path):
    people, names = make_world(world_relay)
    body, *expected = ROWS[method, path]
    needed = SCOPES.get((method, path), [])
    column = "admin" if needed == ["admin"] else "owner"
    others = [scope for scope in ("send", "receive", "phone", "admin") if scope not in needed]
    if column != "admin":
        world_relay.ctl("user", "promote", people["owner"].address)
    key = make_key(people[column], *others)
    key.call(method, fill(path, names), fill(body, names)).is_error(403, "scope_missing")
    if needed:
        key = make_key(people[column], needed[0])
        response = key.call(method, fill(path, names), fill(body, names))
        assert response.status == expected[3 if column == "owner" else 4], response
