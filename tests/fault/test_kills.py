"""Processes killed in the middle of a turn; KILLS=500 at length (`make kills`)."""
import os
import random
import signal
import time

from client import wait_until
from senders import assert_all_there, finish, start_senders

KILLS = int(os.environ.get("KILLS", "12"))
SENDERS, BETWEEN_SEC = 8, (0.02, 0.2)


def writer(relay):
    """Who holds the writers' lock just now, if anybody: a worker in the middle of its turn."""
    inode = os.stat(relay.database + ".lock").st_ino
    with open("/proc/locks", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[1] == "FLOCK" and words[5].endswith(f":{inode}"):
                return int(words[4])
    return None


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, TypeError):
        return False  # it was replaced meanwhile
    return True


def kill_writer(relay, senders):
    pid = wait_until("somebody writes", lambda: writer(relay) or not alive(senders), 60, 0)
    return pid in relay.workers() and kill(pid)


def alive(senders):
    return any(sender.is_alive() for sender in senders)


def kill_relay(relay):
    kill(relay.process.pid)
    relay.process.wait()
    relay.start()
    return True


def strike(relay, senders, rng):
    """Kill one process; whether there was one."""
    what = rng.choices(("writer", "worker", "nginx", "relayd"), (65, 15, 10, 10))[0]
    if what == "writer":
        return kill_writer(relay, senders)
    if what == "relayd":
        return kill_relay(relay)
    victims = relay.workers() if what == "worker" else relay.children("nginx")
    return bool(victims) and kill(rng.choice(victims))


def test_kills_in_the_middle_of_turns_lose_and_double_nothing(make_relay):
    relay = make_relay({"RELAY_WORKERS": 12})
    relay.fixed_port = relay.port
    recipient, users = relay.sign_in(), [relay.sign_in() for _ in range(SENDERS)]
    rng, killed, everything = random.Random(), 0, {}
    while killed < KILLS:
        senders = start_senders(users, recipient, 60, run=killed)
        while alive(senders) and killed < KILLS:
            time.sleep(rng.uniform(*BETWEEN_SEC))  # the moment of a kill is chance
            wait_until("somebody serves", lambda: relay.workers(), 60)
            killed += strike(relay, senders, rng)
        everything.update(finish(senders))
    assert_all_there(recipient, everything)
