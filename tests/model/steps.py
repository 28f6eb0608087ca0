"""What a sequence is made of: how a step is chosen, and how it is made on both sides. A step is [number, name, arguments...] of
words and numbers, so that it can be kept in a file; what it makes bears its number."""
import os
from copy import deepcopy

from circles import ADMIN, MEMBER, OWNER, ROLES, WRITER
from play import AUTH, CHAT, MESSAGES, Mismatch, Skip, same
from world import KEY_MS, STATES

STEPS = {}


def step(weight, choose, rare=False):
    """`choose(rng, world)` picks the arguments, or None: there is nothing to do it with."""
    def note(run):
        STEPS[run.__name__] = (run, choose, weight, rare)
        return run
    return note


def device(rng, world):
    alive = [one.name for one in world.devices.values() if one.alive]
    return rng.choice(alive) if alive else None


def person(rng, world):
    return rng.choice(list(world.accounts))


def group(rng, world):
    return rng.choice(list(world.groups)) if world.groups else None


def message(rng, world):
    """A late one more often."""
    names = [one.name for one in world.messages.values() if not one.event]
    return names[-1 - min(int(rng.expovariate(0.4)), len(names) - 1)] if names else None


def each(*parts):
    """All of them, or nothing."""
    def choose(rng, world):
        found = [part(rng, world) if callable(part) else part for part in parts]
        return None if None in found else found
    return choose


def one_of(*values):
    return lambda rng, world: rng.choice(values)


def recipient(rng, world):
    return group(rng, world) if world.groups and rng.random() < 0.4 else person(rng, world)


def cursor(rng, world):
    return rng.choice((-1, -1, -1, -1, None, 0, rng.randrange(8)) if rng.random() < 0.5 else (-1,))


def mutual(play, name):
    """The account or group that a message is for."""
    return play.account(name) if name in play.world.accounts else play.group(name)


# -- messages --------------------------------------------------------------------------------------

@step(14, each(device, recipient))
def send(play, number, sender, to):
    who, target = play.device(sender), mutual(play, to)
    body = {"to": play.address(target) if to in play.world.accounts else play.ids[to], "text": f"{play.mark} says {number}",
            "idempotency_key": f"k{number}"}
    put(play, number, who, target, body)


def put(play, number, who, target, body):
    if target.name in play.world.accounts or target.name in play.world.groups:
        status, name = play.world.send(f"m{number}", who, target, body["text"], body["idempotency_key"])
    else:
        known = play.world.keys.get((who.account, body["idempotency_key"]))
        status, name = (200, known[0]) if known and known[1] > play.world.now - KEY_MS else (404, None)
    reply = play.call(who, "POST", MESSAGES, status, body)
    if status == 202:
        play.ids[name], play.bodies[name] = reply["message_id"], (who.account.name, target.name, body)
    if status == 200:
        same("the repeat", reply["message_id"], play.ids[name])


@step(2, each(device, message))
def repeat(play, number, sender, what):
    """The same bytes under the same key once more, from any device of the sender."""
    who = play.device(sender)
    if what not in play.bodies or play.bodies[what][0] != who.account.name:
        raise Skip
    put(play, number, who, mutual(play, play.bodies[what][1]), play.bodies[what][2])


@step(20, each(device, one_of(-1, -1, -1, -1, -1, 0, 1, 2, 3, 99), one_of(1, 2, 3, 100, 100), one_of(True, True, False)))
def poll(play, number, name, which, limit, own):
    """From the last cursor, from none (99) or from an older one."""
    who = play.device(name)
    known = play.cursors[name]
    start, text = known[-1] if which == -1 else known[which % len(known)]
    body = {"chat_address": play.address(who.account), "limit": limit, "own": own, "cursor": text}
    if which == 99:
        start = who.sent
        del body["cursor"]
    page = play.world.poll(who, start, limit, own)
    reply = play.call(who, "POST", CHAT + "/poll", 200, body)
    play.compare_page(who, reply, page, own)
    return page["items"] or page["more"] or start != page["end"]


@step(5, each(device, message))
def read(play, number, name, what):
    who, one = play.device(name), play.message(what)
    count = play.world.read(who, one)
    reply = play.call(who, "POST", CHAT + "/read", 200, {"chat_address": play.address(who.account), "message_ids": [play.ids[what]]})
    same("updated", reply["updated"], count)


@step(5, each(device, message))
def edit(play, number, name, what):
    who, one = play.device(name), play.message(what)
    text = f"{play.mark} says {number} instead"
    play.call(who, "PATCH", f"{MESSAGES}/{play.ids[what]}", play.world.edit(who, one, text), {"text": text})


