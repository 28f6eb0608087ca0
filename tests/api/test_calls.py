"""Calls: the servers that help two people to reach each other, and the messages by which they find out."""
import base64
import hashlib
import hmac
import json
import re
import time

import pytest

from groups import Group
from harness import StartFailed

ICE, CONFIG = "/api/v1/webchat/calls/ice", "/api/v1/webchat/config"
STUN, TURN, SECRET = "stun:turn.example.com:3478", "turn:turn.example.com:3478?transport=udp", "Zuckerwatte"
TURNING = {"RELAY_TURN_URLS": TURN + ", turns:turn.example.com:5349?transport=tcp", "RELAY_TURN_SECRET": SECRET}
OFFER = json.dumps({"call_id": "c1", "type": "offer", "media": "audio", "sdp": "v=0\r\n" + "a=candidate:1 1 udp 1 192.0.2.7 9 typ host\r\n" * 100})


@pytest.fixture(name="calling")
def relay_for_calls(make_relay):
    return make_relay({"RELAY_STUN_URLS": STUN, **TURNING})


def test_servers_come_with_a_credential_that_coturn_computes_likewise(calling):
    before = int(time.time() * 1000)
    got = calling.sign_in().get(ICE, expect=200)
    stun, turn = got["ice_servers"]
    assert stun == {"urls": [STUN]} and turn["urls"] == [TURN, "turns:turn.example.com:5349?transport=tcp"]
    assert got["relay_only"] is False and before + 600000 <= got["expires_at"] <= int(time.time() * 1000) + 600000
    assert re.fullmatch(r"\d{10}:[0-9a-f]{16}", turn["username"]) and int(turn["username"][:10]) == got["expires_at"] // 1000
    wanted = hmac.new(SECRET.encode(), turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(wanted).decode()


def test_names_tell_nobody_who_calls(calling):
    ann = calling.sign_in()
    names = {ann.get(ICE, expect=200)["ice_servers"][1]["username"].split(":")[1] for _ in range(20)}
    assert len(names) == 20


def test_secret_is_in_no_response_and_no_log(calling):
    body = calling.sign_in().get(ICE, expect=200).body
    calling.stop()
    assert SECRET.encode() not in body and SECRET not in calling.stdout + calling.stderr


def test_without_servers_calls_are_off(make_relay):
    relay = make_relay()
    relay.sign_in().get(ICE).is_error(404, "calls_off")
    assert relay.client().get(CONFIG)["features"]["calls"] is False


@pytest.mark.parametrize("settings, servers", [({"RELAY_STUN_URLS": STUN}, 1), (TURNING, 1), ({"RELAY_STUN_URLS": STUN, **TURNING}, 2)])
def test_either_kind_of_server_is_enough(make_relay, settings, servers):
    relay = make_relay(settings)
    assert relay.client().get(CONFIG)["features"]["calls"] is True
    assert len(relay.sign_in().get(ICE, expect=200)["ice_servers"]) == servers


def test_relay_only_names_no_server_that_tells_addresses(make_relay):
    got = make_relay({"RELAY_STUN_URLS": STUN, "RELAY_CALLS_RELAY_ONLY": "true", **TURNING}).sign_in().get(ICE, expect=200)
    assert got["relay_only"] is True and [server["urls"][0] for server in got["ice_servers"]] == [TURN]


def test_strangers_get_no_credential(calling):
    calling.client().get(ICE).is_error(401, "credential_required")


@pytest.mark.parametrize("settings, name", [
    ({"RELAY_TURN_URLS": TURN}, "RELAY_TURN_URLS"),
    ({"RELAY_CALLS_RELAY_ONLY": "true", "RELAY_STUN_URLS": STUN}, "RELAY_CALLS_RELAY_ONLY"),
    *[({"RELAY_STUN_URLS": url}, "RELAY_STUN_URLS") for url in ("turn.example.com", "https://a.example", "stun:", "stun:a:0", "stun:a:70000",
                                                                "stun:a b", "stun:u@a", "stun:a?transport=udp", "stun:[::1", "stun://a")],
    *[({"RELAY_TURN_URLS": url, "RELAY_TURN_SECRET": "x"}, "RELAY_TURN_URLS") for url in ("stun:a", "turn:a?transport=sctp", "turn:a?x", "turn:a/b")],
], ids=lambda value: value if isinstance(value, str) else next(iter(value.values())))
def test_settings_that_cannot_work_stop_the_start(make_relay, settings, name):
    with pytest.raises(StartFailed, match=name):
        make_relay(settings)


@pytest.mark.parametrize("url", ["stun:192.0.2.1", "stun:[2001:db8::1]:3478", "stuns:a.example"])
def test_addresses_are_taken_as_names_are(make_relay, url):
    assert make_relay({"RELAY_STUN_URLS": url}).sign_in().get(ICE)["ice_servers"] == [{"urls": [url]}]


# -- signalling ------------------------------------------------------------------------------------

def test_offer_reaches_the_callee_as_it_was(ann, bob):
    ann.send(bob, OFFER, kind="call")
    item = bob.poll_all()[0][-1]
    assert (item["kind"], item["text"]) == ("call", OFFER)


def test_call_to_a_group_is_refused(ann, bob):
    group = Group(ann)
    group.add(bob)
    ann.send(group.id, OFFER, kind="call", expect=400).is_error(400, "invalid_field", field="to")
    ann.send("  @" + group.id.upper(), OFFER, kind="call", expect=400).is_error(400, "invalid_field", field="to")


def test_call_has_text_and_no_attachments(ann, bob):
    file_id = ann.put("/api/v1/webchat/upload?name=a", data=b"x", expect=200)["file_id"]
    ann.send(bob, OFFER, kind="call", attachments=[{"file_id": file_id}], expect=400).is_error(400, "invalid_field", field="attachments")
    ann.send(bob, "", kind="call", expect=400).is_error(400, "invalid_field", field="text")


def test_blocked_caller_reaches_nobody(ann, bob):
    bob.post("/api/v1/webchat/blocks", {"chat_address": ann.address}, expect=200)
    ann.send(bob, OFFER, kind="call", expect=None)
    assert OFFER not in bob.texts()
