"""Sending over a network that drops, delays, doubles and cuts."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "parts-send.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
