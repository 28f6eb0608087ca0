"""What a power cut may leave of a data folder: a recording of its writes (recorder.c) is cut off anywhere; what was synced
before is there, and of all later writes any subset is, sectors of 512 bytes torn apart. Each such state is opened."""
import argparse
import json
import os
import random
import re
import shutil
import sqlite3
import struct
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "api"))

# pylint: disable=wrong-import-position
from harness import BUILD, Relay, clean_env, run  # noqa: E402
from preload import preload  # noqa: E402
from senders import finish, start_senders  # noqa: E402

WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, NAME, UNLINK, RENAME, RESPONSE = range(1, 9)
HEADER = struct.Struct("=IIQQQ")
SECTOR = 512
MODES = ("full", "scrub_content_on_claim", "scrub_all_on_final")
FILES = ("bridge.db", "bridge.db-wal", "bridge.db.tombstones")
STATES = ("queued", "claimed", "delivered", "read")
WAYS = ("none", "all", "half", "most", "few", "torn", "log", "database")


def parse(path):
    """[(kind, pid, file, at, data)] in the order in which it happened."""
    with open(path, "rb") as file:
        data = file.read()
    found, at = [], 0
    while at < len(data):
        kind, pid, inode, offset, size = HEADER.unpack_from(data, at)
        at += HEADER.size
        found.append((kind, pid, inode, offset, data[at:at + size]))
        at += size
    return found


class Recording:
    """The folder as it was at first, and all that happened to it."""

    def __init__(self, base, records):
        self.base = {name: _read(os.path.join(base, name)) for name in FILES}
        names, self.changes, self.syncs, self.sent, self.claimed, self.said = {}, [], [], [], [], []
        begun = {}
        for number, (kind, pid, inode, at, data) in enumerate(records):
            if kind == NAME:
                names[inode] = os.path.basename(data.decode())
            elif kind in (WRITE, TRUNCATE) and names.get(inode) in FILES:
                self.changes.append((number, names[inode], kind, at, data))
            elif kind == SYNC_BEGIN:
                begun[pid, inode] = number
            elif kind == SYNC_END and names.get(inode) in FILES:
                self.syncs.append((number, names[inode], begun.pop((pid, inode))))
            elif kind == RESPONSE:
                self._respond(number, data)
            elif kind == UNLINK and os.path.basename(data.decode()) in FILES:
                self.changes.append((number, os.path.basename(data.decode()), UNLINK, 0, b""))
        self.length = len(records)

    def _respond(self, number, data):
        found = re.search(rb"\r\n\r\n(\{.*\})", data, re.S)
        try:
            body = json.loads(found.group(1)) if found else {}
        except ValueError:  # in several parts: what says more than one of our messages
            return
        if body.get("status") == "queued":
            self.sent.append((number, body["message_id"]))
        for item in body.get("messages", ()):
            self.claimed.append((number, item["message_id"]))
        for item in body.get("receipts", ()):
            self.said.append((number, item["message_id"], STATES.index(item["status"])))


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def change(image, kind, at, data):
    if kind == TRUNCATE:
        del image[at:]
        image.extend(b"\0" * (at - len(image)))
        return
    if len(image) < at + len(data):
        image.extend(b"\0" * (at + len(data) - len(image)))
    image[at:at + len(data)] = data


def sectors(kind, at, data):
    """A write as its sectors."""
    if kind == TRUNCATE:
        return [(kind, at, data)]
    return [(kind, at + i, data[i:i + SECTOR]) for i in range(0, len(data), SECTOR)]


