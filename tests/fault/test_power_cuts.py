"""Power cuts in a short form; `make powercuts` is the long one."""
import pytest

from crash import MODES, record, replay

STATES, MESSAGES = 400, 160


@pytest.mark.parametrize("mode", MODES)
def test_after_a_power_cut_all_that_was_acknowledged_is_there_and_nothing_scrubbed_is_back(built, mode):
    recording = record({"MESSAGE_RETENTION_MODE": mode}, MESSAGES)
    assert len(recording.sent) == MESSAGES and recording.claimed and recording.said and recording.syncs
    assert replay(recording, STATES, "on_claim" in mode) == []


def test_the_search_finds_what_is_lost_where_nothing_is_synced(built):
    recording = record({"RELAY_DURABILITY": "normal"}, 80)
    assert any("answered messages are gone" in fault for fault in replay(recording, 100, False))
