"""Every allocation and every system call fails once: a sample of `make torture`, of each day another. A failure is repeated with
TORTURE_SEED=... make check T=test_torture."""
import contextlib
import glob
import os
import random
import re
import shutil
import sqlite3
import subprocess
import time

import pytest

from contract import ROOT
from harness import BUILD, clean_env, make_folder, run, write_settings
from preload import preload

TORTURE = os.path.join(BUILD, "torture", "torture")
SEED = int(os.environ.get("TORTURE_SEED") or time.time() // 86400)
CPU_SEC = 15
WAYS = [("memory", "ENOMEM", 4000), ("open", "EMFILE", 60), ("open", "EIO", 60), ("read", "EIO", 60), ("read", "short", 60),
        ("write", "ENOSPC", 60), ("write", "EIO", 60), ("write", "short", 60), ("sync", "EIO", 20), ("truncate", "EIO", 6),
        ("name", "EIO", 10), ("unlink", "EIO", 10), ("lock", "ENOLCK", 40), ("map", "ENOMEM", 6)]


def test_sample_of_calls_and_jobs_finds_nothing():
    done = subprocess.run([TORTURE, "--seed", str(SEED), "--seconds", str(CPU_SEC)], capture_output=True, text=True, errors="replace",
                          timeout=1800, check=False)
    print(done.stdout)
    assert done.returncode == 0, f"seed {SEED}\n{done.stderr}"
    assert "pieces of work" in done.stdout and " 0 problems" in done.stdout


def test_what_is_lost_is_seen_in_each_round():
    done = subprocess.run([TORTURE, "--route", "/prefs", "--class", "sync", "--spoil"], capture_output=True, text=True, timeout=120, check=False)
    faults, problems = re.search(r"(\d+) faults.* (\d+) problems", done.stdout).groups()
    assert done.returncode == 1 and int(problems) >= int(faults) > 0, done.stdout


@pytest.mark.parametrize("words, what", [(["--class", "flock"], "no class is called flock; there are memory "),
                                         (["--route", "/nope"], "no call and no job has /nope in its name")])
def test_class_and_route_that_are_not_there_are_said(words, what):
    done = subprocess.run([TORTURE, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2 and what in done.stderr


def test_sample_of_damaged_files_shows_nobody_what_is_not_theirs():
    done = subprocess.run([TORTURE, "--damage", "60", "--seed", str(SEED)], capture_output=True, text=True, errors="replace", timeout=300, check=False)
    print(done.stdout)
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout}{done.stderr}"
    assert "60 files spoilt, 0 wrong" in done.stdout


CORPORA = sorted(glob.glob(os.path.join(ROOT, "tests", "fuzz", "corpus", "*")))


@pytest.mark.parametrize("folder", CORPORA, ids=os.path.basename)
def test_kept_inputs_of_fuzzing_are_replayed(folder):
    done = subprocess.run([os.path.join(BUILD, "replay", os.path.basename(folder)), folder], capture_output=True, text=True, errors="replace",
                          timeout=300, check=False)
    assert done.returncode == 0 and done.stdout == f"{len(os.listdir(folder))} inputs\n", done.stderr[-3000:]


def test_every_fuzz_target_has_inputs():
    targets = {os.path.basename(path)[5:-2] for path in glob.glob(os.path.join(ROOT, "tests", "fuzz", "fuzz_*.c"))}
    assert targets == {os.path.basename(folder) for folder in CORPORA}


# -- whole programs --------------------------------------------------------------------------------

@pytest.fixture(scope="module", name="template")
def folder_of_a_relay(built):
    from harness import Relay
    with Relay({"PCHAT_ADMIN_DOMAINS": "example.com"}) as relay:
        ann, bob = relay.sign_in(), relay.sign_in()
        ann.put("/api/v1/webchat/upload?name=a.txt", data=b"bytes", expect=200)
        ann.send(bob, "a text")
        relay.ctl("backup", os.path.join(relay.folder, "copy.db"))
        relay.stop()
        home = make_folder()
        shutil.rmtree(home)
        subprocess.run(["cp", "-a", relay.folder, home], check=True)
        write_settings(home, {"RELAY_WORKERS": 1, "WEBCHAT_GUI": "false"})
        yield home
        shutil.rmtree(os.path.dirname(home))


@pytest.fixture(name="folder")
def copy_of_it(template):
    home = make_folder()
    shutil.rmtree(home)
    shutil.copytree(template, home)
    for root, folders, files in os.walk(template):
        for path in [root, *(os.path.join(root, name) for name in folders + files)]:
            owner = os.stat(path)
            os.chown(os.path.join(home, os.path.relpath(path, template)), owner.st_uid, owner.st_gid)
    yield home
    shutil.rmtree(os.path.dirname(home))


PROGRAMS = {
    "pass": ("relay-sweep", "--dir", "{}", "--now"),
    "backup": ("relayctl", "--dir", "{}", "backup", "{}/another.db"),
    "restore": ("relayctl", "--dir", "{}", "restore", "{}/copy.db"),
    "users": ("relayctl", "--dir", "{}", "user", "list"),
    "check": ("relayd", "--dir", "{}", "--check"),
}


def program(folder, name, fault=None):
    path, *words = (word.replace("{}", folder) for word in PROGRAMS[name])
    more = preload(os.path.join(BUILD, "torture", "faults.so"), FAULT=fault) if fault else {}
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(folder, "another.db"))
    return run(path, *words, env=clean_env(**more))


def is_whole(folder):
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "data", "bridge.db"))) as link:
        [(said,)] = link.execute("PRAGMA integrity_check(1)").fetchall()
        [(people,)] = link.execute("SELECT count(*) FROM account").fetchall()
    return said == "ok" and people == 2


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_says_why_and_succeeds_the_next_time(folder, name):
    rng = random.Random(f"{SEED} {name}")
    for _ in range(8):
        way, error, most = rng.choice(WAYS)
        fault = f"{way} {error} {int(most ** rng.random())} {rng.choice(('once', 'lasting'))}"
        done = program(folder, name, fault)
        assert done.returncode >= 0, f"seed {SEED}, {name}, {fault}: signal {-done.returncode}: {done.stderr}"
        assert done.returncode == 0 or done.stderr, f"seed {SEED}, {name}, {fault}: it says nothing"
        assert is_whole(folder), f"seed {SEED}, {name}, {fault}"
        again = program(folder, name)
        assert again.returncode == 0, f"seed {SEED}, {name} after {fault}: {again.stderr}"
