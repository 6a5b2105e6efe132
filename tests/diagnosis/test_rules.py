"""Each cause on a session that has it, and on a near miss that has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from capanalyzer.diagnosis.judge import Judge
from capanalyzer.diagnosis.registry import ALL_RULES, RULES
from capanalyzer.diagnosis.render import render_finding
from capanalyzer.diagnosis.verdict import Verdict
from capanalyzer.handshake.session import Session, Side, Upgrade
from capanalyzer.i18n import LANGUAGES
from capanalyzer.streams.flow import Ended

from .pki import issue, key
from .sessions import (
    TLS12,
    C,
    S,
    alert,
    at,
    certificate,
    client_flight_12,
    client_hello_body,
    data,
    established_12,
    established_13,
    fin,
    finished_13,
    flight_12,
    flight_13,
    handshake,
    hello,
    icmp,
    intermediate,
    record,
    rst,
    server_finished_12,
    server_hello,
    server_hello_body,
    session,
    vector,
)

OPEN: dict[str, Any] = {"ended": Ended.CAPTURE_END}
GOOD = (certificate(), intermediate())
NGINX_PAGE = (
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<title>400 The plain HTTP request was sent to HTTPS port"
)
REQUEST = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
UNSENT = {"acked_bytes": 0, "acked_ns": None, "acked_frame": None}
LOST = {**UNSENT, "last_transmissions": 4, "last_transmission_span_ns": 7_000_000_000}


def verdict_of(judged: Session, *others: Session, **options: Any) -> Verdict:
    """The final verdict on a session, with others of the same capture before it."""
    judge = Judge(**options)
    for other in others:
        judge.see(other)
    verdict = judge.see(judged)
    if verdict is None:
        verdict = {id(s): v for s, v in judge.finish()}[id(judged)]
    return verdict


def syn_only(count: int, span: float, **options: Any) -> Session:
    return session(
        connected=False,
        client={"syn_count": count, "last_syn_ns": at(span)},
        server={"packets": 0},
        **{"ended": Ended.CAPTURE_END, "watched": span + 1, **options},
    )


def http(answer: bytes = b"", *, spoken: str | None = None, port: int = 443, **options: Any) -> Session:
    return session(opening=(REQUEST, answer), protocol=("http", spoken), port=port, **options)


def tls_alone(*messages: Any, **options: Any) -> Session:
    return session(hello(), *messages, **options)


def proxy(*messages: Any, answer: bytes = b"", spoken: str | None = None, **options: Any) -> Session:
    upgrade = Upgrade("proxy-v1", asked=True, agreed=None, frame=5, tls_offset=(40, None))
    line = b"PROXY TCP4 192.0.2.1 198.51.100.9 40000 443\r\n"
    options = {"opening": (line, answer), "protocol": ("proxy-v1", spoken), **options}
    return session(*messages, upgrade=upgrade, **options)


def upgraded(kind: str, answer: str, client: bytes, **options: Any) -> Session:
    upgrade = Upgrade(kind, asked=True, agreed=False, answer=answer, frame=6, answer_frame=7)
    opening = (client, b"220 mail\r\n" + answer.encode() + b"\r\n")
    return session(opening=opening, protocol=("smtp", "smtp"), upgrade=upgrade, port=25, **options)


def refused(code: int, side: Side = S, *, level: int = 2, **options: Any) -> Session:
    return tls_alone(alert(side, 0.04, code, level), closes=[fin(side, 0.05)], **options)


def rejected_12(code: int | None, *chain: bytes, name: str | None = None, **options: Any) -> Session:
    last = [alert(C, 0.06, code)] if code is not None else []
    offer = hello(versions=(), **cast("dict[str, Any]", {"name": name} if name else {}))
    return session(offer, *flight_12(chain=chain), *last, **{"closes": [fin(C, 0.07)], **options})


def completed_12(*chain: bytes, **options: Any) -> Session:
    """The handshake completes, and the client closes without a request."""
    return session(
        hello(versions=()),
        *flight_12(chain=chain),
        *client_flight_12(),
        *server_finished_12(),
        closes=[fin(C, 0.2)],
        **options,
    )


def with_empty_certificate(*last: Any, **options: Any) -> Session:
    return session(
        hello(versions=()),
        *flight_12(chain=GOOD, request=True),
        *client_flight_12(certificate=b"\0\0\0"),
        *last,
        **options,
    )


BIG_HELLO = hello(more=b"\x00\x15\x06\x40" + bytes(1600))
EXPIRED = certificate(days=(-400, -10))
FUTURE = certificate(days=(10, 400))
SELF_SIGNED = certificate(issuer="device", subject="device")
AUTHORITY = issue("Example CA A1", issue("Example Root", is_ca=True), is_ca=True)
PROXY = issue("mitmproxy", organisation="mitmproxy", is_ca=True)
SSLV2 = record(C, 0.02, 0x80, 46, encrypted=False)._replace(
    handshake_type=1, body=b"\x00\x02\x00\x03\x00\x00\x00\x10\x01\x00\x80" + bytes(16)
)

FIRES: dict[str, tuple[Callable[[], Session], str, str, str]] = {
    # by id: session, cause, stage, blame
    "syn unanswered": (lambda: syn_only(4, 7), "tcp-connect-timeout", "tcp-connect", "network"),
    "two syns, watched": (lambda: syn_only(2, 1, watched=9), "tcp-connect-timeout", "tcp-connect", "network"),
    "refused": (
        lambda: session(connected=False, server={"packets": 1}, closes=[rst(S, 0.02)]),
        "tcp-connect-refused",
        "tcp-connect",
        "server",
    ),
    "unreachable": (
        lambda: syn_only(4, 7, errors=[icmp(0.03, 3, 13)]),
        "tcp-connect-unreachable",
        "tcp-connect",
        "network",
    ),
    "unreachable v6": (
        lambda: syn_only(1, 0, errors=[icmp(0.03, 1, 1, version=6)]),
        "tcp-connect-unreachable",
        "tcp-connect",
        "network",
    ),
    "syn-ack repeated": (
        lambda: session(
            connected=False,
            server={"packets": 4, "syn_count": 4, "syn_frame": 2, "syn_ns": at(0.01), "last_syn_ns": at(7)},
        ),
        "tcp-handshake-incomplete",
        "tcp-connect",
        "network",
    ),
    "http, page": (
        lambda: http(NGINX_PAGE, spoken="http-response", port=8000),
        "http-to-tls-port",
        "first-bytes",
        "client",
    ),
    "http, alert": (
        lambda: session(
            alert(S, 0.04, 10), opening=(REQUEST, b""), protocol=("http", "tls"), port=8000, closes=[fin(S, 0.05)]
        ),
        "http-to-tls-port",
        "first-bytes",
        "client",
    ),
    "http, closed": (lambda: http(closes=[fin(S, 0.05)]), "http-to-tls-port", "first-bytes", "client"),
    "http, silence": (lambda: http(**OPEN), "http-to-tls-port", "first-bytes", "client"),
    "tls to http": (
        lambda: tls_alone(
            opening=(b"", b"HTTP/1.1 400 Bad Request\r\n"), protocol=("tls", "http-response"), closes=[fin(S, 0.05)]
        ),
        "tls-to-http-port",
        "first-bytes",
        "server",
    ),
    "tls to smtp": (
        lambda: tls_alone(opening=(b"", b"220 mail ESMTP\r\n"), protocol=("tls", "smtp")),
        "tls-to-server-first",
        "first-bytes",
        "client",
    ),
    "tls to redis": (
        lambda: tls_alone(opening=(b"", b"-ERR\r\n"), protocol=("tls", "redis")),
        "tls-to-plaintext-port",
        "first-bytes",
        "server",
    ),
    "proxy header, page": (
        lambda: proxy(hello(), answer=b"HTTP/1.1 400 Bad Request\r\n", spoken="http-response"),
        "proxy-header-unexpected",
        "first-bytes",
        "client",
    ),
    "proxy header, reset": (
        lambda: proxy(hello(), closes=[rst(S, 0.03)]),
        "proxy-header-unexpected",
        "first-bytes",
        "client",
    ),
    "starttls refused": (
        lambda: upgraded("smtp", "454 TLS not available", b"EHLO x\r\nSTARTTLS\r\nQUIT\r\n"),
        "starttls-refused",
        "first-bytes",
        "server",
    ),
    "connect refused": (
        lambda: upgraded("connect", "403 Forbidden", b"CONNECT a:443 HTTP/1.1\r\n"),
        "proxy-connect-refused",
        "first-bytes",
        "server",
    ),
    "ssh on 443": (
        lambda: session(opening=(b"SSH-2.0-x\r\n", b""), protocol=("ssh", None), closes=[fin(S, 0.1)]),
        "not-tls",
        "first-bytes",
        "client",
    ),
    "sslv2 hello": (
        lambda: session(SSLV2, alert(S, 0.04, 70), closes=[fin(S, 0.05)]),
        "obsolete-ssl-hello",
        "first-bytes",
        "client",
    ),
    "sslv3 hello": (
        lambda: session(hello(legacy=0x0300, versions=(), name=None), closes=[fin(S, 0.05)]),
        "obsolete-ssl-hello",
        "first-bytes",
        "client",
    ),
    "70": (lambda: refused(70), "protocol-version-mismatch", "server-hello", "server"),
    "70 to an old client": (
        lambda: session(hello(legacy=0x0301, versions=()), alert(S, 0.04, 70), closes=[fin(S, 0.05)]),
        "protocol-version-mismatch",
        "server-hello",
        "client",
    ),
    "version not offered": (
        lambda: session(hello(versions=(0x0304,)), *flight_12(chain=GOOD), alert(C, 0.06, 70), closes=[fin(C, 0.07)]),
        "protocol-version-mismatch",
        "client-flight",
        "server",
    ),
    "71": (lambda: refused(71), "no-shared-cipher", "server-hello", "client"),
    "40": (lambda: refused(40), "handshake-failure-unspecified", "server-hello", "unknown"),
    "120": (lambda: refused(120), "no-shared-alpn", "server-hello", "unknown"),
    "86": (lambda: refused(86), "inappropriate-fallback", "server-hello", "client"),
    "112": (lambda: refused(112), "sni-unrecognized", "server-hello", "unknown"),
    "112 without a name": (
        lambda: session(hello(name=None), alert(S, 0.04, 112), closes=[fin(S, 0.05)]),
        "sni-missing",
        "server-hello",
        "client",
    ),
    "115": (lambda: refused(115), "unknown-psk", "server-hello", "client"),
    "50": (lambda: refused(50), "message-rejected", "server-hello", "client"),
    "20": (lambda: refused(20), "record-corrupted", "server-hello", "unknown"),
    "80": (lambda: refused(80), "server-internal-error", "server-hello", "server"),
    "49": (lambda: refused(49), "access-denied", "server-hello", "unknown"),
    "90 then close_notify": (
        lambda: tls_alone(alert(C, 0.03, 90, 1), alert(C, 0.031, 0, 1), closes=[fin(C, 0.04)]),
        "user-canceled",
        "server-hello",
        "client",
    ),
    "113": (lambda: refused(113), "alert-other", "server-hello", "unknown"),
    "retry not followed": (
        lambda: tls_alone(handshake(S, 0.04, 2, server_hello_body(random=RETRY, group=24)), closes=[fin(C, 0.06)]),
        "no-shared-group",
        "server-hello",
        "client",
    ),
    "expired": (lambda: rejected_12(46, EXPIRED, intermediate()), "certificate-expired", "client-flight", "server"),
    "expired, bare close": (lambda: rejected_12(None, EXPIRED), "certificate-expired", "client-flight", "server"),
    "expired, completed": (lambda: completed_12(EXPIRED), "certificate-expired", "application", "server"),
    "future": (lambda: rejected_12(42, FUTURE), "certificate-not-yet-valid", "client-flight", "server"),
    "self-signed": (lambda: rejected_12(48, SELF_SIGNED), "certificate-self-signed", "client-flight", "server"),
    "chain": (lambda: rejected_12(48, certificate()), "certificate-chain-incomplete", "client-flight", "server"),
    "name": (
        lambda: rejected_12(42, *GOOD, name="other.example"),
        "certificate-hostname-mismatch",
        "client-flight",
        "server",
    ),
    "unknown ca": (lambda: rejected_12(48, *GOOD), "certificate-unknown-ca", "client-flight", "unknown"),
    "rejected": (lambda: rejected_12(42, *GOOD), "certificate-rejected", "client-flight", "unknown"),
    "weak": (
        lambda: rejected_12(42, issue(own_key=key("weak", "rsa", 1024), issuer=AUTHORITY).der, AUTHORITY.der),
        "certificate-weak",
        "client-flight",
        "server",
    ),
    "intercepted": (
        lambda: rejected_12(48, issue(issuer=PROXY).der, PROXY.der),
        "tls-interception",
        "client-flight",
        "network",
    ),
    "unsupported": (lambda: rejected_12(43, *GOOD), "certificate-unsupported", "client-flight", "server"),
    "revoked": (lambda: rejected_12(44, *GOOD), "certificate-revoked", "client-flight", "server"),
    "clock": (lambda: rejected_12(45, *GOOD), "client-clock-skew", "client-flight", "client"),
    "clear alert in 1.3": (
        lambda: session(hello(), *flight_13(), alert(C, 0.06, 45), closes=[fin(C, 0.07)]),
        "certificate-expired",
        "client-flight",
        "server",
    ),
    "encrypted alert in 1.3": (
        lambda: session(hello(), *flight_13(), data(C, 0.06, 19, offset=500), closes=[fin(C, 0.07)]),
        "certificate-rejected-encrypted",
        "client-flight",
        "unknown",
    ),
    "client certificate missing": (
        lambda: with_empty_certificate(alert(S, 0.08, 40), closes=[fin(S, 0.09)]),
        "client-certificate-missing",
        "server-finished",
        "client",
    ),
    "client certificate missing, 1.3": (
        lambda: session(
            hello(),
            *flight_13(),
            data(C, 0.06, 25, offset=500),
            data(C, 0.061, 53, offset=600),
            data(S, 0.08, 19, offset=9000),
            closes=[fin(S, 0.081)],
        ),
        "client-certificate-missing",
        "server-finished",
        "client",
    ),
    "client certificate rejected": (
        lambda: session(
            hello(versions=()),
            *flight_12(chain=GOOD, request=True),
            alert(S, 0.08, 48),
            *client_flight_12(certificate=vector(3, vector(3, certificate(("client",))))),
            closes=[fin(S, 0.09)],
        ),
        "client-certificate-rejected",
        "server-finished",
        "client",
    ),
    "no hello": (lambda: session(closes=[fin(S, 30)]), "no-client-hello", "first-bytes", "client"),
    "closed before the hello": (lambda: session(closes=[fin(S, 0.02)]), "server-closed", "first-bytes", "server"),
    "hello lost": (
        lambda: tls_alone(client={**LOST, "outstanding_length": 250}, closes=[fin(C, 20)]),
        "client-hello-lost",
        "server-hello",
        "network",
    ),
    "large hello dropped": (
        lambda: session(
            BIG_HELLO, client={**LOST, "acked_bytes": 1460, "outstanding_length": 300}, closes=[fin(C, 20)]
        ),
        "large-client-hello-dropped",
        "server-hello",
        "network",
    ),
    "large hello, first part lost": (
        lambda: session(BIG_HELLO, client={**LOST, "outstanding_length": 1460}, closes=[fin(C, 20)]),
        "mtu-black-hole",
        "server-hello",
        "network",
    ),
    "silent": (lambda: tls_alone(closes=[fin(C, 10)]), "server-silent", "server-hello", "server"),
    "silent, open": (lambda: tls_alone(**OPEN), "server-silent", "server-hello", "server"),
    "no more than the start of a hello": (
        lambda: session(opening=(b"\x16\x03", b""), closes=[fin(S, 30)]),
        "no-client-hello",
        "first-bytes",
        "client",
    ),
    "abandoned": (lambda: tls_alone(closes=[rst(C, 1)]), "client-abandoned", "server-hello", "client"),
    "left before the answer": (
        lambda: session(hello(), *flight_13(0.06), closes=[fin(C, 0.05), rst(C, 0.061)]),
        "client-abandoned",
        "server-hello",
        "client",
    ),
    "reset": (lambda: tls_alone(closes=[rst(S, 0.05)]), "server-reset", "server-hello", "server"),
    "closed": (lambda: tls_alone(closes=[fin(S, 0.05)]), "server-closed", "server-hello", "server"),
    "closed, crossing the hello": (
        lambda: tls_alone(closes=[fin(S, 0.019)]),
        "server-closed",
        "server-hello",
        "server",
    ),
    "forged reset": (lambda: tls_alone(closes=[rst(S, 0.03, ttl=58)]), "middlebox-reset", "server-hello", "network"),
    "resets both ways": (
        lambda: tls_alone(closes=[rst(S, 0.03), rst(C, 0.031)]),
        "middlebox-reset",
        "server-hello",
        "network",
    ),
    "server goes on after its reset": (
        lambda: tls_alone(closes=[rst(S, 0.03)], server={"last_data_ns": at(0.04)}),
        "middlebox-reset",
        "server-hello",
        "network",
    ),
    "mtu, sender's side": (
        lambda: session(
            hello(),
            server_hello(),
            server={
                "acked_bytes": 0,
                "outstanding_length": 1448,
                "last_transmissions": 5,
                "last_transmission_span_ns": 6_000_000_000,
            },
            **OPEN,
        ),
        "mtu-black-hole",
        "server-flight",
        "network",
    ),
    "mtu, receiver's side": (
        lambda: tls_alone(
            server={"gap": True, "gap_at": 0, "gap_length": 1448, "sent_until": 1600}, closes=[fin(C, 15)]
        ),
        "mtu-black-hole",
        "server-hello",
        "network",
    ),
    "mtu, icmp": (
        lambda: session(
            hello(),
            server_hello(),
            errors=[icmp(0.05, 3, 4, mtu=1400)],
            server={"outstanding_length": 900, "last_transmissions": 1},
            closes=[fin(C, 15)],
        ),
        "mtu-black-hole",
        "server-flight",
        "network",
    ),
    "flight lost": (
        lambda: session(
            hello(versions=()),
            server_hello(0.04, TLS12),
            server={"outstanding_length": 400, "last_transmissions": 4, "last_transmission_span_ns": 6_000_000_000},
            **OPEN,
        ),
        "server-flight-lost",
        "server-flight",
        "network",
    ),
    "aborted": (lambda: rejected_12(None, *GOOD), "client-aborted", "client-flight", "client"),
    "aborted, 1.3": (
        lambda: session(hello(), *flight_13(), closes=[fin(C, 0.06)]),
        "client-aborted",
        "client-flight",
        "client",
    ),
    "client silent": (
        lambda: session(hello(), *flight_13(), closes=[fin(S, 60)]),
        "client-silent",
        "client-flight",
        "client",
    ),
    "downgrade": (
        lambda: session(
            hello(),
            handshake(S, 0.04, 2, server_hello_body(TLS12, random=bytes(24) + b"DOWNGRD\1"), offset=1),
            alert(C, 0.06, 47),
            closes=[fin(C, 0.07)],
        ),
        "hello-rewritten",
        "server-flight",
        "network",
    ),
    "go refuses alpn": (
        lambda: session(hello(), server_hello(), data(S, 0.04, 19, offset=200), closes=[fin(S, 0.041)]),
        "alert-other",
        "server-flight",
        "unknown",
    ),
}

NOT_FAILED: dict[str, tuple[Callable[[], Session], str, str | None]] = {
    # by id: session, outcome, cause
    "1.3": (established_13, "established", None),
    "1.2": (established_12, "established", None),
    "fault let pass": (lambda: established_12(EXPIRED), "established", None),
    "closed after the handshake": (lambda: completed_12(*GOOD), "established", None),
    "leaf alone, completed, closed": (lambda: completed_12(certificate()), "established", None),
    "close_notify after finished": (
        lambda: session(hello(), *flight_13(), *finished_13(), data(C, 0.07, 19, offset=600), closes=[fin(C, 0.08)]),
        "established",
        None,
    ),
    "empty client certificate accepted": (
        lambda: with_empty_certificate(*server_finished_12(), data(C, 0.09), data(S, 0.1)),
        "established",
        None,
    ),
    "warning 112 and on": (
        lambda: session(
            hello(), alert(S, 0.03, 112, 1), *flight_13(), *finished_13(), data(C, 0.07, offset=700), data(S, 0.1)
        ),
        "established",
        None,
    ),
    "half-open probe": (
        lambda: session(connected=False, server={"syn_count": 1, "packets": 1}, closes=[rst(C, 0.02)]),
        "idle",
        None,
    ),
    "connect and close": (lambda: session(closes=[fin(C, 0.05), fin(S, 0.06)]), "idle", None),
    "alert answers the client's close": (
        lambda: session(alert(S, 0.06, 50), closes=[fin(C, 0.05), fin(S, 0.07)], client={"payload_bytes": 0}),
        "idle",
        None,
    ),
    "server closes an unused ftp data port": (lambda: session(closes=[fin(S, 0.02)], port=20001), "idle", None),
    "http on 80": (lambda: http(b"HTTP/1.1 200 OK\r\n", spoken="http-response", port=80), "plaintext", None),
    "http on 443 that works": (lambda: http(b"HTTP/1.1 200 OK\r\n", spoken="http-response"), "plaintext", None),
    "http unanswered on 80": (lambda: http(port=80, closes=[fin(S, 0.05)]), "plaintext", None),
    "ssh on 443 that works": (
        lambda: session(opening=(b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n"), protocol=("ssh", "ssh")),
        "plaintext",
        None,
    ),
    "mysql behind a proxy header": (
        lambda: proxy(answer=b"J\0\0\0\n8.0", spoken="mysql", port=3306),
        "plaintext",
        None,
    ),
    "smtp goes on after the refusal": (
        lambda: upgraded("smtp", "454 no", b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n"),
        "plaintext",
        None,
    ),
    "what was acknowledged is not in the file": (
        lambda: session(client={"gap": True, "gap_at": 0}, quality={"lost": True}, closes=[fin(S, 0.05), fin(C, 0.06)]),
        "incomplete",
        "capture-lost-packets",
    ),
    "more segments than are looked at": (
        lambda: session(hello(), *flight_13(), quality={"rows_dropped": 7}, client={"gap": True, "gap_at": 700}),
        "incomplete",
        "capture-lost-packets",
    ),
    "reset beyond all that was captured": (
        lambda: rejected_12(None, *GOOD, closes=[rst(C, 0.07)._replace(seq=1000 + 1 + 9999)]),
        "incomplete",
        "capture-lost-packets",
    ),
    "reset behind a FIN that was not captured": (
        lambda: session(
            hello(versions=()),
            *flight_12(),
            *client_flight_12(),
            closes=[rst(C, 0.09)._replace(seq=1000 + 1 + 196 + 1)],
        ),
        "incomplete",
        "capture-lost-packets",
    ),
    "the server's reset beyond all that was captured": (
        lambda: session(hello(versions=()), *flight_12(), closes=[rst(S, 0.07)._replace(seq=5000 + 1 + 9999)]),
        "incomplete",
        "capture-lost-packets",
    ),
    "zeros in the place of what was said": (
        lambda: session(opening=(bytes(40), bytes(40)), closes=[fin(S, 0.05)]),
        "incomplete",
        "capture-truncated",
    ),
    "zeros, and no answer": (
        lambda: session(opening=(bytes(40), b""), closes=[fin(S, 9)]),
        "incomplete",
        "capture-truncated",
    ),
    "two syns, file ends": (lambda: syn_only(2, 1), "incomplete", "capture-ends-mid-handshake"),
    "one syn-ack": (
        lambda: session(connected=False, server={"packets": 1, "syn_count": 1}, ended=Ended.CAPTURE_END),
        "incomplete",
        "capture-ends-mid-handshake",
    ),
    "traceroute": (
        lambda: syn_only(1, 0, watched=1, errors=[icmp(0.03, 11, 0)]),
        "incomplete",
        "capture-ends-mid-handshake",
    ),
    "hello, file ends": (lambda: tls_alone(watched=3, **OPEN), "incomplete", "capture-ends-mid-handshake"),
    "flight, file ends": (
        lambda: session(hello(), *flight_13(), watched=3, **OPEN),
        "incomplete",
        "capture-ends-mid-handshake",
    ),
    "unacknowledged and never sent again": (
        lambda: session(hello(), *flight_13(), server={"outstanding_length": 300, "last_transmissions": 1}, **OPEN),
        "incomplete",
        "capture-ends-mid-handshake",
    ),
    "one direction": (
        lambda: tls_alone(quality={"one_sided": C}, closes=[fin(C, 10)]),
        "incomplete",
        "capture-one-sided",
    ),
    "from the middle": (
        lambda: session(data(C, 0.1), data(S, 0.2), connected=False, quality={"starts_mid_session": True}),
        "incomplete",
        "capture-starts-mid-session",
    ),
    "no syn, no answer": (
        lambda: tls_alone(quality={"starts_mid_session": True}, closes=[fin(C, 10)]),
        "incomplete",
        "capture-ends-mid-handshake",
    ),
    "snap length": (lambda: tls_alone(quality={"truncated": True}), "incomplete", "capture-truncated"),
    "lost packets": (
        lambda: tls_alone(quality={"lost": True}, server={"gap": True, "gap_at": 0, "gap_acked": True}),
        "incomplete",
        "capture-lost-packets",
    ),
    "server's answer not read": (
        lambda: session(hello(versions=()), *client_flight_12(), closes=[fin(S, 0.2)]),
        "incomplete",
        "capture-ends-mid-handshake",
    ),
}


@pytest.mark.parametrize("case", FIRES)
def test_a_failure_has_its_cause(case: str) -> None:
    make, cause, stage, blame = FIRES[case]
    verdict = verdict_of(make())
    assert (verdict.outcome, verdict.cause, verdict.stage, verdict.blame) == ("failed", cause, stage, blame)


@pytest.mark.parametrize("case", NOT_FAILED)
def test_what_is_no_failure_is_not_called_one(case: str) -> None:
    make, outcome, cause = NOT_FAILED[case]
    verdict = verdict_of(make())
    assert (verdict.outcome, verdict.cause) == (outcome, cause)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("case", [*FIRES, *NOT_FAILED])
def test_every_finding_fills_its_page(case: str, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text asks for a value that the rule does not give."""
    missing: list[str] = []

    def note(_: object, key: str) -> str:
        missing.append(key)
        return "?"

    monkeypatch.setattr("capanalyzer.diagnosis.render._Fields.__missing__", note)
    judged = (FIRES.get(case) or NOT_FAILED[case])[0]()
    for finding in verdict_of(judged).findings:
        texts = render_finding(finding, judged, lang)
        assert all((texts.title, texts.explanation, texts.remedies))
        assert len(texts.evidence) == len(finding.evidence)
        assert all(item.frame > 0 for item in finding.evidence)
    assert not missing


