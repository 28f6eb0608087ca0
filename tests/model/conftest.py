"""The model's tests use the harness and the fixtures of the API tests, and the clocks of the fault tests."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, *(os.path.join(os.path.dirname(HERE), name) for name in ("api", "fault"))]

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,wrong-import-position
