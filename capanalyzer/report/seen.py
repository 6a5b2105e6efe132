"""From an encoded session what the join of logs needs, and nothing else of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from capanalyzer.logs.seen import End, Seen
from capanalyzer.report.model import Endpoint, ProxyHeader
from capanalyzer.report.structure import Model
from capanalyzer.report.times import from_rfc3339

__all__ = ["seen_of"]


class _Hello(Model, frozen=True, gc=False):
    sni: str | None


class _Certificate(Model, frozen=True, gc=False):
    san: tuple[str, ...]


class _Alert(Model, frozen=True, gc=False, rename={"sender": "from"}):
    sender: str
    code: int | None


class _Tls(Model, frozen=True, gc=False):
    client_hello: _Hello | None
    certificates: tuple[_Certificate, ...]
    alerts: tuple[_Alert, ...]


class _Evidence(Model, frozen=True, gc=False):
    time: str


class _Finding(Model, frozen=True, gc=False):
    cause: str
    evidence: tuple[_Evidence, ...]
    alternatives: tuple[str, ...]


class _Peer(Model, frozen=True, gc=False):
    remote: Endpoint


class _F5(Model, frozen=True, gc=False):
    side: str | None
    peers: tuple[_Peer, ...]


class _Session(Model, frozen=True, gc=False):
    id: int
    client: Endpoint
    server: Endpoint
    start: str
    end: str
    outcome: str
    tls: _Tls | None
    findings: tuple[_Finding, ...]
    proxy_header: ProxyHeader | None
    f5: _F5 | None
    request_host: str | None


MAX_NAMES: Final = 100
"""Names of a certificate by which a session is found."""
_decode: Final = msgspec.json.Decoder(_Session).decode


def seen_of(data: bytes) -> Seen:
    """Keys that are not asked for are skipped, not made: this takes 2 microseconds."""
    session = _decode(data)
    tls, findings = session.tls, session.findings
    name = None if tls is None or tls.client_hello is None else tls.client_hello.sni
    start_ns, end_ns = _nanoseconds(session.start), _nanoseconds(session.end)
    moments = [_nanoseconds(item.time) for item in findings[0].evidence] if findings else []
    is_failed = session.outcome == "failed"
    return Seen(
        id=session.id,
        start_ns=start_ns,
        end_ns=end_ns,
        client=(session.client.ip, session.client.port),
        server=(session.server.ip, session.server.port),
        moment_ns=max(moments) if moments and is_failed else end_ns,
        aliases=_aliases(session),
        sni=None if name is None else name.lower(),
        request_host=None if session.request_host is None else session.request_host.lower(),
        certificate_names=_names(tls) if tls is not None and not name else (),
        outcome=session.outcome,
        is_proxied=session.f5 is not None and bool(session.f5.peers),
        causes=tuple([finding.cause for finding in findings]) if findings else (),
        open_causes=findings[0].alternatives if findings else (),
        alerts=() if tls is None else tuple([(one.sender, one.code) for one in tls.alerts if one.code is not None]),
    )


def _names(tls: _Tls) -> tuple[str, ...]:
    """Those of the server's own certificate, in lower case."""
    return tuple([one.lower() for one in tls.certificates[0].san[:MAX_NAMES]]) if tls.certificates else ()


def _aliases(session: _Session) -> tuple[End, ...]:
    """What logs may call its client: whom a proxy in front serves, or whom a BIG-IP serves by this connection."""
    ends = [] if session.proxy_header is None else [session.proxy_header.source]
    if session.f5 is not None and session.f5.side == "server":
        ends += [peer.remote for peer in session.f5.peers]
    return tuple(dict.fromkeys((end.ip, end.port) for end in ends))


@lru_cache(4096)
def _second(text: str) -> int:
    return from_rfc3339(text + ".000000000Z")


def _nanoseconds(time: str) -> int:
    return _second(time[:19]) + int(time[20:29])
