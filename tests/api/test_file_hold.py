"""Files that wait for recipients who have a message and not yet its file."""
import os
import socket
import time

import pytest

from client import wait_until
from groups import OPEN, Group
from harness import run

UPLOAD, FILES = "/api/v1/webchat/upload", "/api/v1/webchat/files"


def put(user, data=b"film"):
    return user.put(f"{UPLOAD}?name=a.mp4", data=data, headers={"Content-Type": "video/mp4"}, expect=200).json["file_id"]


def sweep(relay):
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0


def rows(relay, table):
    with relay.opened_database() as link:
        return link.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def fetch(user, file_id, expect=200, **headers):
    return user.get(f"{FILES}/{file_id}", headers=headers, expect=expect)


def stays(relay, owner, file_id):
    """After a pass the file is there, for its owner too."""
    sweep(relay)
    return file_id in [f["file_id"] for f in owner.get(FILES, expect=200)["files"]]


def is_gone(relay, owner, file_id):
    """Wait until a pass has removed it: the relay may just be hearing that it was fetched."""
    path = os.path.join(relay.folder, "pchat_uploads", "files", file_id[4:])
    return wait_until("the file is gone", lambda: not stays(relay, owner, file_id) and not os.path.exists(path))


@pytest.fixture(name="holding")
def relay_that_holds(make_relay):
    """Passes only when a test makes one; one device of each is enough."""
    def make(**settings):
        return make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "RETENTION_DEVICE_GRACE_SEC": 0, "PCHAT_FILE_HOLD_SEC": 86400, **settings})
    return make


@pytest.fixture(name="three")
def ann_and_bob_and_a_file_of_a_message_that_is_final(holding):
    relay = holding()
    ann, bob = relay.sign_in(), relay.sign_in()
    file_id = put(ann)
    ann.send(bob, "the words themselves", attachments=[file_id])
    bob.poll_all()
    assert stays(relay, ann, file_id)
    return relay, ann, bob, file_id


def test_file_stays_for_a_recipient_on_a_train_until_it_was_fetched(three):
    relay, ann, bob, file_id = three
    assert relay.files_holding(b"the words themselves") == []  # the text waits for nobody
    assert fetch(bob, file_id).body == b"film"
    assert is_gone(relay, ann, file_id)
    fetch(bob, file_id, 404)


def test_file_that_was_fetched_before_goes_with_its_message(holding):
    relay = holding()
    ann, bob = relay.sign_in(), relay.sign_in()
    file_id = put(ann)
    ann.send(bob, "", attachments=[file_id])
    fetch(bob, file_id)
    wait_until("it is noted", lambda: rows(relay, "file_fetch") == 1)
    bob.poll_all()
    assert not stays(relay, ann, file_id)


def test_part_of_it_a_head_and_what_one_has_do_not_count(three):
    relay, ann, bob, file_id = three
    bob.call("HEAD", f"{FILES}/{file_id}", check=False, expect=200)
    fetch(bob, file_id, 206, Range="bytes=0-2")
    fetch(bob, file_id, 206, Range="bytes=1-3")
    fetch(bob, file_id, 416, Range="bytes=9-")
    tag = bob.call("HEAD", f"{FILES}/{file_id}", check=False).headers["ETag"]
    fetch(bob, file_id, 304, **{"If-None-Match": tag})
    assert stays(relay, ann, file_id)
    fetch(bob, file_id, 206, Range="bytes=0-")
    assert is_gone(relay, ann, file_id)


def test_download_that_is_cut_off_does_not_count(holding):
    relay = holding()
    ann, bob = relay.sign_in(), relay.sign_in()
    file_id = put(ann, os.urandom(8 << 20))
    ann.send(bob, "", attachments=[file_id])
    bob.poll_all()
    with socket.create_connection(("127.0.0.1", relay.port), 10) as link:
        link.sendall(f"GET {FILES}/{file_id} HTTP/1.1\r\nHost: x\r\nX-PChat-Session: {bob.token}\r\n\r\n".encode())
        assert link.recv(4096).startswith(b"HTTP/1.1 200")
    log = os.path.join(relay.folder, "run", "access.log")
    wait_until("nginx is through with it", lambda: file_id in open(log, encoding="utf-8").read(), timeout_sec=30)
    assert stays(relay, ann, file_id)
    fetch(bob, file_id)
    assert is_gone(relay, ann, file_id)


