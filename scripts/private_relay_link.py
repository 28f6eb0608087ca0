#!/usr/bin/env python3
"""Prints the link that opens WebChat with a private relay, and draws it as a QR code. Needs Python 3.9 only."""
import argparse
import contextlib
import functools
import ipaddress
import os
import re
import sys
import tempfile
from urllib.parse import quote, urlsplit

PROGRAM = "private_relay_link.py"

# Level M, by version: error correction bytes per block, and number of blocks.
EC_BYTES = (0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
            26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28)
EC_BLOCKS = (0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
             17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49)
MASKS = (
    lambda x, y: (x + y) % 2 == 0, lambda x, y: y % 2 == 0, lambda x, y: x % 3 == 0, lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0, lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0, lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)
FINDER_LIKE = re.compile("(?=10111010000|00001011101)")
QUIET = 4  # modules of white around the code


def checked_url(text, what, bare=False):
    """The URL without a slash at its end; ValueError when it is none to trust. `bare`: no query either."""
    if any(ord(c) <= 32 or ord(c) == 127 or c.isspace() for c in text):
        raise ValueError(f"{what} holds white space or control characters")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{what} is no http or https address: {text}")
    if parts.username is not None or parts.password is not None or "\\" in text:
        raise ValueError(f"{what} holds a user name or password")
    if parts.port == 0:  # One that is no number is a ValueError of its own.
        raise ValueError(f"{what} has no port 0")
    if "#" in text or (bare and "?" in text):
        raise ValueError(f"{what} holds {'a fragment' if '#' in text else 'a query'}: {text}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port and parts.port != {"http": 80, "https": 443}[parts.scheme] else ""
    text = parts._replace(netloc=host + port).geturl()  # Scheme and host in lower case: one relay, one address.
    return text.rstrip("/") if bare else text


def sends_openly(url):
    """Whether talking to the URL means plain http over the internet."""
    parts = urlsplit(url)
    host = parts.hostname.rstrip(".").lower()
    if parts.scheme == "https" or host == "localhost" or host.endswith((".localhost", ".local")):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return not (address.is_private or address.is_loopback or address.is_link_local)


def launch_link(site, relay, mode, **more):
    """The link: all that is ours stands in the fragment, which no server gets to see."""
    fields = {"relay": relay, "mode": mode, **{name: value for name, value in more.items() if value}}
    return site + "#" + "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


# -- QR code: byte mode, versions 1 to 40, level M (ISO/IEC 18004) ---------------------------------

@functools.lru_cache(maxsize=None)
def field_multiply(a, b):
    """Product in the field of 256 elements over x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product


def ec_divisor(degree):
    """The Reed-Solomon generator polynomial, highest power (always 1) left out."""
    divisor, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        divisor = [field_multiply(c, root) ^ following for c, following in zip(divisor, divisor[1:] + [0])]
        root = field_multiply(root, 2)
    return divisor


def ec_bytes(data, divisor):
    """The remainder of the data divided by the generator."""
    rest = [0] * len(divisor)
    for byte in data:
        factor = byte ^ rest[0]
        rest = [a ^ field_multiply(c, factor) for a, c in zip(rest[1:] + [0], divisor)]
    return rest


def alignment_positions(version):
    """Centres of the alignment patterns along one side."""
    if version == 1:
        return []
    count, last = version // 7 + 2, version * 4 + 10
    step = 26 if version == 32 else (version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
    return [6] + [last - step * i for i in range(count - 2, -1, -1)]


def raw_bytes(version):
    """How many bytes, data and error correction, a code of the version holds."""
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        count = version // 7 + 2
        modules -= (25 * count - 10) * count - 55
        modules -= 36 if version >= 7 else 0
    return modules // 8


def data_bytes(version):
    """How many of them are data."""
    return raw_bytes(version) - EC_BYTES[version] * EC_BLOCKS[version]


def fitting_version(length):
    """The smallest version that holds that many bytes; ValueError when none does."""
    for version in range(1, 41):
        if length + (2 if version < 10 else 3) <= data_bytes(version):
            return version
    raise ValueError(f"{length} bytes are too many for a QR code")


def codewords(text, version):
    """Header, text and padding, in blocks with their error correction, interleaved."""
    length_bits = 8 if version < 10 else 16
    bits = f"{4:04b}{len(text):0{length_bits}b}" + "".join(f"{byte:08b}" for byte in text)
    room = data_bytes(version)
    bits += "0" * min(4, room * 8 - len(bits))
    bits += "0" * (-len(bits) % 8)
    data = [int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)]
    data += [(0xEC, 0x11)[i % 2] for i in range(room - len(data))]
    count, divisor, blocks, start = EC_BLOCKS[version], ec_divisor(EC_BYTES[version]), [], 0
    for number in range(count):
        size = room // count + (number >= count - room % count)
        blocks.append(data[start:start + size])
        start += size
    corrections = [ec_bytes(block, divisor) for block in blocks]
    longest = max(map(len, blocks))
    return ([block[i] for i in range(longest) for block in blocks if i < len(block)] +
            [block[i] for i in range(len(divisor)) for block in corrections])


def checked_bits(value, value_bits, generator):
    """The value followed by its BCH remainder."""
    bits = generator.bit_length() - 1
    rest = value << bits
    for position in range(value_bits - 1, -1, -1):
        if rest >> (position + bits) & 1:
            rest ^= generator << position
    return value << bits | rest


class Qr:
    """One code; `dark[y][x]` is what to print, `fixed[y][x]` marks what no mask may touch."""

    def __init__(self, text):
        self.version = fitting_version(len(text))
        self.size = self.version * 4 + 17
        self.dark = [[False] * self.size for _ in range(self.size)]
        self.fixed = [[False] * self.size for _ in range(self.size)]
        self._patterns()
        self._data(codewords(text, self.version))
        best = min(range(8), key=self._penalty_with)
        self._mask(best)
        self._format(best)

    def _set(self, x, y, dark):
        self.dark[y][x], self.fixed[y][x] = bool(dark), True

    def _patterns(self):
        size = self.size
        for i in range(size):
            self._set(6, i, i % 2 == 0)
            self._set(i, 6, i % 2 == 0)
        for cx, cy in ((3, 3), (size - 4, 3), (3, size - 4)):
            for x in range(max(0, cx - 4), min(size, cx + 5)):
                for y in range(max(0, cy - 4), min(size, cy + 5)):
                    self._set(x, y, max(abs(x - cx), abs(y - cy)) not in (2, 4))
        positions = alignment_positions(self.version)
        corners = {(6, 6), (6, size - 7), (size - 7, 6)}
        for cx, cy in ((x, y) for x in positions for y in positions if (x, y) not in corners):
            for x in range(cx - 2, cx + 3):
                for y in range(cy - 2, cy + 3):
                    self._set(x, y, max(abs(x - cx), abs(y - cy)) != 1)
        self._format(0)
        if self.version >= 7:
            bits = checked_bits(self.version, 6, 0x1F25)
            for i in range(18):
                self._set(size - 11 + i % 3, i // 3, bits >> i & 1)
                self._set(i // 3, size - 11 + i % 3, bits >> i & 1)

    def _format(self, mask):
        """Level M (0) and the mask, twice."""
        bits, size = checked_bits(mask, 5, 0x537) ^ 0x5412, self.size
        first = [(8, i) for i in (0, 1, 2, 3, 4, 5, 7, 8)] + [(i, 8) for i in (7, 5, 4, 3, 2, 1, 0)]
        second = [(size - 1 - i, 8) for i in range(8)] + [(8, size - 15 + i) for i in range(8, 15)]
        for i in range(15):
            self._set(*first[i], bits >> i & 1)
            self._set(*second[i], bits >> i & 1)
        self._set(8, size - 8, True)

    def _data(self, data):
        """Two columns at a time from the right, up and down in turn; the timing column is left out."""
        bits = (byte >> i & 1 for byte in data for i in range(7, -1, -1))
        for right in [*range(self.size - 1, 6, -2), 5, 3, 1]:
            upward = (right + 1) & 2 == 0
            for step in range(self.size):
                y = self.size - 1 - step if upward else step
                for x in (right, right - 1):
                    if not self.fixed[y][x]:
                        self.dark[y][x] = bool(next(bits, 0))

    def _mask(self, number):
        turns = MASKS[number]
        for y, (row, fixed) in enumerate(zip(self.dark, self.fixed)):
            self.dark[y] = [dark if kept else dark ^ turns(x, y) for x, (dark, kept) in enumerate(zip(row, fixed))]

    def _penalty_with(self, mask):
        self._mask(mask)
        self._format(mask)
        penalty = self._penalty()
        self._mask(mask)
        return penalty

    def _penalty(self):
        """How hard to read: runs, blocks, shapes like a finder, and too much of one colour."""
        rows = ["".join("01"[d] for d in row) for row in self.dark]
        lines = rows + ["".join(column) for column in zip(*rows)]
        total = 0
        for line in lines:
            runs = line.replace("01", "0 1").replace("10", "1 0").split()
            total += sum(len(run) - 2 for run in runs if len(run) >= 5)
            padded = "0000" + line + "0000"
            total += 40 * len(FINDER_LIKE.findall(padded))
        columns = (1 << self.size) - 1
        numbers = [int(row, 2) for row in rows]
        for one, other in zip(numbers, numbers[1:]):
            alike, steady = ~(one ^ other) & columns, ~(one ^ one >> 1) & columns >> 1
            total += 3 * bin(alike & alike >> 1 & steady).count("1")
        share = sum(row.count("1") for row in rows) * 20 / self.size ** 2
        return total + 10 * int(abs(share - 10))

    def svg(self):
        """The code as an SVG picture that scales."""
        side = self.size + 2 * QUIET
        path = "".join(f"M{x + QUIET},{y + QUIET}h1v1h-1z" for y, row in enumerate(self.dark)
                       for x, dark in enumerate(row) if dark)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
                f'<rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>\n')

    def text(self):
        """The code for a terminal: two modules to a character, dark ones as spaces on inverted ground."""
        def is_dark(x, y):
            return 0 <= x < self.size and 0 <= y < self.size and self.dark[y][x]
        lines = []
        for y in range(-2, self.size + 2, 2):
            pairs = ((is_dark(x, y), is_dark(x, y + 1)) for x in range(-2, self.size + 2))
            lines.append("".join({(False, False): "\u2588", (False, True): "\u2580", (True, False): "\u2584", (True, True): " "}[p] for p in pairs))
        return "\n".join(lines) + "\n"


# -- the program -----------------------------------------------------------------------------------

def write_whole(path, text):
    """Write the file whole or not at all."""
    handle, unfinished = tempfile.mkstemp(prefix=".qr-", dir=os.path.dirname(os.path.abspath(path)))
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{PROGRAM}: {message}; see --help\n")


def arguments(words):
    """The command line, checked."""
    parser = Parser(prog=PROGRAM, description=__doc__, allow_abbrev=False)
    parser.add_argument("--site", required=True, metavar="URL", help="where WebChat is served")
    parser.add_argument("--relay", required=True, metavar="URL", help="the address of your relay")
    parser.add_argument("--email", help="the e-mail address to sign in with")
    parser.add_argument("--name", help="the name to show to others")
    parser.add_argument("--invite", metavar="TOKEN", help="what lets them sign in past the allow-list; `relayctl invite` makes it")
    parser.add_argument("--group", metavar="ID", help="the group that the invite is for")
    parser.add_argument("--terminal", action="store_true", help="draw the link as a QR code on the terminal, too")
    parser.add_argument("--qr", metavar="FILE.svg", help="draw the link as a QR code into this file")
    args = parser.parse_args(words)
    try:
        args.site, args.relay = checked_url(args.site, "--site"), checked_url(args.relay, "--relay", bare=True)
    except ValueError as error:
        parser.error(error)
    return args


def main(words=None):
    """0: printed, 1: the QR code could not be written, 2: wrong use."""
    args = arguments(words)
    for url in (args.site, args.relay):
        if sends_openly(url):
            print(f"{PROGRAM}: warning: {url} is not encrypted: others on the way can read along", file=sys.stderr)
    link = launch_link(args.site, args.relay, "private", email=args.email, name=args.name, invite=args.invite,
                       group=args.group)
    if args.qr is not None:
        try:
            write_whole(args.qr, Qr(link.encode()).svg())
        except (OSError, ValueError) as error:
            print(f"{PROGRAM}: {args.qr}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
            return 1
    if args.terminal:
        with contextlib.suppress(ValueError):
            print(Qr(link.encode()).text())
    print(link)
    return 0


if __name__ == "__main__":
    sys.exit(main())
