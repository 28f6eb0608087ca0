#!/usr/bin/env python3
"""WebChat in a terminal: signs a user in to a relay, sends, receives, watches. Needs Python 3.9 only."""
import argparse
import base64
import datetime
import contextlib
import hashlib
import http.client
import ipaddress
import json
import math
import mimetypes
import os
import platform
import random
import re
import secrets
import select
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
import wave
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

PROGRAM = "webchat_cli.py"
REFUSED, USAGE, NOT_SIGNED_IN, UNREACHABLE, INTERRUPTED = 1, 2, 3, 4, 130
EPILOG = """\
exit codes:
  0    done
  1    the relay refused, or something on this computer failed
  2    wrong use
  3    not signed in, or the code was wrong
  4    the relay was not reachable
  130  interrupted (Ctrl-C or TERM; the way to end --watch)
"""
AUTH, CHAT = "/api/v1/pchat/auth", "/api/v1/webchat"
RESPONSE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
SOCKET_SEC, GOODBYE_SEC, PRESENCE_SEC = 30, 5, 30
TRANSCRIPT_SEC = 75  # An engine may take a minute for a recording.
# A stream says hello at once and something every 20 s; while it lives, a poll in a minute is enough.
HELLO_SEC, STREAM_SEC, WATCHDOG_SEC, LONGEST_RETRY_SEC = 5, 45, 60, 60
FIRST_DELAY_SEC, LAST_DELAY_SEC = 0.5, 15
RECENT_KEPT = 1000
LONGEST_VOICE_MS = 86400000
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Failure(Exception):
    """What ends the program: one line for the user, and the exit code."""

    def __init__(self, message, code=REFUSED):
        super().__init__(message)
        self.code = code


class Refused(Failure):
    """The relay answered, and said no."""

    def __init__(self, status, response, retry_after):
        code = NOT_SIGNED_IN if status == 401 else UNREACHABLE if status >= 500 else REFUSED
        super().__init__(f"the relay refused: {response.get('message') or f'HTTP {status}'}", code)
        self.status, self.error, self.retry_after = status, response.get("error"), retry_after


class Unreachable(Failure):
    """No response. `sent`: the relay may have acted all the same; `final`: another try would not help."""

    def __init__(self, message, sent=False, final=False):
        super().__init__(message, UNREACHABLE)
        self.sent, self.final = sent, final


def note(text):
    """A line for the user that is no result."""
    print(f"{PROGRAM}: {clean(text)}", file=sys.stderr, flush=True)


def clean(text, indent=None):
    """Text for a terminal: what could steer it is shown as an escape; with `indent`, line breaks stay, indented."""
    def one(char):
        if char == "\n" and indent is not None:
            return "\n" + indent
        if char == "\t" and indent is not None:
            return char
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in BIDI:
            return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"
        return char
    return "".join(map(one, str(text).replace("\r\n", "\n")))


# -- addresses (the same in private_relay_link.py) -------------------------------------------------

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


def launch_link(site, relay, mode, **more):
    """The link: all that is ours stands in the fragment, which no server gets to see."""
    fields = {"relay": relay, "mode": mode, **{name: value for name, value in more.items() if value}}
    return site + "#" + "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def clean_address(text):
    """A chat address as the relay keeps it: no white space around it, no @ before it, lower case."""
    text = text.strip()
    return (text[1:] if text.startswith("@") else text).lower()


# -- being interrupted -----------------------------------------------------------------------------

