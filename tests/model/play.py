"""One sequence played: each step is made in the model and against the relay, and both must come to the same."""
import http.client
import json
import os
import time

from circles import Circles

CHAT, AUTH, MESSAGES = "/api/v1/webchat", "/api/v1/pchat/auth", "/api/v1/messages"
PEOPLE = ("a1", "a2", "a3")

ORPHANS = ("SELECT stream_id, seq FROM stream WHERE message_id NOT IN (SELECT id FROM message)",
           "SELECT account_id, message_id FROM delivery WHERE account_id > 0 AND account_id NOT IN (SELECT id FROM account)",
           "SELECT id FROM content_key WHERE id NOT IN (SELECT id FROM message UNION SELECT id FROM file)"
           " AND body_key <> zeroblob(32)")


class Mismatch(AssertionError):
    """The relay did something else than the model."""


class Skip(Exception):
    """What the step is about is not there (any more)."""


def same(what, relay, model):
    if relay != model:
        raise Mismatch(f"{what}:\n  relay {relay}\n  model {model}")


class Wire:
    """One connection to the relay, which is made anew when the relay was started anew."""

    def __init__(self, relay):
        self.relay, self.link = relay, None

    def call(self, token, method, path, body=None):
        """(status, JSON)"""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["X-PChat-Session"] = token
        data = json.dumps(body).encode() if body is not None else None
        for attempt in (0, 1):
            try:
                self.link = self.link or http.client.HTTPConnection("127.0.0.1", self.relay.port, timeout=30)
                self.link.request(method, path, data, headers)
                reply = self.link.getresponse()
                return reply.status, json.loads(reply.read() or b"{}")
            except (ConnectionError, http.client.HTTPException):
                self.close()
                if attempt:
                    raise
        return None

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Play:
    """A relay and the model beside it, with what stands for what."""

    def __init__(self, house, mark):
        self.house, self.mark = house, mark
        self.world = Circles(house.mode)
        self.wire = house.wire
        self.tokens, self.ids, self.cursors, self.bodies = {}, {}, {}, {}
        self.copy, self.copies = None, 0
        self.house.clock.set(0)
        self.offset = 0
        for number, name in enumerate(PEOPLE):
            self.tick()
            self.world.account(name)
            self.sign_in(f"d{number + 1}", name)

    # -- time ----------------------------------------------------------------------------------

    def tick(self):
        """Every step has a millisecond of its own, so that both sides see the same order."""
        before = self.world.now
        while int(time.time() * 1000) + self.offset * 1000 == before:
            time.sleep(0.0003)
        self.world.now = int(time.time() * 1000) + self.offset * 1000

    def jump(self, offset):
        self.offset = offset
        self.house.clock.set(offset)

    # -- names ---------------------------------------------------------------------------------

    def address(self, account):
        return f"{self.mark}.{account.name}"

    def email(self, name):
        return f"{self.mark}.{name}@example.com"

    def sign_in(self, device, name):
        email = self.email(name)
        status, reply = self.wire.call(None, "POST", AUTH + "/request-code", {"email": email})
        same("a code", status, 202)
        status, reply = self.wire.call(None, "POST", AUTH + "/verify-code", {
            "email": email, "code": reply["dev_code"], "chat_address": self.address(self.world.accounts[name]),
            "device_name": device, "public_visible": True})
        same(f"{device} signs in", status, 200)
        self.tokens[device] = reply["session_token"]
        self.world.now = reply["session"]["created_at"]
        self.world.sign_in(device, self.world.accounts[name])
        self.cursors[device] = [(self.world.devices[device].start, "")]

    def device(self, name):
        """The device, which makes this step."""
        found = self.world.devices.get(name)
        if not found:
            raise Skip
        if not found.alive:
            same(f"{name} is signed out", self.wire.call(self.tokens[name], "GET", AUTH + "/me")[0], 401)
            raise Skip
        self.world.seen(found)
        return found

    def account(self, name):
        return self.world.accounts[name]

    def message(self, name):
        """A message that is there and that somebody saw."""
        found = self.world.messages.get(name)
        if not found or name not in self.ids:
            raise Skip
        return found

    def group(self, name):
        """A group; one that went is unknown to the relay."""
        if name not in self.ids:
            raise Skip
        return self.world.groups.get(name) or self.gone(name)

    def gone(self, name):
        return type("Gone", (), {"name": name, "roles": {}, "invites": {}, "requests": {}})()

    def call(self, device, method, path, expect, body=None):
        """The response to a call whose status the model knows."""
        status, reply = self.wire.call(self.tokens[device.name], method, path, body)
        same(f"{device.name} ({device.account.name}): {method} {path.split('/api/v1')[-1]} {reply}", status, expect)
        return reply

    # -- what a poll brings --------------------------------------------------------------------

    def compare_page(self, device, reply, page, own):
        same("how many items", len(reply["messages"]), len(page["items"])) if len(reply["messages"]) == len(page["items"]) else \
            same("items", [self.short(item) for item in reply["messages"]], [self.brief(item) for item in page["items"]])
        for item, model in zip(reply["messages"], page["items"]):
            self.compare_item(item, model)
        same("has_more", reply["has_more"], page["more"])
        if own:
            moved = {self.name_of(one["message_id"]): one["status"] for one in reply["changes"]}
            same("changes", moved, page["changes"])
            same("records", set(reply["records"]), page["records"])
        self.cursors[device.name].append((page["end"], reply["cursor"]))

    def name_of(self, message_id):
        return next((name for name, known in self.ids.items() if known == message_id), message_id)

    def short(self, item):
        return self.name_of(item["message_id"]), item.get("event", {}).get("type"), item["text"][-12:]

    @staticmethod
    def brief(item):
        return item["message"].name, (item["event"] or [None])[0], item["text"][-12:]

    def compare_item(self, item, model):
        message = model["message"]
        if message.event and message.name not in self.ids:
            self.ids[message.name] = item["message_id"]
        event = item.get("event")
        about = event and (event["type"], event["chat_address"].rpartition(".")[2], event.get("role"))
        text = "" if message.event else model["text"]
        found = {"message": self.name_of(item["message_id"]), "text": "" if event else item["text"], "event": about, "withdrawn": "deleted_at" in item,
                 "scrubbed": "scrubbed_at" in item, "edited": "edited_at" in item, "own": item.get("own", False)}
        same("an item", found, {**model, "message": message.name, "text": text})

    # -- what the database holds ---------------------------------------------------------------

    def rows(self, query, *values):
        with self.house.relay.opened_database() as link:
            return link.execute(query, values).fetchall()

    def check_store(self):
        """Deliveries of each account in the order of their messages, and all messages that it sent."""
        for account in self.world.accounts.values():
            same(f"deliveries of {account.name}", self.stored_deliveries(account), self.model_deliveries(account))
            same(f"messages of {account.name}", self.stored_sent(account), self.model_sent(account))
        for query in ORPHANS:
            same(query, self.rows(query), [])
        for group in self.world.groups.values():
            found = self.rows("SELECT a.chat_address, m.role FROM grp_member m JOIN account a ON a.id = m.account_id JOIN grp g"
                              " ON g.id = m.group_id WHERE g.public_id = ?", bytes.fromhex(self.ids[group.name][4:]))
            same(f"members of {group.name}", dict(found), {self.address(who): role for who, role in group.roles.items()})

    KEPT = "m.scrubbed_at > 0, m.final_at > 0, length(m.body) > 0 AND k.body_key <> zeroblob(32), length(m.address) > 0"

    @staticmethod
    def kept(message):
        return int(message.scrubbed), int(message.final), int(not message.scrubbed), int(message.where)

    def stored_deliveries(self, account):
        return self.rows(f"SELECT d.state, d.removed_at > 0, {self.KEPT} FROM delivery d JOIN message m ON m.id = d.message_id JOIN account a"
                         " ON a.id = d.account_id LEFT JOIN content_key k ON k.id = m.id WHERE a.chat_address = ? ORDER BY m.id",
                         self.address(account))

    def model_deliveries(self, account):
        code = {0: 0, 1: 1, 2: 2, 3: 3, 4: 6}
        found = sorted((one for one in self.world.messages.values() if account in one.deliveries), key=lambda one: one.position)
        return [(code[one.deliveries[account].state], int(one.deliveries[account].removed), *self.kept(one)) for one in found]

    def stored_sent(self, account):
        return [(self.name_of("msg_" + row[0]), *row[1:]) for row in self.rows(
            f"SELECT lower(hex(m.public_id)), m.deleted_at > 0, m.edited_at > 0, {self.KEPT} FROM message m JOIN account a"
            " ON a.id = m.sender_id LEFT JOIN content_key k ON k.id = m.id WHERE a.chat_address = ? ORDER BY m.id", self.address(account))]

    def model_sent(self, account):
        found = sorted((one for one in self.world.messages.values() if one.sender is account), key=lambda one: one.position)
        return [(one.name, int(one.withdrawn), int(one.edited), *self.kept(one)) for one in found]

    def finish(self):
        """Everybody fetches what is left, and the database is looked at."""
        from steps import poll  # pylint: disable=import-outside-toplevel,cyclic-import
        for device in [one for one in self.world.devices.values() if one.alive]:
            for _ in range(100):
                self.tick()
                if not poll(self, None, device.name, -1, 100, True):
                    break
        self.check_store()
