"""Live wake-ups: what streams cost, how soon a reader is woken, what sends pay for it; and what more devices of a person cost."""
import contextlib
import json
import os
import random
import secrets
import signal
import sqlite3
import statistics
import subprocess
import time

import measure
import seed
import servers

READERS, CROWD, KILLED = 1000, 10000, 5000
SENDERS, RATE = 8, 200
DEVICES = 3
TEXT = "A message of some ordinary length, for you."


class Listeners:
    """Streams that stand while the block runs; `found` holds what the tool says at its end."""

    def __init__(self, build, server, file, readers, seconds, rate=0):
        self.argv = [os.path.join(build, "bench", "listen"), str(server.port), str(readers), str(SENDERS if rate else 0), str(rate),
                     str(seconds), file]
        self.seconds, self.found = seconds, {}

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True, preexec_fn=servers.end_with_parent)
        line = self.process.stdout.readline()
        if line != "up\n":
            raise RuntimeError(f"the streams do not stand: {line!r}, exit {self.process.wait(60)}")
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
        out, _ = self.process.communicate(timeout=self.seconds + 60)
        if not kind:
            self.found.update(json.loads(out))


def accounts(number, rng=random.Random(23)):
    """Readers, none of whom sends in other measurements."""
    busy = set(seed.clients())
    return [n for n in rng.sample(range(1, seed.ACCOUNTS + 1), number + len(busy)) if n not in busy][:number]


def listen_file(path, readers, requests=()):
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(seed.token(n) + "\n" for n in readers))
        file.write("".join(f"{to} {seed.token(sender)} {json.dumps(body)}\n" for to, sender, body in requests))
    return path


def one_to_one(readers):
    """A message to each reader in turn."""
    senders = seed.clients()
    return [(i, senders[i % 64], {"channel": "pchat", "to": seed.address(n), "text": TEXT}) for i, n in enumerate(readers)]


def resident(server):
    """Resident bytes by kind of process."""
    found = {}
    for kind, rss, _ in measure.memory(server.processes[0].pid):
        found[kind] = found.get(kind, 0) + rss
    return found


def memory(build, server, path, readers):
    """(bytes of relay-live, bytes of nginx for each stream)."""
    before = resident(server)
    with Listeners(build, server, listen_file(path, accounts(readers)), readers, 1):
        during = resident(server)
    return during["relay-live"], (during["nginx"] - before["nginx"]) / readers


def wakes(build, server, path, seconds):
    """How soon readers are woken, at a steady rate of sends."""
    readers = accounts(READERS)
    with Listeners(build, server, listen_file(path, readers, one_to_one(readers)), READERS, seconds, RATE) as listeners:
        pass
    return listeners.found


def members(db):
    """(tokens' accounts of the large group without its owner)."""
    link = sqlite3.connect(db)
    rows = link.execute("SELECT m.account_id FROM grp_member m JOIN grp g ON g.id = m.group_id WHERE g.public_id = ?"
                        " AND m.account_id <> ?", (seed.LARGE_ID, seed.LARGE_OWNER)).fetchall()
    link.close()
    return [row[0] for row in rows]


def group_wakes(build, server, path, seconds):
    """How late the last of a thousand members is woken, after the response to the send."""
    readers = members(server.db)
    body = {"to": "grp_" + seed.LARGE_ID.hex(), "text": TEXT}
    file = listen_file(path, readers, [(-1, seed.LARGE_OWNER, body)])
    with Listeners(build, server, file, len(readers), seconds, 1) as listeners:
        pass
    return listeners.found


def send_ratio(build, server, path, sends, turns):
    """Rates of sends with a thousand listeners by rates without, in turns."""
    file, found = listen_file(path, accounts(READERS)), []
    for turn in range(turns):
        rate = {}
        for listened in (True, False) if turn % 2 else (False, True):
            with contextlib.ExitStack() as stack:
                if listened:
                    stack.enter_context(Listeners(build, server, file, READERS, 3))
                os.sync()
                rate[listened] = measure.load(build, server.port, measure.SEND, measure.CONNECTIONS, 2, sends)["per_second"]
        found.append(rate[True] / rate[False])
    return found


def come_back(build, server, path):
    """relay-live is killed under many streams and a steady rate of sends."""
    readers = accounts(KILLED)
    file = listen_file(path, readers, one_to_one(readers))
    with Listeners(build, server, file, KILLED, 16, RATE) as listeners:
        time.sleep(1)
        (pid,) = (p for p in measure.children(server.processes[0].pid) if measure.comm(p) == "relay-live")
        os.kill(pid, signal.SIGKILL)
    return listeners.found


