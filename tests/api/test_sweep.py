"""Housekeeping: what goes when, in each retention mode, and that a pass can be killed, held up and run twice."""
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from client import wait_until
from groups import MESSAGES, OPEN, Group
from harness import BUILD, clean_env, run, unique

FULL, CONTENT_FINAL, ALL_FINAL, CONTENT_CLAIM, ALL_CLAIM = MODES = (
    "full", "scrub_content_on_final", "scrub_all_on_final", "scrub_content_on_claim", "scrub_all_on_claim")
SCRUBBING, CLAIMING = MODES[1:], MODES[3:]
UPLOAD = "/api/v1/webchat/upload"


def without_passes(mode=CONTENT_FINAL, **settings):
    """Settings of a relay whose passes are run by the test alone."""
    return {"MESSAGE_RETENTION_MODE": mode, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, **settings}


@pytest.fixture(name="quiet")
def quiet_relay(make_relay):
    """quiet(mode): one of the test's own."""
    return lambda *mode, **settings: make_relay(without_passes(*mode, **settings))


@pytest.fixture(name="shared")
def one_of_each_mode(relay_with):
    """shared(mode): one that all tests share which need no other settings."""
    return lambda *mode: relay_with(without_passes(*mode))


def sweep(relay, *options, expect=0):
    done = run("relay-sweep", "--dir", relay.folder, "--now", *options)
    assert done.returncode == expect, done
    return done.stdout


def rows(relay, query, *arguments):
    with relay.opened_database() as database:
        return database.execute(query, arguments).fetchall()


def number_of(relay, message_id):
    return rows(relay, "SELECT id FROM message WHERE public_id = ?", bytes.fromhex(message_id[4:]))[0][0]


def secrets_of(relay, message_id):
    """(key, sealed body) as they lie in the database."""
    return rows(relay, "SELECT k.body_key, m.body FROM message m JOIN content_key k ON k.id = m.id "
                       "WHERE m.public_id = ?", bytes.fromhex(message_id[4:]))[0]


def keys_left(relay):
    """How many texts can be read."""
    return rows(relay, "SELECT count(*) FROM content_key WHERE body_key <> zeroblob(32)")[0][0]


def deliver(relay, user):
    """Everything is fetched, and confirmed."""
    return user.poll_all("")[0]


def shown(user, message_id):
    return user.get(f"{MESSAGES}/{message_id}", expect=200)["message"]


def status(user, message_id):
    return user.receipts(message_id)[message_id]["status"]


# -- the modes -------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", SCRUBBING)
def test_delivered_message_leaves_neither_key_nor_body_in_any_file(shared, mode):
    relay = shared(mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, unique("text-"), subject=unique("subject-"), idempotency_key="k")["message_id"]
    key, body = secrets_of(relay, message)
    assert relay.files_holding(key) and relay.files_holding(body[30:])
    deliver(relay, bob)
    sweep(relay)
    assert relay.files_holding(key) == [] and relay.files_holding(body[30:]) == []
    relay.ctl("scrub", "--verify")
    item = shown(ann, message)
    assert item["text"] == "" and "subject" not in item and item["scrubbed_at"]
    assert status(ann, message) == "delivered"


def test_full_keeps_the_text_and_shows_it_again(shared):
    relay = shared(FULL)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "stays")["message_id"]
    deliver(relay, bob)
    sweep(relay)
    assert shown(ann, message)["text"] == shown(bob, message)["text"] == "stays"


@pytest.mark.parametrize("mode", MODES)
def test_undelivered_message_is_left_alone(shared, mode):
    relay = shared(mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "waits")["message_id"]
    sweep(relay)
    assert status(ann, message) == "queued"
    assert [item["text"] for item in deliver(relay, bob)] == ["waits"]


