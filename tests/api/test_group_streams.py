"""How members fetch what is sent to a group: one stream for the group, read together with each member's own."""

from groups import MESSAGES, OPEN, Group


def rows(relay, query, *arguments):
    with relay.opened_database() as database:
        return database.execute(query, arguments).fetchall()


def group_of(relay, count):
    """A group and its other members."""
    group = Group(relay.sign_in(), **OPEN)
    people = [relay.sign_in() for _ in range(count)]
    for user in people:
        group.join(user)
    return group, people


def test_a_send_to_a_group_takes_one_position_whatever_its_size(relay):
    group, people = group_of(relay, 5)
    before = rows(relay, "SELECT count(*) FROM stream")[0][0]
    group.owner.send(group.id, "one")
    assert rows(relay, "SELECT count(*) FROM stream")[0][0] == before + 1
    assert [group.texts(user) for user in people] == [["one"]] * 5


def test_direct_and_group_messages_come_in_the_order_of_sending_one_by_one(relay):
    group, (ann,) = group_of(relay, 1)
    other, sent = Group(relay.sign_in(), **OPEN), []
    other.join(ann)
    cursor = ann.poll_all("")[1]
    for number in range(4):
        for sender, to in ((group.owner, group.id), (group.owner, ann.address), (other.owner, other.id)):
            sent.append(f"{number} {len(sent)}")
            sender.send(to, sent[-1])
    got = []
    while len(got) < len(sent):
        response = ann.poll(cursor, limit=1)
        assert len(response["messages"]) == 1
        got.append(response["messages"][0]["text"])
        cursor = response["cursor"]
    assert got == sent and ann.poll(cursor)["messages"] == []


def test_an_edit_comes_again_to_those_who_had_the_message_and_once_to_the_others(relay):
    group, (early, late) = group_of(relay, 2)
    message = group.owner.send(group.id, "old")["message_id"]
    cursor = early.poll_all("")[1]
    group.owner.patch(f"{MESSAGES}/{message}", {"text": "new"}, expect=200)
    assert [item["text"] for item in early.poll(cursor)["messages"]] == ["new"]
    assert group.texts(late) == ["new"]


def test_what_a_member_removed_for_himself_stays_away_also_after_an_edit(relay):
    group, (ann, bob) = group_of(relay, 2)
    message = group.owner.send(group.id, "gone for ann")["message_id"]
    ann.delete(f"{MESSAGES}/{message}", expect=200)
    group.owner.patch(f"{MESSAGES}/{message}", {"text": "edited"}, expect=200)
    assert [text for text in group.texts(ann) if text] == []
    assert group.texts(bob) == ["edited"]


def test_a_message_withdrawn_before_it_was_fetched_leaves_nothing_to_fetch(relay):
    group, (ann,) = group_of(relay, 1)
    cursor = ann.poll_all("")[1]
    message = group.owner.send(group.id, "never seen")["message_id"]
    group.owner.delete(f"{MESSAGES}/{message}", expect=200)
    response = ann.poll(cursor)
    assert response["messages"] == []
    ann.poll(response["cursor"])
    last_seq, sent = rows(relay, "SELECT n.seq, s.sent_seq FROM group_news n JOIN session s ON s.account_id = n.account_id "
                             "JOIN account a ON a.id = n.account_id WHERE a.chat_address = ?", ann.address)[0]
    assert sent >= last_seq


def test_a_member_polls_on_after_leaving_a_group_whose_items_they_never_fetched(relay):
    group, (ann,) = group_of(relay, 1)
    cursor = ann.poll_all("")[1]
    group.owner.send(group.id, "unfetched")
    group.leave(ann)
    group.owner.send(ann.address, "still talking")
    assert [item["text"] for item in ann.poll(cursor)["messages"]] == ["still talking"]


def test_an_erased_senders_group_messages_leave_no_item_behind(relay):
    group, (ann, bob) = group_of(relay, 2)
    message = ann.send(group.id, "x")["message_id"]
    number = rows(relay, "SELECT id FROM message WHERE public_id = ?", bytes.fromhex(message[4:]))[0][0]
    bob.poll_all("")
    ann.patch(f"{MESSAGES}/{message}", {"text": "y"}, expect=200)
    assert rows(relay, "SELECT count(*) FROM stream WHERE message_id = ?", number) == [(2,)]
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    assert rows(relay, "SELECT count(*) FROM stream WHERE message_id = ?", number) == [(0,)]
    assert group.texts(bob) == []
