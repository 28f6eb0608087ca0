"""Invitations to groups: whoever is added decides whether to join, and whom they block cannot ask them."""
import pytest

from groups import ASK, GROUPS, INVITES, ME, OPEN, Group, accept, at_once, fill_up, invites, send, fact_of
from harness import needs_housekeeping, run

BLOCKS, CONTACTS = "/api/v1/webchat/blocks", "/api/v1/webchat/contacts"
UNKNOWN = "inv_" + "0" * 32


def messages(user, kind="invited"):
    """The invitations in the user's stream."""
    return [item for item in user.poll_all("")[0] if item.get("event", {}).get("type") == kind]


def may_invite(user, who):
    user.put(ME, {"group_invites": who}, expect=200)


def block(user, other):
    user.post(BLOCKS, {"chat_address": other.address}, expect=200)


def test_being_added_is_an_invitation_and_no_membership(ann, bob):
    group = Group(ann, name="Hikers")
    assert group.invite(bob)["status"] == "invited"
    assert list(group.members()) == [ann.address]
    group.show(bob, expect=404)
    send(ann, group, "not for you")
    assert group.texts(bob) == []


def test_invitation_comes_as_a_message_whose_buttons_work(ann, bob):
    group = Group(ann, name="Hikers")
    group.invite(bob)
    [item] = messages(bob)
    assert (item["kind"], item["from"], item["group_id"]) == ("system", "relay", group.id)
    assert fact_of(item) == {"type": "invited", "chat_address": ann.address, "role": "member"} and "Ann" in item["text"] and "Hikers" in item["text"]
    assert [action["label"] for action in item["actions"]] == ["Accept", "Decline"]
    response = bob.call(item["actions"][0]["method"], item["actions"][0]["path"], expect=200)
    assert response["status"] == "member" and response["group"]["group_id"] == group.id
    assert set(group.members()) == {ann.address, bob.address}


def test_invitation_is_listed_with_its_group_until_it_is_decided(ann, bob):
    group = Group(ann, name="Hikers", description="On foot")
    group.invite(bob, role="writer")
    [invite] = invites(bob)
    assert (invite["chat_address"], invite["display_name"], invite["role"]) == (ann.address, "Ann", "writer")
    assert (invite["group"]["name"], invite["group"]["description"], invite["group"]["member_count"]) == ("Hikers", "On foot", 1)
    accept(bob)
    assert invites(bob) == [] and group.members()[bob.address] == "writer"


def test_members_are_notified_of_who_came_and_messages_arrive_from_then_on(ann, bob):
    group = Group(ann)
    group.invite(bob)
    send(ann, group, "before")
    accept(bob)
    send(ann, group, "after")
    assert group.texts(bob) == ["after"]
    assert {"type": "joined", "chat_address": bob.address, "role": "member"} in group.events(ann)


def test_declined_invitation_is_gone_and_the_inviter_is_not_notified(ann, bob):
    group = Group(ann)
    group.invite(bob)
    before = len(group.items(ann))
    [item] = messages(bob)
    assert bob.call("POST", item["actions"][1]["path"], expect=200)["status"] == "declined"
    assert invites(bob) == [] and len(group.items(ann)) == before
    bob.post(item["actions"][0]["path"], expect=404).is_error(404, "unknown_invite")


def test_who_declined_is_not_asked_again_and_the_inviter_does_not_notice(ann, bob):
    group = Group(ann)
    first = group.invite(bob).json
    bob.post(f"{INVITES}/{invites(bob)[0]['invite_id']}/decline", expect=200)
    assert group.invite(bob).json == first
    assert invites(bob) == [] and len(messages(bob)) == 1


def test_invitation_that_waits_is_not_repeated(ann, bob):
    group = Group(ann)
    for _ in range(3):
        group.invite(bob)
    assert len(invites(bob)) == 1 and len(messages(bob)) == 1


