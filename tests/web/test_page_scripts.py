"""Building the page and serving it alone; the demo; what the page is made of."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest

from nodetests import HERE, TOP, WEB, npm_ci, sizes

sys.path.insert(0, os.path.join(TOP, "tests", "api"))
from client import wait_until  # noqa: E402 pylint: disable=wrong-import-position
from harness import BUILD, clean_env, free_port, port_is_free  # noqa: E402 pylint: disable=wrong-import-position

LAYERS = {"base": set(), "wire": {"base"}, "store": {"base"}, "core": {"base", "wire", "store"}, "ui": {"base", "i18n"}, "i18n": {"base"},
          "state": {"base", "wire", "store", "core", "i18n"}, "keyboard": {"base", "ui", "i18n"}, "importer": {"base", "ui", "i18n"},
          "view": {"base", "wire", "store", "core", "state", "ui", "i18n", "keyboard", "importer"}}


def sources():
    """(folder, path, text) of every module."""
    for folder, _, names in os.walk(os.path.join(WEB, "src")):
        for name in names:
            if name.endswith((".ts", ".tsx")):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    yield os.path.relpath(path, os.path.join(WEB, "src")), file.read()


def wrong_imports(path, text):
    """What a module imports from a layer that stands beside or above its own."""
    layer = path.split(os.sep)[0]
    if layer not in LAYERS:
        return []
    found = re.findall(r"from '(\.[^']+)'|import\('(\.[^']+)'\)", text)
    targets = [os.path.normpath(os.path.join(os.path.dirname(path), a or b)).split(os.sep)[0] for a, b in found]
    return [t for t in targets if t != layer and t not in LAYERS[layer]]


def test_imports_go_one_way():
    assert {path: bad for path, text in sources() if (bad := wrong_imports(path, text))} == {}


@pytest.mark.parametrize("path, text, wrong", [("base/x.ts", "import { a } from '../core/y';", True), ("core/x.ts", "import { a } from '../base/y';", False),
                                               ("store/x.ts", "const a = import('../wire/y');", True), ("ui/x.tsx", "import a from '../state/app';", True)])
def test_checker_of_imports_finds(path, text, wrong):
    assert bool(wrong_imports(path, text)) == wrong


def test_no_markup_from_strings():
    for path, text in sources():
        assert not re.search(r"innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), path


def test_components_name_no_colour_of_their_own():
    for name in ("base.css", "signin.css", "list.css", "talk.css", "call.css"):
        with open(os.path.join(WEB, "css", name), encoding="utf-8") as file:
            lines = [line for line in file if not line.startswith(".theme-sample") and "mask-image" not in line]
        assert [line for line in lines if re.search(r"#[0-9a-fA-F]{3,8}\b|\brgb\(|\bhsl\(|oklch\(", line.replace(".film", "").replace("background: #000;", ""))] == [], name


def test_types_are_strict(page):
    done = subprocess.run([os.path.join(HERE, "node_modules", ".bin", "tsc"), "-p", WEB], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_wire_types_are_those_of_the_contract(page, tmp_path):
    out = tmp_path / "types.ts"
    subprocess.run([os.path.join(HERE, "node_modules", ".bin", "openapi-typescript"), os.path.join(TOP, "docs", "openapi.yaml"), "-o", str(out)],
                   check=True, capture_output=True, cwd=HERE)
    with open(os.path.join(WEB, "src", "wire", "types.gen.ts"), encoding="utf-8") as file:
        assert out.read_text(encoding="utf-8") == file.read(), "make docs writes it anew"


def test_initial_size(page):
    """U01: 60 KB of JavaScript, in a few files, and 12 KB of style, compressed, before somebody can write."""
    found = sizes()
    assert found["js"] <= 60 * 1024 and found["css"] <= 12 * 1024 and len(found["first"]) <= 6 and found["fat"] == []


def catalogue(name):
    with open(os.path.join(WEB, "src", "i18n", f"{name}.json"), encoding="utf-8") as file:
        return json.load(file)


def holes(value):
    """The {placeholders} of a string or of its plural forms."""
    forms = [value] if isinstance(value, str) else list(value.values())
    return {hole for form in forms for hole in re.findall(r"\{(\w+)\}", form)}


@pytest.mark.parametrize("name", ["ar", "de", "es", "fr", "he", "hi", "ja", "pt-BR", "ru", "uk", "zh-Hans"])
def test_catalogue_is_complete(name):
    english, other = catalogue("en"), catalogue(name)
    assert list(other) == list(english)
    for key, value in english.items():
        assert isinstance(value, str) or isinstance(other[key], dict), key
        assert holes(other[key]) >= holes(value) - {"n"} and holes(other[key]) <= holes(value), f"{key}: {other[key]}"
        forms = [other[key]] if isinstance(other[key], str) else list(other[key].values())
        assert all(form.strip() for form in forms), key
        assert isinstance(other[key], str) or "other" in other[key], key


def test_every_string_is_used_and_there(page):
    keys, text = set(catalogue("en")), "\n".join(text for _, text in sources())
    named = set(re.findall(r"\bt\('([\w.-]+)'", text)) | set(re.findall(r"line\('([\w.-]+)'", text))
    assert named - keys == set()
    made = {found.split("${")[0] for found in re.findall(r"`([\w.-]+\.\$\{[^`]+)`", text)}
    quoted = set(re.findall(r"'([\w.-]+)'", text))
    assert {key for key in keys if key not in quoted and not any(key.startswith(prefix) for prefix in made)} == set()


def test_build_is_reproducible(page, tmp_path):
    copy = tmp_path / "web"
    shutil.copytree(WEB, copy, ignore=lambda folder, names: [n for n in names if folder == WEB and "dist" in n], symlinks=True)
    subprocess.run(["node", "build.mjs"], cwd=copy, check=True, capture_output=True)
    names = sorted(os.listdir(page))
    assert sorted(os.listdir(copy / "dist")) == names
    for name in names:
        with open(os.path.join(page, name), "rb") as one:
            assert one.read() == (copy / "dist" / name).read_bytes(), name


def test_build_without_node_says_so_in_one_line(tmp_path):
    for program in ("bash", "dirname"):
        os.symlink(shutil.which(program), tmp_path / program)
    done = subprocess.run([os.path.join(TOP, "scripts", "build_page.sh")], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == "build_page.sh: node is not installed; as root: scripts/install_deps.sh --web\n"


class Child:
    """A script of the project that serves until it is told to end."""

    def __init__(self, *words, **env):
        self.said = ""
        self.process = subprocess.Popen(words, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=clean_env(HOME="/tmp", **env))

    def line(self, pattern):
        """The first match in what it prints."""
        for line in self.process.stdout:
            self.said += line
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(self.said)

    def end(self):
        """TERM; it is over soon."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.status, response.headers, response.read()


