"""Housekeeping under bad days: wrong clocks, full disks, passes that are killed or meet each other."""
import glob
import os
import random
import signal
import subprocess
import time

import pytest

from client import wait_until
from disks import fill_up
from groups import MESSAGES, OPEN, Group
from harness import BUILD, Relay, clean_env, unique
from keys import make_key
from phone import Phone

CONTENT_FINAL, ALL_FINAL, CONTENT_CLAIM, ALL_CLAIM = MODES = (
    "scrub_content_on_final", "scrub_all_on_final", "scrub_content_on_claim", "scrub_all_on_claim")
UPLOAD = "/api/v1/webchat/upload"
FOR_EVER = {name: 0 for name in ("PCHAT_QUEUE_STALE_TTL_SEC", "QUEUE_STALE_TTL_SEC", "PCHAT_SESSION_TTL_SEC", "PCHAT_UPLOAD_TTL_SEC",
                                 "PCHAT_JOIN_REQUEST_TTL_SEC")}
YEAR, HOUR = 365 * 86400, 3600
LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)
needs_faketime = pytest.mark.skipif(not LIBRARY, reason="faketime is not installed")


def started(relay, *options, clock=0):
    """A running pass; `clock` is by how many seconds its clock is wrong. Files keep their true times."""
    env = clean_env()
    if clock:
        env.update(LD_PRELOAD=LIBRARY, FAKETIME=f"{clock:+d}", DONT_FAKE_MONOTONIC="1", NO_FAKE_STAT="1",
                   ASAN_OPTIONS=env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
    return subprocess.Popen([os.path.join(BUILD, "relay-sweep"), "--dir", relay.folder, *options], env=env, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process):
    """(exit status, what it printed, what it complained of)"""
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out, err


def sweep(relay, *options, clock=0, expect=0):
    code, out, err = ended(started(relay, "--verbose", *(options or ["--now"]), clock=clock))
    assert code == expect, (code, out, err)
    return out + err


def rows(relay, query, *arguments):
    with relay.opened_database() as database:
        return database.execute(query, arguments).fetchall()


def verify(relay):
    """Nothing of what was scrubbed is left in files, where they are the relay's own."""
    if not relay.database_url:
        relay.ctl("scrub", "--verify")


def shown(user, message_id):
    return user.get(f"{MESSAGES}/{message_id}", expect=200)["message"]


class People:
    """Messages in every state that housekeeping must tell apart, and files."""

    def __init__(self, relay):
        self.relay = relay
        self.ann, self.bob, self.carl = (relay.sign_in() for _ in range(3))
        self.phone = Phone(make_key(self.ann, "phone"), "p")
        self.file = self.ann.put(UPLOAD, data=b"bytes", expect=200)
        self.ann.send(self.carl, "waits", attachments=[self.file["file_id"]])
        self.ann.post(MESSAGES, {"channel": "sms", "to": "+49301234", "text": "goes out", "phone_id": "p"}, expect=202)
        self.delivered = self.ann.send(self.bob, "delivered")["message_id"]
        self.bob.poll_all("")
        self.claimed = self.ann.send(self.bob, "claimed")["message_id"]
        self.response = self.bob.poll()

    def assert_nothing_is_lost(self):
        """What nobody has yet is all there; what is claimed waits for its confirmation."""
        assert self.ann.receipts(self.claimed)[self.claimed]["status"] == "claimed"
        assert [item["text"] for item in self.carl.poll("")["messages"]] == ["waits"]
        assert self.carl.get(self.file["url"], expect=200).body == b"bytes"
        assert [item["text"] for item in self.phone.claim()] == ["goes out"]

    def assert_the_next_pass_does_its_work(self):
        """Nothing that an earlier one left keeps it from beginning, and what is delivered now goes."""
        self.bob.poll(self.response["cursor"])
        wait_until("an ordinary pass begins", lambda: "cleared" in sweep(self.relay, "--verbose"))
        assert shown(self.ann, self.claimed)["text"] == ""
        # either: of what was final before a clock a year ahead not even the record needs to be left
        delivered = self.ann.get(f"{MESSAGES}/{self.delivered}", expect=(200, 404))
        assert delivered.status == 404 or delivered.json["message"]["text"] == ""
        assert rows(self.relay, "SELECT unclean_since, lease_until FROM sweep") == [(0, 0)]


# -- wrong clocks ----------------------------------------------------------------------------------

@needs_faketime
@pytest.mark.parametrize("clock", [-HOUR, YEAR], ids=["an-hour-back", "a-year-ahead"])
@pytest.mark.parametrize("mode", MODES)
def test_pass_with_a_wrong_clock_takes_nothing_that_waits_and_stops_no_later_pass(make_relay, mode, clock):
    relay = make_relay({**FOR_EVER, "MESSAGE_RETENTION_MODE": mode, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})
    people = People(relay)
    wait_until("it had its turn", lambda: "cleared" in sweep(relay, "--now", clock=clock))
    people.assert_nothing_is_lost()
    people.assert_the_next_pass_does_its_work()


@needs_faketime
@pytest.mark.parametrize("clock", [-HOUR, YEAR], ids=["an-hour-back", "a-year-ahead"])
def test_pass_with_a_wrong_clock_that_is_killed_stops_no_later_pass(make_relay, clock):
    relay = make_relay({**FOR_EVER, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    people = People(relay)
    with relay.locked_database() as link:
        now = int((time.time() + clock) * 1000)
        process = started(relay, "--now", clock=clock)
        process.kill()
        ended(process)
        link.execute("UPDATE sweep SET started_at = ?, lease_until = ?, searched_at = ?", (now, now + 30000, now))
    people.assert_nothing_is_lost()
    people.assert_the_next_pass_does_its_work()


@needs_faketime
def test_year_ahead_expires_what_may_expire_and_the_sender_learns_so(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "PCHAT_SESSION_TTL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "a week at most")["message_id"]
    sweep(relay, clock=YEAR)
    assert ann.receipts(message)[message]["status"] == "expired" and shown(ann, message)["text"] == ""
    assert bob.poll("")["messages"] == []


# -- passes that meet ------------------------------------------------------------------------------

def test_passes_started_at_once_do_the_work_once_and_all_end_well(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    sent = [ann.send(bob, "x")["message_id"] for _ in range(30)]
    bob.poll_all("")
    results = [ended(process) for process in [started(relay, "--now", "--verbose") for _ in range(6)]]
    assert [code for code, _, _ in results] == [0] * 6, results
    assert sum("messages 30" in out for _, out, _ in results) == 1, results
    assert {shown(ann, message)["text"] for message in sent} == {""}


def test_passes_that_take_each_others_lease_harm_nothing(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    people = People(relay)
    sent = [people.ann.send(people.bob, "x")["message_id"] for _ in range(150)]
    people.bob.poll_all(people.response["cursor"])
    running = []
    for _ in range(5):
        running.append(started(relay, "--now"))
        with relay.locked_database() as link:
            link.execute("UPDATE sweep SET lease_until = 0")
    results = [ended(process) for process in running]
    assert [code for code, _, _ in results] == [0] * 5, results
    sweep(relay)
    assert {shown(people.ann, message)["text"] for message in sent} == {""}
    assert [item["text"] for item in people.carl.poll("")["messages"]] == ["waits"]
    verify(relay)


# -- killed ----------------------------------------------------------------------------------------

def fill_every_job(relay, people):
    """Something to do for each job: what is over, what is delivered, what names a file."""
    group = Group(people.ann, **OPEN)
    group.join(people.bob)
    for number in range(40):
        made = people.ann.put(UPLOAD, data=b"file %d" % number, expect=200)
        people.ann.send(people.bob if number % 2 else group.id, unique(), attachments=[made["file_id"]], idempotency_key=unique())
        people.ann.post(MESSAGES, {"channel": "sms", "to": "+49", "text": unique()}, expect=202)
    people.bob.poll_all("")
    for status in ("sent", "failed"):
        for message in people.phone.claim(10):
            people.phone.ack(message, status)
    with relay.locked_database() as link:
        for number in range(700):
            link.execute("INSERT INTO throttle VALUES (?, 1, 1)", (os.urandom(16),))
            link.execute("INSERT INTO login_code (email, client_mac, code_mac, tries, expires_at) VALUES (?, x'', x'', 0, 1)", (f"{number}@example.com",))
            link.execute("INSERT INTO idempotency VALUES (1, ?, x'', ?, 0, 1)", (unique(), os.urandom(16)))
            link.execute("INSERT INTO outbox (recipient, subject, body, created_at, expires_at, next_try_at, tries, last_error) "
                         "VALUES ('', '', '', 1, 1, 1, 0, '')")
            link.execute("INSERT INTO session (public_id, token_hash, account_id, device_name, session_name, listen_channel, visible, "
                         "start_seq, sent_seq, created_at, expires_at, last_seen_at) "
                         "VALUES (?, ?, 1, '', '', '', 0, 0, 0, 1, 1, 1)", (os.urandom(16), os.urandom(32)))
        link.execute("UPDATE bridge SET created_at = 1 WHERE message_id % 2 = 0")


def all_secrets(relay):
    """(message, its key, its body) of what is delivered."""
    return rows(relay, "SELECT m.id, k.body_key, m.body FROM message m JOIN content_key k ON k.id = m.id WHERE length(m.body) > 0 "
                       "AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = m.id AND d.state < 2)")


def assert_whole(relay):
    """No message is scrubbed by half, and files and rows fit."""
    assert rows(relay, "SELECT m.id FROM message m JOIN content_key k ON k.id = m.id WHERE "
                       "(length(m.body) = 0) <> (k.body_key = zeroblob(32)) OR (length(m.body) = 0) <> (m.scrubbed_at > 0)") == []
    assert relay.database_url or rows(relay, "PRAGMA integrity_check") == [("ok",)]
    there = set(os.listdir(os.path.join(relay.folder, "pchat_uploads", "files")))
    assert {row[0].hex() for row in rows(relay, "SELECT public_id FROM file")} <= there


def test_passes_killed_in_every_job_leave_nothing_half_done_and_the_last_one_ends_the_work(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "RELAY_DURABILITY": "normal"})
    people = People(relay)
    fill_every_job(relay, people)
    secrets = all_secrets(relay)
    assert len(secrets) > 40
    kills, chance = 0, random.Random(7)
    for _ in range(60):
        process = started(relay, "--now")
        try:
            process.wait(chance.uniform(0, 0.06))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        ended(process)
        assert_whole(relay)
        with relay.locked_database() as link:
            link.execute("UPDATE sweep SET lease_until = 0")
    assert kills > 10, "hardly a pass was killed"
    sweep(relay)
    assert_whole(relay)
    assert all_secrets(relay) == []
    found = relay.database
    held = b"".join(open(found + end, "rb").read() for end in ("", "-wal") if os.path.exists(found + end))
    assert [number for number, key, body in secrets if key in held or body in held] == []
    for table, over in (("session", "expires_at = 1"), ("login_code", "expires_at = 1"), ("throttle", "resets_at = 1"),
                        ("idempotency", "created_at = 1"), ("outbox", "expires_at = 1"), ("file_gone", "1 = 1")):
        assert rows(relay, f"SELECT count(*) FROM {table} WHERE {over}") == [(0,)], table
    assert rows(relay, "SELECT count(*) FROM bridge WHERE stage = 1 AND created_at = 1 AND lease_id IS NULL") == [(0,)]
    assert [item["text"] for item in people.carl.poll("")["messages"]] == ["waits"]
    verify(relay)


# -- the disk full ---------------------------------------------------------------------------------

@pytest.mark.parametrize("room", [0, 16384, 49152, 131072])
def test_full_disk_in_mid_pass_is_reported_leaves_nothing_half_done_and_the_next_pass_ends_the_work(small_disk, room):
    with Relay({"PCHAT_MIN_FREE_BYTES": 0, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "RELAY_WORKERS": 1}, folder=small_disk) as relay:
        ann, bob, carl = (relay.sign_in() for _ in range(3))
        sent = []
        while len(sent) < 120:
            sent += [ann.send(bob, "x" * 1000)["message_id"] for _ in range(20)]
            sweep(relay)  # or the WAL alone would fill the disk
        waits = ann.send(carl, "waits")["message_id"]
        bob.poll_all("")
        ballast = fill_up(small_disk)
        os.truncate(ballast, os.path.getsize(ballast) - room)
        said = sweep(relay, expect=1)
        assert "the pass did not come to its end: the disk is full" in said
        assert_whole(relay)
        os.remove(ballast)
        wait_until("a pass begins", lambda: "cleared" in sweep(relay))
        assert_whole(relay)
        assert {shown(ann, message)["text"] for message in sent} == {""}
        assert os.path.getsize(relay.database + ".tombstones") % 17 == 0
        assert shown(ann, waits)["text"] == "waits" and [item["text"] for item in carl.poll("")["messages"]] == ["waits"]
        verify(relay)


def test_file_is_not_rebuilt_where_that_would_fill_the_disk(small_disk):
    with Relay({"PCHAT_MIN_FREE_BYTES": 0, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "MESSAGE_RETENTION_MODE": "full"},
               folder=small_disk) as relay:
        ann, bob = relay.sign_in(), relay.sign_in()
        for _ in range(10):
            ann.send(ann, "x" * 60000)
            sweep(relay)
        bob.delete("/api/v1/pchat/auth/me", expect=200)
        ballast = fill_up(small_disk)
        os.truncate(ballast, os.path.getsize(ballast) - os.path.getsize(relay.database))
        sweep(relay)
        assert rows(relay, "SELECT erased_at > 0, rebuilt_at FROM sweep") == [(1, 0)]
        os.remove(ballast)

        def rebuilt():  # a pass that finds somebody reading leaves it to the next one
            sweep(relay)
            return rows(relay, "SELECT erased_at, rebuilt_at > 0 FROM sweep") == [(0, 1)]
        wait_until("the file is rebuilt", rebuilt)
