"""Voice notes as text: order, pauses and what is kept by themselves, then the page over a real relay with an engine that misbehaves."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "unit", "speech.test.mjs"))
def test_unit(page, path, name):
    check(path, name)


@parametrize(os.path.join(HERE, "e2e", "speech.test.mjs"))
def test_browser(page, path, name):
    check(path, name)