class Interrupts:
    """Ctrl-C and TERM. Inside `held()` the first one waits for the end of the block."""

    def __init__(self):
        self.depth, self.waiting = 0, False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._came)

    def _came(self, *_):
        if self.depth and not self.waiting:
            self.waiting = True
        else:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def held(self):
        """Run the block whole."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
        if self.waiting and not self.depth:
            self.waiting = False
            raise KeyboardInterrupt


class Bell:
    """Rung by other threads, waited for by the main one, whose wait Ctrl-C may end anywhere: a lock of `threading` would break."""

    def __init__(self):
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.far.setblocking(False)

    def ring(self):
        """Never waits: one ring that was not taken yet is as good as many."""
        with contextlib.suppress(BlockingIOError):
            self.far.send(b"!")

    def wait(self, seconds):
        """Whether it was rung before that time was over."""
        rung = bool(select.select([self.near], [], [], max(0, seconds))[0])
        with contextlib.suppress(BlockingIOError):
            while rung and self.near.recv(64):
                pass
        return rung


# -- what is kept between runs ---------------------------------------------------------------------

def lock(path, wait):
    """An open file that holds the lock until it is closed; None when somebody else has it and we do not wait."""
    file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
    try:
        if os.name == "nt":
            import msvcrt
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        else:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        file.close()
        return None
    return file


class State:
    """Token, names, cursor and recent messages of one user at one relay, in one file that only its owner reads."""

    def __init__(self, relay, email):
        base = os.environ.get("XDG_CONFIG_HOME", "")
        base = base if os.path.isabs(base) else os.path.join(os.path.expanduser("~"), ".config")
        self.folder = os.path.join(base, "webchat")
        readable = re.sub(r"[^A-Za-z0-9.@_-]", "_", f"{email.lower()}_{urlsplit(relay).netloc}")[:100]
        digest = hashlib.sha256(f"{relay}\n{email.lower()}".encode()).hexdigest()[:16]
        self.path = os.path.join(self.folder, f"{readable}_{digest}.json")
        self.fixed = {"relay": relay, "email": email}
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            os.chmod(self.folder, 0o700)
        except OSError as error:
            raise Failure(f"{self.folder}: {error.strerror}") from None
        self.data = self._read()

    def _read(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                data = json.load(file)
            if not isinstance(data, dict):
                raise ValueError
            return data
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Failure(f"{self.path}: {error.strerror}") from None
        except ValueError:
            raise Failure(f"{self.path} is damaged; remove it and sign in again") from None

    def __getitem__(self, name):
        return self.data.get(name)

    def put(self, **changes):
        """Change these values and nothing else; what another run wrote meanwhile stays."""
        try:
            with contextlib.ExitStack() as stack:
                held = lock(os.path.join(self.folder, "lock"), wait=True)
                if held:
                    stack.enter_context(held)
                data = self._read()
                if data or "token" in changes:  # Signed out by another run: stay so.
                    self._write({**self.fixed, **data, **changes})
        except OSError as error:
            raise Failure(f"{self.path}: {error.strerror}") from None
        self.data.update(changes)

    def _write(self, data):
        handle, unfinished = tempfile.mkstemp(prefix=".new-", dir=self.folder)  # Mode 0600 from its birth.
        try:
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self.path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(unfinished)

    def forget(self):
        """Remove what is kept of the user."""
        self.data = {}
        for path in (self.path, self._watch_path()):
            with contextlib.suppress(OSError):  # Not there, or on Windows still in use.
                os.unlink(path)

    def _watch_path(self):
        return self.path[:-len(".json")] + ".watch"

    def watch(self):
        """Be the only one on this computer who watches for this user, until the file is closed."""
        held = lock(self._watch_path(), wait=False)
        if not held:
            raise Failure("another --watch of this user runs on this computer already")
        return held


# -- talking to the relay --------------------------------------------------------------------------

class Upload:
    """A file that is read as it is sent, with a bar on a terminal; starts anew with every try."""

    def __init__(self, path):
        self.path, self.name = path, os.fsencode(os.path.basename(path)).decode("utf-8", "replace")
        self.size, self.done = os.path.getsize(path), 0
        self.mime = mimetypes.guess_type(path)[0] or "application/octet-stream"
        self.file = open(path, "rb")
        self.bar = sys.stderr.isatty()

    def read(self, size=-1):
        """The next bytes; never more than the size that was announced."""
        data = self.file.read(min(max(size, 0) or CHUNK_BYTES, self.size - self.done))
        self.done += len(data)
        if not data and self.done < self.size:
            raise Failure(f"{self.path} became shorter while it was sent")
        if data:
            self._show()
        return data

    def rewind(self):
        """Start from the first byte."""
        self.file.seek(0)
        self.done = 0

    def _show(self):
        if not self.bar:
            return
        share = self.done / self.size
        sys.stderr.write(f"\r{clean(self.name)[:40]} [{'#' * int(share * 30):<30}] {share:4.0%}")
        sys.stderr.write("\n" if self.done == self.size else "")
        sys.stderr.flush()


class Relay:
    """The relay's API. `timeout_sec` bounds how long one call is tried again; `proxy` is a URL, or None."""

    def __init__(self, url, timeout_sec, proxy=None):
        self.url, self.parts, self.token, self.push = url, urlsplit(url), None, False
        self.timeout_sec, self.lost, self.proxy = timeout_sec, False, proxy and urlsplit(proxy)

    def again(self):
        """Another one of the same, for another thread."""
        other = Relay(self.url, self.timeout_sec)
        other.token, other.proxy, other.push = self.token, self.proxy, self.push
        return other

    def call(self, method, path, body=None, *, upload=None, sink=None, repeatable=True, timeout_sec=None, socket_sec=SOCKET_SEC):
        """The JSON response. What fails on the way is tried again, the very same bytes each time: `repeatable` calls
        always, others only while the relay has certainly not acted. A download goes into `sink`."""
        data = None if body is None else json.dumps(body).encode()
        give_up_at = time.monotonic() + (self.timeout_sec if timeout_sec is None else timeout_sec)
        delay = FIRST_DELAY_SEC
        while True:
            try:
                response = self._once(method, path, data, upload, sink, min(socket_sec, give_up_at - time.monotonic()))
                if self.lost:
                    note("connected again")
                self.lost = False
                return response
            except Refused as error:
                failure, wait = error, max(error.retry_after, delay * random.uniform(0.8, 1.2))
                again = error.status == 429 or error.status == 503 or (error.status >= 500 and repeatable)
            except Unreachable as error:
                failure, wait = error, delay * random.uniform(0.8, 1.2)
                again = not error.final and (repeatable or not error.sent)
            if not again or time.monotonic() + wait > give_up_at:
                raise failure
            if not self.lost:
                note(f"{failure}; trying again")
                self.lost = True
            time.sleep(wait)
            delay = min(delay * 2, LAST_DELAY_SEC)

    def events(self):
        """The relay's wake-ups, as they come, until the stream ends or no byte comes for too long."""
        link = self._connect(HELLO_SEC)
        wire, headers = link.sock, {"Accept": "text/event-stream", "User-Agent": PROGRAM, "X-PChat-Session": self.token,
                                    "Connection": "close"}
        try:
            link.request("GET", f"{self._target()}{CHAT}/events", None, {**headers, **self._proxy_headers(plain=True)})
            reply = link.getresponse()
            if reply.status != 200 or reply.headers.get_content_type() != "text/event-stream":
                self._classified(reply, reply.read(RESPONSE_BYTES))
                raise Unreachable(f"{self.url} has no stream", final=True)
            while line := reply.readline(RESPONSE_BYTES):
                if line.startswith(b"data:"):
                    wire.settimeout(STREAM_SEC)
                    yield json.loads(line[5:])
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unreachable(f"the stream of {self.url} was lost: {reason(error)}") from None
        finally:
            link.close()

    def _once(self, method, path, data, upload, sink, seconds):
        link = self._connect(max(1, seconds))
        headers = {"Accept": "application/json", "User-Agent": PROGRAM, "Connection": "close"}
        if self.token:
            headers["X-PChat-Session"] = self.token
        if data is not None:
            headers["Content-Type"] = "application/json"
        if upload:
            upload.rewind()
            data = upload
            headers.update({"Content-Type": upload.mime, "Content-Length": str(upload.size)})
        try:
            try:
                link.request(method, self._target() + path, data, {**headers, **self._proxy_headers(plain=True)})
            except (BrokenPipeError, ConnectionResetError):
                pass  # A refusal may come before all was sent.
            return self._read(link.getresponse(), sink)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the connection to {self.url} was lost: {reason(error)}", sent=True) from None
        finally:
            link.close()

    def _target(self):
        """What stands before the path: a proxy wants the whole address, but through a tunnel it sees none."""
        whole = self.proxy and self.parts.scheme == "http"
        return f"http://{self.parts.netloc}{self.parts.path}" if whole else self.parts.path

    def _proxy_headers(self, plain):
        """What a proxy wants to know: with each plain request, or once for a tunnel."""
        if not self.proxy or not self.proxy.username or plain != (self.parts.scheme == "http"):
            return {}
        words = f"{unquote(self.proxy.username)}:{unquote(self.proxy.password or '')}"
        return {"Proxy-Authorization": "Basic " + base64.b64encode(words.encode()).decode()}

    def _connect(self, timeout):
        kind = http.client.HTTPSConnection if self.parts.scheme == "https" else http.client.HTTPConnection
        near = self.proxy or self.parts
        link = kind(near.hostname, near.port or (8080 if self.proxy else None), timeout=timeout, blocksize=CHUNK_BYTES)
        if self.proxy and self.parts.scheme == "https":
            link.set_tunnel(self.parts.hostname, self.parts.port or 443, headers=self._proxy_headers(plain=False))
        try:
            link.connect()
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"the certificate of {self.url} is not good: {error.verify_message}",
                              final=True) from None
        except (OSError, UnicodeError) as error:
            way = f" through the proxy {self.proxy.hostname}" if self.proxy else ""
            raise Unreachable(f"{self.url} is not reachable{way}: {reason(error)}") from None
        return link

    def _read(self, reply, sink):
        saving, raw = sink and reply.status == 200, b""
        if saving:
            sink.seek(0)
            sink.truncate()
            shutil.copyfileobj(reply, sink, CHUNK_BYTES)
        else:
            raw = reply.read(RESPONSE_BYTES)
        if reply.length:
            raise http.client.IncompleteRead(raw)
        return None if saving else self._classified(reply, raw)

    def _classified(self, reply, raw):
        """The response, if it is a relay's and says yes."""
        try:
            response = json.loads(raw)
        except ValueError:
            response = None
        if not isinstance(response, dict) or not isinstance(response.get("success"), bool):
            if reply.status >= 500 or reply.status == 429:
                response = {}
            else:
                where = reply.headers.get("Location")
                raise Unreachable(f"what answers at {self.url} is no WebChat relay (HTTP {reply.status}"
                                  f"{', which points to ' + where if where else ''})", sent=True, final=True)
        if reply.status >= 400:
            after = reply.headers.get("Retry-After") or ""
            raise Refused(reply.status, response, int(after) if re.fullmatch(r"\d{1,6}", after) else 0)
        return response

    def pages(self, path, name):
        """Every entry of a list that comes in pages."""
        after = ""
        while True:
            response = self.call("GET", f"{path}{'&' if '?' in path else '?'}limit=200{after}")
            yield from response[name]
            if not response["has_more"]:
                return
            after = "&after=" + quote(response["after"], safe="")


