"""Mail: codes leave through the outbox, whatever the mail server does."""
import os
import re
import signal
import socket

import pytest

from client import wait_until
from harness import unique
from smtp_sink import PASSWORD, USERNAME

REQUEST, VERIFY = "/api/v1/pchat/auth/request-code", "/api/v1/pchat/auth/verify-code"
ANN, BOB = "ann@example.com", "bob@example.com"
TIMEOUT_SEC = 150  # Longer than the first pauses between two tries together.


def ask(relay, email=ANN):
    return relay.client().post(REQUEST, {"email": email}, expect=202)


def mail_log(relay):
    """What `relayctl mail` prints, with blanks folded."""
    return " ".join(relay.ctl("mail").stdout.split())


def wait_log(relay, *words):
    """Wait until `relayctl mail` shows all of the words."""
    wait_until(f"relayctl mail shows {words}", lambda: all(word in mail_log(relay) for word in words), 60, 0.2)


@pytest.fixture(name="mailing")
def mailing_relay(one_mailing, sink):  # pylint: disable=unused-argument
    return one_mailing()


@pytest.fixture(name="own")
def relay_of_ones_own(make_relay, sink):
    """For tests that end processes, or after which the mailer tries nothing for a while."""
    return make_relay(sink.settings())


@pytest.fixture(name="ann")
def address_of_ann():
    return unique("ann") + "@example.com"


@pytest.fixture(name="bob")
def address_of_bob():
    return unique("bob") + "@example.com"


def test_code_arrives_by_mail_and_signs_in(mailing, sink, ann):
    response = ask(mailing, ann)
    assert response.json == {"success": True, "status": "code_sent", "expires_in": 600}
    mail = sink.wait_mail(ann)
    mailing.client().post(VERIFY, {"email": ann, "code": mail.code}, expect=200)


def test_mail_is_well_formed(make_relay, sink):
    relay = make_relay(sink.settings(RELAY_NAME="Küche & Söhne"))
    ask(relay)
    mail = sink.wait_mail(ANN)
    assert mail.sender == "relay@example.org" and mail.recipients == [ANN]
    message = mail.message
    assert ANN in message["To"] and "relay@example.org" in message["From"]
    assert all(message[name] for name in ("Subject", "Date", "Message-ID", "MIME-Version"))
    assert "Küche & Söhne" in str(message["Subject"]) + str(message["From"]) + mail.text
    assert not message.defects
    head = mail.raw.split(b"\r\n\r\n", 1)[0]
    assert all(byte < 128 for byte in head), "a header is not encoded"
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))


@pytest.mark.parametrize("name, shown", [("Plain Relay", '"Plain Relay" <relay@example.org>'), ('A "B" \\ C', None), ("Küche", None),
                                         ("x" * 64, None), ("=?utf-8?B?eA==?=", None)], ids=["plain", "quotes", "umlaut", "long", "encoded-word"])
def test_headers_meet_rfc_2047_and_5322(make_relay, sink, name, shown):
    relay = make_relay(sink.settings(RELAY_NAME=f"'{name}'" if name.startswith("A") else name))
    ask(relay)
    mail = sink.wait_mail(ANN)
    head = mail.raw.split(b"\r\n\r\n", 1)[0].decode("ascii")
    assert max(map(len, head.split("\r\n"))) <= 78, head
    assert all(len(line) <= 76 for line in head.split("\r\n") if "=?" in line), head
    [sender] = mail.message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "relay@example.org")
    assert name in str(mail.message["Subject"])
    assert shown is None or f"From: {shown.split(' <')[0]}" in head


def test_message_ids_count_nothing(mailing, sink, ann):
    for _ in range(2):
        ask(mailing, ann)
    first, second = (mail.message["Message-ID"] for mail in sink.wait_mail(ann, count=2) and sink.mails_to(ann))
    assert first != second and all(re.fullmatch(r"<[0-9a-f]{32}@example\.org>", value) for value in (first, second))


LANGUAGES = {"en": "sign-in code", "es": "código de acceso", "de": "Anmeldecode", "fr": "code de connexion", "he": "קוד הכניסה", "ar": "رمز الدخول",
             "DE-at": "Anmeldecode", "xx": "sign-in code", "": "sign-in code"}


def test_code_comes_in_the_language_of_the_request_or_of_the_account(mailing, sink):
    for number, (language, words) in enumerate(LANGUAGES.items()):
        email = f"l{number}@example.com"
        mailing.client().post(REQUEST, {"email": email, "language": language}, expect=202)
        mail = sink.wait_mail(email)
        assert words in mail.text and words in str(mail.message["Subject"]) and mail.code, language
    email = "account@example.com"
    ask(mailing, email)
    mailing.client().post(VERIFY, {"email": email, "code": sink.wait_mail(email).code, "language": "fr"}, expect=200)
    mailing.client().post(REQUEST, {"email": email, "language": "de"}, expect=202)
    wait_until("the second mail", lambda: len(sink.mails_to(email)) == 2)
    assert "code de connexion" in sink.mails_to(email)[1].text


