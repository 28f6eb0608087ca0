"""Clocks that jump while a mail or a code waits, or that stand still. (relay-live sees no file, so none of these clocks.)"""

import pytest

from client import wait_until
from keys import make_key
from phone import Phone
from smtp_sink import SmtpSink
from test_clocks import JUMPS, relay_with_a_clock_of_its_own  # noqa: F401 pylint: disable=unused-import
from test_housekeeping import HOUR, needs_faketime

REQUEST, VERIFY = "/api/v1/pchat/auth/request-code", "/api/v1/pchat/auth/verify-code"
ANN = "ann@example.com"

pytestmark = needs_faketime


def stand_still(clock, moment="2027-02-28 23:59:59"):
    """From here on it is that moment for every process of the relay."""
    with open(clock.path + ".new", "w", encoding="ascii") as file:
        file.write(moment)
    clock.put()


def number(relay, query):
    with relay.opened_database() as link:
        return link.execute(query).fetchone()[0]


def ask(relay):
    relay.client().post(REQUEST, {"email": ANN}, expect=202)


@pytest.mark.parametrize("moment", ["2027-02-28 23:59:59", "2028-02-29 12:00:00", "2027-03-28 02:30:00"],
                         ids=["end-of-february", "leap-day", "hour-that-is-not"])
def test_messages_keep_their_order_while_the_clock_stands_still(jumpy, moment):
    relay, clock = jumpy()
    ann, bob = relay.sign_in(), relay.sign_in()
    stand_still(clock, moment)
    sent = [ann.send(bob, str(number))["message_id"] for number in range(5)]
    found, cursor = bob.poll_all("")
    assert [item["text"] for item in found] == list("01234") and ann.status(sent[-1]) == "delivered"
    ann.patch(f"/api/v1/messages/{sent[0]}", {"text": "new"}, expect=200)
    assert [item["text"] for item in bob.poll(cursor)["messages"]] == ["new"]


@JUMPS
@pytest.mark.parametrize("down", [False, True], ids=["put", "tried"])
def test_mail_of_a_clock_that_was_ahead_leaves_when_it_is_right_again(jumpy, jump, down):
    """It was put into the outbox under the wrong clock, or tried under it in vain: it does not wait until that time comes."""
    with SmtpSink() as sink:
        relay, clock = jumpy(**sink.settings())
        sink.stop()
        clock.set(jump if jump > 0 else 0)
        ask(relay)
        if down:
            wait_until("it was tried", lambda: number(relay, "SELECT max(tries) FROM outbox"))
        clock.set(0 if jump > 0 else jump - HOUR)
        sink.start()
        sink.wait_mail(ANN)


@pytest.mark.parametrize("ahead", [2 * HOUR, 20 * 86400], ids=["two-hours", "20-days"])
def test_what_a_clock_that_was_ahead_put_off_goes_to_the_phone_once_it_is_right(jumpy, ahead):
    """It was queued under the wrong clock; or handed out under it, and the phone never said what came of it."""
    relay, clock = jumpy()
    ann = relay.sign_in()
    phone = Phone(make_key(ann, "phone"), "nokia")
    clock.set(ahead)
    sent = [ann.post("/api/v1/messages", {"channel": "sms", "to": "+49301234", "text": text}, expect=202)["message_id"] for text in "ab"]
    assert [m["message_id"] for m in phone.claim(limit=1)] == sent[:1]
    clock.set(0)
    assert {m["message_id"] for m in phone.claim()} == set(sent)


@JUMPS
def test_code_is_good_for_its_time_and_not_after_it(jumpy, jump):
    relay, clock = jumpy()
    code = relay.code(ANN)
    clock.set(jump)
    status = relay.client().post(VERIFY, {"email": ANN, "code": code}).status
    assert status == (401 if jump > 0 else 200)