def reason(error):
    """The error in a few words."""
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut short"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


# -- signing in ------------------------------------------------------------------------------------

class Session:
    """The signed-in user."""

    def __init__(self, args, relay, state):
        self.args, self.relay, self.state = args, relay, state
        self.user, self.computer, self.name = None, None, None

    def names(self):
        """Computer and session as asked for, else as they were, else as they are."""
        args, state = self.args, self.state
        return {"device_name": args.computer or state["computer"] or platform.node()[:64] or "computer",
                "session_name": args.session_name or state["session"] or "cli", "listen_channel": "cli"}

    def open(self):
        """Go on with the session that is kept, or begin a new one."""
        self.relay.token = self.state["token"]
        me = None
        if self.relay.token:
            try:
                me = self.relay.call("GET", AUTH + "/me")
            except Refused as error:
                if error.status != 401:
                    raise
                self.relay.token = None
        if not me:
            me = self._sign_in()
        self.user = me["user"]
        self._follow_flags(me["session"])
        self.state.put(chat_address=self.user["chat_address"], display_name=self.user["display_name"],
                       computer=self.computer, session=self.name)

    def _sign_in(self):
        args = self.args
        wanted = {"email": args.email, **self.names()}
        if args.persona or args.name:
            wanted["display_name"] = args.persona or args.name
        if args.chat_address:
            wanted["chat_address"] = args.chat_address
        if not args.code:
            self._ask_for_code(wanted)
        for tries_left in (2, 1, 0):
            code = args.code or read_code(args.email)
            try:
                me = self.relay.call("POST", AUTH + "/verify-code", {**wanted, "code": code}, repeatable=False)
                break
            except Refused as error:
                if error.error != "code_invalid" or args.code or not tries_left:
                    raise
                note("that code was wrong")
        self.relay.token = me["session_token"]
        kept = self.state["chat_address"] == me["user"]["chat_address"]  # Else it is another account.
        fresh = {} if kept else {"cursor": "", "recent": []}
        self.state.put(token=self.relay.token, chat_address=me["user"]["chat_address"], **fresh)
        return me

    def _ask_for_code(self, wanted):
        body = {"email": self.args.email, "purpose": "login"}
        if "display_name" in wanted:
            body["display_name"] = wanted["display_name"]
        if self.args.invite:
            body["invite"] = self.args.invite
        response = self.relay.call("POST", AUTH + "/request-code", body, repeatable=False)
        no_mail = response.get("message")
        if not sys.stdin or not sys.stdin.isatty():
            sent = no_mail or (f"a code was sent to {self.args.email}, or word that the admins were asked to let you in.")
            raise Failure(f"not signed in: {sent} Run this again with --code CODE", NOT_SIGNED_IN)
        if no_mail:
            note(no_mail)

    def _follow_flags(self, session):
        """Bring names that were asked for to the relay, and say what cannot be changed."""
        args = self.args
        name = args.persona or args.name
        if name and name != self.user["display_name"]:
            self.user = self.relay.call("PUT", AUTH + "/me", {"display_name": name})["user"]
        if args.chat_address and args.chat_address != self.user["chat_address"]:
            note(f"a chat address is for life: yours stays {self.user['chat_address']}")
        names = self.names()
        self.computer, self.name = names["device_name"], names["session_name"]
        if (session["device_name"], session["session_name"]) != (self.computer, self.name):
            self.presence(session["visible"])

    def presence(self, visible, timeout_sec=None):
        """Say that this session is live, or not."""
        body = {"chat_address": self.user["chat_address"], "display_name": self.user["display_name"],
                "visible": visible, **self.names()}
        self.relay.call("POST", CHAT + "/presence", body, timeout_sec=timeout_sec)

    def close(self):
        """End the session here and at the relay."""
        if not self.state["token"]:
            raise Failure(f"{self.args.email} is not signed in to {self.relay.url} here", NOT_SIGNED_IN)
        self.relay.token = self.state["token"]
        try:
            self.relay.call("POST", AUTH + "/logout")
        except Refused as error:
            if error.status != 401:
                raise
        self.state.forget()

    def status(self):
        """What is printed of it, by label."""
        args = self.args
        lines = {}
        if args.site and not args.quiet_url:
            lines["WebChat URL"] = launch_link(args.site, self.relay.url, args.relay_mode, email=args.email,
                                               name=self.user["display_name"], session=args.token_in_url and self.relay.token)
        return {**lines, "Persona": self.user["display_name"], "E-mail": args.email,
                "Chat address": self.user["chat_address"], "Computer": self.computer, "Session": self.name,
                "Relay": self.relay.url, "Relay mode": args.relay_mode}


