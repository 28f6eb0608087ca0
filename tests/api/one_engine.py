"""Fixtures of a file of tests whose relays ask an engine: one stand-in for all of them, which begins anew with each test, and one relay
(`one_relay`, the file's own) for those that need no other settings and leave the engine well."""
import pytest

from engine_sink import EngineSink

__all__ = ["a_reader", "an_engine", "one_engine", "relay_with_engine"]


@pytest.fixture(scope="module")
def one_engine():
    with EngineSink() as sink:
        yield sink


@pytest.fixture(name="engine")
def an_engine(one_engine):
    one_engine.begin_anew()
    yield one_engine
    one_engine.let_go()


@pytest.fixture(name="relay")
def relay_with_engine(one_relay, engine):  # pylint: disable=unused-argument
    return one_relay


@pytest.fixture(name="ann")
def a_reader(relay):
    return relay.sign_in()
