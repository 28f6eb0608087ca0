"""relayctl doctor: each check passes on a sound relay and fails on the trouble it is there for."""
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from client import wait_until
from harness import BUILD, clean_env, run
from smtp_sink import PASSWORD, USERNAME
from tls import make_certificate

SOUND = {"PCHAT_DEV_EXPOSE_CODES": "false", "PCHAT_MIN_FREE_BYTES": 0}
LOCAL = ["settings", "data", "uploads", "disk", "clock", "database", "housekeeping", "wal", "files", "sandbox", "socket", "live", "codes", "signin", "outbox"]
ASKED = ["health", "downloads", "private", "forwarding"]


def examine(relay, *options, expect=0, env=None):
    """{name: (ok, message)} of a report whose exit status and summary agree with it."""
    done = relay.ctl("doctor", *options, expect=expect, env=env)
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0) == all(check["ok"] for check in report["checks"]), report
    assert all(set(check) == {"name", "ok", "message"} and check["message"] for check in report["checks"]), report
    return {check["name"]: (check["ok"], check["message"]) for check in report["checks"]}


def failing(relay, *options, env=None):
    """The names of the checks that fail, and all messages in one text."""
    found = examine(relay, *options, expect=1, env=env)
    return {name for name, (ok, _) in found.items() if not ok}, " | ".join(message for _, message in found.values())


@pytest.fixture(name="sound", scope="module")
def a_sound_relay(built):
    from harness import Relay
    with Relay({**SOUND, "RELAY_AUTH_RATE": 30}) as relay:
        yield relay


class Server:
    """A web server on loopback that responds by a function of (path, headers): (status, type)."""

    def __init__(self, response):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, kind = response(self.path, self.headers)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
            do_POST = do_GET

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# -- a sound relay ---------------------------------------------------------------------------------

def test_sound_relay_passes_every_check_in_order(sound):
    assert list(examine(sound)) == LOCAL + ASKED


def test_report_is_the_same_for_the_address_that_is_given(sound):
    assert list(examine(sound, "--url", sound.url + "/")) == LOCAL + ASKED


def test_text_is_a_line_for_each_check(sound):
    lines = sound.ctl("doctor", "--text").stdout.splitlines()
    assert [line.split()[0] for line in lines] == LOCAL + ASKED
    assert all(line.split()[1] == "ok" for line in lines)


def test_check_makes_the_local_checks_only(sound):
    assert [line.split()[0] for line in sound.ctl("check").stdout.splitlines()] == LOCAL


@pytest.mark.parametrize("words", [["extra"], ["--nonsense"], ["--url"], ["--url", "ftp://x"], ["--url", "http://"],
                                   ["--url", "https:///x"], ["--url", "http://x/?a"]], ids=" ".join)
def test_wrong_words_are_a_usage_error(sound, words):
    done = sound.ctl("doctor", *words, expect=2)
    assert "usage: relayctl doctor" in done.stderr and len(done.stderr.splitlines()) == 1 and not done.stdout


def test_relay_live_that_does_not_respond_is_found(make_relay):
    relay = make_relay(SOUND)
    assert examine(relay)["live"] == (True, "relay-live answers")
    [pid] = relay.children("relay-live")
    os.kill(pid, signal.SIGSTOP)
    found, messages = failing(relay)
    assert found == {"live"} and "relay-live does not answer, so clients poll" in messages


def test_relay_live_that_is_off_is_no_trouble(make_relay):
    assert "off" in examine(make_relay({**SOUND, "RELAY_LIVE": "false"}))["live"][1]


# -- this machine ----------------------------------------------------------------------------------

def test_settings_that_cannot_be_read_are_the_one_failed_check(folder_of):
    done = run("relayctl", "--dir", folder_of("RELAY_WORKERS=many\n"), "doctor")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["ok"] is False and len(report["checks"]) == 1
    assert ".env.local:1: RELAY_WORKERS: " in report["checks"][0]["message"]


@pytest.mark.parametrize("folder, name, mode", [("data", "data", 0o755), ("data", "data", 0o770),
                                                ("pchat_uploads", "uploads", 0o777)])
def test_folder_that_is_open_to_others_fails(make_relay, folder, name, mode):
    relay = make_relay(SOUND)
    os.chmod(os.path.join(relay.folder, folder), mode)
    names, said = failing(relay)
    assert names == {name} and f"{mode:04o}" in said


def test_folder_that_is_gone_fails(make_relay):
    relay = make_relay(SOUND)
    shutil.rmtree(os.path.join(relay.folder, "pchat_uploads"))
    names, said = failing(relay)
    assert {"uploads"} <= names and "pchat_uploads" in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root's relay has another user")
def test_folder_that_the_relay_cannot_write_fails(make_relay):
    relay = make_relay(SOUND)
    os.chown(os.path.join(relay.folder, "data"), 0, 0)
    names, said = failing(relay)
    assert "data" in names and "has to belong to the user" in said


