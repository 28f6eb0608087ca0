"""Transcripts of voice notes: what goes to the engine, what comes back whatever it does, and what stays: nothing."""
import concurrent.futures
import json
import os
import re
import signal
import socket

import pytest

from client import Client, wait_until
from engine_sink import EngineSink
from harness import BUILD, Relay, StartFailed, free_port
from keys import make_key
from one_engine import *  # noqa: F401,F403 pylint: disable=wildcard-import,unused-wildcard-import
from recordings import wav, webm
from test_translate import asking, memory_holds, translate

TRANSCRIBE, CONFIG, UPLOAD = "/api/v1/webchat/transcribe", "/api/v1/webchat/config", "/api/v1/webchat/upload"
SPOKEN = "Zuckerwatte-Geheimnis"
SOUND = b"Marzipan-Geheimnis"
KEY = "speech-key-4711"


@pytest.fixture(scope="module")
def one_relay(one_engine):
    with Relay(one_engine.speech_settings()) as relay:
        yield relay


@pytest.fixture(name="start")
def start_with_engine(make_relay, engine):
    """start(**settings): a relay of the test's own."""
    return lambda **settings: make_relay(engine.speech_settings(**settings))


def record(user, data=None, mime="audio/webm", name="note.webm"):
    """The id of a voice note that `user` has recorded."""
    data = webm(3) if data is None else data
    return user.put(f"{UPLOAD}?name={name}", data=data, headers={"Content-Type": mime}, expect=200)["file_id"]


def transcribe(user, file_id=None, expect=200, **more):
    return user.post(TRANSCRIBE, {"file_id": file_id or record(user), **more}, expect=expect)


# -- what goes out and comes back ------------------------------------------------------------------

def test_voice_note_is_written_down(ann, engine):
    sound = webm(3, fill=b"all of it" * 100)
    assert transcribe(ann, record(ann, sound)).json == {"success": True, "text": "Good morning."}
    turn, = engine.recordings
    assert turn["path"] == "/v1/audio/transcriptions"
    assert turn["recording"] == {"name": "voice.webm", "type": "audio/webm", "bytes": sound}
    assert turn["fields"] == {"model": "whisper-1", "response_format": "json", "temperature": "0"}


def test_key_and_model_of_the_settings_go_along_and_nothing_of_the_user(start, engine):
    ann = start(RELAY_TRANSCRIBE_KEY=KEY, RELAY_TRANSCRIBE_MODEL="small").sign_in()
    transcribe(ann, record(ann, name="private-name.webm"))
    turn, = engine.recordings
    assert turn["headers"]["Authorization"] == f"Bearer {KEY}" and turn["fields"]["model"] == "small"
    assert set(turn["headers"]) == {"Host", "Authorization", "Content-Type", "Content-Length", "Accept"}
    for word in (ann.address, ann.email, "private-name"):
        assert word.encode() not in turn["body"]


def test_language_goes_to_the_engine_without_its_region(ann, engine):
    assert transcribe(ann, language="pt-BR").json == {"success": True, "text": "Good morning.", "language": "pt-BR"}
    assert engine.recordings[0]["fields"]["language"] == "pt"


@pytest.mark.parametrize("said, language", [("de", "de"), ("german", None), (7, None), ("", None)])
def test_language_that_the_engine_found_out_is_returned_as_a_code(ann, engine, said, language):
    engine.transcript = {"text": "Guten Tag.", "language": said}
    assert transcribe(ann).json.get("language") == language


def test_text_is_one_line(ann, engine):
    engine.transcript = {"text": "\n Good \n morning,\tall. \n"}
    assert transcribe(ann)["text"] == "Good morning, all."


@pytest.mark.parametrize("text", ["", "  \n", "Thank you. " * 8, "Thank you. " * 7 + "Thank you.", "謝謝。" * 20, "ha ha ha ha ha ha ha ha"])
def test_silence_and_one_phrase_without_end_are_no_text(ann, engine, text):
    engine.transcript = {"text": text}
    assert transcribe(ann)["text"] == ""