def test_every_failure_rule_is_exercised() -> None:
    """Each cause that a rule may give appears in a case, or in one of the comparisons below."""
    compared = {"proxy-header-missing", "no-shared-signature-algorithm"}
    covered = {cause for _, cause, _, _ in FIRES.values()} | compared
    assert {cause for rule in RULES for cause in rule.causes} <= covered


def test_causes_are_unique_within_a_rule() -> None:
    for rule in ALL_RULES:
        assert len(set(rule.causes)) == len(rule.causes) > 0


def test_proxy_header_missing_needs_sessions_that_have_it() -> None:
    bare = tls_alone(closes=[rst(S, 0.03)])
    with_header = established_13(upgrade=Upgrade("proxy-v1", asked=True, agreed=None))
    assert verdict_of(bare, with_header).cause == "proxy-header-missing"
    assert verdict_of(bare, with_header, established_13()).cause == "server-reset"
    assert verdict_of(bare).cause == "server-reset"


def test_a_tls_port_is_one_where_the_server_speaks_tls() -> None:
    """Also when the session that shows it comes later, or the user says so."""
    judge = Judge()
    plain = http(port=4433, closes=[fin(S, 0.05)])
    assert judge.see(plain) is None
    judge.see(established_13(port=4433))
    assert [v.cause for _, v in judge.finish()] == ["http-to-tls-port"]
    assert verdict_of(plain, tls_ports=[4433]).cause == "http-to-tls-port"


