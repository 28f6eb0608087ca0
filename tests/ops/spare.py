"""A spare machine: this machine's file system below a layer that takes all writes and is thrown away at the end."""
import functools
import os
import subprocess

import pytest

from harness import clean_env

SETUP = r"""
set -eu
mount -t tmpfs none "$SPARE"
spare() { # name: makes $SPARE/NAME, a root of its own
    mkdir "$SPARE/.$1" "$SPARE/.$1/up" "$SPARE/.$1/work" "$SPARE/$1"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$SPARE/.$1/up,workdir=$SPARE/.$1/work" "$SPARE/$1"
    mount -t proc proc "$SPARE/$1/proc"
    mount --rbind /dev "$SPARE/$1/dev"
    mount -t tmpfs -o mode=1777 none "$SPARE/$1/tmp"
}
"""


def run(folder, script, timeout=600, **env):
    """Runs bash lines as root among mounts and processes of their own, all of which end with them. `folder` is an empty
    folder; `spare NAME` makes a root at $SPARE/NAME."""
    words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", SETUP + script]
    return subprocess.run(words, env=clean_env(PATH=os.environ["PATH"], SPARE=folder, HOME="/root", **env), cwd="/", stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout, check=False)


@functools.cache
def _works(folder):
    return os.getuid() == 0 and run(folder, 'spare a; chroot "$SPARE/a" /bin/true').returncode == 0


def needs(folder):
    """Skips the test where this machine does not let root have mounts of its own."""
    if not _works(str(folder)):
        pytest.skip("needs root, and mounts of one's own")


def parts(text):
    """{title: lines} of an output with lines `== title`."""
    found, title = {}, ""
    for line in text.splitlines():
        if line.startswith("== "):
            title = line[3:]
        else:
            found.setdefault(title, []).append(line)
    return found
