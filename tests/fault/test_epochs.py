"""Epochs on PostgreSQL with real processes: machines share keys, come and go, and are killed at bad moments; what waits can be
read after all of it."""
import hashlib
import os
import re
import socket

import pytest

import epochs
from client import wait_until
from harness import Relay, kill_pids, run, write_settings
from machines import at, further

HERE = socket.gethostname()
SEND = "/api/v1/messages"


@pytest.fixture(name="on")
def relays_on_one_database(server, pg_programs):
    """Starts a relay on the database of the test; each further one gets the keys of the first, as the page says."""
    url, relays = server.url(server.new_database()), []

    def start(**settings):
        settings = {"DATABASE_URL": url, "EPOCH_SEC": 2, "RELAY_WORKERS": 1, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, **settings}
        relays.append(further(relays[0], settings) if relays else Relay(settings))
        return relays[-1].__enter__()  # pylint: disable=unnecessary-dunder-call
    yield start
    for relay in reversed(relays):
        relay.stop(quietly=True)
        relay.remove()


def keeper(relay):
    """The process that carries epochs on."""
    return relay.workers("relay-epochs")


def late(relay):
    return re.search(r"^scrub_lag_seconds .*$", run("relay-sweep", "--dir", relay.folder, "--now", "--verbose").stdout.split("; ", 1)[1], re.M).group()


def test_text_that_waits_is_read_after_three_epochs(on):
    relay = on()
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "patient")
    epochs.wait(relay, 3)
    assert bob.texts() == ["patient"]


def test_file_is_closed_to_others_and_on_no_server(on, server):
    relay = on()
    path = os.path.join(relay.folder, "data", "bridge.db.epochs")
    assert os.stat(path).st_mode & 0o777 == 0o600
    key = next(iter(epochs.slots_of(relay).values()))
    for root, _, names in os.walk(server.data):
        for name in names:
            with open(os.path.join(root, name), "rb") as file:
                assert key not in file.read()


def test_second_machine_reads_what_the_first_one_stored_and_back(on):
    one = on(EPOCH_SEC=600)
    ann, bob = one.sign_in(), one.sign_in()
    ann.send(bob, "from one")
    two = on(EPOCH_SEC=600)
    assert epochs.slots_of(one) == epochs.slots_of(two) and len(epochs.slots_of(one)) == 1
    assert epochs.machine(one) != epochs.machine(two)
    there = at(two, bob)
    there.send(ann, "from two")
    assert there.texts() == ["from one"] and ann.texts() == ["from two"]


def test_two_machines_go_through_epochs_together(on):
    one, two = on(), on()
    ann, bob = one.sign_in(), two.sign_in()
    ann.send(bob, "shared")
    epochs.wait(one, 2)
    wait_until("both have the same keys", lambda: epochs.slots_of(one) == epochs.slots_of(two), 20)
    bob.send(ann, "and back")
    assert bob.texts() == ["shared"] and ann.texts() == ["and back"]


def test_machine_that_restarts_goes_on(on):
    one, two = on(EPOCH_SEC=600), on(EPOCH_SEC=600)
    ann, bob = one.sign_in(), two.sign_in()
    ann.send(bob, "before")
    for relay in (two, one):
        keys = epochs.slots_of(relay)
        relay.restart()
        assert epochs.slots_of(relay) == keys
    assert at(two, bob).texts() == ["before"]


def test_machine_that_lost_its_file_is_given_the_keys_again(on):
    one, two = on(EPOCH_SEC=600), on(EPOCH_SEC=600)
    two.stop()
    os.unlink(os.path.join(two.folder, "data", "bridge.db.epochs"))
    two.start()
    wait_until("it has them again", lambda: epochs.slots_of(two) == epochs.slots_of(one), 20)


def test_folder_with_keys_of_another_database_is_refused(on, server):
    """Their texts would be lost with them."""
    relay = on()
    relay.stop()
    keys = epochs.slots_of(relay)
    elsewhere = server.url(server.new_database())
    write_settings(relay.folder, {**relay.settings, "DATABASE_URL": elsewhere})
    done = run("relayd", "--dir", relay.folder)
    assert done.returncode == 1 and "keys of another database" in done.stderr and epochs.slots_of(relay) == keys


