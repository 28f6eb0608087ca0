"""The account: GET, PUT, DELETE me, and export."""
import pytest

from client import wait_until
from harness import needs_housekeeping, unique

ME, EXPORT = "/api/v1/pchat/auth/me", "/api/v1/pchat/auth/export"


def test_me_shows_user_and_session(relay):
    ann = relay.sign_in(device_name="laptop")
    response = ann.get(ME, expect=200)
    assert response["user"] == ann.user
    assert response["session"]["session_id"] == ann.session_id
    assert response["session"]["current"] is True


@pytest.mark.parametrize("change", [
    {"display_name": "Zoë 😀"}, {"public_visible": False}, {"language": "pt-BR"},
    {"display_name": "x", "public_visible": False, "language": ""}, {},
], ids=["name", "visible", "language", "all", "nothing"])
def test_put_changes_what_it_names_and_nothing_else(ann, change):
    response = ann.put(ME, change, expect=200)
    assert response["user"] == {**ann.user, **change}
    assert ann.get(ME)["user"] == response["user"]


def test_put_with_an_empty_name_shows_the_address_again(ann):
    assert ann.put(ME, {"display_name": ""}, expect=200)["user"]["display_name"] == ann.address


@pytest.mark.parametrize("field", ["role", "email", "chat_address", "created_at"])
def test_put_does_not_change_other_fields(ann, field):
    ann.put(ME, {field: "admin"}, expect=200)
    assert ann.get(ME)["user"] == ann.user


def test_put_does_not_change_somebody_else(ann, bob):
    ann.put(ME, {"display_name": "New"}, expect=200)
    assert bob.get(ME)["user"] == bob.user


def test_erased_account_is_gone_with_its_sessions(relay, ann):
    other = relay.sign_in(ann.email)
    assert ann.delete(ME, expect=200)["status"] == "erased"
    for session in (ann, other):
        session.get(ME, expect=401)


def test_erased_account_is_no_recipient_and_not_listed(ann, bob):
    ann.presence(True)
    ann.delete(ME, expect=200)
    bob.send(ann, expect=404).is_error(404, "unknown_recipient", field="to")
    assert bob.listed(ann) is None


def test_erased_address_is_never_given_out_again(relay):
    ann = relay.sign_in(chat_address=unique())
    ann.delete(ME, expect=200)
    for email in (ann.email, unique() + "@example.com"):
        response = relay.client().post("/api/v1/pchat/auth/verify-code", {
            "email": email, "code": relay.code(email), "chat_address": ann.address}, expect=409)
        response.is_error(409, "address_taken")


def test_erased_person_may_come_back_as_a_new_account(relay, ann):
    ann.delete(ME, expect=200)
    again = relay.sign_in(ann.email)
    assert again.address != ann.address
    assert again.poll("")["messages"] == []


@needs_housekeeping
def test_erasing_leaves_no_trace_of_address_name_or_text_in_the_files(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})
    marks = [unique("name"), unique("text"), unique("device")]
    ann = relay.sign_in(unique("mail") + "@example.com", display_name=marks[0], device_name=marks[2])
    bob = relay.sign_in()
    ann.send(bob, marks[1])
    ann.send(ann, marks[1])
    ann.delete(ME, expect=200)
    for mark in [*marks, ann.email]:
        wait_until(f"{mark} is in no file", lambda m=mark: not [
            name for name in relay.files_holding(m.encode()) if name.startswith("bridge.db")], 40)


def test_export_holds_user_sessions_and_messages_both_ways(ann, bob):
    sent = ann.send(bob, "to Bob")["message_id"]
    got = bob.send(ann, "to Ann")["message_id"]
    response = ann.get(EXPORT, expect=200)
    assert response["user"] == ann.user
    assert [session["session_id"] for session in response["sessions"]] == [ann.session_id]
    found = {item["message_id"]: (item["text"], item["status"]) for item in exported(ann)}
    assert found == {sent: ("to Bob", "queued"), got: ("to Ann", "queued")}


def exported(user, limit=100):
    """The messages of every page."""
    found, query = [], f"?limit={limit}"
    while query:
        response = user.get(EXPORT + query, expect=200)
        assert len(response["messages"]) <= limit
        found += response["messages"]
        query = f"?limit={limit}&after={response['after']}" if response["has_more"] else None
    return found


def test_export_holds_nothing_of_others(relay, ann, bob):
    carl = relay.sign_in()
    bob.send(carl, "not for Ann")
    assert exported(ann) == []


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_export_pages_through_everything_once(ann, bob, limit):
    sent = [ann.send(user, "sent")["message_id"] for user in (bob, ann, bob, bob, ann, bob)]
    got = [bob.send(ann, "got")["message_id"] for _ in range(6)]
    assert sorted(item["message_id"] for item in exported(ann, limit)) == sorted(sent + got)


@pytest.mark.parametrize("query, field", [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=1.5", "limit"), ("limit=", "limit"),
    ("limit=999999999999999999999", "limit"), ("after=%00", "after"), ("after=not-a-place", "after"),
])
def test_export_refuses_a_bad_page(ann, query, field):
    ann.get(f"{EXPORT}?{query}", expect=400).is_error(400, "invalid_field", field=field)
