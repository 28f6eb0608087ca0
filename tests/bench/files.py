"""Files beside plain nginx doing the same, and groups beside one-to-one sends; each pair in turns, as ratios."""
import contextlib
import http.client
import json
import os
import sqlite3
import statistics
import subprocess
import time

import measure
import seed
import servers

UPLOAD = "/api/v1/webchat/upload"
WARM = 3


def post(link, path, account, body):
    """One POST on a kept connection: (seconds, response)."""
    start = time.perf_counter()
    link.request("POST", path, body=json.dumps(body), headers={
        "Content-Type": "application/json", "X-PChat-Session": seed.token(account)})
    response = link.getresponse()
    data = response.read()
    taken = time.perf_counter() - start
    if response.status >= 300:
        raise RuntimeError(f"{path}: {response.status} {data[:200]}")
    return taken, json.loads(data)


def group_send(server, turns):
    """Ratios of a send to the group of a thousand to a one-to-one send, by turns of ten each."""
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    group, one, found = "grp_" + seed.LARGE_ID.hex(), seed.address(2), []
    for turn in range(turns + 1):
        times = {}
        for to in (group, one) if turn % 2 else (one, group):
            times[to] = statistics.median(
                post(link, measure.SEND, seed.LARGE_OWNER, {"to": to, "text": "Hello all of you"})[0] for _ in range(10))
        if turn:
            found.append(times[group] / times[one])
    link.close()
    return found


def curl(*argv):
    """Seconds of one transfer, which must get a 2xx."""
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", "-H", "Expect:", *argv],
                          capture_output=True, text=True, check=True, timeout=600)
    status, seconds = done.stdout.split()
    if not status.startswith("2"):
        raise RuntimeError(f"curl {argv}: {status}")
    return float(seconds)


def with_static(folder):
    """nginx.conf with one more location, that sends the files of a folder."""
    def change(text):
        return text.replace("        location = /api {", f"        location /static/ {{\n            alias {folder}/;\n"
                            "        }\n        location = /api {", 1)
    return change


def start(build, folder, size):
    """(relay, plain): the relay, and the same nginx before a program that drops every body."""
    limits = {"PCHAT_MAX_UPLOAD_BYTES": 2 * size, "PCHAT_UPLOAD_QUOTA_BYTES": 1 << 40, "PCHAT_MIN_FREE_BYTES": 0,
              "PCHAT_DEV_EXPOSE_CODES": "true"}
    relay = servers.Server("files", folder)
    relay.put_settings(**limits)
    relay.spawn([os.path.join(build, "relayd"), "--dir", folder])
    relay.wait()
    plain = servers.Server("plain", folder + "-plain")
    plain.put_settings(**limits)
    static = os.path.join(plain.folder, "static")
    os.makedirs(static)
    os.chmod(static, 0o755)
    plain.nginx(build, with_static(static))
    plain.spawn([os.path.join(build, "bench", "constant"), "relay.sock", str(servers.WORKERS)],
                cwd=os.path.join(plain.folder, "run"))
    return relay, plain.wait(), static


def sign_in(port):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for call, body in (("request-code", {"email": "ann@example.com", "purpose": "login"}), ("verify-code", None)):
        body = body or {"email": "ann@example.com", "code": code}
        link.request("POST", "/api/v1/pchat/auth/" + call, body=json.dumps(body), headers={"Content-Type": "application/json"})
        response = json.loads(link.getresponse().read())
        code = response.get("dev_code")
    link.close()
    return response["session_token"]


def workers(server):
    """{pid: resident bytes} of the pool's workers."""
    return {p: measure.memory_of(p)[0] for p in measure.children(server.processes[0].pid) if measure.comm(p) == "relayd"}


