"""Signing in, what is kept of it, and signing out."""
import os
import pty
import stat
import subprocess

import pytest

from client import wait_until
from harness import unique

LABELS = ["WebChat URL", "Persona", "E-mail", "Chat address", "Computer", "Session", "Relay", "Relay mode"]


def labelled(text):
    return dict(line.split(": ", 1) for line in text.splitlines())


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_first_run_makes_the_user_and_prints_who_it_is(make_cli, relay):
    cli, address = make_cli(), unique("ann-")
    done = cli.run("--code", relay.code(cli.email), "--name", "Ann Lee", "--chat-address", address, "--computer",
                   "my box",
                   "--session-name", "night shift")
    shown = labelled(done.stdout)
    assert list(shown) == LABELS[1:] and done.stderr == ""
    assert shown == {"Persona": "Ann Lee", "E-mail": cli.email,
                     "Chat address": address,
                     "Computer": "my box", "Session": "night shift", "Relay": relay.url, "Relay mode": "private"}


def test_no_url_and_no_token_is_printed_unless_asked_for(cli):
    assert "webchat_url" not in cli.json()["status"]
    for words in ([], ["--site", "https://chat.example.com/x"]):
        done = cli.run(*words)
        assert "pct_" not in done.stdout + done.stderr and cli.state["token"][4:] not in done.stdout + done.stderr


def test_url_signs_in_when_asked_and_holds_its_secret_in_the_fragment_only(cli, relay):
    site = relay.url + "/app/webchat/chat.html"
    url = cli.json("--site", site, "--token-in-url")["status"]["webchat_url"]
    before, fragment = url.split("#")
    token = dict(field.split("=") for field in fragment.split("&"))["session"]
    assert before == site and token == cli.state["token"]
    relay.client(token).get("/api/v1/pchat/auth/me", expect=200)


def test_second_run_reuses_the_user_without_a_code(cli):
    first, second = cli.json()["status"], cli.json()["status"]
    assert first == second and second["persona"] == "Cleo"


def test_second_run_keeps_the_names_of_the_first(make_cli):
    cli = make_cli()
    cli.sign_in("--computer", "my box", "--session-name", "night shift")
    status = cli.json()["status"]
    assert (status["computer"], status["session"]) == ("my box", "night shift")


def test_names_that_are_asked_for_later_reach_the_relay(cli, relay):
    status = cli.json("--name", "New", "--computer", "other box", "--session-name", "two")["status"]
    assert (status["persona"], status["computer"], status["session"]) == ("New", "other box", "two")
    me = relay.client(cli.state["token"]).get("/api/v1/pchat/auth/me", expect=200)
    assert me["user"]["display_name"] == "New"
    assert (me["session"]["device_name"], me["session"]["session_name"]) == ("other box", "two")
    assert me["session"]["visible"] is False


def test_persona_goes_before_name(cli):
    assert cli.json("--name", "Cleo", "--persona", "The Night Owl")["status"]["persona"] == "The Night Owl"


def test_chat_address_is_for_life(cli):
    before = cli.json()["status"]["chat_address"]
    done = cli.run("--chat-address", unique("x-"))
    assert labelled(done.stdout)["Chat address"] == before and before in done.stderr


def test_chat_address_that_is_taken_is_refused_and_the_code_stays_good(make_cli, relay):
    cli = make_cli()
    code = relay.code(cli.email)
    taken = relay.sign_in(chat_address=unique("x-"))
    assert "taken" in cli.run("--code", code, "--chat-address", taken.address, expect=1).stderr
    cli.run("--code", code)


def test_quiet_url_leaves_out_every_secret(cli):
    site = ["--site", "https://chat.example.com/x", "--token-in-url"]
    assert list(labelled(cli.run(*site).stdout)) == LABELS
    done = cli.run("--quiet-url", *site)
    assert list(labelled(done.stdout)) == LABELS[1:] and "pct_" not in done.stdout
    assert "pct_" not in cli.run("--quiet-url", "--json", *site).stdout


def test_site_is_where_the_url_leads(cli):
    url = cli.json("--site", "https://chat.example.com/x")["status"]["webchat_url"]
    assert url.startswith("https://chat.example.com/x#relay=http%3A%2F%2F127")


def test_state_is_for_its_owner_only_whatever_the_umask(make_cli, relay):
    cli = make_cli()
    os.mkdir(os.path.join(cli.home, ".config"))
    os.mkdir(os.path.join(cli.home, ".config", "webchat"), 0o777)
    cli.run("--code", relay.code(cli.email), umask=0)
    assert mode(cli.state_path) == 0o600 and mode(os.path.dirname(cli.state_path)) == 0o700
    cli.run("--name", "Again", umask=0)
    assert mode(cli.state_path) == 0o600


def test_config_home_is_honoured(make_cli, relay, tmp_path):
    cli = make_cli()
    cli.env = lambda **more: {**type(cli).env(cli, **more), "XDG_CONFIG_HOME": str(tmp_path / "else where")}
    cli.run("--code", relay.code(cli.email))
    assert os.listdir(tmp_path / "else where") == ["webchat"] and os.listdir(cli.home) == []


@pytest.mark.parametrize("form", [str.upper, lambda url: url.replace("http", "HTTP") + "/", lambda url: f" {url}".strip()])
def test_same_relay_written_otherwise_is_the_same(cli, form):
    cli.url = form(cli.url)
    assert cli.json()["status"]["relay"] == cli.relay.url


