"""The pages for whoever runs a relay that is up: the drill is done, and alerts and dashboard name figures that exist."""
import glob
import json
import os
import re
import shutil
import urllib.request

import pytest
import yaml

from harness import free_port
from pages import TOP, Checkout, blocks, read


def doc(name):
    with open(os.path.join(TOP, "docs", name), encoding="utf-8") as file:
        return file.read()


def test_backup_is_made_carried_away_and_tried_beside_the_relay_that_runs():
    if not shutil.which("rsync"):
        pytest.fail("rsync is not installed: scripts/install_deps.sh --test", pytrace=False)
    with Checkout() as copy:
        make, script, drill = blocks("restore-drill.md")
        away = copy.path("away")
        os.makedirs(away)
        lines = "./start_relay.sh --detach\nbuild/relayctl code ann@example.com >/dev/null\n" + make + script + f'./backup.sh "{away}"\n' + drill
        done = copy.paste(lines)
        assert done.returncode == 0, done
        checks = [line for line in done.stdout.splitlines() if re.match(r"(database|health|uploads) ", line)]
        assert len(checks) == 3 and all(" ok " in line for line in checks), done.stdout
        assert "Restored." in done.stdout and not os.path.exists(copy.path("drill"))
        assert len(glob.glob(os.path.join(away, "relay-*.db"))) == 1
        assert {"server.key", ".env.local", "pchat_uploads"} <= set(os.listdir(away))
        assert copy.run(["build/relayd", "--dir", "relay", "--status"]).returncode == 0


@pytest.fixture(name="figures", scope="module")
def figures_of_a_relay():
    with Checkout() as copy:
        port = free_port()
        assert copy.paste("./start_relay.sh --detach", RELAY_METRICS_PORT=str(port)).returncode == 0
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as response:
            text = response.read().decode()
    return set(re.findall(r"^# TYPE (\w+)", text, re.M))


@pytest.mark.parametrize("page", ["alerts.yaml", "dashboard.json", "watching.md"])
def test_figures_that_are_named_exist(figures, page):
    named = set(re.findall(r"\bwebchat_[a-z_]+", doc(page)))
    assert named and named <= figures, named - figures


def test_every_figure_has_a_place_on_the_dashboard(figures):
    assert figures <= set(re.findall(r"\bwebchat_[a-z_]+", doc("dashboard.json")))


def test_alerts_and_dashboard_are_whole():
    rules = yaml.safe_load(doc("alerts.yaml"))["groups"][0]["rules"]
    assert all({"alert", "expr", "for", "labels", "annotations"} == set(rule) for rule in rules)
    panels = json.loads(doc("dashboard.json"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) and all(panel["targets"] for panel in panels)
    assert "docs/watching.md" in read("README.md")
