"""The relay sends facts: each reader has them in their own language, and the fact itself for words of their own."""
import pytest

from client import wait_until
from groups import ASK, ME, Group, accept, rows
from harness import Relay, unique

CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
TEXTS = {
    "joined": ("{} joined.", "{} ist beigetreten.", "{} בקבוצה מעכשיו."),
    "role": ("{} has another role now.", "{} hat jetzt eine andere Rolle.", "התפקיד של {} השתנה."),
    "updated": ("{} changed the group.", "{} hat die Gruppe geändert.", "הקבוצה שונתה על ידי {}."),
    "requested": ("{} asks to join.", "{} möchte beitreten.", "בקשת הצטרפות מאת {}."),
    "left": ("{} left.", "{} hat die Gruppe verlassen.", "{} כבר לא בקבוצה."),
    "removed": ("{} was removed.", "{} wurde entfernt.", "הסירו את {} מהקבוצה."),
    "deleted": ("{} deleted the group.", "{} hat die Gruppe gelöscht.", "הקבוצה נמחקה על ידי {}."),
    "approved": ("{} was let in.", "{} wurde aufgenommen.", "הבקשה של {} להצטרף אושרה."),
    "rejected": ("{} was not let in.", "{} wurde nicht aufgenommen.", "הבקשה של {} להצטרף נדחתה.")}
LABELS = (("Approve", "Reject"), ("Zulassen", "Ablehnen"), ("אישור", "דחייה"))


def isolated(name):
    return f"\u2068{name}\u2069"


def said(kind, name):
    """The sentence in English, German and Hebrew."""
    english, *others = TEXTS[kind]
    return [english.format(name), *(text.format(isolated(name)) for text in others)]


class Readers:
    """Three admins of a group, who read English, German and Hebrew."""

    def __init__(self, relay):
        self.owner = relay.sign_in(display_name="Olga")
        self.group = Group(self.owner, **ASK)
        self.people = [relay.sign_in(language=language, display_name=f"Reads {language}") for language in ("en", "de-AT", "he")]
        for person in self.people:
            self.group.add(person, "admin")
        self.cursors = [person.poll_all()[1] for person in self.people]

    def new(self):
        """What each of them has got since, one item each."""
        found = [person.poll_all(cursor) for person, cursor in zip(self.people, self.cursors)]
        self.cursors = [cursor for _, cursor in found]
        assert [len(items) for items, _ in found] == [1, 1, 1]
        return [items[0] for items, _ in found]


@pytest.fixture(name="readers")
def three_readers(relay):
    return Readers(relay)


@pytest.fixture(name="guest")
def a_guest(relay):
    return relay.sign_in(display_name="Gäst דנה")


def all_get(readers, kind, name, **fact):
    """All get the same fact, each in their language."""
    items = readers.new()
    assert [item["text"] for item in items] == said(kind, name)
    event = {"type": kind, "display_name": name, **fact}
    assert [item["event"] for item in items] == [event] * 3
    return items


# -- a group ---------------------------------------------------------------------------------------

def test_members_read_the_same_event_in_their_languages(readers, guest):
    group, owner = readers.group, readers.owner.address
    admin = readers.people[0]
    request = group.ask(guest)
    items = all_get(readers, "requested", "Gäst דנה", chat_address=guest.address, actor=guest.address, request=request)
    for item, labels in zip(items, LABELS):
        assert [action["label"] for action in item["actions"]] == list(labels)
        assert [action["path"] for action in item["actions"]] == [f"{group.path}/requests/{request}/{verb}" for verb in ("approve", "reject")]
    group.decide(request, "approve", by=admin)
    all_get(readers, "joined", "Gäst דנה", chat_address=guest.address, actor=admin.address, role="member")
    group.set_role(guest, "writer")
    all_get(readers, "role", "Gäst דנה", chat_address=guest.address, actor=owner, role="writer")
    group.change(admin, name="New")
    all_get(readers, "updated", "Reads en", chat_address=admin.address, actor=admin.address)
    group.leave(guest)
    all_get(readers, "left", "Gäst דנה", chat_address=guest.address, actor=guest.address)
    group.add(guest)
    readers.new()
    group.remove(guest, by=admin)
    all_get(readers, "removed", "Gäst דנה", chat_address=guest.address, actor=admin.address)
    group.delete()
    all_get(readers, "deleted", "Olga", chat_address=owner, actor=owner)


@pytest.mark.parametrize("kind", ["approved", "rejected", "removed"])
def test_one_learns_in_their_language_what_became_of_them(relay, ann, kind):
    group = Group(ann, **ASK)
    for number, language in enumerate(("en", "de", "he")):
        who = relay.sign_in(language=language, display_name="Dana")
        group.decide(group.ask(who), "reject" if kind == "rejected" else "approve")
        if kind == "removed":
            group.remove(who)
        [item] = [item for item in who.poll_all()[0] if item["event"]["type"] == kind]
        assert item["text"] == said(kind, "Dana")[number]
        actor = {"actor": ann.address} if kind == "approved" else {}
        assert item["event"] == {"type": kind, "chat_address": who.address, "display_name": "Dana", **actor}, "who turned them away is not told"


@pytest.mark.parametrize("language, text, labels", [
    ("en", "Ann invites you to the group Walks & <b>.", ("Accept", "Decline")),
    ("de", "\u2068Ann\u2069 lädt dich in die Gruppe \u2068Walks & <b>\u2069 ein.", ("Annehmen", "Ablehnen")),
    ("he", "הוזמנת לקבוצה \u2068Walks & <b>\u2069 על ידי \u2068Ann\u2069.", ("קבלה", "סירוב"))], ids=["en", "de", "he"])
