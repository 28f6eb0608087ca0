"""The programs that are measured, each in a folder of its own behind the relay's nginx, all ended by process id."""
import contextlib
import ctypes
import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START_SEC, STOP_SEC = 30, 20
WORKERS = 4
PYTHON = "/usr/bin/python3"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIBC = ctypes.CDLL(None)
LIVE = []
# No rates, and no housekeeping: it would clear the texts of the seeded messages in the middle of a round.
SETTINGS = {"HOST": "127.0.0.1", "RELAY_API_RATE": 0, "RELAY_AUTH_RATE": 0, "RELAY_MAX_CONNECTIONS": 0,
            "RELAY_WORKERS": WORKERS, "WEBCHAT_STRICT_PORT": "true", "MESSAGE_RETENTION_MODE": "full",
            "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end_with_parent():
    LIBC.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Server:
    """One program, or a program and an nginx before it."""

    def __init__(self, name, folder):
        self.name, self.folder, self.port, self.processes = name, folder, free_port(), []
        os.makedirs(os.path.join(folder, "data"), mode=0o755)
        self.db = os.path.join(folder, "data", "bridge.db")
        self.log = os.path.join(folder, "log")
        LIVE.append(self)

    def spawn(self, argv, cwd=None, **env):
        with open(self.log, "ab") as log:
            process = subprocess.Popen(argv, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={"PATH": PATH, "LANG": "C.UTF-8", **env}, preexec_fn=end_with_parent)
        self.processes.append(process)
        return process

    def put_database(self, source):
        shutil.copyfile(source, self.db)
        if os.geteuid() == 0:
            user = pwd.getpwnam("www-data")
            os.chown(self.db, user.pw_uid, user.pw_gid)

    def put_settings(self, **more):
        path = os.path.join(self.folder, ".env.local")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("".join(f"{k}={v}\n" for k, v in {**SETTINGS, "PORT": self.port, **more}.items()))

    def nginx(self, build, change=lambda text: text):
        """The nginx.conf that relayd writes for itself, started by us."""
        run = os.path.join(self.folder, "run")
        subprocess.run([os.path.join(build, "relayd"), "--dir", self.folder, "--check"], check=True,
                       stdout=subprocess.DEVNULL, env={"PATH": PATH})
        conf = os.path.join(run, "nginx.conf")
        with open(conf, encoding="utf-8") as file:
            text = change(file.read())
        with open(conf, "w", encoding="utf-8") as file:
            file.write(text)
        self.spawn(["nginx", "-e", "stderr", "-p", run + "/", "-c", "nginx.conf"], cwd=run)

    def responds(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def wait(self):
        deadline = time.monotonic() + START_SEC
        while not self.responds():
            dead = [p for p in self.processes if p.poll() is not None]
            if dead or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"{self.name} does not answer: {log.read()[-2000:]}")
            time.sleep(0.02)
        return self

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(STOP_SEC)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []


def stop_all():
    while LIVE:
        LIVE.pop().stop()


def on_signal(number, _):
    raise SystemExit(128 + number)


@contextlib.contextmanager
def workplace():
    """A folder for a run; it and all servers are gone afterwards, however the run ends."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, on_signal)
    folder = tempfile.mkdtemp(prefix="relay-bench-")
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        stop_all()
        shutil.rmtree(folder, ignore_errors=True)


def relay(name, folder, build, db, durability, env=None, **more):
    server = Server(name, folder)
    server.put_settings(RELAY_DURABILITY=durability, **more)
    server.put_database(db)
    server.spawn([os.path.join(build, "relayd"), "--dir", folder], **(env or {}))
    return server


def constant(name, folder, build):
    server = Server(name, folder)
    server.put_settings()
    server.nginx(build)
    server.spawn([os.path.join(build, "bench", "constant"), "relay.sock", str(WORKERS)],
                 cwd=os.path.join(folder, "run"))
    return server


def proxied(text):
    """The same nginx.conf with the pool's socket spoken to in HTTP."""
    lines = []
    for line in text.splitlines():
        word = line.strip()
        if word.startswith("fastcgi_pass "):
            lines.append("proxy_pass http://unix:relay.sock;")
        elif not word.startswith("fastcgi_") or word.startswith("fastcgi_temp_path"):
            lines.append(line)
    return "\n".join(lines) + "\n"


def flask(name, folder, build, db, durability):
    server = Server(name, folder)
    server.put_settings()
    server.put_database(db)
    shutil.copyfile(os.path.join(HERE, "flask_app.py"), os.path.join(folder, "flask_app.py"))
    server.nginx(build, proxied)
    server.spawn([PYTHON, "-m", "gunicorn", "--workers", "2", "--bind", "unix:run/relay.sock", "--umask", "0",
                  "--log-level", "warning", "flask_app:app"],
                 BENCH_DB=server.db, BENCH_DURABILITY=durability)
    return server


PROSODY = """\
run_as_root = true
pidfile = "%(folder)s/pid"
data_path = "%(folder)s/data"
interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
s2s_ports, legacy_ssl_ports, component_ports, http_ports, https_ports = {}, {}, {}, {}, {}
modules_enabled = { "saslauth", "disco", "smacks", "mam" }
modules_disabled = { "offline", "s2s", "posix" }
authentication = "internal_plain"
allow_unencrypted_plain_auth, c2s_require_encryption = true, false
storage = { archive = "sql"; accounts = "internal" }
sql = { driver = "SQLite3", database = "archive.sqlite" }
default_archive_policy = true
log = { warn = "*console" }
VirtualHost "localhost"
"""


class Prosody(Server):
    """An XMPP server that keeps every message in its archive (mod_mam) in SQLite, synced as it comes, and accounts that
    send (s000 ...) and that are away (r000 ...)."""

    def __init__(self, name, folder, clients):
        super().__init__(name, folder)
        accounts = os.path.join(folder, "data", "localhost", "accounts")
        os.makedirs(accounts)
        for number in range(clients):
            for kind in "sr":
                user = f"{kind}{number:03d}"
                with open(os.path.join(accounts, f"{user}.dat"), "w", encoding="ascii") as file:
                    file.write(f'return {{ ["password"] = "{user}"; }};\n')
        conf = os.path.join(folder, "prosody.cfg.lua")
        with open(conf, "w", encoding="ascii") as file:
            file.write(PROSODY % {"folder": folder, "port": self.port})
        self.spawn(["prosody", "--config", conf, "-F"])

    def responds(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
