"""The screens of an admin, in a real browser over a real relay."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "admin.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
