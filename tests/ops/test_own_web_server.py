"""RELAY_OWN_NGINX=false: a web server of somebody else's, under another user, includes what the relay writes."""
import contextlib
import os
import re
import shutil
import stat
import subprocess

import pytest

from client import wait_until
from contract import ROOT
from engine_sink import EngineSink
from harness import Relay, StartFailed, clean_env, free_port, kill_pids, make_folder, pids_of, run
from live import WAKE, listen
from recordings import wav
from test_nginx import is_json_failure

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root starts programs as two other users")
POOL_USER = 65534
NGINX_CONF = """
{user}
pid {0}/nginx.pid;
error_log {0}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u;
    scgi_temp_path {0}/s;
    include "{1}/run/nginx-http.conf";
    server {{
        listen 127.0.0.1:{2};
        include "{1}/run/nginx-server.conf";
    }}
}}
"""


class HostedRelay(Relay):
    """A pool without nginx, and a second nginx, run by root for www-data, that includes its files."""

    def __init__(self, settings=None, **options):
        super().__init__({"RELAY_OWN_NGINX": "false", "RELAY_SOCKET_ACCESS": "everyone", **(settings or {})}, **options)
        self.host = make_folder("host")

    def _is_up(self):
        if self.process.poll() is not None:
            raise StartFailed(f"relayd ended with {self.process.returncode}: {self.stderr[-2000:]}")
        return re.search(r"^WebChat relay: unix:(.*/run/relay\.sock)$", self.stdout, re.M)

    def serve(self):
        """Start the host's nginx on the relay's port."""
        self.port = free_port()
        with open(os.path.join(self.host, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(NGINX_CONF.format(self.host, self.folder, self.port, user="user www-data;"))
        os.chmod(self.host, 0o755)
        done = subprocess.run(["nginx", "-c", f"{self.host}/nginx.conf"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done
        return self

    def remove(self):
        kill_pids(pids_of(self.host))
        shutil.rmtree(os.path.dirname(self.host), ignore_errors=True)
        super().remove()


@pytest.fixture(name="make_hosted")
def make_hosted_relay(built):
    relays = []

    def make(settings=None, **options):
        relays.append(HostedRelay(settings, user=POOL_USER, **options))
        return relays[-1].start().serve()
    yield make
    for relay in relays:
        relay.stop(quietly=True)
        relay.remove()


@needs_root
def test_conversation_through_the_nginx_of_another_user(make_hosted):
    relay = make_hosted(folder=make_folder("relay of mine"))
    owners = set()
    for pid in pids_of(relay.folder):
        with contextlib.suppress(FileNotFoundError):  # it ended meanwhile
            owners.add(os.stat(f"/proc/{pid}").st_uid)
    assert owners == {POOL_USER}
    ann, bob = relay.sign_in(), relay.sign_in()
    ann.send(bob, "through the host")
    assert bob.texts() == ["through the host"]
    assert relay.children("nginx") == []


@needs_root
def test_wake_comes_through_the_nginx_of_another_user(make_hosted):
    relay = make_hosted(folder=make_folder("relay of mine"))
    ann, bob = relay.sign_in(), relay.sign_in()
    with listen(ann) as stream:
        bob.send(ann)
        assert stream.event() == WAKE


@needs_root
def test_translation_goes_through_the_nginx_of_another_user(make_hosted):
    with EngineSink() as engine:
        relay = make_hosted(engine.settings(), folder=make_folder("relay of mine"))
        ann = relay.sign_in()
        wait_until("the languages are known", lambda: relay.client().get("/api/v1/webchat/config")["features"]["translation"])
        assert ann.post("/api/v1/webchat/translate", {"text": "hi", "source": "en", "target": "es"}, expect=200)["text"] == "HI"


@needs_root
def test_transcript_of_a_file_that_the_host_took_in(make_hosted):
    with EngineSink() as engine:
        relay = make_hosted(engine.speech_settings(), folder=make_folder("relay of mine"))
        ann = relay.sign_in()
        note = ann.put("/api/v1/webchat/upload?name=a", data=wav(2), headers={"Content-Type": "audio/wav"}, expect=200)["file_id"]
        assert ann.post("/api/v1/webchat/transcribe", {"file_id": note}, expect=200)["text"] == "Good morning."
        assert engine.recordings[0]["recording"]["bytes"] == wav(2)


@needs_root
def test_errors_of_the_hosts_nginx_have_the_envelope(make_hosted):
    relay = make_hosted()
    is_json_failure(relay.client().post("/api/v1/messages", data=b"x" * (2 << 20), check=False), 413, "too_large")
    is_json_failure(relay.client().get("/nothing-here", check=False), 404, "not_found")
    relay.process.terminate()
    relay.process.wait(30)
    is_json_failure(relay.client().get("/health", check=False), 502, "unavailable")


@needs_root
def test_cors_and_limits_hold_at_the_host(make_hosted):
    relay = make_hosted({"WEBCHAT_ALLOWED_ORIGINS": "https://chat.example.com", "RELAY_AUTH_RATE": 6})
    response = relay.client().get("/health", headers={"Origin": "https://chat.example.com"})
    assert response.headers["Access-Control-Allow-Origin"] == "https://chat.example.com"
    statuses = [relay.client().post("/api/v1/pchat/auth/verify-code", {}, check=False).status for _ in range(20)]
    assert 429 in statuses


@needs_root
def test_socket_is_closed_to_the_host_unless_it_is_opened(make_hosted):
    relay = make_hosted({"RELAY_SOCKET_ACCESS": "group"})
    assert stat.S_IMODE(os.stat(os.path.join(relay.folder, "run", "relay.sock")).st_mode) == 0o660
    relay.client().get("/health", check=False, expect=502)


@needs_root
def test_data_and_settings_stay_closed_to_the_host(make_hosted):
    relay = make_hosted()
    for name in ("data", ".env.local"):
        assert stat.S_IMODE(os.stat(os.path.join(relay.folder, name)).st_mode) & 0o077 == 0
    said = relay.ctl("doctor", "--text", "--url", f"http://127.0.0.1:{relay.port}", expect=None).stdout
    assert re.search(r"^private +ok", said, re.M) and re.search(r"^health +ok", said, re.M), said


@needs_root
def test_reload_writes_the_includes_anew(make_hosted):
    relay = make_hosted()
    assert "api.example.com" not in relay.file_text("run/nginx-http.conf")
    relay.settings["WEBCHAT_ALLOWED_ORIGINS"] = "https://api.example.com"
    relay.reload()
    wait_until("the new include", lambda: "https://api.example.com" in relay.file_text("run/nginx-http.conf"))


def test_includes_carry_no_secret_and_can_be_read(built):
    with HostedRelay({"SMTP_HOST": "127.0.0.1", "SMTP_USERNAME": "u", "SMTP_PASSWORD": "hush-hush", "SMTP_FROM": "a@example.com"}) as relay:
        for name in ("nginx-http.conf", "nginx-server.conf"):
            path = os.path.join(relay.folder, "run", name)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
            assert "hush-hush" not in relay.file_text("run/" + name) and relay.file_text("run/" + name)
        assert "nginx-http.conf" in relay.stdout
        assert run("relayd", "--dir", relay.folder, "--status").stdout.startswith("The relay is running: unix:/")


@pytest.mark.parametrize("name, said", [("x" * 110, "relay.sock"), ("semi;colon", "may not hold")], ids=["too-long", "semicolon"])
def test_folder_that_no_web_server_could_name_is_refused(built, name, said):
    folder = make_folder(name)
    try:
        done = run("relayd", "--dir", folder, "--no-nginx", env=clean_env())
        assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1
    finally:
        shutil.rmtree(os.path.dirname(folder))


@needs_root
def test_folders_of_the_relay_stay_its_own_beside_the_hosts_nginx(make_hosted):
    relay = make_hosted()
    for root, folders, _ in os.walk(relay.folder):
        assert {os.stat(os.path.join(root, name)).st_uid for name in folders} <= {POOL_USER}
    relay.stop(quietly=True)
    relay.start()


@needs_root
@pytest.mark.parametrize("size", [5, 3_000_000], ids=["small", "in-a-temporary-file"])
def test_files_go_both_ways_through_the_hosts_nginx(make_hosted, size):
    relay = make_hosted()
    ann, bob = relay.sign_in(), relay.sign_in()
    data = os.urandom(size)
    made = ann.put("/api/v1/webchat/upload?name=a.bin", data=data, headers={"Content-Type": "application/octet-stream"}, expect=200)
    ann.send(bob, "", attachments=[made["file_id"]])
    assert bob.get(made["url"], expect=200).body == data
    relay.client().get(made["url"], expect=401)
    relay.client().get("/_files/" + made["file_id"], check=False, expect=404)


@needs_root
def test_flag_does_what_the_setting_does(make_hosted):
    relay = make_hosted({"RELAY_OWN_NGINX": "true"}, options=["--no-nginx"])
    ann = relay.sign_in()
    ann.put("/api/v1/webchat/upload?name=a.bin", data=b"x", headers={"Content-Type": "application/octet-stream"}, expect=200)
    relay.reload()
    wait_until("the reload", lambda: "settings reloaded" in relay.stderr)
    assert relay.children("nginx") == [] and "client_body_temp_path" not in relay.file_text("run/nginx-server.conf")
