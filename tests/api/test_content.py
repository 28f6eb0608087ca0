"""What is content goes with the message: recipients in reasons of failures, facts of group events, and nothing of it is in a log or a backup."""
import os
import random
import sqlite3
from contextlib import closing

import pytest

from client import wait_until
from groups import OPEN, Group, fact_of
from harness import run, unique
from keys import make_key
from phone import Phone

MESSAGES = "/api/v1/messages"
ALL = ("scrub_all_on_final", "scrub_all_on_claim")
MODES = ("scrub_content_on_final", *ALL)


def sweep(relay):
    done = run("relay-sweep", "--dir", relay.folder, "--now")
    assert done.returncode == 0, done


def rows(relay, query):
    with relay.opened_database() as database:
        return database.execute(query).fetchall()


def logs(relay):
    return relay.stderr + relay.file_text("run/relay.log")


def external(user, channel, to, **fields):
    return user.post(MESSAGES, {"channel": channel, "to": to, "text": "x", **fields}, expect=202)["message_id"]


def wait_failed(user, message):
    return wait_until("it failed", lambda: (found := user.receipts(message)[message])["status"] == "failed" and found)


@pytest.fixture(name="quiet")
def relay_without_passes(make_relay, sink):
    def make(mode):
        return make_relay({**sink.settings(PCHAT_DEV_EXPOSE_CODES="true"), "MESSAGE_RETENTION_MODE": mode, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    return make


@pytest.mark.parametrize("mode", MODES)
def test_refused_mail_keeps_its_code_but_not_the_recipient_that_the_server_repeats(quiet, sink, mode):
    relay = quiet(mode)
    ann, name = relay.sign_in(), unique("name")
    sink.misbehave, sink.response = "rcpt_550", f"550 5.1.1 <{name}@example.net>: no {name} at example.net"
    sink.bad_recipient = f"{name}@example.net"
    message = external(ann, "email", sink.bad_recipient, subject="s")
    assert wait_failed(ann, message)["error"].endswith("550 5.1.1 <*>: no * at *")
    assert name not in logs(relay)
    sweep(relay)
    assert ann.receipts(message)[message]["error"] == "550"
    assert relay.files_holding(name.encode()) == []
    assert "550" in logs(relay)


def test_mail_that_is_tried_again_keeps_no_recipient_beside_its_message(quiet, sink):
    relay = quiet(ALL[0])
    ann, name = relay.sign_in(), unique("name")
    sink.misbehave, sink.response = "rcpt_450", f"450 4.2.0 {name} is greylisted"
    sink.bad_recipient = f"{name}@example.net"
    external(ann, "email", sink.bad_recipient, subject="s")
    wait_until("it was tried", lambda: rows(relay, "SELECT 1 FROM outbox WHERE last_error LIKE '%450 4.2.0 * is greylisted'"))
    assert relay.files_holding(name.encode()) == [] and name not in logs(relay)


@pytest.mark.parametrize("mode", MODES)
def test_failure_that_a_phone_explains_leaves_neither_recipient_nor_its_words(quiet, mode):
    relay = quiet(mode)
    ann, word = relay.sign_in(), "".join(random.choices("ghjkqvwxyz", k=16))
    phone = Phone(make_key(ann, "phone"), "p")
    message = external(ann, "sms", "+491701234567")
    for _ in range(6):
        with relay.locked_database() as link:
            link.execute("UPDATE bridge SET next_try_at = 0")
        phone.ack(phone.claim()[0], "failed", error=f"{word}: +491701234567 or 0170 123 45 67")
    assert wait_failed(ann, message)["error"] == f"{word}: * or *"
    assert relay.files_holding(b"1701234567") == [] and word not in logs(relay)
    sweep(relay)
    assert ann.receipts(message)[message]["error"] == "No reason was given."
    assert relay.files_holding(word.encode()) == []


@pytest.mark.parametrize("mode", MODES)
def test_facts_of_a_group_event_are_sealed_and_go_with_it(quiet, mode):
    relay = quiet(mode)
    owner, ann = relay.sign_in(), relay.sign_in(chat_address=unique("joiner"), display_name="Jo Iner")
    Group(owner, **OPEN).join(ann)
    assert relay.files_holding(b'"joined"') == relay.files_holding(f"-1 {len(ann.address)} 7 0 {ann.address}Jo Iner".encode()) == []
    [event] = [fact_of(item) for item in owner.poll_all("")[0] if "event" in item]
    assert event == {"type": "joined", "chat_address": ann.address, "role": "member"}
    ann.poll_all("")
    sweep(relay)
    assert rows(relay, "SELECT count(*) FROM message WHERE length(body) > 0 OR request_id IS NOT NULL") == [(0,)]
    if mode in ALL:
        assert rows(relay, "SELECT count(*) FROM message WHERE about_id IS NOT NULL OR group_id IS NOT NULL") == [(0,)]
    assert "Nothing" in relay.ctl("scrub", "--verify").stdout


@pytest.mark.parametrize("column, value", [("reply_to", "x'01'"), ("request_id", "x'01'"), ("duration_ms", "7")])
def test_verify_names_what_an_older_program_left(quiet, column, value):
    relay = quiet(MODES[0])
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "x")
    bob.poll_all("")
    sweep(relay)
    relay.ctl("scrub", "--verify")
    with relay.locked_database() as link:
        link.execute(f"UPDATE message SET {column} = {value}")
    assert "of scrubbed messages" in relay.ctl("scrub", "--verify", expect=1).stdout


def test_backup_without_keys_has_no_facts_of_events_and_no_reasons(quiet):
    relay = quiet(MODES[0])
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "x")
    with relay.locked_database() as link:
        link.execute("UPDATE message SET request_id = x'0102', reply_to = x'0102', duration_ms = 77")
        link.execute("INSERT INTO bridge SELECT id, sender_id, 'sms', '', 0, 1, 1, 0, '', NULL, 'odd', 'odd', 0 FROM message")
    copy = os.path.join(relay.home, "copy")
    relay.ctl("backup", copy)
    with closing(sqlite3.connect(copy)) as link:
        assert link.execute("SELECT request_id, reply_to, duration_ms, body FROM message").fetchall() == [(None, None, None, b"")]
        assert link.execute("SELECT count(*) FROM bridge").fetchall() == [(0,)]
    with open(copy, "rb") as file:
        assert b'odd"' not in file.read()
