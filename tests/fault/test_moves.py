"""relayctl move-to: all that a relay holds goes to PostgreSQL and back, whatever is killed on the way; and a PostgreSQL database
that is put back from a dump brings back nobody and nothing."""
import contextlib
import functools
import glob
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest

import epochs
import harness
import pg_server
from client import wait_until
from contract import ROOT
from groups import ASK, OPEN, Group
from harness import Relay, clean_env, unique, write_settings
from keys import make_key
from pg_proxy import Proxy
from phone import Phone

pytestmark = pytest.mark.usefixtures("pg_programs")
PG_BUILD = pg_server.build()
CHAT, ME = "/api/v1/webchat", "/api/v1/pchat/auth/me"
UPLOAD, FILES = f"{CHAT}/upload", f"{CHAT}/files"
SCHEMA = sorted(glob.glob(os.path.join(ROOT, "sql", "schema", "*.sql")))
SETTINGS = {"RELAY_WORKERS": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "EPOCH_SEC": 600, "RETENTION_DEVICE_GRACE_SEC": 0}
WAITS = ["with a file"] + [f"waits {number} – ü \U0001f44d" for number in range(5)]
# What every database has for itself, and what goes on by itself when a relay runs.
OWN = {"this_database", "tombstone_file", "epoch", "node", "node_epoch", "schema_step", "last_commit"}


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
        with contextlib.closing(sqlite3.connect(f"file:{relay.database}?mode=rw", uri=True)) as link:
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
                found[table] = sorted(map(repr, link.execute(f"SELECT {schema()[table]} FROM {table}").fetchall()))
        return found


@functools.lru_cache(maxsize=None)
def schema():
    """{table: its columns}, by the schema's steps."""
    with contextlib.closing(sqlite3.connect(":memory:")) as link:
        for step in SCHEMA:
            with open(step, encoding="utf-8") as file:
                link.executescript(file.read())
        names = [name for name, in link.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: ", ".join(column for _, column, *_ in link.execute(f"PRAGMA table_info({name})")) for name in names}


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
        harness.run("relay-sweep", "--dir", relay.folder, "--now")  # what everybody has is a record now
        self.ann.send(self.bob, "with a file", attachments=[self.file])
        self.after = [self.ann.send(self.bob, text)["message_id"] for text in WAITS[1:]]
        self.read = self.ann.send(self.eve, "read")["message_id"]
        self.eve.poll_all()
        self.eve.read(self.read)

    def fill(self):
        ann, bob, eve = self.ann, self.bob, self.eve
        first = ann.send(bob, "first", subject="About it")["message_id"]
        bob.post("/api/v1/messages", {"to": ann.address, "kind": "reaction", "reply_to": first, "text": "\U0001f44d"}, expect=202)
        self.file = ann.put(f"{UPLOAD}?name=a.txt", data=b"bytes", headers={"Content-Type": "text/plain"}, expect=200)["file_id"]
        self.group = Group(ann, name="Hikers", **OPEN)
        self.group.add(bob)
        self.group.invite(eve)  # who has not accepted
        ann.send(self.group.id, "to all")
        self.asked = Group(bob, name="Ask", **ASK)
        eve.post(f"{self.asked.path}/join", expect=202)
        self.link = ann.post(f"{self.group.path}/invites", {}, expect=200)
        ann.put(f"{CHAT}/prefs", {"prefs": "dark – ü"}, expect=200)
        ann.put(f"{CHAT}/contacts", {"contacts": [{"name": "B", "channel": "pchat", "address": bob.address}]}, expect=200)
        eve.post(f"{CHAT}/blocks", {"chat_address": self.relay.sign_in().address}, expect=200)
        eve.post(f"{CHAT}/blocks", {"channel": "sms", "address": "+4930123456"}, expect=200)
        self.key = make_key(ann, "phone", "send", "receive")
        ann.post("/api/v1/messages", {"to": "+4930999", "channel": "sms", "text": "leased"}, expect=202)
        ann.post("/api/v1/messages", {"to": "+4930998", "channel": "sms", "text": "by phone"}, expect=202)
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


