"""relayctl move-to: all that a relay holds goes to PostgreSQL and back, whatever is killed on the way; and a PostgreSQL database
that is put back from a dump brings back nobody and nothing."""
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

import epochs
import harness
import pg_server
from client import wait_until
from groups import ASK, OPEN, Group
from harness import Relay, StartFailed, clean_env, unique, write_settings
from keys import make_key
from phone import Phone

PG_BUILD = pg_server.build()
CHAT, ME = "/api/v1/webchat", "/api/v1/pchat/auth/me"
UPLOAD, FILES = f"{CHAT}/upload", f"{CHAT}/files"
SETTINGS = {"RELAY_WORKERS": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "EPOCH_SEC": 600, "RETENTION_DEVICE_GRACE_SEC": 0}
# What every database has for itself, and what goes on by itself when a relay runs.
OWN = {"this_database", "tombstone_file", "epoch", "node", "node_epoch", "schema_step", "last_commit"}


@pytest.fixture(autouse=True)
def programs_with_postgresql(monkeypatch):
    monkeypatch.setattr(harness, "BUILD", PG_BUILD)


@pytest.fixture(name="make")
def relays_that_may_move(monkeypatch):
    """make(...) starts a relay on SQLite, or what DATABASE_URL says."""
    relays = []

    def make(**settings):
        relays.append(Relay({**SETTINGS, **settings}))
        return relays[-1].start()
    yield make
    for relay in relays:
        relay.stop(quietly=True)
        relay.remove()


def move(relay, address, expect=0):
    """Run it; returns what it printed."""
    done = relay.ctl("move-to", address, expect=expect)
    return done.stdout if expect == 0 else done.stderr


def use(relay, url=None):
    """Have the relay use that database, or its file, and start it where its users know it."""
    relay.database_url = url
    relay.settings.pop("DATABASE_URL", None)
    relay.settings |= {"DATABASE_URL": url} if url else {}
    write_settings(relay.folder, relay.settings)
    relay.fixed_port = relay.port
    relay.start()


@contextlib.contextmanager
def opened(relay, url=None):
    """A connection to one of its databases."""
    if url:
        with pg_server.connected(url) as link:
            yield link
    else:
        with contextlib.closing(sqlite3.connect(relay.database)) as link:
            yield link


def counts(relay, url=None):
    """{table: rows} of what a move copies."""
    with opened(relay, url) as link:
        listing = ("SELECT tablename FROM pg_tables WHERE schemaname = 'public'" if url else
                   "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'")
        names = {name for name, in link.execute(listing).fetchall()} - OWN
        return {name: link.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in sorted(names)}


def rows(relay, url=None):
    """Every row of every table but the keys of texts, which look different on a server."""
    with opened(relay, url) as link:
        found = {}
        for table in counts(relay, url):
            if table not in ("content_key", "prefs_key"):
                found[table] = sorted(map(repr, link.execute(f"SELECT {columns(relay, table)} FROM {table}").fetchall()))
        return found


def columns(relay, table):
    with opened(relay) as link:
        return ", ".join(name for _, name, *_ in link.execute(f"PRAGMA table_info({table})").fetchall())


