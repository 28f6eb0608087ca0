#!/usr/bin/python3
"""The relay on SQLite and on PostgreSQL, and two relays on one PostgreSQL, side by side in turns, in one run; with --before also
an earlier version on SQLite. Both engines sync each commit. Prints markdown; ratios are taken inside a round."""
import argparse
import concurrent.futures
import contextlib
import glob
import os
import shutil
import statistics
import sys

import beside
import measure
import seed
import servers
import table

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "api"))

import harness  # noqa: E402 pylint: disable=wrong-import-position
import pg_server  # noqa: E402 pylint: disable=wrong-import-position

NAMES = {10000: "10 thousand", 100000: "100 thousand", 1000000: "1 million"}
TABLES = ("account", "session", "message", "delivery", "stream")
SLICE_SEC, SLICES = 1, 4
SERVER = ("fsync=on", "shared_buffers=1GB", "max_wal_size=4GB", "checkpoint_timeout=15min")
# what, over what, wanted; 0.43 of the sends of now are those of before commits were shared
RATIOS = [("poll, PostgreSQL", "poll, SQLite", 0.5), ("send, PostgreSQL", "send, SQLite", 0.43),
          ("poll, two relays on PostgreSQL", "poll, PostgreSQL", None), ("send, two relays on PostgreSQL", "send, PostgreSQL", None),
          ("send, PostgreSQL", "send, SQLite, before", 1.0), ("send, SQLite", "send, SQLite, before", None)]


def say(text):
    print(text, file=sys.stderr, flush=True)


def copy_rows(source, url):
    """What the seed holds, into a database that a relay has made the schema of."""
    import psycopg2  # pylint: disable=import-outside-toplevel
    import sqlite3  # pylint: disable=import-outside-toplevel
    here, there = sqlite3.connect(source), psycopg2.connect(url)
    cursor = there.cursor()
    cursor.execute("SET session_replication_role = replica")  # no triggers
    for name in TABLES:
        columns = [row[1] for row in here.execute(f"PRAGMA table_info({name})")]
        read, write = os.pipe()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            done = pool.submit(write_rows, here.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall(), write)
            with os.fdopen(read) as lines:
                cursor.copy_expert(f"COPY {name} ({', '.join(columns)}) FROM STDIN", lines)
            done.result()
        if "id" in columns:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
                           f" WHERE pg_get_serial_sequence('{name}', 'id') IS NOT NULL")
    cursor.execute("UPDATE meta SET stream_seq = %s", here.execute("SELECT stream_seq FROM meta").fetchone())
    there.commit()
    there.autocommit = True
    cursor.execute("VACUUM ANALYZE")
    cursor.execute("CHECKPOINT")
    there.close()
    here.close()


def word(value):
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def write_rows(rows, fd):
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        for row in rows:
            file.write("\t".join(map(word, row)) + "\n")