def test_each_user_and_relay_has_a_file_of_its_own(make_cli, relay):
    cli = make_cli()
    cli.sign_in()
    cli.email = unique() + "@example.com"
    cli.sign_in()
    cli.url = relay.url.replace("127.0.0.1", "127.1")
    cli.sign_in()
    assert len([name for name in os.listdir(os.path.join(cli.home, ".config", "webchat"))
                if name.endswith(".json")]) == 3


def test_damaged_state_is_named_and_left_alone(cli):
    with open(cli.state_path, "w", encoding="utf-8") as file:
        file.write("{")
    done = cli.run(expect=1)
    assert done.stderr.count("\n") == 1 and cli.state_path in done.stderr
    assert os.path.getsize(cli.state_path) == 1


def test_no_unfinished_file_is_left(cli):
    assert sorted(os.listdir(os.path.dirname(cli.state_path))) == sorted([os.path.basename(cli.state_path), "lock"])


def test_home_that_cannot_be_written_is_one_line(make_cli):
    cli = make_cli()
    os.chmod(cli.home, 0o755)
    blocker = os.path.join(cli.home, ".config")
    with open(blocker, "w", encoding="utf-8"):
        pass  # Where a file stands, no folder can be made, not even by root.
    done = cli.run(expect=1)
    assert done.stderr.count("\n") == 1 and blocker in done.stderr and done.stdout == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_read_only_home_of_an_ordinary_user_is_one_line(make_cli):
    cli = make_cli()
    cli.env = lambda **more: {**type(cli).env(cli, **more), "XDG_CONFIG_HOME": "/"}
    done = subprocess.run(cli.words([]), env=cli.env(), user=65534, group=65534, extra_groups=[], capture_output=True,
                          text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False, cwd="/")
    if "can't open file" in done.stderr:
        pytest.skip("this checkout is closed to other users")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "/webchat: " in done.stderr


# -- codes -----------------------------------------------------------------------------------------

def test_no_code_and_no_terminal_is_refused_clearly(make_cli):
    done = make_cli().run(expect=3)
    assert done.stdout == "" and done.stderr.count("\n") == 1 and "--code" in done.stderr


def test_wrong_code_is_exit_3(make_cli, relay):
    cli = make_cli()
    wrong = "%06d" % ((int(relay.code(cli.email)) + 1) % 1000000)
    done = cli.run("--code", wrong, expect=3)
    assert "code" in done.stderr and done.stderr.count("\n") == 1


def at_terminal(cli, responses):
    """Run with a terminal for stdin, giving each response when the question is there."""
    master, slave = pty.openpty()
    path = os.path.join(cli.home, "prompts")
    try:
        with open(path, "wb") as err, open(os.path.join(cli.home, "results"), "wb") as out:
            process = subprocess.Popen(cli.words(["--json"]), env=cli.env(), stdin=slave, stdout=out, stderr=err)
        try:
            for number, response in enumerate(responses, 1):
                wait_until("it asks", lambda n=number: open(path, encoding="utf-8").read().count("Code sent to") >= n)
                os.write(master, (response() if callable(response) else response).encode() + b"\n")
            return process.wait(60)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(master)
        os.close(slave)


def code_of(relay, email):
    return relay.ctl("code", email).stdout.split()[-1]


def test_code_is_asked_for_at_a_terminal_until_it_is_right(make_cli, relay):
    cli = make_cli()
    code = []

    def right():
        code.append(code_of(relay, cli.email))
        return code[0]

    assert at_terminal(cli, ["12345", "no code", right]) == 0
    assert cli.json()["status"]["email"] == cli.email


def test_three_wrong_codes_at_a_terminal_are_exit_3(make_cli):
    cli = make_cli()
    assert at_terminal(cli, ["000000", "000000", "000000"]) == 3


def test_address_outside_the_allow_list_is_told_that_admins_were_asked(make_cli, make_relay):
    relay = make_relay({"PCHAT_AUTH_ALLOWED_DOMAINS": "example.org"})
    done = make_cli(of=relay).run(expect=3)
    assert "admins" in done.stderr and done.stderr.count("\n") == 1


# -- the end of a session --------------------------------------------------------------------------

def test_logout_ends_the_session_at_the_relay_and_forgets_it(cli, relay):
    token, path = cli.state["token"], cli.state_path
    assert "Signed out" in cli.run("--logout").stdout
    assert os.listdir(os.path.dirname(path)) == ["lock"]
    relay.client(token).get("/api/v1/pchat/auth/me", expect=401)
    assert cli.run("--logout", expect=3).stderr.count("\n") == 1


def test_logout_of_a_session_that_is_over_forgets_it_too(cli, relay):
    relay.client(cli.state["token"]).post("/api/v1/pchat/auth/logout", expect=200)
    assert cli.json("--logout")["signed_out"]["email"] == cli.email


def test_revoked_session_needs_a_new_code_and_keeps_the_user(cli, relay):
    before, token = cli.json()["status"], cli.state["token"]
    relay.client(token).post("/api/v1/pchat/auth/logout", expect=200)
    cli.run(expect=3)
    after = cli.sign_in()
    assert after["chat_address"] == before["chat_address"] and cli.state["token"] != token


def test_relay_that_sends_no_mail_is_said_to_send_none(make_relay, make_cli):
    other = make_relay({"PCHAT_DEV_EXPOSE_CODES": "false"})
    said = make_cli().run("--relay", other.url, expect=3).stderr
    assert "This relay sends no mail: ask whoever runs it for the code. Run this again with --code CODE" in said
    assert "was sent" not in said
