"""Pushes to devices whose WebChat is closed: empty, seldom, only where they may go, and gone with the session."""
import contextlib
import os
import sqlite3
import stat
import tempfile
import time

import pytest

from client import wait_until
from groups import accept
from harness import Relay, StartFailed
from keys import make_key
from live import Listener
from push_sink import PushSink, check_authorization
from tls import make_certificate

PUSH, CONFIG, AUTH, CHAT = "/api/v1/webchat/push", "/api/v1/webchat/config", "/api/v1/pchat/auth", "/api/v1/webchat"
SOON_SEC = 20


@pytest.fixture(name="certificate", scope="module")
def a_certificate():
    with tempfile.TemporaryDirectory() as folder:
        yield make_certificate(folder)


@pytest.fixture(name="service", scope="module")
def a_push_service(certificate):
    with PushSink(certificate) as sink:
        yield sink


@pytest.fixture(name="relay")
def relay_with_pushes(relay_with, service):
    return relay_with(service.settings())


@pytest.fixture(name="slow")
def one_with_time_to_fetch(relay_with, service):
    """Whoever polls has three intervals to come before a push goes out."""
    return relay_with(service.settings(RELAY_POLL_INTERVAL_MS=1500))


@pytest.fixture(name="unheard", scope="module")
def a_push_service_that_nobody_may_reach(certificate):
    with PushSink(certificate) as sink:
        yield sink


@pytest.fixture(name="ended", scope="module")
def one_that_ended(built, service):  # pylint: disable=unused-argument
    with Relay(service.settings()) as relay:
        relay.stop()
        yield relay


@pytest.fixture(name="own")
def a_push_service_alone(certificate):
    with PushSink(certificate) as sink:
        yield sink


@pytest.fixture(name="start")
def start_with_pushes(make_relay, own):
    return lambda **settings: make_relay(own.settings(**settings))


def subscribe(user, service, path):
    path = f"{path}-{getattr(user, 'address', 'key')}"
    user.put(PUSH, {"endpoint": service.origin + path}, expect=200)
    return path


def rows(relay):
    """{path of the endpoint: (tries, how long nothing goes there yet)}."""
    with relay.opened_database() as database:
        found = database.execute("SELECT endpoint, tries, next_at FROM push").fetchall()
    return {"/" + endpoint.split("/", 3)[-1]: (tries, next_at / 1000 - time.time()) for endpoint, tries, next_at in found}


def told(service, path, count=1):
    wait_until(f"{path} is told {count} times", lambda: len(service.pushes(path)) >= count, SOON_SEC)
    return service.pushes(path)


def passed(relay, service, sender):
    """A push to somebody new: whatever else was due by now went before it."""
    control = relay.sign_in()
    path = subscribe(control, service, "/control")
    sender.send(control, "x")
    told(service, path)


# -- what goes out ---------------------------------------------------------------------------------

