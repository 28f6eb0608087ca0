"""Safety, files, voice, leaving, pages without HTTPS."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "parts-safe.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
