"""Links to files: for one reader, one file and a quarter of an hour, and nothing of them is stored or logged."""
import os
import time

import pytest

from client import wait_until
from groups import OPEN, Group
from harness import run
from keys import make_key

UPLOAD, FILES, MESSAGES = "/api/v1/webchat/upload", "/api/v1/webchat/files", "/api/v1/messages"
QUARTER_MS = 15 * 60000


def put(user, data=b"film", mime="video/mp4"):
    return user.put(f"{UPLOAD}?name=a.mp4", data=data, headers={"Content-Type": mime}, expect=200).json


def link(user, file_id, expect=200):
    return user.post(f"{FILES}/{file_id}/link", expect=expect)


@pytest.fixture(name="film")
def film_that_ann_sent_to_bob(ann, bob):
    made = put(ann)
    made["message_id"] = ann.send(bob, "", attachments=[made["file_id"]])["message_id"]
    return made


def test_link_opens_the_file_without_a_header_and_by_ranges(client, bob, film):
    before = int(time.time() * 1000)
    made = link(bob, film["file_id"])
    assert before + QUARTER_MS - 5000 <= made["expires_at"] <= int(time.time() * 1000) + QUARTER_MS
    assert client.get(made["url"], expect=200).body == b"film"
    part = client.get(made["url"], headers={"Range": "bytes=1-2"}, expect=206)
    assert part.body == b"il" and part.headers["Content-Range"] == "bytes 1-2/4"
    assert client.call("HEAD", made["url"], check=False, expect=200).headers["Accept-Ranges"] == "bytes"


def test_response_is_right_for_media_of_another_origin(client, bob, film):
    headers = client.get(link(bob, film["file_id"])["url"], headers={"Origin": "https://chat.example.com"}, expect=200).headers
    assert headers["Content-Type"] == "video/mp4" and headers["Content-Disposition"].startswith("inline;")
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; img-src 'self'; media-src 'self'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "private, no-cache"


def test_range_of_a_file_that_is_still_the_same_goes_on_and_else_all_comes(client, bob, film):
    url = link(bob, film["file_id"])["url"]
    tag = client.get(url, expect=200).headers["ETag"]
    assert client.get(url, headers={"Range": "bytes=1-2", "If-Range": tag}, expect=206).body == b"il"
    assert client.get(url, headers={"Range": "bytes=1-2", "If-Range": '"other"'}, expect=200).body == b"film"


def test_what_one_may_not_see_has_no_link(relay, ann, film):
    stranger = relay.sign_in()
    link(stranger, film["file_id"], 404).is_error(404, "unknown_file")
    link(stranger, "fil_" + "0" * 32, 404).is_error(404, "unknown_file")
    link(ann, "fil_x", 404).is_error(404, "unknown_file")
    relay.client().post(f"{FILES}/{film['file_id']}/link", expect=401)


def test_token_makes_no_link(relay, film):
    relay.sign_in().post(f"{FILES}/{film['file_id']}/link?token={film['token']}", expect=404).is_error(404, "unknown_file")


def test_link_that_was_changed_anywhere_is_refused_as_none_at_all(client, bob, film):
    url = link(bob, film["file_id"])["url"]
    path, value = url.split("?link=")
    bare = client.get(path, expect=401).is_error(401, "credential_required")
    for position in (0, 31, 32, 43, 44, 107):
        other = value[:position] + ("0" if value[position] != "0" else "1") + value[position + 1:]
        assert client.get(f"{path}?link={other}", expect=401).json == bare.json
    for other in (value[:-1], value + "0", value.upper(), "", "x", value[:44]):
        if other != value:
            assert client.get(f"{path}?link={other}", expect=401).json == bare.json
    client.get(f"{path}?link={'0' * 161}", expect=400).is_error(400, "invalid_field", field="link")


def test_link_opens_no_other_file_of_the_same_reader(client, bob, film):
    value = link(bob, film["file_id"])["url"].split("?")[1]
    client.get(f"{put(bob)['url']}?{value}", expect=401)


def test_link_helps_a_signed_in_stranger_too(relay, bob, film):
    stranger = relay.sign_in()
    assert stranger.get(link(bob, film["file_id"])["url"], expect=200).body == b"film"
    stranger.get(film["url"], expect=404)