def test_the_loser_of_a_race_between_addresses_is_idle() -> None:
    winner = established_13(server_ip="198.51.100.10", start=0.1)
    loser = syn_only(1, 0, watched=30)
    assert verdict_of(loser, winner).outcome == "idle"
    assert verdict_of(syn_only(2, 1, watched=3), winner).outcome == "incomplete"  # who lost does not try again
    assert verdict_of(syn_only(2, 1, watched=30, start=9), winner).cause == "tcp-connect-timeout"


def test_silence_in_a_capture_of_one_direction_proves_nothing() -> None:
    other = tls_alone(quality={"one_sided": C})
    assert verdict_of(syn_only(4, 7), other).cause == "capture-one-sided"
    assert verdict_of(syn_only(4, 7), other, established_13()).cause == "tcp-connect-timeout"


def test_a_name_that_others_send_is_missing_here() -> None:
    bare = session(hello(name=None), alert(S, 0.04, 40), closes=[fin(S, 0.05)])
    assert verdict_of(bare, established_13()).cause == "sni-missing"
    assert verdict_of(bare).cause == "handshake-failure-unspecified"


def test_handshakes_that_stop_everywhere_are_a_cut_file() -> None:
    stalled = [session(hello(), *flight_13(), server_ip=f"198.51.100.{n}", **OPEN) for n in range(1, 5)]
    assert verdict_of(stalled[0]).cause == "client-silent"
    assert verdict_of(stalled[0], *stalled[1:]).outcome == "incomplete"


