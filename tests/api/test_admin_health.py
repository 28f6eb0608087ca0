"""What admins read of how the relay fares: the checks of relayctl doctor that a worker can make, and what is switched on."""
import json
import time

import pytest

from client import wait_until
from engine_sink import EngineSink
from harness import Relay, run

HEALTH = "/api/v1/webchat/admin/health"
SOUND = {"PCHAT_MIN_FREE_BYTES": 0, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "PCHAT_ADMIN_DOMAINS": "admins.example", "RELAY_TELEGRAM_API": "",
         "WEBCHAT_GUI": "false", "RELAY_LIVE": "false", "RELAY_DURABILITY": "normal", "MESSAGE_RETENTION_MODE": "full"}
SECRET = "Hush-hush-4711"


@pytest.fixture(scope="module", name="relay")
def relay_of_its_own(built):
    with Relay(SOUND) as relay:
        yield relay


@pytest.fixture(scope="module", name="boss")
def an_admin(relay):
    return relay.sign_in("boss@admins.example")


def checks(boss):
    """{name: (ok, message)} of a report whose summary agrees with it."""
    found = boss.get(HEALTH, expect=200)
    assert found["ok"] == all(check["ok"] for check in found["checks"])
    return {check["name"]: (check["ok"], check["message"]) for check in found["checks"]}


def test_sound_relay_passes_and_says_it_as_doctor_does(relay, boss):
    found = checks(boss)
    assert all(ok for ok, _ in found.values()), found
    report = json.loads(relay.ctl("doctor").stdout)
    said = {check["name"]: (check["ok"], check["message"]) for check in report["checks"]}
    shared = {"clock", "database", "housekeeping", "files", "live", "codes", "outbox"}
    assert shared <= set(found) and {name: found[name] for name in shared} == {name: said[name] for name in shared}


def test_facts_are_those_of_the_relay(relay, boss):
    found = boss.get(HEALTH, expect=200)
    assert found["version"] == relay.client().get("/health")["version"] and abs(found["time"] - time.time() * 1000) < 60_000
    with relay.opened_database() as database:
        assert found["schema"] == database.execute("SELECT max(number) FROM schema_step" if relay.database_url else "PRAGMA user_version").fetchone()[0]
    assert "swept_at" not in found.json
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0
    assert abs(boss.get(HEALTH, expect=200)["swept_at"] - time.time() * 1000) < 60_000
    assert found["database_bytes"] > 100_000 and found["free_bytes"] > 0 and found["workers"] >= 1


def test_queues_tell_what_waits_and_nothing_of_whom(relay, boss):
    boss.post("/api/v1/messages", {"channel": "sms", "to": "+4930123", "text": "wait"}, expect=202)
    found = boss.get(HEALTH, expect=200)
    [queue] = [q for q in found["queues"] if q["channel"] == "sms"]
    assert queue["waiting"] == 1 and "4930123" not in str(found.json)


def outbox(relay, age_sec, tries, error, code=False):
    """A mail of the relay's own in the outbox, asked for so long ago."""
    at = int((time.time() - age_sec) * 1000)
    with relay.opened_database() as database:
        database.execute("DELETE FROM outbox")
        database.execute("INSERT INTO outbox (recipient, subject, body, created_at, expires_at, next_try_at, tries, last_error)"
                         " VALUES ('who@example.com', 's', 'b', ?, ?, ?, ?, ?)",
                         (at, at + 600_000 if code else 0, int(time.time() * 1000) + 3_600_000, tries, error))


@pytest.mark.parametrize("age, tries, code, failing", [(10, 0, False, set()), (7200, 3, False, {"outbox"}), (120, 1, True, {"mail"}), (120, 1, False, set())])
def test_mail_that_does_not_leave_is_found_with_its_reason(relay, boss, age, tries, code, failing):
    outbox(relay, age, tries, "535 wrong password" if tries else "", code)
    found = checks(boss)
    assert {name for name, (ok, _) in found.items() if not ok} == failing
    for name in failing:
        assert "535 wrong password" in found[name][1] and "who@example.com" not in str(found)
    if "outbox" in failing:
        [said] = [check for check in json.loads(relay.ctl("doctor", expect=1).stdout)["checks"] if check["name"] == "outbox"]
        assert not said["ok"] and said["message"].startswith("1 wait, ") and "535 wrong password" in said["message"]
    ready = relay.client().get("/ready", expect=503 if code else 200)
    assert ready.json.get("failing", []) == (["mail"] if code else [])
    outbox(relay, 0, 0, "")


def reload(relay, boss, settings, seen):
    relay.settings = {**relay.settings, **settings}
    relay.reload_all()
    wait_until("the new settings are in force", lambda: seen(boss.get(HEALTH, expect=200)))


def test_lines_switch_on_what_is_off(relay, boss, folder_of):
    off = {f["name"]: f["lines"] for f in boss.get(HEALTH, expect=200)["features"] if not f["on"]}
    assert len(off) >= 12 and all("lines" in f or f["on"] for f in boss.get(HEALTH)["features"])
    for name, lines in off.items():
        done = run("relayctl", "--dir", folder_of(lines + "\n"), "check")
        assert done.stdout.splitlines()[0].split()[:2] == ["settings", "ok"], (name, done)
    lines = dict(line.split("=", 1) for text in off.values() for line in text.splitlines())
    reload(relay, boss, {**lines, "RELAY_LIVE": "auto", "PCHAT_AUTH_ALLOWED_DOMAINS": "example.com", "RELAY_METRICS_PORT": 0, "RELAY_TURN_SECRET": SECRET,
                         "SMTP_HOST": "127.0.0.1", "SMTP_PORT": 9, "SMTP_USERNAME": "who", "SMTP_PASSWORD": SECRET, "WEBCHAT_GUI": "false"},
           lambda now: sum(f["on"] for f in now["features"]) >= 11)
    found = boss.get(HEALTH, expect=200)
    assert {f["name"] for f in found["features"] if not f["on"]} <= {"metrics", "page"}
    assert SECRET not in str(found.json)
    assert {"translation", "transcription"} <= {check["name"] for check in found["checks"]}


def test_what_is_wrong_in_the_settings_is_found_and_ready_agrees(relay, boss):
    reload(relay, boss, {"PCHAT_MIN_FREE_BYTES": 10**15, "PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN": "false", "RELAY_TRUSTED_PROXIES": "0.0.0.0/0",
                         "PCHAT_DEV_EXPOSE_CODES": "true", "HOST": "127.0.0.1"}, lambda now: not now["ok"])
    found = checks(boss)
    assert {name for name, (ok, _) in found.items() if not ok} == {"disk", "downloads", "proxies", "codes"}
    assert "PCHAT_MIN_FREE_BYTES" in found["disk"][1] and "RELAY_TRUSTED_PROXIES" in found["proxies"][1]
    assert relay.client().get("/ready", expect=503)["failing"] == ["disk"]


def test_engine_that_is_left_alone_is_named(make_relay):
    with EngineSink() as engine:
        boss = make_relay({**SOUND, **engine.settings(RELAY_TRANSLATE_LANGUAGES="en,es")}).sign_in("boss@admins.example")
        assert checks(boss)["translation"][0]
        engine.misbehave = "429_for_ever"
        boss.post("/api/v1/webchat/translate", {"text": "hello", "source": "en", "target": "es"}, expect=503)
        ok, said = checks(boss)["translation"]
        assert not ok and "left alone" in said
