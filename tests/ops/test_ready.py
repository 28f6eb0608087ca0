"""GET /ready: whether the relay can do its work, with the parts that fail named."""
import os
import shutil


def test_ready_answers_without_a_credential(client):
    assert client.get("/ready", expect=200)["status"] == "ready"


def test_ready_names_a_database_that_cannot_be_written(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 50})
    with relay.locked_database():
        assert relay.client().get("/ready", expect=503)["failing"] == ["database"]
    relay.client().get("/ready", expect=200)


def test_ready_names_a_disk_below_the_floor_while_health_stays_well(make_relay):
    relay = make_relay({"PCHAT_MIN_FREE_BYTES": 2 ** 49})
    answer = relay.client().get("/ready", expect=503)
    assert answer["failing"] == ["disk"] and int(answer.headers["Retry-After"]) > 0
    relay.client().get("/health", expect=200)


def test_ready_names_an_upload_folder_that_is_gone(make_relay):
    relay = make_relay()
    shutil.rmtree(os.path.join(relay.folder, "pchat_uploads"))
    assert relay.client().get("/ready", expect=503)["failing"] == ["disk"]


def test_ready_names_every_part_that_fails(make_relay):
    relay = make_relay({"PCHAT_MIN_FREE_BYTES": 2 ** 49, "RELAY_BUSY_TIMEOUT_MS": 50})
    with relay.locked_database():
        assert relay.client().get("/ready", expect=503)["failing"] == ["database", "disk"]
