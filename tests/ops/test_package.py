"""scripts/package_private_relay.sh: what is in the package, that it is always the same, and a relay run and upgraded from it."""
import contextlib
import glob
import hashlib
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
from harness import BUILD, clean_env, free_port, kill_pids, make_folder, pids_of

sys.path.insert(0, os.path.join(ROOT, "tests", "docs"))
from pages import section  # noqa: E402 pylint: disable=wrong-import-position

SCRIPT = os.path.join(ROOT, "scripts", "package_private_relay.sh")
NAME = "webchat-private-relay"
PROGRAMS = ["relay-mail", "relay-sweep", "relayctl", "relayd"]
STEPS = sorted(glob.glob(os.path.join(ROOT, "sql", "schema", "[0-9]*.sql")))
SECRETS = ["relay/.env.local", "relay/data/bridge.db", "relay/pchat_uploads/files/x", "relay/run/relay.log", "docs/.notes.md.swp",
           "scripts/key.pem", "nginx/cert.key", "systemd/backup.service~", "cron/.env"]
NOBODY = 65534
COMPILERS = ("make", "gcc", "cc", "clang", "ld", "pkg-config")


def pack(*words, script=SCRIPT, expect=0, user=None, **env):
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    env = clean_env(**{"SOURCE_DATE_EPOCH": "1700000000", **env})
    done = subprocess.run([str(script), *map(str, words)], env={k: v for k, v in env.items() if v != "None"}, cwd="/",
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False, **as_user)
    assert done.returncode == expect, done
    assert expect == 0 or len(done.stderr.splitlines()) == 1 and not done.stdout, done
    return done


@pytest.fixture(name="package", scope="module")
def packed_once(built, tmp_path_factory):
    """A folder with the package of the programs under test."""
    folder = tmp_path_factory.mktemp("packed")
    said = pack("--output", folder, "--build", built).stdout
    assert said == f"{folder}/{NAME}.tar.gz\n"
    return folder


@pytest.fixture(name="home")
def folder_that_others_can_enter():
    home = pathlib.Path(make_folder("server"))
    yield home
    shutil.rmtree(home.parent)


def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def copy_of_checkout(folder):
    """The tracked files, below a folder with a space in its name, with things beside them that nobody may see."""
    copy = folder / "check out"
    for name in tracked():
        if os.path.exists(os.path.join(ROOT, name)):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(os.path.join(ROOT, name), copy / name)
            os.chmod(copy / name, 0o777)
    for name in SECRETS:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("secret\n", encoding="utf-8")
    return copy


def members(path):
    with tarfile.open(path) as tar:
        return tar.getmembers()


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


# -- what is in it -----------------------------------------------------------------------------------


def test_package_holds_the_programs_and_all_that_an_operator_uses(package):
    names = {os.path.relpath(m.name, NAME) for m in members(package / f"{NAME}.tar.gz")}
    assert {f"build/{name}" for name in PROGRAMS} == {name for name in names if name.startswith("build/")}
    operators = re.compile(r"(nginx|systemd|docs)/|cron/.*\.cron$|scripts/.*\.(sh|py)$|relay/\.env|(LICENSE|README\.md|start_relay\.sh)$")
    makers = re.compile(r"scripts/(package_\w+|docker_entrypoint)\.sh$")
    wanted = {name for name in tracked() if operators.match(name) and not makers.match(name)}
    assert names - {f"build/{name}" for name in PROGRAMS} == wanted | {"SHA256SUMS"}


def test_package_has_no_sources(package):
    names = [m.name for m in members(package / f"{NAME}.tar.gz")]
    assert [name for name in names if re.search(r"\.([ch]|sql|def|o|d)$|Makefile|/tests/", name)] == []


def test_programs_are_stripped(package):
    for name in PROGRAMS:
        head = subprocess.run(["readelf", "-S", package / NAME / "build" / name], capture_output=True, text=True, check=True)
        assert ".text" in head.stdout and ".symtab" not in head.stdout and ".debug" not in head.stdout, name


def test_owners_modes_times_and_order_are_fixed(package):
    found = members(package / f"{NAME}.tar.gz")
    assert [m.name for m in found] == sorted(m.name for m in found)
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime, m.type) for m in found} == {(0, 0, "", "", 1700000000, tarfile.REGTYPE)}
    runs = re.compile(r"[^/]+/(build/|scripts/|start_relay\.sh)")
    assert {(bool(runs.match(m.name)), m.mode) for m in found} == {(True, 0o755), (False, 0o644)}


