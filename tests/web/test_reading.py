"""Reading in one's own language: batches, order and cache by themselves, then the page over a real relay with an engine that misbehaves."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "unit", "translate.test.mjs"))
def test_unit(page, path, name):
    check(path, name)


@parametrize(os.path.join(HERE, "e2e", "translate.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
