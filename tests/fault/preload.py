"""Programs of a relay with a library of the test's loaded first."""
import os


def preload(library, **more):
    """Their environment. Sanitizers want to be first themselves, and are asked not to insist."""
    options = [os.environ.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0"]
    return {"LD_PRELOAD": library, "ASAN_OPTIONS": ":".join(option for option in options if option), **more}
