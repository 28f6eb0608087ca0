"""What a relay promises, without HTTP and SQL: accounts, devices, messages, streams and what is left of them. Positions count up
by one; times are those at which the steps were made. Groups are in circles.py, and what steps.py asks of a relay is compared with this."""
from copy import deepcopy
from dataclasses import dataclass, field

QUEUED, CLAIMED, DELIVERED, READ, EXPIRED = range(5)
STATES = ("queued", "claimed", "delivered", "read", "expired")
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
WAIT_MS, WEEK, KEY_MS, EDIT_MS, SEEN_MS = 7 * DAY, 7 * DAY, DAY, 15 * MINUTE, 20 * SECOND
ON_CLAIM = ("scrub_content_on_claim", "scrub_all_on_claim")
TAKES_ALL = ("scrub_all_on_final", "scrub_all_on_claim")


@dataclass(eq=False)
class Account:
    name: str
    number: int
    delivered: int = 0
    news: int = 0  # the last position that any group got for them
    alive: bool = True
    title: str = ""
    blocks: dict = field(default_factory=dict)  # of whom: (time, position that was handed out by then)


@dataclass(eq=False)
class Device:
    name: str
    account: Account
    start: int
    created_at: int
    sent: int = 0
    confirmed: int = 0
    own: bool = True
    seen_at: int = 0
    alive: bool = True


@dataclass(eq=False)
class Delivery:
    state: int = QUEUED
    delivered_at: int = 0
    read_at: int = 0
    removed: bool = False


@dataclass(eq=False)
class Message:
    name: str
    sender: Account  # None: the relay
    text: str
    created_at: int
    to: Account = None
    group: object = None
    event: tuple = None  # (type, about whom, role)
    position: int = 0
    changed: int = 0
    writer: Device = None  # who wrote it, or changed it last
    edited: bool = False
    withdrawn: bool = False
    final: bool = False
    scrubbed: bool = False
    where: bool = True  # where it went is still known
    about: Account = None
    sum: Delivery = None  # what is left of its deliveries then
    deliveries: dict = field(default_factory=dict)


