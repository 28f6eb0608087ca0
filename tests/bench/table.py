"""The figures as markdown: what was measured side by side, what was wanted, and the machine it was measured on."""
import os
import platform
import re
import statistics
import subprocess

import instructions
import live

LABELS = {
    "constant": "constant answer (C, FastCGI)",
    "poll_10k": "poll, 10 thousand messages",
    "poll_100k": "poll, 100 thousand messages",
    "poll_1m": "poll, 1 million messages",
    "poll_groups": "poll by a member of 100 groups",
    "flask_poll": "poll, Flask, 100 thousand messages",
    "send_full": "send, full",
    "loop_full": "bare commit loop, full",
    "flask_full": "send, Flask, full",
    "prosody": "send, Prosody with its archive in SQLite",
    "send_one": "send, full, one connection",
    "send_slow": "send, full, each sync 2 ms slower",
    "loop_slow": "bare commit loop, full, each sync 2 ms slower",
    "send_normal": "send, normal",
    "loop_normal": "bare commit loop, normal",
    "flask_normal": "send, Flask, normal",
}
# what, over what, wanted at least
RATIOS = (
    ("poll_10k", "constant", 0.85), ("poll_100k", "constant", 0.85), ("poll_1m", "constant", 0.85),
    ("poll_groups", "constant", 0.85),
    ("poll_1m", "poll_10k", 0.95), ("send_full", "loop_full", 1.25), ("send_slow", "loop_slow", 5),
    ("send_normal", "loop_normal", 1),
    ("poll_100k", "flask_poll", 5), ("send_full", "flask_full", 5), ("send_normal", "flask_normal", 3),
    ("send_full", "prosody", 5),
)
MIB = 1 << 20


def verdict(ok):
    return "ok" if ok else "MISSED"


def spread(rounds, key, name):
    values = [r[key][name] for r in rounds if name in r[key]]
    return (statistics.median(values), min(values), max(values)) if values else None


def milliseconds(rounds, key, name):
    values = spread(rounds, key, name)
    return f"{values[0] / 1000:.2f}" if values else ""


def total(rounds, key, name):
    return str(sum(r[key][name] for r in rounds)) if name in rounds[0][key] else ""


