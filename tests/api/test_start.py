"""Refusing to start: one line that names the place, the setting and what is allowed."""
import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess

import pytest

from client import wait_until
from harness import BUILD, DEFAULTS, Relay, clean_env, free_port, port_is_free, run

BAD_VALUES = {
    "unknown": ("NOPE", "1"), "unknown-case": ("port", "5110"), "no-number": ("PORT", "abc"), "empty-number": ("PORT", ""),
    "number-and-text": ("PORT", "5110x"), "fraction": ("PORT", "51.1"), "hex": ("PORT", "0x10"), "low": ("PORT", "0"),
    "high": ("PORT", "65536"), "negative": ("SMTP_PORT", "-1"), "overflow": ("PCHAT_MAX_UPLOAD_BYTES", "9" * 30),
    "no-workers": ("RELAY_WORKERS", "0"), "too-many-workers": ("RELAY_WORKERS", "65"), "timeout": ("RELAY_BUSY_TIMEOUT_MS", "1"),
    "interval": ("QUEUE_HOUSEKEEPING_INTERVAL_SEC", "86401"), "bool": ("PCHAT_DEV_EXPOSE_CODES", "maybe"),
    "empty-bool": ("WEBCHAT_STRICT_PORT", ""), "mode": ("MESSAGE_RETENTION_MODE", "none"), "durability": ("RELAY_DURABILITY", "half"),
    "level": ("RELAY_LOG_LEVEL", "loud"), "part-of-an-enum": ("RELAY_LOG_LEVEL", "inf"), "name-too-long": ("RELAY_NAME", "x" * 65),
    "control": ("RELAY_NAME", "a\x1bb"), "proxies": ("RELAY_TRUSTED_PROXIES", "300.1.1.1"), "proxy-list": ("RELAY_TRUSTED_PROXIES", "127.0.0.1; deny all"),
    "origin": ("WEBCHAT_ALLOWED_ORIGINS", "https://a.example\"; return 200"), "host": ("HOST", "127.0.0.1; return"), "user": ("RELAY_USER", "no-such-user"),
    "domain": ("PCHAT_AUTH_ALLOWED_DOMAINS", "@example.com"), "star": ("PCHAT_AUTH_ALLOWED_DOMAINS", "*.x"),
    "semicolons": ("PCHAT_AUTH_ALLOWED_EMAILS", "a@b;c@d"), "mail-url": ("SMTP_HOST", "smtp://mail"), "path-in-origin": ("WEBCHAT_ALLOWED_ORIGINS", "https://a/x"),
    "root": ("RELAY_USER", "root"), "database": ("BRIDGE_DB_PATH", "/dev/null/x.db"), "uploads": ("PCHAT_UPLOAD_DIR", "/dev/null/up"),
    "certificate": ("RELAY_TLS_CERTIFICATE", "/dev/null/cert.pem"), "mail-ca": ("SMTP_CA_FILE", "/dev/null/ca.pem"), "sender": ("SMTP_HOST", "127.0.0.1"),
}

OF_NGINX = ("HOST", "WEBCHAT_ALLOWED_ORIGINS", "RELAY_TRUSTED_PROXIES", "RELAY_TLS_CERTIFICATE")


def start_refused(folder, *options, env=None, timeout=25):
    """Run relayd to its end: it must end with 1 and one line."""
    done = run("relayd", "--dir", folder, *options, env=env or clean_env(WEBCHAT_RELAY_PORT=free_port()), timeout=timeout)
    assert done.returncode == 1, done
    assert "WebChat relay: http" not in done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done
    return lines[0]


@pytest.mark.parametrize("name, value", BAD_VALUES.values(), ids=BAD_VALUES)
def test_bad_value_in_the_file_is_refused_with_its_line(folder_of, name, value):
    if name == "RELAY_USER" and os.getuid() != 0:
        pytest.skip("only root becomes somebody else")
    folder = folder_of(f"# comment\n\nHOST=127.0.0.1\n{name}={value}\n" if name != "HOST" else f"# comment\n\n\n{name}={value}\n")
    line = start_refused(folder)
    assert name in line and "\x1b" not in line
    if "/dev/null" not in value and name not in ("RELAY_USER", "SMTP_HOST", "HOST", "RELAY_TRUSTED_PROXIES", "WEBCHAT_ALLOWED_ORIGINS"):
        assert f"{folder}/.env.local:4: {name}: " in line
    for options in ["--check"], ["--detach"], *([] if name in OF_NGINX else [["--no-nginx"]]):
        assert name in start_refused(folder, *options)


@pytest.mark.parametrize("name, value, allowed", [
    ("PORT", "abc", ["1", "65535"]), ("RELAY_WORKERS", "0", ["1", "64"]), ("PCHAT_DEV_EXPOSE_CODES", "maybe", ["true", "false"]),
    ("RELAY_DURABILITY", "half", ["full", "normal"]), ("MESSAGE_RETENTION_MODE", "x", ["full", "scrub_all_on_claim"]),
    ("RELAY_NAME", "", ["1", "64"]),
])
def test_refusal_says_what_is_allowed(folder_of, name, value, allowed):
    line = start_refused(folder_of(f"{name}={value}\n"))
    assert all(word in line for word in allowed)


