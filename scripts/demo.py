#!/usr/bin/env python3
"""A relay to try: on this machine only, in a folder of its own that is gone afterwards, with people, a group, a stream,
files, a voice note, and somebody who answers. Prints a link that signs you in. Needs Python 3.9 only."""
import argparse
import contextlib
import json
import math
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import quote

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("RELAY_BUILD", os.path.join(TOP, "build"))
SETTINGS = {"HOST": "127.0.0.1", "PCHAT_DEV_EXPOSE_CODES": "true", "RELAY_NAME": "Demo relay", "RELAY_TELEGRAM_API": "",
            "RELAY_WORKERS": "2", "PCHAT_ADMIN_EMAILS": "you@demo.example", "RELAY_API_RATE": "0", "RELAY_AUTH_RATE": "0"}
START_SEC = 60
PEOPLE = (("anna", "Anna Keller"), ("yosef", "יוסף לוי"), ("mira", "Mira Santos"), ("niraj", "नीरज शर्मा"))
RESPONSES = ("Good to hear from you!", "I was just thinking of that.", "Let us talk about it on Sunday.",
             "Have you seen the group? There is a new path along the lake.", "That sounds good to me.")


class Person:
    """Somebody who is signed in."""

    def __init__(self, url, address, name):
        self.url, self.address, self.cursor = url, address, ""
        email = f"{address}@demo.example"
        code = call(url, "POST", "/api/v1/pchat/auth/request-code", {"email": email, "purpose": "login"})["dev_code"]
        self.token = call(url, "POST", "/api/v1/pchat/auth/verify-code", {
            "email": email, "code": code, "chat_address": address, "display_name": name, "public_visible": True,
            "device_name": "demo", "session_name": address})["session_token"]

    def call(self, method, path, body=None):
        """One call as this person."""
        return call(self.url, method, "/api/v1/" + path, body, self.token)

    def send(self, to, text, **more):
        """Send a message; returns its id."""
        return self.call("POST", "messages", {"to": to, "text": text, **more})["message_id"]

    def upload(self, name, mime, content):
        """Put a file on the relay; returns its id."""
        request = urllib.request.Request(f"{self.url}/api/v1/webchat/upload?name={quote(name)}", content, method="PUT",
                                         headers={"X-PChat-Session": self.token, "Content-Type": mime})
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)["file_id"]

    def unread(self):
        """Messages that came since the last time."""
        response = self.call("POST", "webchat/poll", {"chat_address": self.address, "limit": 100, "cursor": self.cursor})
        self.cursor = response["cursor"]
        return response["messages"]


def call(url, method, path, body=None, token=None):
    """One call; returns its JSON."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **({"X-PChat-Session": token} if token else {})}
    request = urllib.request.Request(url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def tune(seconds=4, rate=8000):
    """A few soft notes as a WAV file."""
    notes = (262, 330, 392, 523)
    samples = [int(9000 * math.sin(2 * math.pi * i * notes[i // rate % 4] / rate) * (1 - i % rate / rate)) for i in range(seconds * rate)]
    body = struct.pack(f"<{len(samples)}h", *samples)
    return struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + len(body), b"WAVEfmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", len(body)) + body


def sign_in_all(url):
    """People and what they say; returns them by address."""
    people = {address: Person(url, address, name) for address, name in PEOPLE}
    you = Person(url, "you", "You")
    anna, mira = people["anna"], people["mira"]
    hikers = anna.call("POST", "webchat/groups", {"name": "Sunday hikers", "visibility": "public", "description": "Sundays at nine, at the bridge."})["group_id"]
    harbour = mira.call("POST", "webchat/groups", {"name": "Harbour news", "visibility": "public", "mode": "stream", "join_policy": "open"})["group_id"]
    for address in ("yosef", "mira", "you"):
        anna.call("POST", f"webchat/groups/{hikers}/members", {"chat_address": address})
    mira.call("POST", f"webchat/groups/{harbour}/members", {"chat_address": "you"})
    for person in (people["yosef"], mira, you):
        for invite in person.call("GET", "webchat/invites")["invites"]:
            person.call("POST", f"webchat/invites/{invite['invite_id']}/accept")
    mira.send(harbour, "The ferry runs every hour from Monday.")
    people["niraj"].send("you", "नमस्ते, कल मिलते हैं?")
    first = anna.send(hikers, "Good morning! The path along the lake is open again.")
    people["yosef"].send(hikers, "אז ניפגש ליד הגשר ב־9:30? https://maps.example.org/b7", reply_to=first)
    note = anna.upload("note.wav", "audio/wav", tune())
    wave = [20 + 60 * abs(math.sin(i / 3)) for i in range(40)]
    anna.send(hikers, "", kind="voice", attachments=[note], duration_ms=4000, waveform=wave)
    plan = anna.upload("Route around the lake.txt", "text/plain", "Bridge, mill, beach, ferry.\n".encode() * 200)
    anna.send("you", "Here is the route. Write back, I answer.", attachments=[plan])
    you.call("POST", "pchat/auth/logout")
    return people


def live(people, stopped):
    """They are online; Anna reads what she gets and answers it."""
    count, seen = 0, 0.0
    while not stopped.wait(1):
        with contextlib.suppress(urllib.error.URLError, OSError):
            if time.monotonic() - seen > 20:
                seen = time.monotonic()
                for person in people.values():
                    person.call("POST", "webchat/presence", {"chat_address": person.address, "visible": True})
            for message in people["anna"].unread():
                if message["from"] != "you" or message.get("deleted_at") or message.get("edited_at"):
                    continue
                people["anna"].call("POST", "webchat/read", {"chat_address": "anna", "message_ids": [message["message_id"]]})
                if message.get("group_id"):
                    continue
                people["anna"].call("POST", "webchat/typing", {"to": "you", "typing": True})
                stopped.wait(2)
                people["anna"].send("you", RESPONSES[count % len(RESPONSES)])
                count += 1


def start(folder):
    """The relay as a child; returns (process, address)."""
    child = subprocess.Popen([os.path.join(BUILD, "relayd"), "--dir", folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             start_new_session=True)
    end = time.monotonic() + START_SEC
    for line in child.stdout:
        found = re.match(r"WebChat relay: (\S+)", line)
        if found:
            threading.Thread(target=lambda: [None for _ in child.stdout], daemon=True).start()
            return child, found.group(1)
        if time.monotonic() > end:
            break
    child.terminate()
    raise SystemExit("demo.py: the relay does not start; ./start_relay.sh --check may say why")


def main():
    """Runs until Ctrl-C."""
    argparse.ArgumentParser(prog="demo.py", description=__doc__).parse_args()
    parent = tempfile.mkdtemp(prefix="webchat-demo-")
    os.chmod(parent, 0o755)
    folder = os.path.join(parent, "relay")
    os.mkdir(folder)
    with open(os.open(os.path.join(folder, ".env.local"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
    stopped, child = threading.Event(), None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        child, url = start(folder)
        people = sign_in_all(url)
        page = f"{url}/app/webchat/chat.html#relay={quote(url, safe='')}&mode=private&email=you%40demo.example&name=You"
        print(f"WebChat demo: open this, press twice, and you are in:\n  {page}\nAnna answers. Ctrl-C ends it, and nothing stays.", flush=True)
        live(people, stopped)
    finally:
        if child:
            child.terminate()
            child.wait(20)
        shutil.rmtree(parent, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
