"""Where a name is declared, and what it is called: a reader finds a function's file by its name."""
import glob
import os
import re

import pytest

import measure

# What a whole folder declares in one header, and the prefix of what it exports.
FOLDER_HEADERS = {"handlers": "handlers.h", "admin": "relayctl.h", "sql/engine": "engine.h", "translate": "adapter.h", "checkup": "checkup.h"}
FOLDER_PREFIXES = {"handlers": ("on_",), "admin": ("ctl_",), "sql": ("db_",), "sql/store": ("db_",), "sql/engine": ("engine_", "db_"), "translate": ("engine_",)}
# The exceptions, each with where it is declared or what it is called instead.
OTHER_HEADERS = {"base/conf_doc.c": "conf.h", "sql/store/member.c": "group.h", "sql/store/restore.c": "db.h"}
OTHER_PREFIXES = {
    "fcgi/filename.c": "media_type_", "sql/store/apikey.c": "scope_", "sql/store/invite.c": "invites_from_",
    "sql/store/member.c": "group_", "sql/store/message.c": "delivery_",
}


def rel(path):
    return os.path.relpath(path, measure.TOP)


def exported(path):
    """Names of the functions of a file that are not static; their type stands on the line before."""
    lines = measure.text(path).splitlines()
    named = [(before, re.match(r"([a-z]\w*)\(", line)) for before, line in zip(lines, lines[1:])]
    return [found.group(1) for before, found in named if found and re.match(r"\w", before) and not before.startswith(("static", "#"))]


def has_header(path):
    """NAME.h, or FAMILY_internal.h of a family that NAME begins with, or what the folder or the exceptions name."""
    folder, name = os.path.split(path[:-2])
    family = name.split("_")[0]
    here = {os.path.basename(p) for p in measure.sources_of(rel(folder), "*.h")}
    return (f"{name}.h" in here or f"{family}_internal.h" in here and family != name or FOLDER_HEADERS.get(rel(folder)) in here
            or rel(path) in OTHER_HEADERS)


def test_each_source_has_its_header():
    """Mains have none."""
    paths = [p for p in measure.sources("*.c") if exported(p) != ["main"]]
    assert len(paths) > 100 and [rel(p) for p in paths if not has_header(p)] == []


def test_exceptions_are_needed():
    assert [p for p in OTHER_HEADERS if os.path.exists(os.path.join(measure.TOP, p[:-2] + ".h"))] == []
    assert [p for p, prefix in OTHER_PREFIXES.items()
            if not any(name.startswith(prefix) for name in exported(os.path.join(measure.TOP, p)))] == []


def prefixes(path):
    """NAME_, the families that NAME begins with, a NAME without its plural; and those of the folder or the exceptions."""
    name = os.path.basename(path)[:-2]
    words = name.split("_")
    own = ["_".join(words[:n]) for n in range(1, len(words) + 1)] + [name.removesuffix("s")]
    other = [OTHER_PREFIXES[rel(path)]] if rel(path) in OTHER_PREFIXES else []
    return (*[f"{word}_" for word in own], *FOLDER_PREFIXES.get(rel(os.path.dirname(path)), ()), *other)


def test_exported_names_bear_the_name_of_their_file_or_family():
    found = [(rel(p), name) for p in measure.sources("*.c") for name in exported(p)]
    wrong = [(path, name) for path, name in found
             if name != "main" and not name.startswith(prefixes(os.path.join(measure.TOP, path)))]
    assert len(found) > 300 and wrong == []


def test_unit_tests_bear_the_name_of_what_they_test():
    """test_NAME.c or test_NAME_more.c, of a NAME.c or NAME.h."""
    stems = {os.path.basename(p).rsplit(".", 1)[0] for p in measure.sources("*.c") + measure.sources("*.h")}
    tests = [os.path.basename(p)[5:-2] for p in glob.glob(os.path.join(measure.TOP, "tests", "unit", "test_*.c"))]
    assert len(tests) > 30 and [t for t in tests if t not in stems and not any(t.startswith(s + "_") for s in stems)] == []


# Words that mean something only here, each with the field's own.
PRIVATE_WORDS = {
    "answer": "response, respond", "answers": "responses, responds", "answered": "responded", "outside": "external",
    "news": "wakeup, last_seq, event", "bury": "tombstone, reap", "buried": "tombstone, reaped", "stone": "tombstone", "stones": "tombstones",
    "forsake": "transfer_ownership", "heir": "successor", "fence": "sandbox", "lane": "carrier", "settle": "recover, record_result",
    "judge": "classify", "patience": "timeout", "stray": "orphan", "sides": "joins", "front": "listener",
    "place": "cursor, offset, position", "places": "cursors, offsets, positions", "tell": "notify", "tells": "notifies", "told": "notified",
    "hear": "listen", "hears": "listens", "heard": "listened",
}
# Tables of the database keep their names: its schema goes forward only.
TABLES = ("block_outside", "group_news")


def private_words(text, sql=False):
    """[(name, word)] of the names in C, without comments and strings; of a file of statements its strings count, for they are SQL."""
    code = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    code = code if sql else re.sub(r'"(?:\\.|[^"\\\n])*"', " ", code)
    names = set(re.findall(r"[A-Za-z_]\w*", code)) - set(TABLES if sql else ())
    return sorted((name, word) for name in names for word in name.lower().split("_") if word in PRIVATE_WORDS)


def test_private_words_are_found_in_names_alone():
    assert private_words("/* no news */ static int last_news(const char *tell) { return puts(\"told\"); } enum { NO_ANSWER };") == [
        ("NO_ANSWER", "answer"), ("last_news", "news"), ("tell", "tell")]
    assert private_words('" FROM group_news news" /* told */', sql=True) == [("news", "news")]


@pytest.mark.parametrize("word", sorted(PRIVATE_WORDS))
def test_names_in_c_are_the_fields_own(word):
    """Beside the name of each file; those of tests too."""
    tests = [p for folder in ("unit", "bench") for p in glob.glob(os.path.join(measure.TOP, "tests", folder, "*.[ch]"))]
    paths = measure.sources() + measure.sources("*.def") + tests
    found = [(rel(p), name) for p in paths
             for name, private in private_words(os.path.basename(p).replace(".", " ") + "\n" + measure.text(p), p.endswith("stmt.def"))
             if private == word]
    assert len(paths) > 200 and found == [], f"say {PRIVATE_WORDS[word]}"
