"""Whatever a caller sends within the limits of the call, nothing breaks: never a 5xx, and no worker ends."""
import json
import re

import pytest

from client import wait_until
from contract import CONTRACT
from harness import Relay
from tables import OPERATIONS, WITH_BODY

CONTACTS = "/api/v1/webchat/contacts"
MEMORY_AT_REST = 8 << 20
FILLS = {"letters": "x", "escaped": "\\", "wide": "\U0001f469"}


@pytest.fixture
def steady(relay):
    """The workers are the same after the test as before it."""
    before = sorted(relay.workers())
    yield before
    assert sorted(relay.workers()) == before, "a worker ended"


def book(count, name, address):
    return [{"name": name, "channel": "pchat", "address": address} for _ in range(count)]


def memory(pid):
    """What a process holds for itself, in bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^RssAnon:\s+(\d+) kB", file.read(), re.M).group(1)) * 1024


@pytest.mark.parametrize("name, address", [
    ("n" * 256, "a" * 254), ("\\" * 256, "a" * 100), ("\u00e9" * 128, "\u00e9" * 127), ("/" * 256, "/" * 254),
], ids=["letters", "backslashes", "accents", "slashes"])
def test_full_address_book_is_kept_and_given_back(ann, steady, name, address):
    contacts = book(5000, name, address)
    stored = ann.call("PUT", CONTACTS, data=json.dumps({"contacts": contacts}, ensure_ascii=False).encode(), expect=200)
    assert stored["count"] == 5000
    got = ann.get(CONTACTS, expect=200)
    assert got["contacts"] == contacts
    assert got.headers["ETag"] == stored.headers["ETag"]


def test_full_address_book_over_another_one_with_if_match(ann, steady):
    first = ann.put(CONTACTS, {"contacts": book(5000, "n" * 256, "a" * 254)}, expect=200)
    ann.put(CONTACTS, {"contacts": book(5000, "m" * 256, "b" * 254)}, headers={"If-Match": first.headers["ETag"]}, expect=200)
    assert ann.get(CONTACTS, expect=200)["contacts"][0]["name"] == "m" * 256


def test_memory_of_a_worker_is_given_back_after_a_large_request(make_relay):
    relay = make_relay({"RELAY_WORKERS": 1})
    ann = relay.sign_in()
    for _ in range(3):
        ann.put(CONTACTS, {"contacts": book(5000, "n" * 256, "a" * 254)}, expect=200)
        ann.get(CONTACTS, expect=200)
    if "libasan" in open(f"/proc/{relay.workers()[0]}/maps", encoding="utf-8").read():
        pytest.skip("a sanitizer keeps freed memory")
    wait_until("the worker is small again", lambda: memory(relay.workers()[0]) < MEMORY_AT_REST)


def test_loops_of_large_requests_leave_the_others_their_polls(relay, ann, bob, steady):
    body = json.dumps({"contacts": book(5000, "n" * 256, "a" * 254)}).encode()
    for _ in range(4):
        ann.call("PUT", CONTACTS, data=body, expect=200)
        bob.poll()


def _fill(schema, fill):
    """The largest value of a schema, made of one character."""
    schema = CONTRACT.deref(schema)
    if "enum" in schema:
        return max(schema["enum"], key=len)
    if "oneOf" in schema:
        return max((_fill(one, fill) for one in schema["oneOf"]), key=lambda value: len(json.dumps(value)))
    kind = schema["type"]
    if kind == "string":
        most = schema.get("x-max-bytes") or schema.get("maxLength") or 64
        return fill * (most // (len(fill.encode()) if "x-max-bytes" in schema else 1))
    if kind == "integer":
        return schema.get("maximum", 2**53 - 1)
    if kind == "number":
        return schema.get("maximum", 1000000)
    if kind == "boolean":
        return True
    if kind == "array":
        return [_fill(schema["items"], fill)] * schema["maxItems"]
    return {name: _fill(item, fill) for name, item in schema["properties"].items()}


def _ruled(schema, value, example):
    """Texts with a rule take their example's form: else only the rule would be tested."""
    found = {}
    for name, item in schema["properties"].items():
        item = CONTRACT.deref(item)
        ruled = item.get("type") == "string" and ("pattern" in item or "format" in item)
        found[name] = example[name] if ruled and name in example else value[name]
    return found


