"""phone_bridge.py: an Android phone as the bridge, with programs of Termux that are ours and misbehave when asked to."""
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from client import wait_until
from contract import ROOT
from harness import DIE_WITH_TESTS, clean_env, unique
from keys import make_key

PROGRAM = os.path.join(ROOT, "scripts", "phone_bridge.py")
STAND_IN = """#!{python}
import json, os, sys, time
home = {home!r}
mode = open(os.path.join(home, "mode")).read()
name = os.path.basename(sys.argv[0])
if name == "termux-sms-list":
    if mode == "garbage":
        print("not JSON")
    else:
        print(open(os.path.join(home, "inbox")).read())
    sys.exit(0)
if mode == "fails":
    sys.exit(3)
with open(os.path.join(home, "out"), "a") as file:
    file.write(json.dumps([name, sys.argv[1:], sys.stdin.read()]) + "\\n")
"""
STAMP = "2026-11-20 10:11:12"


class Phone:
    """A phone of Ann's, with Termux on it."""

    def __init__(self, relay, ann, home):
        self.relay, self.ann, self.home = relay, ann, str(home)
        self.bin = os.path.join(self.home, "bin")
        os.mkdir(self.bin)
        for name in ("termux-sms-send", "termux-sms-list", "termux-notification"):
            path = os.path.join(self.bin, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(STAND_IN.format(python=sys.executable, home=self.home))
            os.chmod(path, 0o755)
        self.mode("fine")
        self.inbox()
        self.key_file = os.path.join(self.home, "key")
        with open(os.open(self.key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(make_key(ann, "phone").secret + "\n")

    def mode(self, word):
        self._write("mode", word)

    def inbox(self, *rows):
        self._write("inbox", json.dumps([{"_id": n, "number": "+4930555", "body": text, "received": STAMP, "type": "inbox"}
                                         for n, text in rows]))

    def _write(self, name, text):
        with open(os.path.join(self.home, name), "w", encoding="utf-8") as file:
            file.write(text)

    def out(self):
        """What left the phone: (program, words, text)."""
        try:
            with open(os.path.join(self.home, "out"), encoding="utf-8") as file:
                return [tuple(json.loads(line)) for line in file]
        except FileNotFoundError:
            return []

    def words(self, *more):
        return [sys.executable, PROGRAM, "--relay", self.relay.url, "--key-file", self.key_file, *more]

    def env(self):
        return clean_env(HOME=self.home, TZ="UTC", PATH=f"{self.bin}:/usr/bin:/bin")

    def run(self, *more, expect=0):
        done = subprocess.run(self.words("--once", *more), env=self.env(), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == expect, done
        return done

    def write(self, text, channel="sms", **fields):
        to = {"to": "+49301234"} if channel == "sms" else {}
        return self.ann.post("/api/v1/messages", {"channel": channel, "text": text, **to, **fields}, expect=202)["message_id"]


@pytest.fixture(name="phone")
def anns_phone(relay, tmp_path):
    return Phone(relay, relay.sign_in(), tmp_path)


def test_what_is_written_to_sms_leaves_by_the_phone_and_is_noted_as_sent(phone):
    message = phone.write("See you at eight\nor nine")
    assert phone.ann.status(message) == "queued"
    said = phone.run().stdout
    assert phone.out() == [("termux-sms-send", ["-n", "+49301234"], "See you at eight\nor nine")]
    assert phone.ann.status(message) == "sent"
    assert "sms: sent" in said and "eight" not in said and "1234" not in said


def test_text_and_key_are_in_no_command_line(phone):
    phone.write("the words themselves")
    phone.run()
    assert all("words" not in " ".join(words) for _, words, _ in phone.out())
    assert phone.key_file in phone.words() and open(phone.key_file, encoding="ascii").read().strip() not in " ".join(phone.words())


def test_notification_is_shown_on_the_phone(phone):
    phone.write("Parcel", channel="notify", title="Door")
    phone.run()
    ((name, words, text),) = phone.out()
    assert name == "termux-notification" and words[-2:] == ["--title", "Door"] and text == "Parcel"


def test_what_comes_in_is_brought_in_once_and_what_was_there_before_is_not(phone):
    phone.inbox((7, "old"))
    phone.run()
    phone.inbox((7, "old"), (8, "Hello from outside"), (9, "Привет"))
    phone.run()
    phone.run()
    items = [(item["text"], item["from"], item["channel"], item["received_at"]) for item in phone.ann.poll_all()[0]]
    at = int(time.mktime(time.strptime(STAMP + " UTC", "%Y-%m-%d %H:%M:%S %Z")) - time.timezone) * 1000
    assert items == [("Hello from outside", "+4930555", "sms", at), ("Привет", "+4930555", "sms", at)]


def test_phone_that_fails_says_so_and_the_message_is_tried_again(phone):
    message = phone.write("x")
    phone.mode("fails")
    assert "ended with 3" in phone.run().stdout
    assert phone.out() == [] and phone.ann.status(message) == "claimed"  # it waits for its next try


def test_message_that_went_out_before_the_answer_was_lost_is_not_sent_again(phone):
    message = phone.write("once")
    phone.run()
    with phone.relay.locked_database() as database:  # as if the acknowledgement had never come
        database.execute("UPDATE bridge SET stage = 1, next_try_at = 0, lease_id = NULL")
    phone.run()
    assert len(phone.out()) == 1 and phone.ann.status(message) == "sent"


def test_inbox_that_cannot_be_read_keeps_nothing_from_leaving(phone):
    message = phone.write("x")
    phone.mode("garbage")
    assert "termux-sms-list" in phone.run().stdout
    assert phone.ann.status(message) == "sent"


def test_channel_that_it_does_not_carry_is_said_to_have_failed(phone):
    message = phone.ann.post("/api/v1/messages", {"channel": "wa", "to": "+49301234", "text": "x"}, expect=202)["message_id"]
    phone.run()
    assert phone.out() == [] and phone.ann.status(message) == "claimed"  # it waits for its next try


def test_relay_that_is_away_is_asked_again_later_and_a_stop_ends_it_at_once(make_relay, tmp_path):
    relay = make_relay()
    phone = Phone(relay, relay.sign_in(), tmp_path)
    phone.relay.stop()
    with subprocess.Popen([*DIE_WITH_TESTS, *phone.words("--every", "1")], env=phone.env(), stdout=subprocess.PIPE, text=True) as running:
        assert "again in" in running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0


def test_key_that_is_revoked_ends_it_with_a_reason(phone):
    with open(phone.key_file, "w", encoding="ascii") as file:
        file.write("pck_" + "A" * 43)
    assert "refuses: 401" in phone.run(expect=1).stderr


@pytest.mark.parametrize("mode, reason", [(0o644, "chmod 600"), (None, "No such file")])
def test_key_file_of_no_use_is_named(phone, mode, reason):
    if mode is None:
        os.unlink(phone.key_file)
    else:
        os.chmod(phone.key_file, mode)
    done = phone.run(expect=2)
    assert reason in done.stderr and done.stderr.count("\n") == 1


def test_second_bridge_of_the_same_state_is_refused(phone):
    with subprocess.Popen([*DIE_WITH_TESTS, *phone.words("--every", "1")], env=phone.env(), stdout=subprocess.PIPE, text=True) as running:
        try:
            message = phone.write(unique())
            wait_until("it runs", lambda: phone.ann.status(message) == "sent")
            assert "runs already" in phone.run(expect=2).stderr
        finally:
            running.terminate()
            running.wait(20)
