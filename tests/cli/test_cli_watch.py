"""Receiving: every message once, whatever happens in between."""
import contextlib
import json
import os
import pty
import select
import signal
import stat
import subprocess

import pytest

from cli import Proxy
from client import wait_until
from harness import free_port

FAST = ["--watch", "--interval", "0.1"]


def address(cli):
    return cli.state["chat_address"]


def lines_of(running):
    """What was printed: no terminal, so nothing but results."""
    return running.out.splitlines()


def watches(relay, cli):
    """Whether the relay was polled: then the user is online."""
    me = relay.client(cli.state["token"])
    return any(session["visible"] for session in me.get("/api/v1/pchat/auth/sessions")["sessions"])


def test_message_is_printed_with_time_and_sender(cli, bob):
    watching = cli.start(*FAST)
    bob.send(address(cli), "Hello Cleo")
    watching.wait_for("Hello Cleo").stop()
    [line] = lines_of(watching)
    assert line[19:] == f" Bob <{bob.address}>: Hello Cleo"


def test_message_in_json_is_the_item_of_the_relay(cli, bob):
    sent = bob.send(address(cli), "Line 1\nLine 2\x1b[2J")
    watching = cli.start(*FAST, "--json").wait_for("Line 1")
    watching.stop()
    found = [json.loads(line) for line in watching.out.splitlines()]
    assert [one["type"] for one in found] == ["status", "message"]
    item = found[1]["message"]
    assert item["message_id"] == sent["message_id"] and item["text"] == "Line 1\nLine 2\x1b[2J"
    assert "\x1b" not in watching.out


