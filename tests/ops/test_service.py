"""The systemd units and scripts/install_service.sh, staged below a folder of the test's."""
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

import spare
from contract import ROOT
from harness import BUILD, clean_env, make_folder

SCRIPT = os.path.join(ROOT, "scripts", "install_service.sh")
UNITS = ["webchat-relay.service", "webchat-relay-sweep.service", "webchat-relay-sweep.timer"]
PROGRAMS = ["relayd", "relay-mail", "relay-live", "relay-sweep", "relayctl"]
WORST_EXPOSURE = 2.0


@pytest.fixture(name="programs", scope="module")
def folder_of_programs(built):
    """A folder with a space in its name that holds all four programs."""
    folder = pathlib.Path(make_folder("built programs"))
    for name in PROGRAMS:
        shutil.copy2(os.path.join(BUILD, name), folder / name)
    yield str(folder)
    shutil.rmtree(folder.parent)


def install(*words, expect=0, user=None):
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run([SCRIPT, *words], env=clean_env(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, **as_user)
    assert done.returncode == expect, done
    assert expect == 0 or len(done.stderr.splitlines()) == 1 and not done.stdout, done
    return done


def tree(folder):
    return sorted(os.path.relpath(os.path.join(root, name), folder) for root, _, names in os.walk(folder) for name in names)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("unit", [name for name in UNITS if name.endswith(".service")])
def test_unit_is_hardened(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", os.path.join(ROOT, "systemd", unit)],
                          capture_output=True, text=True, timeout=60)
    score = float(re.search(rf"Overall exposure level for {unit}: ([\d.]+)", done.stdout).group(1))
    print(f"{unit}: exposure {score}")
    assert score <= WORST_EXPOSURE, done.stdout


def test_unit_keeps_to_its_port():
    assert "\nEnvironment=WEBCHAT_STRICT_PORT=true\n" in read(ROOT, "systemd", "webchat-relay.service")


def test_relay_that_was_tried_out_moves_into_the_service_with_its_accounts(tmp_path, programs, make_relay):
    trial = make_relay({"BRIDGE_DB_PATH": "./store/chat.db", "PCHAT_UPLOAD_DIR": "./up", "RELAY_NAME": "Trial"})
    ann, bob = trial.sign_in(), trial.sign_in()
    ann.send(bob, "still waiting")
    words = ("--root", str(tmp_path), "--build", programs, "--from", trial.folder)
    assert "stop it first" in install(*words, expect=1).stderr
    trial.stop()
    install(*words)
    moved = str(tmp_path / "var/lib/webchat-relay")
    assert sorted(os.listdir(moved)) == [".env.local", "data", "pchat_uploads"]
    assert stat.S_IMODE(os.stat(os.path.join(moved, ".env.local")).st_mode) == 0o600
    assert "already" in install(*words, expect=1).stderr
    os.chmod(tmp_path, 0o755)
    shutil.rmtree(os.path.join(trial.folder, "store"))
    shutil.rmtree(os.path.join(trial.folder, "up"))
    subprocess.run(["cp", "-a", moved + "/.", trial.folder], check=True)
    del trial.settings["BRIDGE_DB_PATH"], trial.settings["PCHAT_UPLOAD_DIR"]
    assert "RELAY_NAME=Trial" in read(moved, ".env.local") and "store/chat.db" not in read(moved, ".env.local")
    trial.start()
    bob.port = trial.port
    assert bob.texts() == ["still waiting"]


@pytest.mark.parametrize("words, said", [(["--from", "/nonexistent"], "/nonexistent"), (["--from", "/etc"], "no .env.local"),
                                         (["--from", "/etc", "--uninstall"], "do not go together")])
def test_move_from_what_is_no_relay_is_refused(tmp_path, programs, words, said):
    status = 2 if "--uninstall" in words else 1
    assert said in install("--root", str(tmp_path), "--build", programs, *words, expect=status).stderr


def test_units_are_understood_by_systemd(tmp_path, programs):
    install("--root", str(tmp_path), "--build", programs)
    paths = [str(tmp_path / "etc/systemd/system" / unit) for unit in UNITS]
    for path in paths:  # verify wants to see the programs
        text = read(path).replace("/opt/webchat-relay/bin/", f"{tmp_path}/opt/webchat-relay/bin/")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "webchat-relay" in line]
    assert ours == [], done


def test_installed_relay_runs_from_its_prefix(tmp_path, programs, make_relay):
    install("--root", str(tmp_path), "--build", programs, "--prefix", "/opt/relay")
    os.chmod(tmp_path, 0o755)
    relay = make_relay(start=False)
    done = subprocess.run([str(tmp_path / "opt/relay/bin/relayd"), "--dir", relay.folder, "--check"], env=clean_env(),
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "The settings are fine.\n"), done


