"""The retention promise in a short form; `make proof` is the long one."""
import pytest

from proof import MODES, prove


@pytest.mark.parametrize("mode", MODES[1:])
def test_nothing_is_left_of_what_was_delivered_though_processes_were_killed(built, mode):
    found = prove(mode, 120)
    assert found["messages"] == 120 and found["kills"] > 0
    assert found["left"] == 0 and found["verified"]


def test_the_search_finds_what_is_kept(built):
    found = prove("full", 20)
    assert found["left"] > 20