def test_disk_below_the_floor_fails(make_relay):
    names, said = failing(make_relay({**SOUND, "PCHAT_MIN_FREE_BYTES": 2 ** 49}))
    assert names == {"disk"} and "PCHAT_MIN_FREE_BYTES" in said


@pytest.mark.parametrize("column, unit", [("stream_seq", 1000), ("probed_at", 1)])
def test_clock_behind_the_database_fails(make_relay, column, unit):
    relay = make_relay(SOUND)
    ahead = int(time.time() * 1000 + 3_600_000) * unit
    with relay.opened_database() as link:
        link.execute(f"UPDATE meta SET {column} = ?", [ahead])
    names, said = failing(relay)
    assert names == {"clock"} and "behind the newest time" in said


def test_database_that_is_locked_fails(make_relay):
    relay = make_relay({**SOUND, "RELAY_BUSY_TIMEOUT_MS": 50})
    with relay.locked_database():
        names, said = failing(relay)
    assert "database" in names and "lock" in said


def test_database_that_is_locked_for_less_than_a_call_waits_passes(make_relay):
    relay = make_relay({**SOUND, "RELAY_BUSY_TIMEOUT_MS": 30000})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with relay.locked_database():
            said = pool.submit(examine, relay)
            wait_until("the doctor stands at the lock", relay.waiting_writers)
            time.sleep(0.5)  # as long as a pass on a slow disk may take
        assert said.result()["database"][0] is True


def test_database_of_another_version_fails(make_relay):
    relay = make_relay(SOUND)
    relay.stop()
    with sqlite3.connect(relay.database) as link:
        link.execute("PRAGMA user_version = 9999")
    link.close()
    names, said = failing(relay)
    assert "database" in names and "9999" in said