@step(4, each(device, message))
def delete(play, number, name, what):
    who, one = play.device(name), play.message(what)
    play.call(who, "DELETE", f"{MESSAGES}/{play.ids[what]}", play.world.delete(who, one))


@step(5, each(device, message))
def show(play, number, name, what):
    who, one = play.device(name), play.message(what)
    found = play.world.show(who.account, one)
    reply = play.call(who, "GET", f"{MESSAGES}/{play.ids[what]}", 200 if found else 404)
    if found:
        same("shown", {key: reply["message"][key] for key in found}, found)


@step(5, each(device, message))
def receipt(play, number, name, what):
    who, one = play.device(name), play.message(what)
    reply = play.call(who, "POST", CHAT + "/receipt-status", 200, {"message_ids": [play.ids[what]]})
    if one.sender is not who.account:
        same("receipts", reply["receipts"], [])
        return
    same("status", [found["status"] for found in reply["receipts"]], [STATES[play.world.receipt(one)]])
    if one.group:
        same("recipients", {found["chat_address"]: found["status"] for found in reply["receipts"][0].get("recipients", [])},
             {play.address(other): STATES[play.world.seen_state(one, found)] for other, found in one.deliveries.items()})


# -- people ----------------------------------------------------------------------------------------

@step(3, each(person))
def sign_in(play, number, name):
    if not play.account(name).alive or len(play.world.devices_of(play.account(name))) > 3:
        raise Skip
    play.sign_in(f"d{number + 100}", name)


@step(1, each(device))
def logout(play, number, name):
    who = play.device(name)
    play.call(who, "POST", AUTH + "/logout", 200)
    who.alive = False


@step(1, each(device))
def retitle(play, number, name):
    who = play.device(name)
    play.world.retitle(who.account, f"Name {number}")
    play.call(who, "PUT", AUTH + "/me", 200, {"display_name": f"Name {number}"})


@step(3, each(device, person))
def block(play, number, name, other):
    who, them = play.device(name), play.account(other)
    if them is who.account or not them.alive:
        raise Skip
    play.world.block(who.account, them)
    play.call(who, "POST", CHAT + "/blocks", 200, {"chat_address": play.address(them)})


@step(2, each(device, person))
def unblock(play, number, name, other):
    who, them = play.device(name), play.account(other)
    if them is who.account or not them.alive:
        raise Skip
    play.world.unblock(who.account, them)
    play.call(who, "DELETE", f"{CHAT}/blocks/{play.address(them)}", 200)


@step(0.4, each(device))
def erase(play, number, name):
    who = play.device(name)
    play.world.erase(who.account)
    play.call(who, "DELETE", AUTH + "/me", 200)


# -- groups ----------------------------------------------------------------------------------------

@step(3, each(device, one_of("public", "private"), one_of("open", "request"), one_of("chat", "chat", "stream")))
def make_group(play, number, name, visibility, policy, mode):
    who = play.device(name)
    play.world.make(f"g{number}", who.account, visibility == "public", policy == "open", mode == "stream")
    reply = play.call(who, "POST", CHAT + "/groups", 200, {"name": f"g{number}", "visibility": visibility, "join_policy": policy, "mode": mode})
    play.ids[f"g{number}"] = reply["group_id"]


@step(1, each(device, group))
def retitle_group(play, number, name, which):
    who, where = play.device(name), play.group(which)
    status = play.world.retitle_group(who.account, where, f"Title {number}")
    play.call(who, "PATCH", f"{CHAT}/groups/{play.ids[which]}", status, {"name": f"Title {number}"})


@step(4, each(device, group, person, one_of(MEMBER, MEMBER, WRITER, ADMIN, OWNER)))
def invite(play, number, name, which, other, role):
    who, where = play.device(name), play.group(which)
    status = play.world.invite(who.account, where, play.account(other), role)
    play.call(who, "POST", f"{CHAT}/groups/{play.ids[which]}/members", status,
              {"chat_address": play.address(play.account(other)), "role": ROLES[role]})


@step(5, each(device, group, one_of("accept", "accept", "accept", "decline")))
def answer(play, number, name, which, verb):
    who, where = play.device(name), play.group(which)
    listed = {play.name_of(one["group"]["group_id"]): one for one in play.call(who, "GET", CHAT + "/invites?limit=200", 200)["invites"]}
    same("invitations", {key: (one["chat_address"].rpartition(".")[2], ROLES.index(one["role"])) for key, one in listed.items()},
         play.world.invites_of(who.account))
    if which in listed:
        status = play.world.answer_invite(who.account, where, verb == "accept")
        play.call(who, "POST", f"{CHAT}/invites/{listed[which]['invite_id']}/{verb}", status)


