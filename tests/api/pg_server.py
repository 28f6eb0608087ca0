"""A PostgreSQL of one's own in a temporary folder, which listens on a socket in there only, and databases on it."""
import atexit
import contextlib
import glob
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

import pytest

from client import wait_until
from contract import ROOT

WRITERS = 7380172  # the lock of whoever writes: sql/engine/pgsql_internal.h


def programs():
    """The folder of PostgreSQL's programs, or None where it is not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


def build():
    """The folder of the relay's programs that know PostgreSQL; where there is none, or no PostgreSQL, the file of tests that
    asks is skipped."""
    folder = os.path.abspath(os.environ.get("RELAY_BUILD") or os.path.join(ROOT, "build")) + "-pg"
    if not programs() or not os.path.exists(os.path.join(folder, "relayd")):
        pytest.skip("PostgreSQL or its client library is not installed", allow_module_level=True)
    return folder


class Server:
    """Ends with the `with` block, or with whoever began it. It refuses to run as root, so it is another user's then."""

    def __init__(self, *settings, owner="relay"):
        self.settings, self.owner = settings, owner
        self.folder = self.server = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="relay-test-pg-")
        os.chmod(self.folder, 0o755)
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if user:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        as_user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if user else []
        self.become = ["setpriv", *as_user, "--pdeathsig=QUIT", "--"]
        self.bin, self.data = programs(), os.path.join(self.folder, "data")
        self._make()
        self.start()
        return self

    def _make(self):
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", self.owner, "-E", "UTF8", "--locale=C", "--no-sync")

    def start(self):
        """Start the server, and wait until it serves. It ends at once while a process of the one before is left: again then, as a
        service manager does."""
        words = [word for setting in ("listen_addresses=", "fsync=off", *self.settings) for word in ("-c", setting)]
        self.server = None

        def is_up():
            if not self.server or self.server.poll() is not None:
                self.server = subprocess.Popen([*self.become, f"{self.bin}/postgres", "-D", self.data, "-k", self.folder, *words],
                                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=self.folder, start_new_session=True,
                                               stderr=subprocess.DEVNULL)
            return subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", self.folder, "-U", self.owner, "-t", "1"], cwd=self.folder,
                                  check=False).returncode == 0

        wait_until("PostgreSQL is ready", is_up, 60, 0.1)

    def stop(self, how="terminate"):
        """End it: terminate, kill."""
        if self.server and self.server.poll() is None:
            getattr(self.server, how)()
            self.server.wait(20)

    def processes(self, name=""):
        """Pids of its processes but the first, or of those whose title has the name in it."""
        from harness import children_of  # pylint: disable=import-outside-toplevel,cyclic-import
        for pid in children_of(self.server.pid):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                if name in file.read():
                    yield pid

    def crash(self):
        """End all of its processes at once, as when its machine is gone."""
        for pid in (self.server.pid, *self.processes()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.wait(20)

    def _run(self, program, *words):
        done = subprocess.run([*self.become, f"{self.bin}/{program}", *words], capture_output=True, text=True, cwd=self.folder, check=False)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout

    def run(self, sql, stop=True, database="postgres"):
        """The script's output and its errors, as psql prints them; `stop`: at the first error, which is ours."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", f"ON_ERROR_STOP={int(stop)}", "-h", self.folder, "-U", self.owner, database],
                              input=sql, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert not stop or done.returncode == 0, done.stdout
        return done.stdout

    def new_database(self):
        """The name of a new, empty database."""
        name = "r" + secrets.token_hex(6)
        self.run(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name):
        """Remove it, whoever is connected."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name, *others):
        """The address of a database; with others that may take over."""
        hosts = ",".join(server.folder for server in (self, *others))
        return f"postgresql://relay@/{name}?host={hosts}&connect_timeout=15"  # tests go on beside others

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Replica(Server):
    """Follows a server, to which it is `replica`, until it is promoted. `waits`: what is committed there is here, too."""

    def __init__(self, primary, waits, *settings):
        super().__init__(*settings, owner=primary.owner)
        self.primary, self.waits = primary, waits

    def _make(self):
        self._run("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
                  f"host={self.primary.folder} user={self.owner} application_name=replica")

    def __enter__(self):
        super().__enter__()
        self.primary.run("ALTER SYSTEM SET synchronous_standby_names = 'replica'; SELECT pg_reload_conf()" if self.waits else "")
        self.wait_until_it_follows()
        return self

    def wait_until_it_follows(self):
        """Wait until the primary sends to it, and waits for it if it has to."""
        kind = "sync" if self.waits else "async"
        wait_until("it follows", lambda: self.primary.run("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'").strip() == kind)

    def wait_until_it_has_all(self):
        """Wait until it has what the primary has now."""
        now = self.primary.run("SELECT pg_current_wal_lsn()").strip()
        wait_until("it has all", lambda: self.run(f"SELECT pg_last_wal_replay_lsn() >= '{now}'").strip() == "t")

    def promote(self):
        """Let it take over."""
        self._run("pg_ctl", "-D", self.data, "promote")


# What tests say in SQLite's words.
WORDS = [(r"\bhex\(([\w.]+)\)", r"upper(encode(\1, 'hex'))"), (r"\brandomblob\(16\)", "decode(md5(random()::text), 'hex')"),
         (r"\brandomblob\(32\)", "sha256(random()::text::bytea)"), (r"\bzeroblob\(32\)", f"decode('{'00' * 32}', 'hex')"),
         (r"\bx'(\w*)'", r"decode('\1', 'hex')"), ("%", "%%"), (r"\?", "%s")]


class Link:
    """A connection as tests use one of sqlite3: a query has ? for its values, and bytes are bytes."""

    def __init__(self, connection):
        self.connection = connection

    def execute(self, query, values=()):
        """Runs it; returns the cursor."""
        cursor = self.connection.cursor()
        for theirs, ours in WORDS:
            query = re.sub(theirs, ours, query)
        cursor.execute(query, tuple(values))
        return _Rows(cursor)

    def executemany(self, query, rows):
        """Runs it for each of the rows."""
        for values in rows:
            self.execute(query, values)


class _Rows:
    def __init__(self, cursor):
        self.cursor, self.rowcount = cursor, cursor.rowcount

    @staticmethod
    def _plain(row):
        return row and tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)

    def fetchone(self):
        """The next row, or None."""
        return self._plain(self.cursor.fetchone())

    def fetchall(self):
        """All that are left."""
        return [self._plain(row) for row in self.cursor.fetchall()]

    def __iter__(self):
        return iter(self.fetchall())


@contextlib.contextmanager
def connected(url, writers_lock=False):
    """A Link in a transaction that is committed at the end of the block; with the lock as another relay at work has it."""
    import psycopg2  # pylint: disable=import-outside-toplevel
    connection = psycopg2.connect(url)
    try:
        if writers_lock:
            connection.cursor().execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
        yield Link(connection)
        connection.commit()
    finally:
        connection.close()


def waiting(url):
    """How many stand at the writers' lock of the database."""
    with connected(url) as link:
        return link.execute("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database()"
                            " AND l.locktype = 'advisory' AND l.objid = ? AND NOT l.granted", (WRITERS,)).fetchone()[0]


_shared = []


def shared():
    """One server for all relays of this process."""
    if not _shared:
        _shared.append(Server().__enter__())
        atexit.register(_shared[0].__exit__)
    return _shared[0]
