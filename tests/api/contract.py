"""docs/openapi.yaml as a referee: every response of the relay is held against it."""
import json
import os
import re

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPEC_PATH = os.path.join(ROOT, "docs", "openapi.yaml")
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


class ContractError(AssertionError):
    """A response that docs/openapi.yaml does not allow."""


class Contract:
    """The parsed document, with look-ups by path, method and status."""

    def __init__(self, path=SPEC_PATH):
        with open(path, encoding="utf-8") as file:
            self.doc = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self._resolver = jsonschema.RefResolver.from_schema(self.doc)
        self._paths = [(self._pattern(template), template) for template in self.doc["paths"]]
        self._whole = self._with_targets(self.doc, {})  # which is checked in half of the time

    @staticmethod
    def _pattern(template):
        return re.compile("^" + re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(template)) + "$")

    def _with_targets(self, node, known):
        """The same without a $ref: what each points to is in its place, the same object everywhere."""
        if isinstance(node, list):
            return [self._with_targets(item, known) for item in node]
        if not isinstance(node, dict):
            return node
        target = node.get("$ref")
        if not isinstance(target, str):
            return {key: self._with_targets(value, known) for key, value in node.items()}
        assert set(node) <= {"$ref", "description"}, f"{node}: what else is asked would be lost"
        if target not in known:
            known[target] = {}
            known[target].update(self._with_targets(self._resolver.resolve(target)[1], known))
        return known[target]

    def deref(self, node):
        """The node itself, or what its $ref points to."""
        while isinstance(node, dict) and "$ref" in node:
            node = self._resolver.resolve(node["$ref"])[1]
        return node

    def validator(self, schema):
        """A JSON Schema 2020-12 validator for a schema of the document."""
        return jsonschema.Draft202012Validator(schema, resolver=self._resolver)

    def operations(self):
        """(method, template, operation) of every operation."""
        for template, item in self.doc["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), template, item[method]

    def request_schema(self, operation):
        """(schema, example) of an operation's JSON body, or (None, None)."""
        body = self.deref(operation.get("requestBody"))
        if not body or "application/json" not in body["content"]:
            return None, None
        media = body["content"]["application/json"]
        return self.deref(media["schema"]), media["example"]

    def described(self, method, path, status):
        """The response object that the document has for a response."""
        found = [template for pattern, template in self._paths if pattern.match(path)]
        for template in found:
            operation = self._whole["paths"][template].get(method.lower())
            if operation:
                documented = operation["responses"].get(str(status))
                if documented is None:
                    raise ContractError(f"{method} {template} does not document {status}")
                return documented
        return self._general(method, path, status, bool(found))

    def _general(self, method, path, status, known):
        name = {404: "NotFound", 405: "MethodNotAllowed", 429: "TooMany", 413: "TooLarge",
                414: "UriTooLong", 503: "Busy", 502: "Unavailable"}.get(status)
        if name is None or (known and status == 404):
            raise ContractError(f"{method} {path} is not documented, yet answered {status}")
        return self._whole["components"]["responses"][name]

    def check(self, method, path, response):
        """Raise ContractError unless the response is as documented."""
        described = self.described(method, path.split("?", 1)[0], response.status)
        self._check_headers(described, response)
        content = described.get("content")
        if content is None:
            if response.body and not response.headers.get("Content-Disposition"):
                raise ContractError(f"{response}: a body where none is documented")
            return
        if response.media_type not in content:
            raise ContractError(f"{response}: content type {response.media_type!r}")
        self._check_schema(content[response.media_type]["schema"], response)

    def _check_headers(self, described, response):
        for name, header in described.get("headers", {}).items():
            value = response.headers.get(name)
            if value is None and header.get("required"):
                raise ContractError(f"{response}: header {name} is missing")
            if value is not None:
                for error in self.validator(header["schema"]).iter_errors(value):
                    raise ContractError(f"{response}: header {name}: {error.message}")

    def _check_schema(self, schema, response):
        error = jsonschema.exceptions.best_match(self.validator(schema).iter_errors(response.json))
        if error:
            where = "/".join(map(str, error.absolute_path)) or "the body"
            raise ContractError(f"{response}: {where}: {error.message}")
        if response.json["success"] is not (response.status < 400):
            raise ContractError(f"{response}: success does not fit the status")


def strict_json(body):
    """Parse JSON as the contract means it: UTF-8, no NaN, no key twice."""
    def pairs(items):
        keys = [key for key, _ in items]
        if len(keys) != len(set(keys)):
            raise ValueError(f"a key twice in {keys}")
        return dict(items)

    def constant(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(body.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)


CONTRACT = Contract()
