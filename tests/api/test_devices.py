"""All devices of a person show the same conversation: own copies, changes, stubs; and scrubbing waits for them."""
import time

import pytest

from client import wait_until
from groups import MESSAGES, OPEN, Group
from harness import free_port, kill_pids, run
from keys import make_key
from live import WAKE, listen
from phone import Phone

CHAT = "/api/v1/webchat"
DAY_MS = 86400000
ALL_MODES = ("scrub_all_on_final", "scrub_all_on_claim")
CONTENT_MODES = ("scrub_content_on_final", "scrub_content_on_claim")


class Device:
    """One more session of somebody, which asks for what the others do."""

    def __init__(self, relay, user, **fields):
        self.user = relay.sign_in(user.email, **fields)
        self.cursor = ""

    def poll(self, limit=100, own=True):
        """One poll; its cursor is kept, and so confirmed by the next."""
        body = {"chat_address": self.user.address, "limit": limit, "cursor": self.cursor, "own": own}
        response = self.user.post(CHAT + "/poll", body, expect=200).json
        self.cursor = response["cursor"]
        return response

    def drain(self):
        """All that is new, confirmed: (items, changes, records)."""
        items, changes, records = [], [], set()
        while True:
            response = self.poll()
            items += response["messages"]
            changes += response["changes"]
            records |= set(response["records"])
            if not (response["messages"] or response["changes"] or response["records"] or response["has_more"]):
                return items, changes, records

    def items(self):
        return self.drain()[0]

    def changes(self):
        """{message_id: last status}"""
        return {change["message_id"]: change["status"] for change in self.drain()[1]}


@pytest.fixture(name="phone")
def phone_of_ann(relay, ann):
    return Device(relay, ann)


@pytest.fixture(name="laptop")
def laptop_of_ann(relay, ann):
    return Device(relay, ann)


@pytest.fixture(name="quiet")
def quiet_relay(make_relay):
    """make(**settings): a relay whose passes are run by the test alone."""
    def make(**settings):
        return make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, **settings})
    return make


def got(user):
    """What an older client of somebody gets, all from the beginning."""
    return user.poll_all("")[0]


def catch_up(*devices):
    """Each has all that there is so far."""
    for device in devices:
        device.drain()


def sweep(relay):
    done = run("relay-sweep", "--dir", relay.folder, "--now")
    assert done.returncode == 0, done


def change_rows(relay, query, *arguments):
    with relay.opened_database() as database:
        assert database.execute(query, arguments).rowcount > 0




def text_of(user, message):
    return user.get(f"{MESSAGES}/{message}", expect=200)["message"]["text"]


# -- own copies -------------------------------------------------------------------------------------------------

def test_what_one_sends_oneself_comes_with_its_key_to_the_device_that_sent_it_too(phone, laptop):
    sent = phone.user.send(phone.user, "to remember", idempotency_key="k-0")["message_id"]
    for device, own in ((phone, None), (laptop, True)):
        [item] = device.items()
        assert (item["message_id"], item["idempotency_key"], item.get("own")) == (sent, "k-0", own)


def test_what_one_device_sends_its_owners_others_get_with_its_key(phone, laptop, bob):
    sent = phone.user.send(bob, "on my way", idempotency_key="k-1")["message_id"]
    [item] = laptop.items()
    assert (item["message_id"], item["text"], item["to"], item["own"]) == (sent, "on my way", bob.address, True)
    assert item["idempotency_key"] == "k-1" and item["from"] == phone.user.address
    assert phone.items() == [] and laptop.items() == []


def test_client_that_does_not_ask_sees_what_it_saw_before(ann, phone, bob):
    phone.user.send(bob)
    response = ann.poll("").json
    assert response["messages"] == [] and not {"changes", "records"} & set(response)
    bob.send(ann, "hi")
    [item] = ann.poll("")["messages"]
    assert "own" not in item and item["text"] == "hi"


def test_own_copy_of_a_group_message(phone, laptop, bob):
    group = Group(phone.user, **OPEN)
    group.join(bob)
    catch_up(phone, laptop)
    phone.user.send(group.id, "to all")
    [item] = laptop.items()
    assert (item["text"], item["own"], item["group_id"]) == ("to all", True, group.id)
    assert phone.items() == []
    assert "own" not in [i for i in got(bob) if i["text"] == "to all"][0]


