"""HTTP CONNECT (RFC 9110 section 9.3.6) and Upgrade: TLS/1.0 (RFC 2817) before TLS."""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.reading import UpgradeReading, conclude, printable

__all__ = ["read_connect", "read_http_upgrade"]

MAX_HEAD: Final = 32_768
"""Bytes of a request's or response's head: several times what servers allow."""
MAX_ROUNDS: Final = 8
"""CONNECT requests on one connection: NTLM and Negotiate need three."""


def read_connect(client: bytes, server: bytes) -> UpgradeReading | None:
    """CONNECT and its answer, through 407 rounds; TLS begins behind both heads of the round that is answered 2xx."""
    asked = answered = 0
    found: UpgradeReading | None = None
    for _ in range(MAX_ROUNDS):
        end = head_end(client, asked)
        if end is None or not client.startswith(b"CONNECT ", asked):
            break
        response = final_response(server, answered)
        if response is None:
            early = conclude("connect", client, server, end, None, request_at=asked)
            return early if found is None or len(server) > answered else found
        at, status, body_at = response
        agreed = 200 <= status < 300
        found = conclude(
            "connect",
            client,
            server,
            end,
            body_at if agreed else None,
            agreed=agreed,
            answer=reason(server, at),
            request_at=asked,
            answer_at=at,
        )
        if agreed:
            return found
        next_at = body_end(server, at, body_at)
        asked = end
        if next_at is None:
            break
        answered = next_at
    return found


def read_http_upgrade(client: bytes, server: bytes) -> UpgradeReading | None:
    """A request with ``Upgrade: TLS/1.0``: TLS begins behind it and the 101 (RFC 2817 sections 3.1 and 3.3)."""
    end = head_end(client, 0)
    if (
        end is None
        or b"pgrade" not in client[:end]
        or b"tls/1." not in (field(client, 0, end, b"upgrade") or b"").lower()
    ):
        return None
    stop = server.find(b"\r\n\r\n", 0, MAX_HEAD)
    if stop < 0 or not server.startswith(b"HTTP/1."):
        return conclude("http-upgrade", client, server, end, None)
    agreed = server[9:12] == b"101"
    at = stop + 4 if agreed else None
    return conclude("http-upgrade", client, server, end, at, agreed=agreed, answer=reason(server, 0), answer_at=0)


def head_end(data: bytes, at: int) -> int | None:
    """Behind the empty line that ends a head; None while it is not there."""
    end = data.find(b"\n\r\n", at, at + MAX_HEAD)
    bare = data.find(b"\n\n", at, end if end >= 0 else at + MAX_HEAD)
    if bare >= 0:
        return bare + 2
    return end + 3 if end >= 0 else None


def field(data: bytes, at: int, end: int, name: bytes) -> bytes | None:
    """The value of a head's field, ``name`` in lower case; None when it is absent."""
    for line in data[at:end].split(b"\n")[1:]:
        key, colon, value = line.partition(b":")
        if colon and key.strip().lower() == name:
            return value.strip()
    return None


def final_response(data: bytes, at: int) -> tuple[int, int, int] | None:
    """(start, status, start of the body) of the first response from ``at`` that is not 1xx; None while it is cut."""
    for _ in range(MAX_ROUNDS):
        end = head_end(data, at)
        if end is None or not data.startswith(b"HTTP/", at):
            return None
        code = data[at:end].split(b" ", 2)[1:2]
        status = int(code[0][:3]) if code and code[0][:3].isdigit() else 0
        if not 100 <= status < 200 or status == 101:
            return at, status, end
        at = end
    return None


def body_end(data: bytes, at: int, body_at: int) -> int | None:
    """Behind a response's body: by Content-Length or chunks (RFC 9112 section 6.3); None when it is not all there."""
    if b"chunked" in (field(data, at, body_at, b"transfer-encoding") or b"").lower():
        return _chunks_end(data, body_at)
    length = field(data, at, body_at, b"content-length")
    if length is None:
        return body_at if len(data) > body_at and data.startswith(b"HTTP/", body_at) else None
    if not length.isdigit() or len(length) > 9:
        return None
    end = body_at + int(length)
    return end if end <= len(data) else None


def _chunks_end(data: bytes, at: int) -> int | None:
    while True:
        line = data.find(b"\r\n", at, at + 64)
        size = data[at:line].split(b";", 1)[0].strip() if line >= 0 else b""
        if not size or len(size) > 8 or size.translate(None, b"0123456789abcdefABCDEF"):
            return None
        length = int(size, 16)
        if not length:
            return head_end(data, line)
        at = line + 2 + length + 2
        if at > len(data):
            return None


def reason(data: bytes, at: int) -> str:
    """Status and reason of a response's first line."""
    line = data[at : at + 1024].split(b"\n", 1)[0]
    return printable(line.partition(b" ")[2])