@step(4, each(device, group))
def join(play, number, name, which):
    who, where = play.device(name), play.group(which)
    play.call(who, "POST", f"{CHAT}/groups/{play.ids[which]}/join", play.world.join(who.account, where), {})


@step(0.5, each(device, group))
def take_back(play, number, name, which):
    who, where = play.device(name), play.group(which)
    if not play.world.there(where) or who.account not in where.requests:
        raise Skip
    play.call(who, "DELETE", f"{CHAT}/groups/{play.ids[which]}/join", play.world.take_back(who.account, where))


@step(3, each(device, group, one_of("approve", "approve", "reject")))
def decide(play, number, name, which, verb):
    """The oldest request."""
    who, where = play.device(name), play.group(which)
    refused = where.refused(who.account, ADMIN) if play.world.there(where) else 404
    reply = play.call(who, "GET", f"{CHAT}/groups/{play.ids[which]}/requests", refused or 200)
    if refused:
        return
    same("requests", [one["chat_address"] for one in reply["requests"]], [play.address(one) for one in where.requests])
    if where.requests:
        status = play.world.decide(who.account, where, next(iter(where.requests)), verb == "approve")
        play.call(who, "POST", f"{CHAT}/groups/{play.ids[which]}/requests/{reply['requests'][0]['request_id']}/{verb}", status)


@step(2, each(device, group))
def leave(play, number, name, which):
    who, where = play.device(name), play.group(which)
    play.call(who, "POST", f"{CHAT}/groups/{play.ids[which]}/leave", play.world.leave(who.account, where))


@step(2, each(device, group, person, one_of(-1, MEMBER, WRITER, ADMIN, OWNER)))
def set_role(play, number, name, which, other, role):
    """-1: out of the group."""
    who, where, them = play.device(name), play.group(which), play.account(other)
    status = play.world.set_role(who.account, where, them, None if role < 0 else role)
    path = f"{CHAT}/groups/{play.ids[which]}/members/{play.address(them)}"
    if role < 0:
        play.call(who, "DELETE", path, status)
    else:
        play.call(who, "PATCH", path, status, {"role": ROLES[role]})


@step(0.5, each(device, group))
def delete_group(play, number, name, which):
    who, where = play.device(name), play.group(which)
    play.call(who, "DELETE", f"{CHAT}/groups/{play.ids[which]}", play.world.delete_group(who.account, where))


# -- the machine -----------------------------------------------------------------------------------

@step(3, each())
def sweep(play, number):
    play.world.sweep()
    play.house.sweep()
    play.check_store()


@step(1.5, each(one_of(0, 0, -3600, 3600, 20 * 86400)))
def jump(play, number, offset):
    """The relay's clock is so many seconds ahead from here on."""
    play.jump(offset)


@step(2, each(), rare=True)
def restart(play, number):
    play.house.restart()


@step(2, each(one_of(True, False)), rare=True)
def backup(play, number, keys):
    """With what people wrote that is not yet scrubbed, or without."""
    play.copies += 1
    path = os.path.join(play.house.relay.home, f"{play.mark}-{play.copies}")
    play.house.ctl("backup", *["--with-keys"] * keys, path)
    play.copy = (path, deepcopy(play.world), keys)


@step(2, each(), rare=True)
def restore(play, number):
    """Put back the last backup; everybody signs in again."""
    if not play.copy:
        raise Skip
    path, before, keys = play.copy
    play.house.restore(path)
    play.world = play.world.restored(before, keys)
    play.tick()
    for name, account in play.world.accounts.items():
        if account.alive:
            play.tick()
            play.sign_in(f"d{number + 100}{name}", name)
    play.check_store()


def choose(rng, world, rare):
    """(name, arguments) of a step that can be made now."""
    names = [name for name, (_, _, _, seldom) in STEPS.items() if rare or not seldom]
    while True:
        name = rng.choices(names, [STEPS[one][2] for one in names])[0]
        found = STEPS[name][1](rng, world)
        if found is not None:
            return [name, *found]


def make(play, made):
    """Make one step on both sides."""
    number, name, *arguments = made
    play.tick()
    try:
        STEPS[name][0](play, number, *arguments)
    except Skip:
        pass
    except Mismatch as error:
        raise Mismatch(f"step {number} {name} {arguments}: {error}") from None