def test_control_characters_reach_the_terminal_as_escapes(cli, relay):
    mallory = relay.sign_in(display_name="Mal\u009b31m\u200elory")
    mallory.send(address(cli), "a\x1b]0;owned\x07b\u009bc\rd\x7f\u2066e\x08f" + "\n2026-01-01 00:00:00 Bob <bob>: fake")
    watching = cli.start(*FAST).wait_for("fake")
    watching.stop()
    text = "\n".join(lines_of(watching))
    assert not [char for char in text if (ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160
                or char in "\u202e\u2066\u2028"]
    assert "a\\x1b]0;owned\\x07b\\x9bc\\x0dd\\x7f\\u2066e\\x08f" in text and "Mal\\x9b31m\\u200elory <" in text
    assert text.splitlines()[1] == "    2026-01-01 00:00:00 Bob <bob>: fake"


def test_edit_and_withdrawal_are_shown_as_such(cli, bob):
    first_id = bob.send(address(cli), "first")["message_id"]
    watching = cli.start(*FAST).wait_for(": first")
    bob.patch(f"/api/v1/messages/{first_id}", {"text": "better"}, expect=200)
    watching.wait_for("(edited): better")
    bob.delete(f"/api/v1/messages/{first_id}", expect=200)
    watching.wait_for("(withdrawn):").stop()
    assert len(lines_of(watching)) == 3


def test_backlog_larger_than_a_page_comes_in_order(cli, bob):
    for number in range(45):
        bob.send(address(cli), f"n{number}.")
    watching = cli.start("--watch", "--interval", "3600", "--limit", "7").wait_for("n44.")
    watching.stop()
    assert [line.split(": ")[-1] for line in lines_of(watching)] == [f"n{number}." for number in range(45)]


def test_watch_is_online_and_its_end_is_offline(cli, relay, bob):
    relay.client(cli.state["token"]).put("/api/v1/pchat/auth/me", {"public_visible": True}, expect=200)
    assert bob.listed(address(cli))["online"] is False
    watching = cli.start(*FAST, "--session-name", "night shift")
    found = wait_until("it is online", lambda: (entry := bob.listed(address(cli)))["online"] and entry)
    assert [session["session_name"] for session in found["sessions"]] == ["night shift"]
    cli.run("--to", bob.address, "--message", "x", "--computer", "other box")
    assert bob.listed(address(cli))["online"] is True
    watching.stop()
    assert bob.listed(address(cli))["online"] is False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_is_exit_130_even_in_the_middle_of_a_rest(cli, relay, number):
    watching = cli.start("--watch", "--interval", "3600")
    wait_until("it is online", lambda: watches(relay, cli))
    watching.stop(number)
    assert watching.err == ""


def test_interval_comes_from_the_relay_unless_one_is_given(make_cli, make_relay):
    relay = make_relay({"RELAY_POLL_INTERVAL_MS": 60000, "RELAY_LIVE": "false"})
    cli, bob = make_cli(of=relay), relay.sign_in()
    cli.sign_in()
    with Proxy(relay, lambda head: None) as proxy:
        cli.url = proxy.url
        cli.sign_in()
        slow = cli.start("--watch")
        wait_until("it polled", lambda: proxy.count("POST /api/v1/webchat/poll") == 1)
        bob.send(address_at(cli, proxy.url), "later")
        slow.stop()
        assert proxy.count("POST /api/v1/webchat/poll") == 1 and "later" not in slow.out
        cli.start(*FAST).wait_for("later").stop()
        assert proxy.count("POST /api/v1/webchat/poll") > 1


def address_at(cli, url):
    """The address of the user, whose home holds the states of several relays."""
    folder = os.path.join(cli.home, ".config", "webchat")
    states = [json.load(open(os.path.join(folder, name), encoding="utf-8")) for name in os.listdir(folder)
              if name.endswith(".json")]
    [found] = [state["chat_address"] for state in states if state["relay"] == url]
    return found


# -- once ------------------------------------------------------------------------------------------

def test_second_watch_goes_on_where_the_first_ended(cli, bob):
    bob.send(address(cli), "one.")
    cli.start(*FAST).wait_for("one.").stop()
    bob.send(address(cli), "two.")
    second = cli.start(*FAST).wait_for("two.")
    second.stop()
    assert "one." not in second.out


def test_message_printed_before_a_kill_is_not_printed_again_but_its_command_is_run_again(cli, bob):
    # The command is the place to be killed at: the message is printed, its page is not confirmed.
    command = script(cli, "cat >>messages; while [ ! -e go ]; do sleep 0.05; done; echo done >>ended")
    bob.send(address(cli), "one.")
    first_watch = cli.start(*FAST, "--on-message", command)
    wait_until("the command has it", lambda: commanded(cli) == ["one."])
    first_watch.kill()
    touch(cli, "go")
    second = cli.start(*FAST, "--on-message", command)
    bob.send(address(cli), "two.")
    second.wait_for("two.").stop()
    assert [line.split(": ")[-1] for line in lines_of(second)] == ["two."]
    assert commanded(cli) == ["one.", "one.", "two."]


def test_cursor_that_was_not_kept_does_not_print_anything_twice(cli, bob):
    for number in range(3):
        bob.send(address(cli), f"n{number}.")
    command = script(cli, "cat >>messages")
    cli.start(*FAST, "--on-message", command).wait_for("n2.").stop()
    state = cli.state
    assert len(state["recent"]) == 3
    with open(cli.state_path, "w", encoding="utf-8") as file:
        json.dump({**state, "cursor": ""}, file)
    bob.send(address(cli), "n3.")
    again = cli.start(*FAST, "--on-message", command).wait_for("n3.")
    again.stop()
    assert len(lines_of(again)) == 1
    assert commanded(cli) == ["n0.", "n1.", "n2.", "n3."]


def test_lost_responses_to_polls_print_nothing_twice_and_lose_nothing(make_cli, relay, bob):
    lost = [0]

    def some_polls(head):
        if not head.startswith("POST /api/v1/webchat/poll"):
            return None
        lost[0] += 1
        return ("answer", "request", None, "half", None)[lost[0] % 5]

    with Proxy(relay, some_polls) as proxy:
        cli = make_cli(url=proxy.url)
        cli.sign_in()
        for number in range(6):
            bob.send(address(cli), f"n{number}.")
        watching = cli.start(*FAST, "--limit", "2").wait_for("n5.")
        watching.stop()
    assert [line.split(": ")[-1] for line in lines_of(watching)] == [f"n{number}." for number in range(6)]


def test_relay_that_is_restarted_is_found_again(make_cli, make_relay):
    relay = make_relay()
    cli, bob = make_cli(of=relay), relay.sign_in()
    cli.sign_in()
    relay.fixed_port = relay.port
    watching = cli.start(*FAST)
    bob.send(address(cli), "before.")
    watching.wait_for("before.")
    relay.stop()
    watching.wait_for_note("trying again")
    relay.start()
    bob.send(address(cli), "after.")
    watching.wait_for("after.")
    relay.restart()
    bob.send(address(cli), "again.")
    watching.wait_for("again.").stop()
    assert [line.split(": ")[-1] for line in lines_of(watching)] == ["before.", "after.", "again."]
    assert watching.err.count("connected again") == watching.err.count("trying again") >= 1


def test_session_that_is_revoked_ends_the_watch_with_exit_3(cli, relay):
    watching = cli.start(*FAST)
    wait_until("it watches", lambda: watches(relay, cli))
    relay.client(cli.state["token"]).post("/api/v1/pchat/auth/logout", expect=200)
    watching.wait(3)


def test_second_watch_at_the_same_time_is_refused(cli, bob):
    watching = cli.start(*FAST)
    bob.send(address(cli), "x.")
    watching.wait_for("x.")
    assert "already" in cli.run(*FAST, expect=1).stderr
    cli.run("--to", address(cli), "--message", "from the other run.", "--computer", "named meanwhile")
    watching.wait_for("from the other run.").stop()
    assert watching.out.count("x.") == 1 and cli.state["computer"] == "named meanwhile"
    bob.send(address(cli), "y.")
    cli.start(*FAST).wait_for("y.").stop()


def test_sending_and_watching_in_one_run(cli):
    watching = cli.start("--to", address(cli), "--message", "to myself.", *FAST).wait_for("to myself.")
    watching.stop()
    assert lines_of(watching)[0].startswith("Sent: msg_")


def commanded(cli):
    """The texts of the whole messages that a command wrote to a file."""
    if not os.path.exists(os.path.join(cli.home, "messages")):
        return []
    with open(os.path.join(cli.home, "messages"), encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file if line.endswith("\n")]


def touch(cli, name):
    with open(os.path.join(cli.home, name), "w", encoding="utf-8"):
        pass


# -- commands --------------------------------------------------------------------------------------

def script(cli, text):
    path = os.path.join(cli.home, "my command")
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, stat.S_IRWXU)
    return f"'{path}' 'one word' two"