def read_code(email):
    """The six digits, from whoever sits at the terminal."""
    while True:
        sys.stderr.write(f"Code sent to {clean(email)}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise Failure("no code was given", NOT_SIGNED_IN)
        if re.fullmatch(r"[0-9]{6}", line.strip()):
            return line.strip()
        note("a code has six digits")


# -- output ----------------------------------------------------------------------------------------

class Output:
    """Results: lines for people, or one JSON object per line."""

    def __init__(self, as_json):
        self.as_json = as_json

    def put(self, kind, line, **fields):
        """One result."""
        print(json.dumps({"type": kind, **fields}) if self.as_json else line, flush=True)

    def status(self, lines):
        """Who is signed in, where."""
        text = "\n".join(f"{label}: {clean(value)}" for label, value in lines.items())
        fields = {label.lower().replace("-", "").replace(" ", "_"): value for label, value in lines.items()}
        self.put("status", text, **fields)

    def change(self, change):
        """A message that went from here moved on, or another device of the user read one: for programs."""
        if self.as_json:
            self.put("change", "", change=change)

    def message(self, item, relay_url):
        """One message, with what hangs on it."""
        if self.as_json:
            self.put("message", "", message=item)
            return
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(item["created_at"] / 1000))
        who = f"{item.get('from_name') or item['from']} <{item['from']}>"
        where = f" in {item['group_id']}" if item.get("group_id") else f" to {item['to']}" if item.get("own") else ""
        mark = (" (withdrawn)" if item.get("deleted_at") else " (scrubbed before this device came for it)" if item.get("scrubbed_at")
                else " (edited)" if item.get("edited_at") else "")
        lines = [f"{when} {clean(who + where)}{mark}: {clean(item.get('text') or '', indent='    ')}".rstrip()]
        saved = item.get("saved") or []
        for number, file in enumerate(item.get("attachments") or []):
            url = str(file.get("url", ""))
            url = relay_url + url if url.startswith("/") else url
            path = saved[number] if number < len(saved) else None
            lines.append(clean(f"    File: {file.get('name')}, {file.get('size')} bytes, {url}"
                               f"{f', saved as {path}' if path else ''}"))
        if "transcript" in item:
            written = item["transcript"]
            lines.append(f"    {clean(written['error'])}" if "error" in written else
                         f"    Written by a machine: {clean(written['text'], indent='    ')}" if written["text"] else "    Nothing was said.")
        self.put("message", "\n".join(lines))


# -- groups and the directory ----------------------------------------------------------------------

GROUP_ID = re.compile(r"grp_[0-9a-f]{32}")


def find_group(relay, name):
    """The group of that id or exact name: one of the user's own, else a public one. None when there is none."""
    if GROUP_ID.fullmatch(name):
        return relay.call("GET", f"{CHAT}/groups/{name}")["group"]
    found = [group for group in relay.pages(CHAT + "/groups", "groups") if group["name"] == name]
    if not found:
        response = relay.call("GET", f"{CHAT}/directory?limit=1&q={quote(name, safe='')}")
        found = [group for group in response["groups"] if group["name"] == name]
    if len(found) > 1:
        raise Failure(f"several groups have this name; give an id: {' '.join(group['group_id'] for group in found)}")
    return found[0] if found else None


def use_group(args, relay, out):
    """Find the group, make or join it as asked, and return its id. With an invite one may join a group that one does not see."""
    if args.join and args.invite and GROUP_ID.fullmatch(args.group):
        join_group(relay, out, args.group, {"invite": args.invite})
        return args.group
    group = find_group(relay, args.group)
    if args.create_group and not (group and group.get("role")):
        public = {"visibility": "public", "join_policy": "open"} if args.open else {"visibility": "private"}
        group = relay.call("POST", CHAT + "/groups", {"name": args.group, **public}, repeatable=False)["group"]
    if not group:
        raise Failure(f"you are in no group named {args.group}, and there is no public one")
    group_id = group["group_id"]
    out.put("group", f"Group: {clean(group['name'])} ({group_id}, {group['visibility']}, "
            f"{group['member_count']} members)", group=group)
    if args.join:
        join_group(relay, out, group_id)
    return group_id


