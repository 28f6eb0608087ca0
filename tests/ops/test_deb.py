"""scripts/package_deb.sh: what is in the package, and its life on a spare machine, from installing to purging."""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

import pytest

import spare
from contract import ROOT
from harness import BUILD, clean_env, free_port
from packing import NAME, PROGRAMS, digest, page_section, run, runtime_packages, said

SCRIPT = os.path.join(ROOT, "scripts", "package_deb.sh")
LIB, SHARE = f"usr/lib/{NAME}", f"usr/share/{NAME}"


def pack(*words, **options):
    return run(SCRIPT, *words, **options)


@pytest.fixture(name="deb", scope="module")
def packed_once(built, tmp_path_factory):
    """The package of the programs under test."""
    folder = tmp_path_factory.mktemp("packed")
    return pathlib.Path(pack("--output", folder, "--build", built).stdout.strip())


@pytest.fixture(name="root", scope="module")
def unpacked(deb, tmp_path_factory):
    """What the package holds, below a folder."""
    folder = tmp_path_factory.mktemp("root")
    said("dpkg-deb", "--extract", deb, folder)
    return folder


def test_control_says_what_it_needs(deb, built):
    lines = said("dpkg-deb", "--field", deb).splitlines()
    fields = dict(line.split(": ", 1) for line in lines if not line.startswith(" "))
    version = said(os.path.join(built, "relayd"), "--version").split()[1]
    assert (fields["Package"], fields["Version"]) == (NAME, version)
    assert deb.name == f"{NAME}_{version}_{fields['Architecture']}.deb"
    assert set(fields["Depends"].split(", ")) == {"adduser", "libc6 (>= 2.36)", *runtime_packages()}


def test_files_are_root_s_and_of_etc_only_the_logrotate_file_is_there(deb):
    lines = [line.split(None, 5) for line in said("dpkg-deb", "--contents", deb).splitlines()]
    assert {line[1] for line in lines} == {"root/root"} and {line[3] for line in lines} == {"2023-11-14"}
    assert {line[5].split("/")[1] for line in lines} - {""} == {"usr", "lib", "etc"}
    assert [line[5] for line in lines if line[5].startswith("./etc/") and line[0][0] == "-"] == ["./etc/logrotate.d/webchat-relay"]
    assert said("dpkg-deb", "--info", deb, "conffiles").split() == ["/etc/logrotate.d/webchat-relay"]
    assert {line[0] for line in lines} == {"drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx"}


def test_everything_is_in_its_place(root):
    assert sorted(os.listdir(root / LIB / "bin")) == PROGRAMS
    assert (root / SHARE / "nginx" / "relay.conf.in").is_file() and (root / SHARE / "env.example").is_file()
    assert sorted(os.listdir(root / "lib/systemd/system")) == [
        "webchat-relay-sweep.service", "webchat-relay-sweep.timer", "webchat-relay.service"]
    unit = (root / "lib/systemd/system/webchat-relay.service").read_text(encoding="utf-8")
    assert f"ExecStart=/{LIB}/bin/relayd --dir /var/lib/webchat-relay\n" in unit and "/opt/" not in unit
    assert os.readlink(root / LIB / "relay") == "/var/lib/webchat-relay"
    for link in ("usr/sbin/relayctl", "usr/bin/webchat-cli", "usr/bin/webchat-relay-link"):
        assert (root / link).resolve().is_file() and str((root / link).resolve()).startswith(str(root))
    assert sorted(path.name for path in (root / "usr/share/man").rglob("*.gz")) == [
        "relayctl.8.gz", "webchat-cli.1.gz", "webchat-relay-link.1.gz"]


@pytest.mark.parametrize("page", ["man8/relayctl.8.gz", "man1/webchat-cli.1.gz", "man1/webchat-relay-link.1.gz"])
def test_manual_page_has_the_parts_of_one(root, page):
    text = gzip.decompress((root / "usr/share/man" / page).read_bytes()).decode()
    assert [part for part in ("NAME", "SYNOPSIS", "DESCRIPTION") if f".SH {part}" not in text] == []
    assert page.split("/")[1].split(".")[0] in text and "Usage:" not in text


def complete(root, script, words):
    """What bash offers after those words, the last of which is being typed."""
    lines = f'''source "{root}/usr/share/bash-completion/completions/{script}"
compopt() {{ :; }}
COMP_WORDS=({" ".join(word or "''" for word in words)}) COMP_CWORD={len(words) - 1}
$(complete -p {script} | sed "s/.*-F //; s/ .*//")
printf "%s\\n" "${{COMPREPLY[@]}}"'''
    done = subprocess.run(["bash", "-c", lines], env=clean_env(PATH=f"{root}/usr/bin:/usr/bin:/bin"), capture_output=True, text=True,
                          timeout=60, check=True)
    return done.stdout.split()


