"""What admins of a relay see and do: accounts, figures, the audit log."""
from urllib.parse import quote

import pytest

from groups import Group, at_once, show
from harness import Relay, run, unique
from keys import make_key

ADMIN = "/api/v1/webchat/admin"
USERS, STATS, AUDIT = (f"{ADMIN}/{name}" for name in ("users", "stats", "audit"))
ME = "/api/v1/pchat/auth/me"
VERBS = ("promote", "demote", "block", "unblock", "hide", "unhide")


@pytest.fixture(name="boss")
def admin_of_the_shared_relay(relay):
    user = relay.sign_in(display_name="Boss")
    relay.ctl("user", "promote", user.address)
    return user


def act(admin, user, action, expect=200):
    return admin.post(f"{USERS}/{user if isinstance(user, str) else user.address}", {"action": action}, expect=expect)


def entry_of(admin, user):
    """The one entry of the user in the list."""
    [found] = [entry for entry in admin.get(f"{USERS}?q={user.address}", expect=200)["users"] if entry["chat_address"] == user.address]
    return found


# -- the list --------------------------------------------------------------------------------------

def test_list_shows_the_account_with_its_flags(boss, ann):
    found = entry_of(boss, ann)
    found.pop("last_seen_at", None)
    assert found == {**ann.user, "blocked": False, "hidden": False}


def test_list_tells_when_the_user_was_seen_last(boss, ann):
    ann.presence(True)
    assert entry_of(boss, ann)["last_seen_at"] >= ann.user["created_at"]


@pytest.mark.parametrize("part", ["address", "name", "email"])
def test_search_matches_address_name_and_mail(relay, boss, part):
    marks = {"address": unique("adr"), "name": unique("NAME"), "email": unique("mail")}
    user = relay.sign_in(marks["email"] + "@example.com", chat_address=marks["address"], display_name=f"Grace {marks['name']} H")
    for query in (marks[part], marks[part].upper(), marks[part][1:]):
        found = boss.get(f"{USERS}?q={quote(query)}", expect=200)["users"]
        assert [entry["chat_address"] for entry in found] == [user.address], query


@pytest.mark.parametrize("limit, sizes", [(2, [2, 2, 1]), (5, [5]), (200, [5])])
def test_list_pages_through_everybody_once(relay, boss, limit, sizes):
    mark = unique("page")
    wanted = [relay.sign_in(chat_address=f"{mark}{n}").address for n in range(5)]
    pages, query = [], f"?q={mark}&limit={limit}"
    while query:
        response = boss.get(USERS + query, expect=200)
        pages.append([entry["chat_address"] for entry in response["users"]])
        query = response["has_more"] and f"?q={mark}&limit={limit}&after={response['after']}"
    assert [len(page) for page in pages] == sizes and sum(pages, []) == wanted


@pytest.mark.parametrize("path, query, field", [
    (USERS, "limit=0", "limit"), (USERS, "limit=201", "limit"), (USERS, "q=" + "x" * 129, "q"), (USERS, "after=%00", "after"),
    (AUDIT, "limit=0", "limit"), (AUDIT, "limit=201", "limit"), (AUDIT, "after=x", "after"), (AUDIT, "after=-1", "after"),
    (AUDIT, "after=5x", "after"), (AUDIT, "after=1e3", "after"), (AUDIT, "after=%201", "after"), (AUDIT, "after=%2B1", "after")])
def test_list_refuses_a_bad_page(boss, path, query, field):
    boss.get(f"{path}?{query}", expect=400).is_error(400, "invalid_field", field=field)


# -- what an admin does ----------------------------------------------------------------------------

@pytest.mark.parametrize("first, then, field, value", [
    (None, "promote", "role", "admin"), ("promote", "demote", "role", "user"), (None, "block", "blocked", True),
    ("block", "unblock", "blocked", False), (None, "hide", "hidden", True), ("hide", "unhide", "hidden", False)])
def test_action_changes_its_own_flag_only_and_again_is_no_error(boss, ann, first, then, field, value):
    before = entry_of(boss, ann)
    for action in filter(None, (first, then, then)):
        user = act(boss, ann, action)["user"]
    after = entry_of(boss, ann)
    assert user[field] == after[field] == value
    for entry in (before, after):
        entry.pop("last_seen_at", None)
    assert after == {**before, field: value}


def test_blocked_user_is_out_at_once_and_cannot_come_back(relay, boss, ann):
    other = relay.sign_in(ann.email)
    act(boss, ann, "block")
    for session in (ann, other):
        session.get(ME, expect=401)
    email = ann.email
    response = relay.client().post("/api/v1/pchat/auth/request-code", {"email": email}, expect=202)
    if "dev_code" in response.json:
        relay.client().post("/api/v1/pchat/auth/verify-code", {"email": email, "code": response["dev_code"]}, expect=401)
    act(boss, ann, "unblock")
    assert relay.sign_in(email).address == ann.address