@pytest.mark.parametrize("text", ["no no no", "Thank you. " * 7 + "Bye.", "謝謝。你好。", "x"])
def test_what_is_said_a_few_times_is_text(ann, engine, text):
    engine.transcript = {"text": text}
    assert transcribe(ann)["text"] == text


@pytest.mark.parametrize("mime, data, name", [
    ("audio/mp4", b"\0\0\0\x10ftypM4A " + b"x" * 8000, "voice.m4a"), ("audio/ogg", b"x" * 8000, "voice.ogg"), ("audio/wav", wav(2), "voice.wav"),
    ("audio/mpeg", b"\xff\xfb\x90\0" * 8000, "voice.mp3"), ("audio/webm;codecs=opus", webm(2), "voice.webm"),
])
def test_name_has_the_extension_of_the_type(ann, engine, mime, data, name):
    transcribe(ann, record(ann, data, mime))
    assert engine.recordings[0]["recording"]["name"] == name


def test_note_of_less_than_a_second_is_not_asked_for(ann, engine):
    assert transcribe(ann, record(ann, webm(0.9)))["text"] == ""
    assert transcribe(ann, record(ann, wav(0.9), "audio/wav"))["text"] == ""
    assert engine.recordings == []
    transcribe(ann, record(ann, webm(1)))
    assert len(engine.recordings) == 1


# -- who may ask for what --------------------------------------------------------------------------

def test_whoever_may_fetch_the_file_may_ask(relay, ann, engine):
    bob, carl = relay.sign_in(), relay.sign_in()
    note = record(ann)
    transcribe(bob, note, expect=404).is_error(404, "unknown_file", field="file_id")
    ann.send(bob, kind="voice", attachments=[{"file_id": note}])
    assert transcribe(bob, note)["text"] == transcribe(ann, note)["text"] == "Good morning."
    transcribe(carl, note, expect=404).is_error(404, "unknown_file")
    assert len(engine.recordings) == 2


def test_where_files_open_to_everybody_so_does_this(start):
    relay = start(PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN="false")
    assert transcribe(relay.sign_in(), record(relay.sign_in()))["text"] == "Good morning."


def test_file_that_is_gone_is_unknown(relay, ann, engine):
    note = record(ann)
    ann.delete(f"/api/v1/webchat/files/{note}", expect=200)
    transcribe(ann, note, expect=404).is_error(404, "unknown_file")
    lost = record(ann)
    folder = os.path.join(relay.folder, "pchat_uploads", "files")
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    transcribe(ann, lost, expect=404).is_error(404, "unknown_file")
    assert engine.recordings == []


def test_file_that_was_cut_is_not_sent(start, engine):
    relay = start()
    ann = relay.sign_in()
    note = record(ann)
    folder = os.path.join(relay.folder, "pchat_uploads", "files")
    name, = os.listdir(folder)
    os.truncate(os.path.join(folder, name), 100)
    transcribe(ann, note, expect=404).is_error(404, "unknown_file")
    assert engine.recordings == []


def test_key_that_may_receive_may_ask(ann):
    note = record(ann)
    assert transcribe(make_key(ann, "receive"), note)["text"] == "Good morning."
    transcribe(make_key(ann, "send"), note, expect=403)


@pytest.mark.parametrize("mime", ["video/webm", "image/png", "application/octet-stream", "text/plain", "audio/midi"])
def test_what_is_no_recording_is_refused(ann, engine, mime):
    transcribe(ann, record(ann, mime=mime), expect=400).is_error(400, "invalid_field", field="file_id")
    assert engine.recordings == []


@pytest.mark.parametrize("body, error, field", [
    ({}, "missing_field", "file_id"), ({"file_id": 7}, "invalid_field", "file_id"), ({"file_id": "fil_1", "language": "e"}, "invalid_field", "language"),
    ({"file_id": "fil_1", "language": "en\r\nX: y"}, "invalid_field", "language"),
], ids=str)
def test_wrong_input_is_refused(ann, body, error, field):
    ann.post(TRANSCRIBE, body).is_error(400, error, field=field)


