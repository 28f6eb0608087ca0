"""The envelope: every kind of bad input, on every operation that docs/openapi.yaml has."""
import json
import secrets
import socket

import pytest

from tables import (OPERATIONS, WITH_BODY, missing_fields, out_of_limits, parameters, wrong_methods, wrong_types)

ME = "/api/v1/pchat/auth/me"
MIB = 1 << 20
BY_NAME = {"argnames": "operation", "argvalues": WITH_BODY, "ids": [operation.name for operation in WITH_BODY]}

NOT_JSON = {
    "open-brace": b"{", "trailing-comma": b'{"a":1,}', "single-quotes": b"{'a':1}", "bare-word": b"nul",
    "garbage-after": b'{} x', "two-values": b"{}{}", "comma-after": b"{},", "nan": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}', "leading-zero": b'{"a":01}', "plus-sign": b'{"a":+1}', "hex": b'{"a":0x1}',
    "bare-point": b'{"a":1.}', "comment": b'{/**/"a":1}', "line-comment": b'{}//', "unquoted-key": b"{a:1}",
    "no-colon": b'{"a" 1}', "open-string": b'{"a":"b', "bad-escape": b'{"a":"\\x41"}', "short-escape": b'{"a":"\\u12"}',
    "capital-true": b'{"a":True}', "only-a-number-sign": b'{"a":-}',
    "raw-newline": b'{"a":"\n"}', "raw-control": b'{"a":"\x01"}', "raw-nul": b'{"a":"\x00"}',
    "nul-after": b"{}\x00", "nul-before": b"\x00{}", "escaped-nul": b'{"a":"\\u0000"}', "escaped-nul-key": b'{"\\u0000":1}',
    "bad-utf8": b'{"a":"\xff"}', "cut-utf8": b'{"a":"\xc3"}', "overlong-utf8": b'{"a":"\xc0\xaf"}',
    "overlong-nul": b'{"a":"\xc0\x80"}', "utf8-surrogate": b'{"a":"\xed\xa0\x80"}', "utf8-too-high": b'{"a":"\xf4\x90\x80\x80"}',
    "bad-utf8-key": b'{"\xff":1}', "utf16": '{"a":1}'.encode("utf-16"),
    "lone-high": b'{"a":"\\ud800"}', "lone-low": b'{"a":"\\udc00"}', "swapped-pair": b'{"a":"\\udc00\\ud800"}',
    "high-then-text": b'{"a":"\\ud800x"}', "high-then-escape": b'{"a":"\\ud800\\n"}', "lone-in-key": b'{"\\ud800":1}',
    "array-bomb": b'{"a":' + b"[" * 10000, "closed-array-bomb": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "object-bomb": b'{"a":' * 2500 + b"1" + b"}" * 2500, "bomb-alone": b"[" * 15000,
}
NOT_AN_OBJECT = {"array": b"[]", "string": b'"x"', "number": b"1", "null": b"null", "true": b"true", "array-of": b"[{}]"}


@pytest.fixture(scope="module", name="caller")
def admin_who_calls(relay):
    """An admin: everybody else is refused on admin routes before the body is looked at."""
    caller = relay.sign_in()
    relay.ctl("user", "promote", caller.address)
    return caller


def call(caller, operation, *, expect=400, **options):
    return caller.call(operation.method, operation.path, expect=expect, **options)


# -- bodies ----------------------------------------------------------------------------------------

@pytest.mark.parametrize(**BY_NAME)
@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)
def test_body_that_is_not_json_is_refused(caller, operation, data):
    call(caller, operation, data=data).is_error(400, "invalid_json")


