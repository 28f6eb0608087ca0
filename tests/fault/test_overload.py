"""Floods in short: whoever is within the limits notices nothing, nothing ends, memory stays bounded, and afterwards all that a flood
took is there again. `make overload` measures it at length."""
import argparse

import pytest

from client import wait_until
from floods import Link, tls_of
from harness import SAME_MODE
from overload import kinds_of, place

CONNECTIONS = 300
ROUNDS = 6
MOST_BYTES = 48 << 20
MOST_BYTES_SANITIZED = 256 << 20  # a sanitizer keeps freed memory


@pytest.fixture(scope="module", name="plain")
def relay_over_http(built):
    with place(tls=False) as where:
        yield where


@pytest.fixture(scope="module", name="secure")
def relay_over_https(built):
    with place(tls=True) as where:
        yield where


def withstand(where, kind):
    pids, before, memory = where.processes(), where.descriptors(), where.memory()
    with where.flooded(kind, CONNECTIONS) as counts:
        for _ in range(ROUNDS):
            where.use()
        grown = where.memory() - memory
    print(kind, counts, f"{grown >> 10} KiB more")
    assert counts["opened"] >= CONNECTIONS, "that was no flood"
    assert where.processes() == pids and grown < (MOST_BYTES_SANITIZED if SAME_MODE else MOST_BYTES)
    wait_until("connections and descriptors are back", lambda: where.is_as_before(before), 150)  # nginx gives a body up after 60
    where.use()


@pytest.mark.parametrize("kind", kinds_of(tls=False))
def test_those_inside_the_limits_go_on(plain, kind):
    withstand(plain, kind)


@pytest.mark.parametrize("kind", kinds_of(tls=True))
def test_those_inside_the_limits_go_on_over_https(secure, kind):
    withstand(secure, kind)


@pytest.mark.parametrize("kind, most", [("resets", 100), ("continuations", 3000), ("pings", 3000)])
def test_connection_of_http2_that_only_makes_work_is_ended(secure, kind, most):
    """Within so many turns; what lies in the sockets' buffers counts."""
    link = Link(argparse.Namespace(port=secure.relay.port), kind, tls_of(kind))
    try:
        wait_until("it is ended", lambda: link.go_on() is None, 60, 0.01)
    finally:
        link.socket.close()
    assert link.turn < most
    secure.use()


@pytest.mark.parametrize("kind", ["long-heads", "many-heads"])
def test_head_past_the_limits_is_refused_or_ends_the_connection(plain, kind):
    link = Link(argparse.Namespace(port=plain.relay.port), kind, None)
    try:
        assert wait_until("it is refused", lambda: (link.go_on() or ["ended"])[-1:], 60) in (["400"], ["ended"])
    finally:
        link.socket.close()
