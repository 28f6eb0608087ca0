"""relayctl: the operator's tool."""
import os
import re
import sqlite3
import stat

import pytest

from harness import run, unique

ME = "/api/v1/pchat/auth/me"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_work_without_a_folder(built, arguments):
    done = run("relayctl", *arguments)
    assert done.returncode == 0 and done.stdout.strip() and not done.stderr


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["user"], ["user", "nonsense", "x"], ["user", "block"], ["code"],
                                       ["backup"], ["mail", "nonsense"], ["settings"], ["settings", "--nonsense"], ["check", "extra"],
                                       ["restore"], ["scrub"], ["machine"], ["stats", "extra"], ["settings", "--get", "SMTP_PASSWORD"],
                                       ["settings", "--get", "NOTHING"], ["mail", "test", "nobody"], ["group", "delete"], ["invite", "delete"]])
def test_wrong_call_says_how_it_is_meant(relay, arguments):
    done = relay.ctl(*arguments, expect=None)
    assert done.returncode != 0 and done.stderr.strip()


def test_setting_is_printed_as_it_is_meant(make_relay):
    assert make_relay({"RELAY_NAME": "Our relay"}).ctl("settings", "--get", "RELAY_NAME").stdout == "Our relay\n"


def test_database_that_is_gone_is_an_error_of_every_call(make_relay):
    relay = make_relay()
    relay.stop()
    os.rename(relay.database, relay.database + ".away")
    for arguments in (["user", "list"], ["stats"], ["mail"], ["code", "a@example.com"], ["group", "list"], ["invite", "list"], ["backup", "/x/y"]):
        done = relay.ctl(*arguments, expect=1)
        assert relay.database in done.stderr or "/x" in done.stderr, done
    os.rename(relay.database + ".away", relay.database)


def test_check_is_content_with_a_running_relay(relay):
    relay.ctl("check")


def test_check_names_the_line_at_fault(folder_of):
    done = run("relayctl", "--dir", folder_of("# a comment\nRELAY_WORKERS=many\n"), "check")
    assert done.returncode == 1
    assert re.search(r"\.env\.local:2: RELAY_WORKERS: ", done.stderr + done.stdout)


# -- users -----------------------------------------------------------------------------------------

def test_user_list_shows_everybody(relay, ann, bob):
    listed = relay.ctl("user", "list").stdout
    for user in (ann, bob):
        assert re.search(rf"^.*{user.address}.*$", listed, re.M)
        assert user.email in listed


@pytest.mark.parametrize("by", ["address", "email", "capital-email"])
def test_user_is_found_by_address_or_mail(relay, ann, by):
    relay.ctl("user", "promote", {"address": ann.address, "email": ann.email, "capital-email": ann.email.upper()}[by])
    assert ann.get(ME)["user"]["role"] == "admin"
    relay.ctl("user", "promote", relay.sign_in().address)
    relay.ctl("user", "demote", ann.address)
    assert ann.get(ME)["user"]["role"] == "user"


def test_last_admin_cannot_be_demoted_or_blocked(make_relay):
    relay = make_relay()
    boss = relay.sign_in()
    relay.ctl("user", "promote", boss.address)
    for verb in ("demote", "block"):
        assert relay.ctl("user", verb, boss.address, expect=None).returncode != 0
    assert boss.get(ME, expect=200)["user"]["role"] == "admin"


def test_blocked_user_is_out_and_stays_out(relay, ann):
    relay.ctl("user", "block", ann.address)
    ann.get(ME, expect=401)
    client = relay.client()
    code = client.post("/api/v1/pchat/auth/request-code", {"email": ann.email}, expect=202).json.get("dev_code", "123456")
    client.post("/api/v1/pchat/auth/verify-code", {"email": ann.email, "code": code}, expect=401)
    relay.ctl("user", "unblock", ann.email)
    assert relay.sign_in(ann.email).address == ann.address


@pytest.mark.parametrize("verb", ["promote", "demote", "block", "unblock", "hide", "unhide"])
def test_unknown_user_is_an_error(relay, verb):
    done = relay.ctl("user", verb, "nobody-here", expect=None)
    assert done.returncode != 0 and "nobody-here" in done.stderr


