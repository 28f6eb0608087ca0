"""How nginx serves the WebChat page: addresses, headers, types, compressed copies, and what is said where it is not built."""
import os

import pytest

from client import wait_until
from harness import BUILD, Relay

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; manifest-src 'self'; img-src 'self' blob: data:; "
       "media-src 'self' blob:{0}; connect-src 'self'{0}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
       "require-trusted-types-for 'script'; trusted-types webchat")
ANY = " https: http://localhost:* http://127.0.0.1:*"
PAGE = "/app/webchat/"
SERVED = {"WEBCHAT_GUI": "true"}
FILES = {"chat.html": b"<!doctype html>page", "main-ABCD1234.js": b"1", "main-ABCD1234.js.map": b"{}", "main-ABCD1234.css": b"a{}", "sw.js": b"2",
         "chat.webmanifest": b"{}", "icon.svg": b"<svg/>", "icon-192.png": b"png", "en-ABCD1234.json": b"{}"}


def put_page(relay, files=None):
    """A page of a few bytes instead of a built one."""
    folder = os.path.join(relay.folder, "run", "page")
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    for name, content in (FILES if files is None else files).items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


@pytest.fixture(scope="module", name="with_page")
def relay_with_page(built):
    """A relay with the small page."""
    with Relay(SERVED) as relay:
        put_page(relay)
        yield relay


@pytest.fixture
def served(with_page):
    """A caller of it."""
    return with_page.client()


def test_root_leads_to_the_page(served):
    for path in ("/", "/app/webchat", PAGE):
        response = served.get(path, expect=302, check=False)
        assert response.headers["Location"] == PAGE + "chat.html"


@pytest.mark.parametrize("name, mime, cached", [
    ("chat.html", "text/html; charset=utf-8", False), ("main-ABCD1234.js", "text/javascript; charset=utf-8", True),
    ("main-ABCD1234.css", "text/css; charset=utf-8", True), ("main-ABCD1234.js.map", "application/json; charset=utf-8", True),
    ("en-ABCD1234.json", "application/json; charset=utf-8", True), ("sw.js", "text/javascript; charset=utf-8", False),
    ("chat.webmanifest", "application/manifest+json; charset=utf-8", False), ("icon.svg", "image/svg+xml", False), ("icon-192.png", "image/png", False)])
def test_file_has_type_life_and_all_headers(served, name, mime, cached):
    response = served.get(PAGE + name, expect=200, check=False)
    headers = response.headers
    assert response.body == FILES[name] and headers["Content-Type"] == mime
    assert headers["Cache-Control"] == ("public, max-age=31536000, immutable" if cached else "no-cache")
    assert headers["Content-Security-Policy"] == CSP.format(ANY)
    assert headers["Referrer-Policy"] == "no-referrer" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == "microphone=(self), camera=(self), geolocation=()"


def test_compressed_copy_is_served_to_who_takes_it(served, with_page):
    with open(os.path.join(with_page.folder, "run", "page", "main-ABCD1234.js.gz"), "wb") as file:
        file.write(b"gz")
    response = served.get(PAGE + "main-ABCD1234.js", headers={"Accept-Encoding": "gzip"}, expect=200, check=False)
    assert response.headers["Content-Encoding"] == "gzip" and response.body == b"gz"
    assert "Content-Encoding" not in served.get(PAGE + "main-ABCD1234.js", expect=200, check=False).headers


def test_other_paths_are_404_as_json(served):
    for path in (PAGE + "main-00000000.js", PAGE + "..%2f..%2f.env.local", PAGE + ".stamp", "/app/"):
        response = served.get(path, check=False)
        assert response.status == 404 and response.headers["Content-Type"].startswith("application/json"), path


def test_page_takes_no_post(served):
    assert served.post(PAGE + "chat.html", {}, check=False).status == 405


def test_page_that_is_not_built_says_so(make_relay):
    relay = make_relay(SERVED)
    put_page(relay, {})
    response = relay.client().get(PAGE + "chat.html", check=False)
    assert response.status == 404 and b"make web" in response.body and response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("value, sources", [("any", ANY), ("self", ""), ("https://a.example, http://10.0.0.1:5110", " https://a.example http://10.0.0.1:5110")])
def test_setting_names_the_relays_that_the_page_may_ask(make_relay, value, sources):
    relay = make_relay({**SERVED, "WEBCHAT_GUI_RELAYS": value})
    put_page(relay)
    response = relay.client().get(PAGE + "chat.html", expect=200, check=False)
    assert response.headers["Content-Security-Policy"] == CSP.format(sources)


def test_page_can_be_left_out(make_relay):
    client = make_relay({"WEBCHAT_GUI": "false"}).client()
    for path in ("/", PAGE + "chat.html"):
        assert client.get(path, check=False).status == 404


def test_page_is_copied_at_the_start_and_its_address_is_printed(make_relay):
    source = os.path.join(BUILD, "..", "web", "dist")
    relay = make_relay(SERVED)
    if not os.path.exists(os.path.join(source, "chat.html")):
        assert "WebChat page not built: run make web" in relay.stdout
        return
    assert f"WebChat page: {relay.url}{PAGE}chat.html" in relay.stdout
    copies = set(os.listdir(os.path.join(relay.folder, "run", "page")))
    assert {name for name in os.listdir(source) if not name.startswith(".") and ".map" not in name} <= copies


def test_reload_brings_a_newer_page_and_keeps_what_old_ones_need(make_relay):
    source = os.path.join(BUILD, "..", "web", "dist", "chat.html")
    if not os.path.exists(source):
        pytest.skip("the page is not built")
    relay = make_relay(SERVED)
    put_page(relay)
    relay.reload()
    page = os.path.join(relay.folder, "run", "page")
    with open(source, "rb") as file:
        built = file.read()

    def is_new():
        with open(os.path.join(page, "chat.html"), "rb") as file:
            return file.read() == built

    wait_until("the new page is there", is_new)
    assert os.path.exists(os.path.join(page, "main-ABCD1234.js"))
