"""Hand-made sessions: a line for each thing that happens, times in seconds from the first SYN."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from capanalyzer.handshake.session import (
    CloseEvent,
    Endpoint,
    Event,
    KnownBy,
    Quality,
    Session,
    Side,
    SideFacts,
    TcpFacts,
    TlsFacts,
    Upgrade,
)
from capanalyzer.packets.table import IcmpError
from capanalyzer.streams.flow import Ended
from capanalyzer.tls.records import Message

T0 = 1_700_000_000_000_000_000
"""2023-11-14 22:13:20 UTC."""
SECOND = 1_000_000_000
C, S = Side.CLIENT, Side.SERVER
CLIENT, SERVER = Endpoint("192.0.2.1", 40000), Endpoint("198.51.100.9", 443)
NAME = "www.example.com"
TLS12, TLS13 = 0x0303, 0x0304


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def frame(seconds: float) -> int:
    """Later events have higher frames."""
    return 10 + round(seconds * 1000)


def vector(prefix: int, data: bytes) -> bytes:
    return len(data).to_bytes(prefix, "big") + data


def extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, body)


def client_hello_body(
    *,
    name: str | None = NAME,
    legacy: int = TLS12,
    versions: Sequence[int] = (TLS13, TLS12),
    suites: Sequence[int] = (0x1301, 0xC02F),
    more: bytes = b"",
    random: bytes = bytes(32),
) -> bytes:
    """RFC 8446 section 4.1.2."""
    extensions = more
    if name is not None:
        extensions += extension(0, vector(2, b"\0" + vector(2, name.encode())))
    if versions:
        extensions += extension(43, vector(1, b"".join(v.to_bytes(2, "big") for v in versions)))
    listed = vector(2, b"".join(s.to_bytes(2, "big") for s in suites))
    body = legacy.to_bytes(2, "big") + random + vector(1, b"") + listed + b"\1\0"
    return body + vector(2, extensions) if extensions else body


def server_hello_body(
    version: int = TLS13, *, suite: int = 0x1301, random: bytes = bytes(32), group: int | None = None
) -> bytes:
    """RFC 8446 section 4.1.3."""
    extensions = b""
    if version >= TLS13:
        extensions += extension(43, version.to_bytes(2, "big"))
    if group is not None:
        extensions += extension(51, group.to_bytes(2, "big"))
    body = min(version, TLS12).to_bytes(2, "big") + random + vector(1, b"") + suite.to_bytes(2, "big") + b"\0"
    return body + vector(2, extensions) if extensions else body


def handshake(side: Side, seconds: float, kind: int, body: bytes, *, offset: int = 0) -> Message:
    return Message(at(seconds), frame(seconds), frame(seconds), side, 22, kind, len(body), False, 0x0303, offset, body)


def record(
    side: Side, seconds: float, content: int, length: int, *, encrypted: bool = True, offset: int = 0
) -> Message:
    return Message(
        at(seconds), frame(seconds), frame(seconds), side, content, -1, length, encrypted, 0x0303, offset, b""
    )


def hello(seconds: float = 0.02, **options: Any) -> Message:
    return handshake(C, seconds, 1, client_hello_body(**options))


def server_hello(seconds: float = 0.04, version: int = TLS13, **options: Any) -> Message:
    return handshake(S, seconds, 2, server_hello_body(version, **options), offset=1)


def alert(side: Side, seconds: float, code: int, level: int = 2) -> Message:
    body = bytes((level, code))
    return Message(at(seconds), frame(seconds), frame(seconds), side, 21, -1, 2, False, 0x0303, 0, body)


def ccs(side: Side, seconds: float) -> Message:
    return record(side, seconds, 20, 1, encrypted=False)


def data(side: Side, seconds: float, length: int = 500, *, offset: int = 0) -> Message:
    return record(side, seconds, 23, length, offset=offset)


def flight_13(seconds: float = 0.04, **options: Any) -> list[Message]:
    """ServerHello to Finished, TLS 1.3."""
    return [
        server_hello(seconds, **options),
        ccs(S, seconds),
        data(S, seconds, 27),
        data(S, seconds, 2000),
        data(S, seconds, 281),
        data(S, seconds, 53),
    ]


def finished_13(seconds: float = 0.06) -> list[Message]:
    return [ccs(C, seconds), data(C, seconds, 53, offset=500)]


def flight_12(seconds: float = 0.04, chain: Sequence[bytes] = (), *, request: bool = False) -> list[Message]:
    """ServerHello to ServerHelloDone, TLS 1.2."""
    listed = b"".join(vector(3, der) for der in chain)
    return [
        server_hello(seconds, TLS12, suite=0xC02F),
        handshake(S, seconds, 11, vector(3, listed), offset=2),
        handshake(S, seconds, 12, bytes(300), offset=3),
        *([handshake(S, seconds, 13, bytes(20), offset=4)] if request else []),
        handshake(S, seconds, 14, b"", offset=5),
    ]


def client_flight_12(seconds: float = 0.06, *, certificate: bytes | None = None) -> list[Message]:
    return [
        *([handshake(C, seconds, 11, certificate, offset=400)] if certificate is not None else []),
        handshake(C, seconds, 16, bytes(66), offset=401),
        ccs(C, seconds),
        record(C, seconds, 22, 40, offset=402),
    ]


def server_finished_12(seconds: float = 0.08) -> list[Message]:
    return [ccs(S, seconds), record(S, seconds, 22, 40, offset=900)]


def fin(side: Side, seconds: float, *, ttl: int | None = None) -> CloseEvent:
    return CloseEvent(at(seconds), frame(seconds), side, False, 0, 0, 0x11, 500, ttl or TTLS[side], 1, b"")


def rst(side: Side, seconds: float, *, ttl: int | None = None) -> CloseEvent:
    return CloseEvent(at(seconds), frame(seconds), side, True, 0, 0, 0x04, 0, ttl or TTLS[side], 0, b"")


TTLS = (64, 57)


def icmp(seconds: float, kind: int, code: int, *, version: int = 4, mtu: int = 0) -> IcmpError:
    return IcmpError(frame(seconds), at(seconds), version, kind, code, mtu, bytes((203, 0, 113, 1)), 0, 0, 1000)


def session(
    *messages: Message,
    closes: Sequence[CloseEvent] = (),
    port: int = 443,
    server_ip: str = SERVER.ip,
    client: dict[str, Any] | None = None,
    server: dict[str, Any] | None = None,
    protocol: tuple[str | None, str | None] | None = None,
    opening: tuple[bytes, bytes] = (b"", b""),
    connected: bool = True,
    watched: float = 60.0,
    ended: Ended = Ended.CLOSED,
    upgrade: Upgrade | None = None,
    quality: dict[str, Any] | None = None,
    errors: Sequence[IcmpError] = (),
    start: float = 0.0,
) -> Session:
    """A connection in which everything sent was acknowledged, unless ``client`` and ``server`` say otherwise."""
    sides = []
    for side, options in ((C, client or {}), (S, server or {})):
        mine = [m for m in messages if m.side == side]
        sent = sum(m.length + 5 for m in mine) or len(opening[side])
        syns = connected or side is C
        first = mine[0].time_ns if mine else at(0.02 + 0.02 * side) if opening[side] else None
        facts: dict[str, Any] = {
            "packets": 3 if connected else int(side is C),
            "payload_bytes": sent,
            "isn": 1000 if side is C else 5000,
            "syn_count": int(syns),
            "syn_frame": 1 + side if syns else None,
            "syn_ns": at(0.01 * side) if syns else None,
            "last_syn_ns": at(0.01 * side) if syns else None,
            "mss": 1460,
            "ttls": (TTLS[side],),
            "stream_bytes": sent,
            "acked_bytes": sent,
            "sent_until": sent,
            "acked_ns": first + 10_000_000 if first else None,
            "acked_frame": 9 if first else None,
            "first_data_ns": first,
            "first_data_frame": 5 + side if first else None,
            "last_data_ns": mine[-1].time_ns if mine else first,
        }
        sides.append(SideFacts(**{**facts, **options}))
    spoken = tuple("tls" if any(m.side == side for m in messages) else None for side in (C, S))
    last = max([at(0.02), *(m.time_ns for m in messages), *(c.time_ns for c in closes)])
    return Session(
        capture=0,
        stream=7,
        transport="tcp",
        client=CLIENT,
        server=Endpoint(server_ip, port),
        client_known_by=KnownBy.SYN,
        start_ns=at(start),
        end_ns=last,
        packets=(sides[0].packets, sides[1].packets),
        payload_bytes=(sides[0].payload_bytes, sides[1].payload_bytes),
        first_bytes=(opening[0][:16] or (b"\x16\x03\x01\x02\x00\x01" if spoken[0] else None), opening[1][:16] or None),
        protocol=protocol or (spoken[0], spoken[1]),
        tcp=TcpFacts(
            client=sides[0],
            server=sides[1],
            handshake_ack_frame=3 if connected else None,
            handshake_ack_ns=at(0.015) if connected else None,
            closes=tuple(closes),
            icmp=tuple(errors),
            rtt_ns=15_000_000,
        ),
        tls=TlsFacts(list(messages)) if messages else None,
        upgrade=upgrade,
        quality=Quality(ended=ended, watched_until_ns=at(watched), **(quality or {})),
        events=[Event(at(0), 1, C, "SYN")],
        opening=opening,
    )


@lru_cache
def key_of(name: str) -> Any:
    """The key of whoever bears this common name."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


