"""Rules of the code that a machine can hold."""
import ast
import contextlib
import glob
import importlib.util
import os
import re
import sqlite3
import subprocess

import measure

BUILD = os.environ.get("RELAY_BUILD", os.path.join(measure.TOP, "build"))
RELAYCTL = os.path.join(BUILD, "relayctl")


def rel(path):
    return os.path.relpath(path, measure.TOP)


def test_no_function_is_longer_than_80_lines():
    assert [(rel(p), n) for p in measure.sources("*.c") for n in measure.functions(p) if n[1] > 80] == []


def test_functions_are_found_at_all():
    assert len([f for p in measure.sources("*.c") for f in measure.functions(p)]) > 200


def test_no_file_is_longer_than_500_lines():
    assert [(rel(p), n) for p in measure.sources() if (n := len(measure.text(p).splitlines())) > 500] == []


def test_no_line_is_wider_than_100_columns():
    paths = measure.sources() + measure.sources("stmt.def") + measure.sources("words.def") + measure.sources("channel.def")
    wide = [(rel(p), i) for p in paths for i, line in enumerate(measure.text(p).splitlines(), 1)
            if len(line.expandtabs(8)) > 100]
    assert wide == []


def test_every_file_starts_with_a_sentence():
    assert [rel(p) for p in measure.sources() if not measure.text(p).startswith("/* ")] == []


def test_no_unbounded_string_functions():
    bad = re.compile(r"\b(strcpy|strcat|sprintf|strncpy|strtok|atoi|gets)\(")
    assert [(rel(p), m.group(1)) for p in measure.sources() if (m := bad.search(measure.text(p)))] == []


SPECIAL_CASE = re.compile(r"\w*ttl\w*(?: > 0)? \?|- [\w>.-]*(?:ttl_\w+|TTL_MS)\b|expires_at(?: > 0)? (?:&&|\|\|) ")


def test_never_is_the_affair_of_expiry_alone():
    """No caller compares a life or an end with 0 itself."""
    assert SPECIAL_CASE.search("x = c->a_ttl_sec ? now - c->a_ttl_sec : -1;") and SPECIAL_CASE.search("s.expires_at && s.expires_at <= now")
    assert [(rel(p), m.group()) for p in measure.sources() if (m := SPECIAL_CASE.search(measure.text(p)))] == []


