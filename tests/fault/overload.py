"""What those inside the limits notice while others flood the relay (floods.py): `make overload` measures it at length, quiet and
flooded in turns, and test_overload.py looks at each kind of flood in short."""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "api"))

# pylint: disable=wrong-import-position
from client import User, wait_until  # noqa: E402
from floods import KINDS, ME, SIGN_IN  # noqa: E402
from harness import Relay, unique  # noqa: E402
from tls import https_client, make_certificate  # noqa: E402

VERIFY = "/api/v1/pchat/auth/verify-code"
# What an operator has who sets nothing; the harness has no limits.
LIMITS = {"RELAY_API_RATE": 50, "RELAY_AUTH_RATE": 60, "RELAY_MAX_CONNECTIONS": 100, "RELAY_CODES_PER_ADDRESS": 10,
          "RELAY_CODES_PER_CLIENT": 300, "RELAY_WORKERS": 2}
BIG_BYTES = 8 << 20
OF_ITS_OWN = 16  # descriptors that come and go without any flood


class Place:
    """A relay with its limits, and three users inside them; the third one's account is what a flood uses up."""

    def __init__(self, relay, certificate=None):
        self.relay, self.tls = relay, certificate is not None
        self.client = https_client(relay, certificate) if certificate else relay.client()
        self.ann, self.bob, self.eve = (self._sign_in() for _ in range(3))
        self.big = self.eve.put("/api/v1/webchat/upload?name=big.bin", data=b"x" * BIG_BYTES, expect=200)["url"]
        self.cursor, self.next_use = self.bob.poll_all()[1], 0.0

    def _sign_in(self):
        email = unique() + "@example.com"
        code = self.client.post(SIGN_IN, {"email": email}, expect=202)["dev_code"]
        return User(self.client, self.client.post(VERIFY, {"email": email, "code": code}, expect=200))

    def use(self):
        """What people do who are within the limits, some five times a second: each call succeeds."""
        time.sleep(max(0.0, self.next_use - time.monotonic()))
        self.next_use = time.monotonic() + 0.2
        sent = self.ann.send(self.bob, unique())["message_id"]
        messages, self.cursor = self.bob.poll_all(self.cursor)
        assert [item["message_id"] for item in messages] == [sent]
        self.bob.read(sent)
        assert self.ann.status(sent) == "read"
        self.bob.get(ME, expect=200)
        self.client.get("/api/v1/webchat/config", expect=200)

    @contextlib.contextmanager
    def flooded(self, kind, count, beside=()):
        """While it lasts; yields the counts, which are there after the block. `beside` is put before the command."""
        words = [*beside, sys.executable, os.path.join(HERE, "floods.py"), kind, str(self.relay.port), str(count),
                 "--path", self.big, "--token", self.eve.token, *(["--tls"] if self.tls else [])]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flood:
            counts = {}
            try:
                assert flood.stdout.readline() == "up\n"
                yield counts
            finally:
                counts.update(json.loads(flood.communicate(timeout=60)[0] or "{}"))

    def processes(self):
        """Those that serve requests, by pid."""
        return {*self.relay.workers(), *self.relay.nginx_workers(), *self.relay.children("relay-live")}

    def descriptors(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.processes())

    def memory(self):
        """Bytes of all these processes, what they share counted once."""
        return sum(_proportional(pid) for pid in self.processes())

    def is_as_before(self, descriptors):
        return self.descriptors() <= descriptors + OF_ITS_OWN


def _proportional(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))


@contextlib.contextmanager
def place(tls):
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = make_certificate(folder) if tls else ("", "")
        with Relay({**LIMITS, "RELAY_TLS_CERTIFICATE": certificate, "RELAY_TLS_KEY": key}) as relay:
            yield Place(relay, certificate or None)


def kinds_of(tls):
    """Floods of HTTP/2 are of a relay that speaks TLS; those beneath HTTP are of both."""
    return [name for name, kind in KINDS.items() if kind.http2 == tls or tls and name in ("idle", "kept", "slow-heads")]


# It stands for other machines: where cores are few, those who measure and the relay come first.
IDLE = ("chrt", "--idle", "0")

# -- at length -------------------------------------------------------------------------------------

def latencies(where, seconds, clients=4, pause_sec=0.05):
    """(milliseconds of each call, what failed) of clients that poll and send now and then."""
    times, failures, end = [], [], time.monotonic() + seconds

    def client(number):
        while time.monotonic() < end:
            number += 1
            begin = time.monotonic()
            try:
                if number % 4:
                    where.bob.poll(where.cursor)
                else:
                    where.ann.send(where.ann)
            except Exception as error:  # pylint: disable=broad-exception-caught
                failures.append(repr(error)[:300])
            times.append((time.monotonic() - begin) * 1000)
            time.sleep(max(0.0, begin + pause_sec * clients - time.monotonic()))
    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, failures


def p99(times):
    return statistics.quantiles(times, n=100)[98]


def at_length(where, kind, args):
    """One line of the table, and whether it is as promised."""
    pids, before, memory = where.processes(), where.descriptors(), where.memory()
    quiet, flooded, calls, failures, grown, counts = [], [], 0, [], 0, {}
    for _ in range(args.rounds):
        times, failed = latencies(where, args.seconds)
        quiet.append(p99(times))
        failures += failed
        with where.flooded(kind, args.n, IDLE) as counts:
            times, failed = latencies(where, args.seconds)
            grown = max(grown, where.memory() - memory)
        flooded.append(p99(times))
        calls, failures = calls + len(times), failures + failed
        wait_until("connections are back", lambda: where.is_as_before(before), 120)
    ratio = statistics.median(flooded) / statistics.median(quiet)
    ended = pids - where.processes()
    print(f"| {kind}{', TLS' if where.tls else ''} | {counts['opened']:,} | {calls:,} | {len(failures)} | {statistics.median(quiet):.1f} | "
          f"{statistics.median(flooded):.1f} | {ratio:.2f} | {grown / (1 << 20):.0f} | {len(ended)} |", flush=True)
    print("\n".join(failures[:3]), f"{kind}: {counts}", sep="\n", file=sys.stderr, flush=True)
    return not failures and not ended and ratio < 2


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10000, help="connections of each flood")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="quiet and flooded in turns")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, help="only these", metavar="KIND")
    args = parser.parse_args()
    print("| flood | connections opened | calls inside | failed | p99 quiet, ms | p99 flooded, ms | ratio | memory more, MiB | processes ended |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    good = True
    for tls in (False, True):
        with place(tls) as where:
            for kind in kinds_of(tls):
                if not args.kinds or kind in args.kinds:
                    good = at_length(where, kind, args) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
