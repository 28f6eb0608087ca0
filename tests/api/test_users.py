"""One person: whom the directory shows, and whom the caller has met."""
import pytest

from groups import Group
from harness import unique

USERS = "/api/v1/webchat/users"


def look(user, other, expect=200):
    return user.get(f"{USERS}/{other if isinstance(other, str) else other.address}", expect=expect)


@pytest.fixture(name="carl")
def somebody_whom_the_directory_does_not_show(relay):
    return relay.sign_in(display_name="Carl", public_visible=False)


def refusal(user, other):
    """Everything that a 404 says, but the number of the request."""
    response = look(user, other, 404).is_error(404, "unknown_recipient", field="chat_address")
    return response.json, sorted(name for name in response.headers if name != "X-Request-Id")


def test_somebody_public_is_shown_by_name(ann, bob):
    response = look(ann, bob)
    assert response.json == {"success": True, "chat_address": bob.address, "display_name": "Bob", "online": False}


def test_online_is_what_the_directory_says(ann, bob):
    bob.presence(True)
    assert look(ann, bob)["online"] is True is ann.listed(bob)["online"]
    bob.presence(False)
    assert look(ann, bob)["online"] is False


def test_one_sees_oneself_also_when_hidden(carl):
    assert look(carl, carl)["display_name"] == "Carl"


def test_hidden_one_is_as_unknown_as_nobody(ann, carl):
    assert refusal(ann, carl) == refusal(ann, unique("nobody"))


@pytest.mark.parametrize("action", ["hide", "block"])
def test_whom_an_admin_hides_or_blocks_is_as_unknown_as_nobody(relay, ann, bob, action):
    look(ann, bob)
    relay.ctl("user", action, bob.address)
    assert refusal(ann, bob) == refusal(ann, unique("nobody"))


def test_hidden_one_is_seen_by_whom_they_wrote_to_alone(ann, bob, carl):
    carl.send(ann)
    assert look(ann, carl)["display_name"] == "Carl"
    assert refusal(bob, carl) == refusal(bob, unique("nobody"))


def test_writing_to_somebody_hidden_does_not_show_them(ann, carl):
    ann.send(carl)
    carl.poll_all()
    look(ann, carl, 404)


def test_hidden_one_who_writes_to_whoever_blocked_them_stays_unknown(ann, carl):
    ann.post("/api/v1/webchat/blocks", {"chat_address": carl.address}, expect=200)
    carl.send(ann)
    look(ann, carl, 404)


def test_hidden_one_is_seen_by_members_of_one_group_while_both_are_in_it(ann, bob, carl):
    group = Group(ann)
    group.add(carl)
    assert look(ann, carl)["display_name"] == "Carl"
    look(bob, carl, 404)
    group.remove(carl)
    look(ann, carl, 404)


def test_blocked_caller_sees_what_the_directory_shows_them(ann, bob):
    ann.presence(True)
    ann.post("/api/v1/webchat/blocks", {"chat_address": bob.address}, expect=200)
    assert look(bob, ann).json == {"success": True, "chat_address": ann.address, "display_name": "Ann", "online": False}


@pytest.mark.parametrize("address", ["relay", "grp_" + "0" * 32, "x" * 200, "%F0%9F%98%80", "%27%20OR%201=1", "A", "%2B"])
def test_what_is_no_address_is_404(ann, address):
    look(ann, address, 404).is_error(404, "unknown_recipient")
