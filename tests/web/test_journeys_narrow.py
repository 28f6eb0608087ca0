"""The journeys on a telephone of 320 px, in a real browser over a real relay."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "journeys-narrow.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