def test_own_copy_of_what_leaves_by_a_phone(phone, laptop):
    phone.user.post(MESSAGES, {"channel": "sms", "to": "+4915112345678", "text": "by sms", "phone_id": "p"}, expect=202)
    [item] = laptop.items()
    assert (item["channel"], item["text"], item["own"], item["to"]) == ("sms", "by sms", True, "+4915112345678")


def test_edit_and_withdrawal_reach_the_own_other_devices(phone, laptop, bob):
    sent = phone.user.send(bob, "frist")["message_id"]
    assert [i["text"] for i in laptop.items()] == ["frist"] and phone.items() == []
    laptop.user.patch(f"{MESSAGES}/{sent}", {"text": "first"}, expect=200)
    [item] = phone.items()
    assert (item["text"], item["own"]) == ("first", True) and item["edited_at"]
    assert laptop.items() == []
    phone.user.delete(f"{MESSAGES}/{sent}", expect=200)
    [item] = laptop.items()
    assert item["message_id"] == sent and item["deleted_at"] and item["text"] == "" and item["own"]


def test_edit_in_a_group_reaches_the_own_other_devices(phone, laptop, bob):
    group = Group(phone.user, **OPEN)
    group.join(bob)
    sent = phone.user.send(group.id, "frist")["message_id"]
    catch_up(laptop)
    phone.user.patch(f"{MESSAGES}/{sent}", {"text": "first"}, expect=200)
    assert [(i["text"], i.get("own")) for i in laptop.items()] == [("first", True)]


def test_saved_message_is_own_on_the_other_devices_alone(phone, laptop):
    phone.user.send(phone.user, "milk")
    [there], [here] = laptop.items(), phone.items()
    assert there["text"] == here["text"] == "milk" and there["own"] and "own" not in here


def test_edited_saved_message_reaches_both(phone, laptop):
    sent = phone.user.send(phone.user, "milk")["message_id"]
    catch_up(phone, laptop)
    phone.user.patch(f"{MESSAGES}/{sent}", {"text": "oat milk"}, expect=200)
    assert [i["text"] for i in laptop.items()] == [i["text"] for i in phone.items()] == ["oat milk"]


def test_who_is_blocked_does_not_learn_it_from_own_copies(phone, laptop, bob):
    bob.post(CHAT + "/blocks", {"chat_address": phone.user.address}, expect=200)
    phone.user.send(bob, "hello?")
    assert [i["text"] for i in laptop.items()] == ["hello?"]
    assert got(bob) == []
    assert laptop.changes() == {}


def test_session_that_begins_later_gets_nothing_of_before(relay, phone, laptop, bob):
    phone.user.send(bob, "before")
    catch_up(laptop)
    assert Device(relay, phone.user).items() == []


def test_key_that_sends_shows_on_all_devices(phone, laptop, bob):
    make_key(phone.user, "send").post(MESSAGES, {"to": bob.address, "text": "by key"}, expect=202)
    assert [i["text"] for i in phone.items()] == [i["text"] for i in laptop.items()] == ["by key"]


def test_own_copy_wakes_the_other_device(phone, laptop, bob):
    laptop.poll()
    with listen(laptop.user) as stream:
        phone.user.send(bob)
        assert stream.event() == WAKE


# -- changes ----------------------------------------------------------------------------------------------------

def test_progress_of_own_messages_comes_to_all_devices(phone, laptop, bob):
    sent = phone.user.send(bob)["message_id"]
    catch_up(phone, laptop)
    bob.poll_all("")
    assert phone.changes() == laptop.changes() == {sent: "delivered"}
    bob.read(sent)
    read, again = phone.drain()[1], laptop.drain()[1]
    assert read == again and read[0]["message_id"] == sent and read[0]["status"] == "read"
    assert abs(read[0]["at"] - time.time() * 1000) < 60000
    assert phone.changes() == laptop.changes() == {}


def test_reading_on_one_device_marks_the_others(phone, laptop, bob):
    sent = bob.send(phone.user)["message_id"]
    catch_up(phone, laptop)
    phone.user.read(sent)
    assert laptop.changes() == {sent: "read"} and laptop.changes() == {}