def test_link_ends_with_its_session_and_not_with_others(relay, client, bob, film):
    other = relay.sign_in(bob.email)
    ended, lives = link(bob, film["file_id"])["url"], link(other, film["file_id"])["url"]
    bob.post("/api/v1/pchat/auth/logout", expect=200)
    client.get(ended, expect=401)
    client.get(lives, expect=200)


def test_link_ends_with_its_key(client, bob, film):
    key = make_key(bob, "receive")
    url = link(key, film["file_id"])["url"]
    client.get(url, expect=200)
    bob.delete(f"/api/v1/webchat/keys/{key.id}", expect=200)
    client.get(url, expect=401)


def test_link_ends_when_its_reader_is_blocked_or_erased(relay, client, ann, bob, film):
    url, own = link(bob, film["file_id"])["url"], link(ann, film["file_id"])["url"]
    relay.ctl("user", "block", bob.address)
    client.get(url, expect=401)
    client.get(own, expect=200)
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    client.get(own, expect=401)


def test_link_ends_when_its_reader_loses_the_file(client, ann, bob, film):
    url = link(bob, film["file_id"])["url"]
    bob.delete(f"{MESSAGES}/{film['message_id']}", expect=200)
    client.get(url, expect=401)
    other = put(ann)
    url = link(ann, other["file_id"])["url"]
    ann.delete(other["url"], expect=200)
    client.get(url, expect=401)


def test_link_ends_when_its_reader_leaves_the_group(client, ann, bob):
    group = Group(ann, **OPEN)
    group.join(bob)
    made = put(ann)
    ann.send(group.id, "", attachments=[made["file_id"]])
    url = link(bob, made["file_id"])["url"]
    client.get(url, expect=200)
    group.leave(bob)
    client.get(url, expect=401)


def test_link_ends_with_its_time(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    made = put(ann)
    url = link(ann, made["file_id"])["url"]
    with relay.locked_database() as database:
        database.execute("UPDATE session SET expires_at = ?", (int(time.time() * 1000) + 60000,))
    short = link(ann, made["file_id"])
    assert short["expires_at"] <= int(time.time() * 1000) + 60000
    with relay.locked_database() as database:
        database.execute("UPDATE session SET expires_at = ?", (int(time.time() * 1000) + 1500,))
    url = link(ann, made["file_id"])["url"]
    relay.client().get(url, expect=200)
    with relay.locked_database() as database:
        database.execute("UPDATE session SET expires_at = 0")
    wait_until("it is over", lambda: relay.client().get(url).status == 401)


def test_link_ends_when_the_message_is_scrubbed(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "RETENTION_DEVICE_GRACE_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    made = put(ann)
    ann.send(bob, "", attachments=[made["file_id"]])
    url = link(bob, made["file_id"])["url"]
    bob.poll_all()
    relay.client().get(url, expect=200)
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0
    relay.client().get(url, expect=401)


def test_link_is_in_no_log_and_no_file(make_relay):
    relay = make_relay({"RELAY_LOG_LEVEL": "debug"})
    ann = relay.sign_in()
    made = put(ann)
    url = link(ann, made["file_id"])["url"]
    value = url.split("=")[1]
    relay.client().get(url, expect=200)
    relay.client().get(url[:-1] + "x", expect=401)
    log = os.path.join(relay.folder, "run", "access.log")
    wait_until("the log is written", lambda: made["file_id"] in open(log, encoding="utf-8").read(), timeout_sec=30)
    for piece in (value, value[:32], value[44:]):
        assert piece not in relay.stderr and relay.files_holding(piece.encode()) == []


def test_link_is_in_no_log_when_there_is_no_worker(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    url = link(ann, put(ann)["file_id"])["url"]
    socket_path = os.path.join(relay.folder, "run", "relay.sock")
    os.rename(socket_path, socket_path + ".away")
    try:
        relay.client().get(url, expect=502, check=False)
    finally:
        os.rename(socket_path + ".away", socket_path)
    relay.client().get(url, expect=200)
    relay.stop()
    assert url.split("=")[1] not in relay.stderr and relay.files_holding(url.split("=")[1].encode()) == []
