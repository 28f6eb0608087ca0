"""The figures of `make coverage` for each folder, out of gcovr's summary; with --lines, each stretch of lines that nothing reached."""
import collections
import json
import os
import sys


def table(files):
    """Lines and branches of each folder and of all: what was reached of how many."""
    sums = collections.defaultdict(collections.Counter)
    for file in files:
        for folder in (os.path.dirname(file["filename"]), "all"):
            sums[folder].update({name: file[name] for name in ("line_total", "line_covered", "branch_total", "branch_covered")})
    print("| folder | lines | reached | branches | reached |\n| --- | --- | --- | --- | --- |")
    for folder in sorted(sums, key=lambda name: (name == "all", name)):
        found, cells = sums[folder], []
        for kind in ("line", "branch"):
            total, covered = found[f"{kind}_total"], found[f"{kind}_covered"]
            cells.append(f"{total:,} | {100 * covered / total if total else 100:.1f} %")
        print(f"| {folder if folder == 'all' else '`' + folder + '/`'} | {' | '.join(cells)} |")


def stretches(files):
    """What is left out, as FILE:FIRST-LAST."""
    for file in files:
        missed = [line["line_number"] for line in file["lines"] if not line["count"] and not line.get("gcovr/noncode")]
        known = [line["line_number"] for line in file["lines"] if line["count"] and not line.get("gcovr/noncode")]
        while missed:
            first = last = missed.pop(0)
            while missed and not any(last < line < missed[0] for line in known):
                last = missed.pop(0)
            print(f"{file['file']}:{first}-{last}")


if __name__ == "__main__":
    with open(sys.argv[-1], encoding="utf-8") as data:
        (stretches if "--lines" in sys.argv else table)(json.load(data)["files"])