def test_invitation_is_a_fact_with_two_buttons(relay, ann, language, text, labels):
    who = relay.sign_in(language=language)
    group = Group(ann, name="Walks & <b>")
    group.invite(who, role="writer")
    [item] = who.poll_all()[0]
    request = item["event"].pop("request")
    assert item["event"] == {"type": "invited", "chat_address": ann.address, "display_name": "Ann", "actor": ann.address,
                             "role": "writer", "group_name": "Walks & <b>"}
    assert item["text"] == text and tuple(action["label"] for action in item["actions"]) == labels
    assert item["actions"][0]["path"].endswith(f"/invites/{request}/accept")
    accept(who)
    assert group.members()[who.address] == "writer"


@pytest.mark.parametrize("language, text", [("en", "The operator of the relay deleted the group."),
                                            ("de", "\u2068Der Betreiber des Servers\u2069 hat die Gruppe gelöscht.")], ids=["en", "de"])
def test_operator_has_a_name_in_every_language(relay, ann, language, text):
    ann.put(ME, {"language": language}, expect=200)
    relay.ctl("group", "delete", Group(ann).id)
    [item] = wait_until("it is told", lambda: ann.poll_all("")[0])
    assert (item["text"], item["event"]) == (text, {"type": "deleted", "chat_address": "relay", "actor": "relay"})


def test_language_is_that_of_the_moment_in_which_one_reads(readers, guest):
    readers.group.add(guest)
    [item] = [item for item in readers.new()][:1]
    [reader, *_] = readers.people
    for language, text in zip(("en", "de", "he", "xx", ""), [*said("joined", "Gäst דנה"), *[said("joined", "Gäst דנה")[0]] * 2]):
        reader.put(ME, {"language": language}, expect=200)
        shown = reader.get(f"/api/v1/messages/{item['message_id']}", expect=200)["message"]
        assert (shown["text"], shown["event"]) == (text, item["event"])
        [exported] = [one for one in reader.get("/api/v1/pchat/auth/export?after=r0", expect=200)["messages"] if one["message_id"] == item["message_id"]]
        assert exported["text"] == text


@pytest.mark.parametrize("name", ["%s%n%1$x", "{name} {group}", "0 0 0 3 3 3 abc", '"},"x":{"', "\\u202e", "a\u200fb"], ids=range(6))
def test_odd_name_is_a_name(readers, relay, name):
    guest = relay.sign_in(display_name=name)
    readers.group.add(guest)
    all_get(readers, "joined", name, chat_address=guest.address, actor=guest.address, role="member")


def test_name_turns_no_sentence(readers, relay):
    guest = relay.sign_in(display_name=f"{CONTROLS}Eve{CONTROLS} x")
    readers.group.add(guest)
    all_get(readers, "joined", "Eve x", chat_address=guest.address, actor=guest.address, role="member")


def test_name_that_an_older_program_let_in_turns_no_sentence(readers, relay):
    guest = relay.sign_in(display_name="Eve")
    with relay.locked_database() as link:
        link.execute("UPDATE account SET display_name = ? WHERE chat_address = ?", (f"\u2069\u202eEve{CONTROLS}", guest.address))
    readers.group.add(guest)
    assert [item["text"] for item in readers.new()][1:] == said("joined", "Eve")[1:]


def test_fact_forgets_an_actor_whose_account_is_erased_and_stays(readers, guest):
    admin = readers.people[0]
    readers.group.add(guest)
    readers.new()
    readers.group.remove(guest, by=admin)
    [_, item, _] = readers.new()
    path = f"/api/v1/messages/{item['message_id']}"
    assert readers.people[1].get(path, expect=200)["message"]["event"]["actor"] == admin.address
    admin.delete(ME, expect=200)
    assert "actor" not in readers.people[1].get(path, expect=200)["message"]["event"]


# -- requests for access ---------------------------------------------------------------------------

@pytest.fixture(name="closed", scope="module")
def closed_relay(built):
    with Relay({"PCHAT_AUTH_ALLOWED_DOMAINS": "inside.example", "PCHAT_ADMIN_DOMAINS": "inside.example"}) as relay:
        yield relay


@pytest.mark.parametrize("name", ["Otto", "", "{email}"])
def test_admins_read_of_a_request_for_access_in_their_languages(closed, name):
    admins = [closed.sign_in(unique() + "@inside.example", language=language) for language in ("en", "de", "he")]
    cursors = [admin.poll_all()[1] for admin in admins]
    email = unique() + "@outside.example"
    closed.client().post("/api/v1/pchat/auth/request-code", {"email": email, "display_name": name}, expect=202)
    items = [admin.poll_all(cursor)[0] for admin, cursor in zip(admins, cursors)]
    who = [f"{name} ({email})" if name else email] + [f"{isolated(name)} ({isolated(email)})" if name else isolated(email)] * 2
    assert [item["text"] for [item] in items] == [
        f"{who[0]} asks for access to this relay.", f"{who[1]} bittet um Zugang zu diesem Server.", f"בקשת גישה לשרת הזה מאת {who[2]}."]
    requests = [item["access_request"] for [item] in items]
    assert [(one["email"], one["display_name"]) for one in requests] == [(email, name)] * 3
    assert [action["path"].split("/")[-2] for action in items[0][0]["actions"]] == [requests[0]["request_id"]] * 2
    assert [action["label"] for action in items[1][0]["actions"]] == ["Zulassen", "Ablehnen"]
    assert rows(closed, "SELECT count(DISTINCT hex(request_id)) FROM message WHERE request_id = ?", bytes.fromhex(requests[0]["request_id"][4:])) == [(1,)]
