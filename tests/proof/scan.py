#!/usr/bin/python3
"""Searches every byte below a folder. Usage: scan.py FOLDER NEEDLES, a file with one needle in hex per line.
Prints one line for each needle that is there, and for each file how many bytes were searched in all. A process of its
own: closing a database file would drop the locks that SQLite holds on it in the same process."""
import os
import sys


def needles_of(path):
    with open(path, encoding="ascii") as file:
        return [bytes.fromhex(line) for line in file.read().split()]


def main():
    folder, needles, searched, found = sys.argv[1], needles_of(sys.argv[2]), 0, 0
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                data = file.read()
            searched += len(data)
            hits = sum(needle in data for needle in needles)
            found += hits
            if hits:
                print(f"{os.path.relpath(path, folder)}: {hits}", file=sys.stderr)
    print(found, searched)


if __name__ == "__main__":
    main()