def join_group(relay, out, group_id, body=None):
    """Join, or ask to, and say which."""
    status = relay.call("POST", f"{CHAT}/groups/{group_id}/join", body)["status"]
    out.put("join", f"Join: {clean(status)}", group_id=group_id, status=status)


def show_directory(relay, out):
    """Everybody who wants to be found, and the groups."""
    for user in relay.pages(CHAT + "/directory", "users"):
        state = "online" if user["online"] else "offline"
        out.put("user", f"User: {clean(user['chat_address'])} {state} {clean(user['display_name'])}", user=user)
    for group in relay.call("GET", CHAT + "/directory?limit=1")["groups"]:
        out.put("group", f"Group: {group['group_id']} {group['visibility']} {clean(group['name'])}", group=group)


# -- sending ---------------------------------------------------------------------------------------

def voice_ms(path):
    """How long a WAV file plays; 0 for anything else."""
    try:
        with wave.open(path, "rb") as sound:
            return sound.getnframes() * 1000 // sound.getframerate()
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return 0


def send_file(relay, path, limit):
    """Upload one file; returns its id."""
    try:
        upload = Upload(path)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    with upload.file:
        if upload.size > limit:
            raise Failure(f"{path} has {upload.size} bytes; this relay takes {limit}")
        return relay.call("PUT", f"{CHAT}/upload?name={quote(upload.name, safe='')}", upload=upload)["file_id"]


def send_message(args, relay, out, to, limit):
    """Send what the command line says."""
    voice = {}
    if args.voice:
        duration = voice_ms(args.voice)
        voice = {"kind": "voice", **({"duration_ms": duration} if 0 < duration <= LONGEST_VOICE_MS else {})}
    send(relay, out, to, limit, args.message or "", args.attach + ([args.voice] if args.voice else []), **voice)


def send(relay, out, to, limit, text, paths, **more):
    """Send until the relay has it; the key makes a repeat harmless."""
    body = {"channel": "pchat", "to": to, "text": text, "source": "cli", "idempotency_key": secrets.token_hex(16), **more}
    if paths:
        body["attachments"] = [send_file(relay, path, limit) for path in paths]
    response = relay.call("POST", "/api/v1/messages", body)
    out.put("sent", f"Sent: {response['message_id']}", message_id=response["message_id"], status=response["status"], to=to)


# -- watching --------------------------------------------------------------------------------------

def safe_name(name):
    """The name without folders, leading dots and anything that a file system takes amiss."""
    name = re.sub(r'[<>:"/\\|?*]', "_", clean(re.split(r"[/\\]", str(name))[-1])).strip(". ")
    if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name):
        name = "_" + name
    stem, ending = os.path.splitext(name)
    while len((stem + ending[:20]).encode()) > 120:
        stem = stem[:-1]
    return stem + ending[:20] or "file"


def reserve(folder, name):
    """Make an empty file of that name, or of the next that is free; returns its path."""
    stem, ending = os.path.splitext(name)
    number = 0
    while True:
        path = os.path.join(folder, f"{stem} ({number}){ending}" if number else name)
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            return path
        except FileExistsError:
            number += 1


def save_file(relay, folder, file):
    """Fetch an attachment into the folder; its path, or None with a note."""
    try:
        with tempfile.NamedTemporaryFile(prefix=".webchat-", dir=folder, delete=False) as unfinished:
            path = None
            try:
                relay.call("GET", f"{CHAT}/files/{quote(str(file['file_id']), safe='')}", sink=unfinished)
                unfinished.close()
                path = reserve(folder, safe_name(file.get("name") or ""))
                os.replace(unfinished.name, path)
                return path
            except BaseException:
                unfinished.close()
                for left in filter(None, (unfinished.name, path)):
                    with contextlib.suppress(OSError):
                        os.unlink(left)
                raise
    except (Failure, OSError) as error:
        note(f"{file.get('name')} was not saved: {error}")
        return None


class Wakeups(threading.Thread):
    """Listens for live wake-ups: the bell is rung when there may be something to fetch. Without a stream `alive` is false, and it is
    for its owner to poll."""

    def __init__(self, relay, bell):
        super().__init__(daemon=True)
        self.relay, self.bell, self.alive = relay.again(), bell, False

    def run(self):
        window, failures = 1, 0
        while failures >= 0:
            try:
                for event in self.relay.events():
                    failures, self.alive = 0, True
                    window = event.get("reconnect_ms", window * 1000) / 1000
                    self.bell.ring()
            except Refused as error:
                failures = -1 if error.status in (401, 403, 404) else failures
            except Unreachable as error:
                failures = -1 if error.final else failures
            if self.alive:  # what came since is for a poll to find
                self.alive = False
                self.bell.ring()
            if failures >= 0:
                time.sleep(min(max(1, random.uniform(0, window)) * 2 ** failures, LONGEST_RETRY_SEC))
                failures = min(failures + 1, 6)


def transcript(relay, file):
    """What the relay's engine hears in a recording: text and perhaps language; or why there is none, as error."""
    try:
        response = relay.call("POST", CHAT + "/transcribe", {"file_id": file["file_id"]}, repeatable=False, timeout_sec=TRANSCRIPT_SEC,
                              socket_sec=TRANSCRIPT_SEC)
    except (Refused, Unreachable) as error:
        if error.code == NOT_SIGNED_IN:
            raise
        return {"error": f"not written down: {error}"}
    return {name: response[name] for name in ("text", "language") if name in response}