def test_completion_knows_commands_verbs_and_flags(root):
    assert {"user", "group", "doctor"} <= set(complete(root, "relayctl", ["relayctl", ""]))
    assert complete(root, "relayctl", ["relayctl", "--dir", "/x", "user", "se"]) == ["sessions"]
    assert complete(root, "relayctl", ["relayctl", "group", "list", "--"]) == ["--json"]
    assert "--chat" in complete(root, "webchat-cli", ["webchat-cli", "me@example.com", "--"])


def test_commands_that_are_completed_are_those_of_the_help(root):
    commands = set(re.findall(r"^  ([a-z][a-z-]*)\b", said(root / "usr/sbin/relayctl", "--help"), re.M))
    assert {"check", "move-to"} <= commands <= set(complete(root, "relayctl", ["relayctl", ""]))


def test_package_for_arm64_is_made_by_the_same_script_without_a_warning_and_runs_there(tmp_path):
    # What the optimizer of this gcc warns of, it warns of when it builds for here; without it libc's checks have no effect.
    quick = "OPT=-O0 MORE=-U_FORTIFY_SOURCE"
    deb = pack("--output", tmp_path, "--arch", "arm64", "--sysroot", tmp_path / "debian", WERROR=1, MAKEFLAGS=quick).stdout.strip()
    assert deb.endswith("_arm64.deb") and said("dpkg-deb", "-f", deb, "Architecture").strip() == "arm64"
    said("dpkg-deb", "-x", deb, tmp_path / "root")
    programs = tmp_path / "root" / LIB / "bin"
    for name in PROGRAMS:
        assert (programs / name).read_bytes()[18:20] == (183).to_bytes(2, "little"), f"{name} is not for AArch64"
    assert said("qemu-aarch64-static", "-L", tmp_path / "debian", programs / "relayctl", "--version").startswith("relayctl ")


def test_there_are_no_sources_and_no_secrets(root):
    names = [str(path.relative_to(root)) for path in root.rglob("*")]
    kinds = re.compile(r"\.(c|h|sql|def|o|db|key|pem)$|\.env\.local|pchat_uploads")
    assert names and [name for name in names if kinds.search(name)] == []


def test_programs_run_from_there(root, folder_of):
    folder = folder_of("HOST=127.0.0.1\n")
    assert said(root / LIB / "bin/relayd", "--dir", folder, "--check") == "The settings are fine.\n"
    for program in ("usr/bin/webchat-cli", "usr/bin/webchat-relay-link", "usr/sbin/relayctl",
                    f"{SHARE}/scripts/enable_https.sh"):
        assert said(root / program, "--help").lower().startswith("usage:")


def test_same_to_the_byte_when_made_again(deb, tmp_path, built):
    again = pathlib.Path(pack("--output", tmp_path / "else where", "--build", built, TZ="Asia/Tokyo").stdout.strip())
    assert again.read_bytes() == deb.read_bytes()
    sums = (again.parent / "SHA256SUMS").read_text(encoding="utf-8")
    assert sums == f"{digest(deb)}  {deb.name}\n"
    assert sorted(os.listdir(again.parent)) == ["SHA256SUMS", deb.name]


def test_time_is_that_of_the_commit_and_the_maintainer_is_written_into_it(tmp_path, built):
    deb = pack("--output", tmp_path, "--build", built, "--maintainer", "Ann Example <ann@chat.example>", SOURCE_DATE_EPOCH=None).stdout.strip()
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as packed:
        with tarfile.open(fileobj=packed.stdout, mode="r|") as tar:
            times = {member.mtime for member in tar}
    assert times == {int(said("git", "log", "-1", "--format=%ct", cwd=ROOT))}
    assert said("dpkg-deb", "--field", deb, "Maintainer") == "Ann Example <ann@chat.example>\n"