@pytest.mark.parametrize(**BY_NAME)
@pytest.mark.parametrize("data", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_body_that_is_no_object_is_refused(caller, operation, data):
    call(caller, operation, data=data).is_error(400, "invalid_body")


@pytest.mark.parametrize(**BY_NAME)
@pytest.mark.parametrize("data", [b"", b" ", b"\n"], ids=["empty", "blank", "newline"])
def test_missing_body_is_refused_where_fields_are_required(caller, operation, data):
    if operation.schema.get("required"):
        call(caller, operation, data=data).is_error(400, "invalid_body", "invalid_json")
    else:
        call(caller, operation, data=data, expect={"sendMessage": 400, "block": 400, "changeGroup": 404, "joinGroup": 404, "makeGroupInviteLink": 404}.get(operation.name, 200))


@pytest.mark.parametrize(("operation", "field", "value"), **parameters(wrong_types()))
def test_wrong_type_names_the_field(caller, operation, field, value):
    call(caller, operation, body=operation.body(**{field: value})).is_error(
        400, "invalid_field", field=field)


@pytest.mark.parametrize(("operation", "field", "value"), **parameters(out_of_limits()))
def test_value_out_of_limits_names_the_field(caller, operation, field, value):
    call(caller, operation, body=operation.body(**{field: value})).is_error(400, "invalid_field", field=field)


@pytest.mark.parametrize(("operation", "field"), **parameters(missing_fields()))
def test_missing_field_is_named(caller, operation, field):
    body = operation.body()
    del body[field]
    call(caller, operation, body=body).is_error(400, "missing_field", field=field)


@pytest.mark.parametrize(**BY_NAME)
@pytest.mark.parametrize("where", ["known", "unknown"])
@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udfff"])
def test_nul_and_lone_surrogate_are_refused_in_any_string(caller, operation, escape, where):
    fields = list(operation.fields())
    field = next((name for name, schema in fields if schema["type"] in ("string", "array")), fields[0][0])
    body = json.dumps(operation.body(**{field if where == "known" else "unknown": "MARK"}))
    call(caller, operation, data=body.replace("MARK", f"a{escape}b").encode()).is_error(400, "invalid_json")


def test_key_given_twice_counts_once_and_breaks_nothing(caller):
    caller.call("PUT", ME, data=b'{"display_name":"a","display_name":"b"}', expect=200)


def test_moderate_nesting_in_an_unknown_field_is_ignored(caller):
    caller.call("PUT", ME, data=b'{"unknown":' + b"[" * 10 + b"]" * 10 + b"}", expect=200)


def test_many_unknown_fields_are_ignored(caller):
    caller.put(ME, {f"unknown{n}": n for n in range(500)}, expect=200)


@pytest.mark.parametrize("email", [
    "plain", "@example.com", "a@", "a@b@example.com", "a b@example.com", "a@exa mple.com", "a,b@example.com",
    "<a@example.com>", "a@example.com,b@example.com", "a@example.com\r\nBcc: b@example.com", "a\r\nBcc: b@example.com",
    "a@example.com\nb@example.com", "a\t@example.com", "a\x7f@example.com", "a\x1b[2J@example.com", "a@example.com>\r\nDATA",
    "a\u2028@example.com", "a;b@example.com", "a\"b@example.com", "a:b@example.com", "a@[127.0.0.1]x", "a\\@example.com", "@@",
], ids=ascii)
@pytest.mark.parametrize("path", ["request-code", "verify-code"])
def test_mail_address_that_could_be_more_than_one_is_refused(relay, path, email):
    body = {"email": email, "code": "123456"}
    relay.client().post(f"/api/v1/pchat/auth/{path}", body, expect=400).is_error(400, "invalid_field", field="email")


@pytest.mark.parametrize("name", ["a\r\nBcc: x@example.com", "a\x1b[31m", "a\nb"], ids=ascii)
def test_display_name_with_control_characters_is_refused(relay, caller, name):
    caller.put(ME, {"display_name": name}, expect=400)
    assert "\x1b[31m" not in relay.stderr


# -- size ------------------------------------------------------------------------------------------

@pytest.mark.parametrize(**BY_NAME)
def test_body_of_5_mib_is_413(caller, operation):
    body = operation.body(unknown="x" * (5 * MIB))
    call(caller, operation, body=body, expect=413).is_error(413, "too_large")


def raw_request(caller, headers, body=b"", path="/api/v1/messages"):
    head = [f"POST {path} HTTP/1.1", "Host: relay", f"X-PChat-Session: {caller.token}", "Connection: close",
            "Content-Type: application/json", *headers]
    return caller.raw("\r\n".join(head).encode() + b"\r\n\r\n" + body, check=("POST", path))


def test_body_declared_as_huge_is_413_before_it_is_sent(caller):
    raw_request(caller, ["Content-Length: 99999999999"]).is_error(413, "too_large")


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def test_chunked_body_over_the_limit_is_413(caller):
    body = chunked(b'{"to":"x","text":"', *[b"x" * 65536] * 64, b'"}')
    raw_request(caller, ["Transfer-Encoding: chunked"], body).is_error(413, "too_large")


def test_chunked_body_within_the_limit_is_taken(caller):
    body = chunked(b'{"to":"', caller.address.encode(), b'","text":"in pieces"}')
    assert raw_request(caller, ["Transfer-Encoding: chunked"], body).status == 202


def test_length_and_chunked_together_are_refused(caller):
    headers = ["Content-Length: 5", "Transfer-Encoding: chunked"]
    assert raw_request(caller, headers, chunked(b"{}")).status == 400


@pytest.mark.parametrize("length", ["-1", "x", "1 1", "99999999999999999999999999"])
def test_malformed_length_is_refused(caller, length):
    assert raw_request(caller, [f"Content-Length: {length}"]).status == 400


def test_connection_that_closes_in_the_middle_of_a_body_harms_nobody(relay, caller):
    for _ in range(4):
        with socket.create_connection((caller.host, caller.port), 10) as link:
            link.sendall(b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    caller.get(ME, expect=200)
    assert len(relay.workers()) == 2


# -- method, path, media type ----------------------------------------------------------------------

@pytest.mark.parametrize(("method", "path", "allowed"), **parameters(wrong_methods()))
def test_wrong_method_is_405_and_names_the_right_ones(caller, method, path, allowed):
    response = caller.call(method, path, expect=405).is_error(405, "method_not_allowed")
    assert {name.strip() for name in response.headers["Allow"].split(",")} - {"HEAD", "OPTIONS"} == allowed


@pytest.mark.parametrize("method, status", [("FOO", 405), ("PROPFIND", 405), ("get", 400), ("LOCK", 405)])
def test_unknown_method_is_refused_as_json(caller, method, status):
    assert caller.call(method, ME, check=False, expect=status)["success"] is False


@pytest.mark.parametrize("path", [
    "/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nope", "/api/v2/messages", "/API/V1/messages", "/api/v1/messagesx",
    "/api/v1/messages/", "/api/v1/messages/msg_AAAAAAAAAAAAAAAAAAAAAA/x", "/api/v1/pchat/auth/mee", "/api/v1/webchat",
    "/api/v1/webchat/poll/", "/api/v1/webchat/admin/access-requests/", "/health/", "/healthz", "/api/v1/%6eope",
    "/api/v1/webchat/admin/access-requests/x/other", "/api/v1/pchat/auth/sessions/", "/api/v1/..%2f..%2fetc/passwd",
    "/api/v1/webchat/groups/", "/api/v1/webchat/groups/x/other", "/api/v1/webchat/groups/x/members/y/z", "/api/v1/webchat/groups/x/requests/y",
])
def test_unknown_path_is_404(caller, path):
    caller.get(path, expect=404).is_error(404, "not_found", "unknown_message", "unknown_session", "unknown_group")


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                                        "application/jsonx", "application/json-patch+json", "json", "text/json", "*/*"])
@pytest.mark.parametrize(**BY_NAME)
def test_wrong_media_type_is_415(caller, operation, media_type):
    headers = {"Content-Type": media_type}
    call(caller, operation, body=operation.body(), headers=headers, expect=415).is_error(415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
                                        "application/json;charset=UTF-8", "application/json ; x=y"])
