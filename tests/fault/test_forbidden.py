"""What the sandbox of each process forbids: every such call fails or ends the process, and the relay goes on."""
import ctypes
import errno
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys

import pytest

import harness
from client import wait_until
from contract import ROOT
from engine_sink import EngineSink
from preload import preload
from programs import program_folder

PROGRAMS = ("relayd", "relay-mail", "relay-sweep", "relayctl", "relay-live")
SANITIZED = "san" in os.path.basename(harness.BUILD)  # such programs stay outside

pytestmark = pytest.mark.skipif(SANITIZED, reason="programs with the address sanitizer have no filter")


def listed(kind):
    """The names of that kind in the table."""
    with open(os.path.join(ROOT, "base", "syscalls.def"), encoding="utf-8") as file:
        return set(re.findall(rf"^{kind}\((\w+)\)", file.read(), re.M))


def number_of(name):
    library = ctypes.CDLL("libseccomp.so.2")
    return library.seccomp_syscall_resolve_name(name.encode())


NEVER, FATAL = ({name for name in listed(kind) if number_of(name) >= 0} for kind in ("NEVER", "FATAL"))
# The table drives the filter and these tests alike: what it must hold whatever else changes.
GRAVE = {"bpf", "clone", "connect", "execve", "execveat", "fork", "init_module", "kill", "listen", "mount", "open_by_handle_at", "perf_event_open",
         "process_vm_readv", "process_vm_writev", "ptrace", "setns", "setuid", "socket", "unshare"}
CONNECTS = {"bind", "connect", "socket"}


class Trespass:
    """Programs, each of which is made to try what it may not."""

    def __init__(self, folder):
        self.folder, self.report, self.order = folder, folder + ".report", folder + ".order"
        self.env = preload(os.path.join(harness.BUILD, "tests", "forbidden.so"), FORBIDDEN_REPORT=self.report, FORBIDDEN_ORDER=self.order)
        for path, size in ((self.report, 0), (self.order, 4096)):
            with open(path, "wb") as file:
                file.truncate(size)
            os.chmod(path, 0o666)
        os.mkdir(self.folder)
        for name in PROGRAMS:
            shutil.copy2(os.path.join(harness.BUILD, name), self.folder)
        self.wrap_live()

    def wrap_live(self):
        """relay-live is started without an environment, so here it gets one."""
        path = os.path.join(self.folder, "relay-live")
        real = os.path.join(self.folder, "real")
        os.mkdir(real)
        os.rename(path, os.path.join(real, "relay-live"))
        words = " ".join(shlex.quote(f"{name}={value}") for name, value in self.env.items())
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec env {words} {shlex.quote(real)}/relay-live "$@"\n')
        os.chmod(path, 0o755)

    def give(self, pid, name):
        """Have the process make the call."""
        with open(self.order, "r+b") as file:
            file.seek(4)
            file.write(struct.pack("i", number_of(name)))
            file.seek(0)
            file.write(struct.pack("i", pid))

    def tried(self):
        """{(parent, pid, program): {call: how it ended}}."""
        found = {}
        with open(self.report, encoding="ascii") as file:
            for parent, pid, program, name, how, code in map(str.split, file):
                found.setdefault((int(parent), int(pid), program), {})[name] = (how, int(code))
        return found


@pytest.fixture(name="trespass")
def programs_that_trespass(monkeypatch):
    with program_folder() as folder:
        made = Trespass(folder)
        monkeypatch.setattr(harness, "BUILD", folder)
        yield made


@pytest.fixture(name="relay")
def relay_that_trespasses(make_relay, trespass):
    with EngineSink() as engine:
        yield make_relay(engine.settings(RELAY_WORKERS=1, RELAY_ASK_WORKERS=2, RELAY_LIVE="true"), env=trespass.env)


def surviving(results):
    """What did not end the process, with the error it returned."""
    return {name: code for name, (how, code) in results.items() if (how, code) != ("signal", signal.SIGSYS)}


def test_grave_calls_are_in_the_table():
    assert GRAVE - (FATAL | NEVER) == set() and len(FATAL | NEVER) > 60