def key_lengths(relay, url=None):
    """{(scrubbed, of the text's key, of the address's)}, of messages."""
    with opened(relay, url) as link:
        found = link.execute("SELECT m.scrubbed_at > 0, length(k.body_key), length(k.address_key) FROM message m JOIN content_key k ON k.id = m.id")
        return {(bool(scrubbed), body, address) for scrubbed, body, address in found.fetchall()}


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
    assert [item["text"] for item in seen["bob"]] == WAITS and len(seen["tablet"]) > 5
    relay.stop()
    before = rows(relay)
    empty = {name for name, found in before.items() if not found}
    assert not empty & {"account", "session", "message", "delivery", "stream", "message_change", "account_change", "grp", "grp_member", "group_invite",
                    "join_request", "admission", "block", "block_outside", "contacts", "prefs", "file", "message_file", "bridge", "phone",
                    "login_code", "retired_address", "message_wait", "waiting", "meta", "sweep"}
    said = move(relay, url)
    assert "set DATABASE_URL" in said and f"--erase-old sqlite:{relay.database}" in said
    assert rows(relay, url) == before and counts(relay, url) == counts(relay)
    assert key_lengths(relay, url) == {(False, 80, 80), (True, 32, 32)}  # what lives is wrapped; where a record went lies open
    use(relay, url)
    assert forget_times(life.look()) == forget_times(seen)
    with open(relay.database, "rb", buffering=0) as old:
        assert old.read(6) == b"SQLite"
        assert "overwritten" in relay.ctl("move-to", "--erase-old", f"sqlite:{relay.database}").stdout
        old.seek(0)
        assert not old.read().strip(b"\0")
    assert not [name for name in os.listdir(os.path.dirname(relay.database)) if name in ("bridge.db", "bridge.db-wal", "bridge.db-shm")]
    numbers = next_ids(relay, url)
    life.ann.send(life.bob, "from the server")
    relay.stop()
    there = rows(relay, url)
    said = move(relay, f"sqlite:{relay.database}")
    assert "take DATABASE_URL out" in said
    assert rows(relay) == there
    assert key_lengths(relay) == {(False, 32, 32), (True, 32, 32)}
    use(relay)
    assert [item["text"] for item in life.look()["bob"]] == WAITS + ["from the server"]
    assert next_ids(relay) == tuple(number + 1 for number in numbers)
    relay.ctl("move-to", "--erase-old", url)
    assert not os.path.exists(relay.database + ".epochs")
    body = {"email": "new@example.com", "code": life.code}
    relay.client().post("/api/v1/pchat/auth/verify-code", body, expect=200)
    [item] = Phone(life.key).claim()  # the other one is leased still
    assert item["text"] == "by phone" and Phone(life.key).ack(item)["status"] == "sent"


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(make, server):
    relay = make()
    relay.stop()
    with opened(relay) as link:
        link.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                     " INSERT INTO throttle (key_mac, hits, resets_at) SELECT randomblob(16), 1, 1 FROM n")
        link.commit()
    said = move(relay, server.url(server.new_database()))
    assert re.search(r"^\d+ % of all rows$", said, re.M) and re.search(r"^throttle +3000$", said, re.M)
    relay.ctl("move-to", "--stay")
    os.unlink(relay.database + ".epochs")
    ours, theirs = pty.openpty()
    words = [os.path.join(PG_BUILD, "relayctl"), "--dir", relay.folder, "move-to", server.url(server.new_database())]
    done = subprocess.run(words, env=clean_env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=60, check=True)
    shown = os.read(ours, 65536)
    os.close(theirs)
    os.close(ours)
    assert re.search(rb"\r\[#+\.*\] +\d+ %  throttle +\d000", shown) and "% of all" not in done.stdout


# -- killed on the way ---------------------------------------------------------------------------------------------------