CASES = [pytest.param(operation, fill, ruled, id=f"{operation.name}-{name}-{'ruled' if ruled else 'raw'}")
         for operation in WITH_BODY for name, fill in FILLS.items() for ruled in (False, True)]


def drive(relay, operation, fill, ruled):
    """Call it as a new user with everything at its maximum."""
    user = relay.sign_in()
    body = _fill(operation.schema, fill)
    if ruled:
        body = _ruled(operation.schema, body, operation.example)
    if operation.path.rpartition("/")[2] in ("poll", "read", "presence"):
        body["chat_address"] = user.address
    return user, user.call(operation.method, operation.path, data=json.dumps(body, ensure_ascii=False).encode())


@pytest.mark.parametrize("operation, fill, ruled", CASES)
def test_every_field_at_its_maximum_at_once_is_no_fault_of_the_relay(relay, steady, operation, fill, ruled):
    _, response = drive(relay, operation, fill, ruled)
    assert response.status < 500, response


@pytest.mark.parametrize("depth", [15, 17, 5000])
@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
def test_nested_and_repeated_values_are_no_fault_of_the_relay(relay, steady, operation, depth):
    user = relay.sign_in()
    data = b'{"x":' + b"[" * depth + b"]" * depth + b"}"
    assert user.call(operation.method, operation.path, data=data).status < 500


def _wide(limit):
    return b"[" + b",".join([b'{"a":{}}'] * (limit // 9 - 2)) + b"]"


@pytest.mark.parametrize("path, limit", [(CONTACTS, 4 << 20), ("/api/v1/phone/ack", 512 << 10)])
def test_body_of_small_objects_up_to_the_limit_is_no_fault_of_the_relay(relay, ann, steady, path, limit):
    method = "PUT" if path == CONTACTS else "POST"
    data = b'{"contacts":' + _wide(limit - 100) + b"}"
    ann.call(method, path, data=data, expect=400)
    ann.poll()


@pytest.fixture(scope="module", name="tight")
def tight_relay(built):
    """A relay with as little memory for a request as may be set."""
    with Relay({"RELAY_REQUEST_MEMORY": 65536}) as relay:
        yield relay


@pytest.mark.parametrize("operation, fill, ruled", CASES)
def test_request_that_needs_more_memory_than_it_may_take_is_413_and_ends_nothing(tight, operation, fill, ruled):
    before = sorted(tight.workers())
    _, response = drive(tight, operation, fill, ruled)
    assert response.status < 500, response
    assert sorted(tight.workers()) == before, "a worker ended"


def test_full_memory_is_413_with_a_message(tight):
    ann = tight.sign_in()
    before = sorted(tight.workers())
    refused = ann.put(CONTACTS, {"contacts": book(1000, "n" * 256, "a" * 254)}, expect=413)
    assert refused.is_error(413, "too_large")["message"]
    assert ann.get(CONTACTS, expect=200)["contacts"] == []
    assert sorted(tight.workers()) == before


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.method == "GET" and not each.open],
                         ids=lambda operation: operation.name)
def test_response_that_does_not_fit_into_memory_is_413_and_ends_nothing(tight, operation):
    user = tight.sign_in(display_name="n" * 256)
    with tight.locked_database() as link:
        link.execute("UPDATE account SET role = 1 WHERE chat_address = ?", (user.address,))
    before = sorted(tight.workers())
    for _ in range(20):
        user.post("/api/v1/webchat/groups", {"name": "\\" * 128, "description": "\\" * 1024}, expect=200)
    assert user.get(operation.path).status < 500
    assert sorted(tight.workers()) == before


def test_poll_that_does_not_fit_into_memory_loses_nothing(make_relay):
    relay = make_relay({"RELAY_REQUEST_MEMORY": 262144})
    ann, bob = relay.sign_in(), relay.sign_in()
    sent = [ann.send(bob, "x" * 60000)["message_id"] for _ in range(8)]
    bob.poll("", 100, expect=413)
    messages, _ = bob.poll_all("", limit=1)
    assert [item["message_id"] for item in messages] == sent


def test_every_operation_was_driven():
    assert {operation.name for operation in WITH_BODY} <= {operation.name for operation in OPERATIONS}
    assert len(WITH_BODY) > 20
