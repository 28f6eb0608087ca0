"""A relay on PostgreSQL: what it refuses, and what it makes of a server that goes away."""
import os
import re
import shutil
import subprocess
import sys

import pytest

import pg_server
from client import wait_until
from contract import ROOT
from harness import Relay, clean_env, make_folder, run, write_settings
from pg_proxy import Proxy
from senders import texts_for

pytestmark = pytest.mark.usefixtures("pg_programs")
PG_BUILD = pg_server.build()
SQLITE_BUILD = PG_BUILD.removesuffix("-pg")
# What has most statements, and rules that lean on one writer, and sequences at random; about a minute.
CORE = ["api/test_messages.py", "api/test_poll.py", "api/test_group_messages.py", "api/test_group_streams.py", "api/test_receipts_typing.py",
        "api/test_lost_updates.py", "model/test_sequences.py::test_relay_does_what_the_model_does[scrub_content_on_final]"]


@pytest.fixture(name="on")
def relay_on(server):
    """on(url, ...) starts a relay on that database, or on a new one."""
    relays = []

    def start(url=None, **settings):
        url = url or server.url(server.new_database())
        relays.append(Relay({"DATABASE_URL": url, "RELAY_WORKERS": 1, **settings}))
        return relays[-1].start()

    yield start
    for relay in relays:
        relay.stop()
        relay.remove()


def refusal(folder_settings, build=PG_BUILD):
    """What relayd says instead of starting."""
    folder = make_folder()
    write_settings(folder, folder_settings)
    done = subprocess.run([os.path.join(build, "relayd"), "--dir", folder], env=clean_env(), capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, check=False)
    shutil.rmtree(os.path.dirname(folder))
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


# -- what is linked, and what is refused ---------------------------------------------------------------------------------


def test_without_pg_nothing_of_libpq_is_linked():
    for name in ("relayd", "relay-mail", "relay-live", "relay-sweep", "relayctl"):
        plain, with_pg = (subprocess.run(["ldd", os.path.join(build, name)], capture_output=True, text=True, check=True).stdout
                          for build in (SQLITE_BUILD, PG_BUILD))
        assert "libpq" not in plain and ("libpq" in with_pg) == (name != "relay-live")


def test_program_without_pg_says_how_it_is_built():
    assert "make PG=1" in refusal({"DATABASE_URL": "postgresql://x@/x"}, SQLITE_BUILD)


def test_address_of_another_kind_is_refused():
    assert "postgresql://" in refusal({"DATABASE_URL": "mysql://x/y"})


def test_server_that_is_not_there_is_one_line_and_makes_no_key(folder_of, tmp_path):
    folder = folder_of(f"DATABASE_URL=postgresql://relay@/x?host={tmp_path}\n")
    done = run("relayd", "--dir", folder)
    assert done.returncode == 1 and "PostgreSQL" in done.stderr.splitlines()[-1]
    assert not os.path.exists(os.path.join(folder, "data", "server.key"))


@pytest.mark.parametrize("setting, value", [("log_statement", "all"), ("log_statement", "mod"), ("log_min_duration_statement", "0"),
                                            ("log_parameter_max_length_on_error", "-1")])