def killed_at(relay, address, proxy, first, then, before=True):
    """Run it, and kill it where the marks pass."""
    proxy.break_at(first, then, before, lambda: os.kill(process.pid, signal.SIGKILL))
    process = subprocess.Popen([os.path.join(PG_BUILD, "relayctl"), "--dir", relay.folder, "move-to", address], env=clean_env(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.wait(60) == -signal.SIGKILL, "it was over before"


def refused(relay):
    """What relayd says instead of starting."""
    done = harness.run("relayd", "--dir", relay.folder)
    assert done.returncode == 1
    return done.stderr


def test_killed_anywhere_on_the_way_to_the_server_it_is_moved_once(make, server):
    relay, name = make(), server.new_database()
    life = Life(relay)
    seen = life.look()
    relay.stop()
    before = rows(relay)
    with Proxy(server.folder) as proxy:
        url = proxy.url(name)
        for first, then in [(b"SELECT", b"CREATE TABLE message ("), (b"SELECT", b"NODE_PUT"), (b"COPY account ", b"COPY account "),
                            (b"COPY message ", b"COPY message "), (b"FROM STDIN", b"COPY sweep "), (b"COPY stream ", b"TO STDOUT"),
                            (b"TO STDOUT", b"COPY stream "), (b"TO STDOUT", b"filled_by")]:
            killed_at(relay, url, proxy, first, then)
            with opened(relay) as link:
                assert link.execute("SELECT left_by FROM this_database").fetchone() == (None,), then
            assert rows(relay) == before
        killed_at(relay, url, proxy, b"filled_by", b"COMMIT")  # in between: the old one is closed, the new one is empty
        assert "it was moved to another database" in refused(relay)
        assert "it was moved to another database" in relay.ctl("user", "list", expect=1).stderr
        killed_at(relay, url, proxy, b"filled_by", b"COMMIT", before=False)
        assert "All was moved there before" in move(relay, url)
    assert rows(relay, server.url(name)) == before and rows(relay) == before
    use(relay, server.url(name))
    assert forget_times(life.look()) == forget_times(seen)


def test_killed_anywhere_on_the_way_back_it_is_moved_once(make, server):
    name = server.new_database()
    relay = make(DATABASE_URL=server.url(name))
    life = Life(relay)
    seen = life.look()
    relay.stop()
    before, target = None, f"sqlite:{relay.database}"
    with Proxy(server.folder) as proxy:
        write_settings(relay.folder, {**relay.settings, "DATABASE_URL": proxy.url(name)})
        for first, then, after in [(b"SELECT", b"COPY account ", False), (b"COPY account ", b"COPY session ", True), (b"COPY stream ", b"left_by", False),
                                   (b"left_by", b"COMMIT", False), (b"left_by", b"COMMIT", True)]:
            killed_at(relay, target, proxy, first, then, before=not after)
            assert not os.path.exists(relay.database)
        assert "it was moved to another database" in refused(relay)
        move(relay, target)
        assert not [name for name in os.listdir(os.path.dirname(relay.database)) if ".part" in name]
        assert "All was moved there before" in move(relay, target)
    before = rows(relay, server.url(name))
    assert rows(relay) == before
    use(relay)
    assert forget_times(life.look()) == forget_times(seen)


def test_server_that_goes_away_on_the_way_leaves_all_as_it_was(make, server):
    relay, name = make(), server.new_database()
    Life(relay)
    relay.stop()
    before = rows(relay)
    with Proxy(server.folder) as proxy:
        proxy.break_at(b"COPY account ", b"COPY message ", True)
        assert "PostgreSQL: " in move(relay, proxy.url(name), 1)
        proxy.change(b"Ann M", b"Ann N")
        assert "table account: " in move(relay, proxy.url(name), 1)
        proxy.change(b"", b"")
        with opened(relay) as link:
            assert link.execute("SELECT left_by FROM this_database").fetchone() == (None,)
        proxy.break_at(b"filled_by", b"COMMIT", False)
        assert "run it again" in move(relay, proxy.url(name), 1)
        assert "All was moved there before" in move(relay, proxy.url(name))
    assert rows(relay) == rows(relay, server.url(name)) == before


def test_erasing_that_was_killed_goes_on(make, server):
    relay = make()
    relay.stop()
    move(relay, server.url(server.new_database()))
    os.rename(relay.database, relay.database + ".erased")
    relay.ctl("move-to", "--erase-old", f"sqlite:{relay.database}")
    assert not [name for name in os.listdir(os.path.dirname(relay.database)) if name in ("bridge.db", "bridge.db.erased")]


# -- what is refused -----------------------------------------------------------------------------------------------------


def test_what_is_in_the_way_is_said_in_a_line_and_nothing_is_changed(make, server):
    relay = make()
    relay.sign_in()
    free, used, foreign, newer, other = (server.new_database() for _ in range(5))
    assert "the relay is running; stop it first" in move(relay, server.url(free), 1)
    with Relay({**SETTINGS, "DATABASE_URL": server.url(used)}) as there:
        there.sign_in()
    with Relay({**SETTINGS, "DATABASE_URL": server.url(other)}):
        pass  # nobody was there, but it has a key
    server.run("CREATE TABLE mine (n INTEGER)", database=foreign)
    relay.stop()
    before = rows(relay)
    move(relay, server.url(newer))
    relay.ctl("move-to", "--stay")
    server.run("DELETE FROM account; UPDATE meta SET keyed = 0; UPDATE this_database SET filled_by = NULL; INSERT INTO schema_step VALUES (9999)",
               database=newer)
    for name, why in [(used, "the database is not empty"), (foreign, "tables of something else"), (other, "with a server key of its own"),
                      (newer, "made by a newer relay"), ("nowhere", 'database "nowhere" does not exist')]:
        assert why in move(relay, server.url(name), 1), name
    assert "from SQLite to PostgreSQL, or back" in move(relay, f"sqlite:{relay.home}/x.db", 1)
    assert "usage: relayctl move-to" in relay.ctl("move-to", "mysql://x/y", expect=2).stderr
    assert "it was not moved elsewhere" in relay.ctl("move-to", "--erase-old", f"sqlite:{relay.database}", expect=1).stderr
    assert "it was not moved elsewhere" in relay.ctl("move-to", "--stay", expect=1).stderr
    with relay.locked_database():
        assert "another process is writing" in move(relay, server.url(free), 1)
    with opened(relay) as link:
        link.execute(f"PRAGMA user_version={len(SCHEMA) - 1}")
    assert f"schema version {len(SCHEMA) - 1}, this program needs" in move(relay, server.url(free), 1)
    with opened(relay) as link:
        link.execute(f"PRAGMA user_version={len(SCHEMA)}")
    os.rename(os.path.join(relay.folder, "data", "server.key"), os.path.join(relay.home, "server.key"))
    assert "server.key is missing" in move(relay, server.url(free), 1)
    os.rename(os.path.join(relay.home, "server.key"), os.path.join(relay.folder, "data", "server.key"))
    assert rows(relay) == before
    relay.fixed_port = relay.port
    relay.start()


def test_database_that_another_machine_has_open_is_not_moved(make, server):
    url = server.url(server.new_database())
    relay = make(DATABASE_URL=url)
    relay.stop()
    target = f"sqlite:{relay.home}/moved.db"
    with pg_server.connected(f"{url}&application_name=webchat-relay"):
        assert "a relay of another machine is connected" in move(relay, target, 1)
    with open(relay.database + ".tombstones", "ab") as file:
        file.write(b"m" + bytes(16))
    assert f"set BRIDGE_DB_PATH={relay.home}/moved.db" in move(relay, target)
    with open(f"{relay.home}/moved.db.tombstones", "rb") as file:
        assert file.read().endswith(b"m" + bytes(16))


def test_program_without_postgresql_says_how_it_is_built(make, monkeypatch):
    relay = make()
    relay.stop()
    monkeypatch.setattr(harness, "BUILD", PG_BUILD.removesuffix("-pg"))
    assert "make PG=1" in move(relay, "postgresql://relay@/x", 1)


def test_key_of_an_epoch_that_is_not_here_stops_the_way_back(make, server):
    relay = make(DATABASE_URL=server.url(server.new_database()))
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "waits")
    relay.stop()
    os.rename(relay.database + ".epochs", os.path.join(relay.home, "epochs"))
    assert "has not the key of an epoch" in move(relay, f"sqlite:{relay.home}/x.db", 1)
    assert not os.path.exists(f"{relay.home}/x.db")
    os.rename(os.path.join(relay.home, "epochs"), relay.database + ".epochs")
    move(relay, f"sqlite:{relay.home}/x.db")


# -- a dump that is put back ---------------------------------------------------------------------------------------------


class Dump:
    """A dump of a relay's database, made and put back by the lines of the page."""

    def __init__(self, server, name):
        self.server, self.url, self.path = server, server.url(name), os.path.join(server.folder, f"{name}.dump")
        self._run("pg_dump")

    def put_back(self):
        """The database is what it was then."""
        self._run("pg_restore")

    def _run(self, program):
        with open(os.path.join(ROOT, "docs", "several-machines.md"), encoding="utf-8") as file:
            [line] = re.findall(f"^{program} .*$", file.read(), re.M)
        env = clean_env(DATABASE_URL=self.url, PATH=f"{self.server.bin}:{os.environ['PATH']}")
        done = subprocess.run(["bash", "-c", line.replace("relay.dump", self.path)], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def scrubbed(relay, message_id):
    """Is the message's text gone? None: there is no such message."""
    with relay.opened_database() as link:
        row = link.execute("SELECT scrubbed_at, length(body) FROM message WHERE id = ?", (message_id,)).fetchone()
        return row and (row[0] > 0 and row[1] == 0)


def number_of(relay):
    with relay.opened_database() as link:
        return link.execute("SELECT max(id) FROM message").fetchone()[0]


def addresses(relay):
    with relay.opened_database() as link:
        return {address for address, in link.execute("SELECT chat_address FROM account").fetchall()}


def again(relay):
    """Start it where its users know it."""
    relay.fixed_port = relay.port
    relay.start()


@pytest.mark.parametrize("how", ["start", "replay"])
def test_dump_that_is_put_back_brings_back_nobody_and_nothing(make, server, how):
    name = server.new_database()
    relay = make(DATABASE_URL=server.url(name))
    ann, bob, eve = (relay.sign_in() for _ in range(3))
    ann.send(bob, "said")
    said = number_of(relay)
    eve.send(bob, "of eve")
    ann.send(bob, "waits")
    waits = number_of(relay)
    dump = Dump(server, name)
    cursor = bob.poll("", limit=2)["cursor"]
    bob.poll(cursor, limit=1)
    eve.delete(ME, expect=200)
    harness.run("relay-sweep", "--dir", relay.folder, "--now")
    assert scrubbed(relay, said) and not scrubbed(relay, waits)
    relay.stop()
    dump.put_back()
    assert eve.address in addresses(relay) and not scrubbed(relay, said)
    if how == "replay":
        assert re.search(r"Restored. [2-9] messages or accounts that went since stay gone", relay.ctl("restore", "--replay").stdout)
    else:
        again(relay)
    assert eve.address not in addresses(relay) and scrubbed(relay, said) and not scrubbed(relay, waits)
    if how == "replay":
        again(relay)
    ann.get(ME, expect=200 if how == "start" else 401)
    body = {"email": unique() + "@example.com", "chat_address": eve.address}
    body["code"] = relay.code(body["email"])
    relay.client().post("/api/v1/pchat/auth/verify-code", body, expect=None).is_error(409, "address_taken", field="chat_address")
    size = os.path.getsize(relay.database + ".tombstones")
    relay.restart()
    assert os.path.getsize(relay.database + ".tombstones") == size and not scrubbed(relay, waits)


def test_dump_that_is_older_than_an_epoch_opens_nothing_and_brings_back_nobody(make, server):
    name = server.new_database()
    relay = make(DATABASE_URL=server.url(name), EPOCH_SEC=1)
    ann, bob, eve = (relay.sign_in() for _ in range(3))
    ann.send(bob, "said")
    said = number_of(relay)
    dump = Dump(server, name)
    bob.poll_all()
    eve.delete(ME, expect=200)
    harness.run("relay-sweep", "--dir", relay.folder, "--now")
    keys = set(epochs.slots_of(relay))
    wait_until("other epochs have begun", lambda: not keys & set(epochs.slots_of(relay)), 60)
    relay.stop()
    dump.put_back()
    again(relay)
    wait_until("she is gone, and so is what was said", lambda: eve.address not in addresses(relay) and scrubbed(relay, said))
    wait_until("polls go on", lambda: bob.poll("", expect=None).status == 200)
    ann.send(bob, "new")
    assert bob.texts()[-1] == "new" and "said" not in bob.texts()


def test_each_machine_carries_out_what_it_noted_and_a_lost_ones_file_is_given(make, server):
    name = server.new_database()
    one = make(DATABASE_URL=server.url(name))
    folder = harness.make_folder()
    os.makedirs(os.path.join(folder, "data"))
    shutil.copy2(os.path.join(one.folder, "data", "server.key"), os.path.join(folder, "data"))
    with Relay({**SETTINGS, "DATABASE_URL": server.url(name)}, folder=folder) as two:
        people = [one.sign_in() for _ in range(3)]
        here, there = people[0], two.client(people[1].token)
        dump = Dump(server, name)
        here.delete(ME, expect=200)
        there.delete(ME, expect=200)
        one.stop()
        two.stop()
        dump.put_back()
        assert {user.address for user in people} <= addresses(one)
        again(one)
        assert addresses(one) & {user.address for user in people} == {people[1].address, people[2].address}
        again(two)
        assert addresses(one) & {user.address for user in people} == {people[2].address}
        one.stop()
        two.stop()
        dump.put_back()
        assert "No such file" in one.ctl("restore", "--replay", two.database + ".x", expect=1).stderr
        dump.put_back()
        os.rename(one.database + ".tombstones", one.database + ".kept")
        one.ctl("restore", "--replay", one.database + ".kept")
        one.ctl("restore", "--replay", two.database + ".tombstones")
        assert addresses(one) & {user.address for user in people} == {people[2].address}


def test_database_that_is_put_back_beneath_a_running_relay_is_seen_to(make, server):
    name = server.new_database()
    relay = make(DATABASE_URL=server.url(name))
    ann = relay.sign_in()
    dump = Dump(server, name)
    ann.delete(ME, expect=200)
    dump.put_back()
    wait_until("she is gone again", lambda: ann.address not in addresses(relay))


def test_what_was_rolled_back_is_not_carried_out(make, server):
    """A text that is scrubbed as it is handed out, in a poll that fails: nobody has it."""
    relay = make(DATABASE_URL=server.url(server.new_database()), MESSAGE_RETENTION_MODE="scrub_content_on_claim")
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "still there")
    with Proxy(server.folder) as proxy:
        relay.stop()
        use(relay, re.sub("host=.*", f"host={proxy.folder}", relay.settings["DATABASE_URL"]))
        size = os.path.getsize(relay.database + ".tombstones")
        proxy.break_at(b"SCRUB_BODY", b"W_COMMIT", True)
        bob.poll("", expect=503)
        assert proxy.cut == 1 and os.path.getsize(relay.database + ".tombstones") > size
        relay.restart()
        response = wait_until("polls go on", lambda: [found for found in [bob.poll("", expect=None)] if found.status == 200])[0]
        assert [item["text"] for item in response["messages"]] == ["still there"]


def test_restore_replay_is_for_a_server(make):
    relay = make()
    assert "is for PostgreSQL" in relay.ctl("restore", "--replay", expect=1).stderr


def test_backup_on_a_server_names_its_tools(make, server):
    relay = make(DATABASE_URL=server.url(server.new_database()))
    assert "pg_dump" in relay.ctl("backup", f"{relay.home}/x.db", expect=1).stderr
