"""Quotas of messages that wait, and the floor of free disk."""
import pytest

from client import wait_until
from harness import Relay, needs_housekeeping, unique, write_settings

MESSAGES, GROUPS = "/api/v1/messages", "/api/v1/webchat/groups"
FLOOR = {"PCHAT_MIN_FREE_BYTES": 2**49}


def send(user, to, text="x", expect=(202, 429)):  # either: callers send until the quota is full
    return user.post(MESSAGES, {"to": to, "text": text}, expect=expect)


def fill(user, to, text="x", most=30):
    """Send until it is refused; returns how many went."""
    for number in range(most):
        response = send(user, to, text)
        if response.status == 429:
            assert response.is_error(429, "rate_limited") and 1 <= int(response.headers["Retry-After"]) <= 3600
            return number
    return most


def people(relay, count):
    return [relay.sign_in() for _ in range(count)]


@pytest.fixture(name="five")
def five_messages_of_a_pair(relay_with):
    return relay_with({"RELAY_WAITING_PAIR_MESSAGES": 5})


@pytest.fixture(name="few_bytes")
def few_bytes_of_a_pair(relay_with):
    return relay_with({"RELAY_WAITING_PAIR_BYTES": 200000})


@pytest.fixture(name="few_in_all")
def few_of_a_sender(relay_with):
    return relay_with({"RELAY_WAITING_MESSAGES": 6, "RELAY_WAITING_BYTES": 300000})


def test_messages_of_a_pair_that_wait_are_limited_and_count_no_more_once_fetched(five):
    ann, bob, eve = people(five, 3)
    assert fill(ann, bob.address) == 5
    send(ann, eve.address, expect=202)
    send(eve, bob.address, expect=202)
    bob.poll_all()
    assert fill(ann, bob.address) == 5


def test_bytes_of_a_pair_that_wait_are_limited(few_bytes):
    ann, bob, eve = people(few_bytes, 3)
    assert fill(ann, bob.address, "x" * 60000) == 4
    assert fill(ann, eve.address, "x" * 60000) == 4


def test_messages_of_a_sender_that_wait_are_limited_over_all_recipients(few_in_all):
    ann, *others = people(few_in_all, 4)
    statuses = [send(ann, others[number % 3].address).status for number in range(9)]
    assert statuses == [202] * 6 + [429] * 3
    others[0].poll_all()
    assert fill(ann, others[1].address) == 2


def test_bytes_of_a_sender_that_wait_are_limited_over_all_recipients(few_in_all):
    ann, *others = people(few_in_all, 3)
    statuses = [send(ann, others[number % 2].address, "x" * 60000).status for number in range(8)]
    assert statuses == [202] * 5 + [429] * 3


def test_blocked_sender_meets_the_same_limit_as_everybody(five):
    ann, bob, eve = people(five, 3)
    bob.post("/api/v1/webchat/blocks", {"chat_address": ann.address}, expect=200)
    assert fill(ann, bob.address) == fill(eve, bob.address) == 5


def test_withdrawn_messages_wait_no_more(five):
    ann, bob = people(five, 2)
    sent = [send(ann, bob.address, expect=202)["message_id"] for _ in range(5)]
    send(ann, bob.address, expect=429)
    ann.delete(f"{MESSAGES}/{sent[1]}", expect=200)
    assert fill(ann, bob.address) == 1


def test_edits_count_with_what_they_bring(few_bytes):
    ann, bob = people(few_bytes, 2)
    sent = [send(ann, bob.address, expect=202)["message_id"] for _ in range(8)]
    # either: how many fit is not said to the byte
    statuses = [ann.patch(f"{MESSAGES}/{each}", {"text": "y" * 60000}, expect=(200, 429)).status for each in sent]
    assert statuses[:3] == [200] * 3 and statuses[-1] == 429
    assert [text[0] for text in bob.texts()] == ["y" if status == 200 else "x" for status in statuses]


def test_edits_of_fetched_messages_count_as_well(make_relay):
    relay = make_relay({"RELAY_WAITING_PAIR_BYTES": 200000, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "MESSAGE_RETENTION_MODE": "full"})
    ann, bob = people(relay, 2)
    sent = [send(ann, bob.address, expect=202)["message_id"] for _ in range(8)]
    bob.poll_all()
    for number, each in enumerate(sent):
        ann.patch(f"{MESSAGES}/{each}", {"text": "y" * 60000}, expect=200 if number < 4 else 429)


@needs_housekeeping
def test_group_messages_wait_until_every_member_has_them(make_relay):
    relay = make_relay({"RELAY_WAITING_PAIR_MESSAGES": 4, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})
    ann, bob, eve = people(relay, 3)
    group = ann.post(GROUPS, {"name": "G", "visibility": "public", "join_policy": "open"}, expect=200)["group_id"]
    for user in (bob, eve):
        user.post(f"{GROUPS}/{group}/join", expect=200)
    assert fill(ann, group) == 4
    bob.poll_all()
    send(ann, group, expect=429)
    eve.poll_all()
    wait_until("they are over", lambda: send(ann, group).status == 202)


