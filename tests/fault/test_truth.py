"""What ready, health and doctor say of a damaged database and of mail that does not leave."""
import contextlib
import os
import sqlite3

import pytest

from client import wait_until
from groups import rows
from harness import run, unique

REQUEST = "/api/v1/pchat/auth/request-code"


def damage(relay, table):
    """Write over the pages of a table while the relay is stopped."""
    with contextlib.closing(sqlite3.connect(relay.database)) as link:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(root,)] = link.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [table]).fetchall()
        [(size,)] = link.execute("PRAGMA page_size").fetchall()
    with open(relay.database, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))


@pytest.fixture(name="broken")
def relay_with_a_damaged_page(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "x")
    relay.stop()
    damage(relay, "stream")
    relay.fixed_port = ann.port
    relay.start()
    return relay, bob


def test_damaged_page_that_a_worker_met_is_reported_by_ready_and_health(broken):
    relay, bob = broken
    assert relay.client().get("/ready", expect=200)["status"] == "ready"
    assert bob.poll("", expect=500).error == "internal"
    for _ in range(10):  # whichever worker responds
        assert relay.client().get("/ready", expect=503)["failing"] == ["database"]
    response = relay.client().get("/health", expect=503)
    assert response["part"] == "database" and "damaged" in response["message"]


def test_damaged_page_is_found_by_the_daily_check_and_by_doctor(broken):
    relay, _ = broken
    done = run("relay-sweep", "--dir", relay.folder, "--now")
    assert "it is damaged; stop the relay and put a backup back (relayctl restore FILE)" in done.stderr
    assert relay.client().get("/ready", expect=503)["failing"] == ["database"]
    found = relay.ctl("doctor", "--text", expect=1).stdout
    assert any(line.startswith("database") and "it is damaged" in line for line in found.splitlines()), found


def test_check_is_made_once_a_day_and_a_good_one_ends_the_alarm(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET damaged = 1, checked_at = 1")
    assert relay.client().get("/ready", expect=503)["failing"] == ["database"]
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0
    relay.client().get("/ready", expect=200)
    [first] = rows(relay, "SELECT checked_at FROM sweep WHERE damaged = 0")
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0
    assert rows(relay, "SELECT checked_at FROM sweep") == [first]


# -- mail ------------------------------------------------------------------------------------------

def age_codes(relay, seconds):
    with relay.locked_database() as link:
        link.execute("UPDATE outbox SET created_at = created_at - ?", [seconds * 1000])


def failing(relay):
    # either: the caller asks which of the two
    return relay.client().get("/ready", expect=(200, 503)).json.get("failing")


def test_ready_names_mail_once_the_oldest_code_waits_a_minute(make_relay, sink):
    relay = make_relay(sink.settings())
    sink.misbehave = "rcpt_450"
    relay.client().post(REQUEST, {"email": unique() + "@example.com"}, expect=202)
    sink.wait_bad_turn()
    age_codes(relay, 50)
    assert failing(relay) is None
    age_codes(relay, 11)
    assert failing(relay) == ["mail"]
    sink.misbehave = None
    wait_until("it has left", lambda: failing(relay) is None, 60)


def test_address_that_its_server_refuses_is_no_fault_of_the_mail(make_relay, sink):
    relay = make_relay(sink.settings())
    sink.misbehave = "rcpt_550"
    relay.client().post(REQUEST, {"email": unique() + "@example.com"}, expect=202)
    wait_until("it was tried", lambda: rows(relay, "SELECT 1 FROM outbox WHERE tries > 0") or not rows(relay, "SELECT 1 FROM outbox"))
    age_codes(relay, 61)
    assert failing(relay) is None


def test_response_of_a_relay_without_mail_says_so(make_relay, sink):
    without, with_mail = make_relay({"PCHAT_DEV_EXPOSE_CODES": "false"}), make_relay(sink.settings())
    email = {"email": unique() + "@example.com"}
    assert "sends no mail" in without.client().post(REQUEST, email, expect=202)["message"]
    assert "message" not in with_mail.client().post(REQUEST, email, expect=202).json