def test_command_gets_each_message_as_json_and_its_own_words(cli, bob):
    command = script(cli, 'echo "$# $1" >>args\ncat >>messages\n')
    texts = ["plain.", "$(touch hacked); `touch hacked` ' \" \\ | touch hacked &", "end."]
    for text in texts:
        bob.send(address(cli), text)
    cli.start(*FAST, "--on-message", command).wait_for("end.").stop()
    with open(os.path.join(cli.home, "args"), encoding="utf-8") as file:
        assert file.read() == "2 one word\n" * 3
    assert commanded(cli) == texts
    assert not os.path.exists(os.path.join(cli.home, "hacked"))


def test_command_that_fails_or_does_not_read_does_not_stop_the_watch(cli, bob):
    for text in ("one.", "x" * 60000, "two."):
        bob.send(address(cli), text)
    watching = cli.start(*FAST, "--on-message", script(cli, "exit 7")).wait_for("two.")
    watching.wait_for_note("ended with 7").stop()


def test_interrupt_during_a_command_waits_for_it_and_counts_the_message_as_seen(cli, bob):
    bob.send(address(cli), "one.")
    watching = cli.start(*FAST, "--on-message",
                         script(cli, "cat >started; while [ ! -e go ]; do sleep 0.05; done; echo done >ended"))
    wait_until("the command runs", lambda: os.path.exists(os.path.join(cli.home, "started")))
    watching.process.send_signal(signal.SIGTERM)
    touch(cli, "go")
    watching.wait(130)
    assert os.path.exists(os.path.join(cli.home, "ended"))
    assert len(cli.state["recent"]) == 1 and cli.state["running"] is None


def test_second_interrupt_does_not_wait_for_a_command(cli, bob):
    bob.send(address(cli), "one.")
    watching = cli.start(*FAST, "--on-message", script(cli, "cat >started; exec sleep 600"))
    wait_until("the command runs", lambda: os.path.exists(os.path.join(cli.home, "started")))
    watching.process.send_signal(signal.SIGTERM)
    watching.stop(signal.SIGINT)


def test_relay_that_is_not_there_at_the_start_is_given_up_in_time(make_cli, relay):
    cli = make_cli(url=f"http://127.0.0.1:{free_port()}")
    done = cli.run("--watch", "--timeout", "1", expect=4)
    assert "trying again" in done.stderr


