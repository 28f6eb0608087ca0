"""Invite links into a group: who makes them, who joins by them, and what they cost."""
import pytest

from groups import GROUPS, UNKNOWN_GROUP, Group
from harness import Relay, unique
from test_invite_links import ask, join

PRIVATE = {"visibility": "private"}
NO_LINK = "pci_" + "A" * 43


def links(group, by=None, expect=200):
    return (by or group.owner).get(f"{group.path}/invites", expect=expect)


def make(group, by=None, expect=200, **fields):
    answer = (by or group.owner).post(f"{group.path}/invites", fields, expect=expect)
    return (answer["token"], answer["invite"]) if answer.status == 200 else answer


def enter(group, user, token, expect=200):
    return user.post(f"{group.path}/join", {"invite": token}, expect=expect)


@pytest.fixture(name="hikers")
def private_group(ann):
    return Group(ann, **PRIVATE)


def test_bearer_joins_a_private_group_and_each_join_is_a_use(hikers, relay):
    token, invite = make(hikers, uses=2)
    assert (invite["group_id"], invite["uses_left"], invite["admits"]) == (hikers.id, 2, False)
    bob, cem, dan = (relay.sign_in() for _ in range(3))
    assert enter(hikers, bob, token)["status"] == "member"
    assert enter(hikers, bob, token)["status"] == "member"  # again costs nothing
    assert links(hikers)["invites"][0]["uses_left"] == 1
    enter(hikers, cem, token)
    assert links(hikers)["invites"] == []
    enter(hikers, dan, token, 404).is_error(404, "unknown_invite")
    assert {m["chat_address"] for m in hikers.owner.get(f"{hikers.path}/members", expect=200)["members"]} == {
        hikers.owner.address, bob.address, cem.address}


def test_link_that_is_none_or_of_another_group_tells_nothing_of_it(hikers, ann, relay):
    token, _ = make(Group(ann, **PRIVATE))
    bob = relay.sign_in()
    for path, value in ((hikers.path, token), (hikers.path, NO_LINK), (f"{GROUPS}/{UNKNOWN_GROUP}", token), (f"{GROUPS}/x", token)):
        bob.post(f"{path}/join", {"invite": value}, expect=404).is_error(404, "unknown_invite")
    bob.post(f"{hikers.path}/join", {"invite": ""}, expect=404).is_error(404, "unknown_group")


def test_only_owners_and_admins_make_see_and_revoke_them(hikers, relay):
    admin, member, stranger = (relay.sign_in() for _ in range(3))
    hikers.add(admin, "admin")
    hikers.add(member)
    token, invite = make(hikers, by=admin)
    assert [i["invite_id"] for i in links(hikers, admin)["invites"]] == [invite["invite_id"]]
    assert "token" not in links(hikers)["invites"][0]
    path = f"{hikers.path}/invites/{invite['invite_id']}"
    for user, status, error in ((member, 403, "not_group_admin"), (stranger, 404, "unknown_group")):
        make(hikers, by=user, expect=status).is_error(status, error)
        links(hikers, user, status).is_error(status, error)
        user.delete(path, expect=status).is_error(status, error)
    hikers.owner.delete(path, expect=200)
    hikers.owner.delete(path, expect=404).is_error(404, "unknown_invite")
    enter(hikers, stranger, token, 404)


@pytest.mark.parametrize("role", ["member", None])
def test_links_of_an_admin_who_is_none_any_more_are_over(hikers, relay, role):
    admin, bob = relay.sign_in(), relay.sign_in()
    hikers.add(admin, "admin")
    token, _ = make(hikers, by=admin)
    own, _ = make(hikers)
    if role:
        hikers.set_role(admin, role)
    else:
        hikers.remove(admin)
    enter(hikers, bob, token, 404)
    enter(hikers, bob, own)


def test_link_of_another_group_is_not_revoked_through_one_of_mine(hikers, relay):
    other = Group(relay.sign_in(), **PRIVATE)
    _, invite = make(other)
    hikers.owner.delete(f"{hikers.path}/invites/{invite['invite_id']}", expect=404).is_error(404, "unknown_invite")
    assert len(links(other)["invites"]) == 1