@pytest.mark.skipif(not shutil.which("lintian"), reason="lintian is not installed; make tidy installs it")
def test_lintian_finds_nothing(deb):
    words = ["lintian", "--allow-root", "--fail-on", "error,warning", "--suppress-tags",
             "bogus-mail-host,bogus-mail-host-in-debian-changelog", str(deb)]
    done = subprocess.run(words, env=clean_env(), capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done


@pytest.mark.parametrize("words, status, why", [
    (["--nonsense"], 2, "--nonsense"), (["extra"], 2, "extra"), (["--output"], 2, "--output"),
    (["--maintainer", "me"], 2, "'me'"), (["--maintainer", "a\tDepends: b <c@d>"], 2, "NAME"),
    (["--build", "/nonexistent"], 1, "/nonexistent/relayd"),
    (["--output", "/proc/none"], 1, "/proc/none"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bad_input_is_one_line(words, status, why):
    more = ["--build", BUILD] if "--build" not in words else []
    assert why in pack(*more, *words, expect=status).stderr


def test_help_is_on_standard_output():
    assert pack("--help").stdout.startswith("Usage:")


LIFE = r"""
spare a
mkdir -p "$SPARE/a/tmp/here/dist"
cp "$DEB" "$SPARE/a/tmp/here/dist/"
rm -f "$SPARE/a/var/lib/man-db/auto-update" # an index of all manual pages, for nobody
printf '#!/bin/sh\nexec "$@"\n' >"$SPARE/a/usr/bin/sudo"
chmod 755 "$SPARE/a/usr/bin/sudo"
chroot "$SPARE/a" bash -eu -o pipefail <<'TXT'
cd /tmp/here
export DEBIAN_FRONTEND=noninteractive
dir=/var/lib/webchat-relay
relayd() {
    setpriv --reuid webchat-relay --regid webchat-relay --init-groups \
        /usr/lib/webchat-private-relay/bin/relayd --dir $dir "$@"
}
start() { relayd --detach; }
stop() { relayd --stop; }
api() { curl -sS --max-time 10 -H 'Content-Type: application/json' "$@"; echo; }
echo "== install"
@INSTALL@
printf 'HOST=127.0.0.1\nPORT=%s\n' "$PORT" >>/etc/webchat-relay/relay.env
start
@LOOK@
stat -c '%n %a %U' $dir /etc/webchat-relay/relay.env
readlink $dir/.env.local
find /etc/systemd/system -name 'webchat-relay*' -printf '%P\n' | sort
echo "== run"
code=$(relayctl code ann@example.com)
token=$(api "http://127.0.0.1:$PORT/api/v1/pchat/auth/verify-code" \
    -d "{\"email\":\"ann@example.com\",\"code\":\"$code\",\"chat_address\":\"ann\"}" |
    sed 's/.*"session_token":"\([^"]*\)".*/\1/')
api "http://127.0.0.1:$PORT/api/v1/messages" -H "X-PChat-Session: $token" -d '{"to":"ann","text":"still here"}'
stop
echo "== again"
rm $dir/.env.local # as a version that kept them there had it
mv /etc/webchat-relay/relay.env $dir/.env.local
dpkg -i dist/*.deb
readlink $dir/.env.local
start
api "http://127.0.0.1:$PORT/api/v1/webchat/poll" -H "X-PChat-Session: $token" -d '{"chat_address":"ann","limit":20}'
stop
echo "== remove"
dpkg -r webchat-private-relay
ls -A $dir
test ! -e /usr/sbin/relayctl -a ! -e /lib/systemd/system/webchat-relay.service
echo "== back"
dpkg -i dist/*.deb
find /etc/systemd/system -name 'webchat-relay*' -printf '%P\n' | sort
tail -1 /etc/webchat-relay/relay.env
echo "== purge"
dpkg -P webchat-private-relay
find /etc /usr /var -name '*webchat*relay*'
getent passwd webchat-relay
TXT
"""


@pytest.fixture(name="life", scope="module")
def life_on_a_spare_machine(deb, tmp_path_factory):
    """What each part of LIFE printed, by its title."""
    folder = tmp_path_factory.mktemp("spare")
    spare.needs(folder)
    make, install, look = "".join(page_section("Debian package")).splitlines()
    assert make == "scripts/package_deb.sh"
    done = spare.run(str(folder), LIFE.replace("@INSTALL@", install).replace("@LOOK@", look), DEB=deb, PORT=free_port())
    assert done.returncode == 0, done.stdout + done.stderr
    return spare.parts(done.stdout)


def test_installing_makes_user_folder_and_settings_and_enables_the_service(life):
    found = [line.split()[1] for line in life["install"] if re.match(r"(settings|data|database|socket) ", line)]
    assert found == ["ok"] * 4
    assert "/var/lib/webchat-relay 750 webchat-relay" in life["install"]
    assert "/etc/webchat-relay/relay.env 600 webchat-relay" in life["install"]
    assert life["install"].count("/etc/webchat-relay/relay.env") == 1
    wants = ["multi-user.target.wants/webchat-relay.service", "timers.target.wants/webchat-relay-sweep.timer"]
    assert [line for line in life["install"] if line in wants] == wants


def test_installed_relay_keeps_messages_over_an_upgrade(life):
    assert any('"status":"queued"' in line for line in life["run"])
    assert any('"text":"still here"' in line for line in life["again"])
    assert "/etc/webchat-relay/relay.env" in life["again"]


def test_removing_keeps_the_data(life):
    assert {".env.local", "data", "pchat_uploads"} <= set(life["remove"])
    assert re.match(r"PORT=\d+$", life["back"][-1]) and "timers.target.wants/webchat-relay-sweep.timer" in life["back"]


def test_purging_deletes_the_data_and_leaves_the_user(life):
    assert [line for line in life["purge"] if line.startswith("/")] == []
    assert life["purge"][-1].startswith("webchat-relay:x:")
