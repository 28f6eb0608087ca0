"""Uploads under bad days: clients that go, workers that are killed, disks that are full."""
import contextlib
import http.client
import os
import socket
import threading
import time

import pytest

from client import wait_until
from disks import fill_up
from harness import Relay, kill_pids, run
from uploads import Sending

UPLOAD, FILES = "/api/v1/webchat/upload", "/api/v1/webchat/files"
FORM = {"Content-Type": "multipart/form-data; boundary=B"}
HEAD = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


def form(data):
    return HEAD + data + b"\r\n--B--\r\n"


def folder_of(relay, name):
    return os.path.join(relay.folder, relay.settings.get("PCHAT_UPLOAD_DIR", "pchat_uploads"), name)


def on_disk(relay, name="files"):
    return sorted(os.listdir(folder_of(relay, name)))


def rows(relay):
    with relay.opened_database() as database:
        return sorted(row[0].hex() for row in database.execute("SELECT public_id FROM file"))


def sweep(relay):
    done = run("relay-sweep", "--dir", relay.folder, "--now")
    assert done.returncode == 0, done


def age_all(relay):
    """Make everything in the upload folder two hours old, and let the next pass look for orphans."""
    for name in ("files", "incoming"):
        for file in on_disk(relay, name):
            at = time.time() - 7200
            os.utime(os.path.join(folder_of(relay, name), file), (at, at))
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET searched_at = 0")


# -- clients that go -------------------------------------------------------------------------------

