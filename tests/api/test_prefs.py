"""What the caller's clients keep of their own: one text with a version, sealed."""
import contextlib
import json
import os
import sqlite3
from urllib.parse import quote

import pytest

from groups import at_once
from harness import unique
from keys import make_key

PREFS, EXPORT = "/api/v1/webchat/prefs", "/api/v1/pchat/auth/export"


def put(user, text, expect=200, **headers):
    return user.put(PREFS, {"prefs": text}, expect=expect, headers=headers)


def get(user):
    return user.get(PREFS, expect=200)["prefs"]


def test_empty_until_something_is_put(ann):
    assert get(ann) == ""


@pytest.mark.parametrize("text", ["", "x", '{"pinned":["bob"]}', "\u202e\U0001f469 \t\r\n\x7f", "a" * 65536, "\u20ac" * 21845],
                         ids=lambda text: str(len(text)))
def test_text_comes_back_as_it_was_put(ann, text):
    put(ann, "older")
    put(ann, text)
    assert get(ann) == text


@pytest.mark.parametrize("body, code", [({"prefs": "a" * 65537}, "invalid_field"), ({"prefs": "\u20ac" * 21846}, "invalid_field"),
                                        ({"prefs": "a\0b"}, "invalid_json"), ({"prefs": {"a": 1}}, "invalid_field"),
                                        ({"prefs": None}, "missing_field"), ({}, "missing_field")], ids=str)
def test_what_is_no_such_text_is_refused_and_nothing_changes(ann, body, code):
    put(ann, "kept")
    ann.put(PREFS, body, expect=400).is_error(400, code)
    assert get(ann) == "kept"


def test_nobody_sees_the_text_of_another_and_every_session_the_same(relay, ann, bob):
    put(ann, "of Ann")
    assert (get(bob), get(relay.sign_in(ann.email))) == ("", "of Ann")


def test_key_may_neither_read_nor_write(ann):
    key = make_key(ann, "send", "receive", "phone")
    key.get(PREFS, expect=403).is_error(403, "scope_missing")
    key.put(PREFS, {"prefs": "x"}, expect=403).is_error(403, "scope_missing")


def test_etag_of_the_put_is_that_of_the_get_and_spares_the_text(ann):
    stored = put(ann, "x")
    got = ann.get(PREFS, expect=200)
    assert got.headers["ETag"] == stored.headers["ETag"]
    assert ann.get(PREFS, headers={"If-None-Match": got.headers["ETag"]}, expect=304).body == b""


def test_put_over_a_version_that_was_replaced_is_412_and_changes_nothing(ann):
    first = put(ann, "one").headers["ETag"]
    second = put(ann, "two", **{"If-Match": first}).headers["ETag"]
    put(ann, "three", 412, **{"If-Match": first}).is_error(412, "precondition_failed")
    assert get(ann) == "two"
    put(ann, "three", **{"If-Match": second})
    put(ann, "four", **{"If-Match": "*"})
    assert get(ann) == "four"


def test_version_of_a_text_that_nobody_has_stored_is_one_that_a_put_may_name_once(ann):
    nothing = ann.get(PREFS, expect=200).headers["ETag"]
    put(ann, "", **{"If-Match": nothing})
    put(ann, "x", 412, **{"If-Match": nothing}).is_error(412, "precondition_failed")
    put(ann, "x", **{"If-Match": ann.get(PREFS, expect=200).headers["ETag"]})


def test_put_with_if_match_while_there_is_nothing_is_412(ann):
    put(ann, "x", 412, **{"If-Match": '"x"'}).is_error(412, "precondition_failed")


def test_of_writers_at_once_over_one_version_one_wins(ann):
    etag = put(ann, "start").headers["ETag"]
    responses = at_once(*[lambda n=n: ann.put(PREFS, {"prefs": str(n)}, headers={"If-Match": etag}) for n in range(6)])
    assert sorted(response.status for response in responses) == [200] + [412] * 5
    [winner] = [n for n, response in enumerate(responses) if response.status == 200]
    assert get(ann) == str(winner)


def test_version_is_no_plain_hash_of_the_text(ann, bob):
    import hashlib
    assert hashlib.sha256(b"x").hexdigest()[:32] not in put(ann, "x").headers["ETag"]


def test_change_reaches_the_other_devices(relay, ann):
    other = relay.sign_in(ann.email)
    start = other.post("/api/v1/webchat/poll", {"chat_address": ann.address, "own": True, "cursor": ""}, expect=200)
    put(ann, "x")
    response = other.post("/api/v1/webchat/poll", {"chat_address": ann.address, "own": True, "cursor": start["cursor"]}, expect=200)
    assert response["records"] == ["prefs"]
    again = other.post("/api/v1/webchat/poll", {"chat_address": ann.address, "own": True, "cursor": response["cursor"]}, expect=200)
    assert again["records"] == []


def test_text_is_in_the_first_page_of_the_export(ann):
    put(ann, "of Ann")
    page = ann.get(EXPORT + "?limit=1", expect=200)
    assert page["prefs"] == "of Ann"
    assert "prefs" not in ann.get(f"{EXPORT}?after={quote(page['after'])}", expect=200).json


def keys(relay):
    with relay.opened_database() as database:
        return [row[0] for row in database.execute("SELECT body_key FROM prefs_key ORDER BY id")]


def test_text_is_in_no_file_and_goes_with_the_account(make_relay):
    relay = make_relay()
    ann, canary = relay.sign_in(), unique("canary")
    put(ann, canary)
    assert relay.files_holding(canary.encode()) == [] and get(ann) == canary
    [first] = keys(relay)
    put(ann, canary)
    [second] = keys(relay)
    assert first != second and bytes(32) not in (first, second)
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    assert keys(relay) == [bytes(32)]
    assert get(relay.sign_in(ann.email)) == ""


def test_backup_without_content_has_none_of_it(make_relay, tmp_path):
    relay = make_relay()
    ann = relay.sign_in()
    put(ann, json.dumps({"pinned": ["bob"]}))
    path = os.path.join(tmp_path, "copy.db")
    relay.ctl("backup", path)
    with contextlib.closing(sqlite3.connect(path)) as copy:
        assert copy.execute("SELECT (SELECT count(*) FROM prefs) + (SELECT count(*) FROM prefs_key)").fetchone() == (0,)
