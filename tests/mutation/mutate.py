"""Mutation testing of the store and of what serves requests: `make mutation N=60 SEED=1` changes the C source at N places, one at
a time (an operator, a constant, a condition negated, a statement dropped), builds it in a copy of the checkout and runs the tests that
cover the file (covers.py). A change that no test notices survives: its line is printed, and somebody finds out whether it does
nothing or a test is missing. What makes the same machine code is not a change."""
import argparse
import collections
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from covers import COVERS

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SKIPPED = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#(?:\\\n|[^\n])*', re.S | re.M)
SWAPS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&", "+": "-", "-": "+", "+=": "-=",
         "-=": "+=", "++": "--", "--": "++", "true": "false", "false": "true"}
OPERATOR = re.compile(r"(?<= )(?:==|!=|<=?|>=?|&&|\|\||[-+]|[-+]=)(?=[ \n])|\+\+|--(?!>)|\b(?:true|false)\b")
NUMBER = re.compile(r"(?<![\w.])(?:0x[0-9a-fA-F]+|0|[1-9]\d*)(?=[uUlL]{0,3}\b)(?!\.)")
CONDITION = re.compile(r"\b(?:if|while) (?=\()")
STATEMENT = re.compile(r"^\t+(?!return\b|break\b|continue\b|goto\b|else\b|case\b|default\b)[\w\[\]().>*-]+(?: [-+|&]?= |\()[^;{}]*;$", re.M)
PG = [f"build-pg/{name}" for name in ("relayd", "relayctl", "relay-mail", "relay-live", "relay-sweep")]
LIMIT_SEC = 600


class Site:
    """One place and what may stand there instead."""

    def __init__(self, path, text, begin, end, instead):
        self.path, self.begin, self.end, self.instead = path, begin, end, instead
        self.line, self.before = text.count("\n", 0, begin) + 1, text[begin:end]
        whole = text[text.rfind("\n", 0, begin) + 1:text.find("\n", end)]
        self.where = " ".join(whole.split())

    def __str__(self):
        what = " ".join(self.before.split()), " ".join(self.instead.split()) or "nothing"
        return f"{self.path}:{self.line}: `{what[0]}` -> `{what[1]}`" + (f"  in  {self.where}" if len(self.before) < 30 else "")


def closing(text, at):
    """Where the parenthesis that opens at `at` closes."""
    depth = 0
    for n in range(at, len(text)):
        depth += (text[n] == "(") - (text[n] == ")")
        if depth == 0:
            return n
    return -1


def sites_of(path, text):
    """Every place of a file, by kind. Comments, strings and the preprocessor's lines are none."""
    code = SKIPPED.sub(lambda found: re.sub(r"[^\n]", "\0", found.group()), text)
    found = {"operator": [], "constant": [], "condition": [], "statement": []}
    body = re.search(r"^\{", code, re.M)  # what stands before the first function is types and tables
    for match in OPERATOR.finditer(code, body.start() if body else 0):
        found["operator"].append(Site(path, text, match.start(), match.end(), SWAPS[match.group()]))
    for match in NUMBER.finditer(code):
        value = int(match.group(), 0)
        instead = 0 if value == 1 else value + 1 if value < 10 else value * 2
        found["constant"].append(Site(path, text, match.start(), match.end(), str(instead)))
    for match in CONDITION.finditer(code):
        end = closing(code, match.end())
        if end > 0:
            found["condition"].append(Site(path, text, match.end(), end + 1, f"(!{text[match.end():end + 1]})"))
    for match in STATEMENT.finditer(code):
        begin = match.start() + len(match.group()) - len(match.group().lstrip("\t"))
        found["statement"].append(Site(path, text, begin, match.end(), ";"))
    return found


