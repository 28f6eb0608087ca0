"""The first lines that somebody pastes, in whatever shell, folder and with whatever rights they have."""
import http.client
import os
import re
import shutil

import pytest

from harness import free_port
from pages import BUILD, TOP, Checkout

VENDOR_LINES = """\
cp relay/.env.example relay/.env.local
mkdir -p relay/data relay/pchat_uploads
WEBCHAT_RELAY_PORT=5110 ./start_relay.sh
"""
ODD_NAME = "od d's \"x\" $HOME `id` #&;%|\\ \udcff\t{}*?[a]~!\nx"
NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
OWNERS = [None, pytest.param(NOBODY, marks=as_root)] if os.getuid() == 0 else [None]


def health(said):
    """The status of /health at the address that was printed."""
    host, port = re.search(r"^WebChat relay: http://([\d.]+):(\d+)$", said, re.M).groups()
    link = http.client.HTTPConnection(host, int(port), timeout=20)
    link.request("GET", "/health")
    return link.getresponse().status


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077], ids=oct)
@pytest.mark.parametrize("user", OWNERS, ids=["as-I-am", "as-nobody"][:len(OWNERS)])
def test_the_vendors_lines_start_it(umask, user):
    port = free_port()
    with Checkout(umask=umask, user=user) as copy:
        lines = VENDOR_LINES.replace("=5110", f"={port}").replace("start_relay.sh", "start_relay.sh --detach")
        done = copy.run(["bash"], lines, {"PATH": "/usr/bin:/bin", "HOST": "127.0.0.1", "HOME": copy.folder})
        assert done.returncode == 0 and health(done.stdout) == 200, done
        assert os.stat(copy.path("relay", ".env.local")).st_mode & 0o777 == 0o600
        said = [line for line in done.stderr.splitlines() if "closed to them now" in line]
        assert len(said) == (0 if umask == 0o077 else 1), done


@pytest.mark.parametrize("user", OWNERS, ids=["as-I-am", "as-nobody"][:len(OWNERS)])
def test_a_bare_environment_starts_it(user):
    with Checkout(user=user) as copy:
        with open(copy.path("relay", ".env.local"), "w", encoding="utf-8") as file:
            file.write(f"HOST=127.0.0.1\nPORT={free_port()}\n")
        os.chown(copy.path("relay", ".env.local"), *[-1 if user is None else user] * 2)
        done = copy.run(["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "./start_relay.sh", "--detach"])
        assert done.returncode == 0 and health(done.stdout) == 200, done


def test_the_line_of_a_crontab_starts_it():
    """cron gives a line to /bin/sh in the user's home, with four variables."""
    with Checkout() as copy:
        with open(copy.path("relay", ".env.local"), "w", encoding="utf-8") as file:
            file.write(f"HOST=127.0.0.1\nPORT={free_port()}\n")
        assert copy.paste("scripts/install_cron.sh --keep-running").returncode == 0
        with open(copy.path("crontab"), encoding="utf-8") as file:
            line = next(line for line in file if "--detach" in line)
        env = {"HOME": copy.folder, "LOGNAME": "somebody", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
        done = copy.run(["/bin/sh", "-c", line.split(" ", 5)[5]], env=env, cwd="/")
        assert done.returncode == 0, done
        status = copy.run(["build/relayd", "--dir", "relay", "--status"])
        assert status.returncode == 0, status
        url = re.search(r"http://\S+", status.stdout).group(0)
        assert health(f"WebChat relay: {url}") == 200


def forget_build(build):
    """Leaves make something to do by each of its rules: a C file of each folder, what is made from other files, all programs.
    Objects that are built in another way link with no others: then nothing stays."""
    if re.search("san|cov", os.path.basename(BUILD)):
        shutil.rmtree(build)
    for folder, _, names in os.walk(build):
        objects = sorted(name for name in names if name.endswith(".o"))
        for name in objects[:1] + [name for name in names if not name.endswith((".o", ".d"))]:
            os.remove(os.path.join(folder, name))


def test_a_folder_of_any_name_builds_and_runs():
    with Checkout(ODD_NAME) as copy:
        forget_build(copy.path("build"))
        port = free_port()
        env = {"PATH": "/usr/bin:/bin", "HOST": "127.0.0.1", "PORT": str(port), "MAKEFLAGS": "KIND=-g"}
        done = copy.run(["./start_relay.sh", "--detach"], env=env)
        assert done.returncode == 0 and health(done.stdout) == 200, done
        code = copy.run(["build/relayctl", "code", "ann@example.com"])
        assert re.fullmatch(r"\d{6}\n", code.stdout), code
        sweep = copy.run(["build/relay-sweep", "--dir", "relay"])
        assert sweep.returncode == 0, sweep
        assert copy.run(["build/relayd", "--stop"]).returncode == 0


def test_packages_can_be_left_to_others():
    with Checkout() as copy:
        with open(copy.path("scripts", "install_deps.sh"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho 'no packages here' >&2\nexit 1\n")
        env = {"PATH": "/usr/bin:/bin", "HOST": "127.0.0.1", "PORT": str(free_port())}
        assert copy.run(["./start_relay.sh", "--detach"], env=env).returncode == 1
        done = copy.run(["./start_relay.sh", "--skip-deps", "--detach"], env=env)
        assert done.returncode == 0 and health(done.stdout) == 200, done


def test_another_system_is_told_its_packages():
    with Checkout() as copy:
        bare = copy.path("bare")
        os.makedirs(bare)
        for name in ("bash", "cat", "env"):
            os.symlink(shutil.which(name), os.path.join(bare, name))
        done = copy.run([os.path.join(TOP, "scripts", "install_deps.sh")], env={"PATH": bare})
        assert done.returncode == 1 and all(word in done.stderr for word in ("dnf install", "apk add", "--skip-deps")), done
