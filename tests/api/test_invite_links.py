"""Invite links: who has one signs in past the allow-list, so often, so long, and only with a mailbox of their own."""
import json
import re

import pytest

from harness import unique

INVITES, REQUEST = "/api/v1/webchat/admin/invites", "/api/v1/pchat/auth/request-code"


@pytest.fixture(name="closed", scope="module")
def relay_with_an_allow_list(built):
    from harness import Relay
    with Relay({"PCHAT_AUTH_ALLOWED_DOMAINS": "members.example", "PCHAT_ADMIN_EMAILS": "boss@members.example"}) as relay:
        yield relay


@pytest.fixture(name="boss", scope="module")
def its_admin(closed):
    return closed.sign_in("boss@members.example")


def stranger():
    return unique() + "@elsewhere.example"


def ask(relay, email, invite):
    """The code that the response holds, or None: who may not sign in gets the same response without one."""
    response = relay.client().post(REQUEST, {"email": email, "invite": invite}, expect=202)
    assert response["status"] == "code_sent"
    return response.json.get("dev_code")


def join(relay, email, invite):
    code = ask(relay, email, invite)
    return code and relay.client().post("/api/v1/pchat/auth/verify-code", {"email": email, "code": code}, expect=200)


def make(boss, **fields):
    response = boss.post(INVITES, fields, expect=200)
    return response["token"], response["invite"]


def open_links(boss):
    return {invite["invite_id"]: invite["uses_left"] for invite in boss.get(INVITES, expect=200)["invites"]}


def test_bearer_of_a_link_signs_in_and_may_come_back_without_it(closed, boss):
    token, invite = make(boss)
    email = stranger()
    assert ask(closed, email, "") is None
    assert join(closed, email, token)
    assert closed.client().post(REQUEST, {"email": email}, expect=202)["dev_code"]
    assert invite["invite_id"] not in open_links(boss)


def test_link_is_good_for_so_many_addresses_and_each_counts_once(closed, boss):
    token, invite = make(boss, uses=2)
    first, second, third = stranger(), stranger(), stranger()
    assert ask(closed, first, token) and ask(closed, first, token)
    assert open_links(boss)[invite["invite_id"]] == 1
    assert join(closed, second, token)
    assert ask(closed, third, token) is None


def test_who_may_sign_in_anyway_takes_no_use(closed, boss):
    token, invite = make(boss)
    assert ask(closed, unique() + "@members.example", token)
    assert open_links(boss)[invite["invite_id"]] == 1


def test_revoked_link_lets_nobody_in_and_who_is_in_stays(closed, boss):
    token, invite = make(boss, uses=5)
    inside = stranger()
    assert join(closed, inside, token)
    boss.delete(f"{INVITES}/{invite['invite_id']}", expect=200)
    boss.delete(f"{INVITES}/{invite['invite_id']}", expect=404).is_error(404, "unknown_invite")
    assert ask(closed, stranger(), token) is None
    assert closed.client().post(REQUEST, {"email": inside}, expect=202)["dev_code"]


def test_link_ends_with_its_days(closed, boss):
    token, invite = make(boss, days=3)
    assert invite["expires_at"] - invite["created_at"] == 3 * 86400000
    with closed.locked_database() as link:
        link.execute("UPDATE admission SET expires_at = 1 WHERE hex(public_id) = ?", (invite["invite_id"][4:].upper(),))
    assert invite["invite_id"] not in open_links(boss)
    assert ask(closed, stranger(), token) is None


@pytest.mark.parametrize("invite", ["x", "pci_" + "A" * 43, "pct_" + "A" * 43])
def test_made_up_link_is_as_good_as_none(closed, invite):
    assert ask(closed, stranger(), invite) is None


def test_address_that_an_admin_denied_stays_denied(closed, boss):
    email = stranger()
    ask(closed, email, "")
    [request] = [entry for entry in boss.get("/api/v1/webchat/admin/access-requests")["requests"] if entry["email"] == email]
    boss.post(f"/api/v1/webchat/admin/access-requests/{request['request_id']}/deny", expect=200)
    token, invite = make(boss)
    assert ask(closed, email, token) is None and open_links(boss)[invite["invite_id"]] == 1


def test_token_is_stored_nowhere_and_the_audit_names_the_link_only(closed, boss):
    token, invite = make(boss)
    assert ask(closed, stranger(), token)
    assert closed.files_holding(token.encode()) == [] and token not in closed.stderr
    entries = boss.get("/api/v1/webchat/admin/audit?limit=5")["entries"]
    assert ("invite", invite["invite_id"]) in [(entry["action"], entry["target"]) for entry in entries]


def test_there_is_an_end_to_links(closed, boss):
    with closed.locked_database() as link:
        link.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO admission "
                     "(public_id, token_hash, uses_left, created_at, expires_at) SELECT randomblob(16), randomblob(32), 1, 1600000000000, 4102444800000 FROM n")
    try:
        boss.post(INVITES, {}, expect=409).is_error(409, "too_many_invites")
        page = boss.get(f"{INVITES}?limit=200", expect=200)
        assert len(page["invites"]) == 200 and page["has_more"]
        assert boss.get(f"{INVITES}?limit=200&after={page['after']}")["invites"][0] not in page["invites"]
    finally:
        with closed.locked_database() as link:
            link.execute("DELETE FROM admission WHERE created_at = 1600000000000")


def test_relayctl_makes_lists_and_revokes_and_prints_the_launch_link(closed, boss):
    link = closed.ctl("invite", "--uses", "3", "--days", "1", "--url", "https://chat.example.com/").stdout.strip()
    found = re.fullmatch(r"https://chat\.example\.com/app/webchat/chat\.html#relay=https%3A%2F%2Fchat\.example\.com&mode=private&invite=(pci_.*)", link)
    assert found, link
    assert join(closed, stranger(), found.group(1))
    [entry] = [entry for entry in json.loads(closed.ctl("invite", "list", "--json").stdout) if entry["uses_left"] == 2]
    assert entry["invite_id"] in closed.ctl("invite", "list").stdout
    assert closed.url in closed.ctl("invite").stdout.replace("%3A", ":").replace("%2F", "/")
    closed.ctl("invite", "delete", entry["invite_id"])
    assert ask(closed, stranger(), found.group(1)) is None
    assert "invite list" in closed.ctl("invite", "delete", entry["invite_id"], expect=1).stderr


@pytest.mark.parametrize("words", [["--uses"], ["--uses", "0"], ["--days", "366"], ["--uses", "1x"], ["--url", "chat"], ["x"], ["--json"],
                                   ["list", "x"], ["delete"]])
def test_wrong_use_of_relayctl_is_one_line(closed, words):
    done = closed.ctl("invite", *words, expect=2)
    assert len(done.stderr.splitlines()) == 1 and not done.stdout
