"""What health, ready and doctor each say of a failure: one table. Health is for whoever restarts things, ready for whoever sends
people elsewhere, doctor for whoever mends."""
import contextlib
import json
import os
import shutil
import signal
import time

import pytest

from client import wait_until
from harness import Relay, unique

SETTINGS = {"PCHAT_MIN_FREE_BYTES": 0, "RELAY_BUSY_TIMEOUT_MS": 50, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 600, "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": 9, "SMTP_FROM": "relay@example.org", "SMTP_TLS": "off", "PCHAT_DEV_EXPOSE_CODES": "false"}


@pytest.fixture(name="one", scope="module")
def relay_to_be_broken(built):
    with Relay({**SETTINGS, "PCHAT_DEV_EXPOSE_CODES": "true"}) as relay:
        ann = relay.sign_in()
        ann.put("/api/v1/webchat/upload?name=a.txt", data=b"bytes", expect=200)
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
        if os.path.isdir(path):
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
def mail_that_waits(relay):
    relay.client().post("/api/v1/pchat/auth/request-code", {"email": unique() + "@example.com"}, expect=202)
    with sql(relay, "UPDATE outbox SET created_at = created_at - 120000", "DELETE FROM outbox"):
        yield


# name: (what breaks it, part that health names or None, what ready says fails, what doctor says fails)
TABLE = {
    "nothing": (lambda r: contextlib.nullcontext(), None, None, set()),
    "somebody holds the database": (lambda r: r.locked_database(), "database", ["database"], {"database", "health"}),
    "a page was found to be damaged": (lambda r: sql(r, f"UPDATE sweep SET damaged = 1, checked_at = {now()}", "UPDATE sweep SET damaged = 0"),
                                       "database", ["database"], {"health"}),
    "the upload folder is gone": (lambda r: moved(os.path.join(r.folder, "pchat_uploads")), None, ["disk"], {"uploads", "disk"}),
    "the bytes of a file are gone": (lambda r: moved(a_file(r)), None, None, set()),  # the next pass forgets it
    "mail does not leave": (mail_that_waits, None, ["mail"], {"signin"}),
    "the database knows a time to come": (lambda r: sql(r, "UPDATE meta SET stream_seq = stream_seq + 86400000000",
                                                        "UPDATE meta SET stream_seq = stream_seq - 86400000000"), None, None, {"clock"}),
    "relay-live does not respond": (lambda r: stopped(r, "relay-live"), None, None, {"live"}),
}


def said_by(relay):
    """(part that health names, what ready names, checks of doctor that fail)"""
    # either: the table says which
    health = relay.client().get("/health", expect=(200, 503)).json
    ready = relay.client().get("/ready", expect=(200, 503)).json  # either: as above
    report = json.loads(relay.ctl("doctor", expect=None).stdout)
    return health.get("part"), ready.get("failing"), {check["name"] for check in report["checks"] if not check["ok"]}


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
