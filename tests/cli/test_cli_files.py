"""Files and voice messages, out and in; a server of a few lines stands in where a relay would not misbehave enough."""
import contextlib
import json
import os
import pty
import re
import subprocess
import time
import wave

import pytest

from cli import Responses, Proxy, first, signed_in
from client import wait_until

UPLOAD, FAST = "/api/v1/webchat/upload", ["--watch", "--interval", "0.1"]


def make_file(cli, name, data=b"data"):
    path = os.path.join(cli.home, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def make_wav(cli, name="a note.wav", frames=12345):
    path = os.path.join(cli.home, name)
    with wave.open(path, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\1\2" * frames)
    return path


# -- through a real relay --------------------------------------------------------------------------

@pytest.fixture(name="pair")
def two_users(make_cli):
    """A sender and a receiver."""
    pair = make_cli(), make_cli()
    for one in pair:
        one.sign_in("--name", "Zoë")
        os.mkdir(os.path.join(one.home, "in"))
    return pair


def test_files_arrive_byte_for_byte_under_their_names(pair):
    sender, receiver = pair
    files = {"my photo (1).png": os.urandom(3000000), "Grüße 李 🙂.txt": b"text\n", "empty": b"",
             "100% #1 & 2+2=4?.bin": b"\0\xff" * 500}
    words = [word for name, data in files.items() for word in ("--attach", make_file(sender, name, data))]
    sender.run("--to", receiver.state["chat_address"], *words)
    watching = receiver.start(*FAST, "--save", "in").wait_for("saved as in", 4)
    watching.stop()
    got = {os.path.basename(path): open(path, "rb").read() for path in all_files(os.path.join(receiver.home, "in"))}
    assert got == {name.replace("?", "_"): data for name, data in files.items()}
    line = next(line for line in watching.out.splitlines() if "my photo" in line)
    assert line.startswith(f"    File: my photo (1).png, 3000000 bytes, {sender.url}/api/v1/webchat/files/fil_")


def test_voice_arrives_as_voice_with_its_duration_and_text(pair):
    sender, receiver = pair
    sender.run("--to", receiver.state["chat_address"], "--voice", make_wav(sender), "--message", "listen")
    watching = receiver.start(*FAST, "--json", "--save", "in").wait_for('"message"')
    watching.stop()
    item = json.loads(watching.out.splitlines()[-1])["message"]
    assert item["kind"] == "voice" and item["duration_ms"] == 1543 and item["text"] == "listen"
    assert item["saved"] == ["in/a note.wav"] and voice_length(os.path.join(receiver.home, "in", "a note.wav")) == 12345


def voice_length(path):
    with wave.open(path, "rb") as sound:
        return sound.getnframes()


def test_voice_of_no_length_is_sent_all_the_same(pair):
    sender, receiver = pair
    sender.run("--to", receiver.state["chat_address"], "--voice", make_wav(sender, frames=0))


def test_upload_that_was_cut_in_the_middle_arrives_whole_and_once(pair, relay):
    sender, receiver = pair
    with Proxy(relay, first("PUT", "middle", 2)) as proxy:
        sender.url = proxy.url
        sender.sign_in()
        data = os.urandom(2000000)
        sender.run("--to", receiver.state["chat_address"], "--attach", make_file(sender, "x.bin", data))
        assert proxy.count("PUT") == 3
    receiver.start(*FAST, "--save", "in").wait_for("saved as in").stop()
    [path] = all_files(os.path.join(receiver.home, "in"))
    with open(path, "rb") as file:
        assert file.read() == data


def test_file_beyond_what_the_relay_keeps_for_a_user_is_refused_in_one_line(make_cli, make_relay):
    relay = make_relay({"PCHAT_UPLOAD_QUOTA_BYTES": 1000000})
    cli = make_cli(of=relay)
    me = cli.sign_in()["chat_address"]
    done = cli.run("--to", me, "--attach", make_file(cli, "x", b"x" * 2000000), expect=1)
    assert done.stderr.count("\n") == 1 and "delete some" in done.stderr


def test_file_of_a_message_that_was_withdrawn_is_not_fetched(pair, relay):
    sender, receiver = pair
    sent = sender.json("--to", receiver.state["chat_address"], "--attach", make_file(sender, "x.bin"))["sent"]
    relay.client(sender.state["token"]).delete(f"/api/v1/messages/{sent['message_id']}", expect=200)
    sender.run("--to", receiver.state["chat_address"], "--message", "end.")
    receiver.start(*FAST, "--save", "in").wait_for("end.").stop()
    assert os.listdir(os.path.join(receiver.home, "in")) == []


# -- sending, to a server that shows what it got ---------------------------------------------------

def takes_files(request):
    """A relay that takes everything."""
    if request.path.startswith(UPLOAD):
        return 200, {}, {"success": True, "file_id": f"fil_{request.size}", "url": "/x", "size": request.size}
    if request.path == "/api/v1/messages":
        return 202, {}, {"success": True, "message_id": "msg_1", "status": "queued", "idempotency_key": "k"}
    return signed_in(request)


def test_file_is_sent_as_it_is_with_its_name_and_type(make_cli):
    with Responses(takes_files) as relay:
        cli = make_cli(of=relay)
        data = bytes(range(256)) * 5000
        cli.run("--code", "123456", "--to", "bob", "--attach", make_file(cli, "Grüße & 100%.png", data), "--attach",
                make_file(cli, "empty"), "--attach", make_file(cli, "none", b""))
        one, two, three = relay.of(UPLOAD)
        [message] = relay.of("/api/v1/messages")
    assert one.method == "PUT" and one.path == UPLOAD + "?name=Gr%C3%BC%C3%9Fe%20%26%20100%25.png"
    assert one.headers["Content-Type"] == "image/png" and one.headers["X-PChat-Session"] == "pct_x"
    assert one.size == len(data) and one.body == data[:len(one.body)] and "Transfer-Encoding" not in one.headers
    assert two.headers["Content-Type"] == "application/octet-stream" and three.size == 0
    body = json.loads(message.body)
    assert body["attachments"] == [f"fil_{len(data)}", "fil_4", "fil_0"] and "kind" not in body


def test_voice_tells_how_long_it_plays(make_cli):
    with Responses(takes_files) as relay:
        cli = make_cli(of=relay)
        cli.run("--code", "123456", "--to", "bob", "--voice", make_wav(cli), "--message", "listen")
        body = json.loads(relay.of("/api/v1/messages")[0].body)
        assert relay.of(UPLOAD)[0].headers["Content-Type"] in ("audio/wav", "audio/x-wav")
    assert body["kind"] == "voice" and body["duration_ms"] == 1543 and body["text"] == "listen"
    assert len(body["attachments"]) == 1


def test_voice_that_is_no_wav_has_no_duration(make_cli):
    with Responses(takes_files) as relay:
        cli = make_cli(of=relay)
        cli.run("--code", "123456", "--to", "bob", "--voice", make_file(cli, "note.ogg"))
        body = json.loads(relay.of("/api/v1/messages")[0].body)
    assert body["kind"] == "voice" and "duration_ms" not in body


def test_large_file_is_never_in_memory_as_a_whole(make_cli):
    with Responses(takes_files) as relay:
        cli = make_cli(of=relay)
        path = make_file(cli, "large")
        os.truncate(path, 300 << 20)
        # A shell that stays between, because a program's peak counts that of whoever started it.
        process = subprocess.Popen(["sh", "-c", '"$@"; code=$?; exit $code', "sh",
                                    *cli.words(["--code", "123456", "--to", "bob", "--attach", path])], env=cli.env(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_of_children(process.pid))
            time.sleep(0.01)
        assert process.returncode == 0 and relay.of(UPLOAD)[0].size == 300 << 20
    assert 0 < peak < 100 << 20


def peak_of_children(pid):
    """Bytes of the largest peak of a process's children; 0 when there is none."""
    with contextlib.suppress(OSError, AttributeError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
        found = []
        for child in children:
            with open(f"/proc/{child}/status", encoding="utf-8") as file:
                found.append(int(re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024)
        return max(found, default=0)
    return 0


def test_upload_whose_response_was_lost_is_sent_again_whole(make_cli):
    with Responses(takes_files) as relay:
        relay.port = relay.server.server_port
        with Proxy(relay, first("PUT", "answer", 2)) as proxy:
            cli = make_cli(of=relay, url=proxy.url)
            data = os.urandom(100000)
            cli.run("--code", "123456", "--to", "bob", "--attach", make_file(cli, "x", data))
        assert [request.body for request in relay.of(UPLOAD)] == [data] * 3
        assert len(relay.of("/api/v1/messages")) == 1


def test_refusal_that_comes_before_all_was_sent_is_read(make_cli):
    def refuses_files(request):
        if request.method == "PUT":
            return 413, {}, {"success": False, "error": "quota_full", "message": "Your files take all your room."}
        return takes_files(request)

    with Responses(refuses_files, hasty=["PUT"]) as relay:
        cli = make_cli(of=relay)
        path = make_file(cli, "large")
        os.truncate(path, 64 << 20)
        done = cli.run("--code", "123456", "--to", "bob", "--attach", path, expect=1)
        assert "Your files take all your room." in done.stderr and done.stderr.count("\n") == 1
        assert not relay.of("/api/v1/messages")


def test_file_beyond_the_limit_is_not_even_sent(make_cli):
    with Responses(takes_files) as relay:
        cli = make_cli(of=relay)
        path = make_file(cli, "huge")
        os.truncate(path, (1 << 30) + 1)
        done = cli.run("--code", "123456", "--to", "bob", "--attach", path, expect=1)
        assert done.stderr.count("\n") == 1 and path in done.stderr and not relay.of(UPLOAD)


def test_file_that_becomes_shorter_while_it_is_sent_is_one_line(make_cli):
    with Responses(takes_files) as relay:
        cli = make_cli(of=relay)
        path = make_file(cli, "log", b"x" * 8000000)
        relay.port = relay.server.server_port

        def shorten(head):
            if head.startswith("PUT"):
                os.truncate(path, 1)
            return "request" if head.startswith("PUT") else None

        with Proxy(relay, shorten) as proxy:
            cli.url = proxy.url
            done = cli.run("--code", "123456", "--to", "bob", "--attach", path, expect=1)
        assert "shorter" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


@pytest.mark.parametrize("flag", ["--attach", "--voice"])
@pytest.mark.parametrize("name", ["no such file", ".", "no/such/folder/x"])
def test_missing_file_is_one_line_and_nothing_is_sent(make_cli, flag, name):
    with Responses(takes_files) as relay:
        done = make_cli(of=relay).run("--code", "123456", "--to", "bob", flag, name, expect=1)
        assert done.stderr.count("\n") == 1 and name in done.stderr and not relay.requests


def at_terminal(cli, *words):
    """What stderr shows when it is a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(cli.words(words), env=cli.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    return shown.decode()


def test_terminal_shows_a_bar_and_a_pipe_does_not(make_cli):
    with Responses(takes_files) as relay:
        cli = make_cli(of=relay)
        path = make_file(cli, "ph\x1boto.png", b"x" * 2000000)
        cli.run("--code", "123456")
        shown = at_terminal(cli, "--to", "bob", "--attach", path)
        assert "\rph\\x1boto.png [" in shown and "100%\r\n" in shown and "\x1b" not in shown
        assert shown.count("\r") > 5 and shown.count("\n") == 1
        assert cli.run("--to", "bob", "--attach", path).stderr == ""


# -- receiving, from a server that sends what no relay would ---------------------------------------

def hands_out(attachments, files, **item):
    """A relay with one message."""
    message = {"message_id": "msg_1", "channel": "pchat", "kind": "text", "from": "bob", "from_name": "Bob",
               "to": "me", "text": "files",
               "created_at": 1767225600000, "attachments": attachments, **item}

    def script(request):
        if request.path.endswith("/poll"):
            new = json.loads(request.body)["cursor"] == ""
            return 200, {}, {"success": True, "messages": [message] if new else [], "cursor": "1", "has_more": False,
                             "poll_interval_ms": 50}
        if request.path.startswith("/api/v1/webchat/files/"):
            return files(request)
        return signed_in(request)
    return script


def attachment(name, **more):
    return {"file_id": "fil_1", "url": "/api/v1/webchat/files/fil_1", "name": name, "mime": "text/plain", "size": 4,
            **more}


@pytest.mark.parametrize("name,saved", [
    ("a b.txt", "a b.txt"), ("../../evil", "evil"), ("/etc/passwd", "passwd"), ("..", "file"), ("", "file"),
    (".", "file"),
    ("..\\..\\evil.exe", "evil.exe"), (".bashrc", "bashrc"), ("C:\\x\\con.txt", "_con.txt"),
    ("a\x1b[31m\nb\x00.txt", "a_x1b[31m_x0ab_x00.txt"),
    ("evil\u202egnp.exe", "evil_u202egnp.exe"), ("x" * 400 + ".png", "x" * 116 + ".png"), ("ü" * 200, "ü" * 60),
    ("a:b*c?.txt", "a_b_c_.txt"),
    (".webchat-x", "webchat-x"), ("a/", "file"), (None, "file")])
def test_received_file_gets_a_safe_name_in_the_folder(make_cli, name, saved):
    with Responses(hands_out([attachment(name)], lambda request: (200, {}, b"data"))) as relay:
        cli = make_cli(of=relay)
        target = os.path.join(cli.home, "in", "deep")
        os.makedirs(target)
        before = all_files(cli.home)
        cli.start("--code", "123456", *FAST, "--save", target).wait_for("saved as").stop()
        new = {path for path in all_files(cli.home) - before if "/.config/" not in path
               and os.path.dirname(path) != cli.home}
        assert new == {os.path.join(target, saved)}
        with open(new.pop(), "rb") as file:
            assert file.read() == b"data"


def all_files(folder):
    return {os.path.join(root, name) for root, _, names in os.walk(folder) for name in names}


def test_received_file_never_overwrites_and_never_follows_a_link(make_cli):
    files = [attachment("x.txt"), attachment("x.txt"), attachment("link.txt")]
    with Responses(hands_out(files, lambda request: (200, {}, b"data"))) as relay:
        cli = make_cli(of=relay)
        target = os.path.join(cli.home, "in")
        os.mkdir(target)
        kept, beyond = make_file(cli, "in/x.txt", b"mine"), os.path.join(cli.home, "outside")
        os.symlink(beyond, os.path.join(target, "link.txt"))
        cli.start("--code", "123456", *FAST, "--save", target).wait_for("saved as", 3).stop()
        assert sorted(os.listdir(target)) == ["link (1).txt", "link.txt", "x (1).txt", "x (2).txt", "x.txt"]
        with open(kept, "rb") as file:
            assert file.read() == b"mine"
        assert not os.path.exists(beyond)


def test_download_that_was_cut_is_fetched_again_whole(make_cli):
    times = []

    def files(request):
        times.append(request)
        return 200, {"Content-Length": "100000"}, b"x" * (50000 if len(times) < 3 else 100000)

    with Responses(hands_out([attachment("x.bin", size=100000)], files)) as relay:
        cli = make_cli(of=relay)
        os.mkdir(os.path.join(cli.home, "in"))
        cli.start("--code", "123456", *FAST, "--save", "in").wait_for("saved as").stop()
        assert os.listdir(os.path.join(cli.home, "in")) == ["x.bin"] and len(times) == 3
        assert os.path.getsize(os.path.join(cli.home, "in", "x.bin")) == 100000


def test_file_that_is_gone_is_said_and_the_message_still_printed(make_cli):
    gone = 404, {}, {"success": False, "error": "unknown_file", "message": "There is no such file."}
    with Responses(hands_out([attachment("x\x1b.txt")], lambda request: gone)) as relay:
        cli = make_cli(of=relay)
        os.mkdir(os.path.join(cli.home, "in"))
        watching = cli.start("--code", "123456", *FAST, "--save", "in").wait_for("files")
        watching.stop()
        assert "no such file" in watching.err and "\x1b" not in watching.err + watching.out
        assert os.listdir(os.path.join(cli.home, "in")) == []


def test_token_goes_to_no_other_server_than_the_relay(make_cli):
    elsewhere = attachment("x.txt", url="http://127.0.0.1:1/steal", file_id="../../../steal?")
    with Responses(hands_out([elsewhere], lambda request: (200, {}, b"data"))) as relay:
        cli = make_cli(of=relay)
        os.mkdir(os.path.join(cli.home, "in"))
        cli.start("--code", "123456", *FAST, "--save", "in").wait_for("saved as").stop()
        assert [request.path for request in relay.requests if "steal" in request.path] == [
            "/api/v1/webchat/files/..%2F..%2F..%2Fsteal%3F"]


def test_command_is_told_where_the_files_are(make_cli):
    with Responses(hands_out([attachment("x.txt")], lambda request: (200, {}, b"data"))) as relay:
        cli = make_cli(of=relay)
        os.mkdir(os.path.join(cli.home, "in"))
        watching = cli.start("--code", "123456", *FAST, "--save", "in", "--on-message", "tee message.json")
        watching.wait_for("saved as").stop()
        with open(os.path.join(cli.home, "message.json"), encoding="utf-8") as file:
            assert json.load(file)["saved"] == ["in/x.txt"]


def test_interrupted_download_leaves_nothing_and_comes_again(make_cli):
    asked = []

    def files(request):
        asked.append(request)
        if len(asked) == 1:
            wait_until("the test goes on", lambda: len(asked) > 1, 60)
        return 200, {}, b"data"

    with Responses(hands_out([attachment("x.txt")], files)) as relay:
        cli = make_cli(of=relay)
        os.mkdir(os.path.join(cli.home, "in"))
        watching = cli.start("--code", "123456", *FAST, "--save", "in")
        wait_until("it fetches", lambda: asked)
        watching.stop()
        assert os.listdir(os.path.join(cli.home, "in")) == [] and "files" not in watching.out
        cli.start(*FAST, "--save", "in").wait_for("saved as").stop()
        assert os.listdir(os.path.join(cli.home, "in")) == ["x.txt"]