def test_silence_proves_nothing_where_the_syn_was_not_captured() -> None:
    """The SYN/ACK shows that there was one: what else is missing is not known. A close was captured, though."""
    lacking: dict[str, Any] = {"client": {"syn_count": 0, "syn_frame": None, "syn_ns": None, "last_syn_ns": None}}
    silent = verdict_of(session(hello(), *flight_13(), **OPEN, **lacking))
    assert (silent.outcome, silent.cause) == ("incomplete", "capture-ends-mid-handshake")
    assert verdict_of(tls_alone(closes=[rst(S, 0.03)], **lacking)).cause == "server-reset"


def test_the_first_abnormal_event_is_the_cause() -> None:
    """An alert, and the resets after it."""
    both = tls_alone(alert(S, 0.04, 70), closes=[rst(S, 0.041, ttl=200), rst(C, 0.042)])
    assert verdict_of(both).cause == "protocol-version-mismatch"


def test_a_middlebox_is_named_as_the_one_who_closed() -> None:
    verdict = verdict_of(tls_alone(closes=[rst(S, 0.03, ttl=58)]))
    assert (verdict.closed_how, verdict.closed_who) == ("rst", "middlebox")


def test_a_ttl_seen_on_the_senders_own_packets_is_no_evidence() -> None:
    """A forwarded packet captured twice shows both."""
    assert verdict_of(tls_alone(closes=[rst(S, 0.05, ttl=56)], server={"ttls": (57, 56)})).cause == "server-reset"


