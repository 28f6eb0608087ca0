"""Recordings as browsers and phones make them, written by hand: what is in them is no sound, but their headers are right."""
import struct


def wav(seconds, rate=8000):
    """8 bits, one channel; whole once it is `seconds` long."""
    data = b"\x80" * int(seconds * rate)
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8)
            + b"data" + struct.pack("<I", len(data)) + data)


def element(name, body, unknown=False):
    """One of EBML; name in hex."""
    length = b"\x01" + b"\xff" * 7 if unknown else struct.pack(">Q", len(body) | 1 << 56)
    return bytes.fromhex(name) + length + body


def webm(seconds, fill=b"sound", step_ms=60, cluster_ms=10000):
    """As MediaRecorder writes it: no duration, segment and clusters without a length."""
    out = bytearray(element("1a45dfa3", element("4282", b"webm")))
    out += element("18538067", b"", unknown=True) + element("1549a966", element("2ad7b1", b"\x0f\x42\x40"))
    last = int(seconds * 1000)
    for begun in range(0, last + 1, cluster_ms):
        out += element("1f43b675", b"", unknown=True) + element("e7", struct.pack(">I", begun))
        for at in range(begun, min(begun + cluster_ms, last + 1), step_ms):
            out += element("a3", b"\x81" + struct.pack(">h", at - begun) + b"\x80" + fill)
    return bytes(out + element("a3", b"\x81" + struct.pack(">h", last - begun) + b"\x80" + fill))
