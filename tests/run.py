#!/usr/bin/python3
"""Runs every test there is: the unit programs, then the tests against a running relay. Prints one closing line
`N passed, N failed` and fails when anything failed or a test file ran no test. RELAY_ENGINE=postgresql: those whose relays can be on
PostgreSQL, each on a database of its own (`make check-pg`); tests/conftest.py has what is SQLite's alone."""
import concurrent.futures
import contextlib
import glob
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
BUILD = os.environ.get("RELAY_BUILD", os.path.join(TOP, "build"))
ON_PG = os.environ.get("RELAY_ENGINE") == "postgresql"
FOLDERS = ("api", "cli", "fault", "model", "ops", "proof") + (() if ON_PG else ("house", "docs", "web"))


def pytest(*words, **options):
    return subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words], cwd=TOP, stdin=subprocess.DEVNULL, check=False, **options)


@contextlib.contextmanager
def compiled_once():
    """Python's files compiled once for all processes that read them, and kept out of the checkout."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="relay-test-pyc-") as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        yield


def unit_program(path):
    """One cmocka program: (passed, failed) by its TAP lines; a crash counts as a failure."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    done = subprocess.run([path], env=env, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=120)
    passed = len(re.findall(r"^ok \d+", done.stdout, re.M))
    failed = len(re.findall(r"^not ok \d+", done.stdout, re.M))
    name = os.path.basename(path)
    if done.returncode != 0 and failed == 0:
        failed = 1
    if passed + failed == 0:
        print(f"{name}: ran no test")
        failed = 1
    if failed:
        print(f"--- {name} (exit {done.returncode})\n{done.stdout}{done.stderr}")
    return passed, failed


def named(words):
    """What `make check T="..."` names: (unit sources, words for pytest). A bare name is that of a test file."""
    units, rest = [], []
    for word in words:
        stem = os.path.splitext(os.path.basename(word))[0]
        sources = glob.glob(os.path.join(HERE, "unit", f"{stem}.c")) + glob.glob(os.path.join(HERE, "unit", f"test_{stem}.c"))
        scripts = glob.glob(os.path.join(HERE, "*", f"{stem}.py")) + glob.glob(os.path.join(HERE, "*", f"test_{stem}.py"))
        if word.startswith("-") or rest[-1:] == ["-k"] or os.path.exists(os.path.join(TOP, word)) and not word.endswith(".c") or "::" in word:
            rest.append(word)
        elif sources or scripts:
            units += sources
            rest += scripts
        else:
            sys.exit(f"tests/run.py: no test file is called {word}")
    return units, rest


def unit_tests(sources):
    """All of them, side by side, while Python's files are compiled for the tests that come after them."""
    programs = [os.path.join(BUILD, "tests", os.path.basename(source)[:-2]) for source in sources]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        if len(sys.argv) == 1:
            pool.submit(pytest, "--collect-only", "-qq", *(os.path.join(HERE, name) for name in FOLDERS), stdout=subprocess.DEVNULL)
        totals = list(pool.map(unit_program, programs))
    passed, failed = sum(t[0] for t in totals), sum(t[1] for t in totals)
    print(f"unit: {len(sources)} programs, {passed} passed, {failed} failed", flush=True)
    return passed, failed


def in_turns(files):
    """Files in an order that keeps two cores busy to the end: what builds, packs and proves first, for it takes longest, and
    browsers, which take both cores, evenly among those that wait for a relay. What is short comes last."""
    def folder(path):
        return os.path.basename(os.path.dirname(path))
    browsers = [f for f in files if folder(f) == "web"]
    others = sorted((f for f in files if f not in browsers), key=lambda f: folder(f) not in ("ops", "proof", "model", "fault"))
    each = max(1, len(others) * 3 // 4 // max(1, len(browsers)))
    order = []
    while others or browsers:
        order += browsers[:1] + others[:each]
        browsers, others = browsers[1:], others[each:]
    return order


def is_of_both(path):
    """Not of those that begin a PostgreSQL by themselves, whatever the relays are on."""
    with open(path, encoding="utf-8") as file:
        return "pg_server.build()" not in file.read()


def python_tests(words):
    """pytest over the folders that talk to a running relay; counts come from its report: (cases that passed, failed, were
    skipped, and how many tests they are cases of)."""
    files = sorted(path for folder in FOLDERS for path in glob.glob(os.path.join(HERE, folder, "test_*.py")) if not ON_PG or is_of_both(path))
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        pytest("-q", "-n", "5", "--dist", "loadfile", f"--junitxml={report.name}", *(words or in_turns(files)))
        if os.path.getsize(report.name) == 0:  # pytest could not even begin
            return 0, 1, 0, 0
        cases = list(ET.parse(report.name).iter("testcase"))
    slowest(cases)
    ran = {part for c in cases for part in c.get("classname", "").split(".")}
    silent = [] if words else [f for f in files if os.path.basename(f)[:-3] not in ran]
    for path in silent:
        print(f"{os.path.relpath(path, TOP)}: ran no test")
    failed = sum(1 for c in cases if c.find("failure") is not None or c.find("error") is not None)
    skipped = sum(1 for c in cases if c.find("skipped") is not None)
    rules = {(c.get("classname"), c.get("name", "").split("[")[0]) for c in cases}
    return len(cases) - failed - skipped, failed + len(silent), skipped, len(rules)


def slowest(cases, most=12):
    """Where the time went: files that took longest, all of a file's cases together."""
    sums = {}
    for case in cases:
        name = next((part for part in reversed(case.get("classname", "").split(".")) if part.startswith("test_")), "?")
        sums[name] = sums.get(name, 0) + float(case.get("time", 0))
    top = sorted(sums.items(), key=lambda item: -item[1])[:most]
    print("longest: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in top))


def main():
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"  # for what tests begin themselves; what they test has a user's (clean_env)
    for name in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "SAN"):  # what tests build, they build as a user does
        os.environ.pop(name, None)
    units, words = named(sys.argv[1:])
    everything = len(sys.argv) == 1
    if everything and not ON_PG:
        units = sorted(glob.glob(os.path.join(HERE, "unit", "test_*.c")))
    with compiled_once():
        passed, failed = unit_tests(units) if units else (0, 0)
        skipped, rules = 0, passed + failed
        if everything or words:
            more, broken, skipped, tests = python_tests(words)
            passed, failed, rules = passed + more, failed + broken, rules + tests
    if passed + failed == 0:
        failed = 1
    sys.path.insert(0, os.path.join(HERE, "house"))
    import measure
    print(measure.summary())
    print(f"{rules:,} tests, {passed + failed + skipped:,} cases")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