class Disk:
    """What is on the disk for certain, as the time of the cut goes on, and what may be."""

    def __init__(self, recording):
        self.recording = recording
        self.images = {name: bytearray(data) for name, data in recording.base.items()}
        self.open, self.next_change, self.next_sync = [], 0, 0

    def go_to(self, number):
        """To just after that record."""
        rec = self.recording
        while self.next_change < len(rec.changes) and rec.changes[self.next_change][0] <= number:
            found = rec.changes[self.next_change]
            self.next_change += 1
            if found[2] == UNLINK:  # the folder's own changes are taken as there at once
                self.images[found[1]].clear()
                self.open = [c for c in self.open if c[1] != found[1]]
            else:
                self.open.append(found)
        while self.next_sync < len(rec.syncs) and rec.syncs[self.next_sync][0] <= number:
            _, name, begun = rec.syncs[self.next_sync]
            self.next_sync += 1
            for _, _, kind, at, data in (c for c in self.open if c[1] == name and c[0] < begun):
                change(self.images[name], kind, at, data)
            self.open = [c for c in self.open if c[1] != name or c[0] >= begun]

    def cut(self, way, rng):
        """One state: {name: bytes}."""
        images = {name: bytearray(data) for name, data in self.images.items()}
        odds = {"none": 0, "all": 1, "half": 0.5, "most": 0.9, "few": 0.1, "torn": 0.5, "log": 1, "database": 1}[way]
        for _, name, kind, at, data in self.open:
            if way in ("log", "database") and name.endswith("-wal") != (way == "log"):
                continue
            for part in sectors(kind, at, data) if way == "torn" else [(kind, at, data)]:
                if rng.random() < odds:
                    change(images[name], *part)
        return images