def processor_sec(roots):
    """What these processes and all below them have used of the processor."""
    found, below = list(harness.processes()), set(roots)
    while more := {pid for pid, _, parent, _ in found if parent in below} - below:
        below |= more
    ticks = 0
    for pid in below:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            ticks += sum(int(word) for word in file.read().rsplit(")", 1)[1].split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


class Engines:
    """The relays for one number of messages, and what is measured of them by name."""

    def __init__(self, args, folder, server, count):
        self.build, self.folder, self.count, self.server = args.build, os.path.join(folder, str(count)), count, server
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        say(f"seeding {count} messages")
        db = seed.build(self.folder, os.path.join(TOP, "sql", "schema"), [count])[count]
        self.poll = seed.poll_file(self.path("poll"), db, measure.CONNECTIONS)
        self.send = seed.send_file(self.path("send"), measure.CONNECTIONS, 256)
        lite = servers.relay("sqlite", self.path("sqlite"), self.build, db, "full")
        url = server.url(server.new_database())
        one = self.on_postgresql("one", url)
        copy_rows(db, url)
        two = self.on_postgresql("two", url, first=one)
        self.cases = {"poll, SQLite": [lite], "poll, PostgreSQL": [one], "poll, two relays on PostgreSQL": [one, two],
                      "send, SQLite": [lite], "send, PostgreSQL": [one], "send, two relays on PostgreSQL": [one, two]}
        self.files = {}
        if args.before:
            earlier = beside.Version(args.before_tree, os.path.join(args.before_tree, "build"), self.path("before"), count)
            self.cases["send, SQLite, before"] = [earlier.servers["send"]]
            self.files["send, SQLite, before"] = earlier.files["send"]
        lite.wait()

    def path(self, name):
        return os.path.join(self.folder, name)

    def on_postgresql(self, name, url, first=None):
        server = servers.Server(name, self.path(name))
        for key in glob.glob(os.path.join(first.folder, "data", "*.key")) if first else ():
            shutil.copy2(key, os.path.join(server.folder, "data"))
        server.put_settings(RELAY_DURABILITY="full", DATABASE_URL=url)
        server.spawn([os.path.join(self.build + "-pg", "relayd"), "--dir", server.folder])
        return server.wait()

    def measure(self, name):
        """One slice: the connections are shared among the relays of the case."""
        relays, path = self.cases[name], measure.POLL if name.startswith("poll") else measure.SEND
        file = self.files.get(name) or (self.poll if name.startswith("poll") else self.send)
        os.sync()
        roots = [process.pid for relay in relays for process in relay.processes] + [self.server.server.pid]
        before = processor_sec(roots)
        with concurrent.futures.ThreadPoolExecutor(len(relays)) as pool:
            runs = list(pool.map(lambda relay: measure.load(self.build, relay.port, path, measure.CONNECTIONS // len(relays), SLICE_SEC,
                                                            file), relays))
        found = measure.combine(runs)
        return {**found, "per_second": sum(run["per_second"] for run in runs), "processor": processor_sec(roots) - before}

    def round(self):
        """All in turn, a slice at a time, every second time backwards."""
        found = {name: [] for name in self.cases}
        for turn in range(SLICES):
            for name in self.cases if turn % 2 == 0 else reversed(self.cases):
                found[name].append(self.measure(name))
        return {name: {**measure.combine(runs), "per_second": statistics.mean(run["per_second"] for run in runs),
                       "cost": sum(run["processor"] for run in runs) / sum(run["requests"] for run in runs)} for name, runs in found.items()}


def report(engines, rounds):
    print(f"\n{NAMES.get(engines.count, engines.count)} messages:\n\n| | per second | lowest | highest | p50 ms | p99 ms | not 2xx | processor ms each |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in engines.cases:
        middle, low, high = table.spread(rounds, name, "per_second")
        print(f"| {name} | {middle:.0f} | {low:.0f} | {high:.0f} | {table.milliseconds(rounds, name, 'p50_us')} | "
              f"{table.milliseconds(rounds, name, 'p99_us')} | {table.total(rounds, name, 'non_2xx')} | "
              f"{1000 * table.spread(rounds, name, 'cost')[0]:.2f} |")
    print("\n| | wanted | measured | | by processor time |\n|---|---|---|---|---|")
    for what, base, wanted in RATIOS:
        if what in engines.cases and base in engines.cases:
            values = [each[what]["per_second"] / each[base]["per_second"] for each in rounds]
            costs = [each[base]["cost"] / each[what]["cost"] for each in rounds]
            print(f"| {what} / {base} | {f'>= {wanted:.2f}' if wanted else ''} | {table.between(values)} | "
                  f"{table.verdict(statistics.median(values) >= wanted) if wanted else ''} | {table.between(costs)} |")


def run(args, folder):
    if args.before:
        args.before_tree = os.path.join(folder, "before")
        say(f"building {args.before}")
        beside.check_out(args.before, args.before_tree)
    with pg_server.Server(*SERVER) as server:
        for count in args.counts:
            engines = Engines(args, folder, server, count)
            before, rounds = measure.cpu(), []
            for number in range(args.rounds):
                rounds.append(engines.round())
                say(f"round {number + 1} of {args.rounds}: " + ", ".join(f"{name} {found['per_second']:.0f}" for name, found in rounds[-1].items()))
            others, stolen = measure.disturbance(before, measure.cpu())
            report(engines, rounds)
            # PostgreSQL is no child of the relay, and counts as another program
            print(f"\n{args.rounds} rounds, {SLICES} s of each in turns of {SLICE_SEC} s, {measure.CONNECTIONS} connections, {servers.WORKERS} workers a relay. "
                  f"Other programs used {others:.1%} of the processor, the host took {stolen:.1%}.", flush=True)
            servers.stop_all()
    print(f"\nMachine: {table.machine(folder)} · {table.said('psql', '--version')}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="folder of the built programs; those with PostgreSQL are beside it")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--counts", type=int, nargs="+", default=[10000, 1000000], help="messages in the store")
    parser.add_argument("--before", metavar="REV", help="an earlier version, whose sends on SQLite are measured, too")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    with servers.workplace() as folder:
        run(args, folder)


if __name__ == "__main__":
    main()
