"""No list is cut in silence: it comes page by page, or says that there is more."""
import os
import time

import pytest

from groups import ASK, OPEN, Group, fill_up, group_of
from harness import unique

RECEIPTS, DIRECTORY, SESSIONS = "/api/v1/webchat/receipt-status", "/api/v1/webchat/directory", "/api/v1/pchat/auth/sessions"
EXPORT, PHONES = "/api/v1/pchat/auth/export", "/api/v1/webchat/phones"


def pages(user, path, name, limit):
    """Every item of a list, page by page."""
    found, after = [], ""
    while True:
        page = user.get(f"{path}?limit={limit}" + (f"&after={after}" if after else ""), expect=200)
        assert len(page[name]) <= limit
        found += page[name]
        if not page["has_more"]:
            assert "after" not in page.json
            return found
        after = page["after"]


def number_of(link, user):
    return link.execute("SELECT id FROM account WHERE chat_address = ?", (user.address,)).fetchone()[0]


def make_people(link, count):
    """Numbers of new accounts."""
    found = []
    for _ in range(count):
        name = unique()
        found.append(link.execute(
            "INSERT INTO account (email, chat_address, display_name, search_key, language, role, public_visible, hidden, blocked,"
            " delivered_seq, created_at) VALUES (?, ?, '', '', '', 0, 0, 0, 0, 0, 1700000000000) RETURNING id", (name + "@x.example", name)).fetchone()[0])
    return found


def make_groups(link, user, count, public=0):
    """Groups that the user, or with `public` nobody, is in."""
    for number in range(count):
        [group] = link.execute(
            "INSERT INTO grp (public_id, name, description, search_key, is_public, is_stream, is_open, member_count, created_at)"
            " VALUES (?, ?, '', ?, ?, 0, 1, 1, 1700000000000) RETURNING id", (os.urandom(16), f"Many {number}", f"many {number}", public)).fetchone()
        if not public:
            link.execute("INSERT INTO grp_member VALUES (?, ?, 3, 1700000000000)", (group, number_of(link, user)))


# -- receipts --------------------------------------------------------------------------------------

def test_two_hundred_receipts_are_returned_for_two_hundred_messages(ann, bob):
    ids = [ann.send(bob, f"{number}")["message_id"] for number in range(200)]
    response = ann.post(RECEIPTS, {"message_ids": ids}, expect=200)
    assert [receipt["message_id"] for receipt in response["receipts"]] == ids


def test_two_hundred_receipts_of_group_messages_name_every_recipient(relay, ann, bob):
    carl = relay.sign_in()
    group = group_of(ann, bob, carl)
    ids = [ann.send(group.id, f"{number}")["message_id"] for number in range(200)]
    response = ann.post(RECEIPTS, {"message_ids": ids}, expect=200)
    assert [receipt["message_id"] for receipt in response["receipts"]] == ids
    assert all(len(receipt["recipients"]) == 2 for receipt in response["receipts"])


def test_receipts_without_room_for_their_recipients_say_so(relay, ann, steady):
    group = Group(ann)
    fill_up(relay, group, 1000)
    ids = [ann.send(group.id, f"{number}")["message_id"] for number in range(10)]
    response = ann.post(RECEIPTS, {"message_ids": ids}, expect=200)
    assert [receipt["message_id"] for receipt in response["receipts"]] == ids
    whole = [receipt for receipt in response["receipts"] if "recipients" in receipt]
    assert len(whole) == 4 and all(len(receipt["recipients"]) == 999 for receipt in whole)
    assert all(receipt.get("recipients_has_more") for receipt in response["receipts"] if receipt not in whole)
    again = ann.post(RECEIPTS, {"message_ids": ids[9:]}, expect=200)["receipts"]
    assert len(again[0]["recipients"]) == 999 and "recipients_has_more" not in again[0]


@pytest.fixture
def steady(relay):
    """The workers are the same after the test as before it."""
    before = sorted(relay.workers())
    yield
    assert sorted(relay.workers()) == before


def now_ms():
    """What a pass in the middle of a test does not take for old."""
    return int(time.time() * 1000)


# -- lists -----------------------------------------------------------------------------------------

def test_sessions_are_listed_page_by_page(relay, ann):
    sessions = [ann, *(relay.sign_in(ann.email) for _ in range(6))]
    assert [each["session_id"] for each in pages(ann, SESSIONS, "sessions", 3)] == [each.session_id for each in sessions]


def test_join_requests_are_listed_page_by_page_beyond_two_hundred(relay, ann):
    group = Group(ann, **ASK)
    with relay.locked_database() as link:
        [inner] = link.execute("SELECT id FROM grp WHERE public_id = ?", (bytes.fromhex(group.id[4:]),)).fetchone()
        for person in make_people(link, 230):
            link.execute("INSERT INTO join_request (public_id, group_id, account_id, created_at) VALUES (?, ?, ?, ?)", (os.urandom(16), inner, person, now_ms()))
    first = group.requests()
    assert len(first["requests"]) == 200 and first["has_more"] is True
    found = pages(ann, f"{group.path}/requests", "requests", 70)
    assert len({each["request_id"] for each in found}) == len(found) == 230


