"""The relay builds without a warning with other compilers and on the next Debian; for another processor: test_deb.py."""
import os
import shutil
import subprocess

import pytest

from contract import ROOT

PROGRAMS = ["relayd", "relay-mail", "relay-live", "relay-sweep", "relayctl"]
NEXT_DEBIAN = "trixie"
QUICK = "OPT=-O1"  # with all flags that harden, and less for the optimizer to do
QUICKER = "OPT=-O0"  # where the optimizer's warnings are those of another compiler here


def run(*words, timeout=600, **options):
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **options)
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def build(folder, *words, **options):
    run("make", "-s", "-j2", "WERROR=1", f"BUILD={folder}", *words, "all", **options)
    assert [name for name in PROGRAMS if not os.path.exists(os.path.join(folder, name))] == []


@pytest.mark.parametrize("compiler", ["gcc-11", "clang-14"])
def test_it_builds_with_another_compiler(tmp_path, compiler):
    if not shutil.which(compiler):
        pytest.fail(f"{compiler} is not installed: scripts/install_deps.sh --test", pytrace=False)
    build(str(tmp_path / "build"), f"CC={compiler}", QUICKER)
    assert run(str(tmp_path / "build" / "relayd"), "--version").startswith("relayd ")


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes a folder that is a Debian")
def test_it_builds_and_starts_on_the_next_debian(tmp_path):
    root = str(tmp_path / "debian")
    packages = run(os.path.join(ROOT, "scripts", "install_deps.sh"), "--list").replace("ca-certificates\n", "").split()
    # Unpacked, not configured: to compile and to start it takes the files, and no package's own scripts.
    run("mmdebstrap", "--variant=extract", "--mode=root", "--include=base-files,base-passwd,dash,coreutils,sed,grep," + ",".join(packages), NEXT_DEBIAN, root,
        f"deb [trusted=yes] http://deb.debian.org/debian {NEXT_DEBIAN} main", timeout=900)  # its keys may be newer than this machine
    for name in ("passwd", "group"):
        shutil.copy(os.path.join(root, f"usr/share/base-passwd/{name}.master"), os.path.join(root, "etc", name))
    os.makedirs(os.path.join(root, "relay"))
    files = run("git", "ls-files", "-z", "--", "*.c", "*.h", "*.def", "Makefile", "sql", "nginx").split("\0")
    run("cp", "--parents", "-t", os.path.join(root, "relay"), *filter(None, files))
    run("chroot", root, "make", "-s", "-j2", "-C", "/relay", "CC=gcc", "WERROR=1", QUICK, "all")
    os.makedirs(os.path.join(root, "relay", "relay"), exist_ok=True)
    said = run("chroot", root, "sh", "-c", "cd /relay/build && HOST=127.0.0.1 ./relayd --dir ../relay --check")
    assert said == "The settings are fine.\n"
