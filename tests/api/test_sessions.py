"""Sessions: list, revoke, logout, logout-all, expiry, and how tokens are kept."""
import os

import pytest

from client import wait_until
from harness import needs_housekeeping

BASE = "/api/v1/pchat/auth"
ME, SESSIONS = f"{BASE}/me", f"{BASE}/sessions"


@pytest.fixture(name="three")
def three_sessions(relay):
    first = relay.sign_in(device_name="one")
    return [first] + [relay.sign_in(first.email, device_name=name) for name in ("two", "three")]


def alive(sessions):
    # either: that is what is asked
    return [session.get(ME, expect=(200, 401)).status == 200 for session in sessions]


def test_list_shows_all_own_sessions_and_which_is_current(three):
    listed = three[1].get(SESSIONS, expect=200)["sessions"]
    assert {entry["session_id"]: entry["current"] for entry in listed} == {
        session.session_id: session is three[1] for session in three}
    assert {entry["device_name"] for entry in listed} == {"one", "two", "three"}


def test_list_shows_no_token_and_nobody_elses(three, bob):
    response = bob.get(SESSIONS, expect=200)
    assert b"pct_" not in response.body
    assert [entry["session_id"] for entry in response["sessions"]] == [bob.session_id]


def test_revoking_one_ends_just_that_one(three):
    response = three[0].delete(f"{SESSIONS}/{three[2].session_id}", expect=200)
    assert response["status"] == "revoked"
    assert alive(three) == [True, True, False]


def test_revoking_the_current_one_is_a_logout(three):
    three[0].delete(f"{SESSIONS}/{three[0].session_id}", expect=200)
    assert alive(three) == [False, True, True]


def test_revoking_twice_is_404(three):
    path = f"{SESSIONS}/{three[2].session_id}"
    three[0].delete(path, expect=200)
    three[0].delete(path, expect=404).is_error(404, "unknown_session")


def test_revoking_somebody_elses_session_is_404_and_leaves_it(three, bob):
    bob.delete(f"{SESSIONS}/{three[0].session_id}", expect=404).is_error(404, "unknown_session")
    assert alive(three) == [True, True, True]


@pytest.mark.parametrize("name", ["ses_doesnotexist000000000", "1", "ses_'%20OR%201=1--", "..%2f..%2fme", "%ff"])
def test_revoking_an_unknown_id_is_404(ann, name):
    ann.call("DELETE", f"{SESSIONS}/{name}", check=False).is_error(404, "unknown_session", "not_found")


def test_logout_ends_the_session(three):
    assert three[0].post(f"{BASE}/logout", expect=200)["status"] == "logged_out"
    assert alive(three) == [False, True, True]
    three[0].post(f"{BASE}/logout", expect=401).is_error(401, "credential_invalid")


@pytest.mark.parametrize("body", [None, {}, {"any": 1}], ids=["none", "empty", "ignored"])
def test_logout_takes_any_object_as_body(relay, body):
    relay.sign_in().post(f"{BASE}/logout", body, expect=200)


def test_logout_all_ends_the_others(three, bob):
    assert three[1].post(f"{BASE}/logout-all", expect=200)["revoked"] == 2
    assert alive(three) == [False, True, False]
    assert three[1].post(f"{BASE}/logout-all", expect=200)["revoked"] == 0
    assert alive([bob]) == [True]


@needs_housekeeping
def test_expired_session_says_so_and_is_cleaned_up(make_relay):
    relay = make_relay({"PCHAT_SESSION_TTL_SEC": 2, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})
    ann = relay.sign_in()
    expired = wait_until("the session is over", lambda: _failed(ann))
    expired.is_error(401, "credential_expired", "credential_invalid")
    wait_until("the session is cleaned up", lambda: _sessions_kept(relay) == 0)


def _failed(user):
    # either: asked again until the session is over
    response = user.get(ME, expect=(200, 401))
    return response if response.status == 401 else None


def _sessions_kept(relay):
    with relay.locked_database() as link:
        return link.execute("SELECT count(*) FROM session").fetchone()[0]


def test_expired_session_is_refused_before_it_is_cleaned_up(make_relay):
    relay = make_relay({"PCHAT_SESSION_TTL_SEC": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 3600})
    ann = relay.sign_in()
    wait_until("the session is over", lambda: _failed(ann)).is_error(401, "credential_expired")


def test_session_ttl_zero_never_expires(make_relay):
    relay = make_relay({"PCHAT_SESSION_TTL_SEC": 0})
    ann = relay.sign_in()
    assert ann.get(ME, expect=200)["session"]["expires_at"] == 0


def test_bearer_is_as_good_as_the_header(relay, ann):
    client = relay.client()
    for headers in ({"Authorization": f"Bearer {ann.token}"}, {"authorization": f"bearer {ann.token}"}):
        assert client.get(ME, headers=headers, expect=200)["user"]["chat_address"] == ann.address


def test_token_is_in_no_file_and_no_log(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    ann.get(ME, expect=200)
    secret = ann.token.removeprefix("pct_")
    assert relay.files_holding(secret.encode()) == []
    assert secret not in relay.stderr


def test_last_seen_is_written_at_most_once_per_20_seconds(ann):
    before = ann.get(ME)["session"]["last_seen_at"]
    for _ in range(3):
        ann.presence(True)
        ann.poll()
    moved = ann.get(ME)["session"]["last_seen_at"] - before
    assert moved == 0 or moved >= 20_000


def test_session_beyond_the_hundredth_ends_the_one_not_seen_for_longest(make_relay):
    relay = make_relay({"RELAY_CODES_PER_ADDRESS": 0, "RELAY_CODES_PER_CLIENT": 0})
    first = relay.sign_in()
    second = relay.sign_in(first.email)
    with relay.opened_database() as database:
        database.execute("UPDATE session SET last_seen_at = last_seen_at - 1000 WHERE public_id = ?", (bytes.fromhex(second.session_id[4:]),))
        database.executemany("INSERT INTO session (public_id, token_hash, account_id, device_name, session_name, listen_channel, visible, start_seq,"
                             " sent_seq, created_at, expires_at, last_seen_at) SELECT ?, ?, account_id, '', '', '', 0, 0, 0, created_at, 0, last_seen_at"
                             " FROM session LIMIT 1", [(os.urandom(16), os.urandom(32)) for _ in range(98)])
    last = relay.client().post("/api/v1/pchat/auth/verify-code", {"email": first.email, "code": relay.code(first.email)}, expect=200)
    assert last["sessions_ended"] == 1
    first.get("/api/v1/pchat/auth/me", expect=200)
    second.get("/api/v1/pchat/auth/me", expect=401)
    assert len(first.get("/api/v1/pchat/auth/sessions?limit=200", expect=200)["sessions"]) == 100