def test_wire_text_is_printable_in_findings() -> None:
    nasty = session(opening=(b"GET /\x1b[2J\xff HTTP/1.1\r\n", b""), protocol=("http", None), closes=[fin(S, 0.1)])
    finding = verdict_of(nasty).findings[0]
    text = render_finding(finding, nasty, "en").explanation
    assert text.isprintable()
    assert "\\x1b[2J" in text


def test_a_server_name_offers_nothing_to_a_shell() -> None:
    """What stands in a server name never reaches a command as anything but a host name."""
    odd = session(
        handshake(C, 0.02, 1, client_hello_body(name="a;rm -rf $(x)`y`.example")),
        alert(S, 0.04, 40),
        closes=[fin(S, 0.05)],
    )
    remedies = " ".join(render_finding(verdict_of(odd).findings[0], odd, "en").remedies)
    assert "a;rm" not in remedies
    assert "$(" not in remedies


def test_an_answer_that_could_not_be_read_behind_an_upgrade_is_no_silence() -> None:
    upgrade = Upgrade("imap", asked=True, agreed=True, answer=". OK", frame=5, answer_frame=6)
    facts = {"stream_bytes": 3000, "payload_bytes": 3000, "last_data_ns": at(0.3)}
    unread = tls_alone(upgrade=upgrade, protocol=("imap", "imap"), server=facts, closes=[fin(S, 0.5)])
    assert verdict_of(unread).outcome == "incomplete"
    silent = tls_alone(
        upgrade=upgrade, protocol=("imap", "imap"), server={"last_data_ns": at(0.01)}, closes=[fin(S, 0.5)]
    )
    assert verdict_of(silent).cause == "server-closed"