def test_server_that_writes_down_what_people_say_is_refused_with_the_line_that_mends_it(server, on, setting, value):
    name = server.new_database()
    server.run(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    said = refusal({"DATABASE_URL": server.url(name)})
    assert f"its setting {setting} it would write down what people say" in said
    [line] = re.findall(r"superuser run: (ALTER DATABASE .*;)$", said, re.M)
    server.run(line)
    on(server.url(name))


def test_newer_schema_is_refused(server, on):
    relay = on()
    relay.stop()
    with relay.opened_database() as link:
        link.execute("INSERT INTO schema_step (number) VALUES (9999)")
    done = run("relayd", "--dir", relay.folder)
    assert done.returncode == 1 and "made by a newer relay" in done.stderr


def test_another_machine_needs_the_same_key(server, on):
    """The database knows that it was used with one: none is made in its place."""
    relay = on()
    assert "server key" in refusal({"DATABASE_URL": relay.database_url})


# -- a server that goes away ---------------------------------------------------------------------------------------------


def test_cut_connections_are_made_anew(server, on):
    with Proxy(server.folder) as proxy:
        relay = on(proxy.url(server.new_database()))
        ann, bob = relay.sign_in(), relay.sign_in()
        ann.send(bob, "one")
        for _ in range(3):
            pids = relay.workers()
            proxy.cut_all()
            # either: the cut is noticed in the middle of this request, which is then told to come again
            wait_until("sends go on", lambda: ann.post("/api/v1/messages", {"to": bob.address, "text": "x"}, expect=(202, 503)).status == 202)
            assert relay.workers() == pids
        assert bob.texts()[0] == "one"


def test_while_the_server_is_away_all_is_503_and_then_goes_on():
    with pg_server.Server() as own:
        name = own.new_database()
        with Relay({"DATABASE_URL": own.url(name)}) as relay:
            ann, bob = relay.sign_in(), relay.sign_in()
            ann.send(bob, "before")
            own.stop("kill")
            for _ in range(4):
                response = ann.post("/api/v1/messages", {"to": bob.address, "text": "x"}, expect=503)
                assert response.headers.get("retry-after") or response.headers.get("Retry-After")
                bob.poll(expect=503)
            own.start()
            wait_until("sends go on", lambda: ann.post("/api/v1/messages", {"to": bob.address, "text": "after"},
                                                       # either: the worker has connected again, or not yet
                                                       expect=(202, 503)).status == 202)
            assert texts_for(bob)[0] == "before"


@pytest.mark.parametrize("before", [True, False], ids=["not-made", "made"])
def test_commit_whose_connection_is_lost_is_looked_up(server, on, before):
    """Nobody is told that a message was stored which was not, or not stored which was."""
    with Proxy(server.folder) as proxy:
        relay = on(proxy.url(server.new_database()))
        ann, bob = relay.sign_in(), relay.sign_in()
        proxy.break_at(b"MESSAGE_INSERT", b"W_COMMIT", before)
        status = ann.post("/api/v1/messages", {"to": bob.address, "text": "once"}, expect=503 if before else 202).status
        assert proxy.cut == 1
        wait_until("polls go on", lambda: bob.poll(expect=None).status == 200)
        with relay.opened_database() as link:
            [count] = link.execute("SELECT count(*) FROM message").fetchone()
        assert (status, count) == ((503, 0) if before else (202, 1))


def test_writer_that_falls_silent_is_cut_off(server, on):
    """A machine that vanishes in the middle of a write holds up the others for ten seconds, not for ever."""
    relay = on(RELAY_BUSY_TIMEOUT_MS=200)
    ann, bob = relay.sign_in(), relay.sign_in()
    with relay.locked_database():
        response = ann.post("/api/v1/messages", {"to": bob.address, "text": "x"}, expect=503)
        assert response.status == 503
        bob.poll(expect=200)
    ann.send(bob, "free")


CONFLICT = """CREATE SEQUENCE tried; CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('tried') <= {times} THEN RAISE EXCEPTION 'odd' USING ERRCODE = '{state}'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER odd BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION odd();"""


@pytest.mark.parametrize("state", ["40001", "40P01"])
@pytest.mark.parametrize("table", ["message", "message_wait"])  # the first and the last row of a send
@pytest.mark.parametrize("times, status", [(3, 202), (1000, 503)])
def test_what_meets_another_write_is_tried_again_five_times(server, on, state, table, times, status):
    relay = on()
    ann, bob = relay.sign_in(), relay.sign_in()
    server.run(CONFLICT.format(times=times, state=state, table=table), database=relay.database_url.split("/")[3].split("?")[0])
    ann.post("/api/v1/messages", {"to": bob.address, "text": "x"}, expect=status)
    with relay.opened_database() as link:
        assert link.execute("SELECT last_value FROM tried").fetchone() == (4 if status == 202 else 6,)
        assert link.execute("SELECT count(*) FROM message").fetchone() == (1 if status == 202 else 0,)


# -- writes that are not waited for --------------------------------------------------------------------------------------


def test_writes_that_are_not_waited_for_are_as_on_sqlite(server):
    """The same program as on SQLite."""
    name = server.new_database()
    done = subprocess.run([os.path.join(PG_BUILD, "tests", "test_db_async")], env=clean_env(DATABASE_URL=server.url(name)),
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(server.run("SELECT count(*) FROM content_key", database=name)) > 5000


def test_connection_that_is_lost_under_them_keeps_nothing_and_the_next_try_sends_once(server, on):
    with Proxy(server.folder) as proxy:
        relay = on(proxy.url(server.new_database()))
        ann, bob = relay.sign_in(), relay.sign_in()
        for before in (True, False):
            proxy.break_at(b"MESSAGE_INSERT", b"DELIVERY_INSERT", before)
            text = f"cut {'before' if before else 'after'} it was there"
            ann.post("/api/v1/messages", {"to": bob.address, "text": text}, expect=503)
            assert proxy.cut == 1
            # either: no new connection is tried at once after one that was lost
            wait_until("sends go on", lambda: ann.post("/api/v1/messages", {"to": bob.address, "text": text},  # pylint: disable=cell-var-from-loop
                                                       expect=(202, 503)).status == 202)
        assert bob.texts() == ["cut before it was there", "cut after it was there"]


def test_send_waits_for_the_server_six_times_under_the_lock(server, on):
    """For the lock; who asks; what it reads; its position; what it writes; the commit. Before that: who asks, and for whom it is."""
    with Proxy(server.folder) as proxy:
        relay = on(proxy.url(server.new_database()))
        ann, bob = relay.sign_in(), relay.sign_in()
        ann.send(bob)
        with proxy.recorded(b"MESSAGE_INSERT") as flights:
            ann.send(bob)
        begin = next(i for i, flight in enumerate(flights) if b"W_BEGIN" in flight)
        assert [name for flight in flights[begin:] for name in re.findall(rb"\0((?:W|SEQ|MESSAGE|WAIT)_[A-Z_]+)\0", flight)] == [
            b"W_BEGIN", b"W_LOCK", b"W_SAVE", b"SEQ_NEXT", b"MESSAGE_INSERT", b"WAIT_PUT", b"W_SAVE_END", b"W_NOTE", b"W_COMMIT"]
        assert (begin, len(flights) - begin) == (2, 6)


# -- the same tests ------------------------------------------------------------------------------------------------------


def test_core_of_the_other_tests_passes(tmp_path):
    """All of them: make check-pg."""
    files = [os.path.join(ROOT, "tests", name) for name in CORE]
    env = {**os.environ, "RELAY_ENGINE": "postgresql", "RELAY_BUILD": SQLITE_BUILD}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--basetemp={tmp_path}/core", *files], env=env,
                          capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
