"""Somebody speaks, somebody else reads, and real engines stand between them."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "real-engines.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