def test_owner_and_holders_of_the_token_are_not_waited_for(holding):
    relay = holding()
    ann, bob = relay.sign_in(), relay.sign_in()
    made = ann.put(f"{UPLOAD}?name=a", data=b"film", expect=200).json
    ann.send(bob, "", attachments=[made["file_id"]])
    bob.poll_all()
    fetch(ann, made["file_id"])
    relay.client().get(f"{FILES}/{made['file_id']}?token={made['token']}", expect=200)
    assert stays(relay, ann, made["file_id"])
    fetch(bob, made["file_id"])
    assert is_gone(relay, ann, made["file_id"])


def test_link_counts_for_its_reader(three):
    relay, ann, bob, file_id = three
    url = bob.post(f"{FILES}/{file_id}/link", expect=200)["url"]
    relay.client().get(url, expect=200)
    assert is_gone(relay, ann, file_id)


def test_each_member_is_waited_for_but_whoever_deleted_the_message(holding):
    relay = holding()
    owner, bob, cem, dan = (relay.sign_in() for _ in range(4))
    group = Group(owner, **OPEN)
    for member in (bob, cem, dan):
        group.join(member)
    file_id = put(owner)
    message_id = owner.send(group.id, "", attachments=[file_id])["message_id"]
    for member in (bob, cem, dan):
        member.poll_all()
    assert stays(relay, owner, file_id)
    fetch(bob, file_id)
    dan.delete(f"/api/v1/messages/{message_id}", expect=200)
    assert stays(relay, owner, file_id)
    fetch(cem, file_id)
    assert is_gone(relay, owner, file_id)


def test_hold_has_an_end(holding):
    relay = holding(PCHAT_FILE_HOLD_SEC=2)
    ann, bob = relay.sign_in(), relay.sign_in()
    file_id = put(ann)
    ann.send(bob, "", attachments=[file_id])
    bob.poll_all()
    before = int(time.time() * 1000)
    sweep(relay)
    listed = ann.get(FILES, expect=200)["files"]
    assert not listed or before + 2000 <= listed[0]["expires_at"] <= int(time.time() * 1000) + 2000
    assert is_gone(relay, ann, file_id)
    fetch(bob, file_id, 404)


def test_withdrawn_message_takes_its_file_at_once(three):
    relay, ann, bob, file_id = three
    second = put(ann)
    sent = ann.send(bob, "", attachments=[second])
    ann.delete(f"/api/v1/messages/{sent['message_id']}", expect=200)
    fetch(bob, second, 404)
    fetch(bob, file_id)


def test_file_that_is_sent_on_lives_as_long_as_any(three):
    relay, ann, bob, file_id = three
    (held,) = ann.get(FILES, expect=200)["files"]
    cem = relay.sign_in()
    bob.send(cem, "", attachments=[file_id])
    (freed,) = ann.get(FILES, expect=200)["files"]
    assert freed["expires_at"] > held["expires_at"]
    fetch(bob, file_id)
    cem.poll_all()
    assert stays(relay, ann, file_id)
    fetch(cem, file_id)
    assert is_gone(relay, ann, file_id)


@pytest.mark.parametrize("mode", ["full", "scrub_all_on_final", "scrub_content_on_claim", "scrub_all_on_claim"])
def test_other_modes_hold_nothing_and_say_so(holding, mode):
    relay = holding(MESSAGE_RETENTION_MODE=mode)
    assert relay.client().get("/api/v1/webchat/config", expect=200)["retention"]["file_hold_sec"] == 0
    ann, bob = relay.sign_in(), relay.sign_in()
    file_id = put(ann)
    ann.send(bob, "", attachments=[file_id])
    bob.poll_all()
    assert stays(relay, ann, file_id) is (mode == "full")


def test_message_that_expired_holds_nothing(holding):
    relay = holding(PCHAT_QUEUE_STALE_TTL_SEC=60)
    ann, bob = relay.sign_in(), relay.sign_in()
    file_id = put(ann)
    ann.send(bob, "", attachments=[file_id])
    with relay.locked_database() as database:
        database.execute("UPDATE message SET created_at = created_at - 120000")
    assert not stays(relay, ann, file_id)
