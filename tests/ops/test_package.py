"""scripts/package_private_relay.sh: what is in it, that it is always the same, and a relay run and upgraded from it."""
import base64
import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile

import pytest

from client import Client, User
from contract import ROOT
from harness import BUILD, SAME_MODE, clean_env, free_port, kill_pids, make_folder, pids_of
from packing import EPOCH, NAME, PROGRAMS, digest, page_section, run, runtime_packages, said, tracked

SCRIPT = os.path.join(ROOT, "scripts", "package_private_relay.sh")
STEPS = sorted(glob.glob(os.path.join(ROOT, "sql", "schema", "[0-9]*.sql")))
SECRETS = ["relay/.env.local", "relay/data/bridge.db", "relay/pchat_uploads/files/x", "relay/run/relay.log",
           "docs/.notes.md.swp", "scripts/key.pem", "nginx/cert.key", "systemd/backup.service~", "cron/.env"]
NOBODY = 65534
COMPILERS = ("make", "gcc", "cc", "clang", "ld", "pkg-config")


def pack(*words, script=SCRIPT, **options):
    return run(script, *words, **options)


@pytest.fixture(scope="module", autouse=True)
def page():
    """The page is in the package, so it is built."""
    subprocess.run([os.path.join(ROOT, "scripts", "build_page.sh")], check=True, capture_output=True, timeout=300)


@pytest.fixture(name="package", scope="module")
def packed_once(built, tmp_path_factory):
    """A folder with the package of the programs under test."""
    folder = tmp_path_factory.mktemp("packed")
    assert pack("--output", folder, "--build", built).stdout == f"{folder}/{NAME}.tar.gz\n"
    return folder


@pytest.fixture(name="home")
def folder_that_others_can_enter():
    home = pathlib.Path(make_folder("server"))
    yield home
    shutil.rmtree(home.parent)


def copy_of_checkout(folder):
    """The built page and the tracked files, below a folder with a space in its name, with things beside them that nobody may see."""
    copy = folder / "check out"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(os.path.join(ROOT, name), copy / name)
        os.chmod(copy / name, 0o777)
    shutil.copytree(os.path.join(ROOT, "web", "dist"), copy / "web" / "dist")
    for name in SECRETS:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("secret\n", encoding="utf-8")
    return copy


def members(path):
    with tarfile.open(path) as tar:
        return tar.getmembers()


# -- what is in it -----------------------------------------------------------------------------------


def test_package_holds_the_programs_and_all_that_an_operator_uses(package):
    names = {os.path.relpath(m.name, NAME) for m in members(package / f"{NAME}.tar.gz")}
    assert {f"build/{name}" for name in PROGRAMS} == {name for name in names if name.startswith("build/")}
    operators = re.compile(r"(nginx|systemd|docs)/|start_web\.sh$|cron/.*\.cron$|scripts/.*\.(sh|py)$|scripts/completion/|relay/\.env|"
                           r"(LICENSE|README\.md|SECURITY\.md|start_relay\.sh)$")
    makers = re.compile(r"scripts/(package_\w+|docker_entrypoint|build_page|cross_sysroot)\.sh$|scripts/(demo|sbom)\.py$")
    wanted = {name for name in tracked() if operators.match(name) and not makers.match(name)}
    page = {f"web/dist/{name}" for name in os.listdir(os.path.join(ROOT, "web", "dist")) if not name.startswith(".") and ".map" not in name}
    assert "web/dist/chat.html" in page
    assert names - {f"build/{name}" for name in PROGRAMS} == wanted | page | {"SHA256SUMS", "docs/sbom.cdx.json"}