def test_who_left_is_invited_again_and_not_put_in(ann, bob):
    group = Group(ann)
    group.add(bob)
    group.leave(bob)
    assert group.invite(bob)["status"] == "invited"
    send(ann, group, "do you hear me?")
    assert group.texts(bob, bob.poll_all("")[1]) == [] and list(group.members()) == [ann.address]


def test_who_was_put_out_is_invited_again_and_not_put_in(ann, bob):
    group = Group(ann)
    group.add(bob)
    group.remove(bob)
    group.invite(bob)
    assert list(group.members()) == [ann.address]
    accept(bob, group.id)


def test_whom_i_block_cannot_invite_me_and_learns_nothing_of_it(relay, ann, bob):
    free, group = relay.sign_in(), Group(ann)
    block(bob, ann)
    assert group.invite(bob).json == group.invite(free).json
    assert invites(bob) == [] and messages(bob) == []
    assert len(invites(free)) == 1


def test_block_takes_away_the_invitations_that_wait(ann, bob):
    group = Group(ann)
    group.invite(bob)
    [invite] = invites(bob)
    block(bob, ann)
    assert invites(bob) == []
    bob.post(f"{INVITES}/{invite['invite_id']}/accept", expect=404).is_error(404, "unknown_invite")


def test_block_after_leaving_keeps_the_group_away(ann, bob):
    group = Group(ann)
    group.add(bob)
    group.leave(bob)
    block(bob, ann)
    group.invite(bob)
    assert invites(bob) == []


@pytest.mark.parametrize("who, reached", [("anybody", [True, True]), ("contacts", [False, True]), ("nobody", [False, False])])
def test_account_says_who_may_invite_it(relay, ann, bob, who, reached):
    stranger = relay.sign_in()
    bob.put(CONTACTS, {"contacts": [{"name": "A", "channel": "pchat", "address": ann.address},
                                    {"name": stranger.address, "channel": "sms", "address": stranger.address},
                                    {"name": f'"channel":"pchat","address":"{stranger.address}"', "channel": "sms", "address": "1"}]}, expect=200)
    may_invite(bob, who)
    responses = [Group(inviter).invite(bob).json for inviter in (stranger, ann)]
    assert responses[0] == responses[1]
    asking = {invite["chat_address"] for invite in invites(bob)}
    assert [stranger.address in asking, ann.address in asking] == reached


def test_setting_is_shown_and_is_anybody_at_first(ann):
    assert ann.get(ME, expect=200)["user"]["group_invites"] == "anybody"
    may_invite(ann, "nobody")
    assert ann.get(ME, expect=200)["user"]["group_invites"] == "nobody"
    ann.put(ME, {"display_name": "Other"}, expect=200)
    assert ann.get(ME, expect=200)["user"]["group_invites"] == "nobody"
    ann.put(ME, {"group_invites": "friends"}, expect=400).is_error(400, "invalid_field", field="group_invites")


def test_who_asked_to_join_is_let_in_by_an_invitation(ann, bob):
    group = Group(ann, **ASK)
    group.ask(bob)
    assert group.invite(bob, expect=200)["status"] == "member"
    assert group.requests()["requests"] == [] and bob.address in group.members()


def test_who_joins_by_himself_has_no_invitation_left(ann, bob):
    group = Group(ann, **OPEN)
    group.invite(bob)
    group.join(bob)
    assert invites(bob) == []


def test_member_who_is_invited_stays_what_he_is(ann, bob):
    group = Group(ann)
    group.add(bob, "writer")
    assert group.invite(bob, "member", expect=200)["status"] == "member"
    assert group.members()[bob.address] == "writer" and invites(bob) == []


def test_only_owners_invite_admins_and_only_admins_invite(relay, ann, bob):
    carl, group = relay.sign_in(), Group(ann)
    group.add(bob)
    group.invite(carl, by=bob, expect=403).is_error(403, "not_group_admin")
    group.set_role(bob, "admin")
    group.invite(carl, "admin", by=bob, expect=403).is_error(403, "not_group_owner")
    assert invites(carl) == []