def test_hidden_user_is_not_listed(boss, ann, bob):
    act(boss, ann, "hide")
    assert bob.listed(ann) is None
    act(boss, ann, "unhide")
    assert bob.listed(ann) is not None


def test_promoted_user_is_an_admin_at_once_until_demoted(boss, ann):
    ann.get(USERS, expect=403)
    act(boss, ann, "promote")
    assert ann.get(ME)["user"]["role"] == "admin"
    act(ann, boss, "hide")
    act(boss, ann, "demote")
    for method, path, body in (("GET", USERS, None), ("GET", STATS, None), ("GET", AUDIT, None), ("POST", f"{USERS}/{boss.address}", {"action": "unhide"})):
        ann.call(method, path, body, expect=403).is_error(403, "forbidden")


@pytest.mark.parametrize("action", VERBS)
def test_plain_user_can_do_nothing(ann, bob, action):
    act(ann, bob, action, 403).is_error(403, "forbidden")
    act(ann, ann, action, 403).is_error(403, "forbidden")


@pytest.mark.parametrize("name", ["nobody-here", "relay", "%27", "x" * 64])
def test_action_on_nobody_is_404(boss, name):
    act(boss, name, "hide", 404).is_error(404, "unknown_user")


@pytest.fixture(scope="module", name="small")
def relay_with_no_admin_yet(built):
    with Relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0}) as relay:
        yield relay


@pytest.mark.parametrize("action", ["demote", "block"])
def test_last_admin_stays(small, action):
    boss = small.sign_in()
    small.ctl("user", "promote", boss.address)
    others = [entry["chat_address"] for entry in boss.get(f"{USERS}?limit=200")["users"] if entry["role"] == "admin"]
    for other in set(others) - {boss.address}:
        act(boss, other, "demote")
    act(boss, boss, action, 409).is_error(409, "last_admin")
    found = entry_of(boss, boss)
    assert (found["role"], found["blocked"]) == ("admin", False)
    assert boss.address not in [entry["target"] for entry in boss.get(AUDIT)["entries"] if entry["action"] == action]


def test_two_admins_who_demote_each_other_leave_one(small):
    pair = [small.sign_in() for _ in range(2)]
    for user in pair:
        small.ctl("user", "promote", user.address)
    for entry in pair[0].get(f"{USERS}?limit=200")["users"]:
        if entry["role"] == "admin" and entry["chat_address"] not in [user.address for user in pair]:
            act(pair[0], entry["chat_address"], "demote")
    # either: two at once; the first may make the second no admin, or the last one
    at_once(lambda: act(pair[0], pair[1], "demote", (200, 403, 409)), lambda: act(pair[1], pair[0], "demote", (200, 403, 409)))
    roles = [user.get(ME)["user"]["role"] for user in pair]
    assert "admin" in roles


# -- figures ---------------------------------------------------------------------------------------

def test_stats_count_what_is_there(small):
    boss = small.sign_in()
    small.ctl("user", "promote", boss.address)
    before = boss.get(STATS, expect=200).json
    ann, bob = small.sign_in(), small.sign_in()
    small.sign_in(bob.email)
    Group(ann)
    ann.send(bob)
    got = ann.send(bob)["message_id"]
    bob.read(got)
    after = boss.get(STATS, expect=200).json
    more = {name: after[name] - before[name] for name in after if name not in ("success", "days")}
    assert more == {"accounts": 2, "sessions": 3, "groups": 1, "messages": 2, "undelivered": 1, "mails": 0, "access_requests": 0}


# -- the audit log ---------------------------------------------------------------------------------

def deeds(admin, target):
    """(actor, action) of what was done to the target, newest first."""
    return [(entry["actor"], entry["action"]) for entry in admin.get(f"{AUDIT}?limit=200", expect=200)["entries"]
            if entry["target"] == target]


def test_every_action_is_in_the_log_newest_first(relay, boss, ann):
    for action in VERBS:
        act(boss, ann, action)
    relay.ctl("user", "hide", ann.address)
    assert deeds(boss, ann.address) == [("relayctl", "hide"), *((boss.address, action) for action in reversed(VERBS))]
    times = [entry["at"] for entry in boss.get(f"{AUDIT}?limit=200")["entries"]]
    assert times == sorted(times, reverse=True)


def test_refused_action_is_not_in_the_log(boss, ann, bob):
    act(ann, bob, "promote", 403)
    act(boss, bob, "explode", 400)
    assert deeds(boss, bob.address) == []


