"""The fault tests use the harness and the fixtures of the API tests."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "api"))

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,wrong-import-position
from disks import eight_mib_file_system  # noqa: E402,F401
