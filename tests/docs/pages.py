"""The pages, and a copy of the checkout to paste their lines into."""
import functools
import os
import re
import shutil
import subprocess
import tempfile

from harness import ORDINARY_PATH, free_port

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("RELAY_BUILD", os.path.join(TOP, "build"))
# What was built with sanitizers is linked with them.
SAME_MODE = {"MAKEFLAGS": "SAN=1 BUILD=build"} if "san" in os.path.basename(BUILD) else {}

# What a page calls that would change this machine. The scripts say what they would do; a service is the relay itself.
STUBS = {
    "sudo": 'case $1 in scripts/*) exec "$@" --dry-run ;; *) exec "$@" ;; esac',
    "systemctl": 'case $* in "status webchat-relay") exec ./start_relay.sh --detach ;; "reload webchat-relay") ;; *) exit 9 ;; esac',
    "journalctl": '[ "$*" = "-u webchat-relay" ]',
    "git": '[ "$*" = pull ]',
    "certbot": '[ "$1" = certonly ] && for d; do :; done && mkdir -p "$LIVE/$d" && touch "$LIVE/$d/fullchain.pem" "$LIVE/$d/privkey.pem"',
    "crontab": 'case $1 in -l) cat "$HOME/crontab" ;; -) cat >"$HOME/crontab" ;; *) exit 2 ;; esac',
}


def read(name):
    """The text of README.md, or of a page of docs/."""
    with open(os.path.join(TOP, name if name == "README.md" else os.path.join("docs", name)), encoding="utf-8") as file:
        return file.read()


def blocks(name, language="sh"):
    """The page's blocks of that language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", read(name), re.M | re.S)


def section(name, title):
    """The blocks of shell lines below that title."""
    text = re.search(rf"^## {title}\n.*?(?=^## |\Z)", read(name), re.M | re.S).group(0)
    return re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)


@functools.cache
def build_page():
    """The page as its sources say, in the checkout."""
    subprocess.run([os.path.join(TOP, "scripts", "build_page.sh")], stdin=subprocess.DEVNULL, capture_output=True, check=True)


class Checkout:
    """A copy of the tracked files without the tests, the built programs and the built page, newer than their sources so that
    nothing is built again; with the modes that a clone under `umask` gives, owned by `user`."""

    def __init__(self, name="a check out", umask=0o022, user=None):
        self.name, self.umask, self.user = name, umask, user

    def __enter__(self):
        self._parent = tempfile.TemporaryDirectory()
        os.chmod(self._parent.name, 0o755)
        self.folder = os.path.join(self._parent.name, self.name)
        self.stubs = os.path.join(self._parent.name, "stubs")
        os.makedirs(self.stubs)
        for name, body in STUBS.items():
            path = os.path.join(self.stubs, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/bash\n{body}\n")
            os.chmod(path, 0o755)
        self._copy()
        for root, folders, files in os.walk(self.folder):
            for path in (os.path.join(root, name) for name in [*folders, *files, "."]):
                os.chmod(path, os.stat(path).st_mode & ~self.umask)
                if self.user is not None:
                    os.chown(path, self.user, self.user)
        self.port = free_port()
        return self

    def _copy(self):
        files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", ":!tests"], cwd=TOP, capture_output=True, text=True,
                               check=True).stdout.splitlines()
        os.makedirs(os.path.join(self.folder, "build"))
        subprocess.run(["cp", "-a", "--parents", "-t", self.folder, *filter(lambda name: os.path.exists(os.path.join(TOP, name)), files)],
                       cwd=TOP, check=True)
        build = [entry.path for entry in os.scandir(BUILD) if entry.name not in ("tests", "bench", "replay", "torture")]
        subprocess.run(["cp", "-a", "-t", os.path.join(self.folder, "build"), *build], check=True)
        build_page()
        shutil.copytree(os.path.join(TOP, "web", "dist"), os.path.join(self.folder, "web", "dist"), ignore=shutil.ignore_patterns("*.map"))

    def __exit__(self, *_):
        subprocess.run(["build/relayd", "--dir", "relay", "--stop"], cwd=self.folder, capture_output=True, check=False)
        self._parent.cleanup()

    def paste(self, text, replace=(), **settings):
        """Run lines in a shell that stops at the first failure; `replace` are (old, new) that the lines must hold."""
        for old, new in replace:
            assert old in text, old
            text = text.replace(old, new)
        env = {"PATH": f"{self.stubs}:{ORDINARY_PATH}", "HOME": self.folder, "LANG": "C.UTF-8", "HOST": "127.0.0.1",
               "PORT": str(self.port), "LIVE": os.path.join(self._parent.name, "live"), **SAME_MODE, **settings}
        return self.run(["bash", "-eu", "-o", "pipefail"], text, env)

    def run(self, words, text="", env=None, cwd=None):
        """Run a program in the copy as its owner, with exactly that environment."""
        as_user = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        return subprocess.run(words, input=text, cwd=cwd or self.folder, env=env or {}, capture_output=True, text=True, timeout=600,
                              check=False, umask=self.umask, **as_user)

    def path(self, *names):
        """A path in the copy."""
        return os.path.join(self.folder, *names)
