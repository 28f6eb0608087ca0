"""docker-compose.several.yml, read strictly, and its load balancer: a real nginx in front of two real relays on one PostgreSQL."""
import http.client
import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

import dockerfile
import harness
import pg_server
from client import wait_until
from contract import ROOT
from harness import free_port, kill_pids, unique
from live import WAKE, listen
from machines import at, two_relays
from packing import pages

COMPOSE, BALANCER = "docker-compose.several.yml", "nginx/examples/balancer.conf"
RELAYS = ("relay1", "relay2")
PG_BUILD = pg_server.build()
CODES = 20  # for each client
CODE = "/api/v1/pchat/auth/request-code"
NO_RIGHTS = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def text_of(name):
    return pathlib.Path(ROOT, name).read_text(encoding="utf-8")


@pytest.fixture(name="services", scope="module")
def services_of_compose():
    return yaml.safe_load(text_of(COMPOSE))["services"]


# -- the files -----------------------------------------------------------------------------------------------------------


def test_services_are_the_database_two_relays_and_what_is_in_front(services):
    assert list(services) == ["database", *RELAYS, "balancer"]
    assert [name for name, service in services.items() if "ports" in service] == ["balancer"]
    for service in services.values():
        assert {name: service[name] for name in NO_RIGHTS} == NO_RIGHTS
        assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & set(service)


def test_relays_are_those_of_the_usual_file_with_postgresql(services):
    usual = yaml.safe_load(text_of("docker-compose.private-relay.yml"))["services"]["relay"]
    for name in RELAYS:
        relay = services[name]
        same = set(usual) - {"build", "image", "ports", "volumes", "environment"}
        assert {key: relay[key] for key in same} == {key: usual[key] for key in same}
        assert relay["build"] == {"context": ".", "args": {"PG": "1"}}
        assert relay["environment"]["DATABASE_URL"].endswith("@database/relay")


def test_every_volume_is_named_and_what_must_be_shared_is(services):
    used = {name: {volume.split(":")[1]: volume.split(":")[0] for volume in services[name].get("volumes", ())} for name in services}
    named = {volume for volumes in used.values() for volume in volumes.values() if not volume.startswith("./")}
    assert named == set(yaml.safe_load(text_of(COMPOSE))["volumes"])
    data, uploads = ([used[name][f"/opt/webchat-relay/relay/{what}"] for name in RELAYS] for what in ("data", "pchat_uploads"))
    assert len(set(data)) == 2 and len(set(uploads)) == 1
    assert used["relay2"]["/first"] == data[0] and "cp -np /first/*.key relay/data/" in services["relay2"]["command"][-1]


def test_balancer_knows_the_relays_and_they_trust_it(services):
    servers = re.findall(r"^ +server (\w+):(\d+)", text_of(BALANCER), re.M)
    assert servers == [(name, services[name]["environment"]["WEBCHAT_RELAY_PORT"]) for name in RELAYS]
    [port] = services["balancer"]["ports"]
    assert re.findall(r"listen (\d+)", text_of(BALANCER)) == [port["target"]]
    address = services["balancer"]["networks"]["inside"]["ipv4_address"]
    assert all(services[name]["environment"]["RELAY_TRUSTED_PROXIES"] == address for name in RELAYS)
    assert f"./{BALANCER}:{services['balancer']['command'][-1]}:ro" in services["balancer"]["volumes"]


def test_values_come_from_the_settings_file_and_the_password_must_be_there(services):
    urls = [services[name]["environment"]["DATABASE_URL"] for name in RELAYS]
    assert {dockerfile.interpolate(url, {"DATABASE_PASSWORD": "x1"}) for url in urls} == {"postgresql://relay:x1@database/relay"}
    assert dockerfile.interpolate(services["database"]["environment"]["POSTGRES_PASSWORD"], {"DATABASE_PASSWORD": "x1"}) == "x1"
    with pytest.raises(AssertionError, match="DATABASE_PASSWORD is missing"):
        dockerfile.interpolate(urls[0], {})


def test_page_names_what_is_there():
    lines = [line for block in pages.section("several-machines.md", "Tried out on one machine, with Docker") for line in block.splitlines()]
    calls = [line.split() for line in lines if line.startswith("docker ")]
    assert len(calls) == 3 and any("DATABASE_PASSWORD=" in line for line in lines)
    for words in calls:
        assert words[:6] == ["docker", "compose", "--env-file", "relay/.env.local", "-f", COMPOSE]
        assert words[6] in ("up", "exec", "restart") and (words[6] == "up" or words[7] in RELAYS)


