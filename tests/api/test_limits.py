"""Limits of the sign-in calls, counted by the relay itself."""
import pytest

from harness import unique

REQUEST, VERIFY = "/api/v1/pchat/auth/request-code", "/api/v1/pchat/auth/verify-code"


def ask(relay, email, expect):
    return relay.client().post(REQUEST, {"email": email}, expect=expect)


def test_codes_per_address_are_limited(make_relay):
    relay = make_relay({"RELAY_CODES_PER_ADDRESS": 3})
    email = unique() + "@example.com"
    for _ in range(3):
        ask(relay, email, 202)
    refused = ask(relay, email, 429).is_error(429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    ask(relay, email.upper(), 429)
    ask(relay, unique() + "@example.com", 202)


def test_last_code_before_the_limit_still_signs_in(make_relay):
    relay = make_relay({"RELAY_CODES_PER_ADDRESS": 2})
    email = unique() + "@example.com"
    relay.code(email)
    code = relay.code(email)
    ask(relay, email, 429)
    relay.client().post(VERIFY, {"email": email, "code": code}, expect=200)


def test_limit_per_address_is_the_same_for_known_and_unknown_addresses(make_relay):
    relay = make_relay({"RELAY_CODES_PER_ADDRESS": 2})
    known, unknown = relay.sign_in().email, unique() + "@example.com"
    with relay.locked_database() as link:
        link.execute("DELETE FROM throttle")
    for email in (known, unknown):
        for status in (202, 202, 429, 429):
            ask(relay, email, status)


def test_codes_per_client_are_limited_over_all_addresses(make_relay):
    relay = make_relay({"RELAY_CODES_PER_CLIENT": 4})
    for number in range(6):
        ask(relay, unique() + "@example.com", 202 if number < 4 else 429)


def test_guessing_counts_as_a_sign_in_call(make_relay):
    relay = make_relay({"RELAY_CODES_PER_CLIENT": 5})
    for number in range(8):
        relay.client().post(VERIFY, {"email": unique() + "@example.com", "code": "123456"}, expect=401 if number < 5 else 429)


def test_limit_ends_with_its_hour(make_relay):
    relay = make_relay({"RELAY_CODES_PER_ADDRESS": 1})
    email = unique() + "@example.com"
    ask(relay, email, 202)
    ask(relay, email, 429)
    with relay.locked_database() as link:
        link.execute("UPDATE throttle SET resets_at = 1")
    ask(relay, email, 202)


def test_limits_do_not_touch_signed_in_calls(make_relay):
    relay = make_relay({"RELAY_CODES_PER_CLIENT": 4})
    ann = relay.sign_in()
    for number in range(4):
        ask(relay, unique() + "@example.com", 202 if number < 3 else 429)  # signing in was the first
    ann.send(ann)
    assert ann.texts() == ["Hello"]


@pytest.mark.parametrize("setting", ["RELAY_CODES_PER_ADDRESS", "RELAY_CODES_PER_CLIENT"])
def test_zero_is_no_limit(relay, setting):
    assert str(relay.settings[setting]) == "0"
    email = unique() + "@example.com"
    for _ in range(15):
        ask(relay, email, 202)


def test_limited_responses_hold_no_mail_address_in_the_database(make_relay):
    relay = make_relay({"RELAY_CODES_PER_ADDRESS": 1})
    email = unique() + "@example.com"
    with relay.locked_database() as link:
        before = link.execute("SELECT count(*) FROM throttle").fetchone()[0]
    ask(relay, email, 202)
    with relay.locked_database() as link:
        rows = link.execute("SELECT key_mac FROM throttle").fetchall()
    assert len(rows) > before and all(email.encode() not in bytes(row[0]) for row in rows)
