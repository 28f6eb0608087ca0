"""Two people without a common language, from the keyboard to the call."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "two-languages.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
