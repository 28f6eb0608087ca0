"""Messages to the outside, phones and the address book, in a real browser over a real relay."""
import os

from nodetests import HERE, check, parametrize


@parametrize(os.path.join(HERE, "e2e", "parts-outside.test.mjs"), os.path.join(HERE, "e2e", "parts-contacts.test.mjs"))
def test_browser(page, path, name):
    check(path, name)


@parametrize(os.path.join(HERE, "unit", "importer.test.mjs"))
def test_unit(page, path, name):
    check(path, name)
