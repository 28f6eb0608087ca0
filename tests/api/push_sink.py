"""A push service on loopback (RFC 8030) that checks who pushes (RFC 8292), records what comes, and misbehaves on request."""
import base64
import json
import os
import ssl
import subprocess
import tempfile
import time

from http_sink import HttpSink

P256_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")  # of a SubjectPublicKeyInfo
DAY_SEC = 86400


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def der_integer(data):
    data = data.lstrip(b"\0") or b"\0"
    data = b"\0" + data if data[0] & 0x80 else data
    return bytes([2, len(data)]) + data


def is_signed(text, signature, key):
    """Whether r and s are a signature of the text by that point of P-256; asked of openssl."""
    body = der_integer(signature[:32]) + der_integer(signature[32:])
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("key", "signature", "text")}
        for name, data in (("key", P256_HEAD + key), ("signature", bytes([0x30, len(body)]) + body), ("text", text)):
            with open(paths[name], "wb") as file:
                file.write(data)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", paths["key"], "-keyform", "DER", "-signature", paths["signature"],
                               paths["text"]], capture_output=True, check=False)
    return done.returncode == 0


def check_authorization(value, origin):
    """(claims, public key in base64url) of an Authorization that is good for that origin."""
    scheme, _, rest = value.partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme == "vapid" and set(fields) == {"t", "k"}
    head, body, signature = fields["t"].split(".")
    assert json.loads(unbase64(head)) == {"typ": "JWT", "alg": "ES256"}
    claims = json.loads(unbase64(body))
    assert claims["aud"] == origin and time.time() < claims["exp"] <= time.time() + DAY_SEC
    assert len(unbase64(signature)) == 64 and len(unbase64(fields["k"])) == 65
    assert is_signed(f"{head}.{body}".encode(), unbase64(signature), unbase64(fields["k"]))
    return claims, fields["k"]


class PushSink(HttpSink):
    """`misbehave`: by path, one of a status, (status, Retry-After), hang, close or redirect."""

    def __init__(self, certificate):
        super().__init__()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*certificate)
        self.certificate, self.misbehave = certificate[0], {}

    @property
    def origin(self):
        return f"https://127.0.0.1:{self.port}"

    def settings(self, **more):
        """Of a relay that pushes here."""
        return {"RELAY_PUSH": "true", "RELAY_PUSH_CONTACT": "mailto:operator@example.com", "RELAY_PUSH_CA_FILE": self.certificate,
                "RELAY_PUSH_PRIVATE_HOSTS": "127.0.0.1", "RELAY_PUSH_PAUSE_SEC": 1, **more}

    def pushes(self, path):
        """What came to the path so far."""
        return [turn for turn in self.turns if turn["path"] == path]

    def serve(self, request):
        raw = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.turns.append({"method": request.command, "path": request.path, "headers": dict(request.headers), "body": raw, "at": time.monotonic()})
        how = self.misbehave.get(request.path, 201)
        request.close_connection = True
        if how == "hang":
            self.over.wait(60)
        elif how == "redirect":
            self.send(request, 307, {"Location": f"{self.origin}/elsewhere"}, b"")
        elif how != "close":
            status, wait = how if isinstance(how, tuple) else (how, None)
            self.send(request, status, {"Retry-After": str(wait)} if wait else {}, b"x" * 70000 if status == 200 else b"")
