"""Records have an age, and whoever is erased is in none of them any more."""
import time

import pytest

from client import wait_until
from groups import rows
from harness import run, unique

ADMIN, ME = "/api/v1/webchat/admin", "/api/v1/pchat/auth/me"
REQUEST, MESSAGES = "/api/v1/pchat/auth/request-code", "/api/v1/messages"
ADMINS = "admin1@example.com,admin2@example.com"


def sweep(relay):
    done = run("relay-sweep", "--dir", relay.folder, "--now")
    assert done.returncode == 0, done


def shown(admin):
    """All that the audit log says."""
    return [(entry["actor"], entry["action"], entry["target"]) for entry in admin.get(f"{ADMIN}/audit", expect=200)["entries"]]


@pytest.fixture(name="closed")
def relay_that_lets_in_admins_only(make_relay):
    return make_relay({"PCHAT_AUTH_ALLOWED_DOMAINS": "inside.example", "PCHAT_ADMIN_EMAILS": ADMINS, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})


@pytest.mark.parametrize("mode", ["scrub_content_on_final", "full"])
def test_who_was_erased_is_in_no_notice_and_no_audit_entry(closed, mode):
    closed.settings["MESSAGE_RETENTION_MODE"] = mode
    closed.restart()
    first, second = (closed.sign_in(email) for email in ADMINS.split(","))
    email, name = unique() + "@outside.example", unique("Name")
    closed.client().post(REQUEST, {"email": email, "display_name": name}, expect=202)
    [asked] = first.get(f"{ADMIN}/access-requests", expect=200)["requests"]
    first.post(f"{ADMIN}/access-requests/{asked['request_id']}/approve", expect=200)
    assert (first.address, "approve-access", asked["request_id"]) in shown(first)
    user = closed.sign_in(email, chat_address=unique("gone"))
    first.post(f"{ADMIN}/users/{user.address}", {"action": "promote"}, expect=200)
    user.post(f"{ADMIN}/users/{second.address}", {"action": "hide"}, expect=200)
    assert (first.address, "promote", user.address) in shown(first)
    assert email in str(first.poll("")["messages"])  # the other has not looked yet
    user.delete(ME, expect=200)
    assert email not in str(second.poll("")["messages"]) + str(first.poll("")["messages"])
    assert {("erased", "hide", second.address), (first.address, "promote", "erased")} <= set(shown(first))
    assert email not in str(shown(first)) and user.address not in str(shown(first))
    sweep(closed)
    for word in email, name, user.address:
        assert closed.files_holding(word.encode()) == []


def test_notice_of_somebody_else_stays(closed):
    admin = closed.sign_in(ADMINS.split(",")[0])
    kept, gone = unique() + "@outside.example", unique() + "@outside.example"
    for email in kept, gone:
        closed.client().post(REQUEST, {"email": email}, expect=202)
    for asked in admin.get(f"{ADMIN}/access-requests", expect=200)["requests"]:
        admin.post(f"{ADMIN}/access-requests/{asked['request_id']}/approve", expect=200)
    closed.sign_in(gone).delete(ME, expect=200)
    said = str(admin.poll("")["messages"])
    assert kept in said and gone not in said


def test_audit_entries_end_in_time(make_relay):
    relay = make_relay({"RELAY_AUDIT_TTL_SEC": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    relay.ctl("user", "hide", relay.sign_in().address)
    assert rows(relay, "SELECT action FROM audit") == [("hide",)]
    wait_until("it is over", lambda: sweep(relay) or not rows(relay, "SELECT 1 FROM audit"))


@pytest.mark.parametrize("seconds, left", [(1, 0), (0, 1)], ids=["a-second", "for-ever"])
def test_record_of_who_wrote_to_whom_ends_in_time(make_relay, seconds, left):
    relay = make_relay({"MESSAGE_RECORD_TTL_SEC": seconds, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    gone = ann.send(bob, "x")["message_id"]
    bob.poll_all("")
    waits = ann.send(bob, "waits")["message_id"]
    over = time.monotonic() + 1.1
    wait_until("a second is over", lambda: time.monotonic() > over)
    sweep(relay)
    sweep(relay)
    assert rows(relay, "SELECT count(*) FROM message WHERE scrubbed_at > 0") == [(left,)]
    assert (gone in ann.receipts(gone)) == bool(left)
    assert ann.get(f"{MESSAGES}/{gone}").status == (200 if left else 404)
    assert ann.receipts(waits)[waits]["status"] == "queued"
    assert [item["text"] for item in bob.poll()["messages"]] == ["waits"]
