"""What health, ready and doctor each say of a failure: one table. Health is for whoever restarts things, ready for whoever sends
people elsewhere, doctor for whoever mends."""
import contextlib
import json
import os
import shutil
import signal
import sys
import time

import pytest

import harness
import pg_server
from client import wait_until
from disks import fill_up
from harness import Relay, free_port, make_folder, run, unique
from tls import make_certificate

SIGNED_IN = {"PCHAT_MIN_FREE_BYTES": 0, "RELAY_BUSY_TIMEOUT_MS": 50, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 600}
SETTINGS = {**SIGNED_IN, "SMTP_HOST": "127.0.0.1", "SMTP_PORT": 9, "SMTP_FROM": "relay@example.org", "SMTP_TLS": "off",
            "PCHAT_DEV_EXPOSE_CODES": "false"}


@pytest.fixture(name="one", scope="module")
def relay_to_be_broken(built):
    with Relay({**SETTINGS, "PCHAT_DEV_EXPOSE_CODES": "true"}) as relay:
        ann = relay.sign_in()
        ann.put("/api/v1/webchat/upload?name=a.txt", data=b"bytes", expect=200)
        run_sql(relay, "DELETE FROM outbox")  # the mail with the code, which does not leave
        yield relay


def run_sql(relay, *statements):
    with relay.opened_database() as link:
        for statement in statements:
            link.execute(statement)


@contextlib.contextmanager
def sql(relay, breaks, mends):
    run_sql(relay, breaks)
    try:
        yield
    finally:
        run_sql(relay, mends)


@contextlib.contextmanager
def moved(path):
    os.rename(path, path + ".away")
    try:
        yield
    finally:
        if os.path.isdir(path):  # made anew meanwhile
            shutil.rmtree(path)
        os.rename(path + ".away", path)


def a_file(relay):
    folder = os.path.join(relay.folder, "pchat_uploads", "files")
    return os.path.join(folder, os.listdir(folder)[0])


@contextlib.contextmanager
def stopped(relay, name):
    pids = relay.children(name)
    assert pids
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        relay.resume_all()


def now(later=0):
    return int((time.time() + later) * 1000)


@contextlib.contextmanager
def dead(relay, name):
    """Killed, while the parent is in no state to start another."""
    pids = relay.children(name)
    assert pids
    with stopped_parent(relay):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        yield
    wait_until("there is another", lambda: set(relay.children(name)) - set(pids))


@contextlib.contextmanager
def stopped_parent(relay):
    try:
        os.kill(relay.process.pid, signal.SIGSTOP)
        yield
    finally:
        os.kill(relay.process.pid, signal.SIGCONT)


def reload(relay):
    """As HUP does; back once all workers are new."""
    before = set(relay.workers())
    relay.reload()
    wait_until("new workers only", lambda: len(relay.workers()) >= len(before) and not before & set(relay.workers()), 30)
    wait_until("relay-live is new, too", lambda: "live" not in said_by(relay)[2], 30)


@contextlib.contextmanager
def settings(relay, **more):
    before = relay.settings
    relay.settings = {**before, **more}
    reload(relay)
    try:
        yield
    finally:
        relay.settings = before
        reload(relay)


@contextlib.contextmanager
def mode(path, bits):
    before = os.stat(path).st_mode & 0o7777
    os.chmod(path, bits)
    try:
        yield
    finally:
        os.chmod(path, before)


@contextlib.contextmanager
def long_log(relay):
    """As behind a reader that keeps its transaction open. What is behind the end of a log is none of it."""
    os.truncate(relay.database + "-wal", 65 << 20)
    try:
        yield
    finally:
        assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0


@contextlib.contextmanager
def mail_that_waits(relay):
    relay.client().post("/api/v1/pchat/auth/request-code", {"email": unique() + "@example.com"}, expect=202)
    with sql(relay, "UPDATE outbox SET created_at = created_at - 120000", "DELETE FROM outbox"):
        yield