class Copy:
    """A copy of the checkout with what is built of it, where mutants live."""

    def __init__(self, folder, build):
        self.folder = folder
        os.chmod(folder, 0o755)  # workers are another user
        names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=TOP, capture_output=True, text=True, check=True).stdout
        for name in names.split("\0"):
            if name and os.path.isfile(os.path.join(TOP, name)):
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                shutil.copy2(os.path.join(TOP, name), os.path.join(folder, name))
        for name in (build, build + "-pg"):
            subprocess.run(["cp", "-a", os.path.join(TOP, name), os.path.join(folder, "build" + name[len(build):])], check=True)
        if not self.make("build-tests"):
            sys.exit("the checkout does not build")

    def make(self, *targets):
        # files have the times of the checkout's, so only what was changed is built
        return subprocess.run(["make", "-s", "-j1", *targets], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0

    def write(self, site, text):
        with open(os.path.join(self.folder, site.path), "w", encoding="utf-8") as file:
            file.write(text)

    def code(self, path):
        """The machine code of a file, without where in the source it comes from."""
        plain = os.path.join(self.folder, "plain.o")
        made = os.path.join("build", path[:-2] + ".o")
        subprocess.run(["objcopy", "--strip-debug", made, plain], cwd=self.folder, check=True)
        with open(plain, "rb") as file:
            return file.read()

    def fails(self, *words):
        """Whether a test fails, or there is no end of it. Whatever it started ends with it."""
        env = {**os.environ, "RELAY_BUILD": os.path.join(self.folder, "build")}
        with subprocess.Popen(["/usr/bin/python3", "tests/run.py", *words], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True) as done:
            try:
                self.said = done.communicate(timeout=LIMIT_SEC)[0]
            except subprocess.TimeoutExpired:
                os.killpg(done.pid, signal.SIGKILL)
                self.said = done.communicate()[0]
        return done.returncode != 0


def tests_of(path):
    """(unit programs, test files against a relay) of a source file; a name may be both."""
    names = COVERS[path].split()
    units = [f"tests/unit/{name}.c" for name in names if os.path.exists(os.path.join(TOP, "tests", "unit", f"{name}.c"))]
    scripts = [f"tests/{folder}/{name}.py" for name in names for folder in ("api", "fault")
               if os.path.exists(os.path.join(TOP, "tests", folder, f"{name}.py"))]
    assert all(any(name in path for path in units + scripts) for name in names), names
    return units, scripts


def judge(copy, site):
    """What becomes of one mutant."""
    with open(os.path.join(TOP, site.path), encoding="utf-8") as file:
        text = file.read()
    units, scripts = tests_of(site.path)
    before = copy.code(site.path)
    try:
        copy.write(site, text[:site.begin] + site.instead + text[site.end:])
        if not copy.make(f"build/{site.path[:-2]}.o"):
            return "not C"
        if copy.code(site.path) == before:
            return "the same"
        programs = [f"build/tests/{os.path.basename(unit)[:-2]}" for unit in units]
        copy.make("all", *programs, *(PG if "test_epochs" in COVERS[site.path] else ()))
        if units and copy.fails(*(os.path.basename(unit) for unit in units)):
            return "killed by unit tests"
        if scripts and copy.fails("-x", "-n2", *scripts):
            return "killed"
        return "SURVIVED"
    finally:
        copy.write(site, text)
        copy.make(f"build/{site.path[:-2]}.o")


def chosen(n, seed, paths):
    """N places, of each kind as many, by chance."""
    rng, kinds = random.Random(seed), collections.defaultdict(list)
    for path in paths:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            for kind, sites in sites_of(path, file.read()).items():
                kinds[kind] += sites
    print(", ".join(f"{len(sites)} of kind {kind}" for kind, sites in kinds.items()), flush=True)
    picks = [rng.sample(sites, min(len(sites), -(-n // len(kinds)))) for sites in kinds.values()]
    return [site for some in zip(*picks) for site in some][:n]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--build", default="build")
    parser.add_argument("--files", help="only these, by blanks")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    sites = chosen(args.n, args.seed, args.files.split() if args.files else sorted(COVERS))
    counts = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="relay-test-mutation-") as folder:
        copy = Copy(folder, args.build)
        for site in sites:
            fate = judge(copy, site)
            counts[fate] += 1
            print(f"{fate}: {site}", flush=True)
    print(", ".join(f"{count} {fate}" for fate, count in counts.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
