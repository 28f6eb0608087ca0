"""Signing in while somebody else tries to prevent it, or to get in."""
import re
from collections import Counter

import pytest

from client import User, wait_until
from harness import BUILD, Relay, run, unique

REQUEST, VERIFY = "/api/v1/pchat/auth/request-code", "/api/v1/pchat/auth/verify-code"
PROXY = {"RELAY_TRUSTED_PROXIES": "127.0.0.1"}
LIMITS = ("RELAY_API_RATE", "RELAY_AUTH_RATE", "RELAY_MAX_CONNECTIONS", "RELAY_CODES_PER_ADDRESS", "RELAY_CODES_PER_CLIENT")


def defaults():
    """The limits as they are when nobody sets them."""
    done = run("relayd", "--help")
    assert done.returncode == 0, BUILD
    with open("relay/.env.example", encoding="utf-8") as file:
        text = file.read()
    return {name: re.search(rf"^#?\s*{name}=(\d+)", text, re.M).group(1) for name in LIMITS}


@pytest.fixture(scope="module")
def one_guarded(built, one_sink):  # pylint: disable=unused-argument
    """A relay with its default limits, that mails, behind a proxy that names clients."""
    with Relay({**one_sink.settings(), **defaults(), **PROXY, "RELAY_AUTH_RATE": 0, "RELAY_API_RATE": 0}) as relay:
        relay.sink = one_sink
        yield relay


@pytest.fixture(name="guarded")
def guarded_relay(one_guarded):
    """One for all: no client has used up anything, and no mail waits."""
    yield one_guarded
    with one_guarded.locked_database() as link:
        link.execute("DELETE FROM throttle")
        link.execute("DELETE FROM outbox")


def at(relay, address):
    """A caller at that client address."""
    return relay.client(headers={"X-Forwarded-For": address})


ASKED = Counter()


def ask(caller, email, expect=202):
    response = caller.post(REQUEST, {"email": email}, expect=expect)
    ASKED[email] += response.status == 202
    return response


def verify(caller, email, code, expect=200):
    return caller.post(VERIFY, {"email": email, "code": code}, expect=expect)


def wrong(*codes):
    """A code that is none of these."""
    return next(code for code in (f"{number:06d}" for number in range(10)) if code not in codes)


def mailed(relay, caller, email):
    """Ask for a code and read it in the mail that this brings."""
    wait_until("earlier mails", lambda: len(relay.sink.mails_to(email)) == ASKED[email])
    ask(caller, email)
    return wait_until("the mail", lambda: relay.sink.mails_to(email)[ASKED[email] - 1:])[0].code


def sign_in(relay, caller, email):
    return User(caller, verify(caller, email, mailed(relay, caller, email)).json)


def besiege(relay, email, attackers, tries=12):
    """Ask for codes and guess until nothing more is let through."""
    for address in attackers:
        caller = at(relay, address)
        for _ in range(tries):
            # either: until the limits are reached, which the tests set in different places
            ask(caller, email, expect=(202, 429))
            verify(caller, email, "000000", expect=401)
            verify(caller, email, "000001", expect=401)


ATTACKERS = {"one": ["198.51.100.1"], "many": [f"198.51.100.{number}" for number in range(1, 9)],
             "network": [f"2001:db8:0:1::{number}" for number in range(1, 9)]}


@pytest.mark.parametrize("attackers", ATTACKERS.values(), ids=ATTACKERS)
def test_new_user_signs_in_while_others_attack_the_address(guarded, attackers):
    email = unique() + "@example.com"
    besiege(guarded, email, attackers)
    sign_in(guarded, at(guarded, "192.0.2.7"), email).get("/api/v1/pchat/auth/me", expect=200)


@pytest.mark.parametrize("attackers", ATTACKERS.values(), ids=ATTACKERS)
def test_user_who_is_signed_in_elsewhere_signs_in_while_others_attack(guarded, attackers):
    email = unique() + "@example.com"
    sign_in(guarded, at(guarded, "192.0.2.7"), email)
    besiege(guarded, email, attackers)
    sign_in(guarded, at(guarded, "192.0.2.7"), email)
    sign_in(guarded, at(guarded, "203.0.113.9"), email)


def test_attack_from_a_hundred_addresses_leaves_the_share_of_a_client_with_a_session(guarded):
    email = unique() + "@example.com"
    sign_in(guarded, at(guarded, "192.0.2.7"), email)
    for number in range(1, 120):
        # either: until the limit for all strangers is reached
        ask(at(guarded, f"198.51.100.{number}"), email, expect=(202, 429))
    ask(at(guarded, "203.0.113.9"), email, expect=429)
    sign_in(guarded, at(guarded, "192.0.2.7"), email)


def test_code_on_its_way_is_not_cancelled_by_another_call(guarded):
    email, victim = unique() + "@example.com", at(guarded, "192.0.2.7")
    code = mailed(guarded, victim, email)
    besiege(guarded, email, ATTACKERS["many"])
    verify(victim, email, code)