@pytest.mark.parametrize("file_id", ["fil_1", "../../etc/passwd", "fil_" + "0" * 32, "msg_" + "0" * 32])
def test_id_of_no_file_is_unknown(ann, file_id):
    transcribe(ann, file_id, expect=404).is_error(404, "unknown_file", field="file_id")


@pytest.mark.parametrize("data, mime", [
    (webm(301), "audio/webm"), (wav(300.5), "audio/wav"), (b"x" * (300 * 4000 + 4000), "audio/aac"), (b"x" * (8 * 1024 * 1024 + 1), "audio/ogg"),
    (wav(20, rate=500000), "audio/wav"),
], ids=["webm", "wav", "unknown", "bytes", "fast"])
def test_too_long_a_recording_is_413(ann, engine, data, mime):
    transcribe(ann, record(ann, data, mime), expect=413).is_error(413, "too_large", field="file_id")
    assert engine.recordings == []


def test_as_much_as_is_allowed_is_written_down(ann, engine):
    data = webm(300, fill=b"\x80" * 1600)
    assert len(data) > 8_000_000 and transcribe(ann, record(ann, data))["text"] == "Good morning."
    assert engine.recordings[0]["recording"]["bytes"] == data


# -- config ----------------------------------------------------------------------------------------

def test_config_tells_where_recordings_go(relay):
    config = relay.client().get(CONFIG, expect=200)
    assert config["features"]["transcription"] is True and config["features"]["translation"] is False
    assert config["transcription"] == {"engine": "local", "name": "whisper-1"}
    assert (config["limits"]["max_transcribe_bytes"], config["limits"]["max_transcribe_ms"]) == (8388608, 300000)


def test_engine_of_somebody_else_is_named(make_relay):
    relay = make_relay({"RELAY_TRANSCRIBE_URL": "https://speech.example:8443/x/", "RELAY_TRANSCRIBE_MODEL": "large"})
    assert relay.client().get(CONFIG)["transcription"] == {"engine": "remote", "name": "large, speech.example:8443"}


def test_without_an_engine_there_are_no_transcripts(make_relay, engine):
    relay = make_relay()
    config = relay.client().get(CONFIG)
    assert config["features"]["transcription"] is False and "transcription" not in config.json
    transcribe(relay.sign_in(), expect=404).is_error(404, "transcription_off")
    only_text = make_relay(engine.settings())
    transcribe(only_text.sign_in(), expect=404).is_error(404, "transcription_off")


def test_with_this_engine_alone_there_is_no_translation(ann):
    translate(ann, "x", expect=404).is_error(404, "translation_off")


def test_both_engines_at_once(start, engine):
    relay = start(**engine.settings())
    wait_until("the languages are known", lambda: relay.client().get(CONFIG)["features"]["translation"])
    ann = relay.sign_in()
    text = transcribe(ann)["text"]
    assert translate(ann, text, source="en")["text"] == "GOOD MORNING."


# -- bad days --------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["not_json", "half_json", "no_utf8", "wrong_types", "wrong_items", "no_text", "null", "nul", "control", "turned",
                                 "nothing", "too_long", "deep", "500", "400", "403", "redirect"])
def test_response_that_is_no_transcript_is_engine_failed(ann, engine, how):
    engine.misbehave = how
    transcribe(ann, expect=502).is_error(502, "engine_failed")
    assert not any(turn["path"] == "/elsewhere" for turn in engine.turns)
    engine.misbehave = None
    transcribe(ann)


@pytest.mark.parametrize("how", ["hang", "drip", "cut", "close", "huge"])
def test_engine_that_gives_no_response_is_unavailable(start, engine, how):
    ann = start(RELAY_TRANSCRIBE_TIMEOUT_SEC=1).sign_in()
    engine.misbehave = how
    transcribe(ann, expect=503).is_error(503, "engine_unavailable")


def test_engine_that_cannot_be_reached_is_unavailable(make_relay):
    with EngineSink() as gone:
        settings = gone.speech_settings()
    transcribe(make_relay(settings).sign_in(), expect=503).is_error(503, "engine_unavailable")


