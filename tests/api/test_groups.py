"""Groups: making, seeing, listing, changing, deleting, and the directory of them."""
from urllib.parse import quote

import pytest

from groups import ASK, DIRECTORY, GROUPS, ME, OPEN, UNKNOWN_GROUP, Group, at_once, crew, group_of
from harness import unique

ROLES = ("owner", "admin", "writer", "member", "stranger")
DEFAULTS = {"description": "", "visibility": "private", "mode": "chat", "join_policy": "request"}
EVERYTHING = {"name": "Wandern 😀", "description": "Sundays.\nBring:\r\n\tbread", "visibility": "public", "mode": "stream",
              "join_policy": "open"}


# -- making ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("fields", [
    {"name": "Hikers"}, EVERYTHING, {"name": "x"}, {"name": "x" * 128}, {"name": "é" * 64}, {"name": "' OR 1=1 --\\%_"},
    {"name": "a", "description": "x" * 1024}, {"name": "a", "description": "é" * 512}, {"name": "a", "description": ""},
], ids=["name-only", "everything", "short", "longest", "longest-two-bytes", "odd", "described", "described-two-bytes", "empty"])
def test_new_group_is_as_it_was_asked_for(ann, fields):
    group = Group(ann, **fields)
    created_at = group.made["group"]["created_at"]
    assert group.made["group"] == {"group_id": group.id, **DEFAULTS, **fields, "member_count": 1, "role": "owner", "created_at": created_at}
    assert group.now() == group.made["group"]
    assert created_at >= ann.user["created_at"]


@pytest.mark.parametrize("field, value", [
    ("name", ""), ("name", "x" * 129), ("name", "é" * 64 + "x"), ("name", "a\nb"), ("name", "a\rb"), ("name", "a\x1bb"), ("name", "a\x7f"),
    ("description", "x" * 1025), ("description", "é" * 512 + "x"), ("visibility", "Public"), ("visibility", "secret"),
    ("mode", "radio"), ("mode", ""), ("join_policy", "closed"), ("join_policy", "OPEN"),
], ids=ascii)
def test_value_that_is_not_allowed_is_refused(ann, field, value):
    group = Group(ann)
    for method, path in (("POST", GROUPS), ("PATCH", group.path)):
        ann.call(method, path, {"name": "fine", field: value}, expect=400).is_error(400, "invalid_field", field=field)
    assert group.now() == group.made["group"]


def test_two_groups_of_one_name_are_two(ann, bob):
    assert len({Group(user, name="Same").id for user in (ann, ann, bob)}) == 3


def test_fields_that_only_the_relay_sets_are_ignored(ann):
    group = Group(ann, member_count=50, role="member", group_id=UNKNOWN_GROUP, created_at=1)
    assert (group.made["group"]["member_count"], group.made["group"]["role"]) == (1, "owner")
    assert group.id != UNKNOWN_GROUP


# -- seeing ----------------------------------------------------------------------------------------

def test_private_group_shows_to_its_members_with_their_role_only(relay):
    group, people = crew(relay)
    for role in ROLES[:4]:
        assert group.now(people[role]) == {**group.made["group"], "member_count": 4, "role": role}
    group.show(people["stranger"], 404).is_error(404, "unknown_group")


def test_public_group_shows_to_everybody_without_a_role(ann, bob):
    group = Group(ann, **ASK)
    assert "role" not in group.now(bob)
    assert {**group.now(bob), "role": "owner"} == group.now(ann)


PRIVATE_CALLS = [("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/join", None), ("POST", "/leave", None),
                 ("GET", "/requests", None), ("POST", "/requests/req_" + "0" * 32 + "/approve", None),
                 ("POST", "/requests/req_" + "0" * 32 + "/reject", None), ("GET", "/members", None),
                 ("POST", "/members", {"chat_address": "somebody"}), ("PATCH", "/members/somebody", {"role": "member"}),
                 ("DELETE", "/members/somebody", None)]


