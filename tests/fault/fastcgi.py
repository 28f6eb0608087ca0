"""A web server's side of one FastCGI request, so that a test can stop in its middle."""
import json
import os
import socket
import struct

BEGIN, PARAMS, STDIN = 1, 4, 5


def record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def params(values):
    def size(text):
        return bytes([len(text)]) if len(text) < 128 else struct.pack(">I", len(text) | 1 << 31)
    pairs = [(name.encode(), value.encode()) for name, value in values.items()]
    return b"".join(size(name) + size(value) + name + value for name, value in pairs)


def post(user, path, body):
    """The bytes of a POST: (head, body)."""
    data = json.dumps(body).encode()
    head = params({"REQUEST_METHOD": "POST", "DOCUMENT_URI": path, "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(data)),
                   "BODY_LENGTH": str(len(data)), "SESSION_TOKEN": user.token, "REQUEST_ID": "00", "REMOTE_ADDR": "127.0.0.1",
                   "TCP_PEER": "127.0.0.1"})
    begin = record(BEGIN, struct.pack(">HB5x", 1, 0))
    return begin + record(PARAMS, head) + record(PARAMS, b""), record(STDIN, data) + record(STDIN, b"")


def connect(relay):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(20)
    link.connect(os.path.join(relay.folder, "run", "relay.sock"))
    return link


def response(link):
    """(status, JSON) of what comes until the end."""
    data = b""
    while more := link.recv(65536):
        data += more
    link.close()
    text, at = b"", 0
    while at < len(data):
        _, kind, _, size, padding = struct.unpack_from(">BBHHB", data, at)
        text += data[at + 8:at + 8 + size] if kind == 6 else b""
        at += 8 + size + padding
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split(b"Status: ", 1)[1][:3]), json.loads(body)