def test_state_that_cannot_be_written_any_more_ends_the_watch_in_one_line(cli, relay, bob):
    to, folder = address(cli), os.path.dirname(cli.state_path)
    watching = cli.start(*FAST)
    wait_until("it watches", lambda: watches(relay, cli))
    os.rename(folder, folder + "-gone")
    with open(folder, "w", encoding="utf-8"):
        pass  # Where a file stands there is no folder, not even for root.
    bob.send(to, "x")
    watching.wait(1)
    assert watching.err.count("\n") == 1


# -- what is older ---------------------------------------------------------------------------------

def test_since_leaves_out_what_is_older(cli, bob):
    sent = [bob.send(address(cli), "before.")["message_id"]]
    watching = cli.start(*FAST, "--since", "2999-01-01")
    sent.append(bob.send(address(cli), "also before.")["message_id"])
    wait_until("both were taken", lambda: set(receipt["status"] for receipt in bob.receipts(*sent).values()) == {"delivered"})
    watching.stop()
    assert lines_of(watching) == []
    again = cli.start(*FAST, "--since", "1h")
    bob.send(address(cli), "now.")
    again.wait_for("now.").stop()


# -- a chat in one window --------------------------------------------------------------------------

@pytest.fixture(name="terminal")
def chat_at_a_terminal(cli):
    """terminal(*words) starts the program on a pseudo-terminal; read and write its other end."""
    started = []

    def start(*words):
        leader, follower = pty.openpty()
        process = subprocess.Popen(cli.words(words), env=cli.env(TERM="xterm"), stdin=follower, stdout=follower, stderr=follower,
                                   cwd=cli.home, start_new_session=True)
        os.close(follower)
        started.append((leader, process))
        return Terminal(leader, process)
    yield start
    for leader, process in started:
        process.kill()
        process.wait()
        os.close(leader)


class Terminal:
    """What somebody at the keyboard sees and types."""

    def __init__(self, leader, process):
        self.leader, self.process, self.shown = leader, process, ""

    def type(self, text):
        os.write(self.leader, text.encode())

    def wait_for(self, text):
        def look():
            if select.select([self.leader], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.leader, 65536).decode(errors="replace")
            return text in self.shown
        wait_until(f"{text!r} is shown", look, 60)


def test_chat_reads_and_writes_in_one_window_and_marks_as_read(terminal, cli, bob):
    window = terminal("--chat", f"@{bob.address.upper()}")
    window.wait_for("chat with " + bob.address)
    sent = bob.send(address(cli), "Hello Cleo")["message_id"]
    window.wait_for(": Hello Cleo")
    window.type("Hello B")
    bob.send(address(cli), "are you there?")
    window.wait_for("are you there?")
    window.type("ob\n")
    wait_until("it arrived", lambda: "Hello Bob" in bob.texts())
    wait_until("it is read", lambda: bob.status(sent) == "read")
    window.type("/quit\n")
    assert window.process.wait(60) == 0


def test_chat_shows_what_comes_from_others_with_a_mark(terminal, cli, bob, relay):
    window = terminal("--chat", bob.address)
    window.wait_for("chat with")
    eve = relay.sign_in(display_name="Eve")
    eve.send(address(cli), "psst")
    window.wait_for("[another chat] ")
    window.wait_for(": psst")
    window.type("\x04")
    assert window.process.wait(60) == 0


def test_chat_sends_lines_from_a_pipe_and_ends_with_it(cli, bob):
    done = subprocess.run(cli.words(["--chat", bob.address]), env=cli.env(), input="one\n\n//two\n/nonsense\n", text=True,
                          capture_output=True, timeout=120, cwd=cli.home, check=False)
    assert done.returncode == 0, done
    assert [text for text in bob.texts() if text] == ["one", "/two"]
    assert "/nonsense is no command" in done.stderr


def test_chat_sends_a_file(cli, bob):
    with open(os.path.join(cli.home, "a b.txt"), "w", encoding="utf-8") as file:
        file.write("x")
    subprocess.run(cli.words(["--chat", bob.address]), env=cli.env(), input="/attach a b.txt\n", text=True, check=True,
                   capture_output=True, timeout=120, cwd=cli.home)
    [item] = bob.poll_all()[0]
    assert item["attachments"][0]["name"] == "a b.txt"


def test_chat_with_nobody_says_so_and_goes_on(cli, bob):
    done = subprocess.run(cli.words(["--chat", "nobody-here"]), env=cli.env(), input="one\ntwo\n", text=True, capture_output=True,
                          timeout=120, cwd=cli.home, check=False)
    assert done.returncode == 0 and done.stderr.count("Nobody has this chat address") == 2, done