@pytest.mark.parametrize("name, value", [("PORT", "abc"), ("RELAY_WORKERS", "1000"), ("RELAY_DURABILITY", "half")])
def test_bad_value_in_the_environment_is_refused(folder_of, name, value):
    line = start_refused(folder_of(""), env=clean_env(**{name: value}))
    assert "environment" in line and name in line


@pytest.mark.parametrize("text", ["PORT\n", "=5\n", "PORT 5110\n", "RELAY_NAME=\"open\n", "RELAY_NAME='x\"\n", "RELAY_NAME=" + "x" * 80000 + "\n"],
                         ids=["no-equals", "no-name", "blank", "open-quote", "mixed-quotes", "very-long"])
def test_line_that_is_no_setting_is_refused(folder_of, text):
    assert ".env.local:1: " in start_refused(folder_of(text))


def test_certificate_without_a_key_is_refused(folder_of):
    assert "RELAY_TLS_KEY" in start_refused(folder_of("RELAY_TLS_CERTIFICATE=/etc/ssl/certs/ca-certificates.crt\n"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_settings_that_others_can_read_are_closed_and_it_says_so(folder_of, mode):
    folder = folder_of("".join(f"{name}={value}\n" for name, value in DEFAULTS.items()))
    path = os.path.join(folder, ".env.local")
    os.chmod(path, mode)
    done = run("relayd", "--dir", folder, "--check", env=clean_env(WEBCHAT_RELAY_PORT=free_port()))
    assert done.returncode == 0 and path in done.stderr and len(done.stderr.splitlines()) == 1, done
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.getuid() != 0, reason="only root has files that others cannot close")
def test_settings_that_others_can_read_and_that_are_not_ours_are_refused(folder_of):
    folder = folder_of("HOST=127.0.0.1\n")
    path = os.path.join(folder, ".env.local")
    os.chmod(path, 0o644)
    done = subprocess.run([os.path.join(BUILD, "relayd"), "--dir", folder, "--check"], env=clean_env(), user=65534, group=65534,
                          extra_groups=[], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 1 and path in done.stderr and "600" in done.stderr and len(done.stderr.splitlines()) == 1, done


def test_folder_that_is_not_there_is_refused(built):
    assert "/nonexistent/folder" in start_refused("/nonexistent/folder")


def test_database_that_is_no_database_is_refused_and_left_alone(folder_of):
    folder = folder_of("HOST=127.0.0.1\n")
    os.makedirs(os.path.join(folder, "data"))
    path = os.path.join(folder, "data", "bridge.db")
    with open(path, "wb") as file:
        file.write(b"no database at all" * 1000)
    assert "bridge.db" in start_refused(folder)
    with open(path, "rb") as file:
        assert file.read() == b"no database at all" * 1000


def test_database_of_a_newer_version_is_refused(make_relay):
    relay = make_relay()
    relay.stop()
    with sqlite3.connect(relay.database) as link:
        link.execute("PRAGMA user_version = 9999")
    link.close()
    assert "bridge.db" in start_refused(relay.folder)


# -- ports -----------------------------------------------------------------------------------------

@pytest.fixture(name="busy_port")
def port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.mark.parametrize("setting", ["PORT", "WEBCHAT_RELAY_PORT"])
def test_busy_port_is_refused_when_strict_in_a_line_that_names_the_setting(folder_of, busy_port, setting):
    line = start_refused(folder_of(f"HOST=127.0.0.1\nWEBCHAT_STRICT_PORT=1\n{setting}={busy_port}\n"), env=clean_env())
    assert f".env.local:3: {setting}: port {busy_port} of 127.0.0.1 is taken" in line and "WEBCHAT_STRICT_PORT" in line


def test_busy_port_makes_it_take_the_next_free_one_and_say_so(built, busy_port):
    with Relay(port=busy_port, env={"WEBCHAT_STRICT_PORT": 0}) as relay:
        assert busy_port < relay.port < busy_port + 200
        relay.client().get("/health", expect=200)
        said = [line for line in relay.stderr.splitlines() if f"port {busy_port} is taken" in line]
        assert len(said) == 1 and str(relay.port) in said[0]


def test_next_free_port_is_never_that_of_the_metrics(built):
    port = free_port()
    while not port_is_free(port + 1):
        port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with Relay({"RELAY_METRICS_PORT": port + 1}, port=port, env={"WEBCHAT_STRICT_PORT": 0}) as relay:
            assert relay.port not in (port, port + 1)


def reaches(host, port):
    with contextlib.suppress(OSError), socket.create_connection((host, port), 5) as link:
        link.sendall(b"GET /health HTTP/1.0\r\nHost: x\r\n\r\n")
        return b" 200 " in link.recv(64)
    return False


needs_ipv6 = pytest.mark.skipif(not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"), reason="this machine has no IPv6")


@pytest.mark.parametrize("host, families", [
    pytest.param("::", ["127.0.0.1", "::1"], marks=needs_ipv6), pytest.param("[::]", ["127.0.0.1", "::1"], marks=needs_ipv6),
    pytest.param("::1", ["::1"], marks=needs_ipv6), ("0.0.0.0", ["127.0.0.1"]), ("*", ["127.0.0.1"]), ("localhost", ["localhost"])])
def test_it_responds_where_it_listens_and_at_the_address_it_prints(built, host, families):
    with Relay({"HOST": host}) as relay:
        assert [family for family in families if not reaches(family, relay.port)] == []
        printed = re.match(r"http://\[?([^\]/]+?)\]?:(\d+)$", relay.url)
        assert reaches(printed.group(1), int(printed.group(2))), relay.url


@needs_ipv6
def test_port_that_is_taken_on_the_other_family_is_taken(folder_of, busy_port):
    line = start_refused(folder_of("HOST=::\nWEBCHAT_STRICT_PORT=1\n"), env=clean_env(WEBCHAT_RELAY_PORT=busy_port))
    assert f"port {busy_port} of :: is taken" in line


def test_port_of_the_file_serves_without_the_variable(built):
    port = free_port()
    with Relay({"PORT": port, "WEBCHAT_STRICT_PORT": "false"}, env={"WEBCHAT_RELAY_PORT": 0, "WEBCHAT_STRICT_PORT": 0}) as relay:
        assert relay.port >= port


def test_environment_wins_over_the_file(built):
    with Relay({"RELAY_NAME": "file"}, env={"RELAY_NAME": "environment"}) as relay:
        assert relay.client().get("/api/v1/webchat/config")["name"] == "environment"


# -- options ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["--help", "--version", "--routes"])
def test_option_that_only_prints_needs_no_folder(built, option):
    done = run("relayd", option)
    assert done.returncode == 0 and done.stdout.strip() and not done.stderr


@pytest.mark.parametrize("options", [["--nonsense"], ["--dir"], ["extra"], ["--status", "--stop", "x"]])
def test_unknown_option_is_refused(built, options):
    done = run("relayd", *options)
    assert done.returncode != 0 and done.stderr.strip()


def test_version_is_the_one_that_health_tells(relay):
    version = relay.client().get("/health")["version"]
    assert version in run("relayd", "--version").stdout and version in run("relayctl", "--version").stdout


def test_check_of_good_settings_returns_0_and_starts_nothing(folder_of):
    folder = folder_of("".join(f"{name}={value}\n" for name, value in DEFAULTS.items()))
    done = run("relayd", "--dir", folder, "--check", env=clean_env(WEBCHAT_RELAY_PORT=free_port()))
    assert done.returncode == 0, done
    assert not os.path.exists(os.path.join(folder, "run", "relay.sock"))


@pytest.mark.parametrize("option", ["--status", "--stop"])
def test_status_and_stop_of_a_relay_that_does_not_run(folder_of, option):
    done = run("relayd", "--dir", folder_of("HOST=127.0.0.1\n"), option)
    assert done.returncode != 0 or option == "--stop"


def test_detached_relay_reports_its_status_and_stops(built):
    relay = Relay()
    try:
        env = clean_env(WEBCHAT_RELAY_PORT=free_port())
        started = run("relayd", "--dir", relay.folder, "--detach", env=env)
        assert started.returncode == 0, started
        relay.port = int(re.search(r"^WebChat relay: http://127\.0\.0\.1:(\d+)", started.stdout, re.M).group(1))
        relay.client().get("/health", expect=200)
        status = run("relayd", "--dir", relay.folder, "--status")
        assert status.returncode == 0 and str(relay.port) in status.stdout
        log = os.path.join(relay.folder, "run", "relay.log")
        os.truncate(log, 17 << 20)
        wait_until("the log is turned over", lambda: os.path.exists(log + ".1") and os.path.getsize(log) < 1 << 20)
        assert os.path.getsize(log + ".1") == 17 << 20 and "the relay answers" in relay.file_text("run/relay.log.1")
        os.kill(int(re.search(r"process (\d+)", status.stdout).group(1)), signal.SIGHUP)
        wait_until("what is said goes on in it", lambda: "settings reloaded" in relay.file_text("run/relay.log"))
        assert os.path.getsize(log) < 1 << 20
        stopped = run("relayd", "--dir", relay.folder, "--stop")
        assert stopped.returncode == 0, stopped
        assert run("relayd", "--dir", relay.folder, "--status").returncode != 0
        assert relay.pids() == []
        assert relay.file_text("run/relay.log")
    finally:
        relay.stop()
        relay.remove()


@pytest.mark.parametrize("words, status, said", [
    (["relay-live", "--help"], 0, ""), (["relay-live"], 2, "see relay-live --help"), (["relay-live", "--most", "many"], 2, "Usage:"),
    (["relay-mail", "--help"], 0, ""), (["relay-mail"], 1, "--dir is missing"), (["relay-mail", "--nonsense"], 2, "Usage:"),
    (["relay-mail", "--dir", "/nowhere"], 1, "/nowhere")])
def test_programs_that_the_pool_starts_say_how(words, status, said):
    done = run(*words)
    assert done.returncode == status and said in done.stderr, done
    assert status or done.stdout.startswith("Usage: " + words[0])
