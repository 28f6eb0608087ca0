#!/usr/bin/python3
"""Measures the relay beside a constant response, a bare commit loop and a Flask program, interleaved, in one run.
Prints markdown on stdout and what it is doing on stderr. Speed never fails the run; a server that does not start does."""
import argparse
import json
import os
import sys

import files
import instructions
import live
import measure
import plot
import seed
import servers
import table

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAMES = {10000: "10k", 100000: "100k", 1000000: "1m"}
MIDDLE = 100000
BODIES_EACH, BODIES_ONE = 256, 8192
SLICE_SEC = 1


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    """The servers, the files of requests, and the measurements by name."""

    def __init__(self, build, folder, quick):
        self.build, self.folder = build, folder
        self.rounds, self.slices = (1, 1) if quick else (5, 4)
        self.long, self.counts = (2, [10000, MIDDLE]) if quick else (10, [10000, MIDDLE, 1000000])
        self.servers, self.cases, self.files, self.loops = {}, {}, {}, {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def prepare(self):
        say(f"seeding {seed.ACCOUNTS} accounts and {self.counts[-1]} messages")
        self.seeds = seed.build(self.folder, os.path.join(TOP, "sql", "schema"), self.counts)
        for count, db in self.seeds.items():
            self.files[NAMES[count]] = seed.poll_file(self.path(f"poll-{count}"), db, measure.CONNECTIONS)
        self.groups = seed.with_groups(self.seeds[MIDDLE], self.path("groups.db"), measure.CONNECTIONS)
        self.files["groups"] = seed.poll_file(self.path("poll-groups"), self.groups, measure.CONNECTIONS)
        self.files["crowd"] = seed.poll_file(self.path("crowd"), self.seeds[MIDDLE], seed.CLIENTS)
        self.files["send_one"] = seed.send_file(self.path("send-one"), 1, BODIES_ONE)
        self.files["send"] = seed.send_file(self.path("send"), measure.CONNECTIONS, BODIES_EACH)
        self.files["texts"] = seed.text_file(self.path("texts"))

    def add(self, server):
        self.servers[server.name] = server
        server.wait()

    def start(self):
        say("starting the servers")
        middle = self.seeds[MIDDLE]
        self.add(servers.constant("constant", self.path("constant"), self.build))
        for count, db in self.seeds.items():
            name = f"poll_{NAMES[count]}"
            self.add(servers.relay(name, self.path(name), self.build, db, "full"))
        self.add(servers.relay("groups", self.path("groups"), self.build, self.groups, "full"))
        for durability in ("full", "normal"):
            name = f"send_{durability}"
            self.add(servers.relay(name, self.path(name), self.build, middle, durability))
            name = f"flask_{durability}"
            self.add(servers.flask(name, self.path(name), self.build, middle, durability))
            self.loops[durability] = self.path(f"loop-{durability}.db")
            seed.copy(middle, self.loops[durability])
        self.add(servers.relay("send_slow", self.path("send_slow"), self.build, middle, "full",
                               env=measure.slow_syncs(self.build)))
        self.add(servers.Prosody("prosody", self.path("prosody"), measure.CONNECTIONS))
        self.loops["slow"] = self.path("loop-slow.db")
        seed.copy(middle, self.loops["slow"])

    def load(self, server, path, file, connections=measure.CONNECTIONS):
        return measure.load(self.build, self.servers[server].port, path, connections, SLICE_SEC, self.files[file])

    def plan(self):
        """{name: what measures it}, in the order of a round."""
        plan = {"constant": lambda: self.load("constant", measure.POLL, "100k")}
        for count in self.counts:
            name = NAMES[count]
            plan[f"poll_{name}"] = lambda name=name: self.load(f"poll_{name}", measure.POLL, name)
        plan["poll_groups"] = lambda: self.load("groups", measure.POLL, "groups")
        plan["flask_poll"] = lambda: self.load("flask_full", measure.POLL, "100k")
        for kind in ("full", "normal"):
            plan[f"send_{kind}"] = lambda kind=kind: self.load(f"send_{kind}", measure.SEND, "send")
            plan[f"loop_{kind}"] = lambda kind=kind: measure.loop(
                self.build, self.loops[kind], kind.upper(), SLICE_SEC, self.files["texts"])
            plan[f"flask_{kind}"] = lambda kind=kind: self.load(f"flask_{kind}", measure.SEND, "send")
        plan["prosody"] = lambda: measure.xmpp(self.build, self.servers["prosody"].port, 3 * SLICE_SEC)
        plan["send_one"] = lambda: self.load("send_full", measure.SEND, "send_one", 1)
        plan["send_slow"] = lambda: self.load("send_slow", measure.SEND, "send")
        plan["loop_slow"] = lambda: measure.loop(self.build, self.loops["slow"], "FULL", SLICE_SEC, self.files["texts"],
                                                 **measure.slow_syncs(self.build))
        return plan

    def round(self, number):
        """All of the plan in turn, a short slice at a time, every second time backwards: what else the machine does
        meanwhile disturbs all of them alike."""
        plan = list(self.plan().items())
        found = {name: [] for name, _ in plan}
        for turn in range(self.slices):
            for name, run in plan if turn % 2 == 0 else reversed(plan):
                os.sync()
                found[name].append(run())
        found = {name: measure.combine(runs) for name, runs in found.items()}
        say(f"round {number + 1} of {self.rounds}: " +
            ", ".join(f"{name} {run['per_second']:.0f}" for name, run in found.items()))
        return found

    def wal(self, kind):
        server = self.servers[f"send_{kind}"]
        with measure.largest_wal(server.db) as largest:
            run = measure.load(self.build, server.port, measure.SEND, measure.CONNECTIONS, self.long,
                               self.files["send"])
        return largest[0], run

    def after(self):
        """What takes longer than a round, on the relay that has sent all the while."""
        server = self.servers["send_full"]
        say("largest WAL")
        found = {"wal": {kind: self.wal(kind) for kind in ("full", "normal")}}
        say(f"{seed.CLIENTS} clients")
        found["crowd"] = measure.load(self.build, server.port, measure.POLL, seed.CLIENTS, self.long,
                                      self.files["crowd"], warm=0)
        found["crowd"]["clients"] = seed.CLIENTS
        found["memory"] = measure.memory(server.processes[0].pid)
        say("a group of a thousand")
        found["group"] = files.group_send(self.servers["groups"], turns=3 if self.slices == 1 else 15)
        say("files")
        found["files"] = files.measure_files(self.build, self.path("files"), 20 if self.slices == 1 else 200,
                                             turns=1 if self.slices == 1 else 5)
        found["slow"] = files.slow_transfers(self, turns=1 if self.slices == 1 else 5)
        say("polls beside a pass")
        found["sweep"] = files.beside_a_pass(self)
        say("whether polls write")
        found["polls_write"] = measure.polls_write(self.build, server, self.files["100k"])
        say("live wake-ups, and devices")
        found["live"] = live.measure_live(self, turns=1 if self.slices == 1 else 5, seconds=3 if self.slices == 1 else 10)
        say("instructions")
        found["instructions"] = instructions.measure_instructions(self, quick=self.slices == 1)
        say("starts")
        found["start"] = measure.starts(self.build, self.folder, self.seeds[10000])
        return found


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="folder of the built programs")
    parser.add_argument("--quick", action="store_true", help="one short round, without the largest store")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds instead of five")
    parser.add_argument("--json", metavar="FILE", help="all figures, for a machine")
    parser.add_argument("--plot", metavar="FILE", help="the ratios as a picture (SVG)")
    return parser.parse_args()


