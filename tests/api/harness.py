"""A real relay in a folder of its own: started, watched, and ended by process id in all cases."""
import atexit
import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile

import pytest

import pg_server
from client import Client, User, wait_until
from contract import ROOT

ENGINE = os.environ.get("RELAY_ENGINE", "sqlite")  # or postgresql
BUILD = os.path.abspath(os.environ.get("RELAY_BUILD") or os.path.join(ROOT, "build"))
if ENGINE == "postgresql":
    BUILD += "-pg"
START_SEC, STOP_SEC = 60, 30
# What was built with sanitizers is linked with them.
SAME_MODE = ["SAN=1"] if "san" in os.path.basename(BUILD) else []
SANITIZER_MARKS = ("AddressSanitizer", "runtime error:", "LeakSanitizer", "unlisted system call")  # the last: make SYSCALLS=log
DEFAULTS = {
    "HOST": "127.0.0.1", "RELAY_WORKERS": 2, "PCHAT_DEV_EXPOSE_CODES": "true",
    "RELAY_API_RATE": 0, "RELAY_AUTH_RATE": 0, "RELAY_MAX_CONNECTIONS": 0,
    "RELAY_CODES_PER_ADDRESS": 0, "RELAY_CODES_PER_CLIENT": 0, "RELAY_POLL_INTERVAL_MS": 100,
    "RELAY_TELEGRAM_API": "", "PCHAT_FILE_HOLD_SEC": 0,
    "WEBCHAT_GUI": "false",  # some hundred files, to be made and removed each time
}
# Even a test run that is killed leaves no relay behind.
DIE_WITH_TESTS = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
_live = set()

needs_housekeeping = pytest.mark.skipif(
    not os.path.exists(os.path.join(BUILD, "relay-sweep")), reason="this build has no housekeeping (relay-sweep)")


class StartFailed(AssertionError):
    """relayd ended, or said nothing, before it was up."""


def unique(prefix="u"):
    """A name that no other test uses."""
    return prefix + secrets.token_hex(6)


def free_port():
    """A loopback port that is free now: below those that the system gives to clients and to whoever asks for any, and
    by chance, so that tests side by side, and a relay that starts again, hardly ever meet."""
    while True:
        port = 10240 + secrets.randbelow(32768 - 10240)
        if port_is_free(port):
            return port


