"""Programs of a relay in a folder of their own, which every user can reach."""
import contextlib
import os
import shutil

import harness
from contract import ROOT


@contextlib.contextmanager
def program_folder():
    """A folder `build` that is to be made, with what programs look for beside it."""
    folder = harness.make_folder("programs")
    try:
        for name in ("nginx", "web"):
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
        yield os.path.join(folder, "build")
    finally:
        shutil.rmtree(os.path.dirname(folder))