def test_install_puts_everything_in_its_place_and_uninstall_leaves_the_data(tmp_path, programs):
    words = ("--root", str(tmp_path), "--build", programs, "--prefix", "/usr/local/lib/chat", "--dir", "/srv/chat", "--user", "chatty")
    install(*words)
    assert set(tree(tmp_path / "usr/local/lib/chat/bin")) == set(PROGRAMS)
    assert "relay.conf.in" in tree(tmp_path / "usr/local/lib/chat/nginx")
    assert stat.S_IMODE(os.stat(tmp_path / "srv/chat/.env.local").st_mode) == 0o600
    service = read(tmp_path, "etc/systemd/system/webchat-relay.service")
    assert "ExecStart=/usr/local/lib/chat/bin/relayd --dir /srv/chat\n" in service
    assert "ReadWritePaths=/srv/chat\n" in service and "User=chatty\n" in service
    assert "ExecStart=/usr/local/lib/chat/bin/relay-sweep --dir /srv/chat\n" in read(
        tmp_path, "etc/systemd/system/webchat-relay-sweep.service")
    (tmp_path / "srv/chat/.env.local").write_text("RELAY_NAME=kept\n")
    before = tree(tmp_path)
    install(*words)
    assert tree(tmp_path) == before and read(tmp_path, "srv/chat/.env.local") == "RELAY_NAME=kept\n"
    install(*words, "--uninstall")
    assert tree(tmp_path) == ["srv/chat/.env.local"]
    install(*words, "--uninstall")


@pytest.mark.parametrize("more", [[], ["--uninstall"]], ids=["install", "uninstall"])
def test_dry_run_changes_nothing(tmp_path, programs, more):
    said = install("--root", str(tmp_path), "--build", programs, "--dry-run", *more).stdout
    assert said and all(line.startswith("would ") for line in said.splitlines())
    assert tree(tmp_path) == []


def test_dry_run_of_a_real_install_names_every_step(programs):
    said = install("--build", programs, "--dry-run", "--user", "nobody-yet").stdout
    for step in ("useradd", "relayd.new", ".env.local", "daemon-reload", "enable", "restart", "chown"):
        assert step in said


@pytest.mark.parametrize("words, status, said", [
    (["--nonsense"], 2, "--nonsense"), (["extra"], 2, "extra"), (["--user"], 2, "--user"), (["--user", "root"], 2, "root"),
    (["--user", "a b"], 2, "a b"), (["--prefix", "relative"], 2, "relative"), (["--prefix", "/a b"], 2, "/a b"),
    (["--dir", "/a|b"], 2, "/a|b"), (["--dir", "/home/me/relay"], 2, "homes"), (["--dir", "/x", "--prefix", "/x"], 2, "same folder"),
    (["--build", "/nonexistent"], 1, "/nonexistent/relayd"), (["--root", "/nonexistent"], 1, "/nonexistent"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bad_input_is_one_line(programs, words, status, said):
    more = [] if "--build" in words else ["--build", programs]
    assert said in install(*more, *words, expect=status).stderr


# Root's PATH after `su` without a dash: that of the user before.
WHOLE_LIFE = r"""
spare a
mkdir "$SPARE/a/tmp/here"
mkdir -p "$SPARE/a/run/systemd/system" # it runs there, and leaves a folder that is no machine alone
cp -r "$ROOT/scripts" "$ROOT/nginx" "$ROOT/systemd" "$ROOT/relay" "$SPARE/a/tmp/here/"
cp -r "$PROGRAMS" "$SPARE/a/tmp/here/build"
chroot "$SPARE/a" env -i PATH=/usr/local/bin:/usr/bin:/bin bash -eu -o pipefail <<'TXT'
cd /tmp/here
echo "== install"
scripts/install_service.sh
stat -c '%n %a %U' /var/lib/webchat-relay /var/lib/webchat-relay/.env.local
getent passwd webchat-relay
find /etc/systemd/system -name 'webchat-relay*' -printf '%P\n' | sort
setpriv --reuid webchat-relay --regid webchat-relay --init-groups /opt/webchat-relay/bin/relayd --dir /var/lib/webchat-relay --check
echo "== again"
echo PORT=5999 >>/var/lib/webchat-relay/.env.local
scripts/install_service.sh
tail -1 /var/lib/webchat-relay/.env.local
echo "== uninstall"
scripts/install_service.sh --uninstall
ls -A /var/lib/webchat-relay
find /etc/systemd/system /opt -name '*webchat-relay*'
TXT
"""


def test_root_of_su_installs_and_removes_it_on_a_machine(tmp_path, programs):
    spare.needs(tmp_path)
    done = spare.run(str(tmp_path), WHOLE_LIFE, ROOT=ROOT, PROGRAMS=programs)
    assert done.returncode == 0, done.stdout + done.stderr
    life = spare.parts(done.stdout)
    assert life["install"][1:3] == ["/var/lib/webchat-relay 750 webchat-relay", "/var/lib/webchat-relay/.env.local 600 webchat-relay"]
    assert life["install"][3].endswith(":/var/lib/webchat-relay:/usr/sbin/nologin") and life["install"][-1] == "The settings are fine."
    wants = {"multi-user.target.wants/webchat-relay.service", "timers.target.wants/webchat-relay-sweep.timer"}
    assert wants < set(life["install"])
    assert life["again"][-1] == "PORT=5999"
    assert life["uninstall"][1:] == [".env.local", "data", "pchat_uploads", "run"]


@pytest.mark.skipif(os.getuid() != 0, reason="root makes the folder that another user cannot write")
def test_ordinary_user_is_told_that_root_installs(tmp_path, programs):
    assert "only root" in install("--build", programs, expect=1, user=65534).stderr
    assert "cannot be written" not in install("--build", programs, "--dry-run", user=65534).stdout
    assert "can be written" in install("--build", programs, "--root", str(tmp_path), expect=1, user=65534).stderr


def test_help_is_on_standard_output():
    assert install("--help").stdout.startswith("Usage:")
