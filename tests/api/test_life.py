"""The life of a running relay: folders, privileges, a second start, crashes, reload and the end."""
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import stat
import threading

import pytest

from client import wait_until
from harness import BUILD, ORDINARY_PATH, Relay, children_of, clean_env, free_port, make_folder, port_is_free, processes, run

CONFIG = "/api/v1/webchat/config"
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


def works(relay):
    """A message goes from one new user to another."""
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "works")
    assert bob.texts() == ["works"]


# -- folders ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["with spaces and (brackets)", "quote's \"and\" $HOME; `x` \\ {}", "ünï😀", "-leading-dash", "#hash",
                                  "/".join(["long" * 20] * 4)], ids=["spaces", "shell", "unicode", "dash", "hash", "very-long"])
def test_folder_may_have_any_name(built, name):
    with Relay(folder=make_folder(name)) as relay:
        works(relay)


def test_folder_may_be_named_relatively(folder_of):
    done = run("relayd", "--dir", ".", "--check", env=clean_env(WEBCHAT_RELAY_PORT=free_port()), cwd=folder_of())
    assert done.returncode == 0, done


@AS_ROOT
def test_folder_below_one_that_is_closed_to_others(built):
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        mounted = any(line.split()[4] == "/" for line in mounts)
    if not mounted:
        pytest.skip("a private view needs a mount point at /, which a chroot has not")
    folder = make_folder("closed/relay")
    os.chmod(os.path.dirname(folder), 0o700)
    with Relay(folder=folder) as relay:
        works(relay)
        assert relay.restart()
        works(relay)


def test_moved_folder_works_with_all_that_is_in_it(built):
    with Relay() as relay:
        ann = relay.sign_in()
        ann.send(ann, "before the move")
        relay.stop()
        moved = relay.folder + " moved"
        os.rename(relay.folder, moved)
        relay.folder = moved
        relay.start()
        assert relay.sign_in(ann.email).texts() == ["before the move"]


def open_to_all(path):
    """Can anybody enter the folder and all above it?"""
    while os.stat(path).st_mode & 0o001:
        if path == os.path.dirname(path):
            return True
        path = os.path.dirname(path)
    return False


def test_folder_that_was_started_by_an_ordinary_user(built):
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    if not open_to_all(BUILD):
        pytest.skip("the checkout is closed to others")
    with Relay(user=65534) as relay:
        works(relay)
        relay.stop()
        relay.start()
        works(relay)


# -- privileges ------------------------------------------------------------------------------------

def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@AS_ROOT
def test_workers_and_mailer_are_not_root_and_gain_nothing(relay):
    for pid in relay.workers() + relay.children("relay-mail"):
        status = status_of(pid)
        assert "0" not in status["Uid"].split() and "0" not in status["Gid"].split()
        assert status["Groups"].split() in ([], [status["Gid"].split()[0]])
        assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
        assert status["NoNewPrivs"] == "1"


@AS_ROOT
def test_nginx_workers_are_not_root(relay):
    workers = nginx_workers(relay)
    assert workers and all("0" not in status_of(pid)["Uid"].split() for pid in workers)


def test_files_are_closed_to_others(relay):
    relay.sign_in()
    open_files = []
    for root, folders, names in os.walk(relay.folder):
        for name in names + folders:
            path = os.path.join(root, name)
            if stat.S_IMODE(os.lstat(path).st_mode) & 0o007 and "/run" not in path:
                open_files.append(path)
    folders_open = [path for path in open_files if os.path.isdir(path)]
    assert [path for path in open_files if path not in folders_open] == []
    assert stat.S_IMODE(os.stat(os.path.join(relay.folder, "data", "server.key")).st_mode) & 0o077 == 0
    assert stat.S_IMODE(os.stat(os.path.join(relay.folder, "run", "relay.sock")).st_mode) == 0o660


# -- a second start, crashes -----------------------------------------------------------------------

@pytest.mark.parametrize("options", [[], ["--detach"], ["--no-nginx"]], ids=["plain", "detach", "no-nginx"])
def test_second_start_on_the_same_folder_says_so_and_harms_nothing(make_relay, options):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})  # a pass comes and goes by itself
    before = sorted(relay.pids())
    done = run("relayd", "--dir", relay.folder, *options, env=clean_env(WEBCHAT_RELAY_PORT=free_port()))
    assert done.returncode in (0, 1) and "already running" in done.stdout + done.stderr, done
    assert sorted(relay.pids()) == before
    works(relay)