# -- the balancer --------------------------------------------------------------------------------------------------------


class Site:
    """Two relays and the balancer, which listens at `port`."""

    def __init__(self, one, other, folder):
        self.one, self.other, self.folder, self.port = one, other, str(folder), free_port()
        text = text_of(BALANCER).replace("/tmp/", f"{self.folder}/").replace("listen 5110", f"listen 127.0.0.1:{self.port}")
        for name, relay in zip(RELAYS, (one, other)):
            text = text.replace(f"server {name}:5110", f"server 127.0.0.1:{relay.port}")
        path = os.path.join(self.folder, "balancer.conf")
        pathlib.Path(path).write_text(text.replace("worker_processes auto", "worker_processes 1"), encoding="utf-8")
        self.nginx = subprocess.Popen([*harness.DIE_WITH_TESTS, "nginx", "-e", "stderr", "-c", path], stdin=subprocess.DEVNULL, cwd="/")
        wait_until("it serves", lambda: not harness.port_is_free(self.port))

    def stop(self):
        self.nginx.terminate()
        self.nginx.wait(20)

    def ask_code(self, source, forged=None):
        """The status of asking for a code, from that address of this machine."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20, source_address=(source, 0))
        forged = {"X-Forwarded-For": forged} if forged else {}
        link.request("POST", CODE, json.dumps({"email": unique() + "@example.com"}), {"Content-Type": "application/json", **forged})
        status = link.getresponse().status
        link.close()
        return status


@pytest.fixture(name="site", scope="module")
def two_relays_and_a_balancer(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("balancer")
    os.chmod(folder, 0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness, "BUILD", PG_BUILD)
        settings = {"DATABASE_URL": server.url(server.new_database()), "RELAY_TRUSTED_PROXIES": "127.0.0.1", "RELAY_CODES_PER_CLIENT": CODES}
        with two_relays(settings) as (one, other):
            site = Site(one, other, folder)
            yield site
            site.stop()


def test_message_goes_through_it_and_back(site):
    ann, bob = site.one.sign_in(), site.other.sign_in()
    for number in range(4):  # by both
        at(site, ann).send(bob, str(number))
    assert at(site, bob).texts() == ["0", "1", "2", "3"]


def test_client_is_known_by_its_own_address_and_not_by_what_it_says(site):
    """Codes are limited by client; the limit is in the database, so that of both relays."""
    statuses = [site.ask_code("127.0.0.7", forged=f"203.0.113.{number}") for number in range(CODES + 2)]
    assert statuses == [202] * CODES + [429] * 2
    assert site.ask_code("127.0.0.8") == 202


def test_live_stream_through_it_is_woken_at_once(site):
    ann, bob = site.one.sign_in(), site.one.sign_in()
    for relay in (site.one, site.other):
        with listen(at(site, bob)) as first, listen(at(site, bob)) as second:  # one at each relay
            at(relay, ann).send(bob, "wake up")
            assert first.event() == second.event() == WAKE


def test_file_goes_through_it(site):
    ann, bob = site.one.sign_in(), site.other.sign_in()
    data = os.urandom(3 << 20)
    sent = at(site, ann).put("/api/v1/webchat/upload?name=a.bin", data=data, headers={"Content-Type": "application/octet-stream"}, expect=200)
    ann.send(bob, "look", attachments=[sent["file_id"]])
    assert at(site, bob).get(f"/api/v1/webchat/files/{sent['file_id']}", expect=200, check=False).body == data


def test_without_one_relay_calls_go_to_the_other_and_without_both_clients_are_told(site):
    ann = at(site, site.one.sign_in())
    for relay in (site.one, site.other):
        relay.fixed_port = relay.port
    kill_pids(site.one.pids())
    site.one.kill()
    for _ in range(6):
        ann.get("/api/v1/pchat/auth/me", expect=200)
    kill_pids(site.other.pids())
    site.other.kill()
    response = ann.get("/api/v1/pchat/auth/me", expect=502)
    assert response.error == "unavailable" and response.headers["Retry-After"]
    for relay in (site.one, site.other):
        relay.start()
    wait_until("it goes on", lambda: ann.get("/api/v1/pchat/auth/me").status == 200)
