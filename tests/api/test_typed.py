"""What people type: blanks, capitals, other scripts, and characters that nobody sees."""
import pytest

from harness import unique
from tables import all_fields, parameters

ME, DIRECTORY = "/api/v1/pchat/auth/me", "/api/v1/webchat/directory"
INVISIBLE = [" ", "\u00a0", "\u200b", "\u2060", "\ufeff", "\u3164", "\u2800", "\u202e", "\u2066\u2069",
             "\u2028", "\u00ad", "\u115f", " \u200b\u202e ", "\u200d"]


# -- e-mail addresses and codes --------------------------------------------------------------------

@pytest.mark.parametrize("typed", [" {}", "{} ", "\t{}\r\n", "\u00a0{}\u2003", "{}".upper()], ids=ascii)
def test_blanks_and_capitals_of_an_email_address_do_not_matter(relay, typed):
    email = unique() + "@example.com"
    code = relay.code(typed.format(email))
    response = relay.client().post("/api/v1/pchat/auth/verify-code", {"email": email, "code": code}, expect=200)
    assert response["user"]["email"] == email


@pytest.mark.parametrize("typed", ["{} ", " {}", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}", "{0[0]}{0[1]}{0[2]}-{0[3]}{0[4]}{0[5]}\n"],
                         ids=["after", "before", "inside", "hyphen"])
def test_blanks_in_a_code_do_not_matter(relay, typed):
    email = unique() + "@example.com"
    body = {"email": email, "code": typed.format(relay.code(email))}
    relay.client().post("/api/v1/pchat/auth/verify-code", body, expect=200)


@pytest.mark.parametrize("code", ["12345", "1234567", "12 34 56 7", "abcdef", "１２３４５６", ""], ids=ascii)
def test_code_that_is_not_six_digits_is_refused(relay, code):
    body = {"email": "a@example.com", "code": code}
    relay.client().post("/api/v1/pchat/auth/verify-code", body).is_error(400, "invalid_field", field="code")


def test_domain_of_another_script_is_one_with_its_a_label(relay):
    name = unique()
    code = relay.code(f"{name}@B\u00dcCHER.example")
    body = {"email": f"{name}@xn--bcher-kva.example", "code": code}
    assert relay.client().post("/api/v1/pchat/auth/verify-code", body, expect=200)["user"]["email"] == body["email"]
    assert relay.ctl("code", f" {name}@b\u00fccher.example").stdout.strip().isdigit()


def test_domain_of_another_script_in_the_settings_lets_its_people_in(make_relay):
    relay = make_relay({"PCHAT_AUTH_ALLOWED_DOMAINS": "b\u00fccher.example"})
    assert relay.code("ann@xn--bcher-kva.example")
    assert relay.sign_in("bob@B\u00fccher.example").email == "bob@xn--bcher-kva.example"


def test_local_part_of_another_script_is_refused_in_a_sentence(relay):
    response = relay.client().post("/api/v1/pchat/auth/request-code", {"email": "j\u00f6rg@example.com"})
    response.is_error(400, "invalid_field", field="email")
    assert "before the @" in response["message"]
    assert "before the @" in relay.ctl("code", "j\u00f6rg@example.com", expect=1).stderr


# -- chat addresses --------------------------------------------------------------------------------

@pytest.fixture(name="bob_of", scope="module")
def somebody(relay):
    return relay.sign_in(chat_address=unique("bob"))


FORMS = [str.capitalize, lambda a: f" {a}", lambda a: f"@{a}", lambda a: f" @{a.upper()} ", lambda a: f"\u00a0{a}\n"]
FORM_NAMES = ["capital", "blank", "at", "all", "no-break-space"]


@pytest.mark.parametrize("form", FORMS, ids=FORM_NAMES)
def test_chat_address_as_people_type_it_finds_its_owner(relay, bob_of, form):
    ann = relay.sign_in()
    typed = form(bob_of.address)
    ann.post("/api/v1/messages", {"to": typed, "text": "x"}, expect=202)
    ann.post("/api/v1/webchat/typing", {"to": typed, "typing": True}, expect=200)
    ann.post("/api/v1/webchat/blocks", {"chat_address": typed}, expect=200)
    group = ann.post("/api/v1/webchat/groups", {"name": "g"}, expect=200)["group_id"]
    ann.post("/api/v1/messages", {"to": f" {group.upper()}", "text": "x"}, expect=202)
    bob_of.post("/api/v1/webchat/poll", {"chat_address": typed}, expect=200)
    bob_of.post("/api/v1/webchat/presence", {"chat_address": typed, "visible": True}, expect=200)


