"""Allow-lists, access requests and how an admin decides them."""
import pytest

from harness import Relay, unique

REQUEST = "/api/v1/pchat/auth/request-code"
LIST = "/api/v1/webchat/admin/access-requests"
ADMINS = "admin1@example.com,admin2@example.com"


@pytest.fixture(scope="module", name="closed")
def closed_relay(built):
    """A relay that lets in one domain, one address and two admins."""
    with Relay({"PCHAT_AUTH_ALLOWED_DOMAINS": "inside.example", "PCHAT_AUTH_ALLOWED_EMAILS": "Friend@outside.example",
                "PCHAT_ADMIN_EMAILS": ADMINS}) as relay:
        yield relay


@pytest.fixture(name="admins")
def two_admins(closed):
    return [closed.sign_in(email) for email in ADMINS.split(",")]


def ask(relay, email, **fields):
    """The status of a request for a code."""
    return relay.client().post(REQUEST, {"email": email, **fields}, expect=202)["status"]


def request_of(admin, email):
    """The one entry of the address in the admin's list."""
    found = [entry for entry in admin.get(LIST, expect=200)["requests"] if entry["email"] == email]
    assert len(found) <= 1, found
    return found[0] if found else None


def decide(user, request_id, verb, expect=200):
    return user.post(f"{LIST}/{request_id}/{verb}", expect=expect)


@pytest.fixture(name="asked")
def pending_request(closed, admins):
    """(address, request id) of a new pending request."""
    email = unique() + "@outside.example"
    assert ask(closed, email, display_name="Otto Outside") == "code_sent"
    return email, request_of(admins[0], email)["request_id"]


@pytest.mark.parametrize("email", ["any@inside.example", "ANY@INSIDE.EXAMPLE", "friend@outside.example", "admin1@example.com"])
def test_address_inside_gets_a_code(closed, email):
    assert ask(closed, email) == "code_sent"


@pytest.mark.parametrize("email", [
    "any@outside.example", "any@notinside.example", "any@sub.inside.example", "any@inside.example.evil",
    "xfriend@outside.example", "inside.example@evil.example", "admin3@example.com"])
def test_address_that_is_not_allowed_asks_for_access(closed, email):
    response = closed.client().post(REQUEST, {"email": email}, expect=202)
    assert response.json == {"success": True, "status": "code_sent", "expires_in": 600}


def test_request_is_listed_as_pending(admins, asked):
    email, request_id = asked
    entry = request_of(admins[0], email)
    assert (entry["display_name"], entry["status"], entry["request_id"]) == ("Otto Outside", "pending", request_id)


def test_one_request_is_kept_per_address(closed, admins, asked):
    email, request_id = asked
    for variant in (email, email.upper()):
        assert ask(closed, variant, display_name="Again") == "code_sent"
    assert request_of(admins[0], email)["request_id"] == request_id


def action_messages(admin, email):
    return [item for item in admin.poll_all()[0] if item["kind"] == "system" and email in item["text"]]


def test_every_admin_gets_one_message_with_both_actions(closed, admins):
    email = unique() + "@outside.example"
    ask(closed, email)
    ask(closed, email)
    request_id = request_of(admins[0], email)["request_id"]
    for admin in admins:
        [item] = action_messages(admin, email)
        assert (item["from"], item["to"]) == ("relay", admin.address)
        assert item["actions"] == [
            {"label": label, "method": "POST", "path": f"{LIST}/{request_id}/{verb}"}
            for label, verb in (("Approve", "approve"), ("Deny", "deny"))]


def test_newest_request_is_listed_however_many_there_are(make_relay):
    relay = make_relay({"PCHAT_AUTH_ALLOWED_EMAILS": "x@example.com", "PCHAT_ADMIN_EMAILS": "admin@example.com"})
    admin = relay.sign_in("admin@example.com")
    for number in range(205):
        ask(relay, f"n{number}@outside.example")
    assert request_of(admin, "n204@outside.example")


def test_pressing_approve_lets_the_person_in(closed, admins):
    email = unique() + "@outside.example"
    ask(closed, email)
    [item] = action_messages(admins[1], email)
    action = item["actions"][0]
    assert admins[1].call(action["method"], action["path"], expect=200)["status"] == "approved"
    assert request_of(admins[0], email)["status"] == "approved"
    assert closed.sign_in(email).email == email


def test_denied_person_stays_out_and_does_not_learn_of_it(closed, admins, asked):
    email, request_id = asked
    assert decide(admins[0], request_id, "deny")["status"] == "denied"
    assert ask(closed, email) == "code_sent"
    assert request_of(admins[0], email)["status"] == "denied"


def test_denied_person_makes_no_new_message(closed, admins, asked):
    email, request_id = asked
    decide(admins[0], request_id, "deny")
    before = len(action_messages(admins[0], email))
    ask(closed, email)
    assert len(action_messages(admins[0], email)) == before


@pytest.mark.parametrize("first, second", [("approve", "deny"), ("deny", "approve")])
def test_same_decision_again_is_200_and_the_other_409(admins, asked, first, second):
    _, request_id = asked
    status = decide(admins[0], request_id, first)["status"]
    assert decide(admins[1], request_id, first)["status"] == status
    decide(admins[1], request_id, second, 409).is_error(409, "already_decided")


@pytest.mark.parametrize("name", ["req_AAAAAAAAAAAAAAAAAAAAAA", "1", "req_", "req_'--", "..%2f..%2fx"])
def test_unknown_request_is_404(admins, name):
    for verb in ("approve", "deny"):
        response = admins[0].call("POST", f"{LIST}/{name}/{verb}", check=False)
        response.is_error(404, "unknown_request", "not_found")


def test_plain_user_may_neither_list_nor_decide(closed, admins, asked):
    email, request_id = asked
    plain = closed.sign_in("plain@inside.example")
    plain.get(LIST, expect=403).is_error(403, "forbidden")
    for verb in ("approve", "deny"):
        decide(plain, request_id, verb, 403).is_error(403, "forbidden")
    assert request_of(admins[0], email)["status"] == "pending"


def test_somebody_without_a_session_may_neither_list_nor_decide(closed, asked):
    closed.client().get(LIST, expect=401)
    closed.client().post(f"{LIST}/{asked[1]}/approve", expect=401)


def test_demoted_admin_may_no_longer_decide(closed, admins, asked):
    boss = closed.sign_in("boss@inside.example")
    closed.ctl("user", "promote", boss.email)
    boss.get(LIST, expect=200)
    closed.ctl("user", "demote", boss.email)
    decide(boss, asked[1], "approve", 403).is_error(403, "forbidden")


def test_approval_mails_the_person(make_relay, sink):
    relay = make_relay(sink.settings(PCHAT_AUTH_ALLOWED_EMAILS="x@example.com", PCHAT_ADMIN_EMAILS="admin@example.com",
                                     PCHAT_DEV_EXPOSE_CODES="true"))
    admin = relay.sign_in("admin@example.com")
    assert ask(relay, "otto@example.com") == "code_sent"
    decide(admin, request_of(admin, "otto@example.com")["request_id"], "approve")
    mail = sink.wait_mail("otto@example.com")
    assert mail.message["Subject"] and mail.code is None


def test_open_relay_has_no_access_requests(relay):
    email = "any@wherever.example"
    assert ask(relay, email) == "code_sent"
