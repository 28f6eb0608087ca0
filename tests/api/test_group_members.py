"""Members of groups: joining, asking to, leaving, roles, putting out, and the limit."""
from itertools import product

import pytest

from groups import ASK, OPEN, UNKNOWN_REQUEST, Group, at_once, crew, fill_up, group_of, rows, send, fact_of
from harness import unique

RANK = {"stranger": -1, "member": 0, "writer": 1, "admin": 2, "owner": 3}
IN_GROUP = ("owner", "admin", "writer", "member")


def types(events):
    return [event["type"] for event in events]


# -- joining ---------------------------------------------------------------------------------------

def test_open_group_is_joined_at_once(ann, bob):
    group = Group(ann, **OPEN)
    assert group.join(bob)["status"] == "member"
    assert group.members(bob) == {ann.address: "owner", bob.address: "member"}
    assert (group.now(bob)["role"], group.now(bob)["member_count"]) == ("member", 2)


@pytest.mark.parametrize("fields", [OPEN, ASK, {"visibility": "private"}], ids=["open", "request", "private"])
def test_member_who_joins_again_stays_what_he_is(ann, bob, fields):
    group = Group(ann, **fields)
    group.add(bob, "writer")
    for user in (ann, bob):
        assert group.join(user)["status"] == "member"
    assert group.members() == {ann.address: "owner", bob.address: "writer"}
    assert group.now()["member_count"] == 2


def test_private_group_cannot_be_joined_however_open(ann, bob):
    group = Group(ann, join_policy="open")
    group.join(bob, expect=404).is_error(404, "unknown_group")
    assert group.now()["member_count"] == 1


def test_joining_many_times_at_once_makes_one_member(ann, bob):
    group = Group(ann, **OPEN)
    responses = at_once(*[lambda: group.join(bob)] * 6)
    assert {response["status"] for response in responses} == {"member"}
    assert group.now()["member_count"] == 2
    assert types(group.events(ann)) == ["joined"]


# -- asking ----------------------------------------------------------------------------------------

def test_request_waits_and_is_listed(ann, bob):
    group = Group(ann, **ASK)
    response = group.join(bob, expect=202)
    assert response["status"] == "requested"
    [entry] = group.requests()["requests"]
    assert (entry["request_id"], entry["chat_address"], entry["display_name"]) == (response["request_id"], bob.address, "Bob")
    assert bob.address not in group.members()


def test_asking_again_is_the_same_request(ann, bob):
    group = Group(ann, **ASK)
    ids = {group.ask(bob) for _ in range(3)} | {response["request_id"] for response in at_once(*[lambda: group.join(bob, 202)] * 4)}
    assert len(ids) == 1
    assert types(group.events(ann)) == ["requested"]


def test_requests_are_listed_oldest_first(relay, ann):
    group = Group(ann, **ASK)
    ids = [group.ask(relay.sign_in()) for _ in range(4)]
    assert [entry["request_id"] for entry in group.requests()["requests"]] == ids


def test_request_is_decided_however_many_wait_before_it(relay, ann, bob):
    group = Group(ann, **ASK)
    with relay.locked_database() as link:
        [group_id] = link.execute("SELECT id FROM grp WHERE public_id = ?", (bytes.fromhex(group.id[4:]),)).fetchone()
        for number in range(250):
            name = unique("w")
            [account_id] = link.execute(
                "INSERT INTO account (email, chat_address, display_name, search_key, language, role, public_visible, hidden, blocked,"
                " delivered_seq, created_at) VALUES (?, ?, '', '', '', 0, 0, 0, 0, 0, 1) RETURNING id", (name, name)).fetchone()
            link.execute("INSERT INTO join_request (public_id, group_id, account_id, created_at) VALUES (randomblob(16), ?, ?, ?)",
                         (group_id, account_id, 1700000000000 + number))
    request_id = group.ask(bob)
    assert len(group.requests()["requests"]) >= 200
    group.decide(request_id, "approve")
    assert group.members(bob)[bob.address] == "member"


