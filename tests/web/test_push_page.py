"""Pushes in the browser: the switch, the address that the relay is told, and what the service worker shows."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "push.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
