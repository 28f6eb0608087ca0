"""The launch link and its QR code; a real decoder reads what was drawn."""
import ast
import os
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
import zbar

from contract import ROOT

SCRIPTS = os.path.join(ROOT, "scripts")
sys.path.insert(0, SCRIPTS)

import private_relay_link as link  # noqa: E402 pylint: disable=wrong-import-position

TOOLS = ["private_relay_link.py", "webchat_cli.py"]


def run(*words, tool="private_relay_link.py", **options):
    return subprocess.run([sys.executable, os.path.join(SCRIPTS, tool), *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False, **options)


def is_usage_error(done, *words):
    """One line that says what is wrong, and nothing else."""
    assert done.returncode == 2 and done.stdout == "", done
    assert done.stderr.count("\n") == 1 and all(word in done.stderr for word in words), done.stderr


# -- the link --------------------------------------------------------------------------------------

def test_link_holds_the_relay_and_all_that_is_named_in_its_fragment():
    done = run("--site", "https://chat.example.com/app?x=1", "--relay", "https://relay.example.com:8443/base/",
               "--email", "ann+x@example.com", "--name", "Ann & Bob #1 ü")
    assert (done.returncode, done.stderr) == (0, "")
    parts = urlsplit(done.stdout.strip())
    assert done.stdout.startswith("https://chat.example.com/app?x=1#relay=https%3A%2F%2Frelay.example.com%3A8443")
    assert parse_qs(parts.fragment, strict_parsing=True) == {
        "relay": ["https://relay.example.com:8443/base"], "mode": ["private"], "email": ["ann+x@example.com"],
        "name": ["Ann & Bob #1 ü"]}


def test_link_without_names_is_relay_and_mode_only():
    assert run("--site", "https://s.example.com", "--relay", "https://r.example.com").stdout == \
        "https://s.example.com#relay=https%3A%2F%2Fr.example.com&mode=private\n"


@pytest.mark.parametrize("bad", [
    "", "relay.example.com", "ftp://relay.example.com", "javascript:alert(1)", "https://", "https:///x",
    "//relay.example.com",
    "https://user@relay.example.com", "https://user:secret@relay.example.com", "https://:@relay.example.com",
    "https://relay.example.com/a b", "https://relay.example.com/\t", "https://relay.example.com/\x1b[31m",
    "\nhttps://relay.example.com",
    "https://relay.example.com\u2003/", "https://relay.example.com\x7f", "https://relay.example.com:port",
    "https://relay.example.com:99999",
    "https://relay.example.com:0", "https://[::1", "https://relay.example.com/#x",
    "https://relay.example.com\\@evil.example.com"])
@pytest.mark.parametrize("flag", ["--site", "--relay"])
def test_url_that_is_not_to_be_trusted_is_refused(flag, bad):
    urls = {"--site": "https://s.example.com", "--relay": "https://r.example.com", flag: bad}
    is_usage_error(run(*[word for pair in urls.items() for word in pair]))


def test_relay_with_a_query_is_refused():
    is_usage_error(run("--site", "https://s.example.com", "--relay", "https://r.example.com/?x=1"), "query")


@pytest.mark.parametrize("host,warned", [
    ("relay.example.com", True), ("8.8.8.8", True), ("[2001:4860:4860::8888]", True), ("localhost.example.com", True),
    ("172.32.0.1", True),
    ("localhost", False), ("127.0.0.1", False), ("[::1]", False), ("10.1.2.3", False), ("172.16.0.1", False),
    ("192.168.1.1:5110", False), ("169.254.1.1", False), ("[fe80::1]", False), ("box.local", False),
    ("box.local.", False)])
def test_plain_http_is_warned_of_only_where_others_can_listen(host, warned):
    done = run("--site", "https://s.example.com", "--relay", f"http://{host}")
    assert done.returncode == 0 and done.stdout.count("\n") == 1
    assert ("warning" in done.stderr) is warned, done.stderr
    assert "warning" not in run("--site", "https://s.example.com", "--relay", f"https://{host}").stderr


# -- the QR code -----------------------------------------------------------------------------------

def picture(svg, scale=3):
    """Width and grey bytes of the SVG, drawn from its own path."""
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg).group(1))
    rows = [bytearray(b"\xff" * side * scale) for _ in range(side)]
    for x, y in re.findall(r"M(\d+),(\d+)h1v1h-1z", svg):
        rows[int(y)][int(x) * scale:(int(x) + 1) * scale] = b"\0" * scale
    return side * scale, b"".join(bytes(row) * scale for row in rows)


def decoded(svg):
    """What the decoder reads in the picture."""
    side, grey = picture(svg)
    image, scanner = zbar.Image(side, side, "Y800", grey), zbar.ImageScanner()
    scanner.parse_config("disable")
    scanner.parse_config("qrcode.enable")
    scanner.scan(image)
    return [symbol.data for symbol in image]


def fullest(version):
    """The longest text that fits."""
    room = link.data_bytes(version) - (2 if version < 10 else 3)
    return ("https://example.com/#" + "relay%3A0123456789abcdefXYZ-._~" * 100)[:room]


