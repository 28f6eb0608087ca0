"""Backups that are put back: who was erased stays erased, nobody else goes, and nothing is left lying about."""
import fcntl
import os
import shutil

import pytest

from harness import StartFailed, run, unique

ME = "/api/v1/pchat/auth/me"


def again(relay, *users):
    """Start it on the port where those users know it."""
    relay.fixed_port = users[0].port
    relay.start()


def restore(relay, copy, *users):
    """The relay is stopped, the copy put back, and the relay started again."""
    relay.stop()
    done = relay.ctl("restore", copy)
    again(relay, *users)
    return done


def back_up(relay):
    copy = os.path.join(relay.home, unique("copy-"))
    relay.ctl("backup", copy)
    return copy


def take(relay, address):
    """A new user asks for a chat address."""
    email = unique() + "@example.com"
    body = {"email": email, "code": relay.code(email), "chat_address": address}
    return relay.client().post("/api/v1/pchat/auth/verify-code", body, expect=None)


def test_second_restore_leaves_alone_who_has_the_number_of_somebody_erased(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    copy = back_up(relay)
    relay.sign_in().delete(ME, expect=200)
    restore(relay, copy, ann)
    innocent = relay.sign_in(chat_address=unique())
    restore(relay, back_up(relay), ann)
    assert innocent.address in relay.ctl("user", "list").stdout
    assert relay.sign_in(innocent.email).address == innocent.address


@pytest.mark.parametrize("when", ["before", "after"])
def test_address_of_who_was_erased_is_nobodys_after_a_restore(make_relay, when):
    """Made before the backup or after it; erased after it."""
    relay = make_relay()
    ann = relay.sign_in()
    copy = back_up(relay) if when == "after" else None
    bob = relay.sign_in(chat_address=unique())
    copy = copy or back_up(relay)
    bob.delete(ME, expect=200)
    restore(relay, copy, ann)
    take(relay, bob.address).is_error(409, "address_taken", field="chat_address")


def test_address_of_who_was_erased_before_the_backup_is_nobodys_after_a_restore(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(), relay.sign_in(chat_address=unique())
    bob.delete(ME, expect=200)
    restore(relay, back_up(relay), ann)
    take(relay, bob.address).is_error(409, "address_taken", field="chat_address")


def test_database_whose_server_key_was_lost_is_refused_and_told_how_to_go_on(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    copy = back_up(relay)
    relay.stop()
    key = os.path.join(relay.folder, "data", "server.key")
    shutil.move(key, relay.home)
    with pytest.raises(StartFailed, match="server.key is missing, and the database was made with it: put it back"):
        again(relay, ann)
    assert not os.path.exists(key)
    for command in ["restore", copy], ["user", "list"]:
        assert "server.key is missing" in relay.ctl(*command, expect=1).stderr
    shutil.move(os.path.join(relay.home, "server.key"), key)
    again(relay, ann)
    ann.get(ME, expect=200)


# -- what is left of something that was killed ------------------------------------------------------

def test_start_brings_a_ready_restore_to_its_end_and_removes_what_was_left(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    copy = back_up(relay)
    bob = relay.sign_in()
    relay.stop()
    data = os.path.dirname(relay.database)
    left = ["bridge.db.restored", "bridge.db.restored-wal", "bridge.db.restored.tombstones", "server.key.123", "x.part", "backups/before-v3.db.part"]
    os.makedirs(os.path.join(data, "backups"))
    os.chown(os.path.join(data, "backups"), os.stat(data).st_uid, -1)
    for name in left:
        shutil.copy(copy, os.path.join(data, name))
    shutil.copy(copy, relay.database + ".ready")
    again(relay, ann)
    assert not [name for name in [*left, "bridge.db.ready"] if os.path.exists(os.path.join(data, name))]
    listed = relay.ctl("user", "list").stdout
    assert ann.address in listed and bob.address not in listed
    ann.get(ME, expect=200)


def test_nobody_starts_the_relay_while_a_backup_is_put_back(make_relay):
    relay = make_relay()
    copy = back_up(relay)
    relay.stop()
    with open(os.path.join(relay.folder, "run", "relayd.lock"), "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert "the relay is running" in relay.ctl("restore", copy, expect=1).stderr
    relay.ctl("restore", copy)


@pytest.mark.parametrize("name", ["bridge.db.restored", "backups/own.db", "copy", "../elsewhere"])
def test_verify_finds_copies_with_keys_of_what_was_scrubbed_since(make_relay, name):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "x")
    data = os.path.dirname(relay.database)
    os.makedirs(os.path.join(data, "backups"), exist_ok=True)
    relay.ctl("backup", "--with-keys", os.path.join(data, name))
    relay.ctl("scrub", "--verify")  # the message waits still
    bob.poll_all("")
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0
    found = relay.ctl("scrub", "--verify", expect=1).stdout
    assert f"{os.path.realpath(os.path.join(data, name))}: a copy with keys of what was scrubbed since" in found
    os.unlink(os.path.join(data, name))
    relay.ctl("backup", os.path.join(data, name))
    assert "Nothing" in relay.ctl("scrub", "--verify").stdout