@pytest.mark.parametrize("method, suffix, body", PRIVATE_CALLS, ids=[f"{method}-{suffix[:18]}" for method, suffix, _ in PRIVATE_CALLS])
def test_private_group_of_others_responds_as_one_that_does_not_exist(ann, bob, method, suffix, body):
    group = Group(ann)
    foreign = bob.call(method, group.path + suffix, body, expect=404).is_error(404, "unknown_group")
    missing = bob.call(method, f"{GROUPS}/{UNKNOWN_GROUP}{suffix}", body, expect=404)
    assert foreign.json == missing.json


@pytest.mark.parametrize("name", ["grp_", "x", "grp_" + "0" * 31, "grp_" + "0" * 33, "grp_" + "G" * 32, "GRP_" + "0" * 32, "msg_" + "0" * 32])
def test_malformed_group_id_is_an_unknown_group(ann, name):
    ann.get(f"{GROUPS}/{name}", expect=404).is_error(404, "unknown_group")


def test_group_made_private_is_gone_for_others(ann, bob):
    group = group_of(ann, **OPEN)
    group.show(bob)
    group.change(visibility="private")
    group.show(bob, 404).is_error(404, "unknown_group")
    group.join(bob, expect=404).is_error(404, "unknown_group")


# -- listing ---------------------------------------------------------------------------------------

def listed(user, limit=50):
    """Ids of all pages of the caller's own groups, page by page."""
    pages, query = [], f"?limit={limit}"
    while query:
        response = user.get(GROUPS + query, expect=200)
        pages.append([group["group_id"] for group in response["groups"]])
        query = response["has_more"] and f"?limit={limit}&after={quote(response['after'])}"
    return pages


def test_list_holds_the_callers_own_groups_with_the_role(ann, bob):
    made, joined, _ = Group(ann), group_of(bob, ann), Group(bob, **OPEN)
    groups = ann.get(GROUPS, expect=200)["groups"]
    assert {group["group_id"]: group["role"] for group in groups} == {made.id: "owner", joined.id: "member"}
    assert all(group == ann.get(f"{GROUPS}/{group['group_id']}")["group"] for group in groups)


@pytest.mark.parametrize("limit, sizes", [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (200, [5])])
def test_list_pages_through_everything_once(ann, limit, sizes):
    made = {Group(ann).id for _ in range(5)}
    pages = listed(ann, limit)
    assert [len(page) for page in pages] == sizes
    assert {group for page in pages for group in page} == made


def test_order_of_the_list_is_the_same_whatever_the_page(ann):
    for _ in range(6):
        Group(ann)
    assert sum(listed(ann, 1), []) == sum(listed(ann, 4), []) == listed(ann)[0]


def test_list_goes_on_where_it_was_when_the_group_between_is_gone(ann):
    groups = {group.id: group for group in (Group(ann) for _ in range(4))}
    first = ann.get(f"{GROUPS}?limit=2", expect=200)
    seen = [group["group_id"] for group in first["groups"]]
    groups[seen[-1]].delete()
    rest = [group["group_id"] for group in ann.get(f"{GROUPS}?after={first['after']}", expect=200)["groups"]]
    assert not set(rest) & set(seen)


@pytest.mark.parametrize("query, field", [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("after=x", "after"),
                                          ("after=grp_x", "after"), ("after=%00", "after")])
def test_list_refuses_a_bad_page(ann, query, field):
    ann.get(f"{GROUPS}?{query}", expect=400).is_error(400, "invalid_field", field=field)


# -- changing --------------------------------------------------------------------------------------

@pytest.mark.parametrize("change", [{field: value} for field, value in EVERYTHING.items()] + [EVERYTHING, {}, {"unknown": 1}],
                         ids=[*EVERYTHING, "everything", "nothing", "unknown"])
def test_change_sets_what_it_names_and_nothing_else(ann, change):
    group = Group(ann, description="before")
    changed = group.change(**change)["group"]
    assert changed == {**group.made["group"], **{name: value for name, value in change.items() if name != "unknown"}}
    assert group.now() == changed


