"""Clients and servers that speak bytes of ours: hellos that real libraries made, and what no library would send."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from lab.kernel import reset_on_close
from lab.net import Lab

__all__ = [
    "Handler",
    "alert",
    "answer_with",
    "banner",
    "client",
    "close_after_hello",
    "hello",
    "lines",
    "pump",
    "read_line",
    "record",
    "relay",
    "silent",
]

Handler = Callable[[socket.socket], None]
Change = Callable[[bytes], bytes]


def lines(*parts: str) -> bytes:
    """Text lines as the Internet writes them."""
    return "".join(part + "\r\n" for part in parts).encode()


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    """A TLS record (RFC 8446, section 5.1)."""
    return bytes([kind]) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def alert(code: int, level: int = 2) -> bytes:
    return record(21, bytes([level, code]))


def hello(name: str, *, alpn: tuple[str, ...] = (), highest: str = "1.3", ciphers: str = "", lowest: str = "") -> bytes:
    """A real ClientHello record by Python's ssl, without a connection."""
    context = ssl.create_default_context()
    versions = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    context.maximum_version = versions[highest]
    if lowest:
        context.minimum_version = versions[lowest]
    if ciphers:
        context.set_ciphers(ciphers)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name or None).do_handshake()
    return outgoing.read()


def client(
    lab: Lab,
    *pieces: bytes,
    port: int = 443,
    wait_s: float = 1.0,
    source: int | None = None,
    reset: bool = False,
    host: str = "",
    between_s: float = 0.3,
) -> bytes:
    """Bytes over TCP, piece by piece, then whatever comes back within ``wait_s`` after the last one."""
    own = lab.plan.client if source is None else lab.plan.other_clients[source]
    target = host or lab.plan.server

    def talk() -> bytes:
        received = b""
        local = None if ":" in target else (own, 0)
        with socket.create_connection((target, lab.plan.port(port)), timeout=10, source_address=local) as plain:
            if reset:
                reset_on_close(plain)
            try:
                for number, piece in enumerate(pieces):
                    if number:
                        time.sleep(between_s)
                    plain.sendall(piece)
                deadline = time.monotonic() + wait_s * lab.plan.pace
                while (left := deadline - time.monotonic()) > 0:
                    plain.settimeout(left)
                    if not (more := plain.recv(65536)):
                        break
                    received += more
            except OSError:
                pass
        return received

    try:
        return lab.inside("client", talk)
    except OSError:
        return b""
    finally:
        time.sleep(0.1)


def silent(seconds: float) -> Handler:
    """A server that accepts, says nothing and then goes."""

    def handle(_: socket.socket) -> None:
        time.sleep(seconds)

    return handle


def close_after_hello(*, reset: bool = False, wait_s: float = 0.0) -> Handler:
    """Read the hello, then close; with ``reset`` in the way that sends a RST."""

    def handle(peer: socket.socket) -> None:
        peer.recv(65536)
        time.sleep(wait_s)
        if reset:
            reset_on_close(peer)

    return handle


def answer_with(data: bytes, *, linger_s: float = 0.2) -> Handler:
    """Whatever comes is answered by ``data``."""

    def handle(peer: socket.socket) -> None:
        peer.settimeout(10)
        peer.recv(65536)
        peer.sendall(data)
        time.sleep(linger_s)
        peer.settimeout(0.1)
        with suppress(TimeoutError):
            peer.recv(65536)

    return handle


def banner(text: bytes, answer: bytes = b"") -> Handler:
    """A server that speaks first and then listens a while."""

    def handle(peer: socket.socket) -> None:
        peer.sendall(text)
        peer.settimeout(5)
        if peer.recv(4096) and answer:
            peer.sendall(answer)

    return handle


def read_line(peer: socket.socket) -> str:
    data = b""
    while not data.endswith(b"\n"):
        if not (piece := peer.recv(1)):
            return ""
        data += piece
    return data.decode(errors="replace").strip()


def pump(one: socket.socket, other: socket.socket, *, there: Change = bytes, back: Change = bytes) -> None:
    """Copy bytes both ways until either end closes; ``there`` and ``back`` may change them."""
    while True:
        for source in select.select([one, other], [], [], 10)[0]:
            if not (data := source.recv(65536)):
                return
            if source is one:
                other.sendall(there(data))
            else:
                one.sendall(back(data))


def relay(
    address: tuple[str, int], *, there: Callable[[], Change] = lambda: bytes, back: Callable[[], Change] = lambda: bytes
) -> Handler:
    """A man in the middle towards ``address``; each connection gets changes of its own."""

    def handle(peer: socket.socket) -> None:
        with socket.create_connection(address, timeout=10) as upstream:
            pump(peer, upstream, there=there(), back=back())

    return handle
