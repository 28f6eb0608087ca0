"""Sign-in codes: request-code and verify-code."""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import wait_until
from harness import unique

REQUEST = "/api/v1/pchat/auth/request-code"
VERIFY = "/api/v1/pchat/auth/verify-code"


def new_email():
    return unique() + "@example.com"


def wrong(code):
    """Another code of the same shape."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def verify(client, email, code, expect=200, **fields):
    return client.post(VERIFY, {"email": email, "code": code, **fields}, expect=expect)


def test_code_response_is_the_same_for_known_and_unknown_addresses(relay, client):
    known = relay.sign_in()
    responses = [client.post(REQUEST, {"email": email}, expect=202) for email in (known.email, new_email())]
    plain = [{**response.json, "dev_code": None} for response in responses]
    assert plain[0] == plain[1] == {"success": True, "status": "code_sent", "expires_in": 600, "dev_code": None}


def test_first_sign_in_makes_the_account(relay, client):
    email = new_email()
    response = verify(client, email, relay.code(email), display_name="Ännchen 😀", public_visible=True,
                      device_name="laptop", session_name="firefox", listen_channel="x", language="de")
    user, session = response["user"], response["session"]
    assert re.fullmatch("[0-9a-f]{16}", user["chat_address"])
    assert (user["email"], user["display_name"], user["public_visible"], user["language"], user["role"]) == \
        (email, "Ännchen 😀", True, "de", "user")
    assert (session["device_name"], session["session_name"], session["listen_channel"]) == ("laptop", "firefox", "x")
    assert session["current"] is True and session["expires_at"] == response["expires_at"]


def test_account_defaults_are_private_and_unnamed(relay):
    user = relay.sign_in().user
    assert user["public_visible"] is False
    assert user["display_name"] == user["chat_address"]


def test_second_sign_in_finds_the_same_account_and_keeps_its_settings(relay):
    first = relay.sign_in(display_name="Ann", public_visible=True, language="de")
    second = relay.sign_in(first.email)
    assert second.user == first.user
    assert second.token != first.token


def test_case_of_the_address_does_not_matter(relay):
    first = relay.sign_in("Mixed." + new_email())
    assert relay.sign_in(first.email.upper()).address == first.address


def test_blanks_around_the_address_are_not_part_of_it(client):
    client.post(REQUEST, {"email": f" {new_email()}"}, expect=202)


def test_code_works_once(relay, client):
    email = new_email()
    code = relay.code(email)
    verify(client, email, code)
    verify(client, email, code, expect=401).is_error(401, "code_invalid")


def test_code_used_twice_at_once_makes_one_session(relay, client):
    email = new_email()
    code = relay.code(email)
    with ThreadPoolExecutor(4) as pool:
        # either: four at once for one code
        responses = list(pool.map(lambda _: verify(client, email, code, expect=(200, 401)), range(4)))
    assert sorted(response.status for response in responses) == [200, 401, 401, 401]


@pytest.mark.parametrize("used", [0, 1, 2])
def test_three_codes_are_alive_at_a_time_and_each_signs_in(relay, client, used):
    email = new_email()
    codes = [relay.code(email) for _ in range(3)]
    verify(client, email, codes[used])


def test_sign_in_ends_all_other_codes(relay, client):
    email = new_email()
    codes = [relay.code(email) for _ in range(3)]
    verify(client, email, codes[1])
    for code in codes:
        verify(client, email, code, expect=401)


def test_four_wrong_tries_leave_the_code_alive(relay, client):
    email = new_email()
    code = relay.code(email)
    for _ in range(4):
        verify(client, email, wrong(code), expect=401).is_error(401, "code_invalid")
    verify(client, email, code)


def test_five_wrong_tries_kill_the_code(relay, client):
    email = new_email()
    code = relay.code(email)
    for _ in range(5):
        verify(client, email, wrong(code), expect=401)
    verify(client, email, code, expect=401).is_error(401, "code_invalid")
    verify(client, email, relay.code(email))


def test_code_of_another_address_is_worth_nothing(relay, client):
    email, other = new_email(), new_email()
    code, others = relay.code(email), relay.code(other)
    if code != others:
        verify(client, email, others, expect=401)


def test_code_never_asked_for_responds_like_a_wrong_one(relay, client):
    email = new_email()
    code = relay.code(email)
    responses = [verify(client, email, wrong(code), expect=401), verify(client, new_email(), "123456", expect=401)]
    assert responses[0].json == responses[1].json


def test_chat_address_asked_for_is_given(relay):
    slug = unique("a.b_c-")
    assert relay.sign_in(chat_address=slug).address == slug


def test_chat_address_taken_is_409_and_leaves_the_code_usable(relay, client):
    taken = relay.sign_in(chat_address=unique())
    email = new_email()
    code = relay.code(email)
    verify(client, email, code, chat_address=taken.address, expect=409).is_error(
        409, "address_taken", field="chat_address")
    verify(client, email, code, chat_address=unique())


def test_chat_address_taken_many_times_does_not_use_up_the_tries(relay, client):
    taken = relay.sign_in(chat_address=unique())
    email = new_email()
    code = relay.code(email)
    for _ in range(6):
        verify(client, email, code, chat_address=taken.address, expect=409)
    verify(client, email, code)


@pytest.mark.parametrize("slug", ["relay", "grp_mine", "grp_0123456789"])
def test_reserved_chat_address_counts_as_taken(relay, client, slug):
    email = new_email()
    verify(client, email, relay.code(email), chat_address=slug, expect=409).is_error(409, "address_taken")


@pytest.mark.parametrize("slug", ["ab", "a" * 65, "-abc", ".abc", "_abc", "a b c", "abc/", "äbc", "a\nbc", ""])
def test_malformed_chat_address_is_refused(relay, client, slug):
    email = new_email()
    verify(client, email, relay.code(email), chat_address=slug, expect=400).is_error(
        400, "invalid_field", field="chat_address")


@pytest.mark.parametrize("length", [3, 16, 64])
def test_chat_address_may_have_3_to_64_characters(relay, client, length):
    email, slug = new_email(), (unique("0") + "a._-" * 16)[:length]
    response = verify(client, email, relay.code(email), chat_address=slug, expect=200)
    assert response["user"]["chat_address"] == slug


def test_chat_address_is_ignored_for_somebody_who_has_one(relay):
    first = relay.sign_in(chat_address=unique())
    assert relay.sign_in(first.email, chat_address=unique()).address == first.address


@pytest.mark.parametrize("slug", ["relay", "grp_mine", "ABC"])
def test_reserved_chat_address_is_ignored_for_somebody_who_has_one(relay, slug):
    first = relay.sign_in()
    body = {"email": first.email, "code": relay.code(first.email), "chat_address": slug}
    response = relay.client().post(VERIFY, body, expect=200)
    assert response["user"] == first.user


@pytest.mark.parametrize("kind", ["taken", "reserved"])
def test_wrong_code_does_not_tell_whether_a_chat_address_is_taken(relay, client, kind):
    slug = "relay" if kind == "reserved" else relay.sign_in(chat_address=unique()).address
    email = new_email()
    code = relay.code(email)
    verify(client, email, wrong(code), chat_address=slug, expect=401).is_error(401, "code_invalid")


def test_chat_address_wanted_by_two_at_once_goes_to_one(relay, client):
    slug = unique()
    wanted = [(email, relay.code(email)) for email in (new_email() for _ in range(4))]
    with ThreadPoolExecutor(4) as pool:
        # either: four at once for one address
        responses = list(pool.map(lambda pair: verify(client, *pair, chat_address=slug, expect=(200, 409)), wanted))
    assert sorted(response.status for response in responses) == [200, 409, 409, 409]


def test_same_device_and_session_name_replace_the_older_session(relay):
    first = relay.sign_in(device_name="phone", session_name="app")
    second = relay.sign_in(first.email, device_name="phone", session_name="app")
    first.get("/api/v1/pchat/auth/me", expect=401).is_error(401, "credential_invalid")
    second.get("/api/v1/pchat/auth/me", expect=200)


@pytest.mark.parametrize("one, two", [
    ({}, {}),
    ({"device_name": "phone"}, {"device_name": "laptop"}),
    ({"device_name": "phone", "session_name": "a"}, {"device_name": "phone", "session_name": "b"}),
    ({"device_name": "phone"}, {"session_name": "phone"}),
], ids=["both-unnamed", "other-device", "other-session-name", "names-swapped"])
def test_sessions_with_other_names_live_side_by_side(relay, one, two):
    first = relay.sign_in(**one)
    second = relay.sign_in(first.email, **two)
    for session in (first, second):
        session.get("/api/v1/pchat/auth/me", expect=200)


def test_same_names_of_another_user_replace_nothing(relay):
    first = relay.sign_in(device_name="phone", session_name="app")
    relay.sign_in(device_name="phone", session_name="app")
    first.get("/api/v1/pchat/auth/me", expect=200)


def test_admin_emails_and_domains_make_admins(make_relay):
    relay = make_relay({"PCHAT_ADMIN_EMAILS": "Boss@example.com", "PCHAT_ADMIN_DOMAINS": "admins.example"})
    roles = {email: relay.sign_in(email).user["role"] for email in (
        "boss@example.com", "any@admins.example", "any@example.com", "any@notadmins.example",
        "any@sub.admins.example", "any@admins.example.evil")}
    assert [email for email, role in roles.items() if role == "admin"] == ["boss@example.com", "any@admins.example"]


@pytest.mark.parametrize("header", [
    {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "127.0.0.1"},
    {"X-Forwarded-Host": "a.example"}, {"X-Forwarded-Proto": "https"}, {"Via": "1.1 proxy"},
], ids=lambda header: "-".join(next(iter(header.items()))))
def test_dev_code_is_withheld_when_a_forwarding_header_is_present(client, header):
    response = client.post(REQUEST, {"email": new_email()}, headers=header, expect=202)
    assert "dev_code" not in response.json


def test_dev_code_is_withheld_by_default_and_the_relay_prints_the_code(make_relay):
    relay = make_relay({"PCHAT_DEV_EXPOSE_CODES": "false"})
    email = new_email()
    response = relay.client().post(REQUEST, {"email": email}, expect=202)
    assert "dev_code" not in response.json
    line = wait_until("the code is printed", lambda: re.search(
        rf"sign-in code for {re.escape(email)}: (\d{{6}})\b", relay.stderr))
    verify(relay.client(), email, line.group(1))


def test_code_is_not_printed_where_mail_is_configured(make_relay, sink):
    relay = make_relay(sink.settings())
    relay.client().post(REQUEST, {"email": "a@example.com"}, expect=202)
    code = sink.wait_mail("a@example.com").code
    assert code and code not in relay.stderr and "sign-in code for" not in relay.stderr


def test_code_expires_after_ten_minutes(make_relay):
    relay = make_relay()
    email = new_email()
    code = relay.code(email)
    with relay.locked_database() as link:
        link.execute("UPDATE login_code SET expires_at = 1")
    verify(relay.client(), email, code, expect=401).is_error(401, "code_invalid")


def test_unknown_fields_are_ignored(relay, client):
    email = new_email()
    code = relay.code(email, nonsense={"a": [1]})
    verify(client, email, code, role="admin", nonsense=None)
    assert relay.sign_in(email).user["role"] == "user"
