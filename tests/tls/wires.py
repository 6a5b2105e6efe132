"""TLS bytes made by hand, for tests: records, handshake messages, hellos."""

from __future__ import annotations

import struct

RANDOM = bytes(range(32))
HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return struct.pack(">BHH", kind, version, len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def vector(prefix: int, body: bytes) -> bytes:
    return len(body).to_bytes(prefix, "big") + body


def codes(prefix: int, *values: int) -> bytes:
    return vector(prefix, b"".join(value.to_bytes(2, "big") for value in values))


def extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, body)


def sni(name: bytes) -> bytes:
    return extension(0, vector(2, b"\0" + vector(2, name)))


def alpn(*names: bytes) -> bytes:
    return extension(16, vector(2, b"".join(vector(1, name) for name in names)))


def key_share(*shares: tuple[int, bytes]) -> bytes:
    return extension(51, vector(2, b"".join(group.to_bytes(2, "big") + vector(2, key) for group, key in shares)))


def client_hello(
    *extensions: bytes,
    version: int = 0x0303,
    random: bytes = RANDOM,
    session_id: bytes = b"",
    suites: tuple[int, ...] = (0x1301, 0xC02F),
) -> bytes:
    """A ClientHello body; without extensions the block is absent."""
    body = version.to_bytes(2, "big") + random + vector(1, session_id) + codes(2, *suites) + b"\x01\0"
    return body + vector(2, b"".join(extensions)) if extensions else body


def server_hello(
    *extensions: bytes,
    version: int = 0x0303,
    random: bytes = RANDOM,
    session_id: bytes = b"",
    suite: int = 0xC02F,
) -> bytes:
    body = version.to_bytes(2, "big") + random + vector(1, session_id) + suite.to_bytes(2, "big") + b"\0"
    return body + vector(2, b"".join(extensions)) if extensions else body


MODERN_HELLO = client_hello(
    extension(0x0A0A, b""),
    sni(b"www.example.com"),
    extension(23, b""),
    extension(0xFF01, b"\0"),
    extension(10, codes(2, 0x4A4A, 4588, 29, 23)),
    extension(11, b"\x01\0"),
    extension(35, b""),
    alpn(b"h2", b"http/1.1"),
    extension(13, codes(2, 0x0403, 0x0804, 0x0401)),
    key_share((0x4A4A, b"\0"), (29, bytes(32))),
    extension(45, b"\x01\x01"),
    extension(43, codes(1, 0x2A2A, 0x0304, 0x0303)),
    extension(21, bytes(40)),
    session_id=bytes(32),
    suites=(0x1A1A, 0x1301, 0x1302, 0xC02B),
)
