"""Instructions of a worker for a poll and for a send, counted by callgrind: steady figures beside the rates, which depend on
what else the machine does. Those of the kernel and of nginx are not in them."""
import glob
import os
import re

import measure
import servers

CONNECTIONS = 4
SHORT_SEC, LONG_SEC = 6, 18


def counted(path):
    """What callgrind counted in one process."""
    with open(path, encoding="utf-8", errors="replace") as file:
        found = re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M)
    return int(found.group(1)) if found else 0


def run(build, folder, db, path, file, seconds):
    """(requests, instructions of the worker, its start among them)"""
    server = servers.Server("callgrind", folder)
    server.put_settings(RELAY_WORKERS=1, RELAY_LIVE="false")
    server.put_database(db)
    server.spawn(["valgrind", "--tool=callgrind", "--trace-children=yes", "--trace-children-skip=*nginx*",
                  f"--callgrind-out-file={folder}/data/callgrind.%p", os.path.join(build, "relayd"), "--dir", folder])
    server.wait()
    requests = measure.load(build, server.port, path, CONNECTIONS, seconds, file, warm=0)["requests"]
    server.stop()
    # the worker is the process that did most
    return requests, max(counted(each) for each in glob.glob(os.path.join(folder, "data", "callgrind.*")))


def each(build, folder, db, path, file, seconds):
    """Instructions of one request: what a longer run took more."""
    (few, start), (many, end) = (run(build, f"{folder}-{sec}", db, path, file, sec) for sec in seconds)
    return (end - start) / max(1, many - few)


def measure_instructions(bench, quick):
    """{"poll": ..., "send": ...} on the smallest store."""
    seconds = (3, 8) if quick else (SHORT_SEC, LONG_SEC)
    return {name: each(bench.build, bench.path(f"callgrind-{name}"), bench.seeds[10000], path, bench.files[file], seconds)
            for name, path, file in (("poll", measure.POLL, "10k"), ("send", measure.SEND, "send"))}


def rows(found):
    for name in ("poll", "send"):
        yield (f"instructions of a worker for a {name} (callgrind)", "", f"{found[name] / 1000:.0f} thousand", "")