@contextlib.contextmanager
def notice_that_waits(relay):
    """A mail that is no sign-in code: nobody stands at a door."""
    relay.client().post("/api/v1/pchat/auth/request-code", {"email": unique() + "@example.com"}, expect=202)
    with sql(relay, "UPDATE outbox SET created_at = created_at - 7200000, expires_at = expires_at + 86400000", "DELETE FROM outbox"):
        yield


def in_folder(relay, *names):
    return os.path.join(relay.folder, *names)


def closed_port():
    return f"http://127.0.0.1:{free_port()}"


# name: (what breaks it, part that health names or None, what ready says fails, what doctor says fails)
TABLE = {
    "nothing": (lambda r: contextlib.nullcontext(), None, None, set()),
    "somebody holds the database": (lambda r: r.locked_database(), "database", ["database"], {"database", "health"}),
    "a page was found to be damaged": (lambda r: sql(r, f"UPDATE sweep SET damaged = 1, checked_at = {now()}", "UPDATE sweep SET damaged = 0"),
                                       "database", ["database"], {"health"}),
    "the upload folder is gone": (lambda r: moved(in_folder(r, "pchat_uploads")), None, ["disk"], {"uploads", "disk"}),
    "the upload folder is open to others": (lambda r: mode(in_folder(r, "pchat_uploads"), 0o755), None, None, {"uploads"}),
    "the data folder is open to others": (lambda r: mode(in_folder(r, "data"), 0o755), None, None, {"data"}),
    "little room is left": (lambda r: settings(r, PCHAT_MIN_FREE_BYTES=1 << 50), None, ["disk"], {"disk"}),
    "the log of writes has grown": (long_log, None, None, {"wal"}),
    "the bytes of a file are gone": (lambda r: moved(a_file(r)), None, None, set()),  # the next pass forgets it
    "mail does not leave": (mail_that_waits, None, ["mail"], {"signin"}),
    "the database knows a time to come": (lambda r: sql(r, "UPDATE meta SET stream_seq = stream_seq + 86400000000",
                                                        "UPDATE meta SET stream_seq = stream_seq - 86400000000"), None, None, {"clock"}),
    "another mail does not leave": (notice_that_waits, None, None, {"outbox"}),
    "relay-live does not respond": (lambda r: stopped(r, "relay-live"), None, None, {"live"}),
    "relay-live is dead": (lambda r: dead(r, "relay-live"), None, None, {"live"}),
    "the translator is down": (lambda r: settings(r, RELAY_TRANSLATE_URL=closed_port()), None, None, {"translation"}),
    "the transcriber is down": (lambda r: settings(r, RELAY_TRANSCRIBE_URL=closed_port()), None, None, {"transcription"}),
    "files are open to whoever knows an address": (lambda r: settings(r, PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN="false"), None, None, {"downloads"}),
    "whoever names a client is believed": (lambda r: settings(r, RELAY_TRUSTED_PROXIES="0.0.0.0/0"), None, None, {"forwarding", "codes"}),
    "the workers' socket is gone": (lambda r: moved(in_folder(r, "run", "relay.sock")), "unavailable", "unavailable",
                                    {"socket", "health", "downloads"}),
}
if harness.ENGINE == "postgresql":
    del TABLE["the log of writes has grown"]  # a file of SQLite's


def said_by(relay):
    """(part that health names, what ready names, checks of doctor that fail); where no worker responds, the web server's word."""
    health = relay.client().get("/health", check=False)
    ready = relay.client().get("/ready", check=False)
    report = json.loads(relay.ctl("doctor", expect=None).stdout)
    failed = {check["name"] for check in report["checks"] if not check["ok"]}
    return tuple(None if answer.status == 200 else answer.json.get(name, answer.error)
                 for answer, name in ((health, "part"), (ready, "failing"))) + (failed,)