def test_group_that_is_full_takes_no_use(hikers, relay):
    token, _ = make(hikers)
    with relay.locked_database() as database:
        (row,) = database.execute("SELECT id FROM grp WHERE public_id = ?", (bytes.fromhex(hikers.id[4:]),)).fetchone()
        database.execute("UPDATE grp SET member_count = 1000 WHERE id = ?", (row,))
    enter(hikers, relay.sign_in(), token, 409).is_error(409, "group_full")
    assert links(hikers)["invites"][0]["uses_left"] == 1


def test_twenty_links_are_enough_and_revoking_makes_room(hikers):
    made = [make(hikers)[1] for _ in range(20)]
    make(hikers, expect=409).is_error(409, "too_many_invites")
    hikers.owner.delete(f"{hikers.path}/invites/{made[0]['invite_id']}", expect=200)
    make(hikers)
    assert len(links(hikers)["invites"]) == 20


def test_links_go_with_their_group(hikers, relay):
    token, _ = make(hikers)
    hikers.delete()
    enter(hikers, relay.sign_in(), token, 404)


# -- with an allow-list ----------------------------------------------------------------------------

def closed_relay(**settings):
    return Relay({"PCHAT_AUTH_ALLOWED_DOMAINS": "members.example", "PCHAT_ADMIN_EMAILS": "boss@members.example", **settings})


def test_link_of_a_relays_admin_leads_past_the_allow_list_into_the_group_for_one_use(built):
    with closed_relay() as relay:
        boss, other = relay.sign_in("boss@members.example"), relay.sign_in("ann@members.example")
        group = Group(boss, **PRIVATE)
        token, invite = make(group, uses=2)
        assert invite["admits"] is True
        email = unique() + "@elsewhere.example"
        guest = relay.client().with_token(join(relay, email, token)["session_token"])
        assert links(group)["invites"][0]["uses_left"] == 1
        enter(group, guest, token)
        assert links(group)["invites"][0]["uses_left"] == 1
        enter(group, other, token)
        assert links(group)["invites"] == []
        assert f"invite {invite['invite_id']}" in " ".join(
            f"{e['action']} {e['target']}" for e in boss.get("/api/v1/webchat/admin/audit", expect=200)["entries"])


def test_who_was_let_in_by_the_last_use_joins_and_only_while_the_link_is(built):
    with closed_relay() as relay:
        boss = relay.sign_in("boss@members.example")
        group = Group(boss, **PRIVATE)
        guests = []
        for _ in range(2):
            token, invite = make(group)
            guest = relay.client().with_token(join(relay, unique() + "@elsewhere.example", token)["session_token"])
            guests.append((guest, token, invite))
        enter(group, guests[0][0], guests[0][1])
        boss.delete(f"{group.path}/invites/{guests[1][2]['invite_id']}", expect=200)
        enter(group, guests[1][0], guests[1][1], 404)


@pytest.mark.parametrize("members_invite", [False, True])
def test_links_of_members_admit_only_where_the_operator_says_so(built, members_invite):
    with closed_relay(RELAY_MEMBERS_INVITE=str(members_invite).lower()) as relay:
        group = Group(relay.sign_in("ann@members.example"), **PRIVATE)
        token, invite = make(group)
        assert invite["admits"] is members_invite
        assert bool(ask(relay, unique() + "@elsewhere.example", token)) is members_invite


def test_admins_see_all_links_and_may_revoke_them(built):
    with closed_relay(RELAY_MEMBERS_INVITE="true") as relay:
        boss, ann = relay.sign_in("boss@members.example"), relay.sign_in("ann@members.example")
        group = Group(ann, **PRIVATE)
        token, invite = make(group)
        (listed,) = boss.get("/api/v1/webchat/admin/invites", expect=200)["invites"]
        assert listed == invite
        boss.delete(f"/api/v1/webchat/admin/invites/{invite['invite_id']}", expect=200)
        assert ask(relay, unique() + "@elsewhere.example", token) is None
