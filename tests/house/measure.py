"""Measures the C code: lengths of functions, files and lines. Functions start with a brace in column one."""
import glob
import os
import re
import statistics

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("base", "sql", "sql/engine", "sql/store", "fcgi", "handlers", "server", "cron", "mail", "live", "translate", "checkup", "admin")


def sources_of(folder, pattern="*.[ch]"):
    return sorted(glob.glob(os.path.join(TOP, folder, pattern)))


def sources(pattern="*.[ch]"):
    return sorted(f for folder in FOLDERS for f in sources_of(folder, pattern))


def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def functions(path):
    """[(name, lines)]: from the line that names the function to its closing brace."""
    found, start, name = [], None, None
    for number, line in enumerate(text(path).splitlines(), 1):
        named = re.match(r"^(\w+)\(", line)
        if named:
            start, name = number, named.group(1)
        elif line == "}" and start:
            found.append((name, number - start + 1))
            start = None
        elif line.endswith(";") and not line.startswith((" ", "\t")):
            start = None
    return found


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def summary():
    lengths = [n for path in sources("*.c") for _, n in functions(path)]
    files = [len(text(path).splitlines()) for path in sources("*.c")]
    return (f"code: {len(files)} files of median {statistics.median(files):.0f}, longest {max(files)} lines; "
            f"{len(lengths)} functions of median {statistics.median(lengths):.0f}, "
            f"p90 {share(lengths, .9)}, longest {max(lengths)} lines")
