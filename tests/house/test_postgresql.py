"""The store's statements are common ground: PostgreSQL takes each as it stands, with the kinds of its parameters."""
import os
import sys

import pytest

import measure
import postgresql

sys.path.insert(0, os.path.join(measure.TOP, "tests", "api"))

import pg_server  # noqa: E402 pylint: disable=wrong-import-position

if not pg_server.programs():
    pytest.skip("PostgreSQL is not installed", allow_module_level=True)


@pytest.fixture(name="server", scope="module")
def server_with_the_schema():
    with pg_server.Server() as server:
        server.run(postgresql.schema())
        yield server


def test_every_statement_is_prepared(server, tmp_path):
    every = postgresql.statements(tmp_path)
    script = []
    for name, kinds, text in every:
        types = ", ".join(postgresql.KINDS[kind] for kind in kinds)
        script += [f"\\echo @{name}", f"PREPARE {name}{f' ({types})' if types else ''} AS {text};"]
    said = server.run("\n".join(script), stop=False)
    refused = [part for part in said.split("@") if "ERROR:" in part]
    assert len(every) > 200 and said.count("@") == len(every) and refused == []


def test_columns_are_of_kinds_that_the_engine_reads(server, tmp_path):
    """Whole numbers, truths, texts and bytes; a sum of numbers by itself is none of these."""
    script = []
    for name, kinds, text in postgresql.statements(tmp_path):
        types = ", ".join(postgresql.KINDS[kind] for kind in kinds)
        nothing = ", ".join("NULL" for _ in kinds)
        script += [f"PREPARE {name}{f' ({types})' if types else ''} AS {text};", f"EXECUTE {name}{f' ({nothing})' if kinds else ''} \\gdesc"]
    kinds = {line.rpartition("|")[2] for line in server.run("\n".join(script)).splitlines() if "|" in line}
    assert {"bigint", "text", "bytea"} <= kinds <= {"bigint", "integer", "boolean", "text", "bytea"}


def test_what_is_not_common_ground_is_refused(server):
    errors = server.run("PREPARE s (bytea) AS UPDATE message SET body = x'' WHERE public_id = $1;", stop=False)
    assert "bit" in errors
