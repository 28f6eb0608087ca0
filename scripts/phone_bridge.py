#!/usr/bin/env python3
"""Makes an Android phone the bridge of a WebChat private relay: what people write to SMS and notifications leaves by it, and SMS
that it receives come in. Runs in Termux with Termux:API; nothing but Python's standard library is needed.

The key has the scope `phone` (WebChat: Settings, phone bridge; or `POST /api/v1/webchat/keys`). It stands in a file that only you
can read, or in RELAY_PHONE_KEY, never on the command line, where other programs would see it.

Ends with 0 after --once, with 1 when the relay refuses the key, with 2 for wrong use."""
import argparse
import contextlib
import datetime
import fcntl
import hashlib
import http.client
import ipaddress
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

PROGRAM = "phone_bridge.py"
CLAIM, ACK, INBOUND = "/api/v1/phone/claim", "/api/v1/phone/ack", "/api/v1/phone/inbound"
AT_ONCE = 10  # a lease lasts a minute
SEND_SEC, ASK_SEC = 30, 30
PAUSE_MAX_SEC = 300
REMEMBERED = 500  # messages that went out, and SMS that came in
INBOX_LENGTH = 50


# -- addresses (the same in webchat_cli.py) --------------------------------------------------------

def checked_url(text, what, bare=False):
    """The URL without a slash at its end; ValueError when it is none to trust. `bare`: no query either."""
    if any(ord(c) <= 32 or ord(c) == 127 or c.isspace() for c in text):
        raise ValueError(f"{what} holds white space or control characters")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{what} is no http or https address: {text}")
    if parts.username is not None or parts.password is not None or "\\" in text:
        raise ValueError(f"{what} holds a user name or password")
    if parts.port == 0:  # One that is no number is a ValueError of its own.
        raise ValueError(f"{what} has no port 0")
    if "#" in text or (bare and "?" in text):
        raise ValueError(f"{what} holds {'a fragment' if '#' in text else 'a query'}: {text}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port and parts.port != {"http": 80, "https": 443}[parts.scheme] else ""
    text = parts._replace(netloc=host + port).geturl()  # Scheme and host in lower case: one relay, one address.
    return text.rstrip("/") if bare else text


def sends_openly(url):
    """Whether talking to the URL means plain http over the internet."""
    parts = urlsplit(url)
    host = parts.hostname.rstrip(".").lower()
    if parts.scheme == "https" or host == "localhost" or host.endswith((".localhost", ".local")):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return not (address.is_private or address.is_loopback or address.is_link_local)


# -- the relay -------------------------------------------------------------------------------------

class Refused(Exception):
    """The relay does not take the key, or the call: another try would be refused as well."""


class Later(Exception):
    """No answer, or one that says: not now. `seconds` is what the relay wishes, or None."""

    def __init__(self, why, seconds=None):
        super().__init__(why)
        self.seconds = seconds


class Relay:
    """Calls with one key."""

    def __init__(self, url, key):
        self.url, self.key = url, key
        self.opener = urllib.request.build_opener(NoRedirects)

    def call(self, path, body):
        """POST; the object that was answered. Refused or Later."""
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {
            "Content-Type": "application/json", "Authorization": "Bearer " + self.key})
        try:
            with self.opener.open(request, timeout=ASK_SEC) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise reason_of(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Later(str(getattr(error, "reason", None) or error) or type(error).__name__) from None


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key goes to the relay and nowhere else."""

    def redirect_request(self, *_):
        return None


def reason_of(error):
    """What an answer that is no success means."""
    try:
        said = json.load(error).get("message", "")
    except (ValueError, OSError, AttributeError):
        said = ""
    if error.code in (429, 500, 502, 503, 504):
        wish = error.headers.get("Retry-After", "")
        return Later(f"{error.code} {said}".strip(), int(wish) if wish.isdigit() else None)
    return Refused(f"{error.code} {said}".strip())


# -- the phone -------------------------------------------------------------------------------------

class Failed(Exception):
    """The phone did not do it; the reason has no text and no number in it."""


def termux(command, *words, text=None):
    """Run a program of Termux:API; what it printed. The text of a message goes in by standard input: no other program sees it."""
    try:
        done = subprocess.run([command, *words], input=text, stdin=subprocess.DEVNULL if text is None else None, capture_output=True,
                              text=True, encoding="utf-8", errors="replace", timeout=SEND_SEC, check=False)
    except FileNotFoundError:
        raise Failed(f"{command} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{command} did not end") from None
    if done.returncode != 0:
        raise Failed(f"{command} ended with {done.returncode}")
    return done.stdout


def send_sms(message, sim):
    """One SMS."""
    number = message["to"]
    if not number.lstrip("+").isdigit():
        raise Failed("this is no telephone number")
    termux("termux-sms-send", *(["-s", sim] if sim else []), "-n", number, text=message["text"])


def notify(message, _):
    """A notification on the phone itself."""
    termux("termux-notification", "--id", message["message_id"], "--title", message.get("title") or "WebChat", text=message["text"])


SENDERS = {"sms": send_sms, "notify": notify}


def inbox():
    """SMS that the phone has, oldest first: (id, sender, text, when in milliseconds)."""
    try:
        rows = json.loads(termux("termux-sms-list", "-t", "inbox", "-l", str(INBOX_LENGTH)) or "[]")
        return sorted((int(row["_id"]), str(row.get("number") or row.get("address") or ""), str(row.get("body") or ""),
                       milliseconds(row["received"])) for row in rows)
    except (ValueError, KeyError, TypeError):
        raise Failed("termux-sms-list printed something else than messages") from None


def milliseconds(text):
    """Local time as Termux writes it, since 1970."""
    form = "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M"
    return int(datetime.datetime.strptime(text, form).timestamp() * 1000)


# -- what is kept between runs ---------------------------------------------------------------------

class State:
    """What went out and what came in, so that nothing does twice: ids only, no text. One process at a time has it."""

    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self.lock = os.open(path + ".lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{path} is in use: the bridge runs already") from None
        try:
            with open(path, encoding="ascii") as file:
                kept = json.load(file)
            self.sent, self.last = dict(kept["sent"]), kept["last"]
        except FileNotFoundError:
            self.sent, self.last = {}, None
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is damaged: remove it; the newest SMS then count as seen") from None

    def save(self):
        """On the disk before anything else is done."""
        self.sent = dict(list(self.sent.items())[-REMEMBERED:])
        with open(os.open(self.path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            json.dump({"sent": self.sent, "last": self.last}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)


# -- turns -----------------------------------------------------------------------------------------

class Bridge:
    """One phone of one relay."""

    def __init__(self, relay, state, args):
        self.relay, self.state, self.args = relay, state, args

    def say(self, text):
        """A line for whoever runs it: no text of a message, no number."""
        if not self.args.quiet:
            print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def send(self, message):
        """What became of it: sent, or failed with a reason. What went out before is not sent again: its note was lost."""
        key = message["message_id"]
        if key in self.state.sent:
            return {"status": "sent"}
        sender = SENDERS.get(message["channel"])
        if not sender:
            return {"status": "failed", "error": f"this phone does not carry {message['channel']}"}
        try:
            sender(message, self.args.sim)
        except Failed as error:
            self.say(f"{message['channel']}: {error}")
            return {"status": "failed", "error": str(error)}
        self.state.sent[key] = 1  # who is killed right before this sends it twice: better than never
        self.state.save()
        self.say(f"{message['channel']}: sent")
        return {"status": "sent"}

    def out(self):
        """Take, send, say so, one by one: a lease that ends in between costs one message a second try, not all."""
        claimed = self.relay.call(CLAIM, {"phone_id": self.args.phone_id, "limit": AT_ONCE})["messages"]
        for message in claimed:
            result = {"message_id": message["message_id"], "lease_id": message["lease_id"], **self.send(message)}
            self.relay.call(ACK, {"phone_id": self.args.phone_id, "results": [result]})
        return len(claimed)

    def bring_in(self):
        """SMS that came since the last look. The first look takes none: what was there before is nobody's affair here."""
        found = inbox()
        if self.state.last is None:
            self.state.last = found[-1][0] if found else 0
            self.state.save()
        for number, sender, text, when in found:
            if number <= self.state.last:
                continue
            key = hashlib.sha256(f"{number}\n{sender}\n{when}\n{text}".encode()).hexdigest()[:32]
            self.relay.call(INBOUND, {"phone_id": self.args.phone_id, "channel": "sms", "from": sender, "text": text,
                                      "received_at": when, "idempotency_key": f"termux-{key}"})
            self.say("sms: received")
            self.state.last = number
            self.state.save()

    def turn(self):
        """Both ways; how many messages went out."""
        if not self.args.no_inbox:
            try:
                self.bring_in()
            except Failed as error:
                self.say(str(error))
        return self.out()

    def run(self, over):
        """Turns until `over` is set."""
        pause = self.args.every
        while not over.is_set():
            try:
                busy = self.turn()
                pause = 0 if busy == AT_ONCE else self.args.every
            except Later as error:
                pause = error.seconds or min(PAUSE_MAX_SEC, max(2 * pause, 5) * random.uniform(0.8, 1.2))
                self.say(f"the relay: {error}; again in {pause:.0f} s")
            if self.args.once:
                return
            over.wait(pause)


# -- the command line ------------------------------------------------------------------------------

class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{PROGRAM}: {message}; see --help\n")


def read_key(parser, path):
    """The key, from the file or the environment."""
    key = os.environ.get("RELAY_PHONE_KEY", "").strip()
    if path:
        try:
            with open(path, encoding="ascii") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    parser.error(f"{path} can be read by others: chmod 600 {path}")
                key = file.read().strip()
        except (OSError, ValueError) as error:
            parser.error(f"{path}: {getattr(error, 'strerror', None) or 'not text'}")
    if not key.startswith("pck_") or not key.isascii() or len(key.split()) != 1:
        parser.error("no key: give --key-file, or set RELAY_PHONE_KEY; a key begins with pck_")
    return key


def arguments(words):
    """The command line, checked: (args, key)."""
    parser = Parser(prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--relay", required=True, metavar="URL", help="the address of the relay")
    parser.add_argument("--key-file", metavar="FILE", help="holds the key, and nothing else")
    parser.add_argument("--phone-id", default="", metavar="ID", help="which of your phones this is, as the key says (\"\": the only one)")
    parser.add_argument("--every", type=float, default=10, metavar="SECONDS", help="pause between two looks (10)")
    parser.add_argument("--sim", metavar="SLOT", help="the SIM that sends, 0 or 1")
    parser.add_argument("--no-inbox", action="store_true", help="only send; bring in nothing that the phone receives")
    parser.add_argument("--state", default=os.path.expanduser("~/.local/state/webchat/phone.json"), metavar="FILE",
                        help="what is remembered: ids, no text")
    parser.add_argument("--once", action="store_true", help="one turn, for cron")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    args = parser.parse_args(words)
    try:
        args.relay = checked_url(args.relay, "--relay", bare=True)
    except ValueError as error:
        parser.error(str(error))
    if not 1 <= args.every <= 3600:
        parser.error("--every is 1 to 3600 seconds")
    return args, read_key(parser, args.key_file)


def main(words=None):
    """Runs until it is told to end."""
    args, key = arguments(words)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    if sends_openly(args.relay):
        print(f"{PROGRAM}: warning: {args.relay} is not encrypted: others on the way can read along", file=sys.stderr)
    if not shutil.which("termux-sms-send"):
        print(f"{PROGRAM}: termux-sms-send is not installed: pkg install termux-api, and the app Termux:API", file=sys.stderr)
        return 2
    try:
        with contextlib.suppress(KeyboardInterrupt):
            Bridge(Relay(args.relay, key), State(args.state), args).run(over)
    except Refused as error:
        print(f"{PROGRAM}: the relay refuses: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