def five_syns() -> Session:
    found = syn_only(5, 15, watched=90)
    found.end_ns = at(15)
    return found


@pytest.mark.parametrize(
    ("silent", "last_s"),
    [
        (five_syns, 15),
        (lambda: session(hello(), ended=Ended.CAPTURE_END), 0.02),
        (lambda: session(hello(), *flight_13(), ended=Ended.CAPTURE_END), 0.04),
    ],
)
def test_silence_beside_a_loss_proves_nothing(silent: Callable[[], Session], last_s: float) -> None:
    """Also five SYNs: an answer to the last one, and all that followed, may be among what is missing just then."""

    def lossy(seconds: float) -> Session:
        facts = {"gap": True, "gap_acked": True, "gap_at": 100, "gap_ns": at(seconds)}
        return session(hello(), server_hello(), server=facts, quality={"lost": True}, server_ip="198.51.100.77")

    assert verdict_of(silent()).outcome == "failed"
    for away_s in (-60, -5, 30, 3_600):
        assert verdict_of(silent(), lossy(last_s + away_s)).outcome == "failed"
    for away_s in (0, 2, 5):
        beside = verdict_of(silent(), lossy(last_s + away_s))
        assert (beside.outcome, beside.cause) == ("incomplete", "capture-lost-packets")
        assert beside.findings[0].variant == "around"