@pytest.mark.parametrize("method, kind", [("PUT", "a/b"), ("POST", FORM["Content-Type"])])
def test_client_that_goes_while_its_upload_waits_for_a_worker_ends_none(make_relay, method, kind):
    """nginx takes the body back then; a worker that finds it gone has nothing to repair."""
    relay = make_relay({"RELAY_WORKERS": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann = relay.sign_in()
    before = relay.workers()
    body = form(b"x" * 400000)
    with socket.create_connection(("127.0.0.1", relay.port), 10) as link:
        link.sendall(f"{method} {UPLOAD} HTTP/1.1\r\nHost: x\r\nX-PChat-Session: {ann.token}\r\nContent-Type: {kind}\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:200000])
        wait_until("the worker has let it pass, and nginx writes", lambda: on_disk(relay, "incoming"))
        with relay.frozen_workers():
            link.sendall(body[200000:])
            wait_until("nginx has all of it", lambda: sum(os.path.getsize(os.path.join(folder_of(relay, "incoming"), name))
                                                          for name in on_disk(relay, "incoming")) == len(body))
            link.close()
            wait_until("nginx took it back", lambda: not on_disk(relay, "incoming"))
    assert relay.client().call("GET", "/health").status == 200
    assert relay.workers() == before, "a worker left"
    assert on_disk(relay) == on_disk(relay, "incoming") == [] and rows(relay) == []


# -- workers that are killed -----------------------------------------------------------------------

class Uploader(threading.Thread):
    """Uploads by turns as a form and raw, until told to stop; whatever happens to the relay."""

    def __init__(self, user):
        super().__init__(daemon=True)
        self.user, self.made, self.failed, self.over = user, [], 0, threading.Event()

    def run(self):
        number = 0
        while not self.over.is_set():
            number += 1
            data = b"%06d" % number * 500
            try:
                response = self.user.call("PUT", UPLOAD, data=data, check=False) if number % 2 else self.user.call(
                    "POST", UPLOAD, data=form(data), headers=FORM, check=False)
            except (OSError, http.client.HTTPException):
                self.failed += 1
                continue
            if response.status == 200:
                self.made.append((response["file_id"], data))
            else:
                self.failed += 1


def test_workers_killed_at_any_moment_leave_no_row_without_bytes_and_in_the_end_no_bytes_without_row(make_relay):
    relay = make_relay({"RELAY_WORKERS": 4, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    users = [relay.sign_in() for _ in range(3)]
    uploaders = [Uploader(user) for user in users]
    for uploader in uploaders:
        uploader.start()
    try:
        for kills in range(16):
            more = sum(len(uploader.made) for uploader in uploaders) + kills % 3
            wait_until("uploads go on", lambda m=more: sum(len(uploader.made) for uploader in uploaders) > m, 60, 0)
            kill_pids(sorted(relay.workers())[:1])  # one after the other: who dies young is not started again at once
    finally:
        for uploader in uploaders:
            uploader.over.set()
    for uploader in uploaders:
        uploader.join(60)
        assert not uploader.is_alive() and uploader.made
    wait_until("the relay answers", lambda: relay.client().call("GET", "/health", check=False).status == 200)
    assert set(rows(relay)) <= set(on_disk(relay))
    for uploader in uploaders:
        for file_id, data in uploader.made:
            assert uploader.user.get(f"{FILES}/{file_id}", expect=200).body == data
    age_all(relay)
    sweep(relay)
    assert rows(relay) == on_disk(relay)
    assert on_disk(relay, "incoming") == []


# -- the disk full ---------------------------------------------------------------------------------

@pytest.fixture(name="small_uploads")
def relay_whose_uploads_are_on_a_small_disk(small_disk):
    """make(**settings): only the upload folder is on the file system of 4 MiB."""
    with contextlib.ExitStack() as stack:
        def make(**settings):
            return stack.enter_context(Relay({"PCHAT_MIN_FREE_BYTES": 0, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0,
                                              "PCHAT_UPLOAD_DIR": os.path.join(small_disk, "uploads"), **settings}))
        yield make


@pytest.mark.parametrize("method, room", [("PUT", 0), ("POST", 0), ("PUT", 300000), ("POST", 300000),
                                          ("no length", 0), ("no length", 300000)])
def test_upload_onto_a_full_disk_is_a_503_leaves_nothing_and_messages_go_on(small_uploads, small_disk, method, room):
    """Found out before the body is read, or while nginx writes it."""
    relay = small_uploads()
    ann = relay.sign_in()
    before = relay.workers()
    ballast = fill_up(small_disk)
    os.truncate(ballast, os.path.getsize(ballast) - room)
    data = os.urandom(700000)

    def upload(expect):
        if method == "POST":
            return ann.post(UPLOAD, data=form(data), headers=FORM, expect=expect)
        return ann.put(UPLOAD, data=iter([data]) if method == "no length" else data, expect=expect)
    response = upload(503).is_error(503, "storage_full")
    assert int(response.headers["Retry-After"]) >= 1
    wait_until("nothing is left of it", lambda: not on_disk(relay, "incoming"))
    assert on_disk(relay) == [] and rows(relay) == []
    ann.send(ann, "still here")
    assert ann.texts() == ["still here"] and relay.workers() == before
    os.truncate(ballast, os.path.getsize(ballast) - 1000000)  # room for the body, once
    made = upload(200)
    assert ann.get(made["url"], expect=200).body == data


def test_file_that_leaves_the_floor_free_is_kept_and_one_more_is_not(small_uploads, small_disk):
    fs = os.statvfs(small_disk)
    relay = small_uploads(PCHAT_MIN_FREE_BYTES=fs.f_bavail * fs.f_frsize - (3 << 19))
    ann = relay.sign_in()
    made = ann.put(UPLOAD, data=b"x" * (1 << 20), expect=200)
    ann.put(UPLOAD, data=b"x" * (1 << 20), expect=503).is_error(503, "storage_full")
    assert on_disk(relay) == [made["file_id"][4:]]


def test_upload_without_a_length_that_goes_below_the_floor_is_refused_and_leaves_nothing(small_uploads, small_disk):
    fs = os.statvfs(small_disk)
    relay = small_uploads(PCHAT_MIN_FREE_BYTES=fs.f_bavail * fs.f_frsize - (1 << 20))
    ann = relay.sign_in()
    ann.call("PUT", UPLOAD, data=iter([b"x" * (1 << 20)] * 2), expect=503).is_error(503, "storage_full")
    assert on_disk(relay) == [] and rows(relay) == []


def test_uploads_at_once_leave_the_floor_free(small_uploads, small_disk):
    fs = os.statvfs(small_disk)
    floor = fs.f_bavail * fs.f_frsize - (3 << 19)
    relay = small_uploads(PCHAT_MIN_FREE_BYTES=floor)
    ann = relay.sign_in()
    sending = [Sending(ann, 300000) for _ in range(12)]
    statuses = []
    for each in sending:
        statuses.append(each.finish())
        fs = os.statvfs(small_disk)
        assert fs.f_bavail * fs.f_frsize >= floor
    assert statuses == [200] * 5 + [503] * 7
