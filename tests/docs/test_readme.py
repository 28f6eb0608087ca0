"""The README's lines, pasted into a shell in a copy of the checkout."""
import os
import re
import shutil
import socket
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("RELAY_BUILD", os.path.join(TOP, "build"))


def readme():
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as f:
        return f.read()


def blocks():
    return re.findall(r"^```sh\n(.*?)^```", readme(), re.M | re.S)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def copy_checkout(to):
    """The tracked files and the built programs, newer than their sources so that nothing is built again."""
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, capture_output=True, text=True,
                           check=True).stdout.splitlines()
    for name in files:
        if os.path.exists(os.path.join(TOP, name)):
            os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
            shutil.copy2(os.path.join(TOP, name), os.path.join(to, name))
    shutil.copytree(BUILD, os.path.join(to, "build"), ignore=shutil.ignore_patterns("tests", "bench"))


def paste(block, folder, **settings):
    env = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8", "HOST": "127.0.0.1", **settings}
    return subprocess.run(["bash", "-eu"], input=block, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def stop(folder):
    subprocess.run(["build/relayd", "--dir", "relay", "--stop"], cwd=folder, capture_output=True)


def test_conversation_of_the_readme_works_when_pasted():
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o755)
        folder = os.path.join(parent, "a check out")
        os.mkdir(folder)
        copy_checkout(folder)
        try:
            done = paste(blocks()[2] + blocks()[3], folder, PORT=str(free_port()))
            mode = os.stat(os.path.join(folder, "relay", ".env.local")).st_mode
        finally:
            stop(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert all(line.startswith('{"success":true') for line in lines), done.stdout
    assert '"text":"Hello Bob"' in lines[0] and '"messages":[]' in lines[1]
    assert '"status":"delivered"' in lines[2]
    assert any('"text":"Hello Alice"' in line for line in lines)
    assert any('"text":"Hello all"' in line and '"group_id":"grp_' in line for line in lines)
    assert '"status":"left"' in lines[-2]
    assert "WebChat relay: http://127.0.0.1:" in done.stdout and "stopped" in done.stdout
    assert oct(mode)[-3:] == "600"


def test_every_page_and_folder_that_the_readme_names_is_there():
    for link in re.findall(r"\]\(([^)#]+)\)", readme()):
        assert os.path.exists(os.path.join(TOP, link)), link
    for folder in re.findall(r"^\| `([\w/]+)/` \|", readme(), re.M):
        assert os.path.isdir(os.path.join(TOP, folder)), folder


def test_every_make_target_that_the_pages_name_is_there():
    pages = readme()
    for name in ("inside.md", "performance.md", "CHANGES.md"):
        with open(os.path.join(TOP, "docs", name), encoding="utf-8") as f:
            pages += f.read()
    for target in set(re.findall(r"`make (\w+)", pages)):
        plan = subprocess.run(["make", "-n", target], cwd=TOP, capture_output=True, text=True)
        assert plan.returncode == 0, f"make {target}: {plan.stderr}"
