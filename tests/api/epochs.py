"""Epoch keys as a program sees them that is not the relay: the file of slots, and what its keys open."""
import contextlib
import ctypes
import ctypes.util
import os
import struct

from client import wait_until

ID, KEY, NONCE, TAG, SLOTS = 16, 32, 24, 16, 4
WRAPPED = 8 + NONCE + KEY + TAG
SLOTS_AT = 8 + 8 + 2 * ID + 2 * KEY  # behind the word, the inode, which machine and which database it is, and a pair

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))


def slots(path):
    """{epoch: key} of a file of slots."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        page = file.read()
        found = (struct.unpack_from("<q32s", page, SLOTS_AT + i * (8 + KEY)) for i in range(SLOTS))
        return {epoch: key for epoch, key in found if epoch}
    return {}


def slots_of(relay):
    """Those of a relay that keeps them in a file."""
    return slots(os.path.join(relay.folder, "data", "bridge.db.epochs"))


def machine(relay):
    """What a relay's slots are known by to the others."""
    with open(os.path.join(relay.folder, "data", "bridge.db.epochs"), "rb") as file:
        return file.read()[16:16 + ID]


def decrypt(key, sealed, bound):
    """What was sealed (XChaCha20-Poly1305) under the key and bound to those bytes, or None."""
    if len(sealed) < NONCE + TAG:
        return None
    plain, length = ctypes.create_string_buffer(len(sealed)), ctypes.c_ulonglong()
    done = _sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        plain, ctypes.byref(length), None, sealed[NONCE:], ctypes.c_ulonglong(len(sealed) - NONCE), bound,
        ctypes.c_ulonglong(len(bound)), sealed[:NONCE], key)
    return plain.raw[:length.value] if done == 0 else None


def epoch_of(wrapped):
    """The number with which a wrapped key begins."""
    return struct.unpack(">q", wrapped[:8])[0]


def unwrap(keys, wrapped, public_id):
    """The key of a message, by {epoch: key}, or None."""
    over = keys.get(epoch_of(wrapped))
    return over and decrypt(over, wrapped[8:WRAPPED], public_id + wrapped[:8])


def candidates(data, epochs):
    """Whatever in the bytes begins as a wrapped key of those epochs does."""
    for epoch in epochs:
        prefix, at = struct.pack(">q", epoch), -1
        while (at := data.find(prefix, at + 1)) >= 0:
            yield data[at:at + WRAPPED]


def current(relay):
    """The number of the epoch under which keys are wrapped now."""
    with relay.opened_database() as link:
        return link.execute("SELECT number FROM epoch WHERE state = 1").fetchone()[0]


def states(relay):
    """{epoch: state} as the database has them."""
    with relay.opened_database() as link:
        return dict(link.execute("SELECT number, state FROM epoch").fetchall())


def wait(relay, count):
    """Wait until so many epochs more have begun and the one of now is gone from the relay's slots."""
    for _ in range(count):
        now = current(relay)
        wait_until("the epoch ends", lambda now=now: current(relay) != now, 30)
        wait_until("its key is overwritten", lambda now=now: now not in slots_of(relay), 30)
