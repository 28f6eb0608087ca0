"""What is measured: load, the bare loop, the size of the WAL, memory, start, and whether polls write."""
import contextlib
import json
import os
import signal
import socket
import sqlite3
import statistics
import struct
import subprocess
import threading
import time

import seed
import servers

POLL, SEND = "/api/v1/webchat/poll", "/api/v1/messages"
CONNECTIONS = 32
WARM_SEC = 0.2
STARTS = 7


def load(build, port, path, clients, seconds, file, warm=WARM_SEC):
    """One run of the load tool: its line as a dict."""
    done = subprocess.run([os.path.join(build, "bench", "load"), "127.0.0.1", str(port), path, str(clients),
                           str(warm), str(seconds), file], capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def xmpp(build, port, seconds):
    """One run of the XMPP load tool: its line as a dict."""
    done = subprocess.run([os.path.join(build, "bench", "xmpp"), "localhost", str(port), str(CONNECTIONS), str(WARM_SEC), str(seconds)],
                          capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def slow_syncs(build):
    """The environment in which each sync takes 2 ms more."""
    return {"LD_PRELOAD": os.path.join(build, "bench", "slowsync.so")}


def loop(build, db, durability, seconds, texts, **env):
    """One run of the bare loop over a database of its own."""
    senders = ",".join(str(n) for n in seed.clients()[:CONNECTIONS])
    done = subprocess.run([os.path.join(build, "bench", "loop"), db, durability, str(WARM_SEC), str(seconds), senders,
                           str(seed.ACCOUNTS), texts], capture_output=True, text=True, timeout=seconds + 60,
                          env={**os.environ, **env})
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def combine(runs):
    """Several short runs of the same thing as one."""
    found = {name: sum(run[name] for run in runs) for name in ("seconds", "requests")}
    found["per_second"] = found["requests"] / found["seconds"]
    for name in ("non_2xx", "errors"):
        if name in runs[0]:
            found[name] = sum(run[name] for run in runs)
    for name in ("p50_us", "p99_us"):
        if name in runs[0]:
            found[name] = statistics.median(run[name] for run in runs)
    return found


def cpu():
    """Clock ticks since the machine started: (all cores, in programs, in our own programs, stolen by the host)."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    mine = os.times()
    own = round((mine.user + mine.children_user) * os.sysconf("SC_CLK_TCK"))
    for pid in children(os.getpid()):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            own += int(fields[11]) + int(fields[13])
    return sum(ticks), ticks[0] + ticks[1], own, ticks[7]


def disturbance(before, after):
    """Shares of the processor's time that other programs used, and that the host took away."""
    total, programs, own, stolen = (b - a for a, b in zip(before, after))
    return max(0.0, (programs - own) / total), stolen / total


@contextlib.contextmanager
def largest_wal(db):
    """Watches the WAL while the block runs; the yielded list holds its largest size."""
    largest, done = [0], threading.Event()

    def watch():
        while not done.wait(0.01):
            with contextlib.suppress(OSError):
                largest[0] = max(largest[0], os.stat(db + "-wal").st_size)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield largest
    finally:
        done.set()
        watcher.join()


def children(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            for child in map(int, file.read().split()):
                yield child
                yield from children(child)


def comm(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
        return file.read().strip()


def memory_of(pid):
    """(resident, proportional) bytes of a process."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        rows = dict(line.split(":", 1) for line in file if ":" in line and "kB" in line)
    return tuple(int(rows[name].split()[0]) * 1024 for name in ("Rss", "Pss"))


def memory(pid):
    """The relay's processes: [(kind, resident, proportional)], its parent first."""
    kinds = {"relayd": "worker", "relay-mail": "mailer", "relay-live": "relay-live", "nginx": "nginx"}
    found = [("parent", *memory_of(pid))]
    return found + [(kinds.get(comm(p), comm(p)), *memory_of(p)) for p in children(pid)]


def fcgi_record(kind, content):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def fcgi_get(path, uri):
    """One GET on a FastCGI socket; the response's first bytes, or b"" when nobody listens."""
    fields = {b"REQUEST_METHOD": b"GET", b"DOCUMENT_URI": uri, b"QUERY_STRING": b"", b"REMOTE_ADDR": b"127.0.0.1"}
    pairs = b"".join(bytes((len(k), len(v))) + k + v for k, v in fields.items())
    ask = fcgi_record(1, struct.pack(">HB5x", 1, 0)) + fcgi_record(4, pairs) + fcgi_record(4, b"") + fcgi_record(5, b"")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        try:
            s.connect(path)
            s.sendall(ask)
            return s.recv(65536)[8:]
        except (FileNotFoundError, ConnectionError):
            return b""


def first_response_ms(build, folder, env):
    """From the start of `relayd --no-nginx` to the first response of its pool."""
    argv = [os.path.join(build, "relayd"), "--dir", folder, "--no-nginx"]
    quiet = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)]
    os.chdir(os.path.join(folder, "run"))  # the path of a socket must be short
    start = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=quiet)
    try:
        while not (response := fcgi_get("relay.sock", b"/health")) and time.monotonic() < start + 10:
            time.sleep(0.0005)
        taken = (time.monotonic() - start) * 1000
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        os.chdir("/")
    if b"Status: 200" not in response:
        raise RuntimeError(f"the pool answered {response!r}")
    return taken


def printed_line_ms(build, folder, env):
    """From the start of `relayd` to the line that says it is up, nginx and all."""
    start = time.monotonic()
    process = subprocess.Popen([os.path.join(build, "relayd"), "--dir", folder], env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        line = process.stdout.readline()
        taken = (time.monotonic() - start) * 1000
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
    if not line.startswith(b"WebChat relay:"):
        raise RuntimeError("relayd did not come up")
    return taken


def starts(build, folder, db):
    """Milliseconds to the first response: of a first start that makes its database, and of later ones; to the line."""
    env = {"PATH": servers.PATH, "LANG": "C.UTF-8"}
    fresh, later, line = [], [], []
    for n in range(STARTS):
        server = servers.Server("start", os.path.join(folder, f"start-{n}"))
        server.put_settings()
        os.makedirs(os.path.join(server.folder, "run"))
        fresh.append(first_response_ms(build, server.folder, env))
    server.put_database(db)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(server.db + suffix)
    for n in range(STARTS):
        later.append(first_response_ms(build, server.folder, env))
        line.append(printed_line_ms(build, server.folder, env))
    return {"fresh": statistics.median(fresh), "later": statistics.median(later), "later_max": max(later),
            "line": statistics.median(line)}


def state(db):
    return [(os.stat(f).st_mtime_ns, os.stat(f).st_size) for f in (db, db + "-wal")]


def polls_write(build, server, file):
    """(polls made, whether database or WAL changed), with every session seen a moment ago."""
    db = sqlite3.connect(server.db)
    now = int(time.time() * 1000)
    db.executemany("UPDATE session SET last_seen_at = ? WHERE account_id = ?",
                   ((now, account) for account in seed.clients()[:CONNECTIONS]))
    db.commit()
    db.close()
    before, polls = state(server.db), 0
    while polls < 1000:
        polls += load(build, server.port, POLL, CONNECTIONS, 1, file, warm=0)["requests"]
    return polls, state(server.db) != before
