"""Fixtures of the API tests; see harness.py for what a relay is."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,wrong-import-position
