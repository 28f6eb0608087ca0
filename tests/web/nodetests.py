"""Node's test files as cases of pytest: a file is run once, each of its tests is reported by its name."""
import functools
import json
import os
import re
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
WEB = os.path.join(TOP, "web")
FILE_SEC = 420


def npm_ci(folder):
    """Install what the lockfile names, once."""
    if os.path.exists(os.path.join(folder, "node_modules", ".package-lock.json")):
        return
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True, timeout=300)


def missing():
    """Why browser tests cannot run here; empty when they can."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return f"{program} is not installed"
    for program in ("/usr/bin/chromium", "/usr/bin/chromium-headless-shell"):
        if not os.path.exists(os.environ.get("CHROMIUM", program)):
            return f"{os.path.basename(program)} is not installed"
    return ""


def names(path):
    """The names of the tests of a file, in order."""
    with open(path, encoding="utf-8") as file:
        return re.findall(r"^test\(\s*'([^']+)'", file.read(), re.M)


@functools.lru_cache(maxsize=None)
def results(path):
    """{name: (ok, what was said)} of one run of the file."""
    done = subprocess.run(["node", "--test-reporter=tap", path], cwd=HERE, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=FILE_SEC, check=False)
    found, name = {}, None
    for line in done.stdout.splitlines():
        match = re.match(r"^\s*(not ok|ok) \d+ - (.*?)(?: # (SKIP|TODO).*)?$", line)
        if match:
            name = match.group(2).replace("\\#", "#")
            found.setdefault(name, [match.group(1) == "ok", []])
        elif name:
            found[name][1].append(line)
    said = {name: (ok, "\n".join(lines)) for name, (ok, lines) in found.items()}
    said[None] = (done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:])
    return said


def check(path, name):
    """Fail with what the test said."""
    said = results(path)
    ok, text = said.get(name, (False, f"did not run\n{said[None][1]}"))
    assert ok, text


def parametrize(*paths):
    """All tests of some files."""
    cases = [(path, name) for path in paths for name in names(path)]
    return pytest.mark.parametrize("path, name", cases, ids=[f"{os.path.basename(p).split('.')[0]}: {n}" for p, n in cases])


def sizes():
    """What the build measured: bytes of the first JavaScript and of the style sheet."""
    with open(os.path.join(WEB, "dist", ".sizes"), encoding="utf-8") as file:
        return json.load(file)