def test_ehlo_names_this_machine(mailing, sink, ann):
    ask(mailing, ann)
    mail = sink.wait_mail(ann)
    host = socket.getfqdn()
    assert mail.host_name == (host if "." in socket.gethostname() or ("." in host and not host.startswith("localhost")) else "example.org")


def test_mail_goes_to_the_one_address_only_and_once(mailing, sink, ann, bob):
    for email in (ann, bob):
        ask(mailing, email)
    for email in (ann, bob):
        assert sink.wait_mail(email).recipients == [email]
    wait_until("the outbox is empty", lambda: ann not in mail_log(mailing) and bob not in mail_log(mailing))
    assert len(sink.mails) == 2


def test_mail_waits_while_the_server_is_down(own, sink):
    sink.stop()
    ask(own)
    wait_log(own, ANN)
    sink.start()
    assert sink.wait_mail(ANN, timeout_sec=TIMEOUT_SEC).code


def test_mail_survives_a_restart_of_the_relay(own, sink):
    sink.stop()
    ask(own)
    own.stop()
    sink.start()
    own.start()
    assert sink.wait_mail(ANN, timeout_sec=TIMEOUT_SEC).code


def test_mailer_that_dies_is_started_again(own, sink):
    [mailer] = wait_until("the mailer runs", lambda: own.children("relay-mail"))
    os.kill(mailer, signal.SIGKILL)
    ask(own)
    assert sink.wait_mail(ANN).code


@pytest.mark.parametrize("misbehave", ["rcpt_450", "hang_after_ehlo", "close_in_data"])
def test_mail_is_tried_again_after_a_passing_failure(own, sink, misbehave):
    sink.misbehave = misbehave
    ask(own)
    sink.wait_bad_turn()
    sink.misbehave = None
    assert sink.wait_mail(ANN, timeout_sec=TIMEOUT_SEC).code
    assert len(sink.mails_to(ANN)) == 1


def test_failure_shows_in_relayctl_with_the_servers_response(mailing, sink, ann):
    sink.misbehave = "rcpt_450"
    ask(mailing, ann)
    wait_log(mailing, ann, "450 4.2.0 Mailbox is greylisted")


@pytest.mark.parametrize("response", ["550 5.1.1 No such user", "551 User not local", "552 5.2.2 Mailbox full", "553 5.1.3 Bad name",
                                      "554 5.7.1 Rejected as spam", "501 5.1.3 Bad address", "556 5.1.10 Domain takes no mail"])
def test_mailbox_that_is_not_there_is_final(mailing, sink, ann, bob, response):
    sink.misbehave, sink.bad_recipient, sink.response = "rcpt_550", ann, response
    before = mailing.stderr.count("refused")
    ask(mailing, ann)
    wait_until("it is given up", lambda: mailing.stderr.count("refused") > before and ann not in mail_log(mailing), 60)
    sink.misbehave = None
    ask(mailing, bob)
    assert sink.wait_mail(bob).code and sink.mails_to(ann) == [] and sink.bad_turns == 1


@pytest.mark.parametrize("response", ["421 4.3.2 Shutting down", "450 4.2.0 Greylisted", "451 4.3.0 Local error", "452 4.2.2 Over quota",
                                      "454 4.7.0 Try again", "521 5.3.2 I take no mail", "530 5.7.0 Must issue STARTTLS first",
                                      "503 5.5.1 Bad sequence"])
def test_response_that_is_not_about_the_mailbox_is_not_final(own, sink, response):
    sink.misbehave, sink.bad_recipient, sink.response = "rcpt_550", ANN, response
    ask(own)
    sink.wait_bad_turn()
    wait_log(own, ANN, response[:3])


def test_wrong_password_is_not_tried_for_each_mail(make_relay, sink):
    """A second try within the minute could lock the account at the mail server."""
    sink.start(tls=True, auth="after_tls")
    relay = make_relay(sink.settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD="not-the-one", SMTP_CA_FILE=sink.certificate))
    ask(relay)
    wait_log(relay, ANN, "535")
    tried = len(sink.auth_attempts)
    for number in range(5):
        ask(relay, f"x{number}@example.com")
    wait_log(relay, "x4@example.com")
    assert len(sink.auth_attempts) == tried


def test_sender_that_the_server_does_not_take_is_no_fault_of_the_mail(make_relay, sink):
    sink.misbehave = "mail_550"
    relay = make_relay(sink.settings())
    ask(relay)
    sink.wait_bad_turn()
    wait_log(relay, ANN, "550")


@pytest.mark.parametrize("misbehave", ["hang_after_ehlo", "close_in_data"])
def test_failure_without_an_response_shows_in_relayctl(own, sink, misbehave):
    sink.misbehave = misbehave
    ask(own)
    sink.wait_bad_turn()
    wait_log(own, ANN)