def test_reading_on_one_device_wakes_the_others(phone, laptop, bob):
    sent = bob.send(phone.user)["message_id"]
    catch_up(phone, laptop)
    with listen(laptop.user) as stream:
        phone.user.read(sent)
        assert stream.event() == WAKE


def test_progress_in_a_group_is_of_the_member_who_is_behind(relay, phone, bob):
    carl = relay.sign_in()
    group = Group(phone.user, **OPEN)
    for member in bob, carl:
        group.join(member)
    sent = phone.user.send(group.id)["message_id"]
    catch_up(phone)
    bob.poll_all("")
    assert phone.changes() == {sent: "queued"}
    carl.poll_all("")
    assert phone.changes() == {sent: "delivered"}


def test_what_happens_after_a_block_is_no_change(phone, bob):
    sent = phone.user.send(bob)["message_id"]
    bob.poll_all("")
    catch_up(phone)
    bob.post(CHAT + "/blocks", {"chat_address": phone.user.address}, expect=200)
    bob.read(sent)
    assert phone.changes() == {}


def test_progress_of_a_phones_message(phone, laptop):
    way = Phone(phone.user, "p")
    sent = phone.user.post(MESSAGES, {"channel": "sms", "to": "+4915112345678", "text": "x", "phone_id": "p"}, expect=202)["message_id"]
    catch_up(laptop)
    [claimed] = way.claim()
    way.ack(claimed)
    assert laptop.changes() == {sent: "sent"}


def test_expiry_is_a_change(quiet):
    relay = quiet(PCHAT_QUEUE_STALE_TTL_SEC=1)
    ann, bob = relay.sign_in(), relay.sign_in()
    device = Device(relay, ann)
    sent = ann.send(bob)["message_id"]
    catch_up(device)
    wait_until("it expired", lambda: (sweep(relay), device.changes().get(sent) == "expired")[1])


def test_record_of_a_user_that_changed_is_named(phone, laptop, bob):
    me = phone.user
    catch_up(laptop)
    me.put("/api/v1/pchat/auth/me", {"display_name": "Anna"}, expect=200)
    assert laptop.drain()[2] == {"profile"}
    me.post(CHAT + "/blocks", {"chat_address": bob.address}, expect=200)
    assert laptop.drain()[2] == {"blocks"}
    me.put(CHAT + "/contacts", {"contacts": []}, expect=200)
    assert laptop.drain()[2] == {"contacts"}
    group = Group(me)
    assert laptop.drain()[2] == {"groups"}
    group.delete()


def test_leaving_a_group_is_known_on_the_other_devices(phone, laptop, bob):
    group = Group(bob, **OPEN)
    group.join(phone.user)
    assert "groups" in laptop.drain()[2]
    group.leave(phone.user)
    assert "groups" in laptop.drain()[2]


def test_pages_lose_no_change(phone, laptop, bob):
    sent = {phone.user.send(bob, str(i))["message_id"] for i in range(30)}
    seen = {}
    bob.poll_all("")
    while True:
        response = laptop.poll(limit=7)
        seen.update((c["message_id"], c["status"]) for c in response["changes"])
        if not response["messages"] and not response["has_more"] and not response["changes"]:
            break
    assert set(seen) == sent and set(seen.values()) == {"delivered"}