def test_wal_that_has_grown_fails(make_relay):
    relay = make_relay({**SOUND, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    with contextlib.closing(sqlite3.connect(relay.database, isolation_level=None, timeout=10)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM meta").fetchall()  # while it reads, the WAL is not cut back
        os.truncate(relay.database + "-wal", 65 << 20)
        names, said = failing(relay)
    assert names == {"wal"} and str(65 << 20) in said


def last_pass(relay, *ended_at):
    """When the last housekeeping pass ended; given a time, it is put down as that."""
    with relay.opened_database() as link:
        if ended_at:
            link.execute("UPDATE sweep SET finished_at = ?", ended_at)
        return link.execute("SELECT finished_at FROM sweep").fetchone()[0]


def test_housekeeping_that_has_stopped_fails(make_relay):
    relay = make_relay(SOUND)
    wait_until("the first pass", lambda: last_pass(relay))
    last_pass(relay, int(time.time() * 1000) - 181_000)
    assert examine(relay)["housekeeping"][0] is True  # the relay started a moment ago
    os.utime(os.path.join(relay.folder, "run", "relayd.lock"), (0, 0))
    names, said = failing(relay)
    assert names == {"housekeeping"} and re.search(r"ended 18\d s ago", said)
    last_pass(relay, int(time.time() * 1000) - 170_000)
    assert examine(relay)["housekeeping"] == (True, "a pass ended in time")


def test_housekeeping_that_is_switched_off_passes(make_relay):
    relay = make_relay({**SOUND, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    os.utime(os.path.join(relay.folder, "run", "relayd.lock"), (0, 0))
    assert "nothing is due" in examine(relay)["housekeeping"][1]


def test_few_open_files_fail(sound):
    done = subprocess.run(["bash", "-c", 'ulimit -n 256; exec "$@"', "bash", os.path.join(BUILD, "relayctl"), "--dir",
                           sound.folder, "doctor"], env=clean_env(), capture_output=True, text=True, timeout=60)
    report = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1 and report["files"]["ok"] is False and "256" in report["files"]["message"]


def test_relay_that_is_stopped_fails_without_being_asked_further(make_relay):
    relay = make_relay(SOUND)
    relay.stop()
    found = examine(relay, expect=1)
    assert {name for name, (ok, _) in found.items() if not ok} == {"socket", "health"}
    assert list(found) == LOCAL + ["health"]


@pytest.mark.parametrize("settings, options", [({"HOST": "0.0.0.0"}, []), ({"RELAY_TRUSTED_PROXIES": "127.0.0.1"}, []),
                                               ({}, ["--url"])], ids=["public", "proxied", "asked-from-outside"])
def test_exposed_codes_fail_where_others_can_ask(make_relay, settings, options):
    relay = make_relay({**SOUND, "PCHAT_DEV_EXPOSE_CODES": "true", **settings})
    names, _ = failing(relay, *(options and [*options, relay.url]))
    assert names == {"codes"}


def test_exposed_codes_pass_on_loopback(make_relay):
    assert "loopback" in examine(make_relay({**SOUND, "PCHAT_DEV_EXPOSE_CODES": "true"}))["codes"][1]


# -- over HTTP -------------------------------------------------------------------------------------

def test_forged_address_is_ignored(sound):
    assert examine(sound)["forwarding"] == (True, "a forged X-Forwarded-For is ignored")


def test_forged_address_that_is_believed_fails(make_relay):
    relay = make_relay({**SOUND, "RELAY_AUTH_RATE": 6, "RELAY_TRUSTED_PROXIES": "127.0.0.0/8"})
    names, said = failing(relay, "--url", relay.url)
    assert names == {"forwarding"} and "gets round the limits" in said


def test_trusted_proxy_that_asks_itself_is_told_so(make_relay):
    relay = make_relay({**SOUND, "RELAY_AUTH_RATE": 6, "RELAY_TRUSTED_PROXIES": "127.0.0.0/8"})
    assert "--url" in examine(relay)["forwarding"][1]


@pytest.mark.parametrize("proxies", ["0.0.0.0/0", "10.0.0.1, ::/0"])
def test_trusting_everybody_fails(make_relay, proxies):
    assert failing(make_relay({**SOUND, "RELAY_TRUSTED_PROXIES": proxies}))[0] == {"forwarding"}


def test_downloads_without_a_token_fail(make_relay):
    names, said = failing(make_relay({**SOUND, "PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN": "false"}))
    assert names == {"downloads"} and "PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN" in said


def test_server_that_gives_files_away_fails(make_relay):
    relay = make_relay(SOUND)
    with Server(lambda path, _: (200, "application/octet-stream")) as server:
        names, said = failing(relay, "--url", server.url)
    assert names == {"downloads", "private"} and "/.env.local answered 200" in said


def test_page_of_the_web_site_is_no_file_of_the_relay(make_relay):
    relay = make_relay(SOUND)
    with Server(lambda path, _: (401, "application/json") if "/api/" in path else (200, "text/html")) as server:
        assert examine(relay, "--url", server.url)["private"][0] is True


def test_health_that_is_not_200_fails(make_relay):
    relay = make_relay(SOUND)
    with Server(lambda path, _: (503 if path == "/health" else 404, "application/json")) as server:
        names, said = failing(relay, "--url", server.url)
    assert names == {"health"} and "/health answered 503" in said


# -- TLS -------------------------------------------------------------------------------------------

@pytest.fixture(name="certificate")
def certificate_of_two_days(tmp_path):
    os.chmod(tmp_path, 0o755)
    return make_certificate(str(tmp_path))


def longer(certificate, key, days):
    """The same key in a certificate of that many days."""
    subprocess.run(["openssl", "req", "-x509", "-key", key, "-out", certificate, "-days", str(days), "-subj", "/CN=localhost"],
                   check=True, capture_output=True)


@pytest.mark.parametrize("days, good", [(2, False), (90, True)])
def test_days_of_the_certificate_are_reported(make_relay, certificate, days, good):
    longer(*certificate, days)
    relay = make_relay({**SOUND, "RELAY_TLS_CERTIFICATE": certificate[0], "RELAY_TLS_KEY": certificate[1]})
    found = examine(relay, expect=0 if good else 1)
    assert found["tls"] == (good, f"the certificate is good for {days} days")
    assert {name for name, (ok, _) in found.items() if not ok} == (set() if good else {"tls"})


def test_certificate_that_nobody_trusts_fails_from_outside(make_relay, certificate):
    longer(*certificate, 90)
    relay = make_relay({**SOUND, "RELAY_TLS_CERTIFICATE": certificate[0], "RELAY_TLS_KEY": certificate[1]})
    names, said = failing(relay, "--url", relay.url)
    assert names == {"health"} and "certificate" in said


# -- mail ------------------------------------------------------------------------------------------

def mail_settings(sink, **more):
    return {**sink.settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD, SMTP_CA_FILE=sink.certificate), **SOUND, **more}


def test_mail_server_is_tried_without_a_mail(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    found = examine(make_relay(mail_settings(sink)), "--mail")
    assert found["mail"][0] is True and "127.0.0.1" in found["mail"][1]
    assert sink.auth_attempts == [True] and sink.mails == []


def test_wrong_password_at_the_mail_server_fails_and_is_not_shown(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    names, said = failing(make_relay(mail_settings(sink, SMTP_PASSWORD="not-the-one")), "--mail")
    assert names == {"mail"} and "535" in said and "not-the-one" not in said


def test_mail_server_that_is_down_fails(make_relay, sink):
    sink.stop()
    assert failing(make_relay(mail_settings(sink, SMTP_CA_FILE="")), "--mail")[0] == {"mail"}


def test_mail_server_that_is_not_set_fails(sound):
    names, said = failing(sound, "--mail")
    assert names == {"mail"} and "SMTP_HOST" in said


def test_mail_server_is_left_alone_without_the_option(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    assert "mail" not in examine(make_relay(mail_settings(sink)))
    assert sink.auth_attempts == []
