"""For everybody: axe, the keyboard alone, narrow screens, large text."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "parts-access.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
