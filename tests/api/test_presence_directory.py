"""Presence and the directory of public users."""
from urllib.parse import quote

import pytest

from client import wait_until
from harness import unique

DIRECTORY = "/api/v1/webchat/directory"
PRESENCE = "/api/v1/webchat/presence"


def listed(user, query=""):
    """Chat addresses on one page, in order."""
    return [entry["chat_address"] for entry in user.get(DIRECTORY + query, expect=200)["users"]]


# -- presence --------------------------------------------------------------------------------------

def test_new_session_is_not_online_before_its_first_presence(ann, bob):
    entry = bob.listed(ann)
    assert entry["online"] is False and entry["sessions"] == []


def test_visible_presence_makes_the_user_online_with_its_session(ann, bob):
    assert ann.presence(True, device_name="laptop", session_name="tab", listen_channel="c")["online"] is True
    entry = bob.listed(ann)
    assert entry["online"] is True
    assert entry["sessions"] == [{"device_name": "laptop", "session_name": "tab", "listen_channel": "c"}]


def test_invisible_presence_makes_the_user_offline_at_once(ann, bob):
    ann.presence(True)
    assert ann.presence(False)["online"] is False
    entry = bob.listed(ann)
    assert entry["online"] is False and entry["sessions"] == []


def test_one_visible_session_keeps_the_user_online(relay, ann, bob):
    phone = relay.sign_in(ann.email)
    ann.presence(True, device_name="laptop")
    phone.presence(True, device_name="phone")
    ann.presence(False)
    entry = bob.listed(ann)
    assert entry["online"] is True
    assert [session["device_name"] for session in entry["sessions"]] == ["phone"]


def test_logout_makes_the_user_offline(ann, bob):
    ann.presence(True)
    ann.post("/api/v1/pchat/auth/logout", expect=200)
    assert bob.listed(ann)["online"] is False


