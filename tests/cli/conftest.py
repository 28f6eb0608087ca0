"""The tests of the user tools run against a real relay, with the harness and the fixtures of the API tests."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "api"))

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,wrong-import-position

import pytest  # noqa: E402 pylint: disable=wrong-import-position

from cli import Cli  # noqa: E402 pylint: disable=wrong-import-position


@pytest.fixture
def make_cli(relay, tmp_path):
    """make_cli(...) makes a user of the program with a home of its own; what it leaves running ends with the test."""
    made = []

    def make(of=None, **options):
        home = tmp_path / f"home {len(made)}"
        home.mkdir()
        made.append(Cli(of or relay, home, **options))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def cli(make_cli):
    """A new user of the program, signed in."""
    one = make_cli()
    one.sign_in("--name", "Cleo")
    return one