def test_request_reaches_owners_and_admins_with_both_actions(relay):
    group, people = crew(relay, **ASK)
    cursors = {role: people[role].poll_all()[1] for role in IN_GROUP}
    request_id = group.ask(people["stranger"])
    for role in IN_GROUP:
        items = group.items(people[role], cursors[role])
        assert len(items) == (RANK[role] >= RANK["admin"]), role
        for item in items:
            assert (item["from"], item["kind"], item["to"]) == ("relay", "system", group.id)
            assert fact_of(item) == {"type": "requested", "chat_address": people["stranger"].address}
            assert item["actions"] == [
                {"label": label, "method": "POST", "path": f"{group.path}/requests/{request_id}/{label.lower()}"}
                for label in ("Approve", "Reject")]


def test_pressing_approve_lets_the_one_who_asked_in(ann, bob):
    group = Group(ann, **ASK)
    group.ask(bob)
    [item] = group.items(ann)
    action = item["actions"][0]
    assert ann.call(action["method"], action["path"], expect=200)["status"] == "approved"
    assert group.members(bob)[bob.address] == "member"


@pytest.mark.parametrize("verb, status, inside", [("approve", "approved", True), ("reject", "rejected", False)])
def test_who_asked_is_notified_of_the_decision(ann, bob, verb, status, inside):
    group = Group(ann, **ASK)
    assert group.decide(group.ask(bob), verb)["status"] == status
    assert (bob.address in group.members()) is inside
    assert group.requests()["requests"] == []
    events = group.events(bob)
    assert [event for event in events if event["type"] != "joined"] == [{"type": status, "chat_address": bob.address}]
    assert status not in types(group.events(ann))


@pytest.mark.parametrize("first, second", product(["approve", "reject"], repeat=2))
def test_request_is_decided_once(ann, bob, first, second):
    group = Group(ann, **ASK)
    request_id = group.ask(bob)
    group.decide(request_id, first)
    group.decide(request_id, second, expect=404).is_error(404, "unknown_request")
    assert group.now()["member_count"] == 1 + (first == "approve")


def test_rejected_person_may_ask_again(ann, bob):
    group = Group(ann, **ASK)
    first = group.ask(bob)
    group.decide(first, "reject")
    second = group.ask(bob)
    assert second != first
    group.decide(second, "approve")
    assert group.members(bob)[bob.address] == "member"


@pytest.mark.parametrize("verbs", [("approve", "approve"), ("approve", "reject"), ("reject", "reject")], ids="-and-".join)
def test_two_decisions_at_once_are_one(relay, ann, bob, verbs):
    carl = relay.sign_in()
    group = Group(ann, **ASK)
    group.add(carl, "admin")
    request_id = group.ask(bob)
    # either: both at once for one request
    calls = [lambda user=user, verb=verb: group.decide(request_id, verb, user, (200, 404)) for user, verb in zip((ann, carl), verbs)]
    responses = at_once(*calls)
    assert sorted(response.status for response in responses) == [200, 404]
    [status] = [response["status"] for response in responses if response.status == 200]
    assert list(group.members()).count(bob.address) == (status == "approved")
    assert group.now()["member_count"] == 2 + (status == "approved")
    assert types(group.events(bob)).count(status) == 1
    assert types(group.events(carl)).count("joined") == 1 + (status == "approved")


def test_somebody_added_while_he_asks_has_no_request_any_more(ann, bob):
    group = Group(ann, **ASK)
    request_id = group.ask(bob)
    group.add(bob)
    assert group.requests()["requests"] == []
    group.decide(request_id, "reject", expect=404).is_error(404, "unknown_request")
    assert bob.address in group.members()


