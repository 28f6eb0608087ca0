"""J1 and J2 in Firefox over a real relay."""
import os

import pytest

from nodetests import HERE, check, parametrize

FIREFOX = os.environ.get("FIREFOX", "/usr/bin/firefox-esr")


@pytest.mark.skipif(not os.path.exists(FIREFOX), reason=f"{FIREFOX} is not installed: apt-get install firefox-esr")
@parametrize(os.path.join(HERE, "e2e", "firefox.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