def port_is_free(port):
    """Whether the port can be bound now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# As Debian gives it to a user who is not root: no folder of system programs, where nginx lies.
ORDINARY_PATH = ":".join(folder for folder in os.environ["PATH"].split(":") if os.path.basename(folder.rstrip("/")) != "sbin")


def clean_env(**more):
    """An ordinary user's environment, which holds no setting of the relay."""
    kept = ("LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
    env = {"PATH": ORDINARY_PATH, **{name: os.environ[name] for name in kept if name in os.environ}}
    return {**env, **{name: str(value) for name, value in more.items()}}


def make_folder(name="relay"):
    """An empty operator's folder that the workers' user can reach."""
    parent = tempfile.mkdtemp(prefix="relay-test-")
    os.chmod(parent, 0o755)
    folder = os.path.join(parent, name)
    os.makedirs(folder, 0o755)
    return folder


def write_settings(folder, settings):
    """Write .env.local, readable by its owner only; `settings` is a dict or the text itself."""
    if not isinstance(settings, str):
        settings = "".join(f"{name}={value}\n" for name, value in settings.items())
    path = os.path.join(folder, ".env.local")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(settings)
    os.chmod(path, 0o600)
    return path


def _bytes(path):
    """What a file holds, nothing where there is none. The files of all processes are looked at often, so it is read without a buffer."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path, "rb", buffering=0) as file:
        return file.read()
    return b""


def _read(path):
    return _bytes(path).decode(errors="replace")


def processes():
    """(pid, state, parent, session) of every process that is not the kernel's own."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = _bytes(f"/proc/{name}/stat")
            if stat:
                state, parent, _, session, _ = stat[stat.rfind(b")") + 2:].split(None, 4)
                if session != b"0":
                    yield int(name), state.decode(), int(parent), int(session)


def children_of(pid):
    """Pids of a process's children, those that have ended and were not waited for among them; see proc_pid_task(5)."""
    return [int(child) for child in _bytes(f"/proc/{pid}/task/{pid}/children").split()]


def family(pid):
    """A process and all below it."""
    return [pid, *(one for child in children_of(pid) for one in family(child))]


def pids_of(folder, sessions=()):
    """Every process that lives and names the folder, or is of the session of one that does or of one given."""
    alive = [(pid, session) for pid, state, _, session in processes() if state != "Z" and pid != os.getpid()]
    named = {pid for pid, _ in alive if os.fsencode(folder) in _bytes(f"/proc/{pid}/cmdline")}
    sessions = {session for pid, session in alive if pid in named} - {os.getsid(0)} | set(sessions)
    return [pid for pid, session in alive if pid in named or session in sessions]


def kill_pids(pids):
    """Kill them; those that are gone already do not count."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Relay:
    """One relay; use it as a context manager."""

    def __init__(self, settings=None, *, env=None, folder=None, port=None, user=None, options=()):
        self.folder = folder or make_folder()
        self.home = re.match(r".*?/relay-test-[^/]*", self.folder).group(0)
        self.settings = {**DEFAULTS, **(settings or {})}
        self.env, self.fixed_port, self.user, self.options = env or {}, port, user, options
        self.port = self.process = self.url = None
        self.outputs = tempfile.mkdtemp(prefix="relay-test-output-")
        self.database_url = self.settings.get("DATABASE_URL")
        self.own_database = None
        if ENGINE == "postgresql" and not self.database_url:
            self.own_database = pg_server.shared().new_database()
            self.database_url = pg_server.shared().url(self.own_database)
            self.settings |= {"DATABASE_URL": self.database_url}
        path = write_settings(self.folder, self.settings)
        for owned in (self.folder, path) if user is not None else ():
            os.chown(owned, user, user)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            self.remove()
            raise

    def __exit__(self, kind, *_):
        try:
            self.stop(quietly=kind is not None)
        finally:
            self.remove()

    # -- life ----------------------------------------------------------------------------------

    def start(self):
        """Start and wait until it serves; another port is tried when one was taken meanwhile."""
        for attempt in range(5):
            self.port = self.fixed_port or free_port()
            try:
                self._start_once()
                return self
            except StartFailed:
                self.kill()
                if self.fixed_port or attempt == 4 or port_is_free(self.port):
                    raise
        return self

    def _start_once(self):
        env = clean_env(**{"WEBCHAT_RELAY_PORT": self.port, "WEBCHAT_STRICT_PORT": 1, **self.env})
        as_user = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        with open(self.path_of("stdout"), "wb") as out, open(self.path_of("stderr"), "ab") as err:
            self.process = subprocess.Popen(
                [*DIE_WITH_TESTS, os.path.join(BUILD, "relayd"), "--dir", self.folder, *self.options], env=env, cwd="/", **as_user,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
        _live.add(self)
        wait_until("relayd is up", self._is_up, START_SEC)
        if int(self.settings.get("RELAY_BUSY_TIMEOUT_MS", 2000)) < 1000 and str(self.settings.get("QUEUE_HOUSEKEEPING_INTERVAL_SEC")) != "0":
            wait_until("the first pass let go of the write lock, for which nobody waits long here", self._had_a_pass, START_SEC)

    def _had_a_pass(self):
        with self.opened_database() as link:
            return link.execute("SELECT finished_at FROM sweep").fetchone()[0] > 0

    def _is_up(self):
        if self.process.poll() is not None:
            raise StartFailed(f"relayd ended with {self.process.returncode}: {self.stderr[-2000:]}")
        found = re.search(r"^WebChat relay: (https?://\S+:(\d+)\S*)$", self.stdout, re.M)
        if found:
            self.url, self.port = found.group(1), int(found.group(2))
        return bool(found)

    def stop(self, quietly=False):
        """TERM it, wait, and fail if anything is left over or a sanitizer spoke."""
        self.resume_all()
        left = []
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SEC)
            except subprocess.TimeoutExpired:
                left.append(f"relayd itself, {STOP_SEC} s after TERM")
        left += self.kill()
        log = self.stderr + self.file_text("run/relay.log")
        found = [line for line in log.splitlines() if any(mark in line for mark in SANITIZER_MARKS)]
        assert not found, f"a sanitizer spoke: {found[:5]} in:\n{log[-6000:]}"
        assert quietly or not left, f"left over after the end: {left}"

    def kill(self):
        """End what is still there by process id; returns what it was."""
        left = self.pids()  # a look at all processes of the machine
        if left:
            with contextlib.suppress(AssertionError):
                wait_until("all processes are gone", lambda: not self.pids(), 5)
            left = self.pids()
        found = {pid: _read(f"/proc/{pid}/cmdline").replace("\0", " ") for pid in left}
        kill_pids(found)
        if self.process:
            self.process.wait(STOP_SEC)
        _live.discard(self)
        return list(found.items())

    def restart(self):
        """Stop and start on the same folder, with the settings as they are now."""
        self.stop()
        return self.start()

    def remove(self):
        """Remove its folders."""
        shutil.rmtree(self.outputs, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)
        if self.own_database:
            pg_server.shared().drop_database(self.own_database)

    # -- processes -----------------------------------------------------------------------------

    def pids(self):
        """Every process of this relay that lives."""
        return pids_of(self.folder, {self.process.pid} if self.process else ())

    def children(self, name):
        """Pids of relayd's own children whose program has that name."""
        return self._children_of(self.process.pid, name)

    def nginx_workers(self):
        """Pids of the processes of nginx that serve requests."""
        return self._children_of(self.children("nginx")[0], "nginx")

    def _children_of(self, of, name):
        return [pid for pid in children_of(of) if self._program(pid) == name]

    @staticmethod
    def _program(pid):
        with contextlib.suppress(OSError):
            return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
        return ""

    def workers(self, name="relayd"):
        """Pids of the pool's workers; of those that ask engines by the name relay-ask."""
        return [pid for pid in self.children("relayd") if _read(f"/proc/{pid}/comm").strip() == name]

    @contextlib.contextmanager
    def frozen_workers(self):
        """All workers stopped for the time of the block."""
        pids = self.workers()
        assert pids, "no workers found"
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield pids
        finally:
            self.resume_all()

    def resume_all(self):
        """Let every stopped process of this relay go on."""
        for pid in family(self.process.pid) if self.process else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def reload(self):
        """Tell the running relay to read its settings again."""
        write_settings(self.folder, self.settings)
        os.kill(self.process.pid, signal.SIGHUP)

    def reload_all(self):
        """The same, and wait until nobody is left who knows the old ones."""
        # those that are still on their way up when it is told are old ones, too
        wait_until("all workers are up", lambda: len(self.workers()) >= int(self.settings["RELAY_WORKERS"]))
        before = {*self.workers(), *self.workers("relay-ask")}
        self.reload()
        wait_until("all workers are new", lambda: not before & {*self.workers(), *self.workers("relay-ask")})

    # -- what it wrote -------------------------------------------------------------------------

    def path_of(self, name):
        """Path of a captured output."""
        return os.path.join(self.outputs, name)

    @property
    def stdout(self):
        return _read(self.path_of("stdout"))

    @property
    def stderr(self):
        return _read(self.path_of("stderr"))

    def file_text(self, name):
        """Text of a file in its folder; empty when it is not there."""
        return _read(os.path.join(self.folder, name))

    def files_holding(self, needle):
        """Names of the files in its folder that hold those bytes."""
        found = []
        for root, _, names in os.walk(self.folder):
            found += [name for name in names if needle in _read_file(os.path.join(root, name))]
        return found

    # -- callers -------------------------------------------------------------------------------

    def client(self, token=None, **options):
        """A caller on loopback."""
        return Client("127.0.0.1", self.port, token, **options)

    def code(self, email, **fields):
        """Ask for a code and read it in the response."""
        response = self.client().post("/api/v1/pchat/auth/request-code", {"email": email, **fields}, expect=202)
        return response["dev_code"]

    def sign_in(self, email=None, **fields):
        """A signed-in user; a new one when no address is given."""
        email = email or unique() + "@example.com"
        body = {"email": email, "code": self.code(email), **fields}
        response = self.client().post("/api/v1/pchat/auth/verify-code", body, expect=200)
        return User(self.client(), response)

    def ctl(self, *arguments, expect=0, env=None):
        """Run relayctl on the folder."""
        done = run("relayctl", "--dir", self.folder, *arguments, env=env)
        assert expect is None or done.returncode == expect, f"relayctl {arguments}: {done}"
        return done

    # -- the database --------------------------------------------------------------------------

    @property
    def database(self):
        return os.path.join(self.folder, "data", "bridge.db")

    @contextlib.contextmanager
    def locked_database(self):
        """A connection that holds the write lock, as another process at work would."""
        if self.database_url:
            with pg_server.connected(self.database_url, writers_lock=True) as link:
                yield link
            return
        with open(self.database + ".lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            link = sqlite3.connect(self.database, isolation_level=None, timeout=10)
            try:
                link.execute("BEGIN IMMEDIATE")
                yield link
                link.execute("COMMIT")
            finally:
                link.close()

    def waiting_writers(self):
        """How many processes stand at the write lock."""
        if self.database_url:
            return pg_server.waiting(self.database_url)
        inode = f":{os.stat(self.database + '.lock').st_ino} "
        return sum(" -> FLOCK" in line and inode in line for line in _read("/proc/locks").splitlines())

    def forbid(self, event, table, why):
        """From here on the database refuses such writes by a rule that nobody expects."""
        with self.locked_database() as link:
            if self.database_url:
                link.execute(f"CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{why}'; END $$")
                link.execute(f"CREATE TRIGGER odd BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION odd()")
            else:
                link.execute(f"CREATE TRIGGER odd BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{why}'); END")

    @contextlib.contextmanager
    def opened_database(self):
        """A connection, whose changes are committed at the end of the block."""
        if self.database_url:
            with pg_server.connected(self.database_url) as link:
                yield link
            return
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as link, link:
            yield link


def _read_file(path):
    try:
        return _bytes(path)
    except OSError:
        return b""  # A socket.


def run(program, *arguments, env=None, timeout=60, cwd="/"):
    """Run a program of the build to its end; when it has none, all that it started is killed."""
    process = subprocess.Popen([os.path.join(BUILD, program), *arguments], env=env or clean_env(), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, cwd=cwd)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill_pids(pids_of(arguments[1], {process.pid}) if arguments[0] == "--dir" else [process.pid])
        out, err = process.communicate()
        raise AssertionError(f"{program} {arguments} has no end, or left its output open: {out!r} {err!r}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@atexit.register
def _kill_all():
    for relay in list(_live):
        relay.kill()