def test_request_of_another_group_is_unknown(ann, bob):
    group, other = Group(ann, **ASK), Group(ann, **ASK)
    request_id = other.ask(bob)
    for verb in ("approve", "reject"):
        for name in (request_id, UNKNOWN_REQUEST, "req_", "x"):
            group.decide(name, verb, expect=404).is_error(404, "unknown_request")
    assert len(other.requests()["requests"]) == 1


@pytest.mark.parametrize("role", ["writer", "member", "stranger"])
def test_requests_are_for_owners_and_admins(relay, ann, role):
    group, people = crew(relay, **ASK)
    request_id = group.ask(ann)
    group.requests(people[role], 403).is_error(403, "not_group_admin")
    for verb in ("approve", "reject"):
        group.decide(request_id, verb, people[role], 403).is_error(403, "not_group_admin")
    assert ann.address not in group.members()


def test_one_who_asked_cannot_let_himself_in(ann, bob):
    group = Group(ann, **ASK)
    group.decide(group.ask(bob), "approve", bob, 403).is_error(403, "not_group_admin")
    assert group.now()["member_count"] == 1


# -- leaving ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("role", ["admin", "writer", "member"])
def test_member_leaves(relay, role):
    group, people = crew(relay)
    assert group.leave(people[role])["status"] == "left"
    assert people[role].address not in group.members()
    assert group.now()["member_count"] == 3
    group.show(people[role], 404).is_error(404, "unknown_group")
    group.leave(people[role], 404).is_error(404, "unknown_group")


def test_leaving_a_public_group_that_one_is_not_in_is_404(ann, bob):
    group = Group(ann, **OPEN)
    group.leave(bob, 404).is_error(404, "unknown_member")


def test_last_owner_cannot_leave_others_behind(relay):
    group, people = crew(relay)
    group.leave(people["owner"], 409).is_error(409, "last_owner")
    assert group.members()[people["owner"].address] == "owner"


def test_last_owner_leaves_after_handing_over(ann, bob):
    group = group_of(ann, bob)
    group.set_role(bob, "owner")
    assert group.leave(ann)["status"] == "left"
    assert group.members(bob) == {bob.address: "owner"}


def test_only_member_leaves_and_the_group_is_gone(ann, bob):
    group = Group(ann, **OPEN)
    assert group.leave(ann)["status"] == "deleted"
    for user in (ann, bob):
        group.show(user, 404).is_error(404, "unknown_group")


def test_two_owners_who_leave_at_once_leave_one_behind(relay, ann, bob):
    carl = relay.sign_in()
    group = group_of(ann, bob, carl)
    group.set_role(bob, "owner")
    # either: both at once; the last owner stays
    responses = at_once(*[lambda user=user: group.leave(user, (200, 409)) for user in (ann, bob)])
    assert sorted(response.status for response in responses) == [200, 409]
    assert sorted(group.members(carl).values()) == ["member", "owner"]


def test_two_owners_who_unmake_each_other_leave_one_behind(relay, ann, bob):
    carl = relay.sign_in()
    group = group_of(ann, bob, carl)
    group.set_role(bob, "owner")
    # either: both at once; the first may make the second no owner
    at_once(lambda: group.set_role(bob, "member", ann, (200, 403)), lambda: group.set_role(ann, "member", bob, (200, 403)))
    assert sorted(group.members(carl).values()) == ["member", "member", "owner"]


# -- adding ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("by, role", product(RANK, ["member", "writer", "admin", "owner"]))
def test_who_may_add_in_which_role(relay, ann, by, role):
    group, people = crew(relay, **ASK)
    allowed = RANK[by] >= RANK["admin"] and (RANK[role] < RANK["admin"] or by == "owner")
    response = group.add(ann, role, people[by], 200 if allowed else 403)
    if not allowed:
        response.is_error(403, "not_group_owner", "not_group_admin")
    assert group.members().get(ann.address) == (role if allowed else None)


