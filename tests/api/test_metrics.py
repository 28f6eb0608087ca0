"""Figures for the operator: the loopback listener, and relayctl stats."""
import http.client
import re

import pytest

from client import wait_until
from harness import free_port
from live import listen


@pytest.fixture(name="measured")
def measured_relay(make_relay):
    """A relay with a listener for figures, and a function that reads them: {name with labels: value}."""
    port = free_port()
    relay = make_relay({"RELAY_METRICS_PORT": port, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})

    def read(path="/metrics"):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        link.request("GET", path)
        response = link.getresponse()
        text = response.read().decode()
        link.close()
        assert response.status == 200 and response.headers["Content-Type"].startswith("text/plain"), (response.status, text)
        return text
    return relay, port, read


def figures(text):
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}


def test_streams_that_are_open_are_counted(measured):
    relay, _, read = measured
    with listen(relay.sign_in()):
        assert figures(read())["webchat_live_streams"] == 1
    wait_until("it is over", lambda: figures(read())["webchat_live_streams"] == 0)


def test_figures_are_in_the_text_format_and_count_what_happened(measured):
    relay, _, read = measured
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "secret words")
    bob.call("GET", "/api/v1/webchat/nothing", check=False)
    text = read()
    assert all(re.match(r'^(# (HELP|TYPE) webchat_\w+ .+|webchat_\w+(\{(\w+="[^"]*",?)+\})? [0-9.]+)$', line)
               for line in text.splitlines())
    found = figures(text)
    assert found["webchat_workers"] == 2 and found["webchat_accounts"] == 2
    assert found['webchat_queue_messages{channel="pchat"}'] == 1
    assert found['webchat_requests_total{method="POST",route="/api/v1/messages",status="2xx"}'] == 1
    assert {"webchat_scrub_lag_seconds", "webchat_wal_bytes", "webchat_sweep_duration_seconds"} <= set(found)


def test_figures_say_nothing_of_anybody(measured):
    relay, _, read = measured
    ann = relay.sign_in(display_name="Annabel")
    ann.send(ann, "secret words")
    text = read()
    assert not any(word in text for word in (ann.address, ann.email, "Annabel", "secret"))


def test_figures_are_on_loopback_only_and_nowhere_else(measured):
    relay, port, _ = measured
    assert relay.client().call("GET", "/metrics", check=False).status == 404
    with open(f"{relay.folder}/run/nginx.conf", encoding="utf-8") as file:
        assert re.findall(rf"listen (\S+):{port};", file.read()) == ["127.0.0.1"]
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", "/api/v1/webchat/config")
    assert link.getresponse().status == 404
    link.close()


def test_figures_stay_in_the_format_when_a_clock_was_set_back(make_relay):
    port = free_port()
    relay = make_relay({"RELAY_METRICS_PORT": port, "QUEUE_HOUSEKEEPING_INTERVAL_SEC": 0})
    with relay.locked_database() as link:
        link.execute("UPDATE sweep SET finished_at = 1152921504606846976, unclean_since = 1152921504606846976, duration_ms = -1234")
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", "/metrics")
    found = figures(link.getresponse().read().decode())
    link.close()
    assert [found[f"webchat_{name}_seconds"] for name in ("scrub_lag", "sweep_age", "sweep_duration")] == [0, 0, 0]


def test_stats_of_relayctl_name_queues_and_lags(relay, ann, bob):
    ann.send(bob, "x")
    out = relay.ctl("stats").stdout
    assert re.search(r"^queue pchat +[1-9]\d*, oldest \d+ s$", out, re.M)
    assert re.search(r"^scrub_lag_seconds \d+$", out, re.M) and re.search(r"^wal bytes +\d+$", out, re.M)