def test_external_messages_wait_for_their_phone_within_the_quota(five):
    ann = five.sign_in()
    for number in range(7):
        ann.post(MESSAGES, {"channel": "sms", "to": f"+49{number}", "text": "x"}, expect=202 if number < 5 else 429)


def test_what_phones_bring_in_is_within_the_quota(five):
    ann = five.sign_in()
    for number in range(7):
        ann.post("/api/v1/phone/inbound", {"phone_id": "", "channel": "sms", "from": "1", "text": unique(), "received_at": 1},
                 expect=202 if number < 5 else 429)


def test_repeat_of_a_message_gets_its_response_beyond_the_quota(five):
    ann, bob = people(five, 2)
    first = ann.send(bob, idempotency_key="k")
    assert fill(ann, bob.address) == 4
    assert ann.send(bob, idempotency_key="k", expect=200)["message_id"] == first["message_id"]


def test_sums_follow_whatever_ends_the_waiting(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob, eve = people(relay, 3)
    for user in (bob, eve):
        for _ in range(3):
            ann.send(user)
    bob.poll_all()
    eve.delete("/api/v1/pchat/auth/me", expect=200)
    with relay.locked_database() as link:
        left = link.execute("SELECT count(*), coalesce(sum(bytes), 0) FROM message_wait").fetchone()
        assert link.execute("SELECT coalesce(sum(messages), 0), coalesce(sum(bytes), 0) FROM waiting").fetchone() == left
    bob.poll_all()
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    with relay.locked_database() as link:
        assert link.execute("SELECT count(*) FROM message_wait").fetchone() == (0,)
        assert link.execute("SELECT count(*) FROM waiting").fetchone() == (0,)


def test_zero_is_no_limit(make_relay):
    relay = make_relay({name: 0 for name in ("RELAY_WAITING_MESSAGES", "RELAY_WAITING_BYTES", "RELAY_WAITING_PAIR_MESSAGES",
                                             "RELAY_WAITING_PAIR_BYTES")})
    ann, bob = people(relay, 2)
    assert fill(ann, bob.address, "x" * 60000) == 30


# -- the floor -------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def one_low(built):  # pylint: disable=unused-argument
    """A relay whose disk is below its floor, with pairs of people, one for each test, who wrote to each other before."""
    with Relay({"PCHAT_MIN_FREE_BYTES": 0}) as relay:
        pairs = [people(relay, 2) for _ in range(len(NEW) + 1)]
        relay.pairs = [(ann, bob, ann.send(bob)["message_id"]) for ann, bob in pairs]
        relay.settings.update(FLOOR)
        write_settings(relay.folder, relay.settings)
        relay.restart()
        yield relay


@pytest.fixture(name="low")
def relay_that_runs_low(one_low):
    """It, with the next pair."""
    one_low.ann, one_low.bob, one_low.sent = one_low.pairs.pop()
    for user in (one_low.ann, one_low.bob):
        user.port = one_low.port
    return one_low


NEW = {"message": ("POST", MESSAGES, {"to": "{bob}", "text": "x"}),
       "edit": ("PATCH", MESSAGES + "/{sent}", {"text": "y"}),
       "inbound": ("POST", "/api/v1/phone/inbound", {"phone_id": "", "channel": "sms", "from": "1", "text": "x", "received_at": 1}),
       "contacts": ("PUT", "/api/v1/webchat/contacts", {"contacts": []}),
       "prefs": ("PUT", "/api/v1/webchat/prefs", {"prefs": "x"}),
       "push": ("PUT", "/api/v1/webchat/push", {"endpoint": "https://push.example.com/1"}),
       "group": ("POST", GROUPS, {"name": "G"})}


@pytest.mark.parametrize("method, path, body", NEW.values(), ids=NEW)
def test_nothing_new_is_stored_below_the_floor(low, method, path, body):
    body = {name: value.replace("{bob}", low.bob.address) if isinstance(value, str) else value for name, value in body.items()}
    refused = low.ann.call(method, path.replace("{sent}", low.sent), body, expect=503)
    assert refused.is_error(503, "storage_full").headers["Retry-After"]


def test_reading_receipts_sign_in_and_deletion_go_on_below_the_floor(low):
    [item] = low.bob.poll_all()[0]
    low.bob.read(item["message_id"])
    assert low.ann.status(low.sent) == "read"
    low.sign_in(low.ann.email).get("/api/v1/pchat/auth/me", expect=200)
    low.sign_in()
    low.ann.delete(f"{MESSAGES}/{low.sent}", expect=200)
    low.bob.post("/api/v1/webchat/blocks", {"chat_address": low.ann.address}, expect=200)
    low.ann.delete("/api/v1/pchat/auth/me", expect=200)