def test_log_pages_through_everything_once(boss, ann):
    for _ in range(7):
        act(boss, ann, "hide")
    found, query, pages = [], "?limit=3", 0
    while query and pages < 3:
        response = boss.get(AUDIT + query, expect=200)
        found += [(entry["at"], entry["target"]) for entry in response["entries"]]
        query, pages = response["has_more"] and f"?limit=3&after={response['after']}", pages + 1
    assert found == [(entry["at"], entry["target"]) for entry in boss.get(f"{AUDIT}?limit=9")["entries"]]


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_decision_on_access_is_in_the_log(make_relay, verb):
    relay = make_relay({"PCHAT_AUTH_ALLOWED_EMAILS": "x@example.com", "PCHAT_ADMIN_EMAILS": "admin@example.com"})
    admin = relay.sign_in("admin@example.com")
    relay.client().post("/api/v1/pchat/auth/request-code", {"email": "otto@example.com"}, expect=202)
    [request] = admin.get(f"{ADMIN}/access-requests", expect=200)["requests"]
    for _ in range(2):
        admin.post(f"{ADMIN}/access-requests/{request['request_id']}/{verb}", expect=200)
    entries = admin.get(AUDIT, expect=200)["entries"]
    assert [entry["actor"] for entry in entries if entry["action"].startswith(verb)] == [admin.address]


# -- sessions of a user ----------------------------------------------------------------------------

def path_of(user):
    return f"{USERS}/{user.address}"


def test_sessions_of_a_user_are_listed_without_their_tokens_and_one_is_ended(relay, boss):
    ann = relay.sign_in(device_name="Laptop", session_name="work")
    other = relay.sign_in(ann.email, device_name="Phone")
    response = boss.get(f"{path_of(ann)}/sessions", expect=200)
    assert {(s["device_name"], s["current"]) for s in response["sessions"]} == {("Laptop", False), ("Phone", False)}
    assert ann.token not in str(response.json) and other.token not in str(response.json)
    [laptop] = [s["session_id"] for s in response["sessions"] if s["device_name"] == "Laptop"]
    assert boss.delete(f"{path_of(ann)}/sessions/{laptop}", expect=200)["status"] == "revoked"
    ann.get(ME, expect=401)
    other.get(ME, expect=200)
    boss.delete(f"{path_of(ann)}/sessions/{laptop}", expect=404).is_error(404, "unknown_session")
    assert deeds(boss, ann.address) == [(boss.address, "end-session")]


def test_sessions_of_a_user_come_in_pages(relay, boss):
    ann = relay.sign_in()
    others = [relay.sign_in(ann.email) for _ in range(2)]
    first = boss.get(f"{path_of(ann)}/sessions?limit=2", expect=200)
    rest = boss.get(f"{path_of(ann)}/sessions?limit=2&after={first['after']}", expect=200)
    assert len(first["sessions"]) == 2 and len(rest["sessions"]) == 1 and rest["has_more"] is False and others


def test_all_sessions_and_keys_of_a_user_are_ended(relay, boss):
    ann = relay.sign_in()
    relay.sign_in(ann.email)
    key = make_key(ann, "receive")
    assert boss.delete(f"{path_of(ann)}/sessions", expect=200)["revoked"] == 3
    ann.get(ME, expect=401)
    key.get("/api/v1/webchat/groups", expect=401)
    assert boss.get(f"{path_of(ann)}/sessions", expect=200)["sessions"] == []
    assert deeds(boss, ann.address) == [(boss.address, "logout")]


def test_session_of_somebody_else_is_not_ended_in_their_stead(boss, ann, bob):
    session = ann.get(ME)["session"]["session_id"]
    boss.delete(f"{path_of(bob)}/sessions/{session}", expect=404).is_error(404, "unknown_session")
    ann.get(ME, expect=200)
    assert deeds(boss, bob.address) == []


@pytest.mark.parametrize("method, rest", [("GET", "/sessions"), ("DELETE", "/sessions"), ("DELETE", "/sessions/ses_x"), ("DELETE", "")])
def test_user_who_is_nobody_is_404(boss, method, rest):
    boss.call(method, f"{USERS}/nobody-here{rest}", expect=404).is_error(404, "unknown_user")


# -- the end of an account -------------------------------------------------------------------------

def test_deleted_user_is_gone_and_named_nowhere(relay, boss, bob):
    ann = relay.sign_in()
    group = Group(ann, name="Left behind")
    ann.send(bob, "last words")
    act(boss, ann, "hide")
    assert boss.delete(path_of(ann), expect=200)["status"] == "erased"
    ann.get(ME, expect=401)
    boss.delete(path_of(ann), expect=404).is_error(404, "unknown_user")
    assert bob.poll_all("")[0] == []
    boss.delete(f"{ADMIN}/groups/{group.id}", expect=404)
    log = boss.get(f"{AUDIT}?limit=200", expect=200)
    assert [(e["actor"], e["action"], e["target"]) for e in log["entries"]][:2] == [(boss.address, "delete", "erased"), (boss.address, "hide", "erased")]
    assert ann.address not in str(log.json) and ann.email not in str(log.json)
    again = relay.sign_in(ann.email)
    assert again.address != ann.address