@pytest.mark.parametrize("name", TABLE)
def test_each_failure_is_said_by_whom_the_table_names_and_by_nobody_else(one, name):
    breaks, *expected = TABLE[name]
    with breaks(one):
        found = said_by(one)
    print(name, found)
    assert list(found) == expected
    wait_until("all is well again", lambda: said_by(one) == (None, None, set()), 20)


def test_housekeeping_that_stands_still_is_said_by_ready_and_doctor(make_relay):
    relay = make_relay({**SETTINGS, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})

    def is_said():
        run_sql(relay, f"UPDATE sweep SET finished_at = 1, lease_until = {now(25)}")
        return said_by(relay) == (None, ["housekeeping"], {"housekeeping"})
    wait_until("three intervals are over", is_said, 30)


def test_full_disk_is_said_by_all_three(small_disk):
    with Relay(SIGNED_IN, folder=small_disk) as relay:
        ann = relay.sign_in()
        ballast = fill_up(small_disk)
        full = ("disk", ["database"], {"database", "health"})

        def is_said():
            # either: a checkpoint may have made room for a few pages, which messages take
            while ann.send(ann, "x" * 1000, expect=(202, 503)).status == 202:
                pass
            return said_by(relay) == full
        wait_until("the disk is full, and all three say so", is_said, 60)
        os.remove(ballast)
        wait_until("all is well again", lambda: said_by(relay) == (None, None, set()), 20)


def test_certificate_that_ends_soon_is_said_by_doctor(make_relay, tmp_path):
    certificate, key = make_certificate(str(tmp_path))
    relay = make_relay({**SETTINGS, "RELAY_TLS_CERTIFICATE": certificate, "RELAY_TLS_KEY": key})
    report = json.loads(relay.ctl("doctor", expect=1).stdout)
    assert [check["name"] for check in report["checks"] if not check["ok"]] == ["tls"], report


def test_kernel_without_a_sandbox_is_no_failure_and_doctor_warns(make_relay, monkeypatch):
    without = [sys.executable, os.path.join(os.path.dirname(__file__), "without.py"), "landlock_create_ruleset,seccomp"]
    monkeypatch.setattr(harness, "DIE_WITH_TESTS", [*harness.DIE_WITH_TESTS, *without])
    relay = make_relay(SETTINGS)
    assert said_by(relay) == (None, None, set())


# -- PostgreSQL ------------------------------------------------------------------------------------

@pytest.fixture(name="postgresql")
def server_that_goes_away(pg_programs):
    with pg_server.Server() as server:
        yield server


def test_postgresql_that_is_away_is_said_by_all_three(postgresql):
    with Relay({**SETTINGS, "DATABASE_URL": postgresql.url(postgresql.new_database())}) as relay:
        assert said_by(relay) == (None, None, set())
        postgresql.stop("kill")
        found = said_by(relay)
        postgresql.start()
        wait_until("all is well again", lambda: said_by(relay) == (None, None, set()), 30)
    assert found == ("database", ["database", "housekeeping", "mail"], {"database", "housekeeping", "wal", "signin", "outbox", "health"})


def test_key_of_the_epoch_that_is_missing_is_said_by_ready_and_doctor(postgresql):
    more = {**SIGNED_IN, "DATABASE_URL": postgresql.url(postgresql.new_database()), "EPOCH_SEC": 600}
    with Relay(more) as one:
        folder = make_folder()
        os.mkdir(os.path.join(folder, "data"), 0o700)
        shutil.copy2(in_folder(one, "data", "server.key"), os.path.join(folder, "data"))
        with Relay(more, folder=folder) as two:
            ann = one.sign_in()
            ann.send(ann, "what waits")
            two.stop()
            os.unlink(in_folder(two, "data", "bridge.db.epochs"))
            one.stop()
            two.start()
            assert said_by(two) == (None, ["database"], {"database"})
            one.start()
            wait_until("it is given the key", lambda: said_by(two) == (None, None, set()), 30)
