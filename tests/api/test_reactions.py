"""Reactions: one character to a message, which the last of a sender replaces."""
import pytest

from groups import MESSAGES, OPEN, Group

REACTIONS = ["\U0001f44d", "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "e\u0301",
             "\u0d4d\u0d15"[1:], "!"]


def react(user, to, message, text, expect=202, **fields):
    to = getattr(to, "address", to)
    return user.post(MESSAGES, {"to": to, "kind": "reaction", "reply_to": message, "text": text, **fields}, expect=expect)


@pytest.mark.parametrize("text", [*REACTIONS, ""])
def test_reaction_comes_with_the_message_that_it_is_to(ann, bob, text):
    sent = ann.send(bob)["message_id"]
    react(bob, ann, sent, text)
    [item] = ann.poll_all("")[0]
    assert (item["kind"], item["reply_to"], item["text"], item["from"]) == ("reaction", sent, text, bob.address)


@pytest.mark.parametrize("text", ["ok", "\U0001f44d\U0001f44d", " ", "\n", "\u202e", "\u200b", "a b"])
def test_reaction_of_anything_but_one_character_is_400(ann, bob, text):
    sent = ann.send(bob)["message_id"]
    react(bob, ann, sent, text, expect=400).is_error(400, "invalid_field", "text")


def test_reaction_needs_a_message_and_takes_no_files(ann, bob):
    bob.post(MESSAGES, {"to": ann.address, "kind": "reaction", "text": "!"}, expect=400).is_error(400, "missing_field", "reply_to")
    react(bob, ann, "msg_" + "0" * 32, "!", expect=404).is_error(404, "unknown_message", "reply_to")
    sent = ann.send(bob)["message_id"]
    react(bob, ann, sent, "!", expect=400, attachments=["fil_" + "0" * 32]).is_error(400, "invalid_field", "attachments")


def test_reader_of_a_stream_group_may_react_and_not_write(ann, bob):
    group = Group(ann, mode="stream", **OPEN)
    group.join(bob)
    sent = ann.send(group.id)["message_id"]
    bob.poll_all("")
    react(bob, group.id, sent, "!")
    assert [i["text"] for i in ann.poll_all("")[0] if i["kind"] == "reaction"] == ["!"]
    bob.send(group.id, expect=403).is_error(403, "no_write_right", "to")


def test_reaction_is_not_edited(ann, bob):
    sent = ann.send(bob)["message_id"]
    made = react(bob, ann, sent, "!")["message_id"]
    bob.patch(f"{MESSAGES}/{made}", {"text": "a whole story"}, expect=403).is_error(403, "forbidden")


def test_config_says_that_reactions_are_there(client):
    features = client.get("/api/v1/webchat/config", expect=200)["features"]
    assert features["reactions"] is True and features["file_details"] is True
