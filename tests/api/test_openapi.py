"""docs/openapi.yaml against itself and against the relay's own list of routes."""
import re

import pytest

from contract import CONTRACT, SPEC_PATH
from harness import run
from tables import WITH_BODY

COMPONENTS = [(kind, name) for kind, items in CONTRACT.doc["components"].items() for name in items]


def shape(path):
    """A path with its open places made alike: {x}, <x>, :x and * are the same."""
    return re.sub(r"\{[^/}]*\}|<[^/>]*>|:[^/]+|\*", "*", path)


def documented():
    return {(method, shape(template)) for method, template, _ in CONTRACT.operations()}


def test_relay_and_document_name_the_same_operations(built):
    done = run("relayd", "--routes")
    assert done.returncode == 0, done
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    assert all(len(line) >= 3 for line in lines), done.stdout
    assert {(method, shape(path)) for method, path, *_ in lines} == documented()


def test_relay_and_document_agree_on_who_may_call(built):
    access = {(method, shape(path)): who for method, path, who, *_ in
              (line.split() for line in run("relayd", "--routes").stdout.splitlines() if line.strip())}
    for method, template, operation in CONTRACT.operations():
        security = operation.get("security")
        wanted = "anyone" if security == [] else "holder" if {} in (security or ()) else "admin" if "admin" in operation["tags"] else "member"
        assert access[method, shape(template)] == wanted, (method, template)


def test_relay_and_document_agree_on_the_scopes_of_keys(built):
    scopes = {(method, shape(path)): found for method, path, _, *found in
              (line.split() for line in run("relayd", "--routes").stdout.splitlines() if line.strip())}
    for method, template, operation in CONTRACT.operations():
        assert scopes[method, shape(template)] == operation.get("x-key-scopes", []), (method, template)


def test_every_reference_leads_somewhere():
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                assert CONTRACT.deref(node) is not None
            node = list(node.values())
        for child in node if isinstance(node, list) else ():
            walk(child)
    walk(CONTRACT.doc)


@pytest.mark.parametrize("kind, name", COMPONENTS, ids=["/".join(found) for found in COMPONENTS])
def test_every_component_is_used(kind, name):
    general = {"MethodNotAllowed", "UriTooLong"}
    with open(SPEC_PATH, encoding="utf-8") as file:
        text = file.read()
    used = f"#/components/{kind}/{name}'" in text or re.search(rf"^  - {name}: \[\]$", text, re.M)
    assert used or name in general


def test_every_schema_is_a_schema():
    for schema in CONTRACT.doc["components"]["schemas"].values():
        CONTRACT.validator(schema).check_schema(schema)


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
def test_request_example_is_allowed_by_its_schema(operation):
    CONTRACT.validator(operation.schema).validate(operation.example)


@pytest.mark.parametrize("name", [name for kind, name in COMPONENTS if kind == "responses"])
def test_response_example_is_allowed_by_its_schema(name):
    media = CONTRACT.doc["components"]["responses"][name].get("content", {}).get("application/json", {})
    if "example" in media:
        CONTRACT.validator(media["schema"]).validate(media["example"])


@pytest.mark.parametrize("method, template, operation", list(CONTRACT.operations()),
                         ids=[found[2]["operationId"] for found in CONTRACT.operations()])
def test_operation_documents_what_every_operation_needs(method, template, operation):
    statuses = set(operation["responses"])
    assert {"429", "500", "502", "503", "504"} <= statuses
    assert operation["summary"].endswith(".") and operation["tags"]
    assert ("401" in statuses) == (operation.get("security") != [] or operation["operationId"] == "verifyCode")
    takes = CONTRACT.deref(operation.get("requestBody", {})).get("content", {})
    assert ("413" in statuses and ("415" in statuses or "*/*" in takes)) or not takes
    assert set(re.findall(r"\{(\w+)\}", template)) == {
        CONTRACT.deref(parameter)["name"] for parameter in
        CONTRACT.doc["paths"][template].get("parameters", []) + operation.get("parameters", [])
        if CONTRACT.deref(parameter)["in"] == "path"}
    assert method in ("GET", "PUT", "POST", "PATCH", "DELETE")


def test_operation_ids_are_unique():
    names = [operation["operationId"] for _, _, operation in CONTRACT.operations()]
    assert len(names) == len(set(names))
