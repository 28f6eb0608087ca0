"""Every page of docs/ that tells somebody what to type: its lines, from the first to the last, pasted into a shell."""
import glob
import json
import os
import re

import pytest

from pages import TOP, Checkout, blocks, read, section

PAGES = ["private-server-install.md", "shared-hosting.md", "private-relay.md", "api.md", "upgrading.md", "several-machines.md", "watching.md", "restore-drill.md", "tour.md"]
# Titles of the operators' page whose lines are pasted here, and those that tests/ops pastes or no test can (Docker).
SECTIONS, ELSEWHERE = ["Try it", "Settings", "As a service", "HTTPS", "Backups"], ["Package", "Debian package", "Docker"]
START = "./start_relay.sh --detach\nURL=$(./start_relay.sh --status | grep -o 'http[^ ]*')\n"
SIGN_IN = START + """
CODE=$(build/relayctl code me@example.com)
TOKEN=$(curl -s "$URL/api/v1/pchat/auth/verify-code" -H 'Content-Type: application/json' \
    -d "{\\"email\\":\\"me@example.com\\",\\"code\\":\\"$CODE\\"}" | sed 's/.*"session_token":"\\([^"]*\\)".*/\\1/')
"""


@pytest.fixture(name="copy")
def a_copy_of_the_checkout():
    with Checkout() as copy:
        yield copy


def good(done):
    """What the lines printed, of a run that went well from beginning to end."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def responses(text):
    """The JSON responses among the printed lines."""
    return [json.loads(line) for line in re.sub(r"\}\{", "}\n{", text).splitlines() if line.startswith('{"success"')]


def whole(page):
    return "".join(blocks(page))


def test_page_for_operators_works_when_pasted(copy):
    lines = "".join("".join(section("private-server-install.md", title)) for title in SECTIONS)
    said = good(copy.paste(lines, replace=[
        ("/opt/webchat-relay/bin/", "build/"), ("/var/lib/webchat-relay", "relay"), ("/etc/letsencrypt/live", "$LIVE"),
        ('"https://$DOMAIN"', f"http://127.0.0.1:{copy.port}")], WEBCHAT_STRICT_PORT="1"))
    assert said.count("WebChat relay: http://127.0.0.1:") == 3
    assert "FAILED" not in said and len(re.findall(r"^health +ok", said, re.M)) == 3
    assert re.search(r"^\d{6}$", said, re.M)
    assert "would write: /etc/systemd/system/webchat-relay.service" in said
    assert said.count("server_name chat-relay.example.com;") == 4
    assert f'ssl_certificate "{os.path.dirname(copy.folder)}/live/chat-relay.example.com/fullchain.pem";' in said
    assert glob.glob(copy.path("relay-*.db")) and glob.glob(copy.path("relay-*.tar.gz"))


def test_no_section_of_the_page_for_operators_is_left_out():
    titles = re.findall(r"^## (.*)$", read("private-server-install.md"), re.M)
    assert {title for title in titles if section("private-server-install.md", title)} == {*SECTIONS, *ELSEWHERE}


def test_page_for_shared_hosting_works_when_pasted(copy):
    said = good(copy.paste(whole("shared-hosting.md")))
    assert "WebChat relay: unix:" in said and re.search(r"^socket +ok", said, re.M) and "The relay was stopped." in said
    with open(copy.path("crontab"), encoding="utf-8") as file:
        assert "relay-sweep" not in file.read()


def test_page_for_users_works_when_pasted(copy):
    said = responses(good(copy.paste(SIGN_IN + whole("private-relay.md"))))
    assert [response["success"] for response in said] == [True] * 3
    with open(copy.path("my-data.json"), encoding="utf-8") as file:
        assert json.load(file)["user"]["email"] == "me@example.com"


def test_page_for_client_authors_works_when_pasted(copy):
    said = responses(good(copy.paste(START + whole("api.md"))))
    assert [response["success"] for response in said] == [True] * 9, said
    assert [response.get("duplicate") for response in said[2:4]] == [None, True]
    assert said[4]["messages"] == [] and said[6]["receipts"][0]["status"] == "read"


def test_page_for_upgrades_works_when_pasted(copy):
    good(copy.paste(SIGN_IN + "./start_relay.sh --stop\n./start_relay.sh --detach\n"))
    said = good(copy.paste(whole("upgrading.md") + "build/relayctl user list\n"))
    assert "FAILED" not in said.split("database", 1)[0] and "me@example.com" in said


@pytest.mark.parametrize("page", PAGES)
def test_page_has_no_block_of_a_kind_that_nobody_looks_at(page):
    assert set(re.findall(r"^```(\S*)$", read(page), re.M)) <= {"", "sh", "ini", "nginx", "text"}
    assert len(re.findall(r"^```$", read(page), re.M)) == len(re.findall(r"^```\w+$", read(page), re.M))


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_is_there(page):
    text = read(page)
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert os.path.exists(os.path.join(TOP, "docs", link)), link
    for script in re.findall(r"(?<![\w/])(?:scripts|nginx|systemd)/[\w./-]+\.\w+", text):
        assert os.path.exists(os.path.join(TOP, script)), script
    settings = set(re.findall(r"`([A-Z]{2,}_[A-Z_]+)", text)) | set(re.findall(r"^([A-Z_]+)=", "".join(blocks(page, "ini")), re.M))
    assert all(f"`{name}`" in read("settings.md") for name in settings), settings


def test_what_make_is_told_on_a_line_of_the_pages_is_nobodys_but_the_callers():
    """make model STEPS=..., where the makefiles gave STEPS a value of their own, would play that file each time."""
    makefiles = [os.path.join(TOP, "Makefile"), *glob.glob(os.path.join(TOP, "tests", "*", "*.mk"))]
    text = "".join(read(path) for path in [*glob.glob(os.path.join(TOP, "docs", "*.md")), *makefiles])
    told = {name for line in re.findall(r"\bmake [a-z-]+((?: [A-Z_]+=\S+)+)", text) for name in re.findall(r"([A-Z_]+)=", line)}
    taken = {name for path in makefiles for name in re.findall(r"^([A-Z_]+) *:?=", read(path), re.M)}
    assert len(told) > 10 and told & taken == set()


def test_every_page_for_somebody_is_on_the_map_of_the_readme():
    assert [page for page in PAGES if f"(docs/{page})" not in read("README.md")] == []
