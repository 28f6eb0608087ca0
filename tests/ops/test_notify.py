"""How relayd notifies the service manager, received by a socket of the test's own: Type=notify and WatchdogSec."""
import contextlib
import os
import re
import shutil
import signal
import socket
import tempfile
import time

import pytest

from client import wait_until
from contract import ROOT
from harness import Relay, StartFailed, make_folder, unique

WATCHDOG_SEC = 4  # of the tests; it is fed four times in it


class Manager:
    """A datagram socket as systemd has it, at a path or under an abstract name."""

    def __init__(self, abstract=False):
        self.folder = tempfile.mkdtemp(prefix="relay-test-notify-")
        self.name = "@" + unique("webchat-relay-test-") if abstract else os.path.join(self.folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name.replace("@", "\0"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        shutil.rmtree(self.folder)

    def receive(self, seconds=20.0):
        """The lines of the next datagram; None when there is none for so long."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError, BlockingIOError):
            return self.socket.recv(4096).decode().split("\n")
        return None

    def wait_for(self, line, seconds=20.0):
        """All datagrams up to the one that has that line."""
        received, end = [], time.monotonic() + seconds
        while not received or line not in received[-1]:
            received.append(self.receive(max(0.0, end - time.monotonic())))
            assert received[-1] is not None, f"{line} was not said: {received}"
        return received

    def forget(self):
        """Drop what waits to be received."""
        while self.receive(0.0):
            pass

    def env(self, **more):
        return {"NOTIFY_SOCKET": self.name, **more}

    def watched(self, **more):
        return self.env(WATCHDOG_USEC=WATCHDOG_SEC * 1_000_000, **more)


@pytest.fixture(name="manager")
def manager_at_a_path():
    with Manager() as manager:
        yield manager


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_ready_is_said_once_it_serves_and_stopping_when_it_ends(built, abstract):
    with Manager(abstract) as manager, Relay(env=manager.env()) as relay:
        said = manager.wait_for("READY=1")
        assert said == [["READY=1", f"STATUS=2 of 2 workers, port {relay.port}"]]
        relay.client().get("/health", expect=200)
        assert manager.receive(0.0) is None, "without a watchdog nothing more is said"
        relay.stop()
        assert manager.wait_for("STOPPING=1") == [["STOPPING=1", "STATUS=stopping"]]
        assert manager.receive(0.0) is None


def test_pool_behind_another_web_server_is_ready_without_a_port(built, manager):
    relay = Relay({"RELAY_OWN_NGINX": "false"}, env=manager.env())
    relay._is_up = lambda: "WebChat relay: unix:" in relay.stdout
    with relay:
        assert manager.receive() == ["READY=1", "STATUS=2 of 2 workers"]


def test_relay_that_cannot_serve_is_never_ready(built, manager):
    folder = make_folder()
    os.mkdir(os.path.join(folder, "data"))
    with open(os.path.join(folder, "data", "bridge.db"), "wb") as file:
        file.write(b"no database at all" * 1000)
    with pytest.raises(StartFailed), Relay(env=manager.env(), folder=folder):
        pass
    assert manager.receive(0.0) is None


def test_status_tells_how_many_workers_there_are(built, manager):
    with Relay(env=manager.env()) as relay:
        manager.wait_for("READY=1")
        relay.settings["RELAY_WORKERS"] = 3
        relay.reload()
        manager.wait_for(f"STATUS=3 of 3 workers, port {relay.port}")


def test_nobody_else_gets_the_socket(built, manager):
    with Relay(env=manager.watched()) as relay:
        children = relay.children("nginx") + relay.children("relay-mail") + relay.children("relay-live")
        assert len(children) >= 3
        for pid in children:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found = file.read()
            assert b"NOTIFY_SOCKET" not in found and b"WATCHDOG" not in found


@pytest.mark.parametrize("name", [None, "", "@", "relative", "/" + "x" * 200, "vsock:2:1", "/nonexistent/notify"])
def test_relay_runs_with_nobody_to_notify(built, name):
    with Relay(env={} if name is None else {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": 1000}) as relay:
        relay.client().get("/health", expect=200)


# -- the watchdog ----------------------------------------------------------------------------------

def fed(manager, seconds=WATCHDOG_SEC):
    """Was the watchdog fed within that time?"""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if "WATCHDOG=1" in (manager.receive(left) or ()):
            return True
    return False


def starved(manager):
    """Is it not fed for that time? What was on its way at the beginning does not count."""
    return not (fed(manager) and fed(manager))


def test_watchdog_is_fed_while_workers_respond(built, manager):
    with Relay(env=manager.watched()):
        assert all(fed(manager) for _ in range(4))


def test_watchdog_of_another_process_is_left_alone(built, manager):
    with Relay(env=manager.watched(WATCHDOG_PID=1)):
        manager.wait_for("READY=1")
        assert starved(manager)


def test_watchdog_is_not_fed_while_no_worker_responds(built, manager):
    with Relay(env=manager.watched()) as relay:
        assert fed(manager)
        with relay.frozen_workers():
            manager.forget()
            assert starved(manager)
        assert fed(manager)


def test_watchdog_is_not_fed_by_a_parent_that_stands_still(built, manager):
    with Relay(env=manager.watched()) as relay:
        assert fed(manager)
        os.kill(relay.process.pid, signal.SIGSTOP)
        wait_until("it stands", lambda: stands(relay.process.pid))
        manager.forget()
        assert starved(manager)
        os.kill(relay.process.pid, signal.SIGCONT)
        assert fed(manager)


def test_watchdog_is_not_fed_once_the_workers_are_gone(built, manager):
    with Relay(env=manager.watched()) as relay:
        assert fed(manager)
        shutil.move(relay.database, relay.database + ".away")
        for pid in relay.workers():
            os.kill(pid, signal.SIGKILL)
        manager.wait_for(f"STATUS=0 of 2 workers, port {relay.port}")
        manager.forget()
        assert starved(manager)
        shutil.move(relay.database + ".away", relay.database)
        assert fed(manager, 20)


def test_one_worker_that_stands_still_starves_nobody(built, manager):
    with Relay(env=manager.watched()) as relay:
        os.kill(relay.workers()[0], signal.SIGSTOP)
        assert all(fed(manager) for _ in range(4))


def stands(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


# -- the unit --------------------------------------------------------------------------------------

def test_unit_waits_for_ready_and_watches():
    with open(os.path.join(ROOT, "systemd", "webchat-relay.service"), encoding="utf-8") as file:
        unit = file.read()
    assert "\nType=notify\n" in unit and "\nTimeoutStartSec=infinity\n" in unit
    assert int(re.search(r"^WatchdogSec=(\d+)s$", unit, re.M).group(1)) >= 60
    assert "\nRestart=on-failure\n" in unit  # which a watchdog that was not fed is
