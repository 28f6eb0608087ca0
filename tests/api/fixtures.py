"""Fixtures shared by tests/api and tests/fault."""
import contextlib
import os
import shutil

import pytest

import harness
import pg_server
from harness import BUILD, Relay, make_folder, write_settings
from smtp_sink import SmtpSink

__all__ = ["ann", "bob", "built", "client", "folder_of", "make_relay", "one_mailing", "one_postgresql", "one_sink", "pg_programs", "relay_with", "shared_relay", "sink"]


@pytest.fixture(scope="session")
def built():
    """The programs under test."""
    if not os.path.exists(os.path.join(BUILD, "relayd")):
        pytest.fail(f"{BUILD}/relayd is not there; build it, or set RELAY_BUILD", pytrace=False)
    return BUILD


@pytest.fixture(scope="session", name="relay")
def shared_relay(built):
    """A relay with the settings of harness.DEFAULTS, shared by all tests that need no others."""
    with Relay() as relay:
        yield relay


@pytest.fixture
def make_relay(built):
    """make_relay(settings, ...) starts a relay that ends with the test."""
    relays = []

    def make(settings=None, *, start=True, **options):
        relay = Relay(settings, **options)
        relays.append(relay)
        return relay.start() if start else relay

    yield make
    errors = []
    for relay in relays:
        try:
            relay.stop()
        except AssertionError as error:
            errors.append(error)
        relay.remove()
    assert not errors, errors


@pytest.fixture(scope="module")
def relay_with(built):
    """relay_with(settings): one for all tests of the file that need these settings and leave the relay as they found it."""
    relays = {}
    with contextlib.ExitStack() as stack:
        def of(settings):
            key = str(settings)
            if key not in relays:
                relays[key] = stack.enter_context(Relay(settings))
            return relays[key]

        yield of


@pytest.fixture(name="server", scope="module")
def one_postgresql():
    """A PostgreSQL of the test file's own."""
    with pg_server.Server() as server:
        yield server


@pytest.fixture
def pg_programs(monkeypatch):
    """Relays of the test are those that know PostgreSQL; where there are none it is skipped."""
    monkeypatch.setattr(harness, "BUILD", pg_server.build())


@pytest.fixture
def folder_of(built):
    """folder_of(text) makes an operator's folder with that .env.local; it goes with the test."""
    folders = []

    def make(text=""):
        folders.append(make_folder())
        write_settings(folders[-1], text)
        return folders[-1]

    yield make
    for folder in folders:
        shutil.rmtree(os.path.dirname(folder))


@pytest.fixture
def client(relay):
    """A caller without a credential."""
    return relay.client()


@pytest.fixture
def ann(relay):
    """A new user."""
    return relay.sign_in(display_name="Ann", public_visible=True)


@pytest.fixture
def bob(relay):
    """Another new user."""
    return relay.sign_in(display_name="Bob", public_visible=True)


@pytest.fixture(scope="module")
def one_sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def sink(one_sink):
    """A mail server that can misbehave: one for all tests of a file, and as new for each."""
    one_sink.begin_anew()
    return one_sink


@pytest.fixture
def one_mailing(relay_with, one_sink):
    """one_mailing(...): a relay with that mail server for all tests of a file; what a test leaves in the outbox goes with it."""
    used = []

    def of(**settings):
        used.append(relay_with(one_sink.settings(**settings)))
        return used[-1]

    yield of
    for relay in used:
        with relay.locked_database() as link:
            link.execute("DELETE FROM outbox")
