#!/usr/bin/python3
"""Proof of the retention promise: messages of every kind go through a relay whose processes are killed at random
moments, between people with three devices, one of which comes late and one never; then every byte below its folder is
searched for what they said. Usage: proof.py [--messages N] [--modes M,M]"""
import argparse
import base64
import contextlib
import http.client
import os
import random
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "api"))

# pylint: disable=wrong-import-position
from client import User, wait_until  # noqa: E402
from groups import OPEN, Group  # noqa: E402
from harness import Relay, kill_pids, run  # noqa: E402
from phone import Phone  # noqa: E402
from smtp_sink import SmtpSink  # noqa: E402

MODES = ("full", "scrub_content_on_final", "scrub_all_on_final", "scrub_content_on_claim", "scrub_all_on_claim")
KINDS = ("direct", "group", "attachment", "phone", "mail")
PEOPLE, TIMEOUT_SEC, MOST_KILLS = 6, 120, 20
SMALLEST, LARGEST = 20, 60000


def canary(rng):
    """Random text, mostly short, up to 60 KB."""
    size = rng.choice((rng.randint(SMALLEST, 200), rng.randint(SMALLEST, 200), rng.randint(200, 4000),
                       rng.randint(SMALLEST, LARGEST)))
    return base64.urlsafe_b64encode(secrets.token_bytes(size))[:size].decode()


def pieces(data):
    """What is searched for: 16 bytes from the start, the middle and the end."""
    middle = len(data) // 2
    return {data[:16], data[middle:middle + 16], data[-16:]} if len(data) >= 48 else {data[:16]}


def patiently(call):
    """What a good client does: the same again until it gets a response."""
    deadline = time.monotonic() + TIMEOUT_SEC
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            response = call()
            if response.status < 500 and response.status != 429:
                return response
        assert time.monotonic() < deadline, "never answered"
        time.sleep(0.02)


class Chaos(threading.Thread):
    """Kills one process of the relay after another: not so many that it is hardly ever up, for whoever keeps dying is
    started again after a growing pause."""

    def __init__(self, relay, rng, messages):
        super().__init__(daemon=True)
        self.relay, self.rng, self.over, self.kills = relay, rng, threading.Event(), 0
        self.pace = max(1, messages / 120)

    def run(self):
        while not self.over.wait(self.rng.uniform(0.05, 0.3) * self.pace) and self.kills < MOST_KILLS:
            self.strike(self.rng.choice(("relayd", "nginx", "relay-sweep", "relay-sweep", "relay-mail", "relay-live")))

    def strike(self, name):
        """Kill one process of that name, if there is one."""
        victims = self.relay.children(name)
        if victims:
            kill_pids([self.rng.choice(victims)])
            self.kills += 1

    def stop(self):
        self.over.set()
        self.join()