def measure_files(build, folder, mib, turns):
    """Ratios of speed to plain nginx, and how much the workers grew."""
    relay, plain, static = start(build, folder, mib << 20)
    path, token = os.path.join(static, "body"), sign_in(relay.port)
    with open(path, "wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
    head = ["-H", "X-PChat-Session: " + token]
    urls = [f"http://127.0.0.1:{server.port}{UPLOAD}" for server in (relay, plain)]
    made = json.loads(subprocess.run(["curl", "-s", *head, "-T", path, urls[0]], capture_output=True, check=True).stdout)
    pairs = {
        "put": [lambda url=url: curl(*head, "-T", path, url) for url in urls],
        "form": [lambda url=url: curl(*head, "-F", f"file=@{path}", url) for url in urls],
        "download": [lambda: curl(*head, f"http://127.0.0.1:{relay.port}{made['url']}"),
                     lambda: curl(f"http://127.0.0.1:{plain.port}/static/body")],
    }
    found, before, uploads = {name: [] for name in pairs}, workers(relay), 0
    for turn in range(turns):
        for name, (ours, theirs) in pairs.items():
            os.sync()
            first, second = (ours, theirs) if turn % 2 else (theirs, ours)
            times = [first(), second()]
            found[name].append(times[0] / times[1] if turn % 2 == 0 else times[1] / times[0])
            uploads += name != "download"
            drop_files(relay.port, token, made["file_id"])
    after = workers(relay)
    growth = max(after[pid] - before[pid] for pid in before if pid in after)
    return {**found, "mib": mib, "growth": growth, "uploads": uploads}


def drop_files(port, token, kept):
    """The disk does not fill up."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("GET", "/api/v1/webchat/files?limit=200", headers={"X-PChat-Session": token})
    for file in json.loads(link.getresponse().read())["files"]:
        if file["file_id"] == kept:
            continue
        link.request("DELETE", file["url"], headers={"X-PChat-Session": token})
        link.getresponse().read()
    link.close()


@contextlib.contextmanager
def slowly(argvs):
    """Transfers that run beside, and are ended."""
    running = [subprocess.Popen(["curl", "-s", "-o", "/dev/null", *argv], stdout=subprocess.DEVNULL) for argv in argvs]
    try:
        time.sleep(0.5)
        if any(process.poll() is not None for process in running):
            raise RuntimeError("a slow transfer ended at once")
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def slow_transfers(bench, turns):
    """Ratios of polls beside as many slow uploads and downloads as there are workers to polls alone."""
    server, account = bench.servers["groups"], seed.clients()[0]
    base, head = f"http://127.0.0.1:{server.port}", ["-H", "X-PChat-Session: " + seed.token(account)]
    path = bench.path("slow-body")
    with open(path, "wb") as file:
        file.write(os.urandom(20 << 20))
    made = json.loads(subprocess.run(["curl", "-s", *head, "-T", path, base + UPLOAD], capture_output=True, check=True).stdout)
    argvs = [[*head, "--limit-rate", "200k", "-T", path, base + UPLOAD],
             [*head, "--limit-rate", "200k", base + made["url"]]] * servers.WORKERS

    def polls():
        return bench.load("groups", measure.POLL, "groups")["per_second"]
    found = []
    for turn in range(turns):
        alone = polls() if turn % 2 else None
        with slowly(argvs):
            beside = polls()
        found.append(beside / (alone or polls()))
    return found


def beside_a_pass(bench, count=100000):
    """Polls while housekeeping deletes as many rows: the figures of the polls, and how long the pass took."""
    server = bench.servers["groups"]
    with contextlib.closing(sqlite3.connect(server.db, isolation_level=None, timeout=30)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO session (public_id, token_hash, account_id, device_name, session_name, listen_channel, "
                       "visible, start_seq, sent_seq, created_at, expires_at, last_seen_at) "
                       "VALUES (?, ?, ?, '', '', '', 0, 0, 0, 1, 2, 1)",
                       ((os.urandom(16), os.urandom(32), 1 + n % seed.ACCOUNTS) for n in range(count)))
        db.execute("COMMIT")
        start = time.monotonic()
        argv = [os.path.join(bench.build, "relay-sweep"), "--dir", server.folder, "--now"]
        sweep = subprocess.Popen(argv, env={"PATH": servers.PATH}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run = measure.load(bench.build, server.port, measure.POLL, measure.CONNECTIONS, 2, bench.files["groups"], warm=0)
        sweep.wait(300)
        seconds = time.monotonic() - start
        left = db.execute("SELECT count(*) FROM session WHERE expires_at = 2").fetchone()[0]
    if left:
        raise RuntimeError(f"the pass left {left} rows")
    return {**run, "rows": count, "seconds": seconds}