def test_sums_inside_and_beside_are_right_and_complete(package):
    for folder in (package, package / NAME):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    inside = {line.split("  ")[1] for line in (package / NAME / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    assert inside | {"SHA256SUMS"} == {os.path.relpath(m.name, NAME) for m in members(package / f"{NAME}.tar.gz")}
    assert f"{digest(package / f'{NAME}.tar.gz')}  {NAME}.tar.gz" in (package / "SHA256SUMS").read_text(encoding="utf-8")


def test_folder_and_archive_hold_the_same(package):
    with tarfile.open(package / f"{NAME}.tar.gz") as tar:
        for member in tar.getmembers():
            path = package / member.name
            assert tar.extractfile(member).read() == path.read_bytes()
            assert (stat.S_IMODE(path.stat().st_mode), int(path.stat().st_mtime)) == (member.mode, member.mtime)
    assert sum(len(names) for _, _, names in os.walk(package / NAME)) == len(members(package / f"{NAME}.tar.gz"))


def test_same_to_the_byte_in_another_place_and_without_secrets(tmp_path):
    """Two builds from sources, in different folders under different circumstances. For speed nothing is optimized, and one
    program stands for all: it has the store, with the C file that is made from the schema."""
    one, two = tmp_path / "one", tmp_path / "two" / "deeper"
    for folder, env in ((one, {}), (two, {"TZ": "Asia/Tokyo", "LANG": "C.UTF-8"})):
        copy = copy_of_checkout(folder)
        os.chmod(copy, 0o777 if folder is one else 0o700)
        pack("--output", folder / "out", script=copy / "scripts" / "package_private_relay.sh",
             MAKEFLAGS="MODE=-g PROGRAMS=$$(BUILD)/relay-sweep", **env)
    names = [m.name for m in members(one / "out" / f"{NAME}.tar.gz")]
    for name in names:
        content = (one / "out" / name).read_bytes()
        assert content == (two / "out" / name).read_bytes(), name
        assert bytes(tmp_path) not in content, name
    assert digest(one / "out" / f"{NAME}.tar.gz") == digest(two / "out" / f"{NAME}.tar.gz")
    assert f"{NAME}/build/relay-sweep" in names
    assert [name for name in names if os.path.relpath(name, NAME) in SECRETS] == []
    assert sorted(os.listdir(one / "out")) == sorted([NAME, f"{NAME}.tar.gz", "SHA256SUMS"])


def test_time_is_that_of_the_commit(tmp_path, built):
    pack("--output", tmp_path, "--build", built, SOURCE_DATE_EPOCH=None)
    commit = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {m.mtime for m in members(tmp_path / f"{NAME}.tar.gz")} == {int(commit)}


def test_runtime_packages_hold_every_library_of_the_programs(package):
    listed = subprocess.run([package / NAME / "scripts" / "install_deps.sh", "--runtime", "--list"], env=clean_env(), capture_output=True,
                            text=True, check=True).stdout.split()
    needed = set()
    for name in PROGRAMS:
        head = subprocess.run(["readelf", "-d", package / NAME / "build" / name], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", head)) - {"libasan.so.8", "libubsan.so.1"}
    owners = subprocess.run(["dpkg-query", "-S", *(f"*/{name}" for name in sorted(needed))], capture_output=True, text=True, check=True).stdout
    owners = {line.split(":")[0] for line in owners.splitlines() if re.search(r" /(usr/)?lib/[\w-]+/[^/]+$", line)}
    assert owners - {"libc6", "libm6"} == {name for name in listed if name.startswith("lib")}
    assert not [name for name in listed if name.endswith("-dev") or name in COMPILERS]


# -- what goes wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words, status, said", [
    (["--nonsense"], 2, "--nonsense"), (["extra"], 2, "extra"), (["--output"], 2, "--output"), (["--output", ""], 2, "--output"),
    (["--build", "/nonexistent"], 1, "/nonexistent/relayd"), (["--output", "/proc/none"], 1, "/proc/none"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bad_input_is_one_line(words, status, said):
    more = ["--build", BUILD] if "--build" not in words else []
    assert said in pack(*more, *words, expect=status).stderr


@pytest.mark.parametrize("epoch", ["soon", "-1", "1e9", " "])
def test_time_that_is_none_is_refused(tmp_path, built, epoch):
    assert "SOURCE_DATE_EPOCH" in pack("--output", tmp_path, "--build", built, expect=2, SOURCE_DATE_EPOCH=epoch).stderr
    assert os.listdir(tmp_path) == []


def test_failed_build_leaves_the_old_package(tmp_path, built):
    copy = copy_of_checkout(tmp_path)
    script = copy / "scripts" / "package_private_relay.sh"
    pack("--output", tmp_path / "out", "--build", built, script=script)
    before = digest(tmp_path / "out" / f"{NAME}.tar.gz")
    (copy / "Makefile").write_text("all:\n\t@echo no compiler >&2; exit 1\n", encoding="utf-8")
    said = pack("--output", tmp_path / "out", script=script, expect=1).stderr
    assert said.startswith("package_private_relay.sh: make fails: ")
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
    assert "cannot be written to" in pack("--output", home / "out", script=home / "scripts" / os.path.basename(SCRIPT), expect=1,
                                          user=NOBODY).stderr


def test_unpacked_package_cannot_be_packed(tmp_path, package):
    shutil.copytree(package / NAME, tmp_path / NAME)
    shutil.copyfile(SCRIPT, tmp_path / NAME / "scripts" / "package.sh")
    os.chmod(tmp_path / NAME / "scripts" / "package.sh", 0o755)
    assert "no sources" in pack("--output", tmp_path / "out", script=tmp_path / NAME / "scripts" / "package.sh", expect=1).stderr


def test_help_is_on_standard_output():
    assert pack("--help").stdout.startswith("Usage:")


# -- a relay from it ---------------------------------------------------------------------------------


class Server:
    """An empty folder of another user, with the two files of the package in it and programs that say so when they are called."""

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
        self.env = clean_env(HOME=home, HOST="127.0.0.1", PORT=self.port, WEBCHAT_STRICT_PORT=1, PCHAT_DEV_EXPOSE_CODES="true")
        self.env["PATH"] = f"{stubs}:{self.env['PATH']}:/usr/sbin"
        self.url = f"http://127.0.0.1:{self.port}"

    def paste(self, text):
        """Runs lines as that user in that folder, up to the first failure; answers what they print."""
        as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        done = subprocess.run(["bash", "-eu", "-o", "pipefail"], input=text, cwd=self.home, env=self.env, capture_output=True, text=True,
                              timeout=120, check=False, **as_user)
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
    new = f"{path}.new"
    os.rename(path, new)
    with contextlib.closing(sqlite3.connect(path)) as link:
        for step in STEPS[:version]:
            link.executescript(pathlib.Path(step).read_text(encoding="utf-8"))
        link.execute("ATTACH ? AS new", (new,))
        tables = "SELECT name FROM {}.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        there = {name for (name,) in link.execute(tables.format("new"))}
        for (table,) in link.execute(tables.format("main")).fetchall():
            columns = [{row[1] for row in link.execute(f"PRAGMA {base}.table_info({table})")} for base in ("main", "new")]
            if table in there:
                names = ", ".join(sorted(columns[0] & columns[1]))
                link.execute(f"DELETE FROM main.{table}")
                link.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}")
        link.execute(f"PRAGMA main.user_version = {version}")
        link.commit()
    os.remove(new)
    os.chown(path, os.stat(os.path.dirname(path)).st_uid, -1)
    os.chmod(path, 0o600)


def test_package_runs_as_another_user_and_is_upgraded_with_its_messages(server):
    blocks = section("private-server-install.md", "Package")
    assert "scripts/package_private_relay.sh" in blocks[0]
    said = server.paste(blocks[1])
    assert f"{NAME}.tar.gz: OK" in said and f"WebChat relay: {server.url}\n" in said and "The relay was stopped." in said
    assert re.search(r"^health +ok", said, re.M) and "FAILED" not in said
    assert {path.stat().st_uid for path in server.folder.rglob("*")} == {server.user}

    server.paste(f"cd {NAME} && ./start_relay.sh --detach")
    bob = server.sign_in("bob@example.com", "bob.chat")
    code = server.code("ann@example.com")
    server.paste(f"cd {NAME} && {sys.executable} scripts/webchat_cli.py ann@example.com --relay {server.url} --code {code} "
                 "--chat-address ann.chat --to bob.chat --message 'kept over the upgrade'")
    server.paste(f"cd {NAME} && ./start_relay.sh --stop")

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
