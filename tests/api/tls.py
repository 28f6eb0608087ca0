"""Certificates of our own making, and clients that trust them."""
import os
import ssl
import subprocess

from client import Client


def make_certificate(folder):
    """A self-signed certificate for localhost and 127.0.0.1: (certificate, key)."""
    certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True)
    os.chmod(folder, 0o755)  # The mailer, which is not root, has to read the certificate.
    os.chmod(certificate, 0o644)
    return certificate, key


def https_client(relay, certificate):
    """A caller over TLS that trusts just that certificate."""
    return Client("127.0.0.1", relay.port, tls=ssl.create_default_context(cafile=certificate))
