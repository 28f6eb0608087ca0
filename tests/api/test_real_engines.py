"""Translation and transcripts by real engines: what Debian's apertium-apy and PocketSphinx make of what people write and say."""
import json
import os
import re
import subprocess

import pytest

import real_engines
from client import wait_until
from contract import ROOT
from harness import Relay
from test_transcribe import record, transcribe
from test_translate import translate

CONFIG = "/api/v1/webchat/config"
WORDS = "go forward ten meters"


@pytest.fixture(name="relay", scope="module")
def relay_with_both(built):
    with real_engines.apertium() as translator, real_engines.PocketSphinx() as ear:
        with Relay({"RELAY_TRANSLATE_KIND": "apertium", "RELAY_TRANSLATE_URL": translator, "RELAY_TRANSCRIBE_URL": ear.url}) as relay:
            wait_until("languages are known", lambda: relay.client().get(CONFIG)["features"]["translation"])
            yield relay


def test_config_offers_the_pairs_that_are_installed(relay):
    assert ["es", "ca"] in relay.client().get(CONFIG)["translation"]["pairs"]


def test_text_is_translated_and_what_is_protected_comes_back_byte_for_byte(relay):
    ann = relay.sign_in()
    text = "Mañana compro pan. https://example.com/un/camino?q=pan @ana 🙂"
    assert translate(ann, text, source="es", target="ca")["text"] == "Demà compro pa. https://example.com/un/camino?q=pan @ana 🙂"


def test_lines_stay_lines(relay):
    assert translate(relay.sign_in(), "Buenos días\n\nEl perro come pan", source="es", target="ca")["text"] == "Bon dia\n\nEl gos menja pa"


def test_voice_note_is_written_down_as_it_was_spoken(relay, tmp_path):
    ann = relay.sign_in()
    sound = (tmp_path / "note.wav")
    real_engines.spoken(WORDS, str(sound))
    assert transcribe(ann, record(ann, sound.read_bytes(), "audio/wav", "note.wav"))["text"] == WORDS


def test_doctor_hears_from_both(relay):
    said = {check["name"]: check for check in json.loads(relay.ctl("doctor", expect=None).stdout)["checks"]}
    assert said["translation"]["ok"] and said["transcription"]["ok"]


def test_packages_that_the_page_names_are_those_that_were_tried():
    with open(os.path.join(ROOT, "docs", "translation.md"), encoding="utf-8") as file:
        named = re.search(r"apt install (apertium-apy .*)", file.read()).group(1).split()
    tried = subprocess.run([os.path.join(ROOT, "scripts", "install_deps.sh"), "--test", "--list"], capture_output=True, text=True, check=True).stdout.split()
    assert set(named) <= set(tried) and len(named) > 3
