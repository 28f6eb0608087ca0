"""coturn with the configuration of docs/calls.md: it takes the relay's credentials, and is no door into the operator's network."""
import base64
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import time

import pytest

from client import wait_until
from contract import ROOT
from harness import free_port

TURNSERVER = shutil.which("turnserver")
pytestmark = pytest.mark.skipif(not TURNSERVER, reason="coturn is not installed")
SECRET = "secret-of-this-test"
COOKIE = 0x2112A442
ALLOCATE, REFRESH, CREATE_PERMISSION = 0x0003, 0x0004, 0x0008
USERNAME, INTEGRITY, ERROR, LIFETIME, PEER, REALM, NONCE, TRANSPORT, FAMILY = \
    0x0006, 0x0008, 0x0009, 0x000D, 0x0012, 0x0014, 0x0015, 0x0019, 0x0017
UDP, TCP = 17, 6


def page_configuration():
    with open(os.path.join(ROOT, "docs", "calls.md"), encoding="utf-8") as file:
        return re.search(r"```text\n(.*?)```", file.read(), re.S).group(1)


DENIED = re.findall(r"^denied-peer-ip=(\S+)-(\S+)$", page_configuration(), re.M)


class Turn:
    """One client of a TURN server (RFC 8489, RFC 8656), as far as it takes to ask for things and be refused."""

    def __init__(self, port, username, password, stream=False):
        self.username, self.password, self.port, self.stream = username, password, port, stream
        self.allocated = False
        self.connect()

    def connect(self):
        """From a port of its own, of which the server knows nothing yet."""
        self.realm, self.nonce = None, None
        self.link = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.stream else socket.SOCK_DGRAM)
        self.link.settimeout(10)
        self.link.connect(("127.0.0.1", self.port))

    def close(self):
        """Gives its allocation back, which would else outlive it and meet the next client of the same port."""
        try:
            if self.allocated:
                assert self.ask(REFRESH, self.attribute(LIFETIME, bytes(4)))[0] == 0
        finally:
            self.link.close()

    @staticmethod
    def attribute(kind, value):
        return struct.pack(">HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)

    def ask(self, method, *attributes, turn=None):
        """(0, attributes) or (code of the error, attributes)."""
        body = b"".join(attributes)
        if self.realm:
            body += self.attribute(USERNAME, self.username.encode()) + self.attribute(REALM, self.realm) + self.attribute(NONCE, self.nonce)
        turn = turn or secrets.token_bytes(12)
        head = struct.pack(">HHI", method, len(body) + (24 if self.realm else 0), COOKIE) + turn
        if self.realm:
            key = hashlib.md5(b":".join((self.username.encode(), self.realm, self.password.encode()))).digest()
            body += self.attribute(INTEGRITY, hmac.new(key, head + body, hashlib.sha1).digest())
        self.link.sendall(head + body)
        return self._response(turn)

    def _response(self, turn):
        data = self.link.recv(4096)
        while len(data) < 20 + struct.unpack(">H", data[2:4])[0]:
            data += self.link.recv(4096)
        assert data[8:20] == turn
        found, rest = {}, data[20:]
        while rest:
            kind, length = struct.unpack(">HH", rest[:4])
            found[kind] = rest[4:4 + length]
            rest = rest[4 + length + -length % 4:]
        return (found[ERROR][2] * 100 + found[ERROR][3] if ERROR in found else 0), found

    def allocate(self, transport=UDP, family=1):
        """The code of the error, 0 for none."""
        wanted = (self.attribute(TRANSPORT, bytes([transport, 0, 0, 0])), self.attribute(FAMILY, bytes([family, 0, 0, 0])))
        code, found = self.ask(ALLOCATE, *wanted)
        if code == 401 and not self.realm:
            self.realm, self.nonce = found[REALM], found[NONCE]
            code, found = self.ask(ALLOCATE, *wanted)
        if code == 437:  # somebody had an allocation from this port a moment ago: from another one, says the standard
            self.link.close()
            self.connect()
            return self.allocate(transport, family)
        self.allocated = self.allocated or code == 0
        return code

    def permit(self, address):
        """The code of the error, 0 for none."""
        address, turn = ipaddress.ip_address(address), secrets.token_bytes(12)
        mask = struct.pack(">I", COOKIE) + turn
        masked = bytes(a ^ b for a, b in zip(address.packed, mask))
        port = 9 ^ COOKIE >> 16
        peer = self.attribute(PEER, struct.pack(">BBH", 0, 1 if address.version == 4 else 2, port) + masked)
        return self.ask(CREATE_PERMISSION, peer, turn=turn)[0]


@pytest.fixture(scope="module", name="coturn")
def coturn_of_the_page(tmp_path_factory):
    """The port of one with the page's configuration: only secret and addresses differ."""
    folder, port = tmp_path_factory.mktemp("coturn"), free_port()
    text = page_configuration().replace("CHANGE-ME", SECRET).replace("listening-port=3478", f"listening-port={port}")
    (folder / "turnserver.conf").write_text(text + "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nrelay-ip=::1\n")
    with open(folder / "said", "w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [TURNSERVER, "-c", "turnserver.conf", "--log-file", "stdout", "--pidfile", str(folder / "pid"), "--userdb", str(folder / "turndb")],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        try:
            wait_until("it listens", lambda: is_up(port) or process.poll() is not None)
            said.seek(0)
            assert process.poll() is None, said.read()
            yield port, said
        finally:
            process.kill()
            process.wait()


def is_up(port):
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(name="credential")
def of_the_relay(make_relay, coturn):
    """(username, credential), as the relay gives them out."""
    relay = make_relay({"RELAY_TURN_URLS": f"turn:127.0.0.1:{coturn[0]}", "RELAY_TURN_SECRET": SECRET})
    server = relay.sign_in().get("/api/v1/webchat/calls/ice", expect=200)["ice_servers"][0]
    return server["username"], server["credential"]


def made(username, secret=SECRET):
    return username, base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()


@pytest.fixture(name="turn")
def a_caller(coturn):
    """turn(username, credential): a client, closed afterwards."""
    clients = []

    def connect(username, password, **options):
        clients.append(Turn(coturn[0], username, password, **options))
        return clients[-1]
    yield connect
    for client in clients:
        client.close()


def test_every_line_of_the_page_is_understood(coturn):
    said = coturn[1]
    said.seek(0)
    text = said.read()
    assert not re.search(r"(?i)bad configuration|unknown|wrong|unrecognized|error", text), text


def test_credential_of_the_relay_lets_in(turn, credential):
    client = turn(*credential)
    assert client.allocate() == 0 and client.permit("8.8.8.8") == 0


@pytest.mark.parametrize("username, secret", [(f"{int(time.time()) - 5}:00", SECRET), (f"{int(time.time()) + 600}:00", "another")],
                         ids=["expired", "wrong"])
def test_nothing_else_does(turn, username, secret):
    assert turn(*made(username, secret)).allocate() == 401


@pytest.mark.parametrize("first, last", DENIED)
def test_no_packet_goes_to_a_network_that_is_denied(turn, first, last):
    client = turn(*made(f"{int(time.time()) + 600}:{secrets.token_hex(8)}"))
    assert client.allocate(family=2 if ":" in first else 1) == 0
    assert [client.permit(address) for address in (first, last)] == [403, 403]
    assert client.permit("2a00:1450::1" if ":" in first else "8.8.8.8") == 0


@pytest.mark.parametrize("address", ["::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1"])
def test_no_other_name_of_a_denied_address_helps(turn, address):
    client = turn(*made(f"{int(time.time()) + 600}:{secrets.token_hex(8)}"))
    assert client.allocate(family=2) == 0 and client.permit(address) == 403
    assert client.permit("2a00:1450::1") == 0


@pytest.mark.parametrize("address", ["224.0.0.1", "239.255.255.255"])
def test_no_packet_goes_to_many(turn, address):
    client = turn(*made(f"{int(time.time()) + 600}:{secrets.token_hex(8)}"))
    assert client.allocate() == 0 and client.permit(address) == 403


def test_list_has_every_network_that_is_not_the_internet():
    ranges = [(ipaddress.ip_address(first), ipaddress.ip_address(last)) for first, last in DENIED]
    inside = ["10.1.2.3", "127.0.0.1", "100.64.0.1", "169.254.169.254", "172.20.0.1", "192.168.1.1", "0.0.0.0", "255.255.255.255", "::1",
              "::ffff:10.0.0.1", "fe80::1", "fd00::1", "64:ff9b::a00:1", "2002:a00:1::1"]
    for address in map(ipaddress.ip_address, inside):
        assert any(first.version == address.version and first <= address <= last for first, last in ranges), address
    for address in map(ipaddress.ip_address, ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111", "2a00:1450::1"]):
        assert not any(first.version == address.version and first <= address <= last for first, last in ranges), address


def test_no_tcp_connection_is_made_for_anybody(turn):
    client = turn(*made(f"{int(time.time()) + 600}:{secrets.token_hex(8)}"), stream=True)
    assert client.allocate(TCP) not in (0, 401)


def test_one_credential_has_so_many_allocations(turn):
    credential = made(f"{int(time.time()) + 600}:{secrets.token_hex(8)}")
    assert [turn(*credential).allocate() for _ in range(5)] == [0, 0, 0, 0, 486]
