"""Calls on bad days: devices that are missing, pages that go, networks in between; coturn; other clients."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "calls-bad.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
