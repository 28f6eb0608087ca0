"""Requests that share a commit: who joins, who is waited for, and what all of them get when it fails."""
import fcntl
import os
import select
import subprocess
import threading
import time

import pytest

import pg_server
from client import wait_until
from fastcgi import connect, post, response
from preload import preload

SEND = "/api/v1/messages"


@pytest.fixture(name="one")
def relay_of_one_worker(make_relay):
    relay = make_relay({"RELAY_WORKERS": 1, "RELAY_BUSY_TIMEOUT_MS": 10000, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    return relay, relay.sign_in(), relay.sign_in()


def lock_is_free(relay):
    if relay.database_url:
        with relay.opened_database() as link:
            return link.execute("SELECT pg_try_advisory_xact_lock(?)", (pg_server.WRITERS,)).fetchone()[0]
    with open(relay.database + ".lock", "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def begin(relay, user, path, body, whole=True):
    link = connect(relay)
    head, data = post(user, path, body)
    link.sendall(head + data if whole else head + data[:20])
    return link


def counts_until(relay, most):
    """The numbers of messages that another reader sees, until there are so many."""
    with relay.opened_database() as link:
        seen, deadline = [0], time.monotonic() + 20
        while seen[-1] < most and time.monotonic() < deadline:
            [(n,)] = link.execute("SELECT count(*) FROM message").fetchall()
            seen += [n] if n != seen[-1] else []
    return seen


def queue(one, count):
    """That many sends of which the first waits for the writers' lock, and the others behind it."""
    relay, ann, bob = one
    links = [begin(relay, ann, SEND, {"to": bob.address, "text": f"text {i}", "idempotency_key": f"key {i}"}) for i in range(count)]
    wait_until("the worker waits for the lock", relay.waiting_writers)
    return links


def test_sends_that_wait_share_a_commit_and_are_each_acknowledged(one):
    relay, _, bob = one
    with relay.locked_database():
        links = queue(one, 12)
        watched = []
        watcher = threading.Thread(target=lambda: watched.extend(counts_until(relay, 12)))
        watcher.start()
    found = [response(link) for link in links]
    watcher.join()
    assert [status for status, _ in found] == [202] * 12
    assert watched[-1] == 12 and len(watched) < 13, watched  # 0 and then in steps of more than one
    assert sorted(bob.texts()) == sorted(f"text {i}" for i in range(12))


def test_one_that_is_refused_leaves_the_others_of_its_turn(one):
    relay, ann, bob = one
    with relay.locked_database():
        links = queue(one, 3)
        links.append(begin(relay, ann, SEND, {"to": bob.address, "text": "other", "idempotency_key": "key 1"}))
        links.append(begin(relay, ann, SEND, {"to": "nobody", "text": "x"}))
        links.append(begin(relay, ann, SEND, {"to": bob.address, "text": "text 2", "idempotency_key": "key 2"}))
        links.append(begin(relay, ann, SEND, {"to": bob.address, "text": "last"}))
    found = [response(link) for link in links]
    assert [status for status, _ in found] == [202, 202, 202, 422, 404, 200, 202]
    assert found[5][1]["message_id"] == found[2][1]["message_id"]
    assert sorted(bob.texts()) == ["last", "text 0", "text 1", "text 2"]


def test_body_on_its_way_holds_up_no_writer(one):
    relay, ann, bob = one
    slow = begin(relay, ann, SEND, {"to": bob.address, "text": "slow"}, whole=False)
    wait_until("the worker has it", lambda: not lock_is_free(relay) or waits_for_socket(relay))
    assert lock_is_free(relay)
    slow.sendall(post(ann, SEND, {"to": bob.address, "text": "slow"})[1][20:])
    assert response(slow)[0] == 202


def waits_for_socket(relay):
    [pid] = relay.workers()
    with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
        return "unix_stream" in file.read()


def test_body_on_its_way_is_not_waited_for_by_those_before_it(one):
    relay, ann, bob = one
    with relay.locked_database():
        links = queue(one, 2)
        slow = begin(relay, ann, SEND, {"to": bob.address, "text": "slow"}, whole=False)
    assert [response(link)[0] for link in links] == [202, 202]
    assert lock_is_free(relay)
    slow.sendall(post(ann, SEND, {"to": bob.address, "text": "slow"})[1][20:])
    assert response(slow)[0] == 202
    assert sorted(bob.texts()) == ["slow", "text 0", "text 1"]


def test_body_that_nobody_reads_holds_up_nobody_of_its_turn(one):
    """A turn is short: on a machine that does other things not everybody may have come in time, so a few are tried."""
    relay, ann, bob = one

    def nobody_is_held_up():
        other = relay.sign_in(ann.email)
        with relay.locked_database():
            slow = begin(relay, other, "/api/v1/pchat/auth/logout", {"text": "a body that this call ignores"}, whole=False)
            wait_until("the worker waits for the lock", relay.waiting_writers)
            links = [begin(relay, ann, SEND, {"to": bob.address, "text": f"text {i}"}) for i in range(3)]
        come, deadline = set(), time.monotonic() + 2
        while len(come) < 3 and time.monotonic() < deadline:
            come.update(select.select([link for link in links if link not in come], [], [], 0.1)[0])
        slow.close()
        assert [response(link)[0] for link in links] == [202] * 3
        return len(come) == 3

    wait_until("a turn had all of them", nobody_is_held_up, 60)


def test_connection_that_brings_nothing_or_ends_early_costs_nothing(one):
    relay, ann, bob = one
    for part in (b"", b"\1\1\0\1", post(ann, SEND, {"to": bob.address, "text": "x"})[0]):
        link = connect(relay)
        link.sendall(part)
        link.close()
    ann.send(bob, "after")
    assert bob.texts() == ["after"]
    assert len(relay.workers()) == 1


# -- commits and syncs that fail -------------------------------------------------------------------

FAILING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Fails once the file FAIL_IF_THERE is there, for files whose name ends as FAIL_NAME says. */
int
fdatasync(int fd)
{
	char link[64], path[4096] = "";
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 0 && strstr(path, FAIL_NAME) && access(FAIL_IF_THERE, F_OK) == 0) {
		unlink(FAIL_IF_THERE);
		errno = EIO;
		return -1;
	}
	return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int
fsync(int fd)
{
	return fdatasync(fd);
}
"""


@pytest.fixture(name="failing")
def library_that_fails_a_sync(tmp_path):
    """failing(name, trigger) builds a library that makes one sync of such a file fail when the trigger is there."""
    def build(name, trigger):
        source, library = tmp_path / "fail.c", os.path.join(os.path.dirname(trigger), "fail.so")
        source.write_text(FAILING)
        subprocess.run(["gcc", "-O2", "-fPIC", "-shared", f'-DFAIL_NAME="{name}"', f'-DFAIL_IF_THERE="{trigger}"', "-o", library,
                        str(source)], check=True)
        return library
    return build


def with_failing(make_relay, failing, name, **settings):
    relay = make_relay({"RELAY_WORKERS": 1, "RELAY_BUSY_TIMEOUT_MS": 10000, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, **settings}, start=False)
    os.makedirs(os.path.join(relay.folder, "data"))
    trigger = os.path.join(relay.folder, "data", "fail")
    relay.env = preload(failing(name, trigger))
    relay.start()
    return relay, trigger


def make_fail(relay, trigger):
    with open(trigger, "wb"):
        owner = os.stat(relay.database)
        os.chown(trigger, owner.st_uid, owner.st_gid)


def test_failed_commit_is_503_to_all_of_the_turn_and_a_retry_succeeds(make_relay, failing):
    """Claiming a text scrubs it in this mode, and its tombstone cannot be synced. A turn may end before the poll, after its milliseconds:
    then once more."""
    for _ in range(20):
        relay, trigger = with_failing(make_relay, failing, "tombstones", MESSAGE_RETENTION_MODE="scrub_content_on_claim")
        ann, bob = relay.sign_in(), relay.sign_in()
        ann.send(bob, "waiting")
        with relay.locked_database():
            links = queue((relay, ann, bob), 4)
            links.append(begin(relay, bob, "/api/v1/webchat/poll", {"chat_address": bob.address}))
            make_fail(relay, trigger)
        found = [response(link) for link in links]
        before = [status for status, _ in found].index(503)
        assert [status for status, _ in found] == [202] * before + [503] * (5 - before)
        if before < 4:
            break
        relay.stop()
    assert before < 4
    assert {body["error"] for _, body in found[before:]} == {"busy"}
    assert bob.texts() == ["waiting"] + [f"text {i}" for i in range(before)]
    assert [response(link)[0] for link in [begin(relay, ann, SEND, {
        "to": bob.address, "text": f"text {i}", "idempotency_key": f"key {i}"}) for i in range(4)]] == [200] * before + [202] * (4 - before)


def test_failed_sync_is_500_to_all_who_wait_and_the_pool_goes_on_anew(make_relay, failing):
    relay, trigger = with_failing(make_relay, failing, "-wal", RELAY_WORKERS=2)
    ann, bob = relay.sign_in(), relay.sign_in()
    before = set(relay.workers())
    make_fail(relay, trigger)
    failed = ann.send(bob, "unknown", expect=500, idempotency_key="unknown").is_error(500, "internal")
    assert "message_id" not in failed.json
    wait_until("all are new", lambda: len(relay.workers()) == 2 and not set(relay.workers()) & before)
    wait_until("it takes messages", lambda: ann.send(
        # either: what was committed before the sync failed may be there, or not
        bob, "unknown", expect=(200, 202, 500), idempotency_key="unknown").status != 500)
    ann.send(bob, "after")
    assert bob.texts() == ["unknown", "after"]


def test_session_that_was_away_for_long_is_noted_though_somebody_else_writes(make_relay):
    """Texts wait for devices that were seen within a week: a note of that is not left out because the lock is taken just then."""
    relay = make_relay({"RELAY_WORKERS": 1, "RELAY_BUSY_TIMEOUT_MS": 10000})
    ann = relay.sign_in()
    with relay.opened_database() as link:
        link.execute("UPDATE session SET last_seen_at = last_seen_at - 8 * 86400000")
    with relay.locked_database():
        link = begin(relay, ann, "/api/v1/webchat/poll", {"chat_address": ann.address})
        wait_until("it waits for the lock", relay.waiting_writers)
    assert response(link)[0] == 200
    with relay.opened_database() as link:
        assert link.execute("SELECT last_seen_at FROM session").fetchone()[0] > (time.time() - 60) * 1000
