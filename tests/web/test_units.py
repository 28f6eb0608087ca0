"""The pure parts of the page."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "unit", "base.test.mjs"))
def test_unit(page, path, name):
    check(path, name)
