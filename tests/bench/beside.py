#!/usr/bin/python3
"""Polls and sends of this version beside those of an earlier one, in turns, in one run: what a change costs or gains.
Prints markdown: the ratio, this version over the earlier one, of each round."""
import argparse
import importlib.util
import os
import statistics
import subprocess
import sys

import measure
import servers

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COUNT, TURN_SEC = 100000, 2


def say(text):
    print(text, file=sys.stderr, flush=True)


def check_out(revision, folder):
    """The earlier version, built as it says itself."""
    subprocess.run(["git", "clone", "-q", "--no-checkout", TOP, folder], check=True)
    subprocess.run(["git", "-C", folder, "checkout", "-q", revision], check=True)
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "all"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def seed_of(tree):
    """Its own module that fills a database, since the schema may have changed."""
    spec = importlib.util.spec_from_file_location(f"seed_{abs(hash(tree))}", os.path.join(tree, "tests", "bench", "seed.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Version:
    """A relay for polls and one for sends of a tree."""

    def __init__(self, tree, build, folder, count):
        seed, self.files = seed_of(tree), {}
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        db = seed.build(folder, os.path.join(tree, "sql", "schema"), [count])[count]
        self.files["poll"] = seed.poll_file(os.path.join(folder, "poll"), db, measure.CONNECTIONS)
        self.files["send"] = seed.send_file(os.path.join(folder, "send"), measure.CONNECTIONS, 256)
        self.servers = {what: servers.relay(f"{what} of {tree}", os.path.join(folder, f"relay-{what}"), build, db, "full")
                        for what in ("poll", "send")}
        for server in self.servers.values():
            server.wait()

    def rate(self, load_build, what):
        os.sync()
        run = measure.load(load_build, self.servers[what].port, measure.POLL if what == "poll" else measure.SEND,
                           measure.CONNECTIONS, TURN_SEC, self.files[what])
        if run["non_2xx"] or run["errors"]:
            raise RuntimeError(f"{what}: {run}")
        return run["per_second"]


def compare(args, folder):
    earlier = os.path.join(folder, "earlier")
    say(f"building {args.revision}")
    check_out(args.revision, earlier)
    say("filling their databases")
    both = [Version(TOP, args.build, os.path.join(folder, "now"), args.count),
            Version(earlier, os.path.join(earlier, "build"), os.path.join(folder, "then"), args.count)]
    ratios = {"poll": [], "send": []}
    for turn in range(args.rounds):
        for what, found in ratios.items():
            order = both if turn % 2 == 0 else both[::-1]
            rates = {version: version.rate(args.build, what) for version in order}
            found.append(rates[both[0]] / rates[both[1]])
            say(f"round {turn + 1} of {args.rounds}: {what} {rates[both[0]]:.0f} now, {rates[both[1]]:.0f} then")
    print(f"| this version / {args.revision} | median | rounds |\n|---|---:|---|")
    for what, found in ratios.items():
        print(f"| {what} | {statistics.median(found):.2f} | {', '.join(f'{each:.2f}' for each in sorted(found))} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision", help="the earlier version: a commit or a tag")
    parser.add_argument("--build", default="build", help="folder of the built programs")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=COUNT, help="messages in the store")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    with servers.workplace() as folder:
        compare(args, folder)


if __name__ == "__main__":
    main()