class Life:
    """People of a relay with all that it keeps for them: made by its calls, and looked at by its calls."""

    def __init__(self, relay):
        self.relay = relay
        self.ann, self.bob, self.eve = (relay.sign_in(display_name=name, public_visible=True) for name in ("Ann Müller", "Bob", "Eve"))
        self.tablet = relay.sign_in(self.bob.email, device_name="tablet")  # has fetched nothing yet
        self.gone = relay.sign_in(chat_address=unique())
        self.fill()
        self.gone.delete(ME, expect=200)
        self.cursor = self.bob.poll_all()[1]
        self.after = [self.ann.send(self.bob, f"waits {number} – ü \U0001f44d")["message_id"] for number in range(5)]
        self.read = self.ann.send(self.eve, "read")["message_id"]
        self.eve.poll_all()
        self.eve.read(self.read)

    def fill(self):
        ann, bob, eve = self.ann, self.bob, self.eve
        first = ann.send(bob, "first", subject="About it")["message_id"]
        bob.post("/api/v1/messages", {"to": ann.address, "kind": "reaction", "reply_to": first, "text": "\U0001f44d"}, expect=202)
        self.file = ann.put(f"{UPLOAD}?name=a.txt", data=b"bytes", headers={"Content-Type": "text/plain"}, expect=200)["file_id"]
        ann.send(bob, "with a file", attachments=[self.file])
        self.group = Group(ann, name="Hikers", **OPEN)
        self.group.add(bob)
        self.group.invite(eve)  # who has not accepted
        ann.post("/api/v1/messages", {"group_id": self.group.id, "text": "to all"}, expect=202)
        self.asked = Group(bob, name="Ask", **ASK)
        eve.post(f"{self.asked.path}/join", expect=202)
        self.link = ann.post(f"{self.group.path}/invites", {}, expect=200)
        ann.put(f"{CHAT}/prefs", {"prefs": "dark – ü"}, expect=200)
        ann.put(f"{CHAT}/contacts", {"contacts": [{"name": "B", "channel": "pchat", "address": bob.address}]}, expect=200)
        eve.post(f"{CHAT}/blocks", {"chat_address": self.gone.address}, expect=200)
        eve.post(f"{CHAT}/blocks", {"channel": "sms", "address": "+4930123456"}, expect=200)
        self.key = make_key(ann, "phone", "send", "receive")
        ann.post("/api/v1/messages", {"to": "+4930999", "channel": "sms", "text": "by phone"}, expect=202)
        ann.post("/api/v1/messages", {"to": "+4930998", "channel": "sms", "text": "leased"}, expect=202)
        Phone(self.key).claim(limit=1)
        self.code = self.relay.code("new@example.com")

    def look(self):
        """What its people see, without confirming anything."""
        ann, bob, eve, tablet = self.ann, self.bob, self.eve, self.tablet
        return {
            "bob": [self.said(item) for item in bob.poll(self.cursor)["messages"]],
            "next": bob.poll(self.cursor)["cursor"],
            "tablet": [self.said(item) for item in tablet.poll("")["messages"]],
            "ann": [ann.get(path, expect=200).json for path in (ME, f"{CHAT}/prefs", f"{CHAT}/contacts", f"{CHAT}/keys")],
            "receipts": ann.receipts(self.read, *self.after),
            "group": self.group.show(bob).json, "members": self.group.members(),
            "invites": eve.get(f"{CHAT}/invites", expect=200).json, "blocks": eve.get(f"{CHAT}/blocks", expect=200).json,
            "sessions": [item["session_id"] for item in bob.get("/api/v1/pchat/auth/sessions", expect=200)["sessions"]],
            "file": bob.get(f"{FILES}/{self.file}", expect=200, check=False).body,
        }

    @staticmethod
    def said(item):
        return {name: item.get(name) for name in ("message_id", "text", "subject", "from", "kind", "reply_to", "attachments", "group_id", "created_at")}


def forget_times(seen):
    """Without what each call changes by itself."""
    text = re.sub(r"'(last_seen_at|last_used_at|checked_at)': [^,}]+", "", repr(seen))
    return text


def next_ids(relay, url=None):
    """The numbers that accounts and groups get next, by making them on the running relay."""
    user = relay.sign_in()
    Group(user)
    with opened(relay, url) as link:
        return link.execute("SELECT max(a.id), max(g.id) FROM account a, grp g").fetchone()


def test_all_that_a_relay_holds_goes_there_and_back(make, server):
    relay, url = make(), server.url(server.new_database())
    life = Life(relay)
    seen = life.look()
    assert [item["text"] for item in seen["bob"]] == [f"waits {n} – ü \U0001f44d" for n in range(5)] and len(seen["tablet"]) > 5
    relay.stop()
    before = rows(relay)
    full = {name for name, found in before.items() if found}
    assert full >= {"account", "session", "message", "delivery", "stream", "message_change", "account_change", "grp", "grp_member", "group_invite",
                    "join_request", "admission", "block", "block_outside", "contacts", "prefs", "file", "message_file", "bridge", "phone",
                    "login_code", "retired_address", "message_wait", "waiting", "meta", "sweep"}
    said = move(relay, url)
    assert f"set DATABASE_URL" in said and f"--erase-old sqlite:{relay.database}" in said
    assert rows(relay, url) == before and counts(relay, url) == counts(relay)
    with opened(relay, url) as link:
        lengths = dict(link.execute("SELECT length(body_key), count(*) FROM content_key GROUP BY 1").fetchall())
    assert set(lengths) <= {32, 80} and lengths[80] > 5  # what lives is wrapped, zeros are not
    use(relay, url)
    assert forget_times(life.look()) == forget_times(seen)
    assert "overwritten" in relay.ctl("move-to", "--erase-old", f"sqlite:{relay.database}").stdout
    assert not [name for name in os.listdir(os.path.dirname(relay.database)) if name in ("bridge.db", "bridge.db-wal", "bridge.db-shm")]
    numbers = next_ids(relay, url)
    life.ann.send(life.bob, "from the server")
    relay.stop()
    there = rows(relay, url)
    said = move(relay, f"sqlite:{relay.database}")
    assert "take DATABASE_URL out" in said
    assert rows(relay) == there
    with opened(relay) as link:
        assert set(link.execute("SELECT DISTINCT length(body_key) FROM content_key").fetchall()) == {(32,)}
    use(relay)
    assert [item["text"] for item in life.look()["bob"]] == [f"waits {n} – ü \U0001f44d" for n in range(5)] + ["from the server"]
    assert next_ids(relay) == tuple(number + 1 for number in numbers)
    relay.ctl("move-to", "--erase-old", url)
    assert not os.path.exists(relay.database + ".epochs")
    body = {"email": "new@example.com", "code": life.code}
    relay.client().post("/api/v1/pchat/auth/verify-code", body, expect=200)
    [leased] = [item for item in Phone(life.key).claim() if item["text"] == "by phone"]
    assert Phone(life.key).ack(leased)["status"] == "sent"
