"""What may go wrong around a relay, and what must not be lost when it does."""
import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import time

import pytest

from client import wait_until
from disks import fill_up
from harness import Relay
from senders import assert_all_there, finish, start_senders


def people(relay, count):
    """A recipient and that many senders."""
    return relay.sign_in(), [relay.sign_in() for _ in range(count)]


# -- workers, nginx and the relay itself killed ----------------------------------------------------

def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # It was replaced meanwhile.


@pytest.mark.parametrize("kills", [1, 6])
def test_worker_killed_under_load_loses_and_doubles_nothing(make_relay, kills):
    relay = make_relay({"RELAY_WORKERS": 3})
    recipient, users = people(relay, 4)
    senders = start_senders(users, recipient, 150)
    killed = set()
    for number in range(1, kills + 1):
        wait_until("the load goes on", lambda n=number: progress(senders) >= 20 * n or not alive(senders), 120)
        victim = wait_until("there is a worker", lambda: [pid for pid in relay.workers() if pid not in killed])[0]
        killed.add(victim)
        kill(victim)
    assert_all_there(recipient, finish(senders))
    wait_until("the pool is whole again", lambda: len(relay.workers()) == 3)


def progress(senders):
    return sum(len(sender.acknowledged) for sender in senders)


def alive(senders):
    return any(sender.is_alive() for sender in senders)


def test_all_workers_killed_at_once_come_back(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    killed = relay.workers()
    for pid in killed:
        kill(pid)
    wait_until("new workers", lambda: len(relay.workers()) == 2 and not set(killed) & set(relay.workers()))
    ann.send(ann, "after")
    assert ann.texts() == ["after"]


def test_relay_killed_under_load_keeps_what_it_acknowledged(make_relay):
    relay = make_relay()
    recipient, users = people(relay, 3)
    relay.fixed_port = relay.port
    senders = start_senders(users, recipient, 150)
    wait_until("the load runs", lambda: progress(senders) >= 30)
    kill(relay.process.pid)
    relay.process.wait()
    relay.start()
    assert_all_there(recipient, finish(senders))


def test_every_process_killed_under_load_keeps_what_was_acknowledged(make_relay):
    relay = make_relay()
    recipient, users = people(relay, 3)
    relay.fixed_port = relay.port
    senders = start_senders(users, recipient, 150)
    wait_until("the load runs", lambda: progress(senders) >= 30)
    for pid in relay.pids():
        kill(pid)
    relay.process.wait()
    relay.start()
    assert_all_there(recipient, finish(senders))


def test_stopped_worker_does_not_stop_the_others(make_relay):
    relay = make_relay({"RELAY_WORKERS": 2})
    recipient, users = people(relay, 1)
    os.kill(relay.workers()[0], signal.SIGSTOP)
    assert_all_there(recipient, finish(start_senders(users, recipient, 20)))


# -- the database locked ---------------------------------------------------------------------------

def test_locked_database_refuses_sends_with_retry_after_while_polls_go_on(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 100})
    recipient, [sender] = people(relay, 1)
    sender.send(recipient, "before")
    _, cursor = recipient.poll_all()
    with relay.locked_database():
        for _ in range(3):
            refused = sender.send(recipient, "during", expect=503).is_error(503, "busy")
            assert int(refused.headers["Retry-After"]) >= 1
            assert recipient.poll(cursor)["messages"] == []
        recipient.get("/api/v1/pchat/auth/me", expect=200)
        recipient.get("/api/v1/webchat/directory", expect=200)
    sender.send(recipient, "after")
    assert [item["text"] for item in recipient.poll_all(cursor)[0]] == ["after"]


def test_locked_database_still_hands_out_what_is_waiting(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 100})
    recipient, [sender] = people(relay, 1)
    sender.send(recipient, "waiting")
    with relay.locked_database():
        response = recipient.poll("")
        assert [item["text"] for item in response["messages"]] == ["waiting"]
        assert recipient.poll(response["cursor"])["messages"] == []
    recipient.poll(response["cursor"])
    assert sender.status(response["messages"][0]["message_id"]) == "delivered"


def test_lock_held_on_and_off_under_load_loses_nothing(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 50})
    recipient, users = people(relay, 3)
    senders = start_senders(users, recipient, 100)
    for number in range(1, 5):
        wait_until("the load goes on", lambda n=number: progress(senders) >= 15 * n or not alive(senders), 120)
        with relay.locked_database():
            before = sum(sender.retries for sender in senders)
            wait_until("somebody is refused", lambda b=before: not alive(senders) or sum(
                sender.retries for sender in senders) > b)
    assert_all_there(recipient, finish(senders))
    assert sum(sender.retries for sender in senders) > 0