def test_what_is_said_to_be_sqlites_alone_is_there():
    spec = importlib.util.spec_from_file_location("of_all_tests", os.path.join(measure.TOP, "tests", "conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.sqlite_only():
        stem, _, test = name.partition(".")
        [path] = glob.glob(os.path.join(measure.TOP, "tests", "*", f"{stem}.py"))
        assert f"def {test}(" in measure.text(path) or not test, name


def test_sql_stands_in_its_table_and_the_engine_only():
    sql = re.compile(r'"[^"]*\b(SELECT .* FROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET)\b')
    found = [rel(p) for p in measure.sources() if sql.search(measure.text(p))]
    assert [p for p in found if not p.startswith("sql/engine/")] == []
    assert sql.search(measure.text(os.path.join(measure.TOP, "sql", "stmt.def")))


def test_only_the_engine_knows_sqlite():
    found = [rel(p) for p in measure.sources() if re.search(r"\bsqlite3_\w+\(|<sqlite3.h>", measure.text(p))]
    assert found and [p for p in found if not p.startswith("sql/engine/sqlite")] == []


def circles(files):
    """Modules of a set that include each other in a circle: NAME.c, NAME.h and NAME_internal.h are one."""
    uses, here = {}, {os.path.basename(path) for path in files}
    for path in files:
        found = [one for one in re.findall(r'^#include "(\w+)\.h"', measure.text(path), re.M) if f"{one}.h" in here]
        name = os.path.splitext(os.path.basename(path))[0]
        uses.setdefault(re.sub("_internal$", "", name), set()).update(re.sub("_internal$", "", one) for one in found)
    free = True
    while free:
        free = {name for name, needs in uses.items() if not (needs - {name}) & set(uses)}
        free |= {name for name in uses if not any(name in needs - {other} for other, needs in uses.items() if other != name)}
        uses = {name: needs for name, needs in uses.items() if name not in free}
    return sorted(uses)


def test_no_circle_inside_a_folder():
    assert {folder: found for folder in measure.FOLDERS if (found := circles(measure.sources_of(folder)))} == {}


def test_a_handler_lists_the_results_of_the_store_that_it_responds_to_itself():
    """resp_db_failed responds to all but successes: what follows it is never asked for another result."""
    bad = []
    for path in measure.sources("*.c"):
        for call in re.finditer(r"resp_db_failed\(r, res\)(.*?)(?=\n}|res = |resp_db_failed)", measure.text(path), re.S):
            bad += [rel(path)] if re.search(r"res [!=]= DB_(NONE|UNDO)", call.group(1)) else []
    assert bad == []


def test_json_is_made_and_read_where_memory_that_is_out_is_noticed():
    raw = re.compile(r"\bjson_(?:object_(?:object_add|array_add|new_\w+)|tokener_\w+)\(")
    found = {rel(p) for p in measure.sources() if raw.search(measure.text(p))}
    assert found == {"base/json_read.c", "base/json_write.c"}


def test_sql_names_the_values_of_enums():
    table = measure.text(os.path.join(measure.TOP, "sql", "stmt.def"))
    digits = re.findall(r"\b(?:state|stage|status|role|kind|subject) *(?:=|<>|<=?|>=?|IN) *\(?-?[0-9].*", table)
    assert [found for found in digits if not found.startswith("state < 0")] == []  # 0: RECEIPT_COLUMNS' own mark


def test_templates_of_nginx_name_no_call():
    """Locations and limits of calls are written from routes[]; the limit check is nginx's own."""
    templates = glob.glob(os.path.join(measure.TOP, "nginx", "**", "*.in"), recursive=True)
    found = [(rel(p), m) for p in templates for m in re.findall(r"/api/v1/[\w/-]+|location = /(?:health|ready|metrics)\b", measure.text(p))]
    assert len(templates) > 15 and found == [("nginx/snippets/server.conf.in", "/api/v1/limit-check")]


def test_openapi_names_the_channels_of_the_table():
    table = measure.text(os.path.join(measure.TOP, "sql", "store", "channel.def"))
    words = re.findall(r'^(?:CHANNEL|CARRIED)\(\w+, "(\w+)"', table, re.M)
    page = measure.text(os.path.join(measure.TOP, "docs", "openapi.yaml"))
    listed = [set(re.split(r",\s*", found)) for found in re.findall(r"enum: \[([^\]]*\bsms\b[^\]]*)\]", page)]
    assert len(listed) >= 4 and all(names - {"pchat"} == set(words) for names in listed)


STATUSES = r"[\(\{](?:[1-5]\d\d, ?)+[1-5]\d\d[\)\}]"


def undecided(text):
    """Lines of a test that accept more than one status, without `# either: REASON` on the line or on one of the two before."""
    lines = text.splitlines()
    found = [i for i, line in enumerate(lines) if re.search(rf"(?:expect=|, |<= | in ){STATUSES}", line) and not re.search(rf"for .* in {STATUSES}", line)]
    return [i + 1 for i in found if not any("# either: " in line for line in lines[max(0, i - 2):i + 1])]


def test_a_test_that_takes_two_statuses_says_what_races():
    paths = [p for p in glob.glob(os.path.join(measure.TOP, "tests", "*", "*.py")) if p != os.path.abspath(__file__)]
    assert len(paths) > 80 and [(rel(p), found) for p in paths if (found := undecided(measure.text(p)))] == []
    assert undecided("a.get(p, expect=(200, 404))\nassert x.status in (400, 413)\nassert set(s) <= {200, 413}\ngroup.leave(user, (200, 409))") == [1, 2, 3, 4]
    assert undecided("a.get(p, expect=200)\nfor status in (202, 429):\n# either: two at once\na.get(p, expect=(200, 404))") == []


def test_make_without_a_goal_builds_the_programs(tmp_path):
    plan = subprocess.run(["make", "-n", f"BUILD={tmp_path}"], cwd=measure.TOP, capture_output=True, text=True, check=True).stdout
    assert all(f"ld {tmp_path}/{program}" in plan for program in ("relayd", "relay-mail", "relay-live", "relay-sweep", "relayctl"))


def unheard(text, makefile):
    """What a test tells make, on a line that has to do with it, and the Makefile does not ask for."""
    told = {name for line in text.splitlines() if re.search(r'MAKEFLAGS|"make"|"[A-Z]+=-', line) for name in re.findall(r"""(?:["']|(?<=[^\s,(]) )([A-Z_]{2,})=""", line)}
    asked = set(re.findall(r"\$[({]([A-Z_]+)", makefile)) | set(re.findall(r"^([A-Z_]+) *[:?]?=", makefile, re.M))
    return sorted(told - asked - {"MAKEFLAGS"})


def test_what_tests_tell_make_it_asks_for():
    """A name that it has not, or has no more, makes a quick build a slow one, and nobody is told."""
    makefile = measure.text(os.path.join(measure.TOP, "Makefile"))
    paths = [p for p in glob.glob(os.path.join(measure.TOP, "tests", "*", "*.py")) if p != os.path.abspath(__file__)]
    assert [(rel(p), found) for p in paths if (found := unheard(measure.text(p), makefile))] == []
    assert unheard('env(MAKEFLAGS="MADE=-g OPT=-O0")\nrun("make", f"BUILD={x}", LEVEL="1", "KINDS=x", "OTHER=")\nQUICK = "OPTS=-O1"\n', makefile) == ["MADE", "OPTS", "OTHER"]


def compile_in(folder, include, tmp_path):
    """Compiles a file that includes `include` as if it stood in `folder`; True when that works."""
    flags = subprocess.run(["make", "-s", "-p", "-n", "-q"], cwd=measure.TOP, capture_output=True, text=True)
    see = re.search(rf"^SEE_{folder} = (.*)$", flags.stdout, re.M).group(1)
    while "$(" in see:
        see = re.sub(r"\$\((\w+)\)", lambda m: re.search(rf"^{m.group(1)} = (.*)$", flags.stdout, re.M).group(1), see)
    source = tmp_path / "probe.c"
    source.write_text(f'#include "{include}"\n')
    return subprocess.run(["gcc", "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", *see.split(), str(source)],
                          cwd=measure.TOP, capture_output=True).returncode == 0


def test_a_folder_cannot_include_what_stands_to_its_right(tmp_path):
    assert compile_in("handlers", "req.h", tmp_path)
    assert compile_in("sql", "conf.h", tmp_path)
    assert not compile_in("sql", "req.h", tmp_path)
    assert not compile_in("base", "db.h", tmp_path)
    assert compile_in("sql", "engine.h", tmp_path)
    assert not compile_in("handlers", "engine.h", tmp_path)
    assert not compile_in("cron", "sqlite_internal.h", tmp_path)
    assert compile_in("server", "worker.h", tmp_path)
    assert not compile_in("server", "handlers.h", tmp_path)
    assert not compile_in("mail", "sweep_pass.h", tmp_path)
    assert not compile_in("fcgi", "handlers.h", tmp_path)
    assert not compile_in("cron", "req.h", tmp_path)
    assert compile_in("live", "wake.h", tmp_path)
    assert not compile_in("live", "db.h", tmp_path)
    assert not compile_in("admin", "req.h", tmp_path)
    assert compile_in("fcgi", "adapter.h", tmp_path)
    assert not compile_in("translate", "db.h", tmp_path)
    assert not compile_in("mail", "wire.h", tmp_path)


def generated(option):
    return subprocess.run([RELAYCTL, "settings", option], capture_output=True, text=True, check=True).stdout


def test_env_example_is_made_from_the_table():
    assert generated("--example") == measure.text(os.path.join(measure.TOP, "relay", ".env.example"))


def test_settings_manual_is_made_from_the_table():
    assert generated("--markdown") == measure.text(os.path.join(measure.TOP, "docs", "settings.md"))


def test_programs_are_hardened():
    if "san" in os.path.basename(BUILD):
        return
    for name in ("relayd", "relay-mail", "relay-live", "relay-sweep", "relayctl"):
        path = os.path.join(BUILD, name)
        out = subprocess.run(["readelf", "-hldW", path], capture_output=True, text=True, check=True).stdout
        symbols = subprocess.run(["readelf", "-sW", path], capture_output=True, text=True, check=True).stdout
        assert "DYN (Position-Independent Executable file)" in out
        assert "BIND_NOW" in out and "GNU_RELRO" in out
        assert re.search(r"GNU_STACK .* RW ", out)
        assert "__stack_chk_fail" in symbols and "_chk" in symbols


def test_every_script_has_help_and_refuses_unknown_words():
    for path in [os.path.join(measure.TOP, "start_relay.sh"), *glob.glob(os.path.join(measure.TOP, "scripts", "*.sh"))]:
        good = subprocess.run([path, "--help"], capture_output=True, text=True)
        bad = subprocess.run([path, "--nonsense"], capture_output=True, text=True)
        assert good.returncode == 0 and good.stdout.startswith("Usage:")
        assert bad.returncode == 2 and "--nonsense" in bad.stderr


def test_statements_of_the_flask_program_fit_the_schema():
    """The bench has it beside the relay: one whose every send fails is fast."""
    database = sqlite3.connect(":memory:")
    for path in sorted(glob.glob(os.path.join(measure.TOP, "sql", "schema", "*.sql"))):
        with open(path, encoding="utf-8") as file:
            database.executescript(file.read())
    with open(os.path.join(measure.TOP, "tests", "bench", "flask_app.py"), encoding="utf-8") as file:
        texts = {node.value for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    statements = [text for text in texts if re.match(r"(SELECT|INSERT|UPDATE|DELETE) ", text)]
    assert len(statements) >= 10
    for text in statements:
        with contextlib.suppress(sqlite3.ProgrammingError):  # it was prepared, and misses its parameters
            database.execute("EXPLAIN " + text)
