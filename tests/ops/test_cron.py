"""scripts/install_cron.sh, with a crontab that is a file of the test's."""
import os
import shutil
import subprocess

import pytest

from contract import ROOT
from harness import ORDINARY_PATH, clean_env

SCRIPT = os.path.join(ROOT, "scripts", "install_cron.sh")
CRONTAB = """#!/bin/sh
table={0}/table
case $1 in
-l) cat "$table" 2>/dev/null || {{ echo "no crontab for user" >&2; exit 1; }} ;;
-) [ ! -e {0}/refuse ] || exit 1; cat >"$table" ;;
*) exit 2 ;;
esac
"""
OTHERS = "MAILTO=me@example.com\n* * * * * true # mine\n@daily \"/usr/bin/thing\" 100\\%\n"


class Crontab:
    """A fake crontab, a relay's folder, and programs."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.table = os.path.join(self.folder, "table")
        self.relay, self.programs = (os.path.join(self.folder, name) for name in ("my relay", "my programs"))
        for path in (self.relay, self.programs, os.path.join(self.folder, "bin")):
            os.makedirs(path)
        self._script(os.path.join(self.folder, "bin", "crontab"), CRONTAB.format(self.folder))
        for name in ("relayd", "relay-sweep"):
            self._script(os.path.join(self.programs, name), f'#!/bin/sh\necho {name} "$@" >>"{self.folder}/ran"\n')

    @staticmethod
    def _script(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def install(self, *words, expect=0, path=None):
        env = clean_env(PATH=path or f"{self.folder}/bin:{ORDINARY_PATH}")
        done = subprocess.run([SCRIPT, "--dir", self.relay, "--programs", self.programs, *words], env=env, cwd="/",
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == expect, done
        assert expect == 0 or len(done.stderr.splitlines()) == 1 and not done.stdout, done
        return done

    def text(self):
        try:
            with open(self.table, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def set(self, text):
        with open(self.table, "w", encoding="utf-8") as file:
            file.write(text)

    def commands(self):
        """The commands of the relay's lines."""
        return [line.removeprefix("* * * * * ") for line in self.text().splitlines() if "my programs" in line]


@pytest.fixture(name="crontab")
def a_crontab(tmp_path):
    return Crontab(tmp_path)


def test_line_runs_the_sweep_on_the_folder(crontab):
    crontab.install()
    [command] = crontab.commands()
    subprocess.run(["/bin/sh", "-c", command], check=True, timeout=30)
    with open(os.path.join(crontab.folder, "ran"), encoding="utf-8") as file:
        assert file.read() == f"relay-sweep --dir {crontab.relay}\n"


def test_relay_is_kept_running_when_asked_for(crontab):
    crontab.install("--keep-running")
    assert [command.split('"')[1].rsplit("/", 1)[1] for command in crontab.commands()] == ["relay-sweep", "relayd"]
    assert crontab.commands()[1].endswith(f'--dir "{crontab.relay}" --detach >/dev/null')


@pytest.mark.parametrize("words", [[], ["--keep-running"]], ids=["plain", "keep-running"])
def test_second_run_changes_nothing(crontab, words):
    crontab.set(OTHERS)
    crontab.install(*words)
    once = crontab.text()
    assert "already" in crontab.install(*words).stdout
    assert crontab.text() == once


def test_other_lines_stay_and_remove_takes_only_ours(crontab):
    crontab.set(OTHERS)
    crontab.install("--keep-running")
    assert crontab.text().startswith(OTHERS) and len(crontab.text().splitlines()) == 6
    crontab.install()
    assert len(crontab.commands()) == 1
    crontab.install("--remove")
    assert crontab.text() == OTHERS


def test_two_relays_do_not_touch_each_other(crontab):
    other = crontab.relay + " two"
    os.mkdir(other)
    crontab.install()
    alone = crontab.text()
    crontab.install("--dir", other)
    assert len(crontab.commands()) == 2
    crontab.install("--dir", other, "--remove")
    assert crontab.text() == alone


def test_remove_works_when_the_folder_is_gone(crontab):
    crontab.install()
    shutil.rmtree(crontab.relay)
    crontab.install("--remove")
    assert crontab.commands() == []


def test_crontab_that_refuses_is_said(crontab):
    with open(os.path.join(crontab.folder, "refuse"), "w", encoding="utf-8"):
        pass
    assert "crontab" in crontab.install(expect=1).stderr


@pytest.mark.parametrize("words, status, said", [
    (["--nonsense"], 2, "--nonsense"), (["extra"], 2, "extra"), (["--dir"], 2, "--dir"), (["--dir", "/nonexistent"], 1, "/nonexistent"),
    (["--programs", "/usr"], 1, "/usr/relay-sweep"), (["--programs", "/a%b"], 1, "/a%b"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bad_input_is_one_line_and_changes_nothing(crontab, words, status, said):
    assert said in crontab.install(*words, expect=status).stderr
    assert crontab.text() == ""


def test_machine_without_crontab_is_said(crontab, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "realpath", "env"):
        os.symlink(shutil.which(name), tools / name)
    assert "apt-get install cron" in crontab.install(expect=1, path=str(tools)).stderr


def test_help_is_on_standard_output(crontab):
    assert crontab.install("--help").stdout.startswith("Usage:")