class Reader:
    """Another program that keeps a transaction open."""

    def __init__(self, path):
        code = ("import sqlite3,sys\nd=sqlite3.connect(sys.argv[1],isolation_level=None)\nd.execute('BEGIN')\n"
                "d.execute('SELECT count(*) FROM message').fetchone()\nprint('held',flush=True)\nsys.stdin.read()\n")
        self.process = subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def let_go(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Proof:
    """One mode."""

    def __init__(self, relay, mode, messages, seed):
        self.relay, self.mode, self.messages = relay, mode, messages
        self.rng = random.Random(seed)
        self.needles, self.sent, self.got, self.got_late, self.copied = (
            set(), {kind: {} for kind in KINDS}, set(), set(), -1)

    def enter(self):
        """People, a group of all, a phone."""
        self.people = [self.relay.sign_in() for _ in range(PEOPLE)]
        self.late = [self.relay.sign_in(user.email) for user in self.people]
        self.dead = [self.relay.sign_in(user.email) for user in self.people]
        self.group = Group(self.people[0], **OPEN)
        for user in self.people[1:]:
            self.group.join(user)
        made = self.people[0].post("/api/v1/webchat/keys", {"name": "phone", "scopes": ["phone"]}, expect=200)
        self.phone = Phone(self.relay.client().with_headers(Authorization="Bearer " + made["token"]))

    def note(self, *texts):
        for text in texts:
            self.needles |= pieces(text if isinstance(text, bytes) else text.encode())

    def external(self, address):
        """An address out there; the modes that clear all clear it too."""
        if "_all_" in self.mode:
            self.note(address)
        return address

    def body(self, kind, text):
        """The body of one message; whatever of it must be gone later is noted."""
        body = {"text": text, "idempotency_key": secrets.token_hex(8)}
        self.note(text)
        if kind == "group":
            return {**body, "to": self.group.id}
        if kind == "phone":
            body["title"] = canary(self.rng)[:40]
            self.note(body["title"])
            return {**body, "channel": "sms", "to": self.external("+49" + secrets.token_hex(8))}
        if kind == "mail":
            body["subject"] = canary(self.rng)[:40]
            self.note(body["subject"])
            return {**body, "channel": "email", "to": self.external(secrets.token_hex(8) + "@example.org")}
        if kind == "attachment":
            data, name = canary(self.rng).encode(), secrets.token_hex(12)
            self.note(data, name)
            made = patiently(lambda: self.people[0].put(f"/api/v1/webchat/upload?name={name}.bin", data=data))
            body["attachments"] = [made["file_id"]]
        return {**body, "to": self.rng.choice(self.people[1:]).address}

    def send(self):
        for number in range(self.messages):
            kind = KINDS[number % len(KINDS)]
            body = self.body(kind, canary(self.rng))
            response = patiently(lambda body=body: self.people[0].post("/api/v1/messages", body))
            # either: a worker may be killed once it has taken the message, and a second try is then a repeat
            assert response.status in (200, 202), response
            self.sent[kind][response["message_id"]] = body["text"]
            if number % 10 == 9:
                self.copy_secrets()
            if number % 200 == 49:
                self.chaos.strike("relayd")
        self.copy_secrets()

    def copy_secrets(self):
        """The keys, as they lie on the disk, must be gone as well."""
        query = "SELECT m.id, k.body_key, m.body FROM content_key k JOIN message m ON m.id = k.id WHERE m.id > ? ORDER BY m.id"
        for number, key, body in self.link.execute(query, (self.copied,)).fetchall():
            self.copied = number
            if body:  # an old body without its key says nothing, wherever SQLite left a copy of it
                self.needles.add(key)

    def fetch(self, user, got):
        """Everything that waits for a session, confirmed, with what its user's other ones sent."""
        cursor = ""
        while True:
            body = {"chat_address": user.address, "limit": 100, "cursor": cursor, "own": True}
            response = patiently(lambda body=body: user.post("/api/v1/webchat/poll", body))
            for item in response["messages"]:
                got.add((user.address, item["message_id"], item["text"]))
                for attachment in item.get("attachments", ()):
                    if self.rng.random() < 0.5:  # for who has not fetched it a file is held, for a while
                        path = f"/api/v1/webchat/files/{attachment['file_id']}"
                        patiently(lambda path=path: user.get(path, check=False))
            # where a response was lost and its texts went with it, an empty one still moves the cursor
            if not response["messages"] and not response["has_more"] and response["cursor"] == cursor:
                return
            cursor = response["cursor"]

    def last_claim(self):
        return patiently(lambda: self.phone.caller.post("/api/v1/phone/claim", {"phone_id": "", "limit": 100}))

    def deliver(self):
        for user in self.people:
            self.fetch(user, self.got)
        deadline = time.monotonic() + TIMEOUT_SEC
        while True:
            response = self.last_claim()
            for message in response["messages"]:
                result = {"message_id": message["message_id"], "status": "sent", "lease_id": message["lease_id"]}
                patiently(lambda result=result: self.phone.caller.post(
                    "/api/v1/phone/ack", {"phone_id": "", "results": [result]}))
            waiting = self.link.execute("SELECT count(*) FROM bridge WHERE stage = 1").fetchone()[0]
            mails = self.link.execute("SELECT count(*) FROM outbox").fetchone()[0]
            if not waiting and not mails:
                return
            assert time.monotonic() < deadline, f"{waiting} messages wait for the phone, {mails} mails"
            time.sleep(0.1)

    def deliver_late(self):
        """A pass later each user's second device comes. The third never does: it is waited for until it was not seen for
        a week."""
        if "claim" not in self.mode:
            wait_until("a pass went by", self.pass_after(time.time() * 1000), TIMEOUT_SEC)
        for user in self.late:
            self.fetch(user, self.got_late)
        if self.mode.endswith("final"):
            wait_until("a pass went by", self.pass_after(time.time() * 1000), TIMEOUT_SEC)
            assert self.open_messages() > 0, "nobody waited for the third device"
        for user in self.dead:
            self.link.execute("UPDATE session SET last_seen_at = last_seen_at - 7 * 86400000 - 1000 WHERE public_id = ?",
                              (bytes.fromhex(user.session_id[4:]),))

    def pass_after(self, at):
        return lambda: self.link.execute("SELECT 1 FROM sweep WHERE started_at > ? AND finished_at >= started_at", (at,)).fetchone()

    def open_messages(self):
        """Messages that are still to be scrubbed."""
        return self.link.execute("SELECT count(*) FROM message WHERE scrubbed_at = 0 OR final_at = 0").fetchone()[0]

    def drop_lost_uploads(self):
        """An upload whose response was lost belongs to no message: it stays until it expires, or its owner deletes it."""
        named = {row[0].hex() for row in self.link.execute(
            "SELECT f.public_id FROM file f JOIN message_file mf ON mf.file_id = f.id")}
        for file in self.people[0].get("/api/v1/webchat/files?limit=200", expect=200)["files"]:
            if file["file_id"][4:] not in named:
                # either: a delete whose response was lost has happened
                self.people[0].delete(file["url"], expect=(200, 404))

    def let_time_pass_for_orphans(self):
        """Bytes whose worker was killed before their row are removed once they are three minutes old, by the next look: their
        time is put back instead of waiting."""
        files, incoming = (os.path.join(self.relay.folder, "pchat_uploads", name) for name in ("files", "incoming"))

        def orphans():
            known = {row[0].hex() for row in self.link.execute("SELECT public_id FROM file")}
            cut_off = [os.path.join(incoming, name) for name in os.listdir(incoming)]
            return cut_off + [os.path.join(files, name) for name in os.listdir(files) if name not in known]
        for path in orphans():
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, (time.time() - 100000, time.time() - 100000))
        if orphans():
            self.link.execute("UPDATE sweep SET searched_at = 0")
            wait_until("strays are removed", lambda: not orphans(), TIMEOUT_SEC)

    def check_nothing_lost(self):
        """In the modes that wait for the confirmation everybody got everything."""
        if "claim" in self.mode:
            return
        for got in self.got, self.got_late:
            texts = {(user, text) for user, _, text in got}
            for kind in ("direct", "attachment"):
                assert all(any((user.address, text) in texts for user in self.people[1:]) for text in self.sent[kind].values())
            for text in self.sent["group"].values():
                assert all((user.address, text) in texts for user in self.people[1:])
        own = {text for user, _, text in self.got_late if user == self.people[0].address}
        assert all(text in own for kind in KINDS for text in self.sent[kind].values())

    def scrub(self):
        """Seconds from the last confirmation until nothing is left; passes run by themselves, with a reader in the way."""
        start, reader = time.monotonic(), Reader(self.relay.database)
        held = time.monotonic() + 2
        try:
            if self.mode != "full":
                wait_until("all is scrubbed", lambda: self.open_messages() == 0, TIMEOUT_SEC)
                wait_until("held files are let go", lambda: self.link.execute("SELECT count(*) FROM file").fetchone() == (0,), TIMEOUT_SEC)
                wait_until("the lag is told", lambda: self.link.execute(
                    "SELECT unclean_since FROM sweep").fetchone()[0] > 0, TIMEOUT_SEC)
            while time.monotonic() < held:
                time.sleep(0.05)
        finally:
            reader.let_go()
        let_go = time.monotonic()
        wait_until("the WAL is empty", lambda: self.link.execute(
            "SELECT unclean_since FROM sweep WHERE finished_at >= started_at").fetchone() == (0,), TIMEOUT_SEC)
        return let_go - start, time.monotonic() - let_go

    def search(self):
        """(needles found, bytes searched), by a process of its own."""
        with tempfile.NamedTemporaryFile("w", suffix=".needles") as file:
            file.write("\n".join(needle.hex() for needle in self.needles))
            file.flush()
            done = subprocess.run([sys.executable, os.path.join(HERE, "scan.py"), self.relay.folder, file.name],
                                  capture_output=True, text=True, check=True)
        if self.mode != "full":
            sys.stderr.write(done.stderr)
        return tuple(map(int, done.stdout.split()))

    def run(self):
        self.enter()
        self.chaos = chaos = Chaos(self.relay, self.rng, self.messages)
        self.link = sqlite3.connect(self.relay.database, timeout=30, isolation_level=None)
        with contextlib.closing(self.link):
            chaos.start()
            try:
                self.send()
                self.deliver()
                self.deliver_late()
            finally:
                chaos.stop()
            self.check_nothing_lost()
            wait_until("the relay answers", lambda: patiently(lambda: self.people[0].get("/health")).status == 200)
            self.drop_lost_uploads()
            self.let_time_pass_for_orphans()
            held, after = self.scrub()
        left, searched = self.search()
        return {"mode": self.mode, "messages": sum(map(len, self.sent.values())), "kills": chaos.kills,
                "needles": len(self.needles), "left": left, "searched": searched, "held": held, "seconds": after,
                "verified": run("relayctl", "--dir", self.relay.folder, "scrub", "--verify").returncode == 0}


def prove(mode, messages, seed=None):
    """One mode on a relay of its own: a dict of what was found."""
    with SmtpSink() as sink:
        settings = sink.settings(MESSAGE_RETENTION_MODE=mode, QUEUE_HOUSEKEEPING_INTERVAL_SEC=1, RELAY_WORKERS=3,
                                 PCHAT_DEV_EXPOSE_CODES="true", RELAY_MAILS_PER_DAY=0, PCHAT_FILE_HOLD_SEC=3)
        with Relay(settings) as relay:
            return Proof(relay, mode, messages, seed if seed is not None else secrets.randbits(32)).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1000, help="of each mode (1000)")
    parser.add_argument("--modes", default=",".join(MODES))
    args = parser.parse_args()
    print("| mode | messages | processes killed | searched for | bytes searched | left | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    bad = False
    for mode in args.modes.split(","):
        found = prove(mode, args.messages)
        left = "kept" if mode == "full" else found["left"]
        print(f"| `{mode}` | {found['messages']} | {found['kills']} | {found['needles']} | {found['searched']} | {left} | "
              f"{found['seconds']:.1f} |", flush=True)
        bad |= mode != "full" and (found["left"] > 0 or not found["verified"])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
