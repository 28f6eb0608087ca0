#!/usr/bin/python3
"""Random sequences of calls held against the model, and what failed made as short as it gets.

  sequences.py [--modes MODE,...] [--n N] [--seed SEED] [--seconds S]   N sequences of 50 steps, SEED and those after it
  sequences.py --file STEPS.json                                        that one again
"""
import argparse
import json
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, *(os.path.join(os.path.dirname(HERE), name) for name in ("api", "fault"))]

import harness  # noqa: E402 pylint: disable=wrong-import-position
from house import House, Mismatch  # noqa: E402 pylint: disable=wrong-import-position
from play import Play  # noqa: E402 pylint: disable=wrong-import-position
from steps import choose, make  # noqa: E402 pylint: disable=wrong-import-position

MODES = ("scrub_content_on_final", "scrub_all_on_claim", "scrub_content_on_claim", "scrub_all_on_final")
LENGTH, RARE = 50, 40  # every so many sequences are restarted, backed up and restored
counter = [0]


def mark():
    """What the names and texts of a play begin with: fresh accounts each time."""
    counter[0] += 1
    return f"p{os.getpid()}x{counter[0]}"


def play(house, pick, length):
    """(steps, Mismatch or None): `pick(world, number)` is the next step, without its number."""
    made, playing = [], Play(house, mark())
    try:
        for number in range(length):
            step = pick(playing.world, number)
            made.append(step)
            make(playing, step)
        playing.finish()
        house.clock.set(0)
        return made, None, playing.mark
    except Mismatch as error:
        house.clock.set(0)
        return made, error, playing.mark


def random_play(house, seed):
    rng = random.Random(f"{house.mode} {seed}")
    return play(house, lambda world, number: [number, *choose(rng, world, seed % RARE == 0 and harness.ENGINE == "sqlite")], LENGTH)


def replay(house, steps):
    return play(house, lambda _, number: steps[number], len(steps))


def shrink(house, steps, error):
    """Fewer and fewer steps, as long as they still fail."""
    size = len(steps) // 2
    while size:
        start = 0
        while start < len(steps):
            fewer = steps[:start] + steps[start + size:]
            made, found, _ = replay(house, fewer)
            if found:
                steps, error = made, found
            else:
                start += size
        size //= 2
    return steps, error


def report(mode, seed, steps, error):
    """The steps, one a line, and how to make them again."""
    folder = os.environ.get("RELAY_BUILD") or os.path.join(os.path.dirname(os.path.dirname(HERE)), "build")
    path = os.path.join(folder, f"model-{mode}-{seed}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"mode": mode, "seed": seed, "steps": steps}, file)
    lines = "\n".join(f"  {json.dumps(step)}" for step in steps)
    return f"{mode}, seed {seed}: {error}\nafter {len(steps)} steps:\n{lines}\nagain: make model STEPS={path}"


EACH = 50  # sequences, between two looks at the whole database


def search(mode, seeds, seconds=None):
    """(sequences played, reports of what failed)."""
    end, found, played, last = seconds and time.process_time() + seconds, [], 0, None
    with House(mode) as house:
        for seed in seeds:
            steps, error, last = random_play(house, seed)
            played += 1
            if error:
                found.append(report(mode, seed, *shrink(house, steps, error)))
                print(found[-1], flush=True)
            if played % EACH == 0:
                house.check(last)
                print(f"{mode}: {played} sequences, up to seed {seed}, {len(found)} failed", file=sys.stderr, flush=True)
            if len(found) > 4 or end and time.process_time() > end:
                break
        house.check(last)
    return played, found


def options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file")
    asked = parser.parse_args()
    unknown = set(asked.modes.split(",")) - set(MODES)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: the model knows {', '.join(MODES)}")
    return asked


def main():
    asked = options()
    if asked.file:
        with open(asked.file, encoding="utf-8") as file:
            kept = json.load(file)
        with House(kept["mode"]) as house:
            _, error, _ = replay(house, kept["steps"])
        print(error or "nothing wrong")
        return 1 if error else 0
    failed = 0
    modes = asked.modes.split(",")
    for mode in modes:
        start = time.monotonic()
        played, found = search(mode, range(asked.seed, asked.seed + asked.n // len(modes)))
        failed += len(found)
        print(f"{mode}: {played} sequences in {time.monotonic() - start:.0f} s, {len(found)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