def test_engine_that_does_not_even_read_is_unavailable(make_relay):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        ann = make_relay({"RELAY_TRANSCRIBE_URL": url, "RELAY_TRANSCRIBE_TIMEOUT_SEC": 1}).sign_in()
        note = record(ann, webm(300, fill=b"\x80" * 1600))
        transcribe(ann, note, expect=503).is_error(503, "engine_unavailable")


@pytest.mark.parametrize("how, seconds", [("429", 7), ("429_for_ever", 60)])
def test_engine_that_wants_a_pause_gets_it(start, engine, how, seconds):
    ann, engine.misbehave = start().sign_in(), how
    assert transcribe(ann, expect=503).headers["Retry-After"] == str(seconds)
    engine.misbehave = None
    response = transcribe(ann, expect=503).is_error(503, "engine_unavailable")
    assert 1 <= int(response.headers["Retry-After"]) <= seconds and len(engine.recordings) == 1


def test_engine_that_fails_three_times_is_left_alone_and_the_other_one_is_not(start, engine):
    relay = start(**engine.settings())
    wait_until("the languages are known", lambda: relay.client().get(CONFIG)["features"]["translation"])
    ann = relay.sign_in()
    engine.misbehave = "500"
    for _ in range(3):
        transcribe(ann, expect=502)
    response = transcribe(ann, expect=503).is_error(503, "engine_unavailable")
    assert 1 <= int(response.headers["Retry-After"]) <= 5 and len(engine.recordings) == 3
    engine.misbehave = None
    translate(ann, "x", source="en")
    wait_until("it is tried again", lambda: transcribe(ann, expect=None).status == 200, pause_sec=0.5)


def test_one_worker_stays_free_for_translation(start, engine):
    relay = start(RELAY_ASK_WORKERS=2, **engine.settings())
    wait_until("the languages are known", lambda: relay.client().get(CONFIG)["features"]["translation"])
    ann, bob = relay.sign_in(), relay.sign_in()
    notes = {user: record(user) for user in (ann, bob)}
    engine.misbehave = "hang"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(transcribe, ann, notes[ann], expect=None)
        engine.wait_held(1)
        response = transcribe(bob, notes[bob], expect=503).is_error(503, "engine_busy")
        assert response.headers["Retry-After"] == "1"
        engine.misbehave = None
        assert translate(bob, "x", source="en")["text"] == "X"
        assert relay.client().get("/health").status == 200
        engine.let_go()
        assert first.result().status == 502
    assert transcribe(bob, notes[bob])["text"] == "Good morning."


def test_worker_that_dies_takes_nobody_with_it(start, engine):
    relay = start(RELAY_ASK_WORKERS=1)
    ann = relay.sign_in()
    note = record(ann)
    engine.misbehave = "hang"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(transcribe, ann, note, expect=None)
        engine.wait_held(1)
        os.kill(asking(relay)[0], signal.SIGKILL)
        call.result().is_error(502, "unavailable")
    assert ann.poll().status == 200


def test_account_has_so_many_seconds_a_day(start, engine):
    relay = start(RELAY_TRANSCRIBE_SEC_PER_DAY=10)
    ann = relay.sign_in()
    transcribe(ann, record(ann, webm(6)))
    engine.misbehave = "400"
    transcribe(ann, record(ann, webm(4)), expect=502)  # given back
    engine.misbehave = None
    transcribe(ann, record(ann, webm(4)))
    response = transcribe(ann, record(ann, webm(1)), expect=429).is_error(429, "rate_limited")
    assert 86000 <= int(response.headers["Retry-After"]) <= 86400
    transcribe(relay.sign_in())


# -- who learns of it ------------------------------------------------------------------------------

def test_transcript_and_key_are_in_no_log_and_no_file(start, engine):
    relay = start(RELAY_TRANSCRIBE_KEY=KEY, RELAY_LOG_LEVEL="debug")
    ann = relay.sign_in()
    engine.transcript = {"text": SPOKEN, "language": "de"}
    assert transcribe(ann)["text"] == SPOKEN
    for how in ("500", "not_json", "cut"):
        engine.misbehave = how
        transcribe(ann, expect=None)
    relay.stop()
    said = relay.stdout + relay.stderr
    for word in (SPOKEN, KEY):
        assert word not in said
        assert [name for name in relay.files_holding(word.encode()) if name != ".env.local"] == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root reads another user's memory")
