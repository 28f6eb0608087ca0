"""The README's lines, pasted into a shell in a copy of the checkout; and what it names is there."""
import os
import re
import subprocess

from pages import TOP, Checkout, blocks, read


def test_conversation_of_the_tour_works_when_pasted():
    with Checkout() as copy:
        done = copy.paste(blocks("tour.md")[0] + blocks("tour.md")[1])
        mode = os.stat(copy.path("relay", ".env.local")).st_mode
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert all(line.startswith('{"success":true') for line in lines), done.stdout
    assert '"text":"Hello Bob"' in lines[0] and '"messages":[]' in lines[1]
    assert '"status":"delivered"' in lines[2]
    assert any('"text":"Hello Alice"' in line for line in lines)
    assert any('"text":"Hello all"' in line and '"group_id":"grp_' in line for line in lines)
    assert any('"kind":"voice"' in line and '"duration_ms":2300' in line for line in lines)
    assert "the note arrived" in done.stdout
    assert '"status":"left"' in lines[-2]
    assert "WebChat relay: http://127.0.0.1:" in done.stdout and "stopped" in done.stdout
    assert oct(mode)[-3:] == "600"


def test_every_page_and_folder_that_the_readme_names_is_there():
    for link in re.findall(r"\]\(([^)#]+)\)", read("README.md")):
        assert os.path.exists(os.path.join(TOP, link)), link
    for folder in re.findall(r"^\| `([\w/]+)/` \|", read("README.md"), re.M):
        assert os.path.isdir(os.path.join(TOP, folder)), folder


def test_every_make_target_that_the_pages_name_is_there():
    pages = "".join(read(name) for name in ("README.md", "tour.md", "inside.md", "performance.md", "CHANGES.md", "upgrading.md"))
    for target in set(re.findall(r"`make ([a-z]+)", pages)):
        plan = subprocess.run(["make", "-n", target], cwd=TOP, capture_output=True, text=True)
        assert plan.returncode == 0, f"make {target}: {plan.stderr}"


def test_first_screen_says_what_it_is_and_what_it_is_not():
    first = read("README.md").split("## The page")[0]
    assert "not end to end" in first and "Version 0.1" in first and first.count("\n") < 75
    assert re.findall(r"^```(?:sh)?\n(\S.*)\n```", first, re.M) == ["./start_relay.sh", "./start_relay.sh --demo", "make check"]