class Watch:
    """Receives until it is interrupted."""

    def __init__(self, args, session, out):
        self.args, self.session, self.out, self.present_until = args, session, out, 0
        self.relay, self.state = session.relay, session.state
        self.interrupts, self.command = args.interrupts, args.command
        self.recent = list(self.state["recent"] or [])
        self.ended, self.bell = threading.Event(), Bell()
        self.wakeups = None

    def end(self):
        """Stop soon; for other threads."""
        self.ended.set()
        self.bell.ring()

    def run(self):
        """Poll, print, confirm; then say goodbye."""
        if self.relay.push and not self.args.interval:
            self.wakeups = Wakeups(self.relay, self.bell)
            self.wakeups.start()
        with self.state.watch():
            try:
                self._loop()
            finally:
                with contextlib.suppress(Failure):
                    self.session.presence(False, timeout_sec=GOODBYE_SEC)

    def _loop(self):
        cursor = self.state["cursor"] or ""
        while not self.ended.is_set():
            self._be_present()
            body = {"chat_address": self.session.user["chat_address"], "limit": self.args.limit, "cursor": cursor, "own": True}
            response = self.relay.call("POST", CHAT + "/poll", body, timeout_sec=math.inf)
            for item in response["messages"]:
                self._receive(item)
            for change in response.get("changes", []):
                self.out.change(change)
            if response["cursor"] != cursor:
                cursor = response["cursor"]
                self.state.put(cursor=cursor)
            if not response["has_more"]:
                self._rest(self.args.interval or response["poll_interval_ms"] / 1000)

    def _be_present(self):
        """Tell the relay now and then; who did not do so for a minute counts as offline."""
        if time.monotonic() >= self.present_until:
            self.session.presence(True, timeout_sec=math.inf)
            self.present_until = time.monotonic() + PRESENCE_SEC

    def _rest(self, seconds):
        """Until the next poll is due, or the relay wakes it."""
        start = time.monotonic()
        while not self.ended.is_set():
            until = start + (max(seconds, WATCHDOG_SEC) if self.wakeups and self.wakeups.alive else seconds)
            if self.bell.wait(min(until, self.present_until) - time.monotonic()) or time.monotonic() >= until:
                break
            self._be_present()

    def _receive(self, item):
        """Print it once; a command that was cut short by the end of the program gets it again."""
        key = f"{item['message_id']}:{item.get('edited_at', '')}:{item.get('deleted_at', '')}"
        printed = key in self.recent or item["created_at"] < self.args.since
        if printed and not (self.command and key == self.state["running"]):
            return
        if self.args.save and item.get("attachments") and not item.get("deleted_at"):
            item = {**item, "saved": [save_file(self.relay, self.args.save, file) for file in item["attachments"]]}
        if self.args.transcribe and item.get("kind") == "voice" and item.get("attachments") and not item.get("deleted_at"):
            item = {**item, "transcript": transcript(self.relay, item["attachments"][0])}
        command = self.command and (not item.get("own") or item["to"] == item["from"])
        with self.interrupts.held():
            if not printed:
                self.out.message(item, self.relay.url)
                self.recent = [*self.recent, key][-RECENT_KEPT:]
                self.state.put(recent=self.recent, running=key if command else None)
            if command:
                self._run_command(item)
                self.state.put(running=None)

    def _run_command(self, item):
        try:
            done = subprocess.run(self.command, input=json.dumps(item).encode() + b"\n", check=False)
        except OSError as error:
            note(f"{self.command[0]}: {error.strerror}")
        else:
            if done.returncode:
                note(f"{self.command[0]} ended with {done.returncode} for {item['message_id']}")


# -- a chat in one window --------------------------------------------------------------------------

class ChatOutput(Output):
    """Messages between the lines that are being typed: each on a line of its own, as it comes, without moving the cursor
    about, so that it reads well over a slow line and with a screen reader."""

    def __init__(self, own, peer):
        super().__init__(False)
        self.own, self.peer, self.shown = own, peer, []

    def message(self, item, relay_url):
        if item["from"] == self.own and not item.get("own") and not item.get("deleted_at"):
            return
        here = self.peer == (item.get("group_id") or item["to" if item.get("own") else "from"])
        mark = "" if here else "[another chat] "
        typed = self._typed()
        if typed is not None:
            sys.stdout.write("\r" + " " * len(typed) + "\r" if typed else "\r")
        sys.stdout.write(mark)
        super().message(item, relay_url)
        if typed:
            sys.stdout.write(typed)
            sys.stdout.flush()
        if here and item.get("kind") != "system" and not item.get("own"):
            self.shown.append(item["message_id"])

    @staticmethod
    def _typed():
        """What stands in the line that is being typed; None when nobody types at a terminal."""
        if "readline" not in sys.modules or not sys.stdin.isatty():
            return None
        return sys.modules["readline"].get_line_buffer()