@pytest.mark.skipif("san" in os.path.basename(BUILD), reason="the address sanitizer keeps what was freed")
@pytest.mark.parametrize("how, mime, data", [
    (None, "audio/webm", webm(3, fill=SOUND * 50)), ("500", "audio/webm", webm(3, fill=SOUND)), ("cut", "audio/webm", webm(3, fill=SOUND * 50)),
    (None, "audio/ogg", b"OggS" + b"\0" * 24 + b"OpusHead" + SOUND * 5000), (None, "audio/mpeg", b"\xff\xfb\x90\0" + SOUND * 5000),
], ids=["webm", "webm-500", "webm-cut", "ogg", "mp3"])
def test_recording_and_transcript_stay_in_no_memory(start, engine, how, mime, data):
    relay = start(RELAY_ASK_WORKERS=1)
    ann, engine.misbehave = relay.sign_in(), how
    engine.transcript = {"text": (SPOKEN + " and more ") + "x" * 500}
    pid, = wait_until("it runs", lambda: asking(relay))
    for _ in range(2):
        transcribe(ann, record(ann, data, mime), expect=None)
    assert asking(relay) == [pid]
    for word in (SPOKEN.encode(), SOUND):
        wait_until("it is gone", lambda: not memory_holds(pid, word[2:]), 5)


def test_figures_count_calls_by_engine_and_say_nothing_else(start, engine):
    port = free_port()
    ann = start(RELAY_METRICS_PORT=port).sign_in()
    engine.transcript = {"text": SPOKEN}
    transcribe(ann)
    engine.misbehave = "400"
    transcribe(ann, expect=502)
    figures = Client("127.0.0.1", port).get("/metrics", check=False, expect=200).body.decode()
    assert re.findall(r'^webchat_engine_calls_total{engine="(\w+)",result="(\w+)"} ([1-9]\d*)$', figures, re.M) == [
        ("transcription", "done", "1"), ("transcription", "refused", "1")]
    assert SPOKEN not in figures


# -- settings and doctor ---------------------------------------------------------------------------

@pytest.mark.parametrize("settings, name", [
    ({"RELAY_TRANSCRIBE_URL": "http://10.1.2.3:8000"}, "RELAY_TRANSCRIBE_URL"),
    ({"RELAY_TRANSCRIBE_URL": "https://a:b@example.org"}, "RELAY_TRANSCRIBE_URL"),
    ({"RELAY_TRANSCRIBE_URL": "file:///etc/passwd"}, "RELAY_TRANSCRIBE_URL"),
    ({"RELAY_TRANSCRIBE_TIMEOUT_SEC": "0"}, "RELAY_TRANSCRIBE_TIMEOUT_SEC"),
    ({"RELAY_TRANSCRIBE_URL": "https://a.example", "RELAY_TRANSLATE_URL": "https://b.example", "RELAY_ASK_WORKERS": "1"}, "RELAY_ASK_WORKERS"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_settings_that_cannot_work_stop_the_start(make_relay, settings, name):
    with pytest.raises(StartFailed, match=name):
        make_relay(settings)


def doctor(relay):
    checks = json.loads(relay.ctl("doctor", expect=None).stdout)["checks"]
    return {check["name"]: check for check in checks}["transcription"]


def test_doctor_sends_the_engine_a_second_of_silence(relay, engine):
    assert doctor(relay)["ok"] is True
    recording = engine.recordings[0]["recording"]
    assert recording == {"name": "voice.wav", "type": "audio/wav", "bytes": recording["bytes"]} and len(recording["bytes"]) == 32044
    for how, word in (("403", "refuses"), ("not_json", "something else"), ("close", "does not answer")):
        engine.misbehave = how
        said = doctor(relay)
        assert said["ok"] is False and word in said["message"]