def test_one_bad_recipient_does_not_hold_up_the_others(mailing, sink, ann, bob):
    sink.misbehave, sink.bad_recipient = "rcpt_450", ann
    ask(mailing, ann)
    sink.wait_bad_turn()
    ask(mailing, bob)
    assert sink.wait_mail(bob).code
    assert not sink.mails_to(ann)


def test_chat_goes_on_while_the_mail_server_hangs(make_relay, sink):
    relay = make_relay(sink.settings(PCHAT_DEV_EXPOSE_CODES="true"))
    sink.misbehave = "hang_after_ehlo"
    ann, bob = relay.sign_in(ANN), relay.sign_in(BOB)
    sink.wait_bad_turn()
    ann.send(bob, "still here")
    assert bob.texts() == ["still here"]


def test_mail_whose_code_expired_is_dropped(own, sink):
    sink.stop()
    ask(own)
    wait_until("a try has failed", lambda: tries_kept(own) >= 1, 60, 0.2)  # or it might be on its way already
    with own.locked_database() as link:
        link.execute("UPDATE outbox SET expires_at = 1, next_try_at = 1")
    sink.start()
    ask(own, BOB)
    sink.wait_mail(BOB, timeout_sec=TIMEOUT_SEC)
    wait_until("the outbox is empty", lambda: ANN not in mail_log(own))
    assert sink.mails_to(ANN) == []


# -- TLS and AUTH ----------------------------------------------------------------------------------

def test_mail_goes_over_starttls_with_auth(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    relay = make_relay(sink.settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD, SMTP_CA_FILE=sink.certificate))
    ask(relay)
    assert sink.wait_mail(ANN).over_tls
    assert sink.auth_attempts and all(sink.auth_attempts)
    assert PASSWORD not in relay.stderr


def test_tls_from_the_start_on_any_port(make_relay, sink):
    """The server understands nothing else."""
    sink.start(tls="from_start", auth="in_clear")
    relay = make_relay(sink.settings(SMTP_TLS="tls", SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD, SMTP_CA_FILE=sink.certificate))
    ask(relay)
    assert sink.wait_mail(ANN).code and sink.auth_attempts


def test_starttls_that_is_insisted_on_and_not_offered_sends_nothing(make_relay, sink):
    relay = make_relay(sink.settings(SMTP_TLS="starttls"))
    refused(relay, sink)


def test_off_never_encrypts(make_relay, sink):
    relay = make_relay(sink.settings(SMTP_TLS="off"))
    ask(relay)
    assert not sink.wait_mail(ANN).over_tls


def test_sender_falls_back_to_the_user_name(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    relay = make_relay(sink.settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD, SMTP_CA_FILE=sink.certificate, SMTP_FROM=""))
    ask(relay)
    assert sink.wait_mail(ANN).sender == USERNAME


def refused(relay, sink):
    """The mail was tried, and neither it nor the password left."""
    ask(relay)
    wait_until("a try has failed", lambda: tries_kept(relay) >= 1, 60, 0.2)
    assert sink.mails == [] and ANN in mail_log(relay)


def tries_kept(relay):
    with relay.locked_database() as link:
        return link.execute("SELECT max(tries) FROM outbox").fetchone()[0] or 0


def test_password_is_not_sent_where_there_is_no_tls(make_relay, sink):
    sink.start(auth="in_clear")
    relay = make_relay(sink.settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD))
    refused(relay, sink)
    assert sink.auth_attempts == []


def test_password_is_not_sent_to_a_certificate_that_is_not_trusted(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    relay = make_relay(sink.settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD))
    refused(relay, sink)
    assert sink.auth_attempts == []


def test_wrong_password_shows_in_relayctl_but_is_not_shown_itself(make_relay, sink):
    sink.start(tls=True, auth="after_tls")
    relay = make_relay(sink.settings(SMTP_USERNAME=USERNAME, SMTP_PASSWORD="not-the-one", SMTP_CA_FILE=sink.certificate))
    ask(relay)
    wait_log(relay, ANN, "535")
    assert "not-the-one" not in mail_log(relay) + relay.stderr


# -- relayctl mail test ----------------------------------------------------------------------------

def test_test_mail_arrives(mailing, sink):
    mailing.ctl("mail", "test", "op@example.com")
    assert sink.wait_mail("op@example.com").code is None


@pytest.mark.parametrize("misbehave", ["rcpt_450", "rcpt_550"])
def test_test_mail_that_fails_says_what_the_server_said(mailing, sink, misbehave):
    sink.misbehave = misbehave
    done = mailing.ctl("mail", "test", "op@example.com", expect=1)
    assert misbehave[-3:] in done.stdout + done.stderr


def test_test_mail_to_a_server_that_is_down_fails(mailing, sink):
    sink.stop()
    done = mailing.ctl("mail", "test", "op@example.com", expect=1)
    assert done.stdout + done.stderr


def test_test_mail_without_a_mail_server_says_so(relay):
    done = relay.ctl("mail", "test", "op@example.com", expect=None)
    assert done.returncode != 0 and "SMTP_HOST" in done.stdout + done.stderr
