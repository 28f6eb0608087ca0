"""Test cases made from the request schemas of docs/openapi.yaml."""
from contract import CONTRACT

PARAMETERS = {"{file_id}": "fil_" + "0" * 32, "{message_id}": "msg_AAAAAAAAAAAAAAAAAAAAAA", "{session_id}": "ses_AAAAAAAAAAAAAAAAAAAAAA",
              "{request_id}": "req_AAAAAAAAAAAAAAAAAAAAAA", "{invite_id}": "inv_" + "0" * 32, "{key_id}": "key_" + "0" * 32, "{group_id}": "grp_" + "0" * 32, "{chat_address}": "nobody-here",
              "{channel}": "sms", "{address}": "+4930123"}
WRONG_TYPES = {
    "string": [42, True, [], {}, ["x"]],
    "boolean": ["true", 1, 0, [], {}],
    "integer": ["5", 1.5, True, [], {}, 1e300],
    "number": ["5", True, [], {}],
    "array": ["x", 1, True, {}],
}


def fill(template):
    """The path with ids of nothing in the places of its parameters."""
    for name, value in PARAMETERS.items():
        template = template.replace(name, value)
    return template + ("?after=" if template.endswith("/events") else "")  # without it the response has no end


class Operation:
    """One operation of the document, ready to be called."""

    def __init__(self, method, template, node):
        self.method, self.template, self.name = method, template, node["operationId"]
        self.path = fill(template)
        self.open = node.get("security") == []
        self.admin = "admin" in node["tags"]
        self.schema, self.example = CONTRACT.request_schema(node)

    def fields(self):
        """(name, schema) of each request field."""
        for name, schema in self.schema["properties"].items():
            yield name, CONTRACT.deref(schema)

    def body(self, **changes):
        """The example body with changes."""
        return {**self.example, **changes}


OPERATIONS = [Operation(*found) for found in CONTRACT.operations()]
ENGINES = ("translate", "transcribe")  # off without one: test_translate and test_transcribe have them
WITH_BODY = [operation for operation in OPERATIONS if operation.schema and operation.name not in ENGINES]


def short(value):
    """A value as part of a test's name."""
    text = ascii(value)
    return text if len(text) < 24 else f"{text[:8]}-of-{len(value)}"


def wrong_types():
    """(id, operation, field, value): a value of the wrong type for each field."""
    for operation in WITH_BODY:
        for name, schema in operation.fields():
            for value in WRONG_TYPES[schema["type"]]:
                yield f"{operation.name}-{name}-{short(value)}", operation, name, value


def all_fields():
    """(id, operation, field, required): each request field of calls that everybody may make."""
    for operation in (operation for operation in WITH_BODY if not operation.admin):
        for name, _ in operation.fields():
            yield f"{operation.name}-{name}", operation, name, name in operation.schema.get("required", ())


def _beyond(schema):
    """Values just outside the limits of a schema."""
    if "x-max-bytes" in schema:
        yield "x" * (schema["x-max-bytes"] + 1)
        yield "é" * (schema["x-max-bytes"] // 2 + 1)
    elif "maxLength" in schema and "pattern" not in schema:
        yield "x" * (schema["maxLength"] + 1)
    if schema.get("minLength", 0) == 1:
        yield ""
    if "enum" in schema:
        yield from ("", "nonsense", schema["enum"][0] + " ")
    if "minimum" in schema:
        yield from (schema["minimum"] - 1, schema["maximum"] + 1, -2**63, 2**63, 2**64 + 1)
    if "maxItems" in schema:
        yield ["x"] * (schema["maxItems"] + 1)
    if schema.get("minItems"):
        yield []


def out_of_limits():
    """(id, operation, field, value): a value just outside the limits of each field."""
    for operation in WITH_BODY:
        for name, schema in operation.fields():
            if name in ("to", "chat_address") and operation.name != "verifyCode":
                continue  # An address that is nobody's is a 403 or 404, whatever its length.
            for value in _beyond(schema):
                yield f"{operation.name}-{name}-{short(value)}", operation, name, value


def missing_fields():
    """(id, operation, field): each required field left out."""
    for operation in WITH_BODY:
        for name in operation.schema.get("required", []):
            yield f"{operation.name}-{name}", operation, name


def wrong_methods():
    """(id, method, path, allowed): each method that a path does not have; /metrics is on a listener of its own."""
    for template, item in CONTRACT.doc["paths"].items():
        if template == "/metrics":
            continue
        allowed = {method.upper() for method in item if method in ("get", "put", "post", "delete", "patch")}
        for method in sorted({"GET", "PUT", "POST", "DELETE", "PATCH"} - allowed):
            yield f"{method}-{template}", method, fill(template), allowed


def parameters(cases):
    """Cases as pytest wants them: (ids, values)."""
    cases = list(cases)
    return {"argvalues": [case[1:] for case in cases], "ids": [case[0] for case in cases]}