def with_devices(source, target, each):
    """A copy in which each account has so many sessions, and all of them want what the others send."""
    seed.copy(source, target)
    db = sqlite3.connect(target, isolation_level=None)
    db.execute("BEGIN")
    db.create_function("fresh", 1, secrets.token_bytes)
    for _ in range(each - 1):
        db.execute(f"INSERT INTO session ({', '.join(seed.SESSION.split()[1:])}, own) SELECT fresh(16), fresh(32), account_id,"
                   " device_name, session_name, listen_channel, visible, start_seq, sent_seq, created_at, expires_at, last_seen_at, 1"
                   f" FROM session WHERE id <= {seed.ACCOUNTS}")
    db.execute("UPDATE session SET own = 1")
    db.execute("COMMIT")
    db.close()
    return target


def device_ratio(build, one, more, sends, turns):
    """What a send costs where everybody has three devices, by what it costs where they have one."""
    found = []
    for turn in range(turns):
        rate = {}
        for server in (one, more) if turn % 2 else (more, one):
            os.sync()
            rate[server.name] = measure.load(build, server.port, measure.SEND, measure.CONNECTIONS, 2, sends)["per_second"]
        found.append(rate[one.name] / rate[more.name])
    return found


def measure_live(bench, turns, seconds):
    """All of it; `bench` has the servers and files."""
    build, small = bench.build, bench.seeds[min(bench.seeds)]
    path = bench.path("listen")
    more = {"RELAY_LIVE_MAX": CROWD + 1000}
    bench.add(servers.relay("live", bench.path("live"), build, small, "full", **more))
    server = bench.servers["live"]
    found = {"wakes": wakes(build, server, path, seconds), "group": group_wakes(build, bench.servers["groups"], path, seconds),
             "sends": send_ratio(build, server, path, bench.files["send"], turns), "back": come_back(build, server, path)}
    found["memory"] = memory(build, server, path, CROWD)
    for name, each in (("devices_1", 1), ("devices_3", DEVICES)):
        bench.add(servers.relay(name, bench.path(name), build, with_devices(small, bench.path(name + ".db"), each), "full"))
    found["devices"] = device_ratio(build, bench.servers["devices_1"], bench.servers["devices_3"], bench.files["send"], turns)
    return found


def rows(found):
    """Lines of the table: what, wanted, measured, whether it is so."""
    def verdict(ok):
        return "ok" if ok else "MISSED"

    def ms(figure):
        return figure / 1000
    live, each = found["memory"]
    yield (f"relay-live with {CROWD} streams; nginx for each of them", "< 60 MB; < 27 KB", f"{live / 1e6:.1f} MB; {each / 1e3:.1f} KB",
           verdict(live < 60e6 and each < 27e3))
    run = found["wakes"]
    after = run["after_response_us"]
    yield (f"wake after the response to the send, {READERS} listeners, {RATE} sends a second", "p50 < 1 ms, p99 < 5 ms, none missing",
           f"p50 {ms(after['p50']):.2f} ms, p99 {ms(after['p99']):.2f} ms of {after['count']}, {run['missed']} missing, {run['errors']} errors",
           verdict(after["p50"] < 1000 and after["p99"] < 5000 and run["missed"] == 0 and run["errors"] == 0))
    run = found["group"]
    after = run["after_response_us"]
    yield ("last wake of a send to a group of a thousand listening members", "< 20 ms",
           f"{ms(after['max']):.1f} ms after the response, {ms(run['after_send_us']['max']):.1f} ms after the send, {run['missed']} missing",
           verdict(after["max"] < 20000 and run["missed"] == 0))
    sends = found["sends"]
    yield (f"sends with {READERS} listeners / without", ">= 0.95", f"{statistics.median(sends):.2f} ({min(sends):.2f} to {max(sends):.2f})",
           verdict(statistics.median(sends) >= 0.95))
    run = found["back"]
    yield (f"relay-live killed under {KILLED} streams and {RATE} sends a second: all back", "within 12 s, no send fails",
           f"{run['back_us']['count']} back, p50 {run['back_us']['p50'] / 1e6:.1f} s, last {run['back_us']['max'] / 1e6:.1f} s; {run['errors']} sends failed",
           verdict(run["up"] == KILLED and run["back_us"]["max"] < 12e6 and run["errors"] == 0))
    devices = found["devices"]
    yield (f"a send where everybody has {DEVICES} devices / one", "<= 1.15",
           f"{statistics.median(devices):.2f} ({min(devices):.2f} to {max(devices):.2f})", verdict(statistics.median(devices) <= 1.15))
