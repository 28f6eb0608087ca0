"""What docs/privacy.md promises: every test that it names is there."""
import glob
import os
import re

from pages import TOP, read


def test_every_test_that_the_page_names_is_there():
    page = read("privacy.md")
    sources = "".join(open(path, encoding="utf-8").read() for path in glob.glob(os.path.join(TOP, "tests", "*", "test_*.py")))
    names = set(re.findall(r"`(test_\w+)`", page))
    assert names and not [name for name in names if f"def {name}(" not in sources]
    for path in re.findall(r"`(tests/[\w/.]+)`", page):
        assert os.path.exists(os.path.join(TOP, path)), path


def test_every_cannot_names_its_test():
    for table in re.findall(r"^\| can \| cannot \|\n\| --- \| --- \|\n((?:\|.*\n)+)", read("privacy.md"), re.M):
        for row in table.splitlines():
            cannot = row.strip("|").split("|")[-1]
            assert "`" in cannot or not cannot.strip(), row
