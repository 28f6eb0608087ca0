"""How long relayctl move-to takes, there and back: a database of messages that all wait, with a key each. `make bench-move N=1000000`."""
import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time

import seed

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "api"))

import pg_server  # noqa: E402 pylint: disable=wrong-import-position

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAITING = """
UPDATE message SET body = randomblob(180), address = randomblob(70), final_at = 0, scrubbed_at = 0;
UPDATE delivery SET state = 0, delivered_at = 0;
INSERT INTO content_key (id, body_key, address_key) SELECT id, randomblob(32), randomblob(32) FROM message;
INSERT INTO message_wait (message_id, sender_id, to_id, bytes)
SELECT m.id, m.sender_id, d.account_id, 250 FROM message m JOIN delivery d ON d.message_id = m.id;
UPDATE meta SET keyed = 1;
"""


def make(folder, count):
    """An operator's folder whose database has so many messages."""
    data = os.path.join(folder, "data")
    os.makedirs(data)
    path = seed.build(folder, os.path.join(TOP, "sql", "schema"), [count])[count]
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
        db.execute("PRAGMA " + pragma)
    db.executescript("BEGIN;" + WAITING + "COMMIT; PRAGMA journal_mode=WAL;")
    db.close()
    os.rename(path, os.path.join(data, "bridge.db"))
    with open(os.open(os.path.join(data, "server.key"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(os.urandom(32))
    return os.path.join(data, "bridge.db")


def settings(folder, url=""):
    with open(os.open(os.path.join(folder, ".env.local"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(f"DATABASE_URL={url}\n")


def move(build, folder, address):
    """(seconds, rows), by the command's own line."""
    start = time.perf_counter()
    done = subprocess.run([os.path.join(build, "relayctl"), "--dir", folder, "move-to", address], capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    line = next(line for line in done.stdout.splitlines() if line.startswith("Moved: "))
    return taken, int(line.split()[3])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder of the programs with PostgreSQL")
    parser.add_argument("--messages", type=int, default=1000000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="relay-bench-move-") as folder, pg_server.Server("fsync=on") as server:
        path = make(folder, options.messages)
        print(f"{options.messages} messages that wait, {os.path.getsize(path) / 1e6:.0f} MB", flush=True)
        url = server.url(server.new_database())
        settings(folder)
        for name, address in (("SQLite to PostgreSQL", url), ("PostgreSQL to SQLite", f"sqlite:{folder}/back.db")):
            taken, rows = move(options.build, folder, address)
            print(f"{name}: {taken:.1f} s, {options.messages / taken:.0f} messages and {rows / taken:.0f} rows a second", flush=True)
            settings(folder, url)


main()
