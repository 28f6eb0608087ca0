"""docs/several-machines.md: its lines make two relays on one database."""
import os
import tempfile

import pytest

import pg_server
from client import Client, User
from pages import Checkout, section

if not pg_server.programs() or not os.path.exists("/usr/include/postgresql/libpq-fe.h"):
    pytest.skip("PostgreSQL or its client library is not installed", allow_module_level=True)

PAGE = "several-machines.md"


def stub(copy, name, body):
    path = os.path.join(copy.stubs, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/bash\n{body}\n")
    os.chmod(path, 0o755)


def good(done):
    assert done.returncode == 0, done
    return done.stdout


def sign_in(copy, email):
    client = Client("127.0.0.1", copy.port)
    code = client.post("/api/v1/pchat/auth/request-code", {"email": email}, expect=202)["dev_code"]
    return User(client, client.post("/api/v1/pchat/auth/verify-code", {"email": email, "code": code}, expect=200))


def test_lines_of_the_page_make_two_relays_on_one_database():
    [database], [first], [further] = section(PAGE, "The database"), section(PAGE, "The first relay"), section(PAGE, "Each further one")
    settings = {"PCHAT_DEV_EXPOSE_CODES": "true", "WEBCHAT_GUI": "false", "RELAY_WORKERS": "1"}
    with pg_server.Server(owner="postgres") as server, tempfile.TemporaryDirectory() as shared, Checkout() as one, Checkout("another") as two:
        os.chmod(shared, 0o755)
        stub(one, "sudo", f'[ "$*" = "-u postgres psql" ] && exec psql -X -q -v ON_ERROR_STOP=1 -h "{server.folder}" -U postgres postgres')
        good(one.paste(database))
        good(one.paste(first, [("@db.example.com/relay", f"@/relay?host={server.folder}"), ("/srv/relay/uploads", f"{shared}/uploads")], **settings))
        stub(two, "scp", f'[ "$1" = -p ] && cp -p "{one.path("relay")}"${{2##*webchat-relay/relay}} "$3"')
        good(two.paste("make PG=1\nmkdir -p relay\n" + further, **settings))
        ann, bob = sign_in(one, "ann@example.com"), sign_in(two, "bob@example.com")
        ann.send(bob, "across")
        assert bob.texts() == ["across"]