def test_description_can_be_taken_away(ann):
    group = Group(ann, description="before")
    assert group.change(description="")["group"]["description"] == ""


@pytest.mark.parametrize("role, code", [("owner", None), ("admin", None), ("writer", "not_group_admin"), ("member", "not_group_admin"),
                                        ("stranger", "not_group_admin")])
def test_change_is_for_owners_and_admins(relay, role, code):
    group, people = crew(relay, **ASK)
    if code:
        group.change(people[role], 403, name="New").is_error(403, code)
    else:
        group.change(people[role], name="New")
    assert group.now()["name"] == ("Hikers" if code else "New")


def test_everybody_in_the_group_is_notified_of_a_change(relay):
    group, people = crew(relay)
    cursors = {role: people[role].poll_all()[1] for role in ROLES}
    group.change(people["admin"], name="New")
    for role in ROLES:
        found = [(event["type"], event["chat_address"]) for event in group.events(people[role], cursors[role])]
        assert found == ([("updated", people["admin"].address)] if role != "stranger" else [])


# -- deleting --------------------------------------------------------------------------------------

@pytest.mark.parametrize("role", ["admin", "writer", "member", "stranger"])
def test_delete_is_for_owners_only(relay, role):
    group, people = crew(relay, **ASK)
    group.delete(people[role], 403).is_error(403, "not_group_owner")
    assert group.now()["member_count"] == 4


def test_second_owner_may_delete_too(ann, bob):
    group = group_of(ann, bob)
    group.set_role(bob, "owner")
    assert group.delete(bob)["status"] == "deleted"


def test_deleted_group_is_gone_for_everybody(relay):
    group, people = crew(relay, **OPEN)
    assert group.delete()["status"] == "deleted"
    for user in people.values():
        group.show(user, 404).is_error(404, "unknown_group")
        group.join(user, expect=404).is_error(404, "unknown_group")
        user.send(group.id, expect=404).is_error(404, "unknown_recipient", field="to")
        assert listed(user) == [[]]
        assert directory(user, group.id) is None
    group.delete(expect=404).is_error(404, "unknown_group")


def test_deleted_at_the_same_time_by_two_owners_is_deleted_once(ann, bob):
    group = group_of(ann, bob)
    group.set_role(bob, "owner")
    _, cursor = bob.poll_all()
    # either: both at once
    responses = at_once(*[lambda user=user: group.delete(user, expect=(200, 404)) for user in (ann, bob)])
    assert sorted(response.status for response in responses) == [200, 404]
    assert [event["type"] for event in group.events(bob, cursor)] == ["deleted"]


# -- directory -------------------------------------------------------------------------------------

def directory(user, group_id, q=""):
    """The directory's entry for a group, or None."""
    found = [group for group in user.get(f"{DIRECTORY}?q={quote(q)}", expect=200)["groups"] if group["group_id"] == group_id]
    assert len(found) <= 1, found
    return found[0] if found else None


@pytest.mark.parametrize("visibility, role, shown", [
    ("public", "owner", True), ("public", "member", True), ("public", "stranger", True),
    ("private", "owner", True), ("private", "member", True), ("private", "stranger", False)])
def test_directory_shows_public_groups_and_own_ones(relay, visibility, role, shown):
    name = unique("dir")
    group, people = crew(relay, "owner member", name=name, visibility=visibility)
    entry = directory(people[role], group.id, name)
    assert (entry is not None) is shown
    if shown:
        assert entry.get("role") == (None if role == "stranger" else role)
        assert (entry["name"], entry["visibility"], entry["member_count"]) == (name, visibility, 2)


