"""The timeline, the list, reading, tabs."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "parts-view.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