def print_report(bench, rounds, after, disturbed):
    print(f"Medians of {bench.rounds} rounds, {bench.slices} s each in turns of {SLICE_SEC} s; ratios are taken inside "
          f"a round. {measure.CONNECTIONS} keep-alive connections through nginx, {seed.ACCOUNTS} accounts, "
          f"{servers.WORKERS} workers.\n")
    print("\n".join(table.rates(rounds)) + "\n")
    print("\n".join(table.wanted(rounds, after)) + "\n")
    for kind, rss, pss in after["memory"]:
        say(f"memory: {kind} {rss / table.MIB:.1f} MiB resident, {pss / table.MIB:.1f} MiB share")
    print(f"Machine: {table.machine(bench.folder)}. During the rounds other programs used {disturbed[0]:.1%} of the "
          f"processor, and the host took {disturbed[1]:.1%}.")


def run(bench, args):
    bench.prepare()
    bench.start()
    before = measure.cpu()
    rounds = [bench.round(n) for n in range(bench.rounds)]
    disturbed = measure.disturbance(before, measure.cpu())
    after = bench.after()
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": rounds, "after": after, "disturbed": disturbed}, file, indent=1)
    print_report(bench, rounds, after, disturbed)
    if args.plot:
        plot.ratios(list(table.ratios(rounds)), args.plot)
        say(f"the ratios as a picture: {args.plot}")


def main():
    args = options()
    args.plot = args.plot and os.path.abspath(args.plot)
    with servers.workplace() as folder:
        if table.file_system(os.path.realpath(folder))[0] == "tmpfs":
            say(f"{folder} is on tmpfs, where syncs cost nothing: set TMPDIR to a folder on a disk")
        bench = Bench(os.path.abspath(args.build), folder, args.quick)
        bench.rounds = args.rounds or bench.rounds
        run(bench, args)


if __name__ == "__main__":
    main()