def test_access_requests_are_listed_page_by_page_newest_first(make_relay):
    relay = make_relay({"PCHAT_ADMIN_EMAILS": "boss@example.com", "PCHAT_AUTH_ALLOWED_EMAILS": "x@example.com"})
    boss = relay.sign_in("boss@example.com")
    with relay.locked_database() as link:
        for number in range(230):
            link.execute("INSERT INTO access_request (public_id, email, display_name, status, created_at, decided_at) VALUES (?, ?, '', 0, ?, 0)",
                         (os.urandom(16), f"n{number:03d}@example.org", now_ms()))
    path = "/api/v1/webchat/admin/access-requests"
    assert boss.get(path, expect=200)["has_more"] is True
    assert [each["email"] for each in pages(boss, path, "requests", 60)] == [f"n{number:03d}@example.org" for number in reversed(range(230))]


def test_phones_are_listed_page_by_page(relay, ann):
    with relay.locked_database() as link:
        for number in range(230):
            link.execute("INSERT INTO phone (account_id, phone_id, last_seen_at) VALUES (?, ?, 1700000000000)", (number_of(link, ann), f"p{number:03d}"))
    assert ann.get(PHONES, expect=200)["has_more"] is True
    assert [each["phone_id"] for each in pages(ann, PHONES, "phones", 50)] == [f"p{number:03d}" for number in range(230)]


@pytest.mark.parametrize("public", [0, 1], ids=["own", "public"])
def test_directory_says_that_groups_are_missing(make_relay, public):
    relay = make_relay()
    ann = relay.sign_in()
    assert ann.get(DIRECTORY, expect=200)["groups_has_more"] is False
    with relay.locked_database() as link:
        make_groups(link, ann, 201, public)
    response = ann.get(DIRECTORY, expect=200)
    assert len(response["groups"]) == 200 and response["groups_has_more"] is True
    assert ann.get(DIRECTORY + "?q=many+200", expect=200)["groups_has_more"] is (not public)


def test_directory_says_that_sessions_are_missing(relay, ann, bob):
    for _ in range(21):
        relay.sign_in(ann.email).presence()
    entry = bob.listed(ann)
    assert len(entry["sessions"]) == 20 and entry["sessions_has_more"] is True


def test_export_says_which_lists_are_longer(relay, ann):
    assert not {name for name in ann.get(EXPORT, expect=200).json if name.endswith("_has_more")}
    with relay.locked_database() as link:
        make_groups(link, ann, 1001)
        for number in range(201):
            link.execute("INSERT INTO phone (account_id, phone_id, last_seen_at) VALUES (?, ?, 1700000000000)", (number_of(link, ann), f"p{number:03d}"))
    response = ann.get(EXPORT, expect=200)
    assert response["groups_has_more"] is True and response["phones_has_more"] is True and "sessions_has_more" not in response.json


def test_export_holds_the_invitations(ann, bob):
    group = Group(ann)
    group.invite(bob)
    assert [each["group"]["group_id"] for each in bob.get(EXPORT, expect=200)["invites"]] == [group.id]


def test_typing_in_the_last_of_many_groups_is_seen(relay, ann, bob):
    with relay.locked_database() as link:
        make_groups(link, ann, 260)
    groups = [Group(bob, **OPEN) for _ in range(3)]
    for group in groups:
        group.join(ann)
        bob.post("/api/v1/webchat/typing", {"to": group.id, "typing": True}, expect=200)
    seen = ann.poll("")["typing"]
    assert {each["to"] for each in seen} == {group.id for group in groups}
    assert relay.sign_in().poll("").json.get("typing") is None


def test_typing_in_groups_of_others_is_not_seen(relay, ann, bob):
    group = Group(bob)
    bob.post("/api/v1/webchat/typing", {"to": group.id, "typing": True}, expect=200)
    assert "typing" not in ann.poll("").json


# -- the largest of everything ---------------------------------------------------------------------

def test_lists_of_the_largest_items_fit_into_an_response(make_relay):
    relay = make_relay({"PCHAT_ADMIN_EMAILS": "boss@example.com"})
    boss, bob = relay.sign_in("boss@example.com", display_name="\\" * 256), relay.sign_in(display_name="\\" * 256)
    before = sorted(relay.workers())
    text = "\\" * 65536
    for _ in range(30):
        bob.send(boss, text, subject="\\" * 998, title="\\" * 998)
        boss.post("/api/v1/messages", {"channel": "sms", "to": "\\" * 254, "text": text}, expect=202)
    with relay.locked_database() as link:
        for number in range(250):
            [group] = link.execute(
                "INSERT INTO grp (public_id, name, description, search_key, is_public, is_stream, is_open, member_count, created_at)"
                " VALUES (?, ?, ?, '', 1, 0, 1, 1, 1700000000000) RETURNING id", (os.urandom(16), "\\" * 128, "\\" * 1024)).fetchone()
            if number % 2:
                link.execute("INSERT INTO grp_member VALUES (?, ?, 3, 1700000000000)", (group, number_of(link, boss)))
    for path in (DIRECTORY + "?limit=200", "/api/v1/webchat/groups?limit=200", EXPORT, "/api/v1/webchat/admin/users?limit=200",
                 "/api/v1/webchat/files?limit=200", "/api/v1/webchat/blocks?limit=200", "/api/v1/webchat/admin/audit?limit=200", SESSIONS):
        boss.get(path, expect=200)
    assert len(boss.poll_all("")[0]) == 30
    boss.post("/api/v1/phone/claim", {"phone_id": "", "limit": 100}, expect=200)
    assert sorted(relay.workers()) == before
