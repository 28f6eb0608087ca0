"""Sequences of calls at random, held against the model: another sample each day; `make model` plays more of them."""
import random
import time

import pytest

from harness import ENGINE, needs_housekeeping
from house import House
from play import Mismatch, Play
from sequences import MODES, mark, replay, search, shrink
from steps import STEPS
from test_housekeeping import needs_faketime

pytestmark = [needs_housekeeping, needs_faketime]

DAY = int(time.time()) // 86400
PLAYED, CPU_SEC = 40, 0.8 if ENGINE == "postgresql" else 2  # of the model's own


@pytest.mark.parametrize("mode", MODES)
def test_relay_does_what_the_model_does(built, mode):
    first = DAY * 1000 - DAY * 1000 % 40 + 1
    played, failed = search(mode, range(first, first + PLAYED), CPU_SEC)
    assert not failed, "\n\n".join(failed)
    assert played > 3


def test_restart_backup_and_restore_keep_what_they_should(built):
    steps = [["send", "d1", "a2"], ["poll", "d2", -1, 100, True], ["send", "d1", "a2"], ["backup", True], ["poll", "d2", -1, 100, True],
             ["poll", "d2", -1, 100, True], ["sweep"], ["restart"], ["send", "d1", "a3"], ["erase", "d3"], ["restore"], ["sweep"]]
    with House(MODES[0]) as house:
        _, error, last = replay(house, [[number, *step] for number, step in enumerate(steps)])
        house.check(last)
    assert error is None


def test_every_step_is_chosen():
    """And each has what it needs within a few hundred steps of the model alone."""
    from steps import choose  # pylint: disable=import-outside-toplevel
    from circles import Circles  # pylint: disable=import-outside-toplevel
    world, rng = Circles(MODES[0]), random.Random(1)
    for name in ("a1", "a2"):
        world.account(name)
        world.sign_in(name.replace("a", "d"), world.accounts[name])
    world.make("g1", world.accounts["a1"], True, True, False)
    world.send("m1", world.devices["d1"], world.accounts["a2"], "x", "k")
    assert {choose(rng, world, True)[0] for _ in range(3000)} == set(STEPS)


def test_mistake_of_the_relay_is_found_and_made_short(built, monkeypatch):
    """The relay forgets a block that the model remembers: what is left is the block, what was sent and who looks."""
    steps = [["sign_in", "a3"], ["retitle", "d1"], ["block", "d2", "a1"], ["send", "d3", "a2"], ["send", "d1", "a2"],
             ["read", "d3", "m3"], ["poll", "d2", -1, 100, True], ["sweep"]]
    steps = [[number, *step] for number, step in enumerate(steps)]
    call = Play.call

    def forgetful(self, device, method, path, expect, body=None):
        if path.endswith("/blocks"):
            return {}
        return call(self, device, method, path, expect, body)

    monkeypatch.setattr(Play, "call", forgetful)
    with House(MODES[0]) as house:
        made, error, _ = replay(house, steps)
        assert isinstance(error, Mismatch)
        made, error = shrink(house, made, error)
    assert [step[1] for step in made] in (["block"], ["block", "send"], ["block", "send", "poll"]), (made, error)
    assert mark() != mark()