def test_json_media_type_is_taken_in_any_spelling(caller, media_type):
    caller.put(ME, {}, headers={"Content-Type": media_type}, expect=200)


NO_PATH = ["%00", "a%00b", "%zz"]  # nginx refuses these itself
ELSEWHERE = ["..", "..%2f..%2f", "%2e%2e%2f", "x" * 3000]  # paths that no call has
ONE_PART = ["%ff", "a%0d%0aX-Evil:%201", "%5c..%5c", "....//"]  # the id of nobody; slashes in a row are one, but not at the end
UNKNOWN_IDS = {"/api/v1/messages/{}": [404, 404, 405], "/api/v1/pchat/auth/sessions/{}": [405, 404, 405],
               "/api/v1/webchat/admin/access-requests/{}/approve": [405, 405, 404], "/api/v1/webchat/groups/{}": [404, 404, 405],
               "/api/v1/webchat/groups/{}/members": [404, 405, 400], "/api/v1/webchat/groups/{0}/members/{0}": [405, 404, 405],
               "/api/v1/webchat/groups/{0}/requests/{0}/approve": [405, 405, 404]}


@pytest.mark.parametrize("name", NO_PATH + ELSEWHERE + ONE_PART, ids=lambda name: name[:20])
@pytest.mark.parametrize("template", UNKNOWN_IDS)
def test_odd_id_in_the_path_is_a_plain_refusal(caller, template, name):
    nowhere = name in ELSEWHERE or name.endswith("/") and template.endswith("}")
    statuses = [400] * 3 if name in NO_PATH else [404] * 3 if nowhere else UNKNOWN_IDS[template]
    for method, status in zip(("GET", "DELETE", "POST"), statuses):
        response = caller.call(method, template.format(name), check=False, expect=status)
        assert response.json and response["success"] is False and response.headers["X-Request-Id"]
        assert response.headers.get("X-Evil") is None


