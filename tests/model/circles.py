"""Groups as the model has them: roles, invitations, requests to join, and what the members are told of it."""
from dataclasses import dataclass, field

from world import Account, Message, World

MEMBER, WRITER, ADMIN, OWNER = range(4)
ROLES = ("member", "writer", "admin", "owner")


@dataclass(eq=False)
class Invite:
    by: Account
    role: int
    declined: bool = False


@dataclass(eq=False)
class Group:
    name: str
    number: int
    public: bool
    open: bool
    one_way: bool
    title: str = ""
    roles: dict = field(default_factory=dict)  # in the order of joining
    invites: dict = field(default_factory=dict)
    requests: dict = field(default_factory=dict)

    def may_write(self, account):
        """None, or the status of the refusal."""
        if account not in self.roles:
            return 404
        return 403 if self.one_way and self.roles[account] < WRITER else None

    def refused(self, account, need):
        """None, or the status of the refusal to whoever has no such role."""
        role = self.roles.get(account, -1)
        if role < 0 and not self.public:
            return 404
        if role >= need:
            return None
        return 404 if need == MEMBER else 403

    def is_last_owner(self, account):
        return self.roles.get(account) == OWNER and list(self.roles.values()).count(OWNER) == 1

    def forget(self, account):
        self.roles.pop(account, None)
        self.invites.pop(account, None)
        self.requests.pop(account, None)
        self.take_back(account, declined_too=True)

    def take_back(self, inviter, declined_too=False):
        """Invitations of somebody who may invite no more."""
        self.invites = {who: one for who, one in self.invites.items() if one.by is not inviter or one.declined and not declined_too}


class Circles(World):
    """A world with groups."""

    def event(self, group, kind, who, role=None, only=None, least=MEMBER, outlives=False):
        """The relay itself says what happened; `outlives`: to each by themselves, for the group goes."""
        self.serial += 1
        message = Message(f"{kind}-{self.serial}", None, "", self.now, to=only, group=None if only or outlives else group,
                          event=(kind, who.name, None if role is None else ROLES[role]), about=who)
        self.put(message, least, list(group.roles) if outlives else ())

    def make(self, name, account, public, is_open, one_way):
        group = self.groups[name] = Group(name, len(self.groups), public, is_open, one_way)
        group.roles[account] = OWNER
        self.record(account, "groups")

    def there(self, group):
        return group.name in self.groups

    def retitle_group(self, account, group, title):
        refused = group.refused(account, ADMIN) if self.there(group) else 404
        if not refused:
            group.title = title
            self.event(group, "updated", account)
        return refused or 200

    def enter(self, group, account, role):
        if account in group.roles:
            return
        group.roles[account] = role
        group.invites.pop(account, None)
        group.requests.pop(account, None)
        self.record(account, "groups")
        self.event(group, "joined", account, role)

    def invite(self, account, group, other, role):
        refused = group.refused(account, OWNER if role >= ADMIN else ADMIN) if self.there(group) else 404
        if refused or not other.alive:
            return refused or 404
        if other in group.roles:
            return 200
        if other in group.requests:
            self.enter(group, other, role)
            return 200
        if account not in other.blocks and other not in group.invites:
            group.invites[other] = Invite(account, role)
            self.event(group, "invited", account, role, only=other)
        return 202

    def invites_of(self, account):
        """What waits for their answer."""
        return {group.name: (group.invites[account].by.name, group.invites[account].role) for group in self.groups.values()
                if account in group.invites and not group.invites[account].declined}

    def answer_invite(self, account, group, accept):
        found = group.invites.get(account) if self.there(group) else None
        if not found or found.declined:
            return 404
        if accept:
            self.enter(group, account, found.role)
        else:
            found.declined = True
        return 200

    def join(self, account, group):
        if not self.there(group) or account not in group.roles and not group.public:
            return 404
        if account in group.roles:
            return 200
        if group.open:
            self.enter(group, account, MEMBER)
            return 200
        if account not in group.requests:
            group.requests[account] = self.now
            self.record(account, "groups")
            self.event(group, "requested", account, least=ADMIN)
        return 202

    def take_back(self, account, group):
        if not self.there(group) or account not in group.requests:
            return 404
        del group.requests[account]
        self.record(account, "groups")
        return 200

    def decide(self, account, group, other, approve):
        refused = group.refused(account, ADMIN) if self.there(group) else 404
        if refused or other not in group.requests:
            return refused or 404
        if approve:
            self.enter(group, other, MEMBER)
        else:
            del group.requests[other]
        self.event(group, "approved" if approve else "rejected", other, only=other)
        return 200

    def take_out(self, group, account):
        gone = [message for message in self.messages.values() if message.group is group]
        self.stream = [entry for entry in self.stream if not (entry[1] is account and entry[2] in gone)]
        for message in gone:
            message.deliveries.pop(account, None)
        del group.roles[account]
        group.take_back(account)
        self.record(account, "groups")

    def leave(self, account, group):
        refused = group.refused(account, MEMBER) if self.there(group) else 404
        if refused:
            return refused
        if group.is_last_owner(account):
            if len(group.roles) > 1:
                return 409
            self.end(group, account)
            return 200
        self.take_out(group, account)
        self.event(group, "left", account)
        return 200

    def set_role(self, account, group, other, role):
        """role None: out of the group."""
        refused = group.refused(account, ADMIN) if self.there(group) else 404
        before = group.roles.get(other)
        if refused or before is None:
            return refused or 404
        if (before >= ADMIN or (role or MEMBER) >= ADMIN) and group.roles[account] != OWNER:
            return 403
        if group.is_last_owner(other) and role != OWNER:
            return 409
        if role is None:
            self.take_out(group, other)
            self.event(group, "removed", other)
            self.event(group, "removed", other, only=other)
        elif role != before:
            group.roles[other] = role
            if role < ADMIN:
                group.take_back(other)
            self.record(other, "groups")
            self.event(group, "role", other, role)
        return 200

    def end(self, group, by):
        """The group goes with its messages; that it went is told."""
        for message in [one for one in self.messages.values() if one.group is group]:
            self.forget(message)
        self.event(group, "deleted", by, outlives=True)
        del self.groups[group.name]

    def delete_group(self, account, group):
        refused = group.refused(account, OWNER) if self.there(group) else 404
        if not refused:
            self.end(group, account)
        return refused or 200

    def hand_over_groups(self, account):
        """Groups that they alone owned go to the first among those who may decide, else to who is in longest."""
        for group in list(self.groups.values()):
            if not group.is_last_owner(account):
                continue
            others = [who for who in group.roles if who is not account]
            if others:
                heir = max(others, key=lambda who: group.roles[who] if group.roles[who] >= ADMIN else MEMBER)  # the first of several
                group.roles[heir] = OWNER
                self.record(heir, "groups")
            else:
                self.end(group, account)
