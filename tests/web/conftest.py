"""The page is built once before any browser opens it, by whichever of the test processes comes first."""
import fcntl
import os
import subprocess
import tempfile

import pytest

from nodetests import HERE, TOP, WEB, missing, npm_ci


@pytest.fixture(scope="session")
def page():
    """web/dist/, fresh."""
    why = missing()
    if why:
        pytest.skip(f"{why}: scripts/install_deps.sh --test")
    with open(os.path.join(tempfile.gettempdir(), f"webchat-page-{os.getuid()}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        npm_ci(HERE)
        subprocess.run(["make", "-s", "web"], cwd=TOP, check=True, capture_output=True, timeout=300)
    return os.path.join(WEB, "dist")