def test_lock_file_alone_held_by_somebody_else_makes_writers_wait(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 100})
    ann = relay.sign_in()
    with open(relay.database + ".lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ann.send(ann, "x", expect=503).is_error(503, "busy")
    ann.send(ann, "y")


# -- the disk full ---------------------------------------------------------------------------------

def test_full_disk_refuses_sends_keeps_what_was_acknowledged_and_recovers(small_disk):
    with Relay({"PCHAT_MIN_FREE_BYTES": 0, "MESSAGE_RETENTION_MODE": "full"}, folder=small_disk) as relay:
        recipient, users = people(relay, 2)
        ballast = fill_up(small_disk)
        senders = start_senders(users, recipient, 150, retry=False, payload="." * 20000)
        acknowledged = finish(senders)
        refused = [text for sender in senders for text in sender.refused]
        assert refused, "the disk was never full"
        response = users[0].send(recipient, "x" * 60000, expect=503).is_error(503, "storage_full")
        assert int(response.headers["Retry-After"]) >= 1
        users[0].get("/api/v1/pchat/auth/me", expect=200)
        for text, message_id in acknowledged.items():
            message = users[0 if text.startswith(users[0].address) else 1].get(f"/api/v1/messages/{message_id}", expect=200)
            assert message["message"]["text"] == text + "." * 20000
        os.remove(ballast)
        wait_until("there is room again", lambda: users[0].send(
            # either: asked again until there is room
            users[1], "room again", expect=(202, 503)).status == 202, 60)
        items = recipient.poll_all()[0]
        assert {item["text"].rstrip("."): item["message_id"] for item in items} == acknowledged
        assert all(len(item["text"]) > 20000 for item in items), "half a message"


def test_full_disk_is_survived_by_a_restart(small_disk):
    with Relay({"PCHAT_MIN_FREE_BYTES": 0}, folder=small_disk) as relay:
        ann = relay.sign_in()
        ann.send(ann, "before")
        ballast = fill_up(small_disk)
        # either: what is left of the disk may be just enough
        ann.send(ann, "x" * 60000, expect=(202, 503))
        relay.stop()
        os.remove(ballast)
        relay.start()
        assert "before" in relay.sign_in(ann.email).texts()


# -- several sessions of one user ------------------------------------------------------------------

@pytest.mark.parametrize("limit", [1, 7, 100])
def test_sessions_that_poll_during_the_load_each_see_everything_once_in_order(make_relay, limit):
    relay = make_relay({"RELAY_WORKERS": 3})
    recipient, users = people(relay, 3)
    sessions = [recipient, relay.sign_in(recipient.email), relay.sign_in(recipient.email)]
    senders = start_senders(users, recipient, 100)
    seen, cursors = [[] for _ in sessions], ["" for _ in sessions]

    def poll_round():
        for number, session in enumerate(sessions):
            response = session.poll(cursors[number], limit)
            seen[number] += response["messages"]
            cursors[number] = response["cursor"]

    while alive(senders):
        poll_round()
    acknowledged = finish(senders)
    wait_until("all was fetched", lambda: poll_round() or all(len(items) >= len(acknowledged) for items in seen), 120, 0)
    first = [item["message_id"] for item in seen[0]]
    assert sorted(first) == sorted(acknowledged.values())
    assert all([item["message_id"] for item in items] == first for items in seen), "the sessions saw different streams"


def test_backup_taken_under_load_is_whole(make_relay):
    relay = make_relay()
    recipient, users = people(relay, 3)
    senders = start_senders(users, recipient, 100)
    wait_until("the load runs", lambda: progress(senders) >= 20)
    path = os.path.join(relay.home, "backup.db")
    relay.ctl("backup", "--with-keys", path)
    acknowledged = finish(senders)
    assert_all_there(recipient, acknowledged)
    restored = make_relay(start=False)
    os.makedirs(os.path.join(restored.folder, "data"))
    copy_as_it_is(path, restored.database, relay.database)
    copy_as_it_is(os.path.join(relay.folder, "data", "server.key"), os.path.join(restored.folder, "data", "server.key"))
    restored.start()
    texts = restored.sign_in(recipient.email).texts()
    assert len(texts) == len(set(texts)) >= 20 and set(texts) <= set(acknowledged)


def copy_as_it_is(path, target, owned_like=None):
    """Copy a file, with the owner of another one."""
    shutil.copy2(path, target)
    owner = os.stat(owned_like or path)
    os.chown(target, owner.st_uid, owner.st_gid)


def damage(relay, table):
    """Make the first page of a table unreadable."""
    with contextlib.closing(sqlite3.connect(relay.database, timeout=10)) as link:
        [page] = link.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        [size] = link.execute("PRAGMA page_size").fetchone()
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(relay.database, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def test_worker_that_meets_a_damaged_page_is_replaced_at_once_however_often(make_relay):
    relay = make_relay({"RELAY_WORKERS": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    damage(relay, "contacts")
    deadline = time.monotonic() + 40  # pauses that grow would add up to more than that
    for _ in range(12):
        [before] = relay.workers()
        ann.get("/api/v1/webchat/contacts", expect=500).is_error(500, "internal")
        bob.poll()
        wait_until("another worker", lambda b=before: relay.workers() not in ([], [b]))
    assert time.monotonic() < deadline
    assert "ended: status" not in relay.stderr