def rates(rounds):
    lines = ["| | per second | lowest | highest | p50 ms | p99 ms | not 2xx | errors |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for key, label in LABELS.items():
        if key not in rounds[0]:
            continue
        middle, low, high = spread(rounds, key, "per_second")
        lines.append(f"| {label} | {middle:.0f} | {low:.0f} | {high:.0f} | {milliseconds(rounds, key, 'p50_us')} | "
                     f"{milliseconds(rounds, key, 'p99_us')} | {total(rounds, key, 'non_2xx')} | "
                     f"{total(rounds, key, 'errors')} |")
    return lines


def ratios(rounds):
    """(what, over what, wanted, the ratio of each round)"""
    for key, base, wanted in RATIOS:
        if key in rounds[0]:
            yield LABELS[key], LABELS[base], wanted, [r[key]["per_second"] / r[base]["per_second"] for r in rounds]


def ratio_rows(rounds):
    for what, base, wanted, values in ratios(rounds):
        middle, digits = statistics.median(values), 1 if wanted > 1 else 2
        yield (f"{what} / {base}", f">= {wanted:.{digits}f}",
               f"{middle:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})", verdict(middle >= wanted))


def latency_row(rounds):
    values = [r["send_full"]["p99_us"] / 1000 for r in rounds]
    return ("durable sends at 32 connections", "p99 < 20 ms", f"p99 {between(values, 1)} ms",
            verdict(statistics.median(values) < 20))


def crowd_row(crowd):
    bad = crowd["non_2xx"] + crowd["errors"]
    return (f"{crowd['clients']} clients polling for {crowd['seconds']:.0f} s", "all 2xx, nobody starved",
            f"{crowd['per_second']:.0f} per second; {crowd['non_2xx']} not 2xx, {crowd['errors']} errors; answers per "
            f"client: least {crowd['client_min']}, median {crowd['client_median']}, most {crowd['client_max']}; "
            f"p99 {crowd['p99_us'] / 1000:.0f} ms", verdict(bad == 0 and crowd["client_min"] > 0))


def memory_rows(processes):
    workers = [rss for kind, rss, _ in processes if kind == "worker"]
    rss, pss = sum(p[1] for p in processes), sum(p[2] for p in processes)
    worker_pss = max(p[2] for p in processes if p[0] == "worker")
    yield ("largest worker after all that", "< 8 MiB resident",
           f"{max(workers) / MIB:.1f} MiB (its share, Pss: {worker_pss / MIB:.1f} MiB)",
           verdict(max(workers) < 8 * MIB))
    yield (f"the whole relay after all that ({len(processes)} processes)", "< 60 MiB",
           f"{pss / MIB:.1f} MiB (Pss); resident sizes added up, shared pages counted in each: {rss / MIB:.1f} MiB",
           verdict(pss < 60 * MIB))


def between(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def file_rows(after):
    group, found, slow = after["group"], after["files"], after["slow"]
    yield ("a send to a group of 1,000 / a one-to-one send, one after the other", "<= 15", between(group, 1),
           verdict(statistics.median(group) <= 15))
    for key, label, least in (
            ("download", "download / the same file by plain nginx", 0.95),
            ("put", "PUT upload / nginx writing the body and dropping it", 0.95),
            ("form", "form upload / nginx writing the body and dropping it", 0.65)):
        yield (f"{label}, {found['mib']} MiB", f">= {least:.2f}", between(found[key]),
               verdict(statistics.median(found[key]) >= least))
    yield (f"growth of a worker by {found['uploads']} uploads of {found['mib']} MiB", "<= 1 MiB",
           f"{found['growth'] / MIB:.2f} MiB", verdict(found["growth"] <= MIB))
    sweep = after["sweep"]
    yield (f"polls while a pass deletes {sweep['rows']} rows in {sweep['seconds']:.1f} s", "p99 < 50 ms",
           f"p99 {sweep['p99_us'] / 1000:.1f} ms; {sweep['per_second']:.0f} per second", verdict(sweep["p99_us"] < 50000))
    yield ("polls beside as many slow uploads and downloads as workers / polls alone", ">= 0.75", between(slow),
           verdict(statistics.median(slow) >= 0.75))


def after_rows(after):
    for name in ("full", "normal"):
        size, run = after["wal"][name]
        yield (f"largest WAL, {run['seconds']:.0f} s of sends at {run['per_second']:.0f} per second ({name})",
               "< 16 MB", f"{size / 1e6:.1f} MB", verdict(size < 16e6))
    yield crowd_row(after["crowd"])
    yield from memory_rows(after["memory"])
    yield from file_rows(after)
    yield from live.rows(after["live"])
    yield from instructions.rows(after["instructions"])
    start = after["start"]
    yield ("start of the pool to its first answer", "< 50 ms",
           f"{start['later']:.0f} ms (longest {start['later_max']:.0f}); the very first start, which makes the "
           f"database, {start['fresh']:.0f} ms", verdict(start["later_max"] < 50))
    yield ("start of relayd with nginx to its line", "", f"{start['line']:.0f} ms", "")
    polls, wrote = after["polls_write"]
    yield (f"{polls} empty polls", "write nothing", "wrote" if wrote else "database and WAL untouched",
           verdict(not wrote))


def wanted(rounds, after):
    runs = [run for r in rounds for run in r.values()] + [after["crowd"]] + [w[1] for w in after["wal"].values()]
    bad = sum(run.get("non_2xx", 0) + run.get("errors", 0) for run in runs)
    rows = [*ratio_rows(rounds), latency_row(rounds), *after_rows(after),
            ("answers that were not 2xx, and errors, over all", "0", str(bad), verdict(bad == 0))]
    return ["| | wanted | measured | |", "|---|---|---|---|"] + [f"| {' | '.join(row)} |" for row in rows]


def first_match(pattern, text, otherwise="unknown"):
    found = re.search(pattern, text, re.M)
    return found.group(1).strip() if found else otherwise


def said(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


def file_system(path):
    """(type, device) of the file system that holds the path."""
    best = ("", "unknown", "unknown")
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            device, point, kind = line.split()[:3]
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best[0]):
                best = (point, kind, os.path.basename(device))
    return best[1:]


def machine(folder):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = first_match(r"^model name\s*: (.*)$", file.read(), platform.machine())
    with open("/proc/meminfo", encoding="utf-8") as file:
        kib = int(first_match(r"^MemTotal:\s+(\d+)", file.read(), "0"))
    kind, device = file_system(os.path.realpath(folder))
    python = said("/usr/bin/python3", "-c", "import platform, sqlite3, flask, gunicorn; print('Python', "
                  "platform.python_version(), '· SQLite', sqlite3.sqlite_version, '· Flask', flask.__version__, "
                  "'· gunicorn', gunicorn.__version__)").splitlines()[-1]
    return (f"{cpu}, {os.cpu_count()} cores, {kib / (1 << 20):.0f} GiB · {platform.system()} {platform.release().split('-')[0]} · "
            f"{kind} on {device} · nginx {first_match(r'nginx/(.*)', said('nginx', '-v'))} · "
            f"{said('gcc', '--version').splitlines()[0]} · {python}")