@pytest.mark.parametrize("mode", CLAIMING)
def test_claimed_text_is_gone_before_any_pass_and_reads_claimed_until_confirmed(shared, mode):
    relay = shared(mode)
    before = keys_left(relay)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "once")["message_id"]
    assert keys_left(relay) == before + 1
    response = bob.poll("")
    assert [item["text"] for item in response["messages"]] == ["once"]
    assert keys_left(relay) == before
    assert status(ann, message) == "claimed" and shown(ann, message)["text"] == ""
    assert bob.poll("")["messages"] == []
    assert status(ann, message) == "claimed"
    bob.poll(response["cursor"])
    assert status(ann, message) == "delivered"


@pytest.mark.parametrize("mode", CLAIMING)
def test_claim_modes_hand_nothing_out_that_they_cannot_clear(quiet, mode):
    relay = quiet(mode, RELAY_BUSY_TIMEOUT_MS=50)
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "not while locked")
    with relay.locked_database():
        bob.poll("", expect=503)
    assert [item["text"] for item in bob.poll("")["messages"]] == ["not while locked"]


@pytest.mark.parametrize("mode", [ALL_FINAL, ALL_CLAIM])
def test_all_modes_forget_who_got_it(shared, mode):
    relay = shared(mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "x")["message_id"]
    deliver(relay, bob)
    number, bobs = number_of(relay, message), rows(relay, "SELECT id FROM account WHERE chat_address = ?", bob.address)[0][0]
    sweep(relay)
    assert rows(relay, "SELECT m.address, k.address_key FROM message m JOIN content_key k ON k.id = m.id WHERE m.id = ?",
                number) == [(b"", bytes(32))]
    assert rows(relay, "SELECT account_id FROM delivery WHERE message_id = ?", number) == [(0,)]
    assert rows(relay, "SELECT count(*) FROM stream WHERE stream_id = ? AND message_id = ?", bobs, number) == [(0,)]
    assert status(ann, message) == "delivered"


@pytest.mark.parametrize("mode", [CONTENT_FINAL, CONTENT_CLAIM])
def test_content_modes_remember_who_got_it(shared, mode):
    relay = shared(mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "x")["message_id"]
    deliver(relay, bob)
    sweep(relay)
    assert shown(ann, message)["to"] == bob.address


@pytest.mark.parametrize("mode", SCRUBBING)
def test_group_message_is_kept_until_every_member_has_it_or_left(shared, mode):
    relay = shared(mode)
    group = Group(relay.sign_in(), **OPEN)
    people = [relay.sign_in() for _ in range(3)]
    for user in people:
        group.join(user)
    message = group.owner.send(group.id, "for all")["message_id"]
    for user in people[:2]:
        assert "for all" in [item["text"] for item in deliver(relay, user)]
        sweep(relay)
        assert shown(group.owner, message)["text"] == "for all"
    group.leave(people[2])
    sweep(relay)
    assert shown(group.owner, message)["text"] == ""


@pytest.mark.parametrize("mode", SCRUBBING)
def test_attachment_goes_with_its_message_and_not_before_it_is_confirmed(shared, mode):
    relay = shared(mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    canary, name = os.urandom(3000), unique("secret-name-")
    made = ann.put(f"{UPLOAD}?name={name}.bin", data=canary, expect=200)
    ann.send(bob, "", attachments=[made["file_id"]])
    response = bob.poll("")
    sweep(relay)
    assert bob.get(made["url"], expect=200).body == canary
    bob.poll(response["cursor"])
    sweep(relay)
    bob.get(made["url"], expect=404)
    assert relay.files_holding(canary[:64]) == [] and relay.files_holding(name.encode()) == []
    relay.ctl("scrub", "--verify", name)


def test_edit_after_scrubbing_reaches_the_recipient_and_is_scrubbed_in_turn(shared):
    relay = shared()
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "old")["message_id"]
    cursor = bob.poll_all("")[1]
    sweep(relay)
    ann.patch(f"{MESSAGES}/{message}", {"text": "new"}, expect=200)
    sweep(relay)
    assert shown(ann, message)["text"] == "new"
    response = bob.poll(cursor)
    assert [item["text"] for item in response["messages"]] == ["new"]
    bob.poll(response["cursor"])
    sweep(relay)
    assert shown(ann, message)["text"] == ""