def test_start_web_serves_the_page_alone_on_the_next_free_port(page):
    port = free_port()
    first = Child(os.path.join(TOP, "start_web.sh"), "--host", "127.0.0.1", WEBCHAT_WEB_PORT=str(port), WEBCHAT_GUI_RELAYS="https://relay.example.com")
    second = None
    try:
        url = first.line(r"WebChat page: (\S+)").group(1)
        assert url == f"http://127.0.0.1:{port}/app/webchat/chat.html"
        wait_until("it serves", lambda: not port_is_free(port))
        status, headers, body = fetched(url)
        assert status == 200 and b'<div id="app">' in body
        assert "connect-src 'self' https://relay.example.com;" in headers["Content-Security-Policy"]
        second = Child(os.path.join(TOP, "start_web.sh"), "--host", "127.0.0.1", WEBCHAT_WEB_PORT=str(port))
        assert int(re.search(r":(\d+)/", second.line(r"WebChat page: (\S+)").group(1)).group(1)) > port
        strict = subprocess.run([os.path.join(TOP, "start_web.sh"), "--host", "127.0.0.1"], capture_output=True, text=True, check=False,
                                env=clean_env(WEBCHAT_WEB_PORT=port, WEBCHAT_STRICT_PORT=1))
        assert strict.returncode == 1 and strict.stderr.splitlines()[-1] == f"start_web.sh: port {port} is taken"
    finally:
        first.end()
        if second:
            second.end()


def test_demo_fills_a_relay_and_leaves_nothing(page):
    demo = Child(sys.executable, os.path.join(TOP, "scripts", "demo.py"), WEBCHAT_RELAY_PORT=str(free_port()), RELAY_BUILD=BUILD)
    try:
        link = demo.line(r"(http://127\.0\.0\.1:\d+)/app/webchat/chat\.html#relay=\S+&email=you%40demo\.example")
        assert fetched(link.group(1) + "/health")[0] == 200
    finally:
        demo.end()
    assert demo.process.returncode == 0
    assert not [name for name in os.listdir("/tmp") if name.startswith("webchat-demo-")]
    npm_ci(HERE)
