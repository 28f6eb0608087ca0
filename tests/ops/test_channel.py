"""A channel that the relay carries is a line and a sender: one more is built in, and works like the others."""
import glob
import os
import re
import shutil
import subprocess

import pytest

import harness
from client import wait_until
from contract import ROOT
from groups import rows

MESSAGES, EXTRA = "/api/v1/messages", "tests/channel"
MADE = ["relayd", "relay-mail"]


def code(path):
    """The lines of a file that are no comment."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return [line for line in re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S).splitlines() if line.strip()]


def test_it_is_one_line_and_one_sender():
    assert sorted(os.listdir(os.path.join(ROOT, EXTRA))) == ["extra.def", "file.c"]
    assert len(code(f"{EXTRA}/extra.def")) == 1
    assert len(code(f"{EXTRA}/file.c")) < 40


def test_channels_stand_in_their_table_alone():
    """Not one by its word, nor by its number, in the code that serves them all."""
    named = re.compile(r'"(sms|wa|tg|notify|tg_bot)"|OUTBOX_(EMAIL|TG_BOT)\b')
    found = [path for folder in ("sql/store", "handlers", "fcgi", "mail", "server", "cron", "admin")
             for path in glob.glob(os.path.join(ROOT, folder, "*.*")) for line in code(path) if named.search(line)]
    assert found and set(found) == {os.path.join(ROOT, "sql/store/channel.def")}


@pytest.fixture(name="relay", scope="module")
def relay_with_a_channel_more(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("channel")
    build = str(folder / "build")
    (folder / "nginx").symlink_to(os.path.join(ROOT, "nginx"))
    shutil.copytree(harness.BUILD, build, ignore=shutil.ignore_patterns("tests", "screens", "deb"), copy_function=shutil.copy2)
    for path in glob.glob(f"{build}/**/*.d", recursive=True):  # what sees the table is compiled again
        with open(path, encoding="utf-8") as file:
            if "channel.def" in file.read():
                os.unlink(f"{path[:-2]}.o")
    quick = harness.SAME_MODE or ["OPT=-O0"]
    done = subprocess.run(["make", "-s", "-j2", "WERROR=1", *quick, f"BUILD={build}", f"EXTRA={EXTRA}", *(f"{build}/{name}" for name in MADE)],
                          cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    kept, harness.BUILD = harness.BUILD, build
    try:
        with harness.Relay({"RELAY_TELEGRAM_API": ""}) as relay:
            yield relay
    finally:
        harness.BUILD = kept


class Sender:
    """A user of that channel; its calls go past the contract, which does not know it."""

    def __init__(self, relay):
        self.user = relay.sign_in()

    def send(self, to="letter", expect=202, channel="file"):
        body = {"channel": channel, "text": "Dear friend", **({"to": to} if to else {})}
        return self.user.post(MESSAGES, body, expect=expect, check=False)

    def wait(self, response, status):
        message_id = response["message_id"]
        return wait_until(f"it is {status}", lambda: (found := self.user.receipts(message_id)[message_id])["status"] == status and found, 30)


def test_message_goes_where_the_sender_takes_it(relay):
    ann = Sender(relay)
    ann.wait(ann.send(), "sent")
    assert relay.file_text("data/sent/letter") == "Dear friend"
    assert rows(relay, "SELECT count(*) FROM outbox") == [(0,)]


def test_what_the_sender_refuses_has_failed_for_its_reason(relay):
    ann = Sender(relay)
    assert ann.wait(ann.send("no/such/folder"), "failed")["error"] == "No such file or directory"


def test_limits_of_the_line_hold(relay):
    ann = Sender(relay)
    ann.send(None, 400).is_error(400, "missing_field", field="to")
    for number in range(3):
        ann.wait(ann.send(f"letter-{ann.user.address}-{number}"), "sent")
    ann.send("one-too-many", 429)


def test_others_go_on(relay):
    ann = Sender(relay)
    message_id = ann.user.post(MESSAGES, {"channel": "tg_bot", "to": "1", "text": "x", "bot_token": "1:a"}, expect=202)["message_id"]
    assert ann.user.receipts(message_id)[message_id]["status"] == "queued"
    assert "tg_bot, file, pchat" in ann.send(channel="pigeon", expect=400)["message"]