@pytest.mark.parametrize("mode", CLAIMING)
def test_edit_after_the_claim_is_refused_in_the_claim_modes(shared, mode):
    relay = shared(mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "old")["message_id"]
    deliver(relay, bob)
    ann.patch(f"{MESSAGES}/{message}", {"text": "new"}, expect=403).is_error(403, "edit_window_closed")


def test_a_blocked_senders_message_looks_like_one_that_waits(shared):
    relay = shared()
    ann, bob, carl = relay.sign_in(), relay.sign_in(), relay.sign_in()
    bob.post("/api/v1/webchat/blocks", {"chat_address": ann.address}, expect=200)
    blocked, waiting = ann.send(bob, "x")["message_id"], ann.send(carl, "x")["message_id"]
    sweep(relay)
    for message in (blocked, waiting):
        item = shown(ann, message)
        assert (item["text"], item["status"]) == ("x", "queued") and "scrubbed_at" not in item


def test_idempotency_key_of_a_scrubbed_message_still_finds_it(shared):
    relay = shared()
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "x", idempotency_key="k")["message_id"]
    deliver(relay, bob)
    sweep(relay)
    assert ann.send(bob, "x", idempotency_key="k", expect=200)["message_id"] == message
    assert rows(relay, "SELECT length(body_mac) FROM idempotency WHERE message_public_id = ?", bytes.fromhex(message[4:])) == [(0,)]


def test_changing_the_mode_scrubs_what_was_kept(quiet, make_relay):
    relay = quiet(FULL)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "kept so far")["message_id"]
    deliver(relay, bob)
    sweep(relay)
    relay.settings["MESSAGE_RETENTION_MODE"] = CONTENT_FINAL
    relay.reload()
    sweep(relay)
    assert shown(ann, message)["text"] == ""


# -- expiry ----------------------------------------------------------------------------------------

def test_expired_message_is_in_no_response_though_no_pass_ran(quiet):
    relay = quiet(PCHAT_QUEUE_STALE_TTL_SEC=1)
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "too late")["message_id"]
    wait_until("it has expired", lambda: status(ann, message) == "expired")
    assert bob.poll("")["messages"] == []
    bob.get(f"{MESSAGES}/{message}", expect=404)
    assert (shown(ann, message)["text"], shown(ann, message)["status"]) == ("", "expired")
    bob.post("/api/v1/webchat/read", {"chat_address": bob.address, "message_ids": [message]}, expect=200)
    assert status(ann, message) == "expired"
    sweep(relay)
    assert status(ann, message) == "expired"
    assert keys_left(relay) == 0


def test_ttl_of_zero_never_expires_a_message(quiet):
    relay = quiet(PCHAT_QUEUE_STALE_TTL_SEC=0)
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "for ever")
    sweep(relay)
    assert [item["text"] for item in deliver(relay, bob)] == ["for ever"]


def test_unclaimed_uploads_expire_with_row_and_bytes(quiet):
    relay = quiet(PCHAT_UPLOAD_TTL_SEC=1)
    ann = relay.sign_in()
    made = ann.put(UPLOAD, data=b"x", expect=200)
    # either: asked again until it has expired
    wait_until("it has expired", lambda: ann.get(made["url"], expect=(200, 404)).status == 404)
    sweep(relay)
    assert os.listdir(os.path.join(relay.folder, "pchat_uploads", "files")) == []