class Chat:
    """Reads and writes at once: what comes is printed, each line that is typed is sent."""

    HELP = "Each line is sent. /attach FILE sends a file, /quit or Ctrl-D ends, a line that begins with // sends one /."

    def __init__(self, args, session, out, to, limit):
        self.args, self.session, self.out, self.to, self.limit = args, session, out, to, limit
        self.shown = ChatOutput(session.user["chat_address"], to)
        self.watch = Watch(args, session, self.shown)
        self.watch.relay = session.relay.again()
        self.failure = None

    def run(self):
        """Until the end of the input, /quit or Ctrl-C."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 pylint: disable=unused-import
        if sys.stdin.isatty():
            note(f"chat with {self.to}. {self.HELP}")
        receiver = threading.Thread(target=self._receive, daemon=True)
        receiver.start()
        try:
            for line in iter(self._line, None):
                if self.failure or not self._do(line):
                    break
        finally:
            self.watch.end()
            receiver.join(SOCKET_SEC)
        if self.failure:
            raise self.failure

    def _receive(self):
        try:
            self.watch.run()
        except (Failure, OSError, KeyError, TypeError) as error:
            self.failure = error
            note(f"receiving ended: {error}")

    def _line(self):
        """The next line, marked as read what was shown before it; None at the end."""
        try:
            line = input()
        except EOFError:
            return None
        shown, self.shown.shown = self.shown.shown[:200], self.shown.shown[200:]
        if shown:
            body = {"chat_address": self.session.user["chat_address"], "message_ids": shown}
            with contextlib.suppress(Failure):
                self.session.relay.call("POST", CHAT + "/read", body)
        return line

    def _do(self, line):
        """Send it, or do what it asks for; False at the end."""
        word, _, rest = line.partition(" ")
        try:
            if word == "/quit":
                return False
            if word == "/attach":
                send(self.session.relay, self.out, self.to, self.limit, "", [rest.strip()])
            elif word.startswith("/") and not word.startswith("//"):
                note(f"{word} is no command here. {self.HELP}")
            elif line.strip():
                send(self.session.relay, self.out, self.to, self.limit, line[1:] if line.startswith("//") else line, [])
        except Failure as failure:
            note(str(failure))
            return failure.code != NOT_SIGNED_IN
        return True


# -- the program -----------------------------------------------------------------------------------

class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(USAGE, f"{PROGRAM}: {clean(message)}; see --help\n")


def number_between(low, high, kind):
    """A reader of numbers within bounds."""
    def read(text):
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value
    read.__name__ = "number"
    return read


def moment(text):
    """Unix milliseconds of a date, a time, or an age such as 90s, 30m, 2h or 7d."""
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if age:
        return (time.time() - int(age[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[age[2]]) * 1000
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is neither an age such as 2h or 7d nor a time such as "
                                         "2026-01-31 or 2026-01-31T18:00") from None


def proxy_of(args):
    """The proxy to go through: --proxy, else what the environment says; None for none and for this computer itself."""
    host, scheme = urlsplit(args.relay).hostname, urlsplit(args.relay).scheme
    found = args.proxy
    if found is None and host not in ("localhost", "127.0.0.1", "::1") and not proxy_bypass(host):
        proxies = getproxies()
        found = proxies.get(scheme) or proxies.get("all")
    if not found or found == "none":
        return None
    found = found if "://" in found else "http://" + found
    if urlsplit(found).scheme != "http" or not urlsplit(found).hostname or urlsplit(found).port == 0:
        raise ValueError("a proxy is given as http://[USER:PASSWORD@]HOST:PORT; other kinds are not spoken here")
    return found


def command_line():
    """The parser."""
    parser = Parser(prog=PROGRAM, description=__doc__, epilog=EPILOG, allow_abbrev=False,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("email", metavar="EMAIL", help="the e-mail address to sign in with")
    who = parser.add_argument_group("who you are")
    who.add_argument("--name", help="the name shown to others")
    who.add_argument("--persona", help="the name shown to others, before --name")
    who.add_argument("--computer", help="how this computer is called (default: its host name)")
    who.add_argument("--session-name", metavar="NAME", help="how this session is called (default: cli)")
    who.add_argument("--chat-address", metavar="ADDR", help="the address to get when the account is made")
    who.add_argument("--code", help="the six digits of the sign-in mail")
    who.add_argument("--invite", metavar="TOKEN", help="what somebody gave you to sign in past the allow-list, or with --group ID --join to join that group")
    who.add_argument("--logout", action="store_true", help="end the session and forget it")
    where = parser.add_argument_group("which relay")
    where.add_argument("--relay", metavar="URL", help="the address of the relay")
    where.add_argument("--relay-mode", choices=("public", "private"),
                       help="private needs --relay, public --relay or --site (default: private with --relay)")
    where.add_argument("--site", metavar="URL", help="where WebChat is served: prints the link that opens it with this relay")
    where.add_argument("--token-in-url", action="store_true", help="that link signs in whoever opens it; keep it to yourself")
    where.add_argument("--proxy", metavar="URL", help="go through this proxy, as http://HOST:PORT, or none "
                       "(default: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY of the environment)")
    where.add_argument("--timeout", metavar="SEC", type=number_between(1, 86400, float), default=120,
                       help="how long to try again when the relay does not answer (default: 120)")
    send = parser.add_argument_group("sending")
    send.add_argument("--to", metavar="ADDR", help="the chat address to send to")
    send.add_argument("--message", metavar="TEXT", help="the text to send; - reads it from standard input")
    send.add_argument("--attach", metavar="FILE", action="append", default=[], help="a file to send; up to 10 times")
    send.add_argument("--voice", metavar="FILE", help="a voice message to send")
    group = parser.add_argument_group("groups and people")
    group.add_argument("--group", metavar="NAME_OR_ID", help="the group to send to, join or make")
    group.add_argument("--create-group", action="store_true", help="make the group, unless you are in it")
    group.add_argument("--open", action="store_true", help="a made group is public and everybody may join")
    group.add_argument("--join", action="store_true", help="join the group, or ask to")
    group.add_argument("--directory", action="store_true", help="list people and groups")
    watch = parser.add_argument_group("receiving")
    watch.add_argument("--watch", action="store_true", help="be online and print messages until Ctrl-C")
    watch.add_argument("--chat", metavar="ADDR", help="chat with this address, or group id, in one window: print what comes, send "
                       "each line that is typed")
    watch.add_argument("--since", metavar="TIME", type=moment, default=0,
                       help="leave out what is older: an age such as 2h or 7d, or a time such as 2026-01-31T18:00")
    watch.add_argument("--interval", metavar="N", type=number_between(0.1, 3600, float),
                       help="seconds between polls (default: what the relay asks for)")
    watch.add_argument("--limit", metavar="N", type=number_between(1, 100, int), default=20,
                       help="messages per poll, 1 to 100 (default: 20)")
    watch.add_argument("--save", metavar="DIR", help="store received files in this folder, which is made when missing")
    watch.add_argument("--transcribe", action="store_true", help="have the relay's engine write down voice messages, and print the text too")
    watch.add_argument("--on-message", metavar="CMD", help="run this for each message to you, with its JSON on stdin")
    shown = parser.add_argument_group("output")
    shown.add_argument("--quiet-url", action="store_true", help="leave out the WebChat URL even with --site")
    shown.add_argument("--json", action="store_true", help="print one JSON object per line")
    return parser


def arguments(words):
    """The command line, checked as far as that goes without a relay."""
    parser = command_line()
    args = parser.parse_args(words)
    sending = args.message is not None or args.attach or args.voice
    target = args.to or args.group
    args.email = args.email.strip()
    args.code = args.code and re.sub(r"[\s-]", "", args.code)
    wrong = (
        (not re.fullmatch(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+", args.email), "EMAIL is no e-mail address"),
        (args.code and not re.fullmatch(r"[0-9]{6}", args.code), "--code has six digits"),
        (args.chat and (args.watch or args.json or sending or args.on_message), "--chat goes with none of --watch, --json, "
         "--message, --attach, --voice and --on-message"),
        (args.chat is not None and not args.chat.strip(), "--chat names nobody"),
        (args.since and not (args.watch or args.chat), "--since needs --watch or --chat"),
        (args.token_in_url and not args.site, "--token-in-url needs --site"),
        (args.to and args.group, "--to and --group exclude each other"),
        (sending and not target, "--message, --attach and --voice need --to or --group"),
        (args.to and not sending, "--to needs --message, --attach or --voice"),
        (args.message == "" and not args.attach and not args.voice, "--message is empty"),
        (args.attach and args.voice, "--attach and --voice exclude each other"),
        (len(args.attach) > 10, "a message has at most 10 files"),
        ((args.create_group or args.join) and not args.group, "--create-group and --join need --group"),
        (args.open and not args.create_group, "--open needs --create-group"),
        (args.save and not (args.watch or args.chat), "--save needs --watch or --chat"),
        (args.transcribe and not (args.watch or args.chat), "--transcribe needs --watch or --chat"),
        (args.on_message and not args.watch, "--on-message needs --watch"),
        (args.relay_mode == "private" and not args.relay, "--relay-mode private needs --relay"),
        (not args.relay and not args.site, "no relay is named: give --relay or --site; none is built in"),
    )
    for is_wrong, why in wrong:
        if is_wrong:
            parser.error(why)
    for path in [*args.attach, *filter(None, [args.voice])]:
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            parser.exit(REFUSED, f"{PROGRAM}: {clean(path)} is no file that can be read\n")
    try:
        args.command = shlex.split(args.on_message or "")
        if args.on_message and not (args.command and shutil.which(args.command[0])):
            raise ValueError("--on-message names no program")
        args.site = args.site and checked_url(args.site, "--site")
        args.relay_mode = args.relay_mode or ("private" if args.relay else "public")
        site = urlsplit(args.site or "")
        args.relay = checked_url(args.relay or f"{site.scheme}://{site.netloc}", "--relay", bare=True)
        args.proxy = proxy_of(args)
    except ValueError as error:
        parser.error(str(error))
    return args


def who_writes(config):
    """Where recordings go to be written down, as a sentence."""
    engine = config.get("transcription")
    if not engine:
        raise Failure("--transcribe: this relay has no engine that writes down voice messages")
    where = "on the relay's own machine" if engine["engine"] == "local" else "which can hear and keep them"
    return f"voice messages are written down by {engine['name']}, {where}"


def read_message():
    """All of standard input as the text of a message."""
    try:
        text = sys.stdin.buffer.read().decode().rstrip("\r\n") if sys.stdin else ""
    except UnicodeDecodeError:
        raise Failure("what came on standard input is not UTF-8") from None
    if not text.strip():
        raise Failure("nothing came on standard input", USAGE)
    return text


def run(args):
    """Do what the command line asks for."""
    if sends_openly(args.relay):
        note(f"warning: {args.relay} is not encrypted: others on the way can read along")
    out, state = Output(args.json), State(args.relay, args.email)
    sending = args.message is not None or args.attach or args.voice
    if args.message == "-":
        args.message = read_message()
    if args.save:
        os.makedirs(args.save, exist_ok=True)
    relay = Relay(args.relay, args.timeout, args.proxy)
    session = Session(args, relay, state)
    if args.logout:
        session.close()
        out.put("signed_out", f"Signed out: {clean(args.email)}", email=args.email)
        return
    config = relay.call("GET", CHAT + "/config", timeout_sec=None if sending or args.watch or args.chat else 0)
    relay.push = bool(config.get("features", {}).get("push"))
    if args.transcribe:
        note(who_writes(config))
    session.open()
    if args.json or args.site or sys.stdout.isatty() or not (sending or args.watch or args.chat or args.group or args.directory):
        out.status(session.status())
    to = use_group(args, relay, out) if args.group else args.to and clean_address(args.to)
    if args.directory:
        show_directory(relay, out)
    if sending:
        send_message(args, relay, out, to, config["limits"]["max_upload_bytes"])
    if args.watch:
        Watch(args, session, out).run()
    if args.chat:
        Chat(args, session, out, clean_address(args.chat), config["limits"]["max_upload_bytes"]).run()


def main(words=None):
    """The exit code; see --help for what each means."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")
    args = arguments(words)
    args.interrupts = Interrupts()
    try:
        run(args)
        return 0
    except Failure as failure:
        note(str(failure))
        return failure.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # Whoever read our output has gone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
    except OSError as error:
        note(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return REFUSED
    except (KeyError, TypeError) as error:
        note(f"an answer of {args.relay} is not as a relay answers ({type(error).__name__}: {error})")
        return REFUSED


if __name__ == "__main__":
    sys.exit(main())