@pytest.mark.parametrize("version", range(1, 41))
def test_fullest_code_of_each_version_is_read_back(version):
    code = link.Qr(fullest(version).encode())
    assert code.version == version
    assert decoded(code.svg()) == [fullest(version)]


def with_mask(text, mask):
    """The code with a mask that need not be the best."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link.Qr, "_penalty_with", lambda self, number: number != mask)
        return link.Qr(text.encode())


@pytest.mark.parametrize("version", range(1, 41))
def test_every_module_is_as_another_encoder_has_it(version):
    """Readers put up with a few wrong modules; this does not."""
    drawn = subprocess.run(["qrencode", "-8", "-l", "M", "-m", "0", "-t", "ASCII"], input=fullest(version),
                           capture_output=True,
                           text=True, timeout=60, check=True).stdout.splitlines()
    theirs = [[line[x:x + 2] == "##" for x in range(0, len(line), 2)] for line in drawn]
    assert with_mask(fullest(version), format_mask(theirs)).dark == theirs


@pytest.mark.parametrize("mask", range(8))
def test_every_mask_can_be_read(mask):
    code = with_mask("https://example.com/#relay=x", mask)
    assert format_mask(code.dark) == mask and decoded(code.svg()) == ["https://example.com/#relay=x"]


def test_best_mask_is_the_one_with_the_least_penalty():
    code = link.Qr(b"https://example.com/#relay=x")
    best = format_mask(code.dark)
    code._mask(best)
    penalties = [code._penalty_with(mask) for mask in range(8)]
    assert penalties[best] == min(penalties) < max(penalties)


def format_mask(dark):
    """The mask that the code itself names."""
    bits = sum(dark[y][8] << i for i, y in enumerate((0, 1, 2, 3, 4, 5, 7, 8)))
    bits |= sum(dark[8][x] << i for i, x in enumerate((7, 5, 4, 3, 2, 1, 0), 8))
    return (bits ^ 0x5412) >> 10 & 7


def test_names_of_all_scripts_survive_the_code():
    text = "Zoë 李 🙂"
    assert decoded(link.Qr(text.encode()).svg()) == [text]


def test_file_holds_the_very_link_that_was_printed(tmp_path):
    target = tmp_path / "my code.svg"
    done = run("--site", "https://s.example.com", "--relay", "https://r.example.com", "--qr", str(target))
    assert done.returncode == 0
    assert decoded(target.read_text()) == [done.stdout.strip()]
    assert os.listdir(tmp_path) == ["my code.svg"]


def test_link_too_long_for_a_code_is_one_line_and_no_file(tmp_path):
    done = run("--site", "https://s.example.com", "--relay", "https://r.example.com", "--name", "x" * 3000, "--qr",
               str(tmp_path / "x.svg"))
    assert done.returncode == 1 and done.stdout == "" and "too many" in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_code_into_a_folder_that_is_not_there_is_one_line(tmp_path):
    done = run("--site", "https://s.example.com", "--relay", "https://r.example.com", "--qr",
               str(tmp_path / "no" / "x.svg"))
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1


# -- both tools ------------------------------------------------------------------------------------

@pytest.mark.parametrize("tool", TOOLS)
def test_no_arguments_are_one_line_and_exit_2(tool):
    is_usage_error(run(tool=tool), "required", "--help")


@pytest.mark.parametrize("tool", TOOLS)
def test_unknown_flag_is_named_and_exit_2(tool):
    words = ["--site", "https://s.example.com", "--relay", "https://r.example.com", "--nonsense"]
    is_usage_error(run(*words, *["ann@example.com"] * (tool == "webchat_cli.py"), tool=tool), "--nonsense")


@pytest.mark.parametrize("tool", TOOLS)
def test_help_explains_every_flag(tool):
    done = run("--help", tool=tool)
    assert done.returncode == 0 and done.stdout.startswith("usage:") and done.stderr == ""
    with open(os.path.join(SCRIPTS, tool), encoding="utf-8") as file:
        flags = set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', file.read()))
    assert flags and all(re.search(rf"^  {flag}\b", done.stdout, re.M) for flag in flags), flags


@pytest.mark.parametrize("tool", TOOLS)
def test_tool_is_python_3_9_and_standard_library_only(tool):
    with open(os.path.join(SCRIPTS, tool), encoding="utf-8") as file:
        tree = ast.parse(file.read(), feature_version=(3, 9))
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names}
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= set(sys.stdlib_module_names) and "argparse" in names


def test_both_tools_judge_urls_and_make_links_alike():
    def shared(tool, *names):
        with open(os.path.join(SCRIPTS, tool), encoding="utf-8") as file:
            text = file.read()
        return {node.name: ast.get_source_segment(text, node) for node in ast.parse(text).body
                if isinstance(node, ast.FunctionDef) and node.name in names}
    all_three, urls = ("checked_url", "sends_openly", "launch_link"), ("checked_url", "sends_openly")
    assert len(shared(TOOLS[0], *all_three)) == 3 and shared(TOOLS[0], *all_three) == shared(TOOLS[1], *all_three)
    assert shared("phone_bridge.py", *urls) == shared("webchat_cli.py", *urls)
