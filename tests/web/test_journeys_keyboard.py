"""The journeys by keyboard alone, in a real browser over a real relay."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "journeys-keyboard.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