def test_news_is_told_by_an_empty_push_that_says_who_pushes(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/up/a1?token=x")
    bob.send(ann, "Marzipan")
    push, = told(service, path)
    headers = push["headers"]
    assert push["method"] == "POST" and push["body"] == b"" and headers["Content-Length"] == "0"
    assert headers["TTL"] == "86400" and headers["Urgency"] == "normal" and headers["Topic"] == "news"
    assert set(headers) == {"Host", "TTL", "Urgency", "Topic", "Authorization", "Content-Length"}
    claims, key = check_authorization(headers["Authorization"], service.origin)
    assert claims["sub"] == "mailto:operator@example.com" and set(claims) == {"aud", "exp", "sub"}
    config = ann.get(CONFIG, expect=200)
    assert config["push"] == {"key": key} and config["features"]["web_push"] is True


def test_no_push_says_anything_whatever_it_is_for(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/silent")
    group = bob.post(CHAT + "/groups", {"name": "Secret club"}, expect=200)["group_id"]
    bob.post(f"{CHAT}/groups/{group}/members", {"chat_address": ann.address}, expect=202)
    accept(ann)
    for turn, send in enumerate((lambda: bob.send(ann, "one"), lambda: bob.send(group, "two"),
                                 lambda: bob.send(ann, "", kind="voice", attachments=[bob.put(CHAT + "/upload?name=v", data=b"v", expect=200)["file_id"]]))):
        send()
        told(service, path, turn + 1)
    assert {push["body"] for push in service.turns} == {b""}
    words = (bob.address, ann.address, "club", "one", "two")
    assert not [word for push in service.pushes(path) for word in words if word in str({**push["headers"], "Authorization": ""})]


def test_group_message_is_told_to_its_members_and_not_to_its_sender(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    group = bob.post(CHAT + "/groups", {"name": "G"}, expect=200)["group_id"]
    bob.post(f"{CHAT}/groups/{group}/members", {"chat_address": ann.address}, expect=202)
    accept(ann)
    for user in (ann, bob):
        user.poll_all()
    hers, his = subscribe(ann, service, "/member"), subscribe(bob, service, "/sender")
    bob.send(group, "hello")
    told(service, hers)
    passed(relay, service, ann)
    assert service.pushes(his) == []


def test_all_devices_of_a_user_are_told_in_one_round(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    other = relay.sign_in(ann.email)
    paths = [subscribe(ann, service, "/laptop"), subscribe(other, service, "/phone")]
    bob.send(ann, "x")
    for path in paths:
        told(service, path)
    passed(relay, service, bob)
    assert [len(service.pushes(path)) for path in paths] == [1, 1]


# -- how often -------------------------------------------------------------------------------------

def test_many_messages_are_one_push_in_a_pause(start, own):
    relay = start(RELAY_PUSH_PAUSE_SEC=3600)
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, own, "/often")
    bob.send(ann, "1")
    told(own, path)
    for text in "2345":
        bob.send(ann, text)
    passed(relay, own, bob)
    passed(relay, own, bob)
    assert len(own.pushes(path)) == 1


def test_what_came_in_the_pause_is_told_after_it_and_nothing_twice(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/again")
    bob.send(ann, "1")
    told(service, path)
    bob.send(ann, "2")
    first, second = told(service, path, 2)
    assert second["at"] - first["at"] > 0.9
    for _ in range(2):
        time.sleep(1.1)  # the pause is over, and nothing has come
        passed(relay, service, bob)
    assert len(service.pushes(path)) == 2


def test_whoever_listens_is_not_told(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/listens")
    with Listener(ann) as stream:
        stream.event()
        bob.send(ann, "x")
        passed(relay, service, bob)
        passed(relay, service, bob)
    assert service.pushes(path) == []
    assert rows(relay)[path][0] == 0


def test_what_another_session_has_fetched_is_not_told(slow, service):
    ann, bob = slow.sign_in(), slow.sign_in()
    other = slow.sign_in(ann.email)
    path = subscribe(ann, service, "/fetched")
    bob.send(ann, "x")
    other.poll_all()
    passed(slow, service, bob)
    assert service.pushes(path) == []


def test_own_messages_reactions_of_nobody_and_withdrawn_ones_are_not_told(slow, service):
    ann, bob = slow.sign_in(), slow.sign_in()
    other = slow.sign_in(ann.email)
    path = subscribe(ann, service, "/own")
    other.send(bob, "from my other device")
    gone = bob.send(ann, "never mind")
    bob.delete(f"/api/v1/messages/{gone['message_id']}", expect=200)
    passed(slow, service, bob)
    assert service.pushes(path) == []


def test_nothing_from_before_the_subscription_is_told(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    bob.send(ann, "before")
    path = subscribe(ann, service, "/before")
    passed(relay, service, bob)
    assert service.pushes(path) == []


def test_restart_loses_no_push(start, own):
    relay = start(RELAY_POLL_INTERVAL_MS=1500)
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, own, "/restart")
    bob.send(ann, "x")
    relay.stop()
    assert own.pushes(path) == []
    relay.start()
    told(own, path)


# -- a service that misbehaves ---------------------------------------------------------------------

@pytest.mark.parametrize("status", [404, 410])
def test_address_that_is_gone_is_forgotten(relay, service, status):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/gone")
    service.misbehave[path] = status
    bob.send(ann, "x")
    told(service, path)
    wait_until("the address is forgotten", lambda: path not in rows(relay))


@pytest.mark.parametrize("how", [400, 401, 403, 413, 429, 500, 503, "redirect", "close", "hang"])
def test_service_that_fails_is_left_alone_for_a_while(relay, service, how):
    ann, bob, carl = relay.sign_in(), relay.sign_in(), relay.sign_in()
    path, other = subscribe(ann, service, "/bad"), subscribe(carl, service, "/good")
    service.misbehave[path] = how
    bob.send(ann, "x")
    bob.send(carl, "x")
    told(service, other)
    wait_until("the failure is noted", lambda: rows(relay)[path][0] == 1, SOON_SEC)
    assert 30 < rows(relay)[path][1] <= 61
    assert not service.pushes("/elsewhere") and len(service.pushes(path)) == 1
    ann.delete(PUSH, expect=200)


def test_service_is_left_alone_for_as_long_as_it_wishes_but_not_for_ever(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/later")
    service.misbehave[path] = (429, 7200)
    bob.send(ann, "x")
    wait_until("the failure is noted", lambda: rows(relay)[path][0] == 1, SOON_SEC)
    assert 7000 < rows(relay)[path][1] <= 7201
    eve = relay.sign_in()
    path = subscribe(eve, service, "/never")
    service.misbehave[path] = (429, 10 ** 12)
    bob.send(eve, "x")
    wait_until("the failure is noted", lambda: rows(relay)[path][0] == 1, SOON_SEC)
    assert rows(relay)[path][1] <= 86401


def test_pause_grows_with_each_failure_and_ten_end_it(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/broken")
    service.misbehave[path] = 500
    bob.send(ann, "x")
    for tries in range(1, 10):
        wait_until(f"failure {tries} is noted", lambda tries=tries: rows(relay)[path][0] == tries, SOON_SEC)
        assert rows(relay)[path][1] > min(60 * 2 ** (tries - 1), 21600) - 15
        with relay.opened_database() as database:
            database.execute("UPDATE push SET next_at = 0")
    wait_until("it is given up", lambda: path not in rows(relay), SOON_SEC)


def test_a_long_answer_is_not_read(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/long")
    service.misbehave[path] = 200
    bob.send(ann, "x")
    told(service, path)
    passed(relay, service, bob)
    assert rows(relay)[path][0] == 0 and len(service.pushes(path)) == 1


def test_certificate_is_verified(start, own):
    relay = start(RELAY_PUSH_CA_FILE="")
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, own, "/unknown-authority")
    bob.send(ann, "x")
    wait_until("the failure is noted", lambda: rows(relay)[path][0] == 1, SOON_SEC)
    assert own.turns == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0", "127.1", "[::]"])
def test_no_push_goes_to_a_private_address_whatever_it_is_called(relay_with, unheard, host):
    relay = relay_with(unheard.settings(RELAY_PUSH_PRIVATE_HOSTS="other.example"))
    ann, bob = relay.sign_in(), relay.sign_in()
    path = f"/inside-{ann.address}"
    ann.put(PUSH, {"endpoint": f"https://{host}:{unheard.port}{path}"}, expect=200)
    bob.send(ann, "x")
    wait_until("the failure is noted", lambda: rows(relay)[path][0] == 1, SOON_SEC)
    assert unheard.turns == []


# -- who may subscribe, and for how long -----------------------------------------------------------

@pytest.mark.parametrize("endpoint", [
    "http://push.example.com/1", "https://", "https:///x", "ftp://push.example.com/1", "https://user@push.example.com/1", "push.example.com",
    "https://push.example.com/a#b", "https://push.example.com/a b", "https://push.example.com/\n", "https://push.example.com:0/", "https://push.example.com:70000/",
    "https://push.example.com/\"", "https://push.example.com\\@evil.example/", "https://pu\u0161.example/", "https://[::1/", "https://" + "a" * 2041, "javascript:1", "https://?x",
])
def test_what_is_no_address_of_a_push_service_is_refused(relay, endpoint):
    relay.sign_in().put(PUSH, {"endpoint": endpoint}).is_error(400, "invalid_field", field="endpoint")


def test_session_has_one_address_and_lets_it_go(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    old = subscribe(ann, service, "/old")
    path = subscribe(ann, service, "/new")
    assert path in rows(relay) and old not in rows(relay)
    ann.delete(PUSH, expect=200)
    ann.delete(PUSH, expect=200)
    assert path not in rows(relay)
    bob.send(ann, "x")
    passed(relay, service, bob)
    assert service.pushes(path) == []


def test_browser_that_signs_in_anew_is_told_once(relay, service):
    ann = relay.sign_in()
    again = relay.sign_in(ann.email)
    path = subscribe(ann, service, "/same")
    assert subscribe(again, service, "/same") == path
    with relay.opened_database() as database:
        assert database.execute("SELECT count(*) FROM push WHERE endpoint LIKE ?", ("%" + path,)).fetchone() == (1,)
    ann.delete(PUSH, expect=200)
    assert path in rows(relay)


@pytest.mark.parametrize("end", [
    lambda relay, ann: ann.post(AUTH + "/logout", expect=200), lambda relay, ann: ann.delete(AUTH + "/me", expect=200),
    lambda relay, ann: relay.sign_in(ann.email).post(AUTH + "/logout-all", expect=200), lambda relay, ann: relay.ctl("user", "delete", ann.address),
], ids=["logout", "erased", "logout-all", "deleted"])
def test_address_goes_with_the_session(relay, service, end):
    ann = relay.sign_in()
    path = subscribe(ann, service, "/session")
    end(relay, ann)
    assert path not in rows(relay)


def test_blocked_users_and_sessions_that_ran_out_are_not_told(slow, service):
    ann, eve, bob = slow.sign_in(), slow.sign_in(), slow.sign_in()
    paths = [subscribe(ann, service, "/expired"), subscribe(eve, service, "/blocked")]
    bob.send(ann, "x")
    bob.send(eve, "x")
    with slow.opened_database() as database:
        database.execute("UPDATE session SET expires_at = 1 WHERE account_id = (SELECT id FROM account WHERE chat_address = ?)", (ann.address,))
        database.execute("UPDATE account SET blocked = 1 WHERE chat_address = ?", (eve.address,))
    passed(slow, service, bob)
    assert [service.pushes(path) for path in paths] == [[], []]


def test_phone_with_a_key_is_told(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    key = make_key(ann, "receive")
    path = subscribe(key, service, "/unified")
    bob.send(ann, "x")
    told(service, path)
    make_key(ann, "send").put(PUSH, {"endpoint": service.origin}, expect=403).is_error(403, "scope_missing")


def test_export_has_the_address_and_a_backup_without_content_has_not(relay, service, tmp_path):
    ann = relay.sign_in()
    path = subscribe(ann, service, "/export")
    assert ann.get(AUTH + "/export", expect=200)["push"] == [service.origin + path]
    copy = os.path.join(tmp_path, "copy.db")
    relay.ctl("backup", copy)
    with contextlib.closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM push").fetchone() == (0,)
    assert path in rows(relay)


# -- the operator's side ---------------------------------------------------------------------------

def test_without_the_setting_there_are_none(make_relay):
    relay = make_relay()
    ann = relay.sign_in()
    ann.put(PUSH, {"endpoint": "https://push.example.com/1"}, expect=404).is_error(404, "push_off")
    config = ann.get(CONFIG, expect=200)
    assert config["features"]["web_push"] is False and "push" not in config.json
    assert not os.path.exists(os.path.join(relay.folder, "data", "vapid.key"))


def test_key_is_made_once_and_is_nobody_elses(start):
    relay = start()
    path = os.path.join(relay.folder, "data", "vapid.key")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and os.path.getsize(path) == 32
    key = relay.client().get(CONFIG, expect=200)["push"]["key"]
    relay.stop()
    relay.start()
    assert relay.client().get(CONFIG, expect=200)["push"]["key"] == key


@pytest.mark.parametrize("data", [b"short", b"\0" * 32, b"\xff" * 32], ids=["short", "zero", "beyond"])
def test_key_that_is_none_stops_the_start(ended, data):
    before = len(ended.stderr)
    with open(os.path.join(ended.folder, "data", "vapid.key"), "wb") as file:
        file.write(data)
    with pytest.raises(StartFailed):
        ended.start()
    assert "vapid.key" in ended.stderr[before:]


@pytest.mark.parametrize("settings, name", [
    ({"RELAY_PUSH_CONTACT": ""}, "RELAY_PUSH"), ({"RELAY_PUSH_CONTACT": "operator@example.com"}, "RELAY_PUSH_CONTACT"),
    ({"RELAY_PUSH_CONTACT": 'mailto:a"b@example.com'}, "RELAY_PUSH_CONTACT"), ({"RELAY_PUSH_PRIVATE_HOSTS": "https://ntfy.example"}, "RELAY_PUSH_PRIVATE_HOSTS"),
    ({"RELAY_PUSH_CA_FILE": "/nowhere.pem"}, "RELAY_PUSH_CA_FILE"),
], ids=str)
def test_wrong_settings_stop_the_start(start, settings, name):
    with pytest.raises(StartFailed, match=name):
        start(**settings)


def test_nothing_of_whom_and_where_is_in_the_log(relay, service):
    ann, bob = relay.sign_in(), relay.sign_in()
    path = subscribe(ann, service, "/Marzipan-token")
    bad = subscribe(bob, service, "/Zucker-token")
    service.misbehave[bad] = 410
    bob.send(ann, "x")
    ann.send(bob, "x")
    told(service, path)
    wait_until("the address is forgotten", lambda: bad not in rows(relay))
    log = relay.stderr
    assert "push sent" in log and "push subscription removed" in log
    for word in ("Marzipan", "Zucker", f"127.0.0.1:{service.port}", ann.address, bob.address):
        assert word not in log