def test_admin_is_not_deleted_by_themselves(boss):
    boss.delete(path_of(boss), expect=409).is_error(409, "own_account")
    boss.get(ME, expect=200)


def test_admin_deletes_another_admin_and_two_who_delete_each_other_leave_one(small):
    pair = [small.sign_in() for _ in range(2)]
    for user in pair:
        small.ctl("user", "promote", user.address)
    for entry in pair[0].get(f"{USERS}?limit=200")["users"]:
        if entry["role"] == "admin" and entry["chat_address"] not in [user.address for user in pair]:
            pair[0].delete(f"{USERS}/{entry['chat_address']}", expect=200)
    # either: two at once; the second may be gone already when it asks, or the last one
    at_once(*(lambda a=a, b=b: a.delete(path_of(b), expect=(200, 401, 404, 409)) for a, b in (pair, pair[::-1])))
    assert sorted(user.get(ME, check=False).status for user in pair) == [200, 401]


# -- groups ----------------------------------------------------------------------------------------

def overview_of(admin, group):
    [found] = [g for g in admin.get(f"{ADMIN}/groups?q={quote(group.now()['name'])}", expect=200)["groups"] if g["group_id"] == group.id]
    return found


def test_group_is_shown_with_its_owner_and_nothing_of_what_is_said(relay, boss, ann, bob):
    group = Group(ann, name=unique("Überall"), mode="stream")
    group.add(bob)
    shown = group.now()
    shown.pop("role")
    found = overview_of(boss, group)
    assert found.pop("active_at") >= shown["created_at"]
    assert found == {**shown, "owner": ann.address, "owner_count": 1}
    secret = unique("word")
    sent_at = show(ann, ann.send(group.id, secret)["message_id"])["message"]["created_at"]
    group.set_role(bob, "owner")
    found = overview_of(boss, group)
    assert found["active_at"] >= sent_at and (found["owner"], found["owner_count"]) == (ann.address, 2)
    assert secret not in str(found) and bob.address not in str(found)


def test_groups_are_searched_by_name_and_come_in_pages(boss, ann):
    mark = unique("PAGES")
    wanted = [Group(ann, name=f"{mark} {n}").id for n in range(3)]
    first = boss.get(f"{ADMIN}/groups?q={mark.lower()}&limit=2", expect=200)
    rest = boss.get(f"{ADMIN}/groups?q={mark.lower()}&limit=2&after={first['after']}", expect=200)
    assert [g["group_id"] for g in [*first["groups"], *rest["groups"]]] == wanted and rest["has_more"] is False
    assert boss.get(f"{ADMIN}/groups?q={mark}%25nothing", expect=200)["groups"] == []


def test_group_is_deleted_and_its_members_are_told_that_the_relay_did_it(boss, ann, bob):
    group = Group(ann, name="Gone")
    group.add(bob)
    assert boss.delete(f"{ADMIN}/groups/{group.id}", expect=200)["status"] == "deleted"
    group.show(expect=404)
    [event] = [item["event"] for item in bob.poll_all("")[0] if item.get("event", {}).get("type") == "deleted"]
    assert boss.address not in str(event)
    boss.delete(f"{ADMIN}/groups/{group.id}", expect=404).is_error(404, "unknown_group")
    assert deeds(boss, group.id) == [(boss.address, "delete-group")]


# -- what days came to -----------------------------------------------------------------------------

def sweep(relay):
    done = run("relay-sweep", "--dir", relay.folder, "--now")
    assert done.returncode == 0, done


def test_days_count_messages_and_people_and_outlive_them(small):
    boss = small.sign_in()
    small.ctl("user", "promote", boss.address)
    sweep(small)
    before = boss.get(STATS, expect=200)["days"][-1]
    ann, bob = small.sign_in(), small.sign_in()
    got = [ann.send(bob)["message_id"] for _ in range(3)]
    ann.post("/api/v1/messages", {"to": bob.address, "kind": "reaction", "text": "👍", "reply_to": got[0]}, expect=202)
    Group(ann)  # what the relay itself says counts for nobody
    sweep(small)
    sweep(small)
    boss.delete(path_of(ann), expect=200)
    sweep(small)
    after = boss.get(STATS, expect=200)["days"][-1]
    if after["starts_at"] == before["starts_at"]:  # not at midnight
        assert {name: after[name] - before[name] for name in ("messages", "users", "accounts")} == {"messages": 3, "users": 2, "accounts": 1}