@pytest.mark.parametrize("name, query", [
    ("Grace {mark} Club", "{mark}"), ("Grace {mark} Club", "GRACE {MARK}"), ("ÄRGER {mark}", "ärger {mark}"), ("100% {mark}", "100% {mark}"),
    ("c:\\{mark}", "\\{mark}"), ("o'{mark}", "'{mark}"), ("😀 {mark}", "😀 {mark}")],
    ids=["part", "case", "umlaut", "percent", "backslash", "quote", "emoji"])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_directory_search_matches_part_of_a_groups_name(ann, bob, visibility, name, query):
    mark = unique()
    group = group_of(ann, name=name.format(mark=mark), visibility=visibility)
    query = query.format(mark=mark, MARK=mark.upper())
    user = bob if visibility == "public" else ann
    assert directory(user, group.id, query) is not None
    assert directory(user, group.id, query + "x") is None


@pytest.mark.parametrize("query", ["{mark}%x", "{mark}_x", "%{mark}", "{mark}*x"])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_directory_search_of_groups_has_no_wildcards(ann, visibility, query):
    mark = unique()
    group = Group(ann, name=f"{mark}ZZx", visibility=visibility)
    assert directory(ann, group.id, query.format(mark=mark)) is None


def test_directory_etag_changes_with_a_group(ann, bob):
    mark = unique("etag")
    group = Group(ann, name=mark, **OPEN)
    path = f"{DIRECTORY}?q={mark}"
    for change in (lambda: group.change(description="new"), lambda: group.join(bob), lambda: group.change(visibility="private")):
        etag = bob.get(path, expect=200).headers["ETag"]
        bob.get(path, headers={"If-None-Match": etag}, expect=304)
        change()
        bob.get(path, headers={"If-None-Match": etag}, expect=200)


# -- accounts that go ------------------------------------------------------------------------------

@pytest.mark.parametrize("roles, joined, successor", [
    ("admin admin member", (3, 2, 1), 1), ("member member", (2, 1), 1), ("member admin", (1, 2), 1), ("writer admin member", (1, 3, 2), 1)],
    ids=["oldest-admin", "oldest-member", "admin-before-older-member", "admin-before-older-writer"])
def test_erased_last_owner_hands_over(relay, roles, joined, successor):
    ann, others = relay.sign_in(), [relay.sign_in() for _ in joined]
    group = Group(ann)
    for user, role in zip(others, roles.split()):
        group.add(user, role)
    with relay.locked_database() as link:
        for user, when in zip(others, joined):
            link.execute("UPDATE grp_member SET joined_at = ? WHERE account_id = (SELECT id FROM account WHERE chat_address = ?)",
                         (1700000000000 + when, user.address))
    ann.delete(ME, expect=200)
    wanted = {user.address: "owner" if index == successor else role for index, (user, role) in enumerate(zip(others, roles.split()))}
    assert group.members(others[successor]) == wanted
    assert group.now(others[successor])["member_count"] == len(others)


def test_erased_owner_beside_another_changes_no_roles(relay, ann, bob):
    carl = relay.sign_in()
    group = group_of(ann, bob, carl)
    group.set_role(carl, "owner")
    ann.delete(ME, expect=200)
    assert group.members(carl) == {bob.address: "member", carl.address: "owner"}


def test_erased_only_member_takes_the_group_along(ann, bob):
    group = Group(ann, **OPEN)
    ann.delete(ME, expect=200)
    group.show(bob, 404).is_error(404, "unknown_group")


def test_erased_member_is_out_and_not_counted(ann, bob):
    group = group_of(ann, bob)
    bob.delete(ME, expect=200)
    assert group.members() == {ann.address: "owner"}
    assert group.now()["member_count"] == 1


def test_erased_requester_asks_no_more(ann, bob):
    group = Group(ann, **ASK)
    request_id = group.ask(bob)
    bob.delete(ME, expect=200)
    assert group.requests()["requests"] == []
    group.decide(request_id, "approve", expect=404).is_error(404, "unknown_request")


def test_export_names_the_callers_groups(ann, bob):
    group = group_of(bob, ann)
    groups = ann.get("/api/v1/pchat/auth/export", expect=200)["groups"]
    assert groups == [group.now(ann)]