class World:
    """One relay's accounts, of one sequence."""

    def __init__(self, mode):
        self.mode, self.now, self.position, self.serial = mode, 0, 0, 0
        self.accounts, self.devices, self.messages, self.groups = {}, {}, {}, {}
        self.stream, self.changes, self.records, self.keys, self.tombstones = [], {}, {}, {}, set()

    # -- people and their devices --------------------------------------------------------------

    def next(self):
        self.position += 1
        return self.position

    def account(self, name):
        self.accounts[name] = Account(name, len(self.accounts))

    def sign_in(self, name, account):
        at = account.delivered
        self.devices[name] = Device(name, account, at, self.now, at, at, seen_at=self.now)

    def seen(self, device):
        """Every call of a device notes that it is there, three times a minute at most."""
        if not 0 <= self.now - device.seen_at < SEEN_MS:
            device.seen_at = self.now

    def devices_of(self, account):
        return [device for device in self.devices.values() if device.alive and device.account is account]

    def others(self, account, device=None):
        """Another device of theirs wants to see what this one does."""
        return any(other.own for other in self.devices_of(account) if other is not device)

    def record(self, account, subject):
        at = self.next()
        if self.others(account):
            self.records[account, subject] = at

    def retitle(self, account, title):
        account.title = title
        self.record(account, "profile")

    def block(self, account, other):
        sent = max((device.sent for device in self.devices_of(account)), default=0)
        account.blocks.setdefault(other, (self.now, sent))
        for group in self.groups.values():
            if account in group.invites and group.invites[account].by is other and not group.invites[account].declined:
                del group.invites[account]
        self.record(account, "blocks")

    def unblock(self, account, other):
        account.blocks.pop(other, None)
        self.record(account, "blocks")

    # -- messages ------------------------------------------------------------------------------

    def expired(self, message):
        return message.created_at <= self.now - WAIT_MS

    def put(self, message, least=0, each=()):
        """Into the streams of those who are to have it."""
        message.position, message.created_at = self.next(), self.now
        self.messages[message.name] = message
        if message.group:
            self.put_group(message, message.group, least)
            return
        for account in each or [message.to] if message.to or each else ():
            if message.sender not in account.blocks:
                message.deliveries[account] = Delivery()
                self.stream.append((message.position, account, message))
        self.copy(message, message.position)

    def put_group(self, message, group, least):
        for member, role in group.roles.items():
            if member is not message.sender and role >= least:
                message.deliveries[member] = Delivery()
        self.stream.append((message.position, group, message))
        self.tell(message.deliveries if not message.sender or not self.others(message.sender, message.writer) else group.roles)

    def tell(self, accounts):
        """Their devices look into the groups when they poll next."""
        for account in accounts:
            account.news = self.position

    def copy(self, message, at):
        """For the sender's other devices."""
        sender = message.sender
        if sender and self.others(sender, message.writer) and (at, sender, message) not in self.stream:
            self.stream.append((at, sender, message))

    def send(self, name, device, to, text, key):
        """(status, message): 200 is a repeat."""
        known = self.keys.get((device.account, key))
        if known and known[1] > self.now - KEY_MS:
            return 200, known[0]
        if isinstance(to, Account):
            if not to.alive:
                return 404, None
            message = Message(name, device.account, text, self.now, to=to, writer=device)
        else:
            refused = to.may_write(device.account)
            if refused:
                return refused, None
            message = Message(name, device.account, text, self.now, group=to, writer=device)
        self.put(message)
        self.keys[device.account, key] = (name, self.now)
        return 202, name

    def visible(self, account, message):
        """Whether the account may see the message at all."""
        if message.name not in self.messages:
            return False
        if message.sender is account:
            return True
        delivery = message.deliveries.get(account)
        return bool(delivery) and not delivery.removed and self.seen_state(message, delivery) != EXPIRED

    def seen_state(self, message, delivery):
        return EXPIRED if delivery.state == EXPIRED or delivery.state < DELIVERED and self.expired(message) else delivery.state

    def receipt(self, message):
        """What its sender learns: the least advanced recipient, and nothing since they were blocked."""
        found = [self.receipt_of(message, account, delivery) for account, delivery in message.deliveries.items()]
        if message.sum:
            found.append(message.sum.state)
        state = EXPIRED if EXPIRED in found else min(found, default=QUEUED)
        return EXPIRED if state < DELIVERED and self.expired(message) else state

    @staticmethod
    def receipt_of(message, account, delivery):
        since = None if message.group else account.blocks.get(message.sender)
        if not since:
            return delivery.state
        if 0 < delivery.read_at <= since[0]:
            return READ
        if 0 < delivery.delivered_at <= since[0]:
            return DELIVERED
        return CLAIMED if message.position <= since[1] else QUEUED

    def moved(self, message, account):
        """The sender is notified of it, unless they must not learn of it."""
        if message.sender and (message.group or message.sender not in account.blocks):
            at = self.next()
            if self.others(message.sender):
                self.changes[message, message.sender] = at

    def show(self, account, message):
        """The text and the state as the account sees them, or None."""
        if not self.visible(account, message):
            return None
        state = self.receipt(message) if message.sender is account else self.seen_state(message, message.deliveries[account])
        text = "" if state == EXPIRED or self.is_empty(message) else message.text
        return {"text": text, "status": STATES[state]}

    @staticmethod
    def is_empty(message):
        return message.scrubbed or message.withdrawn

    def read(self, device, message):
        """How many became read by it."""
        account = device.account
        delivery = message.deliveries.get(account) if message.name in self.messages else None
        if not delivery or delivery.state >= READ or delivery.state < DELIVERED and self.expired(message):
            return 0
        delivery.state, delivery.read_at = READ, self.now
        delivery.delivered_at = delivery.delivered_at or self.now
        self.moved(message, account)
        if self.others(account, device):
            self.changes[message, account] = self.next()
        return 1

    def edit(self, device, message, text):
        account = device.account
        if not self.visible(account, message):
            return 404
        if message.sender is not account:
            return 403
        if message.withdrawn:
            return 409
        if message.scrubbed and (self.mode in ON_CLAIM or not message.where) or self.now - message.created_at > EDIT_MS:
            return 403
        if message.group and message.group.may_write(account):
            return 403
        if not message.group and any(account in other.blocks for other in message.deliveries):
            return 200
        message.text, message.edited, message.final, message.scrubbed = text, True, False, False
        self.tombstones.discard(message.name)
        self.change(message, device)
        return 200

    def change(self, message, device):
        """A change goes to those who were handed the message, and to the sender's other devices."""
        at = self.next()
        message.writer = device
        if message.group:
            handed = [message.group] if message.group.roles else []
            self.tell(message.group.roles)
        else:
            handed = [account for account, delivery in message.deliveries.items() if delivery.state > QUEUED and not delivery.removed]
        self.stream += [(at, key, message) for key in handed]
        if handed:
            message.changed = at
        if not message.group:
            self.copy(message, at)

    def delete(self, device, message):
        """Withdrawn by its sender, removed for themselves by a recipient."""
        account = device.account
        if not self.visible(account, message):
            return 404
        if message.sender is account:
            if not message.withdrawn:
                message.withdrawn = True
                self.empty(message)
                for other in [one for one, delivery in message.deliveries.items() if delivery.state == QUEUED]:
                    del message.deliveries[other]
                self.change(message, device)
            return 200
        delivery = message.deliveries[account]
        delivery.removed, delivery.state = True, max(delivery.state, DELIVERED)
        delivery.delivered_at = delivery.delivered_at or self.now
        self.moved(message, account)
        self.stream = [one for one in self.stream if one != (message.position, account, message)]
        self.stream.append((self.next(), account, message))
        return 200

    # -- polling -------------------------------------------------------------------------------

    def mine(self, account):
        """What stands in the streams that the account reads, oldest first."""
        return sorted((entry for entry in self.stream if entry[1] is account or entry[1] in self.groups.values() and account in entry[1].roles),
                      key=lambda entry: entry[0])

    def is_item(self, device, entry, own):
        at, key, message = entry
        delivery, first = message.deliveries.get(device.account), at == message.position
        if not delivery:
            return (own and message.sender is device.account and message.writer is not device
                    and not (first and (message.withdrawn or message.created_at < device.created_at)))
        if first and (message.withdrawn or delivery.removed or 0 < delivery.delivered_at < device.created_at):
            return False
        if key is not device.account and (delivery.removed or not first and delivery.state == QUEUED):
            return False
        return (message.withdrawn or delivery.removed or delivery.state in (DELIVERED, READ)
                or not message.scrubbed and delivery.state < DELIVERED and not self.expired(message))

    def item(self, device, message, own):
        delivery = message.deliveries.get(device.account)
        gone = message.withdrawn or bool(delivery and delivery.removed)
        empty = gone or message.scrubbed
        return {"message": message, "text": "" if empty else message.text, "event": None if empty else message.event, "withdrawn": gone,
                "scrubbed": message.scrubbed and not gone, "edited": message.edited,
                "own": own and message.sender is device.account and message.writer is not device}

    def confirm(self, device, upto):
        account = device.account
        if upto > account.delivered:
            for at, _, message in self.mine(account):
                delivery = message.deliveries.get(account)
                if account.delivered < at <= upto and delivery and delivery.state < DELIVERED and not self.expired(message):
                    delivery.state, delivery.delivered_at = DELIVERED, self.now
                    self.moved(message, account)
            account.delivered = upto
        device.confirmed = max(device.confirmed, upto)

    def last(self, account, own):
        """The last position of what the account may be handed."""
        noted = [at for _, at in self.noted(account)] if own else []
        return max([at for at, _, _ in self.mine(account)] + noted + [account.news])

    def looks(self, device, start, own):
        """Whether the poll has anything to do."""
        account = device.account
        return (min(start, device.sent) > device.confirmed or own != device.own or account.news > start
                or any(key is account and at > start for at, key, _ in self.stream)
                or own and any(at > start for _, at in self.noted(account)))

    def noted(self, account):
        """(what, position) of changes and records that its devices are told of."""
        return [(what, at) for (what, who), at in self.changes.items() if who is account] + [
            (what, at) for (who, what), at in self.records.items() if who is account]

    def bound(self, device, start, own):
        """A cursor of an earlier response counts while something stands there; any other hides nothing and confirms nothing."""
        if start <= device.sent:
            return start
        found = [at for at, _, _ in self.mine(device.account)] + ([at for _, at in self.noted(device.account)] if own else [])
        at = max([at for at in found if at <= start], default=0)
        device.sent = at if at == start else device.sent
        return max(at, device.sent)

    def poll(self, device, start, limit, own):
        """The items after a cursor, what changed, whether there is more, and the next cursor."""
        account, noted = device.account, device.sent
        start = self.bound(device, start, own)
        if not self.looks(device, start, own):
            device.sent = noted
            return {"items": [], "end": start, "more": False, **({"changes": {}, "records": set()} if own else {})}
        self.confirm(device, min(start, device.sent))
        entries = [entry for entry in self.mine(account) if entry[0] > start and (entry[1] is account or account.news > start)
                   and self.is_item(device, entry, own)]
        more, entries = len(entries) > limit, entries[:limit]
        end = entries[-1][0] if more else max(start, self.last(account, own))
        page = {"items": [self.item(device, message, own) for _, _, message in entries], "end": end, "more": more}
        if own:
            news = [what for what, at in self.noted(account) if start < at <= end]
            page["records"] = {what for what in news if isinstance(what, str)}
            page["changes"] = {one.name: STATES[self.receipt(one) if one.sender is account else READ] for one in news if isinstance(one, Message)}
        self.hand_out(device, start, end, entries)
        device.sent, device.own = end, own
        return page

    def hand_out(self, device, start, end, entries):
        account = device.account
        passed = [message for at, _, message in self.mine(account) if start < at <= end and account in message.deliveries]
        for message in passed:
            delivery = message.deliveries[account]
            if delivery.state < DELIVERED and self.expired(message):
                delivery.state = EXPIRED
            elif entries and delivery.state == QUEUED:
                delivery.state = CLAIMED
        for _, _, message in entries if self.mode in ON_CLAIM else ():
            waits = any(delivery.state == QUEUED and not delivery.removed for delivery in message.deliveries.values())
            if not waits and message.deliveries and not message.scrubbed:
                self.scrub(message)

    # -- what goes -----------------------------------------------------------------------------

    def empty(self, message):
        message.scrubbed = True
        self.tombstones.add(message.name)

    def scrub(self, message):
        self.empty(message)
        message.where = message.where and self.mode not in TAKES_ALL

    def forget(self, message):
        """Gone as if it had never been."""
        self.messages.pop(message.name, None)
        self.stream = [entry for entry in self.stream if entry[2] is not message]
        self.changes = {key: at for key, at in self.changes.items() if key[0] is not message}

    def behind(self, device, message):
        return device.seen_at > self.now - WEEK and device.confirmed < max(message.position, message.changed)

    def is_final(self, message):
        """Everybody has it on every device that is waited for, or its time is over."""
        if self.expired(message):
            return True
        deliveries = message.deliveries.items()
        if message.sum:
            return message.sum.state >= DELIVERED
        if not deliveries or any(not one.removed and (one.state < DELIVERED or 0 < message.changed and who.delivered < message.changed)
                                 for who, one in deliveries):
            return False
        since = self.now - (0 if self.mode in ON_CLAIM else DAY)
        if any(one.delivered_at > since and not one.removed and device.created_at <= one.delivered_at and self.behind(device, message)
               for who, one in deliveries for device in self.devices_of(who)):
            return False
        return not (message.sender and any(one.delivered_at > since for _, one in deliveries) and any(
            device.own and device is not message.writer and device.created_at <= message.created_at and self.behind(device, message)
            for device in self.devices_of(message.sender)))

    def sweep(self):
        """One housekeeping pass."""
        for message in [one for one in self.messages.values() if not one.final and self.is_final(one)]:
            if self.expired(message):
                for account, delivery in message.deliveries.items():
                    if delivery.state < DELIVERED:
                        delivery.state = EXPIRED
                        self.moved(message, account)
            message.final = True
            self.empty(message)
            if self.mode in TAKES_ALL:
                self.forget_where(message)
        self.keys = {key: known for key, known in self.keys.items() if known[1] > self.now - KEY_MS}

    def forget_where(self, message):
        message.where = False
        self.stream = [entry for entry in self.stream if entry[2] is not message]
        self.changes = {key: at for key, at in self.changes.items() if key[0] is not message or key[1] is message.sender}
        if message.deliveries:
            found = [self.receipt_of(message, account, delivery) for account, delivery in message.deliveries.items()]
            message.sum = Delivery(EXPIRED if EXPIRED in found else min(found))
        message.deliveries, message.group, message.about, message.writer = {}, None, None, None

    def erase(self, account):
        """The account with all that hangs on it."""
        self.hand_over_groups(account)
        for message in list(self.messages.values()):
            reached = any(entry[1] is account and entry[2] is message for entry in self.stream)
            message.deliveries.pop(account, None)
            if account in (message.sender, message.about) or reached and not message.group and not message.deliveries:
                self.forget(message)
        self.stream = [entry for entry in self.stream if entry[1] is not account]
        for group in self.groups.values():
            group.forget(account)
        for other in self.accounts.values():
            other.blocks.pop(account, None)
        for device in self.devices_of(account):
            device.alive = False
        self.keys = {key: known for key, known in self.keys.items() if key[0] is not account}
        self.changes = {key: at for key, at in self.changes.items() if key[1] is not account}
        self.records = {key: at for key, at in self.records.items() if key[0] is not account}
        account.alive = False

    # -- backups -------------------------------------------------------------------------------

    def restored(self, copy, keys):
        """The world of a backup, with what people wrote or without, held against what went since: who signs in again finds this."""
        found = deepcopy(copy)
        found.now, found.serial, found.tombstones = self.now, self.serial, found.tombstones | self.tombstones
        for name, message in found.messages.items():
            message.scrubbed = message.scrubbed or not keys or name in found.tombstones
        for name, account in self.accounts.items():
            if not account.alive and name in found.accounts and found.accounts[name].alive:
                found.erase(found.accounts[name])
        for device in found.devices.values():
            device.alive = False
        return found
