"""What the tests of groups share: a group to act on, and people in it with each role."""
from threading import Barrier, Thread

GROUPS = "/api/v1/webchat/groups"
INVITES = "/api/v1/webchat/invites"
DIRECTORY = "/api/v1/webchat/directory"
MESSAGES = "/api/v1/messages"
ME = "/api/v1/pchat/auth/me"
OPEN = {"visibility": "public", "join_policy": "open"}
ASK = {"visibility": "public", "join_policy": "request"}
UNKNOWN_GROUP = "grp_" + "0" * 32
UNKNOWN_REQUEST = "req_" + "0" * 32


class Group:
    """One group; what nobody is named for, its owner does."""

    def __init__(self, owner, **fields):
        self.owner = owner
        self.made = owner.post(GROUPS, {"name": "Hikers", **fields}, expect=200).json
        self.id = self.made["group_id"]
        self.path = f"{GROUPS}/{self.id}"

    def show(self, user=None, expect=200):
        return (user or self.owner).get(self.path, expect=expect)

    def now(self, user=None):
        """The group as the user sees it."""
        return self.show(user)["group"]

    def change(self, by=None, expect=200, **fields):
        return (by or self.owner).patch(self.path, fields, expect=expect)

    def delete(self, by=None, expect=200):
        return (by or self.owner).delete(self.path, expect=expect)

    def join(self, user, expect=200):
        return user.post(f"{self.path}/join", expect=expect)

    def leave(self, user, expect=200):
        return user.post(f"{self.path}/leave", expect=expect)

    def invite(self, user, role=None, by=None, expect=202):
        body = {"chat_address": address_of(user), **({"role": role} if role else {})}
        return (by or self.owner).post(f"{self.path}/members", body, expect=expect)

    def add(self, user, role=None, by=None, expect=200):
        """Invite somebody who accepts."""
        # either: a member already, or one who asked to join, is in without an invitation
        response = self.invite(user, role, by, expect=(200, 202) if expect == 200 else expect)
        return accept(user, self.id) if response.status == 202 else response

    def set_role(self, user, role, by=None, expect=200):
        return (by or self.owner).patch(f"{self.path}/members/{address_of(user)}", {"role": role}, expect=expect)

    def remove(self, user, by=None, expect=200):
        return (by or self.owner).delete(f"{self.path}/members/{address_of(user)}", expect=expect)

    def members(self, user=None):
        """{chat address: role} of the first page."""
        response = (user or self.owner).get(f"{self.path}/members?limit=200", expect=200)
        return {member["chat_address"]: member["role"] for member in response["members"]}

    def requests(self, by=None, expect=200):
        return (by or self.owner).get(f"{self.path}/requests", expect=expect)

    def ask(self, user):
        """Ask to join; returns the request's id."""
        return self.join(user, expect=202)["request_id"]

    def decide(self, request_id, verb, by=None, expect=200):
        return (by or self.owner).post(f"{self.path}/requests/{request_id}/{verb}", expect=expect)

    def items(self, user, cursor=""):
        """What the user's stream holds of this group."""
        return [item for item in user.poll_all(cursor)[0]
                if item.get("group_id") == self.id and item.get("event", {}).get("type") != "invited"]

    def texts(self, user, cursor=""):
        """The texts that people wrote to this group."""
        return [item["text"] for item in self.items(user, cursor) if item["kind"] != "system"]

    def events(self, user, cursor=""):
        """The events of this group."""
        return [fact_of(item) for item in self.items(user, cursor) if item["kind"] == "system"]


def fact_of(item):
    """What every client knows of an event: what, whom, and the role."""
    return {name: value for name, value in item["event"].items() if name in ("type", "chat_address", "role")}


def invites(user):
    """The invitations that wait for the user's answer."""
    return user.get(INVITES + "?limit=200", expect=200)["invites"]


def accept(user, group_id=None, expect=200):
    """Accept the invitation to that group, or the only one."""
    [found] = [each for each in invites(user) if group_id in (None, each["group"]["group_id"])]
    return user.post(f"{INVITES}/{found['invite_id']}/accept", expect=expect)


def address_of(user):
    return user if isinstance(user, str) else user.address


def crew(relay, roles="owner admin writer member", **fields):
    """(group, {role: user}): a group with a member of each role, and a stranger."""
    people = {role: relay.sign_in(display_name=role.title()) for role in roles.split()}
    group = Group(people["owner"], **fields)
    for role, user in people.items():
        if role != "owner":
            group.add(user, role.rstrip("0123456789"))
    people["stranger"] = relay.sign_in()
    return group, people


def group_of(owner, *members, **fields):
    """A group of the owner with plain members."""
    group = Group(owner, **fields)
    for user in members:
        group.add(user)
    return group


def show(user, message_id, expect=200):
    return user.get(f"{MESSAGES}/{message_id}", expect=expect)


def send(user, group, text="Hello", **fields):
    """Send to the group; returns the id."""
    return user.send(group.id, text, **fields)["message_id"]


def at_once(*calls):
    """Run all calls at the same time; returns what they returned, and raises what they raised."""
    barrier, responses, errors = Barrier(len(calls)), [None] * len(calls), []

    def run(index, call):
        try:
            barrier.wait(20)
            responses[index] = call()
        except BaseException as error:  # pylint: disable=broad-exception-caught
            errors.append(error)

    threads = [Thread(target=run, args=found) for found in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return responses


def rows(relay, query, *values):
    """What the database holds."""
    with relay.opened_database() as link:
        return link.execute(query, values).fetchall()


def fill_up(relay, group, size):
    """Put made-up people into the group until it has that many members."""
    with relay.locked_database() as link:
        [(group_id, count)] = link.execute(
            "SELECT id, member_count FROM grp WHERE public_id = ?", (bytes.fromhex(group.id[4:]),)).fetchall()
        for number in range(size - count):
            [account_id] = link.execute(
                "INSERT INTO account (email, chat_address, display_name, search_key, language, role, public_visible, hidden,"
                " blocked, delivered_seq, created_at) VALUES (?, ?, '', '', '', 0, 0, 0, 0, 0, 1700000000000) RETURNING id",
                (f"{group.id}-{number}@example.com", f"z{group.id[4:]}{number:04d}")).fetchone()
            link.execute("INSERT INTO grp_member VALUES (?, ?, 0, 1700000000000)", (group_id, account_id))
        link.execute("UPDATE grp SET member_count = ? WHERE id = ?", (size, group_id))
