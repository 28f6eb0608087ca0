"""GET /health and GET /api/v1/webchat/config."""
import time

import pytest

CONFIG = "/api/v1/webchat/config"


def test_health_responds_ok_without_a_credential(client):
    response = client.get("/health", expect=200)
    assert response["status"] == "ok"
    assert abs(response["time"] - time.time() * 1000) < 60_000


def test_health_ignores_a_bad_credential(client):
    client.with_token("pct_nonsense").get("/health", expect=200)


def test_health_has_a_new_request_id_each_time(client):
    assert len({client.get("/health").headers["X-Request-Id"] for _ in range(5)}) == 5


def test_health_is_degraded_while_the_database_cannot_be_written(make_relay):
    relay = make_relay({"RELAY_BUSY_TIMEOUT_MS": 50})
    with relay.locked_database():
        response = relay.client().get("/health", expect=503)
        assert response["status"] == "degraded"
    relay.client().get("/health", expect=200)


def test_config_responds_without_a_credential(client):
    response = client.get(CONFIG, expect=200)
    assert response["features"]["push"] is True
    off = ("translation", "transcription", "calls")
    assert [response["features"][name] for name in off] == [False] * len(off)
    assert response["features"]["open_registration"] is True and response["features"]["phone_bridge"] is True
    assert response["limits"]["poll_interval_ms"] == 100
    assert response["limits"]["max_upload_bytes"] == 104857600


def test_config_and_health_tell_the_same_version(client):
    assert client.get(CONFIG)["version"] == client.get("/health")["version"]


@pytest.mark.parametrize("settings, response", [
    ({"RELAY_NAME": "Küche \"7\""}, {"name": "Küche \"7\""}),
    ({"PCHAT_AUTH_ALLOWED_EMAILS": "a@example.com"}, {"open": False}),
    ({"PCHAT_AUTH_ALLOWED_DOMAINS": "example.com"}, {"open": False}),
    ({"PCHAT_MAX_UPLOAD_BYTES": 1234, "RELAY_POLL_INTERVAL_MS": 4321}, {"upload": 1234, "poll": 4321}),
], ids=["name", "allowed-emails", "allowed-domains", "limits"])
def test_config_follows_the_settings(make_relay, settings, response):
    config = make_relay(settings).client().get(CONFIG, expect=200)
    found = {"name": config["name"], "open": config["features"]["open_registration"],
             "upload": config["limits"]["max_upload_bytes"], "poll": config["limits"]["poll_interval_ms"]}
    assert {name: found[name] for name in response} == response


def test_config_names_no_user_and_no_infrastructure(make_relay):
    relay = make_relay({"PCHAT_ADMIN_EMAILS": "boss@example.com", "PCHAT_AUTH_ALLOWED_EMAILS": "a@example.com",
                        "SMTP_HOST": "mail.invalid", "SMTP_FROM": "r@example.org"})
    body = relay.client().get(CONFIG, expect=200).body
    assert all(word not in body for word in (b"example.", b"mail.invalid", b"127.0.0.1", relay.folder.encode()))
