"""One's own request to join: every device sees it, and it can be taken back."""
import pytest

from groups import ASK, DIRECTORY, GROUPS, OPEN, UNKNOWN_GROUP, Group
from harness import unique


def take_back(user, group, expect=200):
    return user.delete(f"{group.path}/join", expect=expect)


@pytest.fixture(name="group")
def group_that_wants_to_be_asked(ann):
    return Group(ann, name=unique("group"), **ASK)


def in_directory(user, group):
    [found] = user.get(f"{DIRECTORY}?limit=1&q={group.now()['name']}", expect=200)["groups"]
    return found


def records(user, cursor):
    response = user.post("/api/v1/webchat/poll", {"chat_address": user.address, "own": True, "cursor": cursor}, expect=200)
    return response["records"], response["cursor"]


def test_request_is_shown_to_every_device_of_the_one_who_asks_alone(relay, ann, bob, group):
    assert "my_request" not in group.now(bob)
    request = group.ask(bob)
    other = relay.sign_in(bob.email)
    assert group.now(bob)["my_request"] == group.now(other)["my_request"] == in_directory(other, group)["my_request"] == request
    assert "my_request" not in group.now(ann) and "my_request" not in group.now(relay.sign_in())


def test_request_taken_back_is_gone_for_both_sides_and_may_be_made_again(ann, bob, group):
    request = group.ask(bob)
    assert take_back(bob, group).json == {"success": True, "status": "taken_back"}
    assert "my_request" not in group.now(bob) and group.requests()["requests"] == []
    group.decide(request, "approve", expect=404).is_error(404, "unknown_request")
    assert bob.address not in group.members()
    assert group.ask(bob) != request


def test_nothing_to_take_back_is_404(relay, ann, bob, group):
    take_back(bob, group, 404).is_error(404, "unknown_request")
    group.ask(bob)
    take_back(bob, group)
    take_back(bob, group, 404).is_error(404, "unknown_request")
    take_back(ann, group, 404).is_error(404, "unknown_request")
    private = Group(ann)
    take_back(bob, private, 404).is_error(404, "unknown_group")
    bob.delete(f"{GROUPS}/{UNKNOWN_GROUP}/join", expect=404).is_error(404, "unknown_group")
    bob.delete(f"{GROUPS}/nonsense/join", expect=404).is_error(404, "unknown_group")


def test_request_of_another_is_left_alone(relay, bob, group):
    carl = relay.sign_in()
    request = group.ask(bob)
    group.ask(carl)
    take_back(carl, group)
    assert [entry["request_id"] for entry in group.requests()["requests"]] == [request]


def test_request_to_a_group_that_turned_private_is_taken_back(ann, bob, group):
    group.ask(bob)
    group.change(visibility="private")
    take_back(bob, group)
    take_back(bob, group, 404).is_error(404, "unknown_group")


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_decided_request_is_no_longer_shown(bob, group, verb):
    group.decide(group.ask(bob), verb)
    if verb == "reject":
        assert "my_request" not in group.now(bob)
    else:
        assert group.now(bob)["role"] == "member" and "my_request" not in group.now(bob)


def test_other_devices_are_notified_of_asking_and_of_taking_back(relay, bob, group):
    other = relay.sign_in(bob.email)
    _, cursor = records(other, "")
    group.ask(bob)
    changed, cursor = records(other, cursor)
    assert changed == ["groups"]
    take_back(bob, group)
    assert records(other, cursor)[0] == ["groups"]


def test_open_group_is_joined_without_a_request(ann, bob):
    group = Group(ann, **OPEN)
    group.join(bob)
    assert "my_request" not in group.now(bob)
