"""The pure parts of the page, and the description of the API."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "unit", "base.test.mjs"))
def test_unit(page, path, name):
    check(path, name)


@parametrize(os.path.join(HERE, "unit", "openapi.test.mjs"))
def test_description(page, path, name):
    check(path, name)


@parametrize(os.path.join(HERE, "unit", "call.test.mjs"))
def test_call(page, path, name):
    check(path, name)
