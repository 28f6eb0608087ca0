"""What the relay carries to an external address itself: mail, and messages by a Telegram bot."""
import time

import pytest

from client import wait_until
from groups import rows
from harness import Relay, StartFailed
from keys import make_key
from phone import Phone
from telegram_sink import RESPONSES, TelegramSink

MESSAGES, ME = "/api/v1/messages", "/api/v1/pchat/auth/me"
OUT = "friend@example.net"
TOKEN = "4711:AAbb-cc_DD"
TIMEOUT_SEC = 60


@pytest.fixture(scope="module")
def one_telegram():
    with TelegramSink() as sink:
        yield sink


@pytest.fixture(name="telegram")
def a_bot_api(one_telegram):
    one_telegram.begin_anew()
    yield one_telegram
    one_telegram.let_go()


@pytest.fixture(name="mailing")
def relay_with_mail(one_mailing, sink):  # pylint: disable=unused-argument
    return one_mailing(PCHAT_DEV_EXPOSE_CODES="true", QUEUE_HOUSEKEEPING_INTERVAL_SEC=0)  # as below


@pytest.fixture(name="own")
def relay_of_ones_own(make_relay, sink):
    """For tests after which the mailer tries nothing for a while."""
    return make_relay(sink.settings(PCHAT_DEV_EXPOSE_CODES="true"))


@pytest.fixture(scope="module")
def one_chatting(built, one_telegram):  # pylint: disable=unused-argument
    with Relay(one_telegram.settings(QUEUE_HOUSEKEEPING_INTERVAL_SEC=0)) as relay:  # a pass clears the reasons of what failed
        yield relay


@pytest.fixture(name="chatting")
def relay_with_telegram(one_chatting, telegram):  # pylint: disable=unused-argument
    """One for all; what a test leaves in the outbox goes with it."""
    yield one_chatting
    with one_chatting.locked_database() as link:
        link.execute("DELETE FROM outbox")
        link.execute("UPDATE bridge SET bot_token = NULL")


def signed_in(relay, sink=None):
    """A user; the mail with the code is let go."""
    user = relay.sign_in()
    if sink:
        sink.wait_mail(user.email)
    return user


def mail(user, text="Hello", *, to=OUT, subject="News", expect=202, **fields):
    response = user.post(MESSAGES, {"channel": "email", "to": to, "subject": subject, "text": text, **fields}, expect=expect)
    return response["message_id"] if response.status < 300 else response


def send_bot(user, text="Hello", *, to="12345", bot_token=TOKEN, expect=202, **fields):
    response = user.post(MESSAGES, {"channel": "tg_bot", "to": to, "bot_token": bot_token, "text": text, **fields}, expect=expect)
    return response["message_id"] if response.status < 300 else response


def wait_status(user, message_id, status, timeout_sec=TIMEOUT_SEC):
    """The receipt, once the message stands there."""
    def look():
        found = user.receipts(message_id)[message_id]
        return found["status"] == status and found
    return wait_until(f"{message_id} is {status}", look, timeout_sec)


def waiting(relay):
    """(tries, last_error) of each row of the outbox that is a user's."""
    return rows(relay, "SELECT tries, last_error FROM outbox WHERE message_id IS NOT NULL")


def wait_tried(relay, words="", count=1):
    """Wait until a row of the outbox was tried that often, with those words as the reason."""
    return wait_until(f"a try failed with {words!r}",
                      lambda: any(tries >= count and words in error for tries, error in waiting(relay)), TIMEOUT_SEC)


# -- mail ------------------------------------------------------------------------------------------

def test_mail_leaves_as_it_was_written(mailing, sink):
    ann = signed_in(mailing, sink)
    message_id = mail(ann, "Grüße\n.\n..dots 😀\n", subject="Küche")
    got = sink.wait_mail(OUT)
    assert got.recipients == [OUT] and got.sender == "relay@example.org"
    assert (got.message["From"], got.message["To"]) == ("WebChat relay <relay@example.org>", OUT)
    assert str(got.message["Subject"]) == "Küche"
    assert got.text.split() == ["Grüße", ".", "..dots", "😀"]
    assert got.message["Reply-To"] is None and got.message["Auto-Submitted"] is None
    assert ann.email not in got.raw.decode() and not got.message.defects
    assert wait_status(ann, message_id, "sent") == {"message_id": message_id, "status": "sent"}
    assert waiting(mailing) == []


