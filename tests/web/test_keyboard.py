"""The keyboard on the screen: its layouts and machines by themselves, then in a browser over a real relay."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "unit", "keyboard.test.mjs"), os.path.join(HERE, "e2e", "keyboard.test.mjs"))
def test_keyboard(page, path, name):
    check(path, name)