@pytest.mark.parametrize("setting, count", [("1", 0), ("0", 1)])
def test_join_and_access_requests_expire_unless_switched_off(quiet, setting, count):
    relay = quiet(PCHAT_JOIN_REQUEST_TTL_SEC=setting, PCHAT_AUTH_ALLOWED_DOMAINS="in.example",
                  PCHAT_ADMIN_EMAILS="boss@in.example")
    boss = relay.sign_in("boss@in.example")
    group = Group(boss, visibility="public", join_policy="request")
    group.ask(relay.sign_in("ann@in.example"))
    relay.client().post("/api/v1/pchat/auth/request-code", {"email": "out@other.example"}, expect=202)
    old = int(time.time() * 1000) - 5000
    with relay.locked_database() as link:
        link.execute("UPDATE join_request SET created_at = ?", (old,))
        link.execute("UPDATE access_request SET created_at = ?", (old,))
    sweep(relay)
    assert rows(relay, "SELECT (SELECT count(*) FROM join_request), (SELECT count(*) FROM access_request)") == [(count, count)]


# -- files and rows --------------------------------------------------------------------------------

def age(path, seconds=7200):
    at = time.time() - seconds
    os.utime(path, (at, at))


def test_old_files_without_a_row_go_and_young_ones_stay(quiet):
    relay = quiet()
    ann = relay.sign_in()
    kept = ann.put(UPLOAD, data=b"kept", expect=200)["file_id"][4:]
    folder = os.path.join(relay.folder, "pchat_uploads")
    orphans = [os.path.join(folder, "files", "0" * 32), os.path.join(folder, "files", "not-an-id"),
               os.path.join(folder, "incoming", "left-behind")]
    young = os.path.join(folder, "files", "1" * 32)
    wait_until("nginx removed its own", lambda: not os.listdir(os.path.join(folder, "incoming")))
    for path in [*orphans, young]:
        with open(path, "wb") as file:
            file.write(b"left behind")
    for path in [*orphans, os.path.join(folder, "files", kept)]:
        age(path)
    sweep(relay)
    assert sorted(os.listdir(os.path.join(folder, "files"))) == sorted([kept, "1" * 32])
    assert os.listdir(os.path.join(folder, "incoming")) == []


@pytest.mark.parametrize("how", ["missing", "short"])
def test_row_whose_bytes_are_not_there_goes(shared, how):
    relay = shared()
    ann = relay.sign_in()
    made = ann.put(UPLOAD, data=b"12345", expect=200)
    path = os.path.join(relay.folder, "pchat_uploads", "files", made["file_id"][4:])
    if how == "missing":
        os.unlink(path)
    else:
        os.truncate(path, 2)
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET searched_at = 0")  # not every pass looks for them
    sweep(relay)
    assert rows(relay, "SELECT count(*) FROM file WHERE public_id = ?", bytes.fromhex(made["file_id"][4:])) == [(0,)]
    ann.get(made["url"], expect=404)


def test_what_an_erased_account_left_is_in_no_page_of_the_database(quiet):
    relay = quiet()
    name, people = unique("erased-"), [relay.sign_in() for _ in range(3)]
    gone = relay.sign_in(f"{name}@example.com", display_name=name, device_name=name)
    # rows around it come and go, so that pages are rearranged
    with relay.locked_database() as link:
        link.executemany("INSERT INTO audit (at, actor, action, target) VALUES (1, ?, 'x', 'y')", [(name,)] * 500)
        link.execute("DELETE FROM audit")
    gone.delete("/api/v1/pchat/auth/me", expect=200)
    sweep(relay)
    assert relay.files_holding(name.encode()) in ([], ["relay.log"])  # where codes are printed without a mail server
    assert rows(relay, "SELECT erased_at, rebuilt_at > 0 FROM sweep") == [(0, 1)]
    people[0].send(people[1], "goes on")


# -- the pass itself -------------------------------------------------------------------------------

def test_pool_runs_passes_by_itself(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "x")["message_id"]
    deliver(relay, bob)
    wait_until("a pass scrubbed it", lambda: shown(ann, message)["text"] == "", 20)


def test_early_pass_ends_well_and_says_nothing(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 3600})
    wait_until("the first pass ran", lambda: rows(relay, "SELECT finished_at FROM sweep")[0][0] > 0)
    before = rows(relay, "SELECT started_at FROM sweep")
    done = run("relay-sweep", "--dir", relay.folder, "--verbose")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert rows(relay, "SELECT started_at FROM sweep") == before