@lru_cache
def certificate(
    names: tuple[str, ...] = (NAME,),
    *,
    days: tuple[int, int] = (-100, 100),
    issuer: str = "Example TLS CA 2",
    subject: str = NAME,
) -> bytes:
    """DER of a certificate, valid from and to so many days from T0, signed with its issuer's key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    now = datetime.fromtimestamp(T0 / SECOND, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key_of(subject).public_key())
        .serial_number(7)
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        .sign(key_of(issuer), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def intermediate() -> bytes:
    return certificate(("ca.example",), issuer="Example Root", subject="Example TLS CA 2")


def established_13(**options: Any) -> Session:
    """TLS 1.3, data both ways, closed by the client."""
    return session(
        hello(),
        *flight_13(),
        *finished_13(),
        data(C, 0.07, 300, offset=600),
        data(S, 0.09, 250),
        data(S, 0.1, 900),
        **{"closes": [fin(C, 0.5), fin(S, 0.51)], **options},
    )


def established_12(*chain: bytes, **options: Any) -> Session:
    """TLS 1.2, data both ways."""
    return session(
        hello(versions=()),
        *flight_12(chain=chain or (certificate(), intermediate())),
        *client_flight_12(),
        *server_finished_12(),
        data(C, 0.09, 300),
        data(S, 0.1, 900),
        **{"closes": [fin(C, 0.5), fin(S, 0.51)], **options},
    )