def test_killed_relay_starts_again_with_all_that_it_acknowledged(built):
    with Relay() as relay:
        ann = relay.sign_in()
        ann.send(ann, "kept")
        port = relay.port
        os.kill(relay.process.pid, signal.SIGKILL)
        relay.process.wait()
        relay.fixed_port = port
        relay.start()
        assert relay.sign_in(ann.email).texts() == ["kept"]


def test_killed_relay_leaves_no_worker_behind(make_relay):
    relay = make_relay()
    workers = relay.workers()
    os.kill(relay.process.pid, signal.SIGKILL)
    relay.process.wait()
    wait_until("the workers are gone", lambda: not [
        pid for pid, state, *_ in processes() if pid in workers and state != "Z"])
    relay.kill()


def test_killed_nginx_is_started_again(make_relay):
    relay = make_relay()
    [nginx] = relay.children("nginx")
    os.kill(nginx, signal.SIGKILL)
    wait_until("another nginx serves", lambda: nginx_workers(relay) and serves(relay), 60)


def nginx_workers(relay):
    """Pids of the workers of the nginx that the relay runs now."""
    return [pid for master in relay.children("nginx") for pid in children_of(master)]


def serves(relay):
    try:
        return relay.client().get("/health", check=False).status == 200
    except OSError:
        return False


# -- reload ----------------------------------------------------------------------------------------

class Load:
    """Callers that poll and send until they are told to stop, and note what went wrong."""

    def __init__(self, relay, count=4):
        self.done, self.responses, self.errors = threading.Event(), 0, []
        self.threads = [threading.Thread(target=self._run, args=(relay.sign_in(),)) for _ in range(count)]

    def _run(self, user):
        cursor = ""
        while not self.done.is_set():
            try:
                user.send(user, "x")
                cursor = user.poll(cursor)["cursor"]
                self.responses += 2
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.errors.append(repr(error))
                return

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()


def test_reload_takes_new_settings_without_dropping_a_request(make_relay):
    relay = make_relay()
    with Load(relay) as load:
        for number in range(3):
            before = load.responses
            relay.settings["RELAY_NAME"] = f"name {number}"
            relay.reload()
            wait_until("the new name shows", lambda n=number: relay.client().get(CONFIG)["name"] == f"name {n}")
            wait_until("the load goes on", lambda b=before: load.responses > b + 20 or load.errors)
    assert load.errors == []


def test_reload_asked_for_during_a_reload_is_not_lost(make_relay):
    relay = make_relay()
    with relay.frozen_workers():  # They cannot leave, so the first reload stays under way.
        relay.settings["RELAY_NAME"] = "first"
        relay.reload()
        wait_until("the file was read, which is written anew next", lambda: "settings reloaded" in relay.stderr)
        relay.settings["RELAY_NAME"] = "second"
        relay.reload()
        wait_until("the signal was taken", lambda: not signal_waits(relay.process.pid, signal.SIGHUP))
    wait_until("the last name shows", lambda: relay.client().get(CONFIG)["name"] == "second")


def signal_waits(pid, number):
    """Whether the signal was sent to the process and not yet taken."""
    return int(status_of(pid)["ShdPnd"], 16) >> (number - 1) & 1


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1], ids=["reload", "log"])
def test_nginx_that_is_still_starting_takes_what_it_is_told_once_it_is_up(make_relay, tmp_path, number):
    """Before it has said what it does with it, the signal would end it."""
    hold, program = tmp_path / "hold", tmp_path / "nginx"
    program.write_text(f"""#!/usr/bin/python3 -IS
import os, sys, time
while "-t" not in sys.argv and os.path.exists({str(hold)!r}):
    time.sleep(0.05)
os.execv({shutil.which("nginx")!r}, ["nginx", *sys.argv[1:]])
""")
    program.chmod(0o755)
    relay = make_relay(env={"PATH": f"{tmp_path}:{ORDINARY_PATH}"})
    [nginx] = relay.children("nginx")
    hold.touch()
    os.kill(nginx, signal.SIGKILL)
    [starting] = wait_until("another one starts", lambda: relay.children(os.path.basename(os.path.realpath("/usr/bin/python3"))))
    os.kill(relay.process.pid, number)
    wait_until("it was told", lambda: signal_waits(starting, number))
    hold.unlink()
    wait_until("it serves", lambda: nginx_workers(relay) and serves(relay), 60)
    assert relay.children("nginx") == [starting]