def test_somebody_is_added_as_a_member_when_no_role_is_named(ann, bob):
    group = Group(ann)
    assert group.add(bob)["status"] == "member"
    assert group.members()[bob.address] == "member"


def test_adding_a_member_again_changes_nothing(ann, bob):
    group = group_of(ann, bob)
    group.set_role(bob, "writer")
    _, cursor = ann.poll_all()
    for role in (None, "member", "admin"):
        assert group.add(bob, role)["status"] == "member"
    assert group.members()[bob.address] == "writer"
    assert group.now()["member_count"] == 2 and group.events(ann, cursor) == []


@pytest.mark.parametrize("address", ["nobody-here", "relay", "grp_" + "0" * 32, "x" * 64, "😀", "' OR 1=1"])
def test_adding_nobody_is_404(ann, address):
    group = Group(ann)
    group.add(address, expect=404).is_error(404, "unknown_recipient", field="chat_address")
    assert group.now()["member_count"] == 1


# -- roles -----------------------------------------------------------------------------------------

def may_set(by, before, after):
    """Whether someone in the role `by` may make `before` into `after` (None: out)."""
    if by == "admin":
        return RANK[before] < RANK["admin"] and (after is None or RANK[after] < RANK["admin"])
    return by == "owner"


@pytest.mark.parametrize("by, before, after", product(RANK, IN_GROUP, [*IN_GROUP, None]))
def test_who_may_give_which_role_to_whom_or_put_him_out(relay, ann, by, before, after):
    group, people = crew(relay, **ASK)
    group.add(ann, before)
    allowed = may_set(by, before, after)
    status = 200 if allowed else 403
    response = group.set_role(ann, after, people[by], status) if after else group.remove(ann, people[by], status)
    if not allowed:
        response.is_error(403, "not_group_owner" if by == "admin" else "not_group_admin")
    elif after:
        assert (response["chat_address"], response["role"]) == (ann.address, after)
    else:
        assert response["status"] == "removed"
    assert group.members().get(ann.address) == (after if allowed else before)
    assert group.now()["member_count"] == 4 + (not allowed or after is not None)


@pytest.mark.parametrize("role", ["admin", "writer", "member"])
def test_last_owner_cannot_step_down(ann, bob, role):
    group = group_of(ann, bob)
    group.set_role(ann, role, expect=409).is_error(409, "last_owner")
    assert group.members()[ann.address] == "owner"


def test_last_owner_cannot_be_put_out(ann, bob):
    group = group_of(ann, bob)
    group.remove(ann, expect=409).is_error(409, "last_owner")


def test_owner_steps_down_beside_another(ann, bob):
    group = group_of(ann, bob)
    group.set_role(bob, "owner")
    group.set_role(ann, "member")
    assert group.members() == {ann.address: "member", bob.address: "owner"}
    group.change(ann, 403, name="x").is_error(403, "not_group_admin")


def test_role_of_nobody_is_404(relay, ann, bob):
    group = group_of(ann, **ASK)
    for address in (bob.address, "nobody-here", "relay", "%27", "x" * 64):
        group.set_role(address, "writer", expect=404).is_error(404, "unknown_member")
        group.remove(address, expect=404).is_error(404, "unknown_member")


def test_demoted_admin_may_do_nothing_more(ann, bob):
    group = group_of(ann)
    group.add(bob, "admin")
    group.change(bob, name="By Bob")
    group.set_role(bob, "member")
    group.change(bob, 403, name="Again").is_error(403, "not_group_admin")
    assert group.now()["name"] == "By Bob"


# -- the list --------------------------------------------------------------------------------------

def test_list_shows_name_role_and_time_in_order_of_address(relay):
    group, people = crew(relay)
    response = people["member"].get(f"{group.path}/members", expect=200)
    wanted = sorted((people[role].address, role.title(), role) for role in IN_GROUP)
    assert [(member["chat_address"], member["display_name"], member["role"]) for member in response["members"]] == wanted
    assert all(member["joined_at"] >= group.made["group"]["created_at"] for member in response["members"])
    assert response["has_more"] is False