# -- live wake-ups: the relay asks for a poll in ten minutes, so what comes soon came by a wake -------------------

RARELY = {"RELAY_POLL_INTERVAL_MS": 600000}


@pytest.fixture(name="rare")
def relay_that_is_rarely_polled(make_relay, make_cli):
    relay = make_relay(RARELY)
    user = make_cli(relay)
    user.sign_in()
    return relay, user, relay.sign_in(display_name="Bob")


def test_message_comes_by_a_wake_long_before_the_next_poll(rare):
    _, user, bob = rare
    watching = user.start("--watch")
    bob.send(address(user), "first")
    watching.wait_for(": first")
    bob.send(address(user), "second")
    watching.wait_for(": second").stop()


def test_watching_goes_on_when_relay_live_is_killed(rare):
    relay, user, bob = rare
    watching = user.start("--watch")
    bob.send(address(user), "first")
    watching.wait_for(": first")
    [pid] = relay.children("relay-live")
    os.kill(pid, signal.SIGKILL)
    bob.send(address(user), "second")
    watching.wait_for(": second").stop()


def test_without_live_wake_ups_it_polls(make_relay, make_cli):
    relay = make_relay({"RELAY_LIVE": "false"})
    user, bob = make_cli(relay), relay.sign_in()
    user.sign_in()
    watching = user.start("--watch")
    for text in ("first", "second"):
        bob.send(address(user), text)
        watching.wait_for(f": {text}")
    watching.stop()


# -- several devices ----------------------------------------------------------------------------------------

def test_what_another_device_of_the_user_does_shows_in_json(cli, relay, bob):
    watching = cli.start(*FAST, "--json").wait_for("status")
    other = relay.sign_in(cli.email)
    sent = other.send(bob, "from the phone", idempotency_key="k-7")["message_id"]
    watching.wait_for("from the phone")
    bob.poll_all("")
    bob.read(sent)
    watching.wait_for('"read"').stop()
    found = [json.loads(line) for line in watching.out.splitlines()]
    [item] = [one["message"] for one in found if one["type"] == "message"]
    assert (item["message_id"], item["own"], item["to"], item["idempotency_key"]) == (sent, True, bob.address, "k-7")
    assert found[-1]["type"] == "change" and found[-1]["change"]["message_id"] == sent


def test_own_message_of_another_device_names_whom_it_went_to(cli, relay, bob):
    watching = cli.start(*FAST)
    wait_until("it watches", lambda: watches(relay, cli))
    relay.sign_in(cli.email).send(bob, "from the phone")
    watching.wait_for("from the phone").stop()
    assert lines_of(watching)[-1][19:].endswith(f" to {bob.address}: from the phone")


def test_command_runs_for_no_message_of_the_user(cli, relay, bob):
    watching = cli.start(*FAST, "--on-message", script(cli, "cat >>messages"))
    wait_until("it watches", lambda: watches(relay, cli))
    relay.sign_in(cli.email).send(bob, "mine")
    bob.send(address(cli), "theirs")
    wait_until("the command ran", lambda: commanded(cli))
    watching.stop()
    assert commanded(cli) == ["theirs"]


def test_two_devices_and_a_friend_show_the_same_conversation(cli, relay, bob):
    """Sends, an edit, a reading and a withdrawal on one device: the program on the other prints them all."""
    first = cli.start(*FAST, "--json").wait_for("status")
    second = relay.sign_in(cli.email)
    one = second.send(bob, "one")["message_id"]
    two = bob.send(second, "two")["message_id"]
    first.wait_for('"two"').wait_for('"one"')
    second.patch(f"/api/v1/messages/{one}", {"text": "uno"}, expect=200)
    second.read(two)
    first.wait_for('"uno"')
    second.delete(f"/api/v1/messages/{one}", expect=200)
    first.wait_for("deleted_at").stop()
    seen = {}
    for line in map(json.loads, first.out.splitlines()):
        if line["type"] == "message":
            seen[line["message"]["message_id"]] = line["message"]
    assert seen[one]["text"] == "" and seen[one]["deleted_at"] and seen[two]["text"] == "two"
    changes = [line["change"] for line in map(json.loads, first.out.splitlines()) if line["type"] == "change"]
    assert (two, "read") in [(c["message_id"], c["status"]) for c in changes]