def survivors(trespass):
    """{program: of each process that has tried all, what did not end it}."""
    found = {}
    for (_, _, program), results in trespass.tried().items():
        if set(results) == FATAL | NEVER:
            found.setdefault(program, []).append(surviving(results))
    return found


def test_every_forbidden_call_fails_in_every_process(relay, trespass):
    wait_until("each came to its sandbox", lambda: set(survivors(trespass)) == set(PROGRAMS) - {"relayctl"} and len(survivors(trespass)["relayd"]) == 3)
    [parent] = [results for (_, pid, _), results in trespass.tried().items() if pid == relay.process.pid]
    assert set(parent) == NEVER and set(parent.values()) == {("errno", errno.EPERM)}
    by_program = survivors(trespass)
    assert by_program.pop("relay-live") == [{}]
    assert all(left == {} for left in by_program.pop("relay-sweep"))
    assert all(set(left) == CONNECTS | {"clone", "kill"} and left["kill"] == left["socket"] == errno.ENOSYS and left["connect"] == errno.EBADF
               for left in by_program.pop("relay-mail"))
    pool = by_program.pop("relayd")
    assert sorted(map(sorted, pool)) == sorted([["kill"], *[sorted(CONNECTS | {"clone"})] * 2]) and not by_program
    assert [left["kill"] for left in pool if "kill" in left] == [errno.ENOSYS]
    relay.sign_in()


@pytest.mark.parametrize("program, name", [("relayd", "execve"), ("relay-mail", "ptrace"), ("relay-live", "socket")])
def test_a_process_that_breaks_out_is_ended_and_replaced(relay, trespass, program, name):
    def children():
        return set(relay.workers()) if program == "relayd" else set(relay.children(program))

    ann = relay.sign_in()
    wait_until("it runs", lambda: len(children()) == 1)
    before = children()
    [pid] = before  # a request makes a worker look at the clock, the others do by themselves
    trespass.give(pid, name)
    wait_until("it was replaced", lambda: relay.client().get("/health") and pid not in children() and len(children()) == len(before))
    assert re.search(rf" {pid} ended: signal {int(signal.SIGSYS)}, for a system call that its sandbox forbids", relay.stderr)
    ann.get("/api/v1/pchat/auth/me", expect=200)


def status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t") for line in file if ":\t" in line)


def test_every_process_is_filtered_and_gains_no_privileges(make_relay):
    """nginx by what relayd gave up before it started it, those of the relay by their own list, too."""
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    for pid in relay.pids():
        found = status(pid)
        ours = pid != relay.process.pid and not found["Name"].startswith("nginx")
        assert (found["Seccomp"], found["NoNewPrivs"]) == ("2", "1"), found
        assert int(found["Seccomp_filters"]) == (2 if ours else 1), found


@pytest.mark.parametrize("calls, said", [
    ("landlock_create_ruleset", "this kernel has no Landlock: processes see all files of their user"),
    ("landlock_create_ruleset,seccomp", "this kernel has neither Landlock nor seccomp: processes may do what their user may")])
def test_kernel_that_lacks_the_sandbox_is_a_warning_and_no_hindrance(make_relay, monkeypatch, calls, said):
    without = [sys.executable, os.path.join(os.path.dirname(__file__), "without.py"), calls]
    monkeypatch.setattr(harness, "DIE_WITH_TESTS", [*harness.DIE_WITH_TESTS, *without])
    relay = make_relay()
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.post("/api/v1/messages", {"to": bob.address, "text": "x"}, expect=202)
    assert re.findall(r" warn relayd\[\d+\]: sandbox: (.*)", relay.stderr) == [said]
    done = subprocess.run([*without, os.path.join(harness.BUILD, "relayctl"), "--dir", relay.folder, "doctor", "--text"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and re.search(rf"^sandbox +ok +warning: {said}$", done.stdout, re.M), done.stdout


def test_kernel_that_has_it_is_no_warning(make_relay):
    relay = make_relay()
    assert "sandbox" not in relay.stderr
    assert re.search(r"^sandbox +ok +files by Landlock, system calls by seccomp$", relay.ctl("doctor", "--text").stdout, re.M)
