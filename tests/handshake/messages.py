"""Hand-made messages and records."""

from __future__ import annotations

import struct

from capanalyzer.handshake.machine import HELLO_RETRY_RANDOM
from capanalyzer.tls.records import Message

C, S = 0, 1


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body)) + body


def server_hello_body(
    version: int = 0x0303, suite: int = 0xC02F, *, retry: bool = False, session: bytes = b"", extensions: bytes = b""
) -> bytes:
    """A ServerHello; ``version`` 0x0304 goes into supported_versions."""
    if version == 0x0304:
        extensions = extension(43, b"\x03\x04") + extensions
    random = HELLO_RETRY_RANDOM if retry else bytes(range(32))
    legacy = min(version, 0x0303)
    head = struct.pack(">H", legacy) + random + bytes((len(session),)) + session + struct.pack(">HB", suite, 0)
    return head + (struct.pack(">H", len(extensions)) + extensions if extensions else b"")


def client_hello_body(*, sni: bytes = b"", extensions: bytes = b"", session: bytes = b"") -> bytes:
    if sni:
        name = b"\0" + struct.pack(">H", len(sni)) + sni
        extensions = extension(0, struct.pack(">H", len(name)) + name) + extensions
    head = b"\x03\x03" + bytes(range(32)) + bytes((len(session),)) + session
    head += struct.pack(">HH", 2, 0xC02F) + b"\x01\0"
    return head + (struct.pack(">H", len(extensions)) + extensions if extensions else b"")


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    return struct.pack(">BHH", kind, version, len(body)) + body


def handshake(kind: int, body: bytes = b"") -> bytes:
    """A handshake record with one message."""
    return record(22, bytes((kind,)) + len(body).to_bytes(3, "big") + body)


def sealed(length: int, kind: int = 23) -> bytes:
    """A record of ciphertext."""
    return record(kind, b"\xc5" * length)


CLIENT_HELLO = handshake(1, client_hello_body(sni=b"example.org"))
CCS = record(20, b"\x01")
FINISHED_12 = record(22, b"\xc5" * 40)
SERVER_FLIGHT_12 = (
    handshake(2, server_hello_body())
    + handshake(11, b"\0\0\x04\0\0\x01\xaa")
    + handshake(12, bytes(40))
    + handshake(14)
)
CLIENT_FLIGHT_12 = handshake(16, bytes(33)) + CCS + FINISHED_12
SERVER_HELLO_13 = handshake(2, server_hello_body(0x0304, 0x1301))
SERVER_FLIGHT_13 = SERVER_HELLO_13 + CCS + sealed(32) + sealed(900) + sealed(281) + sealed(53)


def alert(code: int, level: int = 2) -> bytes:
    return record(21, bytes((level, code)))


class Script:
    """Messages one after another, each in a frame of its own."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.offsets = [0, 0]

    def add(
        self, side: int, content: int, kind: int = -1, *, length: int = 0, encrypted: bool = False, body: bytes = b""
    ) -> Script:
        frame = len(self.messages) + 1
        size = length or len(body)
        self.messages.append(
            Message(
                frame * 1_000_000, frame, frame, side, content, kind, size, encrypted, 0x0303, self.offsets[side], body
            )
        )
        self.offsets[side] += size + 9
        return self

    def hs(self, side: int, kind: int, body: bytes = b"") -> Script:
        return self.add(side, 22, kind, body=body)

    def ccs(self, side: int) -> Script:
        return self.add(side, 20, length=1)

    def fin12(self, side: int) -> Script:
        return self.add(side, 22, length=40, encrypted=True)

    def data(self, side: int, length: int = 100) -> Script:
        return self.add(side, 23, length=length, encrypted=True)

    def hello(self, version: int = 0x0303, suite: int = 0xC02F, **how: bool) -> Script:
        return self.hs(S, 2, server_hello_body(version, suite, **how))  # type: ignore[arg-type]  # retry only