class Judge:
    """Opens states and holds them against what was promised."""

    def __init__(self, recording, scrubs_on_claim):
        self.recording, self.scrubs_on_claim = recording, scrubs_on_claim
        self.folder = tempfile.mkdtemp(prefix="relay-crash-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.gone, self.faults = set(), []

    def close(self):
        shutil.rmtree(self.folder)

    def look(self, number, way, images):
        path = os.path.join(self.folder, FILES[0])
        for name in (*FILES, FILES[0] + "-shm"):
            target = os.path.join(self.folder, name)
            if images.get(name):
                with open(target, "wb") as file:
                    file.write(images[name])
            elif os.path.exists(target):
                os.remove(target)
        try:
            link = sqlite3.connect(path)
            try:
                self._check(number, way, link)
            finally:
                link.close()
        except sqlite3.Error as error:
            self._fault(number, way, f"cannot be read: {error}")

    def _fault(self, number, way, what):
        self.faults.append(f"after record {number}, {way}: {what}")

    def _check(self, number, way, link):
        [(said,)] = link.execute("PRAGMA integrity_check(1)").fetchall()
        if said != "ok":
            self._fault(number, way, said)
        rows = link.execute("SELECT 'msg_' || lower(hex(m.public_id)), coalesce(hex(k.body_key), '') FROM message m"
                            " LEFT JOIN content_key k ON k.id = m.id").fetchall()
        keys = {public.replace("-", ""): not key.strip("0") for public, key in rows}
        if len(keys) != len(rows):
            self._fault(number, way, "a message is there twice")
        self._check_receipts(number, way, link)
        repeated = link.execute("SELECT count(*) - count(DISTINCT message_public_id) FROM idempotency").fetchone()[0]
        if repeated:
            self._fault(number, way, f"{repeated} messages under two keys")
        lost = [m for n, m in self.recording.sent if n <= number and plain(m) not in keys]
        if lost:
            self._fault(number, way, f"{len(lost)} answered messages are gone")
        if way == "none":  # what is scrubbed for certain
            self.gone |= {public for public, scrubbed in keys.items() if scrubbed}
        back = {public for public in self.gone if not keys.get(public, True)}
        if self.scrubs_on_claim:
            back |= {plain(m) for n, m in self.recording.claimed if n <= number and not keys.get(plain(m), True)}
        if back:
            self._fault(number, way, f"{len(back)} scrubbed texts are back")

    def _check_receipts(self, number, way, link):
        """Who only read was not told of what is not so any more."""
        states = dict(link.execute("SELECT 'msg_' || lower(hex(m.public_id)), max(d.state) FROM message m JOIN delivery d"
                                   " ON d.message_id = m.id GROUP BY m.id").fetchall())
        wrong = [m for n, m, state in self.recording.said if n <= number and states.get(plain(m), -1) < state]
        if wrong:
            self._fault(number, way, f"{len(wrong)} receipts said more than is so")


def plain(public):
    return public.replace("-", "").lower()


def replay(recording, states, scrubs_on_claim, seed=1):
    """The faults of that many states. Most are cut right after a response, for that is what was promised."""
    rng = random.Random(seed)
    responses = [n for n, *_ in recording.sent + recording.claimed + recording.said]
    points = sorted(rng.choice(responses) if rng.random() < 0.6 else rng.randrange(recording.length) for _ in range(states))
    disk, judge = Disk(recording), Judge(recording, scrubs_on_claim)
    try:
        for i, number in enumerate(points):
            disk.go_to(number)
            way = WAYS[i % len(WAYS)]
            judge.look(number, way, disk.cut(way, rng))
    finally:
        judge.close()
    return judge.faults


def record(settings, messages, recorder=os.path.join(BUILD, "tests", "recorder.so")):
    """Sends, polls and passes of a relay, recorded."""
    home = tempfile.mkdtemp(prefix="relay-record-")
    os.chmod(home, 0o755)
    with Relay({"RELAY_WORKERS": 3, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, **settings}) as relay:
        try:
            recipients = [relay.sign_in() for _ in range(2)]
            users = [relay.sign_in() for _ in range(8)]
            relay.fixed_port = relay.port
            relay.stop()
            data = os.path.join(relay.folder, "data")
            shutil.copytree(data, os.path.join(home, "base"), ignore=shutil.ignore_patterns("backups"))
            log, order = os.path.join(home, "log"), os.path.join(home, "order")
            for path, size in ((log, 0), (order, 4096)):
                with open(path, "wb") as file:
                    file.truncate(size)
                os.chmod(path, 0o666)
            relay.env = preload(recorder, RECORD_FOLDER=data, RECORD_LOG=log, RECORD_ORDER=order)
            relay.start()
            _work(relay, users, recipients, messages)
            relay.stop()
            return Recording(os.path.join(home, "base"), parse(log))
        finally:
            shutil.rmtree(home)


def _work(relay, users, recipients, messages):
    """Every sender's messages go to one recipient, who fetches a few at a time; passes go on beside it."""
    over = threading.Event()

    def fetch(user):
        cursor = ""
        while not over.wait(0.01):
            cursor = user.poll(cursor, 5)["cursor"]

    def sweep():
        while not over.wait(0.3):
            run("relay-sweep", "--dir", relay.folder, "--now", env=clean_env(**relay.env))

    def ask(sender):
        while not over.wait(0.005):
            latest = list(sender.acknowledged.values())[-8:]
            if latest:
                sender.user.receipts(*latest)

    senders = []
    for number, recipient in enumerate(recipients):
        senders += start_senders(users[number::len(recipients)], recipient, messages // len(users))
    beside = [threading.Thread(target=work, args=(who,)) for work, all_of in ((fetch, recipients), (ask, senders)) for who in all_of]
    beside.append(threading.Thread(target=sweep))
    for thread in beside:
        thread.start()
    try:
        finish(senders)
    finally:
        over.set()
        for thread in beside:
            thread.join()


def main():
    parser = argparse.ArgumentParser(description="Power cuts at length: messages, polls, scrubs and passes, recorded and cut off.")
    parser.add_argument("--states", type=int, default=10000, help="in all, over three ways of keeping texts")
    parser.add_argument("--messages", type=int, default=800, help="of each recording")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    faults = []
    for mode in MODES:
        recording = record({"MESSAGE_RETENTION_MODE": mode}, args.messages)
        found = replay(recording, -(-args.states // len(MODES)), "on_claim" in mode, args.seed)
        print(f"{mode}: {len(recording.sent)} sent, {len(recording.changes)} writes, {len(recording.syncs)} syncs, "
              f"{-(-args.states // len(MODES))} states, {len(found)} faults", flush=True)
        faults += found
    print("\n".join(faults[:20]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
