"""Two devices of one person."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "parts-devices.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
