"""docs/cli.md: its lines are run as they stand there, its tables are held against the programs."""
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from client import wait_until
from contract import ROOT
from harness import clean_env, kill_pids, pids_of

SCRIPTS = os.path.join(ROOT, "scripts")
sys.path.insert(0, SCRIPTS)

import private_relay_link  # noqa: E402 pylint: disable=wrong-import-position
import webchat_cli  # noqa: E402 pylint: disable=wrong-import-position

with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as page:
    PAGE = page.read()


@pytest.fixture(name="desk")
def folder_with_the_scripts(tmp_path):
    """What the reader's shell stands in."""
    os.symlink(SCRIPTS, tmp_path / "scripts")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG not really")
    (tmp_path / "received").mkdir()
    return tmp_path


def test_lines_of_the_page_work_when_pasted(desk, make_relay):
    relay = make_relay()
    sign_in, send, watch, link = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)

    def start(lines):
        env = clean_env(HOME=desk, RELAY=relay.url, CODE=relay.code("alice@example.com"))
        return subprocess.Popen(["bash", "-eu", "-c", lines], cwd=desk, env=env, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def paste(lines):
        process = start(lines)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, ""), err
        return out

    assert paste(sign_in).startswith("Persona: Alice\n")
    assert re.search(r"^Sent: msg_", paste(send), re.M)
    assert paste(link).startswith(relay.url + "/app/webchat/chat.html#relay=http%3A") and (desk / "link.svg").exists()
    watching = start(watch)
    try:
        wait_until("the file is there", lambda: (desk / "received" / "photo.png").exists()
                   and (desk / "last.json").exists())
        os.killpg(watching.pid, signal.SIGINT)
        out, err = watching.communicate(timeout=60)
    finally:
        kill_pids(pids_of(str(desk), {watching.pid}))
        watching.wait()
    assert watching.returncode in (130, -signal.SIGINT) and err == ""
    assert ": A photo for you\n" in out
    assert json.loads((desk / "last.json").read_text())["text"] == "A photo for you"


def flags_of(text):
    return set(re.findall(r"`(--[a-z-]+)", "\n".join(re.findall(r"^\| (`--.*?) \|", text, re.M))))


def test_tables_name_every_flag_and_no_other():
    cli, link = PAGE.split("## `private_relay_link.py`")
    with open(private_relay_link.__file__, encoding="utf-8") as file:
        known = set(re.findall(r'add_argument\("(--[a-z-]+)"', file.read()))
    assert flags_of(link) == known | {"--help"}
    known = {flag for action in webchat_cli.command_line()._actions for flag in action.option_strings
             if flag.startswith("--")}
    assert flags_of(cli) | {"--open"} == known


def test_table_of_exit_codes_is_that_of_help():
    table = dict(re.findall(r"^\| (\d+) \| (.*?) \|$", PAGE, re.M))
    assert table.keys() == dict(re.findall(r"^  (\d+) +(.*)$", webchat_cli.EPILOG, re.M)).keys()
    assert set(map(int, table)) == {0, webchat_cli.REFUSED, webchat_cli.USAGE, webchat_cli.NOT_SIGNED_IN,
                                    webchat_cli.UNREACHABLE, webchat_cli.INTERRUPTED}


def test_types_of_json_lines_are_those_of_the_page():
    with open(webchat_cli.__file__, encoding="utf-8") as file:
        known = set(re.findall(r'\.put\(\s*"(\w+)"', file.read()))
    line = next(line for line in PAGE.splitlines() if line.startswith("| `--json`"))
    assert set(re.findall(r"`(\w+)`", line)) - {"type"} == known
