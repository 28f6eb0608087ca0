"""scripts/enable_https.sh in front of a real relay, through an nginx of the test's own."""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from client import wait_until
from contract import ROOT
from harness import clean_env, free_port, kill_pids, make_folder, pids_of
from tls import make_certificate

SCRIPT = os.path.join(ROOT, "scripts", "enable_https.sh")
NGINX_CONF = """
pid {0}/nginx.pid;
error_log {0}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u;
    scgi_temp_path {0}/s;
    include {0}/conf.d/*.conf;
}}
"""


class Site:
    """A folder like /etc/nginx, with an nginx that runs on it."""

    def __init__(self, folder):
        self.folder, self.http, self.https = folder, free_port(), free_port()
        self.webroot = os.path.join(folder, "acme root")
        os.makedirs(os.path.join(self.webroot, ".well-known", "acme-challenge"))
        os.makedirs(os.path.join(folder, "conf.d"))
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(NGINX_CONF.format(folder))
        self.relay_url = "http://127.0.0.1:5110"

    def start(self):
        subprocess.run(["nginx", "-c", f"{self.folder}/nginx.conf"], check=True, capture_output=True, timeout=30)
        return self

    def stop(self):
        kill_pids(pids_of(self.folder))

    def enable(self, *words, expect=0, domain="relay.example.com", user=None):
        """Run the script; the outcome."""
        words = words or ["--self-signed"]
        as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        done = subprocess.run(
            [SCRIPT, "--domain", domain, "--nginx-dir", self.folder, "--webroot", self.webroot, "--relay", self.relay_url,
             "--http-port", str(self.http), "--https-port", str(self.https), *words],
            env=clean_env(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **as_user)
        assert done.returncode == expect, done
        assert expect == 0 or len(done.stderr.splitlines()) == 1 and not done.stdout, done
        return done

    def block(self, domain="relay.example.com"):
        """The written server block, or None."""
        try:
            with open(os.path.join(self.folder, "conf.d", f"webchat-relay-{domain}.conf"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def ask(self, path, *, method="GET", tls=True, headers=None, body=None):
        """(status, headers, body) of one request; tls is a context, True for one that trusts anybody, or False."""
        if tls:
            context = tls if isinstance(tls, ssl.SSLContext) else ssl._create_unverified_context()
            link = http.client.HTTPSConnection("127.0.0.1", self.https, timeout=20, context=context)
        else:
            link = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            link.request(method, path, body=body, headers={"Host": "relay.example.com", **(headers or {})})
            response = link.getresponse()
            return response.status, response.headers, response.read()
        finally:
            link.close()

    def wait_up(self):
        def responses():
            try:
                return self.ask("/health")[0] == 200
            except OSError:
                return False
        wait_until("HTTPS answers", responses)


@pytest.fixture(name="site")
def a_site(built):
    site = Site(make_folder("nginx"))
    yield site
    site.stop()
    shutil.rmtree(os.path.dirname(site.folder))


@pytest.fixture(name="served")
def relay_behind_https(site, make_relay):
    """A site in front of a relay: (site, relay)."""
    relay = make_relay({"RELAY_TRUSTED_PROXIES": "127.0.0.1", "RELAY_LOG_ADDRESSES": "true"})
    site.relay_url = relay.url
    site.start().enable("--self-signed", "--hsts")
    site.wait_up()
    return site, relay


# -- what it serves --------------------------------------------------------------------------------

def test_relay_responds_over_https_and_http_2(served):
    site, _ = served
    done = subprocess.run(["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
                           f"https://127.0.0.1:{site.https}/health"], capture_output=True, text=True, timeout=30)
    assert done.stdout == "2 200"


def test_hsts_is_told_only_when_asked_for(served):
    site, _ = served
    assert site.ask("/health")[1]["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in site.enable("--self-signed", "--dry-run").stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version, works", [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                            (ssl.TLSVersion.TLSv1_3, True)], ids=["1.1", "1.2", "1.3"])
def test_tls_below_1_2_is_refused(served, version, works):
    context = ssl._create_unverified_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    if works:
        assert served[0].ask("/health", tls=context)[0] == 200
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            served[0].ask("/health", tls=context)


def test_port_80_leads_to_https_and_leaves_acme_open(served):
    site, _ = served
    status, headers, _ = site.ask("/api/v1/x?y=1", tls=False)
    assert (status, headers["Location"]) == (308, f"https://relay.example.com:{site.https}/api/v1/x?y=1")
    with open(os.path.join(site.webroot, ".well-known", "acme-challenge", "token"), "w", encoding="utf-8") as file:
        file.write("proof")
    assert site.ask("/.well-known/acme-challenge/token", tls=False)[::2] == (200, b"proof")
    assert site.ask("/.well-known/acme-challenge/none", tls=False)[0] == 404


def test_forged_client_address_is_replaced(served):
    site, relay = served
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        site.ask("/health", headers={name: "198.51.100.7"})
    lines = wait_until("the access log", lambda: len(relay.file_text("run/access.log").splitlines()) >= 3
                       and relay.file_text("run/access.log"))
    assert "198.51.100.7" not in lines and "127.0.0.1" in lines


def test_codes_are_not_exposed_through_the_proxy(served):
    site, _ = served
    status, _, body = site.ask("/api/v1/pchat/auth/request-code", method="POST", body=json.dumps({"email": "a@example.com"}),
                               headers={"Content-Type": "application/json"})
    assert status == 202 and b"dev_code" not in body


def test_large_body_is_refused_by_the_relay_not_by_the_proxy(served):
    site, _ = served
    status, headers, body = site.ask("/api/v1/messages", method="POST", body=b"x" * (2 << 20),
                                     headers={"Content-Type": "application/json"})
    assert status == 413 and json.loads(body)["error"] == "too_large" and headers["X-Request-Id"]


def test_body_is_handed_on_before_it_is_whole(site):
    with socket.socket() as upstream:
        upstream.bind(("127.0.0.1", 0))
        upstream.listen()
        upstream.settimeout(20)
        site.relay_url = "http://127.0.0.1:%d" % upstream.getsockname()[1]
        site.start().enable("--self-signed")

        def connect():
            try:
                return socket.create_connection(("127.0.0.1", site.https), 20)
            except OSError:
                return None
        with ssl._create_unverified_context().wrap_socket(wait_until("nginx listens", connect)) as link:
            link.sendall(b"PUT /up HTTP/1.1\r\nHost: relay.example.com\r\nContent-Length: 1000000\r\n\r\nfirst")
            taken, _ = upstream.accept()
            with taken:
                taken.settimeout(20)
                got = b""
                while b"first" not in got:
                    got += taken.recv(65536)


def test_certificate_of_ones_own_is_used(site, make_relay, tmp_path):
    folder = tmp_path / "my certificates"
    folder.mkdir()
    certificate, key = make_certificate(str(folder))
    site.relay_url = make_relay().url
    site.start().enable("--cert", certificate, "--key", key)
    site.wait_up()
    assert site.ask("/health", tls=ssl.create_default_context(cafile=certificate))[0] == 200


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="this machine has no IPv6")
def test_it_listens_on_both_families(served):
    site, _ = served
    for port, tls in ((site.http, False), (site.https, True)):
        assert f"listen [::]:{port}" in site.block()
        done = subprocess.run(["curl", "-sko", "/dev/null", "-w", "%{http_code}", f"http{'s' if tls else ''}://[::1]:{port}/health",
                               "-H", "Host: relay.example.com"], capture_output=True, text=True, timeout=30)
        assert done.stdout == ("200" if tls else "308")


def test_renewed_certificate_is_served_by_the_hook_that_certbot_runs(site, make_relay, tmp_path):
    """certbot keeps links in live/NAME, puts them on new files, and runs renewal-hooks/deploy."""
    live, renewal = tmp_path / "le" / "live" / "relay.example.com", tmp_path / "le" / "renewal"
    live.mkdir(parents=True)
    renewal.mkdir()
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        make_certificate(str(tmp_path / str(number)))

    def link(number):
        for name, target in zip(("fullchain.pem", "privkey.pem"), make_certificate(str(tmp_path / str(number)))):
            (live / name).unlink(missing_ok=True)
            (live / name).symlink_to(target)
        return (live / "fullchain.pem").read_bytes()

    def serves(pem):
        with ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", site.https), 20)) as tls:
            return tls.getpeercert(True) == ssl.PEM_cert_to_DER_cert(pem.decode())

    first = link(1)
    site.relay_url = make_relay().url
    said = site.start().enable("--cert", str(live / "fullchain.pem"), "--key", str(live / "privkey.pem")).stdout
    site.wait_up()
    assert serves(first)
    hook = tmp_path / "le" / "renewal-hooks" / "deploy" / "webchat-relay-relay.example.com"
    assert str(hook) in said
    second = link(2)
    assert second != first
    subprocess.run([str(hook)], check=True, env=clean_env(PATH="/usr/bin:/bin"), timeout=30)
    wait_until("the new certificate is served", lambda: serves(second))
    site.enable("--remove")
    assert not hook.exists()


# -- changes and their end -------------------------------------------------------------------------

def test_second_run_replaces_and_remove_takes_all_away(served):
    site, _ = served
    site.enable("--self-signed")
    assert "Strict-Transport" not in site.block()
    assert "was removed" in site.enable("--remove").stdout
    assert site.block() is None and sorted(os.listdir(os.path.join(site.folder, "conf.d"))) == []
    assert not os.path.exists(os.path.join(site.folder, "webchat-relay-relay.example.com"))

    def gone():
        try:
            site.ask("/health")
        except OSError:
            return True
        return False
    wait_until("HTTPS is gone", gone)
    assert "no HTTPS" in site.enable("--remove").stdout


def test_nginx_that_does_not_run_is_said(site):
    assert "not running" in site.enable("--self-signed").stdout
    key = os.path.join(site.folder, "webchat-relay-relay.example.com", "key.pem")
    assert os.stat(key).st_mode & 0o077 == 0


def test_dry_run_prints_and_changes_nothing(site):
    before = sorted(os.listdir(site.folder))
    assert "server_name relay.example.com;" in site.enable("--self-signed", "--dry-run").stdout
    assert sorted(os.listdir(site.folder)) == before and site.block() is None


def test_block_that_nginx_refuses_is_taken_back(site, tmp_path):
    certificate, _ = make_certificate(str(tmp_path))
    assert "nothing was changed" in site.enable("--cert", certificate, "--key", certificate, expect=1).stderr
    assert site.block() is None
    site.enable("--self-signed")
    old = site.block()
    site.enable("--cert", certificate, "--key", certificate, expect=1)
    assert site.block() == old


def test_configuration_that_was_broken_before_changes_nothing(site):
    with open(os.path.join(site.folder, "conf.d", "other.conf"), "w", encoding="utf-8") as file:
        file.write("nonsense;\n")
    before = sorted(os.listdir(site.folder))
    assert "nonsense" in site.enable("--self-signed", expect=1).stderr
    assert site.block() is None and sorted(os.listdir(site.folder)) == before


# -- bad input -------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, status, said", [
    (["--nonsense"], 2, "--nonsense"), (["--cert"], 2, "--cert"), (["--cert", "/nonexistent", "--key", "/nonexistent"], 1, "/nonexistent"),
    (["--cert", "/etc/hostname"], 2, "--key"), (["--self-signed", "--cert", "/etc/hostname", "--key", "/etc/hostname"], 2, "--self-signed"),
    (["--hsts"], 2, "--self-signed"), (["--self-signed", "--domain", "a b"], 2, "a b"), (["--self-signed", "--domain", "x;y"], 2, "x;y"),
    (["--self-signed", "--relay", "https://x"], 2, "https://x"), (["--self-signed", "--relay", "http://x/;"], 2, "http://x/;"),
    (["--self-signed", "--https-port", "0"], 2, "'0'"), (["--self-signed", "--http-port", "99999"], 2, "99999"),
    (["--self-signed", "--webroot", "acme"], 2, "acme"), (["--self-signed", "--webroot", "/a;b"], 1, "/a;b"),
    (["--self-signed", "--nginx-dir", "/nonexistent"], 1, "/nonexistent"), (["--self-signed", "--nginx-dir", "/usr"], 1, "conf.d"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bad_input_is_one_line_and_changes_nothing(site, words, status, said):
    assert said in site.enable(*words, expect=status).stderr
    assert site.block() is None and sorted(os.listdir(site.folder)) == ["acme root", "conf.d", "nginx.conf"]


def test_no_words_are_a_usage_error():
    done = subprocess.run([SCRIPT], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and done.stderr.startswith("Usage:") and not done.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="root makes the folder that another user cannot write")
def test_folder_that_cannot_be_written_is_one_line(site):
    assert "cannot be written" in site.enable("--self-signed", expect=1, user=65534).stderr
    assert site.block() is None


def test_examples_name_the_settings_that_they_need():
    folder = os.path.join(ROOT, "nginx", "examples")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            assert re.search(r"RELAY_TRUSTED_PROXIES=\S+", file.read()), name