@pytest.mark.parametrize("text", ["x" * 65536, "a\r\nb\rc", "é" * 3000, "\u0001\t\u007f", "."], ids=lambda text: ascii(text)[:16])
def test_any_text_arrives(mailing, sink, text):
    mail(signed_in(mailing, sink), text)
    got = sink.wait_mail(OUT)
    body = got.message.get_payload(decode=True).decode()
    assert body.removesuffix("\r\n") == text or body.removesuffix("\n") == text
    assert all(len(line) <= 998 for line in got.raw.split(b"\r\n"))


@pytest.mark.parametrize("subject", ["x" * 998, "é" * 499, "=?utf-8?B?QmNj?=", "a: b <c@example.com>", "\u2028Bcc: x@example.com"],
                         ids=lambda text: ascii(text)[:16])
def test_any_subject_arrives_and_stays_one_header(mailing, sink, subject):
    mail(signed_in(mailing, sink), subject=subject)
    got = sink.wait_mail(OUT)
    assert got.recipients == [OUT] and got.message["Bcc"] is None
    head = got.raw.split(b"\r\n\r\n", 1)[0]
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert {line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")} <= {
        b"Date", b"From", b"To", b"Subject", b"Message-ID", b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding", b"X-Peer",
        b"X-MailFrom", b"X-RcptTo"}


def test_own_address_is_in_reply_to_only_for_those_who_want_it(mailing, sink):
    ann = signed_in(mailing, sink)
    assert ann.get(ME)["user"]["mail_reply_to"] is False
    assert ann.put(ME, {"mail_reply_to": True}, expect=200)["user"]["mail_reply_to"] is True
    ann.put(ME, {"language": "de"}, expect=200)
    ann.presence(True, display_name="Ann")
    assert ann.get(ME)["user"]["mail_reply_to"] is True
    mail(ann)
    assert sink.wait_mail(OUT).message["Reply-To"] == ann.email


def test_mail_goes_by_the_relay_and_not_by_a_phone(own, sink):
    ann = signed_in(own, sink)
    sink.stop()
    mail(ann)
    assert Phone(make_key(ann, "phone"), "").claim() == []


def test_mail_without_a_mail_server_waits_for_a_phone(relay, ann):
    message_id = mail(ann)
    [message] = Phone(make_key(ann, "phone"), "").claim()
    assert (message["message_id"], message["subject"], message["to"]) == (message_id, "News", OUT)


def test_mail_is_tried_again_after_a_passing_failure(mailing, sink):
    ann = signed_in(mailing, sink)
    sink.misbehave, sink.bad_recipient = "rcpt_450", OUT
    message_id = mail(ann)
    wait_tried(mailing, "450 4.2.0")
    assert ann.status(message_id) == "queued"
    sink.misbehave = None
    wait_status(ann, message_id, "sent")
    assert len(sink.mails_to(OUT)) == 1


def test_mail_that_is_refused_has_failed_with_the_servers_words(mailing, sink):
    ann = signed_in(mailing, sink)
    sink.misbehave, sink.bad_recipient = "rcpt_550", OUT
    message_id = mail(ann)
    found = wait_status(ann, message_id, "failed")
    assert "550 5.1.1 No such mailbox" in found["error"]
    assert ann.get(f"{MESSAGES}/{message_id}")["message"]["error"] == found["error"]
    assert waiting(mailing) == [] and ann.get("/api/v1/webchat/phones")["phones"] == []