@pytest.mark.parametrize("change", [{"PORT": "new"}, {"HOST": "0.0.0.0"}, {"PORT": "new", "HOST": "0.0.0.0"}],
                         ids=["port", "host", "both"])
def test_reload_moves_to_another_host_and_port(make_relay, change):
    relay = make_relay({"PORT": free_port(), "WEBCHAT_STRICT_PORT": 1}, env={"WEBCHAT_RELAY_PORT": 0})
    old, user = relay.port, relay.sign_in()
    relay.settings.update({name: free_port() if value == "new" else value for name, value in change.items()})
    relay.reload()
    relay.port = relay.settings["PORT"]
    address = re.escape(relay.settings["HOST"]) if relay.settings["HOST"] != "0.0.0.0" else r"[0-9.]+"
    wait_until("it says where it is now", lambda: re.search(
        rf"^WebChat relay: http://{address}:{relay.port}$", relay.stdout.split("\n", 2)[-1], re.M))
    user.port = relay.port
    user.send(user.address, expect=202)
    assert f":{relay.port}" in run("relayd", "--dir", relay.folder, "--status").stdout
    assert old == relay.port or port_is_free(old)


def test_reload_to_a_taken_port_leaves_it_where_it_is_and_doctor_says_so(make_relay):
    relay = make_relay({"PORT": free_port(), "WEBCHAT_STRICT_PORT": 1}, env={"WEBCHAT_RELAY_PORT": 0})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        relay.settings["PORT"] = taken.getsockname()[1]
        relay.reload()
        wait_until("it says why not", lambda: f"not reloaded: {relay.folder}/.env.local" in relay.stderr)
        wait_until("it answers again", lambda: not port_is_free(relay.port))
        relay.client().get("/health", expect=200)
        line = next(line for line in relay.ctl("doctor", "--text", expect=1).stdout.splitlines() if line.startswith("socket"))
        assert "FAILED" in line and str(relay.port) in line and str(relay.settings["PORT"]) in line


def test_reload_with_a_bad_setting_changes_nothing(make_relay):
    relay = make_relay({"RELAY_NAME": "good"})
    relay.settings["RELAY_NAME"], relay.settings["RELAY_WORKERS"] = "bad", "many"
    relay.reload()
    wait_until("the refusal is logged", lambda: "RELAY_WORKERS" in relay.stderr)
    assert relay.client().get(CONFIG, expect=200)["name"] == "good"
    works(relay)


def test_reload_changes_the_number_of_workers(make_relay):
    relay = make_relay({"RELAY_WORKERS": 1})
    relay.settings["RELAY_WORKERS"] = 3
    relay.reload()
    wait_until("there are three workers", lambda: len(relay.workers()) == 3)
    works(relay)


# -- the end ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_end_leaves_no_process_no_socket_and_no_pid_file(make_relay, name):
    relay = make_relay()
    os.kill(relay.process.pid, getattr(signal, name))
    assert relay.process.wait(30) == 0
    wait_until("all processes are gone", lambda: not relay.pids(), 5)
    for left in ("relay.sock", "relayd.pid", "nginx.pid"):
        assert not os.path.exists(os.path.join(relay.folder, "run", left)), left


def test_end_finishes_the_requests_that_are_under_way(make_relay):
    relay = make_relay()
    with Load(relay, 2) as load:
        wait_until("the load runs", lambda: load.responses > 20)
        relay.process.terminate()
        relay.process.wait(30)
    refused = ("ConnectionRefused", "ConnectionReset", "RemoteDisconnected")
    assert all(error.startswith(refused) for error in load.errors), load.errors


def test_end_works_while_workers_are_busy_with_a_locked_database(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 1000})
    ann = relay.sign_in()
    with relay.locked_database():
        sender = threading.Thread(target=send_into_the_void, args=(ann,))
        sender.start()
        relay.process.terminate()
        assert relay.process.wait(30) == 0
        sender.join()


def send_into_the_void(user):
    with contextlib.suppress(OSError, http.client.HTTPException):
        user.call("POST", "/api/v1/messages", {"to": user.address, "text": "x"}, check=False)
