"""Sending, showing, editing and withdrawing messages."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import wait_until
from harness import needs_housekeeping, unique

MESSAGES = "/api/v1/messages"


def show(user, message_id, expect=200):
    return user.get(f"{MESSAGES}/{message_id}", expect=expect)


# -- sending ---------------------------------------------------------------------------------------

def test_message_arrives_as_it_was_sent(ann, bob):
    sent = ann.send(bob, "Grüße 😀\n\t\"\\", source="cli", subject="S", title="T", channel="pchat", kind="voice")
    [item] = bob.poll("")["messages"]
    created_at = item.pop("created_at")
    assert item == {
        "message_id": sent["message_id"], "channel": "pchat", "kind": "voice", "from": ann.address, "from_name": "Ann",
        "to": bob.address, "text": "Grüße 😀\n\t\"\\", "source": "cli", "subject": "S", "title": "T"}
    assert created_at >= ann.user["created_at"]


def test_channel_and_kind_have_defaults(ann, bob):
    ann.send(bob)
    [item] = bob.poll("")["messages"]
    assert (item["channel"], item["kind"]) == ("pchat", "text")
    assert not {"source", "subject", "title", "reply_to", "edited_at", "deleted_at", "actions"} & set(item)


def test_sender_is_the_credentials_user_whatever_the_body_says(ann, bob):
    body = {"to": bob.address, "text": "x", "from": bob.address, "sender": bob.address, "source": bob.address}
    ann.post(MESSAGES, body, expect=202)
    assert bob.poll("")["messages"][0]["from"] == ann.address


def test_saved_message_arrives_at_the_sender(ann):
    ann.send(ann, "note to self")
    assert ann.texts() == ["note to self"]


def test_sent_message_does_not_come_back_to_the_sender(relay, ann, bob):
    other = relay.sign_in(ann.email)
    ann.send(bob)
    assert ann.texts() == [] and other.texts() == []


@pytest.mark.parametrize("to", ["nobody-here", "grp_0123456789abcdef", "relay", "ANN", "a", "x" * 64, "' OR 1=1 --", "../ann", "😀"])
def test_unknown_recipient_is_404(ann, to):
    ann.send(to, expect=404).is_error(404, "unknown_recipient", field="to")


def test_blocked_recipient_responds_as_unknown(relay, ann, bob):
    relay.ctl("user", "block", bob.address)
    ann.send(bob, expect=404).is_error(404, "unknown_recipient", field="to")


@pytest.mark.parametrize("fields, field", [
    ({"channel": "smoke"}, "channel"), ({"channel": ""}, "channel"), ({"channel": "PCHAT"}, "channel"),
    ({"kind": "system"}, "kind"), ({"kind": "video"}, "kind"), ({"text": ""}, "text"), ({"to": ""}, "to"),
    ({"idempotency_key": ""}, "idempotency_key"),
])
def test_value_that_is_not_allowed_is_refused(ann, bob, fields, field):
    body = {"to": bob.address, "text": "x", **fields}
    ann.post(MESSAGES, body, expect=400).is_error(400, "invalid_field", field=field)


def test_empty_attachments_are_no_attachments(ann, bob):
    ann.send(bob, attachments=[])


@pytest.mark.parametrize("text", [
    "x" * 65536, "é" * 32768, "😀" * 16384, "\n" * 65536, "\x01" * 65536, "\u2028\ufeff\u200d", "\ud7ff\ue000\U0010ffff",
    "</script><!--", "\r\n\r\nHTTP/1.1 200 OK",
], ids=["ascii", "two-bytes", "emoji", "newlines", "controls", "odd-spaces", "edges", "markup", "header-like"])
def test_text_up_to_64_kib_arrives_unchanged(ann, bob, text):
    ann.send(bob, text)
    assert bob.texts() == [text]


@pytest.mark.parametrize("text", ["x" * 65537, "é" * 32768 + "x", "😀" * 16384 + "x"], ids=["ascii", "two-bytes", "emoji"])
def test_text_over_64_kib_is_refused(ann, bob, text):
    ann.send(bob, text, expect=400).is_error(400, "invalid_field", field="text")
    assert bob.texts() == []


def test_reply_names_a_message_that_both_see(ann, bob):
    first = ann.send(bob)["message_id"]
    bob.send(ann, "re", reply_to=first)
    assert ann.poll("")["messages"][0]["reply_to"] == first


@pytest.mark.parametrize("reply_to", ["msg_AAAAAAAAAAAAAAAAAAAAAA", "msg_", "x", "../x", "msg_😀"])
def test_reply_to_an_unknown_message_is_404(ann, bob, reply_to):
    ann.send(bob, reply_to=reply_to, expect=404).is_error(404, "unknown_message", field="reply_to")


def test_reply_to_a_message_of_others_is_404(relay, ann, bob):
    carl = relay.sign_in()
    foreign = bob.send(carl)["message_id"]
    ann.send(bob, reply_to=foreign, expect=404).is_error(404, "unknown_message", field="reply_to")


# -- idempotency -----------------------------------------------------------------------------------

def test_repeated_key_returns_the_first_message(ann, bob):
    first = ann.send(bob, "once", idempotency_key="k1")
    second = ann.send(bob, "once", idempotency_key="k1", expect=200)
    assert second["duplicate"] is True
    assert second["message_id"] == first["message_id"]
    assert first["idempotency_key"] == second["idempotency_key"] == "k1"
    assert bob.texts() == ["once"]


@pytest.mark.parametrize("change", [{"text": "other"}, {"kind": "voice"}, {"source": "x"}, {"title": "x"}, {"subject": "x"}],
                         ids=lambda change: next(iter(change)))
def test_repeated_key_with_another_body_is_422(ann, bob, change):
    ann.send(bob, "once", idempotency_key="k")
    body = {"to": bob.address, "text": "once", "idempotency_key": "k", **change}
    ann.post(MESSAGES, body, expect=422).is_error(422, "idempotency_key_reused")
    assert bob.texts() == ["once"]


def test_repeated_key_with_another_recipient_is_422(relay, ann, bob):
    carl = relay.sign_in()
    ann.send(bob, idempotency_key="k")
    ann.send(carl, idempotency_key="k", expect=422)


def test_keys_of_two_senders_do_not_meet(relay, ann, bob):
    carl = relay.sign_in()
    ids = {user.send(bob, idempotency_key="same")["message_id"] for user in (ann, carl)}
    assert len(ids) == 2


def test_keys_of_two_sessions_of_a_user_are_the_same(relay, ann, bob):
    other = relay.sign_in(ann.email)
    first = ann.send(bob, idempotency_key="k")
    assert other.send(bob, idempotency_key="k", expect=200)["message_id"] == first["message_id"]


def test_messages_without_a_key_are_all_kept_and_get_one(ann, bob):
    keys = {ann.send(bob, "same")["idempotency_key"] for _ in range(3)}
    assert len(keys) == 3 and bob.texts() == ["same"] * 3


def test_key_used_many_times_at_once_makes_one_message(ann, bob):
    with ThreadPoolExecutor(6) as pool:
        # either: twelve at once under one key
        responses = list(pool.map(lambda _: ann.send(bob, "x", idempotency_key="race", expect=(200, 202)), range(12)))
    assert sorted({response.status for response in responses}) == [200, 202]
    assert len({response["message_id"] for response in responses}) == 1
    assert bob.texts() == ["x"]


def test_refused_message_does_not_use_up_its_key(ann, bob):
    ann.send("nobody-here", idempotency_key="k", expect=404)
    ann.send(bob, idempotency_key="k", expect=202)


def test_key_is_free_again_after_24_hours(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "one", idempotency_key="k")
    with relay.locked_database() as link:
        link.execute("UPDATE idempotency SET created_at = created_at - 86400001")
    ann.send(bob, "two", idempotency_key="k", expect=202)


# -- showing ---------------------------------------------------------------------------------------

def test_sender_and_recipient_see_the_message_and_others_do_not(relay, ann, bob):
    carl = relay.sign_in()
    message_id = ann.send(bob, "secret")["message_id"]
    for user in (ann, bob):
        message = show(user, message_id)["message"]
        assert (message["text"], message["status"]) == ("secret", "queued")
    foreign, missing = show(carl, message_id, 404), show(carl, "msg_AAAAAAAAAAAAAAAAAAAAAA", 404)
    assert foreign.json == missing.json
    foreign.is_error(404, "unknown_message")


@pytest.mark.parametrize("name", ["msg_", "msg_short", "x", "msg_%ff", "..%2f..%2f", "msg_" + "A" * 4000, "%2e%2e"])
def test_malformed_message_id_is_404(ann, name):
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"text": "x"})):
        response = ann.call(method, f"{MESSAGES}/{name}", body, check=False)
        response.is_error(404, "unknown_message", "not_found")


# -- editing ---------------------------------------------------------------------------------------

def edit(user, message_id, text, expect=200):
    return user.patch(f"{MESSAGES}/{message_id}", {"text": text}, expect=expect)


def test_edit_before_the_first_fetch_changes_the_pending_message(ann, bob):
    message_id = ann.send(bob, "old")["message_id"]
    edited_at = edit(ann, message_id, "new")["edited_at"]
    messages, _ = bob.poll_all()
    assert [(m["message_id"], m["text"], m.get("edited_at")) for m in messages] == [(message_id, "new", edited_at)]


def test_edit_after_a_fetch_comes_again_through_the_stream(ann, bob):
    message_id = ann.send(bob, "old")["message_id"]
    _, cursor = bob.poll_all()
    edit(ann, message_id, "new")
    [item] = bob.poll(cursor)["messages"]
    assert (item["message_id"], item["text"], "edited_at" in item) == (message_id, "new", True)


def test_edit_of_a_message_fetched_by_one_session_reaches_every_session(relay, ann, bob):
    other = relay.sign_in(bob.email)
    message_id = ann.send(bob, "old")["message_id"]
    bob.poll("")
    edit(ann, message_id, "new")
    for session in (bob, other):
        messages, _ = session.poll_all()
        assert [m["text"] for m in messages if m["message_id"] == message_id][-1] == "new"


def test_edit_shows_in_get(ann, bob):
    message_id = ann.send(bob, "old")["message_id"]
    edit(ann, message_id, "new")
    assert show(bob, message_id)["message"]["text"] == "new"


def test_edit_by_the_recipient_is_403_and_by_others_404(relay, ann, bob):
    message_id = ann.send(bob, "old")["message_id"]
    edit(bob, message_id, "x", 403).is_error(403, "forbidden")
    edit(relay.sign_in(), message_id, "x", 404).is_error(404, "unknown_message")
    assert bob.texts() == ["old"]


def test_edit_after_15_minutes_is_403(make_relay):
    relay = make_relay()
    ann, bob = relay.sign_in(), relay.sign_in()
    message_id = ann.send(bob, "old")["message_id"]
    with relay.locked_database() as link:
        link.execute("UPDATE message SET created_at = created_at - 900001")
    edit(ann, message_id, "x", 403).is_error(403, "edit_window_closed")
    assert bob.texts() == ["old"]


# -- withdrawing -----------------------------------------------------------------------------------

def withdraw(user, message_id, expect=200):
    return user.delete(f"{MESSAGES}/{message_id}", expect=expect)


def test_withdrawn_before_the_first_fetch_is_never_seen(ann, bob):
    gone, kept = (ann.send(bob, text)["message_id"] for text in ("gone", "kept"))
    assert withdraw(ann, gone)["status"] == "withdrawn"
    assert [item["message_id"] for item in bob.poll_all()[0]] == [kept]


def test_withdrawn_after_a_fetch_comes_again_without_its_text(ann, bob):
    message_id = ann.send(bob, "gone", subject="s", title="t")["message_id"]
    _, cursor = bob.poll_all()
    withdraw(ann, message_id)
    [item] = bob.poll(cursor)["messages"]
    assert (item["message_id"], item["text"], "deleted_at" in item) == (message_id, "", True)
    assert not {"subject", "title"} & set(item)


def test_withdrawn_message_cannot_be_edited(ann, bob):
    message_id = ann.send(bob)["message_id"]
    withdraw(ann, message_id)
    edit(ann, message_id, "x", 409).is_error(409, "message_withdrawn")


def test_withdrawing_twice_is_no_error(ann, bob):
    message_id = ann.send(bob)["message_id"]
    withdraw(ann, message_id)
    assert withdraw(ann, message_id)["status"] == "withdrawn"


def test_recipient_removes_the_message_for_himself_only(ann, bob):
    message_id = ann.send(bob, "kept by Ann")["message_id"]
    assert withdraw(bob, message_id)["status"] == "removed"
    assert all(item["text"] == "" and "deleted_at" in item for item in bob.poll_all()[0])
    show(bob, message_id, 404)
    assert show(ann, message_id)["message"]["text"] == "kept by Ann"


def test_withdrawing_a_message_of_others_is_404(relay, ann, bob):
    message_id = ann.send(bob, "kept")["message_id"]
    withdraw(relay.sign_in(), message_id, 404).is_error(404, "unknown_message")
    assert bob.texts() == ["kept"]


# -- retention -------------------------------------------------------------------------------------

@needs_housekeeping
@pytest.mark.parametrize("mode, kept", [("full", True), ("scrub_content_on_final", False), ("scrub_all_on_final", False)])
def test_delivered_text_is_scrubbed_from_the_files_as_the_mode_says(make_relay, mode, kept):
    relay = make_relay({"MESSAGE_RETENTION_MODE": mode, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})
    ann, bob = relay.sign_in(), relay.sign_in()
    mark = unique("scrub-me-")
    message_id = ann.send(bob, mark)["message_id"]
    assert bob.texts() == [mark]
    if kept:
        assert show(ann, message_id)["message"]["text"] == mark
    else:
        bob.poll()
        wait_until("the text is scrubbed", lambda: show(ann, message_id)["message"]["text"] == "", 40)
        wait_until("nothing is left", lambda: relay.ctl("scrub", "--verify", mark, expect=None).returncode == 0, 40)


@needs_housekeeping
@pytest.mark.parametrize("mode", ["scrub_content_on_claim", "scrub_all_on_claim"])
def test_text_is_handed_out_once_in_the_claim_modes(make_relay, mode):
    relay = make_relay({"MESSAGE_RETENTION_MODE": mode})
    ann, bob = relay.sign_in(), relay.sign_in()
    message_id = ann.send(bob, "read once")["message_id"]
    assert [item["text"] for item in bob.poll("")["messages"]] == ["read once"]
    assert show(ann, message_id)["message"]["text"] == ""


@pytest.mark.parametrize("lang", ["de", "pt-BR", "zh-Hans-CN", "sl-rozaj-biske"])
def test_language_of_a_message_goes_with_it_and_stays_when_it_is_edited(ann, bob, lang):
    sent = ann.send(bob, "text", lang=lang)["message_id"]
    assert bob.poll_all("")[0][-1]["lang"] == lang
    ann.patch(f"/api/v1/messages/{sent}", {"text": "other"}, expect=200)
    assert ann.get(f"/api/v1/messages/{sent}", expect=200)["message"]["lang"] == lang


@pytest.mark.parametrize("lang", ["d", "de_DE", "de-", "-de", "12", "de-abcdefghi", "de DE", "d\u00e9", "a" * 9])
def test_language_that_is_no_tag_is_400(ann, bob, lang):
    ann.send(bob, "text", lang=lang, expect=400).is_error(400, "invalid_field", "lang")