# -- credentials -----------------------------------------------------------------------------------

GUARDED = [operation for operation in OPERATIONS if not operation.open]


@pytest.mark.parametrize("operation", GUARDED, ids=[operation.name for operation in GUARDED])
@pytest.mark.parametrize("token, code", [(None, "credential_required"), ("pct_" + "A" * 43, "credential_invalid")],
                         ids=["none", "forged"])
def test_guarded_operation_needs_a_session(client, operation, token, code):
    body = operation.body() if operation.schema else None
    call(client.with_token(token), operation, body=body, expect=401).is_error(401, code)


def bad_tokens(token):
    """Values that are not the token, by name."""
    return {
        "prefix-only": "pct_", "no-prefix": token[4:], "other-prefix": "pck_" + token[4:], "capital-prefix": "PCT_" + token[4:],
        "cut": token[:-1], "longer": token + "A", "last-bit": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "blank-inside": token[:20] + " " + token[20:], "doubled": f"{token},{token}", "oversized": "pct_" + "A" * 5000,
        "forged": "pct_" + secrets.token_urlsafe(32), "padded": token + "=", "percent": token.replace("_", "%5f"),
        "quoted": f'"{token}"', "high-bytes": "pct_\xff\xfe" + token[6:], "session-id": "ses_AAAAAAAAAAAAAAAAAAAAAA",
    }


@pytest.mark.parametrize("header", ["X-PChat-Session", "Authorization"])
@pytest.mark.parametrize("name", bad_tokens("pct_" + "A" * 43))
def test_bad_token_is_401(relay, caller, header, name):
    value = bad_tokens(caller.token)[name]
    value = f"Bearer {value}" if header == "Authorization" else value
    relay.client().get(ME, headers={header: value}, expect=401).is_error(401, "credential_invalid")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "", "Basic dXNlcjpwYXNz", "Bear", "Digest x"])
def test_authorization_without_a_bearer_is_401(relay, value):
    relay.client().get(ME, headers={"Authorization": value}, expect=401).is_error(
        401, "credential_required", "credential_invalid")


def test_token_in_the_query_is_no_credential(relay, caller):
    for name in ("token", "session", "X-PChat-Session", "access_token"):
        relay.client().get(f"{ME}?{name}={caller.token}", expect=401).is_error(401, "credential_required")


def test_same_token_in_both_headers_is_taken(caller):
    caller.get(ME, headers={"Authorization": f"Bearer {caller.token}"}, expect=200)


def test_of_two_different_credentials_the_session_header_counts(relay, caller):
    other = relay.sign_in()
    response = caller.get(ME, headers={"Authorization": f"Bearer {other.token}"}, expect=200)
    assert response["user"]["chat_address"] == caller.address


def test_bad_session_header_is_not_saved_by_a_good_bearer(relay, caller):
    headers = {"X-PChat-Session": "pct_" + "A" * 43, "Authorization": f"Bearer {caller.token}"}
    relay.client().get(ME, headers=headers, expect=401)


def test_session_header_given_twice_counts_once(relay, caller):
    other = relay.sign_in()
    request = f"GET {ME} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    request += "".join(f"X-PChat-Session: {token}\r\n" for token in (caller.token, other.token))
    response = caller.raw(request.encode() + b"\r\n", check=("GET", ME))
    assert response.status == 200 and response["user"]["chat_address"] == caller.address


def test_request_id_of_the_caller_is_not_taken_over(client):
    response = client.get("/health", headers={"X-Request-Id": "f" * 32}, expect=200)
    assert response.headers["X-Request-Id"] != "f" * 32


def test_responses_are_not_cached_and_not_sniffed(caller):
    for response in (caller.get(ME, expect=200), caller.get("/api/v1/nope", expect=404)):
        assert "no-store" in response.headers.get("Cache-Control", "")
        assert response.headers.get("X-Content-Type-Options") == "nosniff"