def test_names_cannot_write_to_the_terminal(relay):
    relay.client().put(ME, {}, check=False)
    user = relay.sign_in()
    user.put(ME, {"display_name": "\x1b[31mred\r\nfake line \u202e"}, expect=400)
    assert "\x1b" not in relay.ctl("user", "list").stdout


# -- codes, backups, figures -----------------------------------------------------------------------

@pytest.mark.parametrize("known", [True, False])
def test_code_signs_in(relay, known):
    email = relay.sign_in().email if known else unique() + "@example.com"
    [code] = re.findall(r"\b\d{6}\b", relay.ctl("code", email).stdout)
    relay.client().post("/api/v1/pchat/auth/verify-code", {"email": email, "code": code}, expect=200)


def test_code_for_something_that_is_no_address_is_an_error(relay):
    assert relay.ctl("code", "not an address", expect=None).returncode != 0


def test_backup_is_a_whole_database_for_its_owner_only(relay, ann, bob):
    message = ann.send(bob, "in the backup")["message_id"]
    path = os.path.join(os.path.dirname(relay.folder), unique("backup"))
    relay.ctl("backup", "--with-keys", path)
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as link:
        assert link.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert link.execute("SELECT count(*) FROM account WHERE email = ?", [ann.email]).fetchone() == (1,)
        assert link.execute("SELECT length(k.body_key) FROM message m JOIN content_key k ON k.id = m.id"
                            " WHERE m.public_id = ?", [bytes.fromhex(message[4:])]).fetchone() == (32,)


def test_backup_without_keys_holds_nothing_that_opens_a_message(relay, ann, bob):
    ann.send(bob, "not in the backup")
    path = os.path.join(os.path.dirname(relay.folder), unique("backup"))
    relay.ctl("backup", path)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as link:
        assert link.execute("SELECT count(*) FROM message").fetchone()[0] >= 1
        for table in ("file", "outbox", "login_code"):
            assert link.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert link.execute("SELECT count(*) FROM content_key WHERE body_key <> zeroblob(32)").fetchone() == (0,)
        assert link.execute("SELECT count(*) FROM message WHERE length(body) > 0").fetchone() == (0,)


def test_backup_does_not_overwrite(relay):
    path = os.path.join(os.path.dirname(relay.folder), unique("backup"))
    with open(path, "w", encoding="utf-8") as file:
        file.write("precious")
    assert relay.ctl("backup", path, expect=None).returncode != 0
    with open(path, encoding="utf-8") as file:
        assert file.read() == "precious"


def test_backup_into_a_folder_that_is_not_there_is_an_error(relay):
    done = relay.ctl("backup", "/nonexistent/backup.db", expect=None)
    assert done.returncode != 0 and "/nonexistent" in done.stderr


def test_stats_counts(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    ann.send(ann)
    assert re.findall(r"\b[0-9]+\b", relay.ctl("stats").stdout)


def test_tool_works_while_the_relay_is_stopped_and_the_relay_afterwards(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    relay.stop()
    relay.ctl("user", "hide", ann.address)
    relay.ctl("stats")
    relay.start()
    relay.sign_in(ann.email).send(ann.address, "writable still")


# -- settings --------------------------------------------------------------------------------------

def test_example_settings_are_good_settings_and_name_them_all(relay, folder_of):
    example = relay.ctl("settings", "--example").stdout
    markdown = relay.ctl("settings", "--markdown").stdout
    names = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", example, re.M))
    assert {"HOST", "PORT", "SMTP_PASSWORD", "MESSAGE_RETENTION_MODE", "RELAY_WORKERS"} <= names
    assert all(name in markdown for name in names)
    done = run("relayd", "--dir", folder_of(example), "--check")
    assert done.returncode == 0, done


def test_settings_show_no_secret(make_relay):
    relay = make_relay({"SMTP_HOST": "127.0.0.1", "SMTP_USERNAME": "u", "SMTP_PASSWORD": "hush-hush", "SMTP_FROM": "a@example.com"})
    for arguments in (["settings", "--example"], ["settings", "--markdown"], ["check"], ["stats"], ["mail"]):
        done = relay.ctl(*arguments)
        assert "hush-hush" not in done.stdout + done.stderr
    assert "hush-hush" not in relay.stderr
