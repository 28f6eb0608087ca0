"""A primary and its replica with two relays on them: relays and the primary are killed under load, and the replica takes over."""
import collections
import contextlib
import os
import signal

import pytest

import epochs
import pg_server
from client import wait_until
from harness import kill_pids
from machines import Balanced, at, two_relays
from senders import assert_all_there, finish, start_senders, texts_for, wait_for_more

SEND, POLL = "/api/v1/messages", "/api/v1/webchat/poll"

Site = collections.namedtuple("Site", "primary replica one other")


@pytest.fixture(name="site")
def servers_and_relays(pg_programs):
    """site(waits) makes a Site; `waits`: the replica is a synchronous one."""
    with contextlib.ExitStack() as stack:
        def make(waits=True, **settings):
            primary = stack.enter_context(pg_server.Server())
            replica = stack.enter_context(pg_server.Replica(primary, waits))
            settings = {"DATABASE_URL": primary.url(primary.new_database(), replica), "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0, **settings}
            return Site(primary, replica, *stack.enter_context(two_relays(settings)))
        yield make


def load(site):
    """(senders under load at both relays, who start at either; their recipient)"""
    users = [relay.sign_in() for relay in (site.one, site.other) for _ in range(2)]
    relays = [(site.one, site.other), (site.other, site.one)]
    bob = site.other.sign_in()
    return start_senders([Balanced(user, relays[number % 2]) for number, user in enumerate(users)], bob), bob


def assert_nothing_lost_or_doubled(site, senders, bob):
    sent = finish(senders)
    assert_all_there(at(site.other, bob), sent)
    return [refusal for sender in senders for refusal in sender.user.refusals]


def assert_refused(response):
    assert response.status == 503 and int(response.headers["Retry-After"]) > 0, response


def try_send(relay, user, to, text):
    """The status of a send."""
    return at(relay, user).post(SEND, {"to": to.address, "text": text, "idempotency_key": text}).status


def stop_sending(site):
    """From here on the replica is told nothing."""
    [sender] = site.primary.processes("walsender")
    os.kill(sender, signal.SIGSTOP)


def take_over(site):
    site.primary.crash()
    site.replica.promote()


# -- a synchronous replica -----------------------------------------------------------------------------------------------


def test_nothing_is_lost_or_doubled_while_relays_are_killed(site):
    """Parent, workers, nginx and all, one after the other; senders go to the one that is left."""
    here = site()
    senders, bob = load(here)
    for relay in (here.one, here.other):
        wait_for_more(senders)
        kill_pids(relay.pids())
        relay.kill()
        wait_for_more(senders)
        relay.start()
    wait_for_more(senders)
    assert_nothing_lost_or_doubled(here, senders, bob)


def test_nothing_is_lost_or_doubled_when_the_replica_takes_over(site):
    """What was committed last is on the primary alone when it goes; nobody was told of it."""
    here = site()
    senders, bob = load(here)
    wait_for_more(senders)
    stop_sending(here)
    wait_until("a commit waits for the replica", lambda: here.primary.run("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))
    here.primary.crash()
    for relay in (here.one, here.other):
        assert_refused(at(relay, bob).post(POLL, {"chat_address": bob.address, "limit": 1}))
        assert_refused(at(relay, bob).post(SEND, {"to": bob.address, "text": "x"}))
    here.replica.promote()
    wait_for_more(senders)
    for relay in (here.one, here.other):
        wait_until("it is there again", lambda relay=relay: at(relay, bob).poll(expect=None).status == 200)
    refusals = assert_nothing_lost_or_doubled(here, senders, bob)
    assert refusals
    for refusal in refusals:
        assert_refused(refusal)


def test_nothing_is_said_to_be_stored_that_the_replica_has_not(site):
    """It would go with the primary."""
    here = site()
    ann, bob = here.one.sign_in(), here.one.sign_in()
    here.replica.crash()
    assert_refused(ann.post(SEND, {"to": bob.address, "text": "once", "idempotency_key": "once"}))
    bob.poll(expect=200)
    here.replica.start()
    here.replica.wait_until_it_follows()
    wait_until("it is stored", lambda: try_send(here.one, ann, bob, "once") in (200, 202))  # either: the first try was stored by now
    take_over(here)
    assert texts_for(at(here.other, bob)) == ["once"]


# -- an asynchronous one -------------------------------------------------------------------------------------------------


def leave_behind(site):
    """The replica has what there is, and nothing of what comes."""
    site.replica.wait_until_it_has_all()
    stop_sending(site)


def test_asynchronous_replica_lacks_what_it_was_not_told_and_the_rest_is_readable(site):
    here = site(waits=False)
    ann, bob = here.one.sign_in(), here.one.sign_in()
    ann.send(bob, "there")
    leave_behind(here)
    ann.send(bob, "lost")
    take_over(here)
    wait_until("it serves", lambda: try_send(here.other, ann, bob, "after") in (200, 202))  # either: a try that was lost was taken
    assert texts_for(at(here.other, bob)) == ["there", "after"]


def test_texts_of_a_replica_that_is_an_epoch_behind_are_lost_and_the_relays_go_on(site):
    """Their key was destroyed by those who took them for wrapped anew."""
    here = site(waits=False, EPOCH_SEC=2)
    ann, bob = here.one.sign_in(), here.one.sign_in()
    ann.send(bob, "there")
    leave_behind(here)
    epochs.wait(here.one, 1)
    take_over(here)
    wait_until("it serves", lambda: try_send(here.other, ann, bob, "after") in (200, 202))  # either: as above
    wait_until("what cannot be read is given up", lambda: at(here.other, bob).poll("", expect=None).status == 200)
    assert texts_for(at(here.other, bob)) == ["", "after"]