def test_dead_machine_is_struck_off_and_named_until_it_is_back(on):
    one, two = on(), on()
    kill_pids(two.pids())
    two.kill()
    held = epochs.slots_of(two)
    assert held
    wait_until("it is named", lambda: late(one).endswith(f" on {HERE}"), 40)
    assert f" on {HERE}" in one.ctl("stats").stdout
    # its own look comes at its own time
    wait_until("the log says so", lambda: "has not destroyed the key of an epoch" in one.file_text("run/relay.log") + one.stderr, 40)
    epochs.wait(one, 1)  # nobody waits for it
    assert epochs.slots_of(two) == held
    two.start()
    wait_until("it has destroyed what it had", lambda: not set(held) & set(epochs.slots_of(two)), 20)
    wait_until("nothing is late", lambda: late(one) == "scrub_lag_seconds 0", 20)


def test_machine_that_never_comes_back_is_forgotten_by_name(on):
    one = on()
    with one.opened_database() as link:
        link.execute("INSERT INTO node (id, name, public_half, seen_at, struck_at) VALUES (randomblob(16), 'gone', randomblob(32), 1, 1)")
        link.execute("INSERT INTO epoch (number, state, since) VALUES (7, 3, 1)")
        link.execute("INSERT INTO node_epoch (node_id, epoch, box) SELECT id, 7, x'' FROM node WHERE name = 'gone'")
    assert late(one).endswith(" on gone")
    assert one.ctl("machine", "forget", HERE, expect=1).stderr  # it is here
    one.ctl("machine", "forget", "gone")
    assert late(one) == "scrub_lag_seconds 0"


def test_killed_between_rewrapping_and_overwriting(on):
    relay = on()
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "in between")
    seen = set()
    for _ in range(3):
        wait_until("an epoch is closed", lambda: any(state == 3 and number not in seen for number, state in epochs.states(relay).items()), 30)
        kill_pids(relay.pids())
        relay.kill()
        closed = {number for number, state in epochs.states(relay).items() if state == 3}
        seen |= closed
        relay.start()
        wait_until("the slot is overwritten", lambda closed=closed: not closed & set(epochs.slots_of(relay)), 20)
    assert at(relay, bob).texts() == ["in between"]


def test_keeper_that_is_killed_again_and_again_loses_nothing(on):
    relay = on()
    ann, bob = relay.sign_in(), relay.sign_in()
    texts = [f"text {number}" for number in range(30)]
    first = epochs.current(relay)
    for text in texts:
        ann.send(bob, text)
        kill_pids(keeper(relay))
    wait_until("epochs go on", lambda: epochs.current(relay) != first, 60)
    epochs.wait(relay, 1)
    assert bob.texts() == texts


def test_in_memory_no_key_is_on_a_disk_and_a_power_cut_takes_what_waits_and_no_more(on):
    relay = on(EPOCH_KEYS="memory")
    name = hashlib.sha256(os.path.join(relay.folder, "data", "bridge.db").encode()).hexdigest()[:32]
    path = f"/dev/shm/webchat-relay-{name}"
    try:
        ann, bob = relay.sign_in(), relay.sign_in()
        ann.send(bob, "in memory")
        keys = epochs.slots(path)
        assert keys and not epochs.slots_of(relay)
        assert not any(relay.files_holding(key) for key in keys.values())
        relay.restart()
        assert at(relay, bob).texts() == ["in memory"]
        at(relay, ann).send(bob, "lost")
        relay.stop()
        os.unlink(path)
        relay.start()
        wait_until("there is a key again", lambda: at(relay, ann).post(SEND, {"to": bob.address, "text": "new"}).status == 202)
        wait_until("what waited is given up", lambda: at(relay, bob).poll("", expect=None).status == 200)
        assert at(relay, bob).texts() == ["", "", "new"]
    finally:
        relay.stop(quietly=True)
        os.unlink(path)


def test_machine_without_the_key_is_not_ready_and_empties_nothing(on):
    """The only other one is away: what waits is for it to open."""
    one, two = on(EPOCH_SEC=600), on(EPOCH_SEC=600)
    ann, bob = one.sign_in(), one.sign_in()
    ann.send(bob, "patient")
    two.stop()
    os.unlink(os.path.join(two.folder, "data", "bridge.db.epochs"))
    one.stop()
    two.start()
    assert at(two, bob).poll("", expect=503).status == 503
    assert at(two, ann).post(SEND, {"to": bob.address, "text": "x"}).status == 503
    ready = two.client().get("/ready", check=False)
    assert ready.status == 503 and "database" in ready["failing"]
    one.start()
    wait_until("it is given the key", lambda: two.client().get("/ready", check=False).status == 200)
    assert at(two, bob).texts() == ["patient"]
