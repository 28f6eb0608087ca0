"""A database of every older schema comes up to date, and a copy of it is kept first."""
import contextlib
import glob
import os
import re
import shutil
import sqlite3
import stat

import pytest

from contract import ROOT
from harness import run

STEPS = sorted(glob.glob(os.path.join(ROOT, "sql", "schema", "[0-9]*.sql")))
LATEST = len(STEPS)


def build_database(folder, version):
    """data/bridge.db as a relay of that schema version left it, with one account in it."""
    os.makedirs(os.path.join(folder, "data"), mode=0o700, exist_ok=True)
    path = os.path.join(folder, "data", "bridge.db")
    with contextlib.closing(sqlite3.connect(path)) as link:
        link.execute("PRAGMA journal_mode = WAL")
        for step in STEPS[:version]:
            with open(step, encoding="utf-8") as file:
                link.executescript(file.read())
        link.execute(f"PRAGMA user_version = {version}")
        link.execute("INSERT INTO account (email, chat_address, display_name, search_key, language, role, public_visible, "
                     "hidden, blocked, delivered_seq, created_at) VALUES ('old@example.com', 'old.timer', '', '', '', 0, 0, "
                     "0, 0, 0, 1700000000000)")
        link.commit()
    return path


def look(path, statement):
    """The one value that a statement brings."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as link:
        return link.execute(statement).fetchone()[0]


def copies(folder):
    """Names of the copies, the oldest first."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir(os.path.join(folder, "data", "backups")), key=lambda name: name.split("-", 2)[2])
    return []


@pytest.mark.parametrize("version", range(1, LATEST))
def test_older_database_is_copied_then_brought_up_to_date(make_relay, version):
    relay = make_relay(start=False)
    path = build_database(relay.folder, version)
    relay.start()
    assert look(path, "PRAGMA user_version") == LATEST
    assert relay.sign_in("old@example.com").address == "old.timer"
    [name] = copies(relay.folder)
    assert re.fullmatch(rf"before-v{LATEST}-\d{{8}}T\d{{6}}\.\d{{3}}\.db", name)
    copy = os.path.join(relay.folder, "data", "backups", name)
    assert stat.S_IMODE(os.stat(copy).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(copy)).st_mode) == 0o700
    assert look(copy, "PRAGMA user_version") == version
    assert look(copy, "SELECT chat_address FROM account") == "old.timer"


def test_no_copy_of_a_new_or_current_database(make_relay):
    relay = make_relay()
    relay.restart()
    assert copies(relay.folder) == []


def test_newest_three_copies_are_kept(make_relay):
    relay = make_relay(start=False)
    build_database(relay.folder, 1)
    os.mkdir(os.path.join(relay.folder, "data", "backups"), 0o700)
    old = ["before-v12-20200101T000000.000.db", "before-v2-20210101T000000.000.db", "before-v3-20220101T000000.000.db"]
    for name in [*old, "mine.db"]:
        with open(os.path.join(relay.folder, "data", "backups", name), "w", encoding="utf-8"):
            pass
    if os.getuid() == 0:
        shutil.chown(os.path.join(relay.folder, "data", "backups"), "www-data")
    relay.start()
    left = os.listdir(os.path.join(relay.folder, "data", "backups"))
    assert set(left) >= {"mine.db", *old[1:]} and old[0] not in left and len(left) == 4


def test_older_database_that_cannot_be_copied_is_left_as_it_is(folder_of):
    folder = folder_of("HOST=127.0.0.1\n")
    path = build_database(folder, 1)
    with open(os.path.join(folder, "data", "backups"), "w", encoding="utf-8"):
        pass
    done = run("relayd", "--dir", folder, "--no-nginx")
    assert done.returncode == 1 and "backups" in done.stderr and len(done.stderr.splitlines()) == 1
    assert look(path, "PRAGMA user_version") == 1


def test_tool_says_what_an_older_database_needs(folder_of):
    folder = folder_of("")
    path = build_database(folder, 1)
    done = run("relayctl", "--dir", folder, "stats")
    assert done.returncode == 1 and "starting the relay brings it up to date" in done.stderr
    assert look(path, "PRAGMA user_version") == 1


@pytest.mark.parametrize("program, words", [("relayd", ["--no-nginx"]), ("relayctl", ["stats"])])
def test_newer_database_is_refused_and_left(folder_of, program, words):
    folder = folder_of("HOST=127.0.0.1\n")
    path = build_database(folder, LATEST)
    with contextlib.closing(sqlite3.connect(path)) as link:
        link.execute(f"PRAGMA user_version = {LATEST + 1}")
    done = run(program, "--dir", folder, *words)
    assert done.returncode == 1 and "made by a newer relay" in done.stderr and len(done.stderr.splitlines()) == 1
    assert look(path, "PRAGMA user_version") == LATEST + 1 and copies(folder) == []
