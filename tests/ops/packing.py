"""What the tests of the packages share: making one, asking programs, and the lines of the page about them."""
import hashlib
import os
import pathlib
import subprocess
import sys

from contract import ROOT
from harness import clean_env

sys.path.insert(0, os.path.join(ROOT, "tests", "docs"))
import pages  # noqa: E402 pylint: disable=wrong-import-position

NAME = "webchat-private-relay"
PROGRAMS = ["relay-live", "relay-mail", "relay-sweep", "relayctl", "relayd"]
EPOCH = 1700000000


def run(*words, expect=0, user=None, **env):
    """Runs a script to its end; None takes a variable away. What fails says so in one line and prints nothing else."""
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    env = {"SOURCE_DATE_EPOCH": EPOCH, "DPKG_DEB_COMPRESSOR_LEVEL": 0, "GZIP_LEVEL": 1, **env}  # what is packed here is thrown away
    env = clean_env(**{name: value for name, value in env.items() if value is not None})
    done = subprocess.run([*map(str, words)], env=env, cwd="/", timeout=300, stdin=subprocess.DEVNULL, umask=0o077,
                          capture_output=True, text=True, check=False, **as_user)
    assert done.returncode == expect, done
    assert expect == 0 or len(done.stderr.splitlines()) == 1 and not done.stdout, done
    return done


def said(*words, cwd="/"):
    """What a program prints that ends well."""
    return subprocess.run([*map(str, words)], env=clean_env(), cwd=cwd, timeout=60, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=True).stdout


def runtime_packages(top=ROOT):
    """The Debian packages that built programs need."""
    return said(os.path.join(top, "scripts", "install_deps.sh"), "--runtime", "--list").split()


def tracked():
    """The files of the project."""
    return [name for name in said("git", "ls-files", cwd=ROOT).splitlines() if os.path.exists(os.path.join(ROOT, name))]


def digest(path):
    """SHA-256 of a file."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def page_section(title):
    """The blocks of shell lines of a section of the page for operators."""
    return pages.section("private-server-install.md", title)