@pytest.mark.parametrize("loses", ["leave", "remove", "demote"])
def test_invitations_of_somebody_who_lost_the_right_are_taken_back(relay, ann, bob, loses):
    carl, group = relay.sign_in(), Group(ann)
    group.add(bob, "admin")
    group.invite(carl, by=bob)
    if loses == "leave":
        group.leave(bob)
    elif loses == "remove":
        group.remove(bob)
    else:
        group.set_role(bob, "member")
    assert invites(carl) == []


def test_invitation_goes_with_its_group_and_with_its_inviter(relay, ann, bob):
    carl, one = relay.sign_in(), Group(ann)
    two = Group(ann)
    two.add(carl, "owner")
    one.invite(bob)
    two.invite(bob, by=carl)
    one.delete()
    assert [invite["group"]["group_id"] for invite in invites(bob)] == [two.id]
    carl.delete(ME, expect=200)
    assert invites(bob) == []


def test_invitation_to_a_full_group_waits(relay, ann, bob):
    group = Group(ann)
    group.invite(bob)
    fill_up(relay, group, 1000)
    accept(bob, expect=409).is_error(409, "group_full")
    assert len(invites(bob)) == 1


def test_invitation_accepted_twice_at_once_makes_one_member(ann, bob):
    group = Group(ann)
    group.invite(bob)
    path = f"{INVITES}/{invites(bob)[0]['invite_id']}/accept"
    # either: four at once for one invitation
    responses = at_once(*[lambda: bob.post(path, expect=(200, 404))] * 4)
    assert sorted(response.status for response in responses) == [200, 404, 404, 404]
    assert group.now()["member_count"] == 2


@pytest.mark.parametrize("verb", ["accept", "decline"])
@pytest.mark.parametrize("name", [UNKNOWN, "inv_x", "1", "grp_" + "0" * 32])
def test_unknown_invitation_is_404(ann, name, verb):
    ann.post(f"{INVITES}/{name}/{verb}", expect=404).is_error(404, "unknown_invite")


def test_invitation_of_somebody_else_is_404(relay, ann, bob):
    group = Group(ann)
    group.invite(bob)
    path = f"{INVITES}/{invites(bob)[0]['invite_id']}"
    for verb in ("accept", "decline"):
        relay.sign_in().post(f"{path}/{verb}", expect=404)
    assert len(invites(bob)) == 1


def test_invitations_are_listed_page_by_page(relay, bob):
    groups = [Group(relay.sign_in(), name=f"G{number}") for number in range(5)]
    for group in groups:
        group.invite(bob)
    found, after = [], ""
    while True:
        page = bob.get(f"{INVITES}?limit=2&after={after}", expect=200)
        found += [invite["group"]["group_id"] for invite in page["invites"]]
        if not page["has_more"]:
            break
        after = page["after"]
    assert found == [group.id for group in groups]


def test_one_person_can_be_invited_by_another_ten_times_in_a_day(ann, bob):
    for _ in range(13):
        Group(ann).invite(bob)
    assert len(invites(bob)) == 10


@needs_housekeeping
def test_invitations_end_as_join_requests_do(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    ann, bob = relay.sign_in(), relay.sign_in()
    group = Group(ann)
    group.invite(bob)
    bob.post(f"{INVITES}/{invites(bob)[0]['invite_id']}/decline", expect=200)
    with relay.locked_database() as link:
        link.execute("UPDATE group_invite SET created_at = 1")
    assert run("relay-sweep", "--dir", relay.folder).returncode == 0
    group.invite(bob)
    assert len(invites(bob)) == 1


def test_group_of_the_path_is_no_invitation(ann):
    ann.get(f"{GROUPS}/{UNKNOWN}", expect=404)