def test_second_pass_at_the_same_time_does_nothing(shared):
    relay = shared()
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET lease_until = ?", (int(time.time() * 1000) + 20000,))
    assert sweep(relay, "--verbose") == ""
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET lease_until = 0")
    assert "cleared" in sweep(relay, "--verbose")


def test_lease_from_a_clock_that_was_ahead_does_not_stop_passes(shared):
    relay = shared()
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET lease_until = ?, started_at = ?", (int(time.time() * 1000) + 86400000,) * 2)
    assert "cleared" in sweep(relay, "--verbose")


def test_dry_run_counts_what_a_pass_then_clears_and_clears_nothing(shared):
    relay = shared()
    ann, bob = relay.sign_in(), relay.sign_in()
    for _ in range(3):
        ann.send(bob, "x")
    sweep(relay)  # what others left
    deliver(relay, bob)
    for _ in range(2):
        counted = dict(line.split() for line in sweep(relay, "--dry-run").splitlines())
        assert counted["messages"] == "3"
    assert "messages 3" in sweep(relay, "--verbose")
    assert dict(line.split() for line in sweep(relay, "--dry-run").splitlines())["messages"] == "0"


def test_reader_that_holds_on_delays_the_end_and_the_lag_is_reported(shared):
    relay = shared()
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "x")["message_id"]
    key, _ = secrets_of(relay, message)
    with contextlib.closing(sqlite3.connect(relay.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM message").fetchone()
        deliver(relay, bob)
        out = sweep(relay, "--verbose")
        assert "scrub_lag_seconds 0" not in out and "scrub_lag_seconds" in out
        assert "held by a reader" in relay.ctl("scrub", "--verify", expect=1).stdout
        reader.execute("COMMIT")
    assert "scrub_lag_seconds 0" in sweep(relay, "--verbose")
    assert relay.files_holding(key) == []


def test_killed_at_random_moments_the_next_pass_comes_to_the_same_end(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    sent = [ann.send(bob, unique())["message_id"] for _ in range(60)]
    keys = [secrets_of(relay, message)[0] for message in sent]
    deliver(relay, bob)
    for delay in (0.001, 0.004, 0.008, 0.015, 0.03):
        process = subprocess.Popen([os.path.join(BUILD, "relay-sweep"), "--dir", relay.folder, "--now"], env=clean_env(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with relay.locked_database() as link:
            link.execute("UPDATE sweep SET lease_until = 0")
    sweep(relay)
    assert [key for key in keys if relay.files_holding(key)] == []
    assert {status(ann, message) for message in sent[:5]} == {"delivered"}


@pytest.mark.parametrize("arguments, code, says", [
    ([], 2, "--dir is missing"), (["--dir", "/nonexistent"], 1, "/nonexistent"), (["--wrong"], 2, "Usage"),
    (["--dir", "/tmp", "more"], 2, "no arguments"), (["--help"], 0, "Usage"),
])
def test_options_of_the_program(built, arguments, code, says):
    done = subprocess.run([os.path.join(BUILD, "relay-sweep"), *arguments], env=clean_env(), capture_output=True, text=True)
    assert done.returncode == code and says in done.stdout + done.stderr


def again(relay, *users):
    """Start it on the port where those users know it."""
    relay.fixed_port = users[0].port
    relay.start()


# -- restoring -------------------------------------------------------------------------------------

def test_restore_brings_back_neither_a_scrubbed_text_nor_an_erased_account(quiet):
    relay = quiet(PCHAT_DEV_EXPOSE_CODES="true")
    ann, bob, carl = relay.sign_in(), relay.sign_in(), relay.sign_in()
    gone, stays = ann.send(bob, "scrubbed later")["message_id"], ann.send(carl, "still waits")["message_id"]
    copy = os.path.join(relay.home, "copy.db")
    relay.ctl("backup", "--with-keys", copy)
    deliver(relay, bob)
    sweep(relay)
    bob.delete("/api/v1/pchat/auth/me", expect=200)
    relay.ctl("restore", copy, expect=1)
    relay.stop()
    # one scrubbed message (which went with the erased account as well) and one account
    assert "2 messages or accounts" in relay.ctl("restore", copy).stdout
    again(relay, ann)
    ann.get("/api/v1/pchat/auth/me", expect=401)
    assert rows(relay, "SELECT count(*) FROM account WHERE chat_address = ?", bob.address) == [(0,)]
    ann, carl = relay.sign_in(ann.email), relay.sign_in(carl.email)
    ann.get(f"{MESSAGES}/{gone}", expect=404)
    assert [item["text"] for item in deliver(relay, carl)] == ["still waits"]
    assert shown(ann, stays)["status"] == "delivered"


def test_restore_of_a_backup_without_keys_has_no_text_and_hands_out_nothing(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "not in the backup")
    copy = os.path.join(relay.home, "copy.db")
    relay.ctl("backup", copy)
    relay.stop()
    relay.ctl("restore", copy)
    again(relay, ann)
    assert relay.sign_in(bob.email).poll("")["messages"] == []


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 1000], ids=["empty", "other"])
def test_restore_of_something_else_changes_nothing(quiet, content):
    relay = quiet()
    ann = relay.sign_in()
    path = os.path.join(relay.home, "rubbish")
    with open(path, "wb") as file:
        file.write(content)
    relay.stop()
    assert "no whole backup" in relay.ctl("restore", path, expect=1).stderr
    again(relay, ann)
    ann.get("/api/v1/pchat/auth/me", expect=200)


def test_verify_finds_a_text_that_lies_in_some_file(shared):
    relay = shared()
    mark, path = unique("left-"), os.path.join(relay.folder, "run", "stray.log")
    with open(path, "w", encoding="utf-8") as file:
        file.write("x" * 5000 + mark)
    done = relay.ctl("scrub", "--verify", mark, expect=1)
    os.unlink(path)
    assert "stray.log" in done.stdout and "1 place" in done.stderr


@pytest.mark.parametrize("where", ["../relay-elsewhere", "linked"])
def test_verify_looks_where_database_and_uploads_really_are(make_relay, where):
    relay = make_relay({"BRIDGE_DB_PATH": where + "/bridge.db", "PCHAT_UPLOAD_DIR": where + "/uploads",
                        "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0}, start=False)
    folder = os.path.join(relay.home, "relay-elsewhere")
    os.mkdir(folder, 0o755)
    os.symlink(folder, os.path.join(relay.folder, "linked"))
    if os.geteuid() == 0:
        shutil.chown(folder, "www-data")
    relay.start()
    mark = unique("left-")
    relay.ctl("scrub", "--verify", mark)
    for name in (mark, "f" * 32):
        with open(os.path.join(folder, *(["uploads", "files"] if name != mark else []), name), "w", encoding="utf-8") as file:
            file.write(mark if name == mark else "")
    said = relay.ctl("scrub", "--verify", mark, expect=1).stdout
    assert "holds a text" in said and "no row names" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_verify_that_cannot_read_a_folder_does_not_say_that_nothing_is_left(quiet):
    relay = quiet()
    closed = os.path.join(relay.folder, "data", "closed")
    os.mkdir(closed, 0o700)
    for root, folders, names in os.walk(relay.folder):
        for path in [root, *(os.path.join(root, name) for name in names)]:
            if path != closed:
                shutil.chown(path, "nobody")
    shutil.chown(closed, "root")
    program = shutil.copy(os.path.join(BUILD, "relayctl"), relay.home)  # the build may lie where nobody may go
    done = subprocess.run(["setpriv", "--reuid=nobody", "--clear-groups", program, "--dir", relay.folder, "scrub", "--verify"],
                          env=clean_env(), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "cannot be read" in done.stderr and "closed" in done.stderr
