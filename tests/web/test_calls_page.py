"""Calls between two browsers with fake devices."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "calls.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