def test_bill_of_materials_names_each_library_of_the_page_and_of_the_system(package):
    with open(package / NAME / "docs" / "sbom.cdx.json", encoding="utf-8") as file:
        bill = json.load(file)
    parts = {part["name"]: part for part in bill["components"]}
    with open(os.path.join(ROOT, "web", "package.json"), encoding="utf-8") as file:
        wanted = set(json.load(file)["dependencies"]) - {"esbuild"}
    for name in wanted:  # with the checksum of what npm brings
        with open(os.path.join(ROOT, "web", "package-lock.json"), encoding="utf-8") as file:
            locked = json.load(file)["packages"][f"node_modules/{name}"]
        assert parts[name]["version"] == locked["version"]
        assert bytes.fromhex(parts[name]["hashes"][0]["content"]) == base64.b64decode(locked["integrity"].split("-")[1])
    system = set(said(os.path.join(ROOT, "scripts", "install_deps.sh"), "--runtime", "--list").split())
    assert system <= set(parts) and {"nginx", "libsqlite3-0"} <= system
    with open(os.path.join(ROOT, "docs", "supply.md"), encoding="utf-8") as file:
        page = file.read()
    assert [name for name in parts if f"`{name}`" not in page] == []
    assert [name for name in wanted if f"| `{name}` | {parts[name]['version']} |" not in page] == []
    refs = [part["bom-ref"] for part in bill["components"]]
    assert bill["dependencies"] == [{"ref": NAME, "dependsOn": refs}] and len(set(refs)) == len(refs)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")


def test_package_has_no_sources(package):
    names = [m.name for m in members(package / f"{NAME}.tar.gz")]
    assert [name for name in names if re.search(r"\.([ch]|sql|def|o|d)$|Makefile|/tests/", name)] == []


def test_programs_are_stripped(package):
    for name in PROGRAMS:
        head = said("readelf", "-S", package / NAME / "build" / name)
        assert ".text" in head and ".symtab" not in head and ".debug" not in head, name


def test_owners_modes_times_and_order_are_fixed(package):
    found = members(package / f"{NAME}.tar.gz")
    assert [m.name for m in found] == sorted(m.name for m in found)
    assert {(m.uid, m.gid, m.uname, m.gname) for m in found} == {(0, 0, "", "")}
    assert {(m.mtime, m.type) for m in found} == {(EPOCH, tarfile.REGTYPE)}
    runs = re.compile(r"[^/]+/(build/|scripts/(?!completion/)|start_relay\.sh|start_web\.sh)")
    assert {(bool(runs.match(m.name)), m.mode) for m in found} == {(True, 0o755), (False, 0o644)}