def test_wrong_tries_of_others_do_not_burn_a_code(guarded):
    email, victim = unique() + "@example.com", at(guarded, "192.0.2.7")
    code = mailed(guarded, victim, email)
    for number in range(1, 60):
        verify(at(guarded, f"198.51.100.{number}"), email, wrong(code), expect=401)
    verify(victim, email, code)


def test_stranger_has_five_tries_at_a_code_that_he_did_not_ask_for(guarded):
    email, stranger = unique() + "@example.com", at(guarded, "198.51.100.1")
    code = mailed(guarded, at(guarded, "192.0.2.7"), email)
    for _ in range(5):
        verify(stranger, email, wrong(code), expect=401)
    verify(stranger, email, code, expect=401).is_error(401, "code_invalid")


def test_strangers_together_have_fifty_tries_in_an_hour(guarded):
    email = unique() + "@example.com"
    code = mailed(guarded, at(guarded, "192.0.2.7"), email)
    for number in range(1, 11):
        for _ in range(5):
            verify(at(guarded, f"198.51.100.{number}"), email, wrong(code), expect=401)
    verify(at(guarded, "198.51.100.99"), email, code, expect=401)


def test_addresses_of_one_network_share_their_tries(guarded):
    email = unique() + "@example.com"
    code = mailed(guarded, at(guarded, "192.0.2.7"), email)
    for number in range(1, 6):
        verify(at(guarded, f"2001:db8:0:1::{number}"), email, wrong(code), expect=401)
    verify(at(guarded, "2001:db8:0:1::99"), email, code, expect=401)
    verify(at(guarded, "2001:db8:0:2::1"), email, code)


def test_code_asked_for_on_one_device_opens_another(guarded):
    email = unique() + "@example.com"
    code = mailed(guarded, at(guarded, "192.0.2.7"), email)
    verify(at(guarded, "203.0.113.9"), email, code)


def test_three_codes_of_one_who_asks_are_alive_and_a_fourth_ends_the_first(guarded):
    email, caller = unique() + "@example.com", at(guarded, "192.0.2.7")
    codes = [mailed(guarded, caller, email) for _ in range(4)]
    assert len(set(codes)) == 4, "two equal codes by chance: run it again"
    verify(caller, email, codes[0], expect=401)
    verify(caller, email, codes[1])
    verify(caller, email, codes[2], expect=401)


def test_class_of_thirty_behind_one_address_signs_in_at_once(make_relay, sink):
    relay = make_relay({**sink.settings(), **defaults()})
    relay.sink = sink
    people = [unique() + "@example.com" for _ in range(30)]
    for email in people:
        ask(relay.client(), email)
    for email in people:
        verify(relay.client(), email, sink.wait_mail(email).code)


def test_doctor_leaves_the_sign_in_calls_of_its_own_address_alone(make_relay):
    relay = make_relay({**defaults(), "RELAY_AUTH_RATE": 1, "PCHAT_DEV_EXPOSE_CODES": "true"})
    for _ in range(3):
        assert "forged" in relay.ctl("doctor", expect=None).stdout
    relay.sign_in()


@pytest.fixture(scope="module", name="closed")
def closed_relay(built, one_sink):  # pylint: disable=unused-argument
    """A relay for one domain, that mails."""
    with Relay({**one_sink.settings(), "PCHAT_AUTH_ALLOWED_DOMAINS": "inside.example", "PCHAT_ADMIN_EMAILS": "boss@inside.example"}) as relay:
        relay.sink = one_sink
        yield relay


def test_response_does_not_tell_who_may_sign_in(closed):
    responses = [ask(closed.client(), name + "@" + domain) for name in (unique(), unique()) for domain in ("inside.example", "outside.example")]
    assert {str(response.json) for response in responses} == {str({"success": True, "status": "code_sent", "expires_in": 600})}
    names = [{name for name in response.headers if name != "X-Request-Id"} for response in responses]
    assert all(each == names[0] for each in names)


def test_stranger_learns_by_mail_that_admins_were_asked(closed):
    email = unique() + "@outside.example"
    ask(closed.client(), email)
    mail = closed.sink.wait_mail(email)
    assert mail.code is None and "admins" in mail.text


def test_code_of_a_stranger_is_as_wrong_as_any_other(closed):
    email, inside = unique() + "@outside.example", unique() + "@inside.example"
    ask(closed.client(), email)
    ask(closed.client(), inside)
    code = closed.sink.wait_mail(inside).code
    responses = [verify(closed.client(), who, wrong(code), expect=401).json for who in (email, inside)]
    assert responses[0] == responses[1]


def test_mails_to_a_stranger_are_limited_as_codes_are(make_relay, sink):
    relay = make_relay({**sink.settings(), "PCHAT_AUTH_ALLOWED_DOMAINS": "inside.example", "RELAY_CODES_PER_ADDRESS": 2})
    for domain in ("inside.example", "outside.example"):
        email = f"{unique()}@{domain}"
        assert [ask(relay.client(), email, expect=expect).status for expect in (202, 202, 429)] == [202, 202, 429]
