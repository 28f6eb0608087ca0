"""The lists of system calls are whole: programs that log what they lack log nothing in ordinary use, on this machine's C library."""
import os
import shutil
import subprocess
import sys

import pytest

import harness
from contract import ROOT
from preload import preload
from programs import program_folder

# What each process does, once: the harness fails where a log has such a line. All of it is RELAY_BUILD=build-syscalls make check.
ORDINARY = (
    "test_messages.py", "test_files.py", "test_mail.py::test_code_arrives_by_mail_and_signs_in", "test_mail.py::test_mail_waits_while_the_server_is_down",
    "test_channels.py::test_mail_leaves_as_it_was_written", "test_push.py::test_news_is_told_by_an_empty_push_that_says_who_pushes",
    "test_translate.py::test_text_is_translated", "test_transcribe.py::test_voice_note_is_written_down", "test_live.py::test_message_wakes_its_recipient",
    "test_sweep.py::test_delivered_message_leaves_neither_key_nor_body_in_any_file",
    "test_relayctl.py::test_backup_is_a_whole_database_for_its_owner_only")

pytestmark = pytest.mark.skipif("san" in os.path.basename(harness.BUILD), reason="programs with the address sanitizer have no filter")


@pytest.fixture(name="programs", scope="module")
def programs_that_log(built):
    """Those of the build with one file compiled anew, and linked."""
    with program_folder() as folder:
        shutil.copytree(built, folder, ignore=shutil.ignore_patterns("tests", "deb", "screens", "syscalls.o"))
        done = subprocess.run(["make", "-s", "-C", ROOT, f"BUILD={folder}", "SYSCALLS=log", "all"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        yield folder


def test_ordinary_use_makes_no_unlisted_call(programs, tmp_path):
    tests = [os.path.join(ROOT, "tests", "api", name) for name in ORDINARY]
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--basetemp={tmp_path}/ordinary", *tests],
                          env={**os.environ, "RELAY_BUILD": programs}, capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in done.stdout


def test_unlisted_call_is_named_and_fails_the_test(make_relay, programs, tmp_path):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    files = {name: str(tmp_path / name) for name in ("FORBIDDEN_REPORT", "FORBIDDEN_ORDER")}
    for path in files.values():
        with open(path, "wb") as file:
            file.truncate(4096)
    env = harness.clean_env(**preload(os.path.join(harness.BUILD, "tests", "forbidden.so"), **files))
    done = subprocess.run([os.path.join(programs, "relay-sweep"), "--dir", relay.folder, "--now"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "unlisted system call execve (" in done.stderr and "first argument -1" in done.stderr
    assert any(mark in done.stderr for mark in harness.SANITIZER_MARKS)