# -- who comes late ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", CONTENT_MODES)
def test_session_that_comes_too_late_gets_a_stub(quiet, mode):
    relay = quiet(RETENTION_DEVICE_GRACE_SEC=0, MESSAGE_RETENTION_MODE=mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    late, own = Device(relay, bob), Device(relay, ann)
    sent = ann.send(bob, "gone soon")["message_id"]
    bob.poll_all("")
    sweep(relay)
    for device in late, own:
        [item] = device.items()
        assert item["message_id"] == sent and item["text"] == "" and item["scrubbed_at"]
        assert device.items() == []


@pytest.mark.parametrize("mode", ALL_MODES)
def test_modes_that_forget_the_recipient_are_silent(quiet, mode):
    relay = quiet(RETENTION_DEVICE_GRACE_SEC=0, MESSAGE_RETENTION_MODE=mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    late = Device(relay, bob)
    ann.send(bob, "gone soon")
    bob.poll_all("")
    sweep(relay)
    assert late.items() == []


def test_stub_names_no_file_and_no_message_that_it_replied_to(quiet):
    relay = quiet(RETENTION_DEVICE_GRACE_SEC=0)
    ann, bob = relay.sign_in(), relay.sign_in()
    late = Device(relay, bob)
    file_id = ann.put(f"{CHAT}/upload?name=a.bin", data=b"bytes", expect=200)["file_id"]
    ann.send(bob, "x", reply_to=bob.send(ann)["message_id"], attachments=[file_id])
    assert {"attachments", "reply_to"} <= set(got(bob)[-1])
    sweep(relay)
    [item] = [i for i in late.items() if i["from"] == ann.address]
    assert item["scrubbed_at"] and not {"attachments", "reply_to", "event", "duration_ms"} & set(item)


# -- scrubbing waits --------------------------------------------------------------------------------------------

def test_text_waits_for_every_device_of_recipient_and_sender(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    laptop, other = Device(relay, bob), Device(relay, ann)
    sent = ann.send(bob, "for all")["message_id"]
    bob.poll_all("")
    sweep(relay)
    assert text_of(ann, sent) == "for all"
    assert [i["text"] for i in laptop.items()] == ["for all"]
    sweep(relay)
    assert text_of(ann, sent) == "for all", "the sender's other device has not come yet"
    assert [i["text"] for i in other.items()] == ["for all"]
    sweep(relay)
    assert text_of(ann, sent) == ""


def test_page_that_was_not_confirmed_is_waited_for(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    laptop = Device(relay, bob)
    sent = ann.send(bob, "keep")["message_id"]
    bob.poll_all("")
    laptop.poll()
    sweep(relay)
    assert text_of(ann, sent) == "keep"
    laptop.poll()
    sweep(relay)
    assert text_of(ann, sent) == ""


def test_edit_waits_for_every_device_again(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    laptop = Device(relay, bob)
    sent = ann.send(bob, "frist")["message_id"]
    _, cursor = bob.poll_all("")
    catch_up(laptop)
    ann.patch(f"{MESSAGES}/{sent}", {"text": "first"}, expect=200)
    bob.poll_all(cursor)
    sweep(relay)
    assert [i["text"] for i in laptop.items()] == ["first"]
    sweep(relay)
    assert text_of(ann, sent) == ""


def test_group_message_waits_for_the_devices_of_each_member(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    group = Group(ann, **OPEN)
    group.join(bob)
    laptop = Device(relay, bob)
    catch_up(laptop)
    sent = ann.send(group.id, "for all")["message_id"]
    bob.poll_all("")
    sweep(relay)
    assert [i["text"] for i in laptop.items()] == ["for all"]
    sweep(relay)
    assert text_of(ann, sent) == ""


def test_grace_of_nothing_is_the_first_device_alone(quiet):
    relay = quiet(RETENTION_DEVICE_GRACE_SEC=0)
    ann, bob = relay.sign_in(), relay.sign_in()
    for user in ann, bob:
        Device(relay, user)
    sent = ann.send(bob, "x")["message_id"]
    bob.poll_all("")
    sweep(relay)
    assert text_of(ann, sent) == ""


def test_device_that_never_comes_back_is_waited_for_no_longer_than_the_grace(quiet):
    relay = quiet(RETENTION_DEVICE_GRACE_SEC=1)
    ann, bob = relay.sign_in(), relay.sign_in()
    Device(relay, bob)
    sent = ann.send(bob, "x")["message_id"]
    bob.poll_all("")
    wait_until("it is scrubbed", lambda: (sweep(relay), text_of(ann, sent) == "")[1])


def test_device_that_was_not_seen_for_a_week_is_not_waited_for(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    dead = Device(relay, bob)
    sent = ann.send(bob, "x")["message_id"]
    bob.poll_all("")
    sweep(relay)
    assert text_of(ann, sent) == "x"
    change_rows(relay, "UPDATE session SET last_seen_at = last_seen_at - ? WHERE public_id = ?", 7 * DAY_MS + 1000,
                bytes.fromhex(dead.user.session_id[4:]))
    sweep(relay)
    assert text_of(ann, sent) == ""


def test_device_that_signed_out_is_not_waited_for(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    gone = Device(relay, bob)
    sent = ann.send(bob, "x")["message_id"]
    bob.poll_all("")
    gone.user.post("/api/v1/pchat/auth/logout", expect=200)
    sweep(relay)
    assert text_of(ann, sent) == ""


def test_expiry_waits_for_no_device(quiet):
    relay = quiet(PCHAT_QUEUE_STALE_TTL_SEC=1)
    ann, bob = relay.sign_in(), relay.sign_in()
    Device(relay, bob)
    sent = ann.send(bob, "x")["message_id"]
    bob.poll_all("")
    wait_until("it is scrubbed", lambda: (sweep(relay), text_of(ann, sent) == "")[1])


@pytest.mark.parametrize("mode", ["scrub_content_on_claim", "scrub_all_on_claim"])
def test_modes_that_scrub_on_claim_wait_for_nobody(quiet, mode):
    relay = quiet(MESSAGE_RETENTION_MODE=mode)
    ann, bob = relay.sign_in(), relay.sign_in()
    for user in ann, bob:
        Device(relay, user)
    sent = ann.send(bob, "x")["message_id"]
    assert [i["text"] for i in bob.poll("")["messages"]] == ["x"]
    assert text_of(ann, sent) == ""


def test_device_of_the_sender_that_never_asks_is_not_waited_for(quiet):
    relay = quiet()
    ann, bob = relay.sign_in(), relay.sign_in()
    older = relay.sign_in(ann.email)
    older.poll("")
    sent = ann.send(bob, "x")["message_id"]
    bob.poll_all("")
    sweep(relay)
    assert text_of(ann, sent) == ""


# -- what the relay says of it ----------------------------------------------------------------------------------

def test_config_says_how_long_text_stays(quiet):
    relay = quiet(RETENTION_DEVICE_GRACE_SEC=77, MESSAGE_RETENTION_MODE="scrub_all_on_final")
    assert relay.client().get(CHAT + "/config", expect=200)["retention"] == {"mode": "scrub_all_on_final", "device_grace_sec": 77, "file_hold_sec": 0}


def test_three_devices_show_the_same_through_restarts_and_kills(make_relay):
    relay = make_relay(port=free_port())
    ann, bob = relay.sign_in(), relay.sign_in()
    devices = [Device(relay, ann), Device(relay, ann), Device(relay, bob)]
    seen = [{} for _ in devices]

    def look():
        for device, texts in zip(devices, seen):
            texts.update((i["message_id"], i["text"]) for i in device.items())

    group = Group(devices[0].user, **OPEN)
    group.join(devices[2].user)
    want = {}
    for turn, stop in enumerate((relay.restart, lambda: None, lambda: (kill_pids(relay.pids()), relay.kill(), relay.start()))):
        for who, device in enumerate(devices):
            to = group.id if turn % 2 else bob if who < 2 else ann
            key = f"{turn}-{who}"
            want[device.user.send(to, key, idempotency_key=key)["message_id"]] = key
        stop()
        look()
    edited = next(iter(want))
    devices[0].user.patch(f"{MESSAGES}/{edited}", {"text": "edited"}, expect=200)
    want[edited] = "edited"
    look()
    for who, texts in enumerate(seen):
        mine = {message for message, text in want.items() if text.endswith(f"-{who}")} | ({edited} if who == 0 else set())
        assert {message: texts.get(message) for message in want if message not in mine} == \
            {message: text for message, text in want.items() if message not in mine}


def test_modes_that_forget_the_recipient_forget_who_read_it(quiet):
    relay = quiet(MESSAGE_RETENTION_MODE="scrub_all_on_final", RETENTION_DEVICE_GRACE_SEC=0)
    ann, bob = relay.sign_in(), relay.sign_in()
    Device(relay, bob)
    sent = ann.send(bob)["message_id"]
    bob.poll_all("")
    bob.read(sent)
    query = "SELECT count(*) FROM message_change c JOIN account a ON a.id = c.account_id WHERE a.chat_address = ?"
    with relay.opened_database() as database:
        assert database.execute(query, (bob.address,)).fetchone() == (1,)
    sweep(relay)
    with relay.opened_database() as database:
        assert database.execute(query, (bob.address,)).fetchone() == (0,)
