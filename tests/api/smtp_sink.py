"""A mail server on loopback that records what it gets and misbehaves on request."""
import asyncio
import email
import email.policy
import re
import ssl
import tempfile

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from client import wait_until
from harness import free_port
from tls import make_certificate

USERNAME, PASSWORD = "relay@example.org", "correct horse"


class Mail:
    """One mail that was accepted."""

    def __init__(self, envelope, session):
        self.sender, self.recipients, self.over_tls = envelope.mail_from, envelope.rcpt_tos, bool(session.ssl)
        self.raw = envelope.original_content
        self.host_name = session.host_name
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def text(self):
        return self.message.get_body(("plain",)).get_content()

    @property
    def code(self):
        """The sign-in code in it, or None."""
        found = re.search(r"(?<!\d)(\d{6})(?!\d)", self.text)
        return found and found.group(1)


class _Protocol(SMTP):
    """aiosmtpd's protocol with a place to break it in DATA, and a record of AUTH."""

    async def smtp_AUTH(self, arg):
        self.event_handler.auth_attempts.append(bool(self.session.ssl))
        await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg):
        if self.event_handler.misbehave == "close_in_data":
            await self.push("354 go ahead")
            await self._reader.readline()
            self.event_handler.bad_turns += 1
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self):
        return _Protocol(self.handler, **self.SMTP_kwargs)


class SmtpSink:
    """The sink. `misbehave` is None, rcpt_450 or rcpt_550 (for `bad_recipient` only, if one is named; with `response`, if there is one),
    mail_550, hang_after_ehlo or close_in_data."""

    def __init__(self):
        self.port = free_port()
        self._controller, self._plain = None, True
        self._forget()
        self._folder = tempfile.TemporaryDirectory(prefix="relay-test-smtp-")
        self.certificate = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self._folder.cleanup()

    def _forget(self):
        self.mails, self.auth_attempts = [], []
        self.misbehave, self.bad_turns, self.bad_recipient, self.response = None, 0, None, None

    def begin_anew(self):
        """As it was made: in clear, it got no mail, and behaves."""
        if not self._controller or not self._plain:
            self.start()
        self._forget()

    def start(self, *, tls=False, auth="none"):
        """Listen. `tls` offers STARTTLS, "from_start" speaks it from the first byte; `auth` is none, after_tls (required) or in_clear (offered)."""
        self.stop()
        self._plain = not tls and auth == "none"
        options = {"hostname": "127.0.0.1", "port": self.port, "ready_timeout": 20}
        if tls == "from_start":
            options.update(ssl_context=self._tls_context())
        elif tls:
            options.update(tls_context=self._tls_context(), require_starttls=True)
        if auth != "none":
            options.update(authenticator=self._authenticate, auth_required=auth == "after_tls",
                           auth_require_tls=auth == "after_tls")
        self._controller = _Controller(self, **options)
        self._controller.start()
        return self

    def stop(self):
        """Refuse connections from now on."""
        if self._controller:
            self._controller.stop()
            self._controller = None

    def _tls_context(self):
        if not self.certificate:
            self.certificate, self._key = make_certificate(self._folder.name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self._key)
        return context

    @staticmethod
    def _authenticate(_server, _session, _envelope, _mechanism, data):
        good = data.login == USERNAME.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=good, handled=good)

    def settings(self, **more):
        """The settings of a relay that mails through this sink."""
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": self.port, "SMTP_FROM": "relay@example.org",
                "PCHAT_DEV_EXPOSE_CODES": "false", **more}

    # -- hooks of aiosmtpd ---------------------------------------------------------------------

    async def handle_EHLO(self, _server, session, _envelope, hostname, responses):
        session.host_name = hostname
        if self.misbehave == "hang_after_ehlo":
            self.bad_turns += 1
            await asyncio.sleep(3600)
        return responses

    async def handle_MAIL(self, _server, _session, envelope, address, options):
        if self.misbehave == "mail_550":
            self.bad_turns += 1
            return "550 5.7.1 Sender not allowed"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if self.misbehave in ("rcpt_450", "rcpt_550") and self.bad_recipient in (None, address):
            self.bad_turns += 1
            return self.response or {"rcpt_450": "450 4.2.0 Mailbox is greylisted",
                    "rcpt_550": "550 5.1.1 No such mailbox"}[self.misbehave]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        self.mails.append(Mail(envelope, session))
        return "250 OK"

    # -- what tests ask ------------------------------------------------------------------------

    def mails_to(self, address):
        return [mail for mail in self.mails if address in mail.recipients]

    def wait_mail(self, address, count=1, timeout_sec=60):
        """The newest mail to the address, once that many came."""
        wait_until(f"{count} mails to {address}", lambda: len(self.mails_to(address)) >= count, timeout_sec)
        return self.mails_to(address)[-1]

    def wait_bad_turn(self, count=1):
        """Wait until the misbehaviour was met."""
        wait_until(f"the relay met {self.misbehave}", lambda: self.bad_turns >= count, 60)
