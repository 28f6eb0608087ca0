"""Proof of the retention promise on PostgreSQL, whose files keep what was overwritten: every byte of the cluster, its log of
writes, a base backup from the worst moment and the machine's own files is searched for the keys of scrubbed texts, and every
wrapped key that lies there is tried."""
import os
import subprocess

import pytest

import epochs
from client import wait_until
from harness import Relay, run, unique

CANARIES = 25


@pytest.fixture(name="relay")
def relay_with_short_epochs(server, pg_programs):
    settings = {"DATABASE_URL": server.url(server.new_database()), "EPOCH_SEC": 4, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0,
                "RETENTION_DEVICE_GRACE_SEC": 0}
    with Relay(settings) as relay:
        yield relay


def files_below(*folders):
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(root, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        yield file.read()


def rows(relay):
    """(public id, wrapped key, sealed body) of every message that has them."""
    with relay.opened_database() as link:
        found = link.execute("SELECT m.public_id, k.body_key, m.body FROM message m JOIN content_key k ON k.id = m.id").fetchall()
    return [tuple(bytes(value) for value in row) for row in found if len(row[1]) == epochs.WRAPPED]


def base_backup(server, name):
    folder = os.path.join(server.folder, name)
    done = subprocess.run([*server.become, f"{server.bin}/pg_basebackup", "-h", server.folder, "-U", "relay", "-D", folder, "-X", "fetch",
                           "-c", "fast", "--no-sync"], capture_output=True, text=True, cwd=server.folder, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def opened(data, numbers, keys, sealed):
    """How many of the wrapped keys in the bytes those epoch keys open, and a body with them."""
    count = 0
    for wrapped in epochs.candidates(data, numbers):
        for public_id, body in sealed:
            key = epochs.unwrap(keys, wrapped, public_id)
            count += bool(key) and epochs.decrypt(key, body[1:], public_id + b"\1") is not None
    return count


def test_nothing_that_the_server_keeps_opens_a_scrubbed_text(server, relay):
    ann, bob = relay.sign_in(), relay.sign_in()
    texts = [f"canary {unique()} {number}" for number in range(CANARIES)]
    for text in texts:
        ann.send(bob, text)
    kept = epochs.slots_of(relay)  # what a thief would have had to take before the end of the epoch
    wrapped = rows(relay)
    kept |= epochs.slots_of(relay)
    assert len(wrapped) == CANARIES
    keys = [epochs.unwrap(kept, key, public_id) for public_id, key, _ in wrapped]
    assert all(keys)
    assert texts[0].encode() in epochs.decrypt(keys[0], wrapped[0][2][1:], wrapped[0][0] + b"\1")
    sealed = [(public_id, body) for public_id, _, body in wrapped]
    assert sorted(bob.texts()) == sorted(texts)
    bob.poll_all()
    waiting = ann.send(bob, "this one waits")["message_id"]

    def scrubbed():
        run("relay-sweep", "--dir", relay.folder, "--now")
        with relay.opened_database() as link:
            return link.execute("SELECT count(*) FROM message WHERE scrubbed_at > 0").fetchone()[0] == CANARIES
    wait_until("all are scrubbed", scrubbed)
    backup = base_backup(server, "at-the-scrub")  # with the rows as they were
    kept |= epochs.slots_of(relay)
    last = max(kept)
    wait_until("two epochs went by", lambda: min(epochs.slots_of(relay)) > last and len([n for n in epochs.states(relay) if n > last]) >= 2, 60)
    wait_until("their keys are destroyed", lambda: not set(kept) & set(epochs.slots_of(relay)), 30)
    later = base_backup(server, "later")
    living = epochs.slots_of(relay)

    places = {"cluster": (server.data,), "backup at the scrub": (backup,), "backup of later": (later,), "machine": (relay.home, relay.outputs)}
    needles = [*kept.values(), *keys, *(text.encode() for text in texts)]
    numbers = set(kept) | set(living) | set(epochs.states(relay))
    found, opened_now, opened_then, searched = {}, {}, {}, {}
    for place, folders in places.items():
        found[place] = opened_now[place] = opened_then[place] = searched[place] = 0
        for data in files_below(*folders):
            searched[place] += len(data)
            found[place] += sum(needle in data for needle in needles)
            opened_now[place] += opened(data, numbers, living, sealed)
            opened_then[place] += opened(data, numbers, kept, sealed)
    print(f"\nsearched for {len(needles)} in {searched} bytes: {found}; opened {opened_now}; "
          f"with the destroyed keys it would have been {opened_then}")
    assert not any(found.values()), found
    assert not any(opened_now.values()), opened_now
    # the search finds what is there, and it is the destroyed keys alone that are missing
    assert opened_then["cluster"] > 0 and opened_then["backup at the scrub"] > 0, opened_then
    assert bob.texts()[-1] == "this one waits" and ann.status(waiting) == "delivered"