def test_mail_is_not_lost_while_our_login_is_wrong(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    relay = make_relay(sink.settings(PCHAT_DEV_EXPOSE_CODES="true", SMTP_USERNAME="x@example.org", SMTP_PASSWORD="wrong",
                                     SMTP_CA_FILE=sink.certificate))
    ann = relay.sign_in()
    wait_until("the code was tried", lambda: sink.auth_attempts, 60)
    message_id = mail(ann)
    with relay.locked_database() as link:
        assert link.execute("SELECT count(*) FROM outbox").fetchone()[0] == 2
    assert ann.status(message_id) == "queued" and sink.mails == []


def test_mail_waits_while_the_server_is_down_and_survives_a_restart(own, sink):
    ann = signed_in(own, sink)
    sink.stop()
    message_id = mail(ann)
    own.restart()
    sink.start()
    ann.port = own.port
    wait_status(ann, message_id, "sent")
    assert sink.wait_mail(OUT)


def test_repeat_of_the_key_mails_once(mailing, sink):
    ann = signed_in(mailing, sink)
    first = mail(ann, idempotency_key="k")
    assert mail(ann, idempotency_key="k", expect=200) == first
    wait_status(ann, first, "sent")
    assert len(sink.mails_to(OUT)) == 1


def test_withdrawn_mail_does_not_leave(mailing, sink):
    ann = signed_in(mailing, sink)
    sink.misbehave, sink.bad_recipient = "rcpt_450", OUT
    message_id = mail(ann)
    wait_tried(mailing)
    ann.delete(f"{MESSAGES}/{message_id}", expect=200)
    sink.misbehave = None
    assert waiting(mailing) == []
    other = mail(ann, to="other@example.net")
    wait_status(ann, other, "sent")
    assert sink.mails_to(OUT) == []


def test_edited_mail_leaves_with_the_new_text(mailing, sink):
    ann = signed_in(mailing, sink)
    sink.misbehave, sink.bad_recipient = "rcpt_450", OUT
    message_id = mail(ann, "old")
    wait_tried(mailing)
    ann.patch(f"{MESSAGES}/{message_id}", {"text": "new"}, expect=200)
    sink.misbehave = None
    assert sink.wait_mail(OUT).text.strip() == "new"
    wait_status(ann, message_id, "sent")
    ann.patch(f"{MESSAGES}/{message_id}", {"text": "late"}, expect=403).is_error(403, "edit_window_closed")


def test_mail_of_an_erased_user_does_not_leave_but_mails_to_that_address_stay(mailing, sink):
    ann, bob = signed_in(mailing, sink), signed_in(mailing, sink)
    sink.misbehave = "rcpt_450"
    mail(ann)
    to_ann = mail(bob, to=ann.email)
    ann.delete(ME, expect=200)
    assert len(waiting(mailing)) == 1
    sink.misbehave = None
    wait_status(bob, to_ann, "sent")
    assert sink.mails_to(OUT) == []


def test_mail_that_waited_too_long_has_expired(make_relay, sink):
    relay = make_relay(sink.settings(PCHAT_DEV_EXPOSE_CODES="true", QUEUE_STALE_TTL_SEC=3))
    ann = signed_in(relay, sink)
    sink.misbehave, sink.bad_recipient = "rcpt_450", OUT
    message_id = mail(ann)
    wait_tried(relay)
    assert wait_status(ann, message_id, "expired") == {"message_id": message_id, "status": "expired"}
    assert waiting(relay) == []


def test_mails_of_a_day_are_limited_per_user(make_relay, sink):
    relay = make_relay(sink.settings(PCHAT_DEV_EXPOSE_CODES="true", RELAY_MAILS_PER_DAY=2))
    ann, bob = signed_in(relay, sink), signed_in(relay, sink)
    first = mail(ann, idempotency_key="k")
    mail(ann)
    refused = mail(ann, expect=429).is_error(429, "rate_limited")
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
    assert mail(ann, idempotency_key="k", expect=200) == first
    ann.send(bob, "the chat goes on")
    mail(bob)
    with relay.locked_database() as link:
        link.execute("UPDATE throttle SET resets_at = 1")
    mail(ann)


def test_limit_of_zero_is_no_limit(make_relay, sink):
    relay = make_relay(sink.settings(PCHAT_DEV_EXPOSE_CODES="true", RELAY_MAILS_PER_DAY=0))
    ann = signed_in(relay, sink)
    for _ in range(5):
        mail(ann)
    sink.wait_mail(OUT, 5)


# -- Telegram --------------------------------------------------------------------------------------

@pytest.mark.parametrize("to", ["12345", "-100987", "@channel", '"},{"x":"'])
def test_message_reaches_the_bot_as_it_was_written(chatting, telegram, to):
    ann = chatting.sign_in()
    message_id = send_bot(ann, 'Grüße "quoted"\n😀', to=to)
    [turn] = telegram.wait_taken()
    del turn["at"]
    assert turn == {"method": "POST", "path": f"/bot{TOKEN}/sendMessage", "type": "application/json", "chat_id": to,
                    "text": 'Grüße "quoted"\n😀'}
    assert wait_status(ann, message_id, "sent") == {"message_id": message_id, "status": "sent"}
    assert waiting(chatting) == []


def test_token_is_kept_only_until_it_was_used_and_never_logged(chatting, telegram):
    ann = chatting.sign_in()
    telegram.misbehave = "error_500"
    message_id = send_bot(ann)
    wait_tried(chatting)
    telegram.misbehave = None
    wait_status(ann, message_id, "sent")
    assert rows(chatting, "SELECT count(*) FROM bridge WHERE bot_token IS NOT NULL") == [(0,)]
    assert TOKEN not in chatting.stderr + chatting.file_text("run/relay.log")


def test_repeat_of_the_key_sends_once(chatting, telegram):
    ann = chatting.sign_in()
    first = send_bot(ann, idempotency_key="k")
    assert send_bot(ann, idempotency_key="k", expect=200) == first
    send_bot(ann, "end")
    assert [turn["text"] for turn in telegram.wait_taken(2)] == ["Hello", "end"]


def test_messages_leave_in_the_order_of_sending(chatting, telegram):
    ann = chatting.sign_in()
    for number in range(10):
        send_bot(ann, str(number))
    assert [turn["text"] for turn in telegram.wait_taken(10)] == [str(number) for number in range(10)]


@pytest.mark.parametrize("how, reason", [("chat_not_found", "Bad Request: chat not found"), ("unauthorized", "Unauthorized"),
                                         ("bare_403", "Telegram answered 403"), ("control_403", "a  b é")])
def test_refusal_is_final_and_says_why(chatting, telegram, how, reason):
    ann = chatting.sign_in()
    telegram.misbehave = how
    message_id = send_bot(ann)
    assert wait_status(ann, message_id, "failed")["error"] == reason
    assert len(telegram.turns) == 1 and waiting(chatting) == []
    assert rows(chatting, "SELECT count(*) FROM bridge WHERE bot_token IS NOT NULL") == [(0,)]


def test_new_id_of_a_group_is_reported_to_the_sender(chatting, telegram):
    telegram.misbehave = "moved"
    ann = chatting.sign_in()
    message_id = send_bot(ann, to="-4012345")
    wait_status(ann, message_id, "failed")
    error = ann.get(f"{MESSAGES}/{message_id}")["message"].get("error") or ann.receipts(message_id)[message_id]["error"]
    assert "the group's new id is -1001234567890" in error and "4012345" not in error
    assert "1001234567890" not in chatting.stderr


@pytest.mark.parametrize("text, status", [("x" * 4096, 202), ("x" * 4097, 400), ("\U0001f600" * 2048, 202), ("\U0001f600" * 2048 + "x", 400),
                                          ("\u00e9" * 4096, 202)], ids=["4096", "4097", "emoji", "emoji-and-one", "two-bytes"])
def test_longest_text_that_telegram_takes_is_known_at_once(chatting, text, status):
    response = send_bot(chatting.sign_in(), text, expect=status)
    if status == 400:
        response.is_error(400, "invalid_field", field="text")
        assert "4096" in response["message"]


def test_long_refusal_is_cut_between_characters(chatting, telegram):
    ann = chatting.sign_in()
    telegram.misbehave = "long_403"
    error = wait_status(ann, send_bot(ann), "failed")["error"]
    assert set(error) == {"é"} and len(error) < 300


def test_refusal_that_repeats_the_token_does_not_give_it_away(chatting, telegram):
    ann = chatting.sign_in()
    telegram.misbehave = "echo_token"
    assert TOKEN not in wait_status(ann, send_bot(ann), "failed")["error"]
    assert TOKEN not in chatting.stderr + chatting.file_text("run/relay.log")


@pytest.mark.parametrize("how", ["garbage", "false", "wrong_types", "empty", "error_500", "huge", "close"])
def test_what_is_no_response_is_tried_again(chatting, telegram, how):
    ann = chatting.sign_in()
    telegram.misbehave = how
    message_id = send_bot(ann)
    wait_tried(chatting)
    assert ann.status(message_id) == "queued"
    telegram.misbehave = None
    wait_status(ann, message_id, "sent")
    assert len(telegram.taken) == 1


@pytest.mark.parametrize("how", ["flood", "flood_by_header"])
def test_wait_that_telegram_asks_for_is_kept(chatting, telegram, how):
    ann = chatting.sign_in()
    telegram.misbehave, telegram.bad_chat = how, "1"
    message_id = send_bot(ann, to="1")
    wait_tried(chatting)
    telegram.misbehave = None
    send_bot(ann, to="2")
    wait_status(ann, message_id, "sent")
    first, other, again = telegram.turns
    assert other["chat_id"] == "2" and again["at"] - first["at"] >= 2.9


def test_wait_has_an_end(chatting, telegram):
    ann = chatting.sign_in()
    telegram.misbehave = "flood_for_ever"
    send_bot(ann)
    wait_tried(chatting)
    [(due_at,)] = rows(chatting, "SELECT next_try_at FROM outbox WHERE message_id IS NOT NULL")
    assert due_at / 1000 - time.time() <= 3600


def test_redirect_is_not_followed(chatting, telegram):
    ann = chatting.sign_in()
    with TelegramSink() as private:
        telegram.misbehave, telegram.elsewhere = "redirect", f"http://127.0.0.1:{private.port}/bot{TOKEN}/sendMessage"
        message_id = send_bot(ann)
        wait_tried(chatting, "302")
        telegram.misbehave = None
        wait_status(ann, message_id, "sent")
        assert private.turns == []


def test_withdrawn_message_is_not_sent(chatting, telegram):
    ann = chatting.sign_in()
    telegram.misbehave, telegram.bad_chat = "error_500", "1"
    message_id = send_bot(ann, to="1")
    wait_tried(chatting)
    ann.delete(f"{MESSAGES}/{message_id}", expect=200)
    telegram.misbehave = None
    wait_status(ann, send_bot(ann, to="2"), "sent")
    assert [turn["chat_id"] for turn in telegram.taken] == ["2"] and waiting(chatting) == []


def test_message_that_is_withdrawn_on_its_way_takes_none_with_it(chatting, telegram):
    ann = chatting.sign_in()
    telegram.misbehave, telegram.bad_chat = "late", "1"
    withdrawn = send_bot(ann, to="1")
    telegram.wait_turn()
    ann.delete(f"{MESSAGES}/{withdrawn}", expect=200)
    other = send_bot(ann, to="2")
    telegram.let_go()
    wait_status(ann, other, "sent")
    assert [turn["chat_id"] for turn in telegram.taken] == ["1", "2"]


def test_without_an_address_of_telegram_the_message_waits_for_a_phone(relay, ann):
    message_id = send_bot(ann)
    [message] = Phone(make_key(ann, "phone"), "").claim()
    assert (message["message_id"], message["bot_token"]) == (message_id, TOKEN)


def test_mail_goes_on_while_telegram_hangs(make_relay, sink, telegram):
    relay = make_relay({**sink.settings(PCHAT_DEV_EXPOSE_CODES="true"), **telegram.settings()})
    ann = signed_in(relay, sink)
    telegram.misbehave = "hang"
    stuck = send_bot(ann)
    telegram.wait_turn()
    wait_status(ann, mail(ann), "sent")
    assert ann.status(stuck) == "queued"


def test_telegram_goes_on_while_mail_hangs(make_relay, sink, telegram):
    relay = make_relay({**sink.settings(PCHAT_DEV_EXPOSE_CODES="true"), **telegram.settings()})
    sink.misbehave = "hang_after_ehlo"
    ann = relay.sign_in()
    stuck = mail(ann)
    sink.wait_bad_turn()
    wait_status(ann, send_bot(ann), "sent")
    assert ann.status(stuck) == "queued"


def test_relay_ends_while_both_servers_hang_and_sends_after_it_started_again(make_relay, sink, telegram):
    relay = make_relay({**sink.settings(PCHAT_DEV_EXPOSE_CODES="true"), **telegram.settings()})
    sink.misbehave, telegram.misbehave = "hang_after_ehlo", "hang"
    ann = relay.sign_in()
    sent = [mail(ann), send_bot(ann)]
    sink.wait_bad_turn()
    telegram.wait_turn()
    sink.misbehave = telegram.misbehave = None
    relay.restart()
    ann.port = relay.port
    for message_id in sent:
        wait_status(ann, message_id, "sent")


@pytest.mark.parametrize("value", ["http://api.telegram.org", "http://127.0.0.1.example.com", "http://localhost@example.com",
                                   "ftp://127.0.0.1", "https://", "https:///x", "api.telegram.org", "https://a b", "https://a?b", "file:///etc"])
def test_address_of_telegram_that_would_give_tokens_away_stops_the_start(make_relay, value):
    with pytest.raises(StartFailed, match="RELAY_TELEGRAM_API"):
        make_relay({"RELAY_TELEGRAM_API": value})


def test_every_misbehaviour_is_used():
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    assert [name for name in RESPONSES if f'"{name}"' not in text] == []
