"""Clocks that jump while the relay runs, in every process of it: what was sent before stays, and what comes later expires in its time."""
import os

import pytest

from client import wait_until
from harness import needs_housekeeping, run
from live import WAKE, listen
from test_housekeeping import LIBRARY, YEAR, HOUR, needs_faketime, rows

JUMPS = pytest.mark.parametrize("jump", [-HOUR, 20 * 86400, YEAR], ids=["an-hour-back", "20-days-ahead", "a-year-ahead"])
TTL_SEC = 4


class Clock:
    """The clock of a relay, by a file that its processes look at each time."""

    def __init__(self, folder):
        os.makedirs(os.path.join(folder, "data"), 0o755)  # where the sandbox of a worker lets it look
        self.path = os.path.join(folder, "data", "clock")
        self.env = {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
                    "NO_FAKE_STAT": "1", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        self.set(0)

    def set(self, offset):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{offset:+d}")
        self.put()

    def put(self):
        os.chmod(self.path + ".new", 0o644)
        os.rename(self.path + ".new", self.path)


@pytest.fixture(name="jumpy")
def relay_with_a_clock_of_its_own(make_relay):
    def make(**settings):
        relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, "PCHAT_SESSION_TTL_SEC": 0, **settings}, start=False)
        clock = Clock(relay.folder)
        relay.env = clock.env
        relay.start()
        return relay, clock
    return make


def texts(user):
    return [item["text"] for item in user.poll("")["messages"]]


def status(user, message):
    return user.receipts(message)[message]["status"]


@needs_faketime
@JUMPS
def test_one_message_of_a_wrong_clock_does_not_keep_the_others_from_expiring(jumpy, jump):
    relay, clock = jumpy(PCHAT_QUEUE_STALE_TTL_SEC=TTL_SEC)
    ann, bob = relay.sign_in(), relay.sign_in()
    clock.set(jump)
    ann.send(bob, "of a wrong clock")
    clock.set(0)
    message = ann.send(bob, "in time")["message_id"]
    assert "in time" in texts(bob) and status(ann, message) == "claimed"
    wait_until("it expired", lambda: status(ann, message) == "expired", TTL_SEC + 20)
    assert "in time" not in texts(bob)
    assert run("relay-sweep", "--dir", relay.folder, "--now").returncode == 0
    assert rows(relay, "SELECT length(body) FROM message WHERE public_id = ?", bytes.fromhex(message[4:])) == [(0,)]


@needs_faketime
@JUMPS
def test_messages_keep_their_order_and_none_is_lost_over_a_jump_and_back(jumpy, jump):
    relay, clock = jumpy()
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "before")
    clock.set(jump)
    ann.send(bob, "meanwhile")
    clock.set(0)
    ann.send(bob, "after")
    assert texts(bob) == ["before", "meanwhile", "after"]
    found, cursor = bob.poll_all("")
    assert [item["text"] for item in found] == ["before", "meanwhile", "after"]
    ann.send(bob, "last")
    assert [item["text"] for item in bob.poll(cursor)["messages"]] == ["last"]


@needs_faketime
@pytest.mark.parametrize("jump", [20 * 86400, YEAR], ids=["20-days-ahead", "a-year-ahead"])
@pytest.mark.parametrize("later", [False, True], ids=["alone", "before-another"])
def test_message_that_a_wrong_clock_hid_never_counts_as_delivered(jumpy, jump, later):
    relay, clock = jumpy()
    ann, bob = relay.sign_in(), relay.sign_in()
    message = ann.send(bob, "hidden")["message_id"]
    clock.set(jump)
    if later:
        ann.send(bob, "shown")
    found, cursor = bob.poll_all("")
    assert [item["text"] for item in found] == ["shown"] * later
    clock.set(0)
    bob.poll(cursor)
    assert status(ann, message) == "expired"


@needs_faketime
@needs_housekeeping
def test_doctor_says_that_the_clock_of_the_streams_is_ahead(jumpy):
    relay, clock = jumpy()
    ann, bob = relay.sign_in(), relay.sign_in()
    clock.set(20 * 86400)
    ann.send(bob, "x")
    clock.set(0)
    ann.send(bob, "y")
    said = relay.ctl("doctor", "--text", expect=None).stdout
    [line] = [line for line in said.splitlines() if "clock" in line]
    assert "the clock of the streams is 17279" in line and " s ahead" in line, line


@needs_faketime
@JUMPS
def test_stream_of_events_goes_on_through_a_jump(jumpy, jump):
    relay, clock = jumpy()
    ann, bob = relay.sign_in(), relay.sign_in()
    with listen(ann) as stream:
        for offset in (jump, 0):
            clock.set(offset)
            bob.send(ann)
            assert stream.event() == WAKE
