"""GET /ready: whether the relay can do its work, with the parts that fail named."""
import os
import shutil
import time

from client import wait_until


def test_ready_responds_without_a_credential(client):
    assert client.get("/ready", expect=200)["status"] == "ready"


def test_ready_names_a_database_that_cannot_be_written(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 50})
    with relay.locked_database():
        assert relay.client().get("/ready", expect=503)["failing"] == ["database"]
    wait_until("it is ready again", lambda: relay.client().get("/ready", check=False).status == 200)


def test_ready_names_a_disk_below_the_floor_while_health_stays_well(make_relay):
    relay = make_relay({"PCHAT_MIN_FREE_BYTES": 2 ** 49})
    response = relay.client().get("/ready", expect=503)
    assert response["failing"] == ["disk"] and int(response.headers["Retry-After"]) > 0
    relay.client().get("/health", expect=200)


def test_ready_names_an_upload_folder_that_is_gone(make_relay):
    relay = make_relay()
    shutil.rmtree(os.path.join(relay.folder, "pchat_uploads"))
    assert relay.client().get("/ready", expect=503)["failing"] == ["disk"]


def test_ready_names_every_part_that_fails(make_relay):
    relay = make_relay({"PCHAT_MIN_FREE_BYTES": 2 ** 49, "RELAY_BUSY_TIMEOUT_MS": 50})
    with relay.locked_database():
        assert relay.client().get("/ready", expect=503)["failing"] == ["database", "disk"]


def hold_housekeeping(relay, until):
    """No pass ended since long ago, and none may begin before that time."""
    with relay.opened_database() as link:
        link.execute("UPDATE sweep SET finished_at = 1, lease_until = ?", (until,))


def test_ready_names_housekeeping_that_has_stopped(make_relay):
    relay = make_relay({"QUEUE_HOUSEKEEPING_INTERVAL_SEC": 1})
    relay.client().get("/ready", expect=200)

    def failing():
        hold_housekeeping(relay, int(time.time() * 1000) + 25_000)
        # either: asked again until it fails
        response = relay.client().get("/ready", expect=(200, 503))
        return response.json.get("failing")
    assert wait_until("three intervals without a pass", failing) == ["housekeeping"]
    hold_housekeeping(relay, 0)
    # either: asked again until it is well
    wait_until("the next pass", lambda: relay.client().get("/ready", expect=(200, 503)).status == 200)
