"""Backups that are put back: who was erased stays erased, nobody else goes, and nothing is left lying about."""
import os
import shutil

import pytest

from harness import StartFailed, unique

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