@pytest.mark.parametrize("form", [str.capitalize, lambda a: f"@{a}", lambda a: f"%20{a}"], ids=["capital", "at", "blank"])
def test_chat_address_in_a_path_finds_its_owner(relay, bob_of, form):
    ann = relay.sign_in()
    ann.post("/api/v1/webchat/blocks", {"chat_address": bob_of.address}, expect=200)
    ann.delete(f"/api/v1/webchat/blocks/{form(bob_of.address)}", expect=200, check=False)
    assert ann.get("/api/v1/webchat/blocks")["blocks"] == []


def test_chat_address_that_is_asked_for_is_kept_in_its_one_form(relay):
    wanted = unique("eve")
    assert relay.sign_in(chat_address=f" @{wanted.capitalize()} ").address == wanted


@pytest.mark.parametrize("form", FORMS[:3], ids=FORM_NAMES[:3])
def test_relayctl_finds_a_chat_address_as_people_type_it(relay, bob_of, form):
    assert bob_of.address in relay.ctl("user", "hide", form(bob_of.address)).stdout
    relay.ctl("user", "unhide", bob_of.address)


# -- names -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", INVISIBLE, ids=ascii)
def test_name_that_nobody_sees_is_no_name(relay, name):
    user = relay.sign_in(display_name=name)
    assert user.get(ME)["user"]["display_name"] in ("", user.address)
    user.post("/api/v1/webchat/groups", {"name": name}).is_error(400, "invalid_field", field="name")


@pytest.mark.parametrize("name", ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
                                  "\u05d3\u05e0\u05d4", "Ann B.", "\u2764\ufe0f", "\u200eA"], ids=ascii)
def test_name_with_joiners_and_other_directions_is_kept(caller, name):
    assert caller.put(ME, {"display_name": name}, expect=200)["user"]["display_name"] == name


def test_name_cannot_turn_the_direction_of_what_stands_beside_it(caller):
    assert caller.put(ME, {"display_name": " \u202eevil\u2066 x "}, expect=200)["user"]["display_name"] == "evil x"


@pytest.fixture(name="caller")
def some_caller(relay):
    return relay.sign_in()


def test_blanks_around_a_name_count_until_they_are_cut_off(ann):
    """There is a limit of bytes before and one after."""
    assert ann.put(ME, {"display_name": " " * 1020 + "abc"}, expect=200)["user"]["display_name"] == "abc"
    ann.put(ME, {"display_name": " " * 1021 + "abd"}).is_error(400, "invalid_field", field="display_name")
    assert ann.get(ME, expect=200)["user"]["display_name"] == "abc"


# -- JSON ------------------------------------------------------------------------------------------

def test_body_that_begins_with_a_byte_order_mark_is_read(caller):
    response = caller.call("PUT", ME, data=b'\xef\xbb\xbf{"display_name":"Bom"}', expect=200)
    assert response["user"]["display_name"] == "Bom"


@pytest.mark.parametrize("data", [b"\xef\xbb", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xff\xfe{\0}\0"], ids=["half", "two", "utf-16"])
def test_body_with_another_mark_is_refused(caller, data):
    caller.call("PUT", ME, data=data).is_error(400, "invalid_json")


@pytest.mark.parametrize(("operation", "field", "required"), **parameters(all_fields()))
def test_null_is_absence(caller, operation, field, required):
    response = caller.call(operation.method, operation.path, operation.body(**{field: None}))
    if required:
        response.is_error(400, "missing_field", field=field)
    else:
        assert response.error not in ("invalid_field", "invalid_json") or response.field != field


# -- what is typed into an address -----------------------------------------------------------------

@pytest.mark.parametrize("typed", ["%zz", "%4", "%", "a%", "%g1", "%1g", "%00", "a%00b"])
def test_escape_that_is_none_is_refused(ann, typed):
    ann.get(f"{DIRECTORY}?q={typed}").is_error(400, "invalid_field", field="q")


def test_escapes_in_either_case_mean_their_bytes(ann):
    name = unique()
    ann.put(ME, {"display_name": f"{name} +/é", "public_visible": True}, expect=200)
    for typed in (f"{name}+%2B/%C3%A9", f"{name}%20%2b%2f%c3%a9"):
        assert [user["chat_address"] for user in ann.get(f"{DIRECTORY}?q={typed}", expect=200)["users"]] == [ann.address]
