"""Voice messages as text in a terminal: by the relay's engine, said plainly, and never in the way of the message."""
import json

import pytest

from engine_sink import EngineSink
from recordings import webm
from test_cli_watch import FAST, address

UPLOAD = "/api/v1/webchat/upload?name=note.webm"


@pytest.fixture(name="engine")
def an_engine():
    with EngineSink() as sink:
        yield sink


@pytest.fixture(name="cleo")
def a_user(make_cli, make_relay, engine):
    one = make_cli(of=make_relay(engine.speech_settings()))
    one.sign_in("--name", "Cleo")
    return one


@pytest.fixture(name="bob")
def a_speaker(cleo):
    return cleo.relay.sign_in(display_name="Bob")


def speak(bob, cleo, text=""):
    note = bob.put(UPLOAD, data=webm(3), headers={"Content-Type": "audio/webm"}, expect=200)["file_id"]
    return bob.send(address(cleo), text, kind="voice", attachments=[{"file_id": note}])


def watch(cleo, *words):
    return cleo.start(*FAST, "--transcribe", *words)


def test_voice_message_is_printed_as_text_too(cleo, bob, engine):
    engine.transcript = {"text": "See you at nine.", "language": "en"}
    speak(bob, cleo)
    watching = watch(cleo).wait_for("Written by a machine: See you at nine.")
    watching.stop()
    assert "File: note.webm" in watching.out
    assert "voice messages are written down by whisper-1, on the relay's own machine" in watching.err


def test_transcript_is_in_the_json(cleo, bob, engine):
    engine.transcript = {"text": "Guten Tag.", "language": "de"}
    speak(bob, cleo)
    watching = watch(cleo, "--json").wait_for("Guten Tag.")
    watching.stop()
    item = [json.loads(line) for line in watching.out.splitlines()][-1]["message"]
    assert item["transcript"] == {"text": "Guten Tag.", "language": "de"}


def test_silence_is_said(cleo, bob, engine):
    engine.transcript = {"text": ""}
    speak(bob, cleo)
    watch(cleo).wait_for("Nothing was said.").stop()


def test_engine_that_fails_costs_the_text_and_not_the_message(cleo, bob, engine):
    engine.misbehave = "not_json"
    speak(bob, cleo)
    watching = watch(cleo).wait_for("not written down: the relay refused: The transcription engine answered")
    engine.misbehave = None
    speak(bob, cleo)
    watching.wait_for("Written by a machine: Good morning.").stop()
    assert watching.out.count("File: note.webm") == 2


def test_without_it_no_recording_goes_anywhere(cleo, bob, engine):
    speak(bob, cleo)
    watching = cleo.start(*FAST).wait_for("File: note.webm")
    watching.stop()
    assert engine.recordings == [] and "machine" not in watching.out


def test_other_files_are_not_written_down(cleo, bob, engine):
    note = bob.put(UPLOAD, data=webm(3), headers={"Content-Type": "audio/webm"}, expect=200)["file_id"]
    bob.send(address(cleo), "a song", attachments=[{"file_id": note}])
    watch(cleo).wait_for("a song").stop()
    assert engine.recordings == []


def test_relay_without_an_engine_says_so_at_once(cli):
    done = cli.run(*FAST, "--transcribe", expect=1)
    assert "has no engine that writes down voice messages" in done.stderr


def test_it_needs_something_that_receives(cli):
    assert "--transcribe needs --watch or --chat" in cli.run("--transcribe", expect=2).stderr