def test_sums_inside_and_beside_are_right_and_complete(package):
    for folder in (package, package / NAME):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    inside = {line.split("  ")[1] for line in (package / NAME / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    assert inside | {"SHA256SUMS"} == {os.path.relpath(m.name, NAME) for m in members(package / f"{NAME}.tar.gz")}
    sum_of_archive = digest(package / f"{NAME}.tar.gz")
    assert (package / "SHA256SUMS").read_text(encoding="utf-8") == f"{sum_of_archive}  {NAME}.tar.gz\n"


def test_folder_and_archive_hold_the_same(package):
    with tarfile.open(package / f"{NAME}.tar.gz") as tar:
        for member in tar.getmembers():
            path = package / member.name
            assert tar.extractfile(member).read() == path.read_bytes()
            assert (stat.S_IMODE(path.stat().st_mode), int(path.stat().st_mtime)) == (member.mode, member.mtime)
    assert sum(len(names) for _, _, names in os.walk(package / NAME)) == len(members(package / f"{NAME}.tar.gz"))
    assert {stat.S_IMODE(os.stat(folder).st_mode) for folder, _, _ in os.walk(package / NAME)} == {0o755}
    assert {stat.S_IMODE(path.stat().st_mode) for path in package.iterdir() if path.is_file()} == {0o644}


def test_same_to_the_byte_in_another_place_and_without_secrets(tmp_path, home):
    """Two builds from sources, in different folders by different users, compressed as well as it goes. For speed nothing is optimized, and
    one program stands for all: it has the store, with the C file that is made from the schema."""
    one, two = tmp_path / "one", home / "two" / "deeper"
    other = NOBODY if os.getuid() == 0 else None
    for folder, env in ((one, {}), (two, {"user": other, "TZ": "Asia/Tokyo", "LANG": "C.UTF-8"})):
        copy = copy_of_checkout(folder)
        if other and folder is two:
            subprocess.run(["chown", "-R", str(other), home], check=True)
        pack("--output", folder / "out", script=copy / "scripts" / "package_private_relay.sh",
             MAKEFLAGS="KIND=-g PROGRAMS=$$(BUILD)/relay-sweep", GZIP_LEVEL=None, **env)
    names = [m.name for m in members(one / "out" / f"{NAME}.tar.gz")]
    for name in names:
        content = (one / "out" / name).read_bytes()
        assert content == (two / "out" / name).read_bytes(), name
        assert bytes(tmp_path) not in content and bytes(home) not in content, name
    assert digest(one / "out" / f"{NAME}.tar.gz") == digest(two / "out" / f"{NAME}.tar.gz")
    assert (one / "out" / f"{NAME}.tar.gz").read_bytes()[8] == 2, "that is what gzip -9 writes there"
    assert f"{NAME}/build/relay-sweep" in names
    assert [name for name in names if os.path.relpath(name, NAME) in SECRETS] == []
    assert sorted(os.listdir(one / "out")) == sorted([NAME, f"{NAME}.tar.gz", "SHA256SUMS"])


def test_time_is_that_of_the_commit(tmp_path, built):
    pack("--output", tmp_path, "--build", built, SOURCE_DATE_EPOCH=None)
    commit = said("git", "log", "-1", "--format=%ct", cwd=ROOT)
    assert {m.mtime for m in members(tmp_path / f"{NAME}.tar.gz")} == {int(commit)}


def test_runtime_packages_hold_every_library_of_the_programs(package):
    listed, needed = runtime_packages(package / NAME), set()
    for name in PROGRAMS:
        head = said("readelf", "-d", package / NAME / "build" / name)
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", head)) - {"libasan.so.8", "libubsan.so.1"}
    owners = said("dpkg-query", "-S", *(f"*/{name}" for name in sorted(needed))).splitlines()
    owners = {line.split(":")[0] for line in owners if re.search(r" /(usr/)?lib/[\w-]+/[^/]+$", line)}
    if SAME_MODE:  # with a sanitizer they have no lists of system calls
        owners.add("libseccomp2")
    assert owners - {"libc6"} == {name for name in listed if name.startswith("lib")}
    assert not [name for name in listed if name.endswith("-dev") or name in COMPILERS]


# -- what goes wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words, status, why", [
    (["--nonsense"], 2, "--nonsense"), (["extra"], 2, "extra"), (["--output"], 2, "--output"),
    (["--output", ""], 2, "--output"), (["--build", "/nonexistent"], 1, "/nonexistent/relayd"),
    (["--output", "/proc/none"], 1, "/proc/none"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bad_input_is_one_line(words, status, why):
    more = ["--build", BUILD] if "--build" not in words else []
    assert why in pack(*more, *words, expect=status).stderr


@pytest.mark.parametrize("name, value", [*(("SOURCE_DATE_EPOCH", value) for value in ("soon", "-1", "1e9", " ")),
                                         *(("GZIP_LEVEL", value) for value in ("0", "10", "best", " "))])
def test_time_or_level_that_is_none_is_refused(tmp_path, built, name, value):
    assert name in pack("--output", tmp_path, "--build", built, expect=2, **{name: value}).stderr
    assert os.listdir(tmp_path) == []


def test_failed_build_leaves_the_old_package(tmp_path, built):
    copy = copy_of_checkout(tmp_path)
    script = copy / "scripts" / "package_private_relay.sh"
    pack("--output", tmp_path / "out", "--build", built, script=script)
    before = digest(tmp_path / "out" / f"{NAME}.tar.gz")
    (copy / "Makefile").write_text("all:\n\t@echo no compiler >&2; exit 1\n", encoding="utf-8")
    assert "make fails: " in pack("--output", tmp_path / "out", script=script, expect=1).stderr
    assert sorted(os.listdir(tmp_path / "out")) == sorted([NAME, f"{NAME}.tar.gz", "SHA256SUMS"])
    assert digest(tmp_path / "out" / f"{NAME}.tar.gz") == before


@pytest.mark.parametrize("used", ["relay/.env.local", "relay/data/bridge.db"])
def test_package_that_a_relay_runs_from_is_not_replaced(tmp_path, built, used):
    pack("--output", tmp_path, "--build", built)
    pack("--output", tmp_path, "--build", built)
    path = tmp_path / NAME / used
    path.parent.mkdir(exist_ok=True)
    path.write_text("kept\n", encoding="utf-8")
    assert "choose another --output" in pack("--output", tmp_path, "--build", built, expect=1).stderr
    assert path.read_text(encoding="utf-8") == "kept\n"


def test_folder_that_is_no_package_is_not_replaced(tmp_path, built):
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "letters.txt").write_text("kept\n", encoding="utf-8")
    assert "is no package" in pack("--output", tmp_path, "--build", built, expect=1).stderr
    assert os.listdir(tmp_path / NAME) == ["letters.txt"]


@pytest.mark.skipif(os.getuid() != 0, reason="root makes the folder that another user cannot write")
def test_folder_that_cannot_be_written_is_one_line(home):
    shutil.copytree(os.path.join(ROOT, "scripts"), home / "scripts")
    (home / "Makefile").touch()
    script = home / "scripts" / os.path.basename(SCRIPT)
    assert "cannot be written to" in pack("--output", home / "out", script=script, expect=1, user=NOBODY).stderr


def test_unpacked_package_cannot_be_packed(tmp_path, package):
    shutil.copytree(package / NAME, tmp_path / NAME)
    script = shutil.copy2(SCRIPT, tmp_path / NAME / "scripts")
    assert "no sources" in pack("--output", tmp_path / "out", script=script, expect=1).stderr


def test_help_is_on_standard_output():
    assert pack("--help").stdout.startswith("Usage:")


# -- a relay from it ---------------------------------------------------------------------------------


class Server:
    """A folder of another user, with the two files of the package; beside it compilers that tell of a call."""

    def __init__(self, package, home):
        self.home, self.port = home, free_port()
        self.folder = home / NAME
        self.user = NOBODY if os.getuid() == 0 else os.getuid()
        stubs = home / "stubs"
        stubs.mkdir()
        for name in COMPILERS:
            (stubs / name).write_text(f"#!/bin/sh\necho {name} >>{home}/called\nexit 99\n", encoding="utf-8")
            os.chmod(stubs / name, 0o755)
        for name in ("SHA256SUMS", f"{NAME}.tar.gz"):
            shutil.copyfile(package / name, home / name)
        if os.getuid() == 0:
            shutil.chown(home, NOBODY, NOBODY)
        self.env = clean_env(HOME=home, HOST="127.0.0.1", PORT=self.port, WEBCHAT_STRICT_PORT=1)
        self.env["PATH"] = f"{stubs}:{self.env['PATH']}"
        self.url = f"http://127.0.0.1:{self.port}"

    def paste(self, text):
        """Runs lines as that user in that folder, up to the first failure; returns what they print."""
        as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        done = subprocess.run(["bash", "-eu", "-o", "pipefail"], input=text, cwd=self.home, env=self.env, timeout=120,
                              capture_output=True, text=True, check=False, **as_user)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def code(self, email):
        return self.paste(f"cd {NAME} && build/relayctl code {email}").split()[-1]

    def sign_in(self, email, address):
        """A signed-in user of the relay."""
        client = Client("127.0.0.1", self.port)
        body = {"email": email, "code": self.code(email), "chat_address": address}
        return User(client, client.post("/api/v1/pchat/auth/verify-code", body, expect=200))

    def kill(self):
        kill_pids(pids_of(str(self.folder)))


@pytest.fixture(name="server")
def another_machine(package, home):
    server = Server(package, home)
    yield server
    server.kill()


def make_older(path, version):
    """Turns the database into one of an older schema version, with all that this version can hold."""
    aside = f"{path}.new"
    with contextlib.closing(sqlite3.connect(path)) as link:  # nothing stays behind in a WAL
        link.execute("PRAGMA journal_mode = DELETE")
    os.rename(path, aside)
    with contextlib.closing(sqlite3.connect(path)) as link:
        for step in STEPS[:version]:
            link.executescript(pathlib.Path(step).read_text(encoding="utf-8"))
        link.execute("ATTACH ? AS new", (aside,))
        tables = "SELECT name FROM {}.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        there = {name for (name,) in link.execute(tables.format("new"))}
        for (table,) in link.execute(tables.format("main")).fetchall():
            if table in there:
                old, new = ({row[1] for row in link.execute(f"PRAGMA {base}.table_info({table})")}
                            for base in ("main", "new"))
                names = ", ".join(sorted(old & new))
                link.execute(f"DELETE FROM main.{table}")
                link.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}")
        link.execute(f"PRAGMA main.user_version = {version}")
        link.commit()
    os.remove(aside)
    os.chown(path, os.stat(os.path.dirname(path)).st_uid, -1)
    os.chmod(path, 0o600)


def test_package_runs_as_another_user_and_is_upgraded_with_its_messages(server):
    make, use = page_section("Package")
    assert make == "scripts/package_private_relay.sh\n"
    printed = server.paste(use)
    assert f"{NAME}.tar.gz: OK" in printed and f"WebChat relay: {server.url}\n" in printed and "was stopped" in printed
    assert re.search(r"^health +ok", printed, re.M) and "FAILED" not in printed
    assert {path.stat().st_uid for path in server.folder.rglob("*")} == {server.user}

    server.paste(f"cd {NAME} && ./start_relay.sh --detach")
    bob = server.sign_in("bob@example.com", "bob.chat")
    code = server.code("ann@example.com")
    server.paste(f"cd {NAME} && {sys.executable} scripts/webchat_cli.py ann@example.com --relay {server.url} "
                 f"--code {code} --chat-address ann.chat --to bob.chat --message 'kept over the upgrade'")
    link = server.paste(f"cd {NAME} && {sys.executable} scripts/private_relay_link.py --site https://chat.example.com "
                        f"--relay {server.url} --email bob@example.com")
    assert link.startswith("https://chat.example.com#relay=http%3A%2F%2F127.0.0.1")
    server.paste(f"cd {NAME} && build/relayctl backup --with-keys copy.db && ./start_relay.sh --stop")
    assert (server.folder / "copy.db").stat().st_size > 0

    os.chmod(server.folder / "relay", 0o700)
    settings = (server.folder / "relay" / ".env.local").read_text(encoding="utf-8")
    make_older(server.folder / "relay" / "data" / "bridge.db", len(STEPS) - 1)
    (server.folder / "build" / "relayd").write_text("#!/bin/sh\nexit 98\n", encoding="utf-8")  # the older version
    server.paste(f"tar -xzf {NAME}.tar.gz && cd {NAME} && ./start_relay.sh --detach")
    assert (server.folder / "relay" / ".env.local").read_text(encoding="utf-8") == settings
    assert stat.S_IMODE((server.folder / "relay").stat().st_mode) == 0o700
    assert [path.name for path in (server.folder / "relay" / "data" / "backups").glob(f"before-v{len(STEPS)}-*.db")]
    assert bob.texts() == ["kept over the upgrade"]
    assert not (server.home / "called").exists(), (server.home / "called").read_text(encoding="utf-8")
    server.paste(f"cd {NAME} && ./start_relay.sh --stop")