def test_user_not_seen_for_60_seconds_is_offline(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(public_visible=True), relay.sign_in()
    ann.presence(True)
    with relay.locked_database() as link:
        link.execute("UPDATE session SET last_seen_at = last_seen_at - 61000")
    entry = bob.listed(ann)
    assert entry["online"] is False and entry["sessions"] == []


def test_presence_keeps_session_names_that_it_does_not_mention(relay):
    ann = relay.sign_in(device_name="laptop", session_name="tab", listen_channel="c")
    ann.presence(True)
    session = ann.get("/api/v1/pchat/auth/me")["session"]
    assert (session["device_name"], session["session_name"], session["listen_channel"]) == ("laptop", "tab", "c")
    assert session["visible"] is True


def test_presence_names_a_user_without_a_name_only(relay, ann):
    nameless = relay.sign_in()
    for user in (nameless, ann):
        user.presence(True, display_name="From Presence")
    assert nameless.get("/api/v1/pchat/auth/me")["user"]["display_name"] == "From Presence"
    assert ann.get("/api/v1/pchat/auth/me")["user"]["display_name"] == "Ann"


def test_presence_for_somebody_else_is_403(ann, bob):
    body = {"chat_address": bob.address, "display_name": "", "visible": False}
    ann.post(PRESENCE, body, expect=403).is_error(403, "not_your_address")


# -- directory -------------------------------------------------------------------------------------

def test_directory_lists_public_users_only_in_order_of_address(relay):
    mark = unique("order")
    users = {name: relay.sign_in(chat_address=f"{mark}{name}", public_visible=name != "c") for name in "bca"}
    assert listed(users["c"], f"?q={mark}") == [f"{mark}a", f"{mark}b"]


def test_directory_shows_the_caller_too_when_public(ann):
    assert ann.listed(ann)["display_name"] == "Ann"


def test_directory_follows_public_visible(ann, bob):
    ann.put("/api/v1/pchat/auth/me", {"public_visible": False}, expect=200)
    assert bob.listed(ann) is None


def test_directory_shows_no_mail_address(ann, bob):
    assert ann.email.encode() not in bob.get(f"{DIRECTORY}?q={ann.address}", expect=200).body


@pytest.mark.parametrize("verb", ["hide", "block"])
def test_directory_leaves_out_hidden_and_blocked_users(relay, ann, bob, verb):
    ann.presence(True)
    relay.ctl("user", verb, ann.address)
    assert bob.listed(ann) is None
    relay.ctl("user", "un" + verb, ann.address)
    assert bob.listed(ann) is not None


@pytest.mark.parametrize("name, query", [
    ("Grace {mark} Hopper", "{mark}"), ("Grace {mark} Hopper", "GRACE {MARK}"), ("ÄRGER {mark}", "ärger {mark}"),
    ("100% {mark}", "100% {mark}"), ("a_b {mark}", "a_b {mark}"), ("😀 {mark}", "😀 {mark}"), ("c:\\{mark}", "\\{mark}"),
    ("o'{mark}", "'{mark}"),
], ids=["part", "case", "umlaut", "percent", "underscore", "emoji", "backslash", "quote"])
def test_directory_search_matches_part_of_a_name(relay, bob, name, query):
    mark = unique()
    ann = relay.sign_in(display_name=name.format(mark=mark), public_visible=True)
    query = query.format(mark=mark, MARK=mark.upper())
    assert listed(bob, "?q=" + quote(query)) == [ann.address]


@pytest.mark.parametrize("query", ["{mark}%25x", "{mark}_x", "%25{mark}_x", "{mark}*x"])
def test_directory_search_has_no_wildcards(relay, bob, query):
    mark = unique()
    relay.sign_in(display_name=f"{mark}ZZx", public_visible=True)
    assert listed(bob, "?q=" + query.format(mark=mark)) == []


def test_directory_search_matches_part_of_an_address(relay, bob):
    ann = relay.sign_in(chat_address=unique("findme."), public_visible=True)
    assert listed(bob, f"?q={ann.address[2:-2]}") == [ann.address]


def test_directory_search_takes_a_plus_as_a_blank_or_as_itself(relay, bob):
    mark = unique()
    relay.sign_in(display_name=f"{mark} b", public_visible=True)
    relay.sign_in(display_name=f"{mark}+b", public_visible=True)
    assert len(listed(bob, f"?q={mark}%20b")) == 1
    assert len(listed(bob, f"?q={mark}%2Bb")) == 1


def test_directory_pages_through_everybody_once(relay, bob):
    mark = unique("page")
    wanted = [relay.sign_in(chat_address=f"{mark}{n}", public_visible=True).address for n in range(5)]
    found, query = [], f"?q={mark}&limit=2"
    while query:
        response = bob.get(DIRECTORY + query, expect=200)
        found.append([entry["chat_address"] for entry in response["users"]])
        query = response["has_more"] and f"?q={mark}&limit=2&after={quote(response['after'])}"
    assert found == [wanted[:2], wanted[2:4], wanted[4:]]


def test_directory_page_that_just_fits_has_no_more(relay, bob):
    mark = unique("fits")
    for n in range(2):
        relay.sign_in(chat_address=f"{mark}{n}", public_visible=True)
    assert bob.get(f"{DIRECTORY}?q={mark}&limit=2")["has_more"] is False


@pytest.mark.parametrize("query, field", [
    ("limit=0", "limit"), ("limit=201", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=1.5", "limit"),
    ("limit=", "limit"), ("limit=5%00", "limit"), ("limit=99999999999999999999", "limit"), ("limit=0x10", "limit"),
    ("q=" + "x" * 129, "q"), ("q=%ff%fe", "q"), ("q=%00", "q"), ("q=%C3%28", "q"),
    ("q=%ED%A0%80", "q"), ("q=%zz", "q"), ("q=%2", "q"), ("q=%", "q"),
])
def test_directory_refuses_a_bad_query(ann, query, field):
    ann.get(f"{DIRECTORY}?{query}", expect=400).is_error(400, "invalid_field", field=field)


@pytest.mark.parametrize("query", ["limit=200", "limit=1", "q=" + "x" * 128, "unknown=1", "&&&", "q", "=", "q=a=b", "after=zzz"])
def test_directory_takes_an_odd_but_good_query(ann, query):
    ann.get(f"{DIRECTORY}?{query}", expect=200)


def test_directory_etag_gives_304_until_something_changes(relay, bob):
    mark = unique("etag")
    ann = relay.sign_in(chat_address=mark, display_name="One", public_visible=True)
    path = f"{DIRECTORY}?q={mark}"
    etag = bob.get(path, expect=200).headers["ETag"]
    for value in (etag, f'"other", {etag}', "*"):
        assert bob.get(path, headers={"If-None-Match": value}, expect=304).headers["ETag"] == etag
    ann.put("/api/v1/pchat/auth/me", {"display_name": "Two"}, expect=200)
    changed = bob.get(path, headers={"If-None-Match": etag}, expect=200)
    assert changed.headers["ETag"] != etag


def test_directory_etag_changes_with_presence(relay, bob):
    ann = relay.sign_in(public_visible=True)
    path = f"{DIRECTORY}?q={ann.address}"
    etag = bob.get(path, expect=200).headers["ETag"]
    ann.presence(True)
    bob.get(path, headers={"If-None-Match": etag}, expect=200)


@pytest.mark.parametrize("value", ["", "x", '"', '"x"', 'W/"x"', '"' + "x" * 3000 + '"', ",,,"])
def test_directory_ignores_a_foreign_etag(ann, value):
    ann.get(DIRECTORY, headers={"If-None-Match": value}, expect=200)


def test_presence_of_the_poll_keeps_a_visible_session_alive(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(public_visible=True), relay.sign_in()
    ann.presence(True)
    with relay.locked_database() as link:
        link.execute("UPDATE session SET last_seen_at = last_seen_at - 61000")
    # a poll that finds the write lock taken leaves the note to the next one
    assert wait_until("Ann is online again", lambda: ann.poll() and bob.listed(ann)["online"])