@pytest.mark.parametrize("limit, sizes", [(1, [1] * 4), (3, [3, 1]), (4, [4])])
def test_list_pages_through_everybody_once(relay, limit, sizes):
    group, people = crew(relay)
    pages, query = [], f"?limit={limit}"
    while query:
        response = group.owner.get(f"{group.path}/members{query}", expect=200)
        pages.append([member["chat_address"] for member in response["members"]])
        query = response["has_more"] and f"?limit={limit}&after={response['after']}"
    assert [len(page) for page in pages] == sizes
    assert sum(pages, []) == sorted(people[role].address for role in IN_GROUP)


@pytest.mark.parametrize("query, field", [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("after=%00", "after")])
def test_list_refuses_a_bad_page(ann, query, field):
    ann.get(f"{Group(ann).path}/members?{query}", expect=400).is_error(400, "invalid_field", field=field)


@pytest.mark.parametrize("fields, code", [(OPEN, "unknown_member"), ({}, "unknown_group")], ids=["public", "private"])
def test_list_is_for_members_only(ann, bob, fields, code):
    group = Group(ann, **fields)
    bob.get(f"{group.path}/members", expect=404).is_error(404, code)


# -- the limit -------------------------------------------------------------------------------------

@pytest.fixture(name="almost_full")
def group_with_999_members(relay):
    group = Group(relay.sign_in(), **OPEN)
    fill_up(relay, group, 999)
    return group


def test_thousandth_member_gets_in_and_two_more_at_once_do_not(relay, almost_full):
    users = [relay.sign_in() for _ in range(3)]
    # either: several at once for one place
    responses = at_once(*[lambda user=user: almost_full.join(user, (200, 409)) for user in users])
    assert sorted(response.status for response in responses) == [200, 409, 409]
    assert almost_full.now()["member_count"] == 1000
    for user, response in zip(users, responses):
        assert almost_full.now(user).get("role") == ("member" if response.status == 200 else None)


def test_full_group_takes_nobody_in_any_way_until_somebody_leaves(almost_full, ann, bob):
    group = almost_full
    group.change(join_policy="request")
    request_id = group.ask(bob)
    group.change(join_policy="open")
    group.join(ann)
    for response in (group.join(bob, 409), group.add(bob, expect=409), group.decide(request_id, "approve", expect=409)):
        response.is_error(409, "group_full")
    assert [entry["request_id"] for entry in group.requests()["requests"]] == [request_id]
    group.leave(ann)
    assert group.decide(request_id, "approve")["status"] == "approved"
    assert (group.now()["member_count"], group.requests()["requests"]) == (1000, [])


def test_member_of_a_full_group_learns_that_they_are_one(almost_full, ann):
    almost_full.join(ann)
    assert almost_full.join(ann)["status"] == "member"
    assert almost_full.add(ann)["status"] == "member"


def test_message_to_a_thousand_members_is_stored_once(relay, almost_full, ann):
    almost_full.join(ann)
    text = unique("thousand-")
    message_id = send(ann, almost_full, text)
    assert almost_full.texts(almost_full.owner) == [text]
    assert len(rows(relay, "SELECT 1 FROM content_key k JOIN message m ON m.id = k.id WHERE m.public_id = ?",
                    bytes.fromhex(message_id[4:]))) == 1
    assert len(ann.receipts(message_id)[message_id]["recipients"]) == 999


def test_full_list_of_members_pages_through_everybody_once(almost_full):
    found, query = [], "?limit=200"
    while query:
        response = almost_full.owner.get(f"{almost_full.path}/members{query}", expect=200)
        found += [member["chat_address"] for member in response["members"]]
        query = response["has_more"] and f"?limit=200&after={response['after']}"
    assert len(found) == len(set(found)) == 999 and found == sorted(found)
