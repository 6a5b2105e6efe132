"""Facts and verdicts -> the report's model.

:func:`session_model` runs once for each of 100,000 sessions, so what repeats between them is kept: certificate chains
by identity of their facts, and all that hellos of one shape share. Everything else is plain attribute access and
positional construction; enumerations are read through ``_value_``, a tenth of the cost of ``value``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from capanalyzer.classify.credentials import clear_start
from capanalyzer.diagnosis.pages import render_finding
from capanalyzer.diagnosis.verdict import Finding, Outcome, Verdict
from capanalyzer.handshake.session import Alert, Session, Side, TlsFacts
from capanalyzer.i18n import told
from capanalyzer.report import model
from capanalyzer.report.escape import encodable
from capanalyzer.report.proxy_header import proxy_header
from capanalyzer.report.request_host import request_host
from capanalyzer.report.times import to_rfc3339
from capanalyzer.streams.community_id import community_id
from capanalyzer.tls.codepoints import alert_name, version_name
from capanalyzer.tls.fingerprint import ja3, ja3s, ja4

if TYPE_CHECKING:
    from capanalyzer.capture.records import CaptureInfo, F5Capture
    from capanalyzer.redact.redactor import Redactor
    from capanalyzer.tls.certificates import CertificateFacts
    from capanalyzer.tls.hello import ClientHello

__all__ = [
    "SESSIONS_PER_CAPTURE",
    "SIDES",
    "UDP_FROM",
    "capture_model",
    "chain_model",
    "client_hello_parts",
    "session_id",
    "session_model",
]

SESSIONS_PER_CAPTURE: Final = 10**9
UDP_FROM: Final = 5 * 10**8

SIDES: Final = ("client", "server")
_Parts = tuple[str, tuple[str, ...], tuple[int, ...], tuple[str, ...], tuple[int, ...], str | None, str | None]
_ALERT_LEVELS: Final = {1: "warning", 2: "fatal"}
_UNFINISHED: Final = (Outcome.FAILED, Outcome.INCOMPLETE)
_Hide = Callable[[str, str | int | float], str | int | float]
_NOTHING: Final = model.Timing(None, None, None, None)
MAX_CHAINS: Final = 4096
MAX_CHAIN_BYTES: Final = 16 << 20
"""How many certificate chains, and bytes of them, are kept as models; then all are forgotten at once."""


def session_id(capture: int, transport: str, stream: int) -> int:
    """An id that depends on nothing but the place of the session: the stream number in the first capture.

    Later captures count from 1,000,000,000 times their index, UDP from 500,000,000. So a session has the same id
    in every format, for any number of processes, and ids order as captures and streams do. They stay below 2**53,
    the largest integer that every JSON reader holds.
    """
    return capture * SESSIONS_PER_CAPTURE + (UDP_FROM if transport == "udp" else 0) + stream


def session_model(
    identity: int,
    session: Session,
    verdict: Verdict,
    *,
    lang: str = "en",
    timeline: bool = False,
    redactor: Redactor | None = None,
) -> model.Session:
    """A session with its verdict as the report shows it.

    :param identity: unique in the document, see :func:`session_id`.
    :param lang: language of the findings' texts.
    :param timeline: give the timeline of every session, not only of failed and incomplete ones.
    :param redactor: hides whose session it is; None shows all.
    """
    hide = None
    if redactor is not None:
        from capanalyzer.report.redacted import hide_field

        hide = partial(hide_field, redactor=redactor)
    tls = session.tls
    client, server = session.client, session.server
    packets, payload = session.packets, session.payload_bytes
    first, second = session.first_bytes
    outcome, stage, waiting_on, blame = verdict.outcome, verdict.stage, verdict.waiting_on, verdict.blame
    unfinished = outcome in _UNFINISHED
    made = model.Session(
        identity,
        session.capture,
        session.transport,
        session.stream,
        community_id(_packed(client.ip), _packed(server.ip), client.port, server.port),
        model.Endpoint(client.ip, client.port),
        model.Endpoint(server.ip, server.port),
        to_rfc3339(session.start_ns),
        to_rfc3339(session.end_ns),
        model.Counts(packets[0], packets[1]),
        model.Counts(payload[0], payload[1]),
        model.SideTexts(_first_bytes(session, Side.CLIENT, first), _first_bytes(session, Side.SERVER, second)),
        model.SideTexts(*session.protocol),
        outcome._value_,
        None if stage is None else stage._value_,
        None if waiting_on is None else waiting_on._value_,
        None if blame is None else blame._value_,
        verdict.cause if unfinished else None,
        "" if tls is None else tls.history,
        model.ClosedBy(verdict.closed_how, verdict.closed_who),
        None if tls is None else _tls(tls),
        _timing(session, tls),
        tuple([_finding(f, session, lang, hide) for f in verdict.findings]) if verdict.findings else (),
        _timeline(session) if unfinished or timeline else (),
        f"{session.transport}.stream eq {session.stream}",
        None if verdict.comparison is None else model.Comparison(*verdict.comparison),
        None if verdict.other_leg is None else session_id(session.capture, session.transport, verdict.other_leg),
        proxy_header(session.opening[Side.CLIENT]) if session.opening[Side.CLIENT] else None,
        request_host=request_host(session.opening[Side.CLIENT]) if session.opening[Side.CLIENT] else None,
    )
    if session.f5 is not None or _has_text(session):
        made = _with_f5(made, session, verdict, lang, redactor)
    if redactor is None:
        return made
    from capanalyzer.report.redacted import redact_session

    return redact_session(made, redactor)


def _has_text(session: Session) -> bool:
    """Some of its RSTs carry bytes, which may be a BIG-IP's reason."""
    return any(close.payload for close in session.tcp.closes)


def _with_f5(
    made: model.Session, session: Session, verdict: Verdict, lang: str, redactor: Redactor | None
) -> model.Session:
    """The same with what a BIG-IP says of it."""
    from capanalyzer.report.f5 import about_other_side, f5_model, with_reason, with_reasons, with_role

    told = f5_model(
        session, verdict, partial(session_id, session.capture, session.transport), lang=lang, redactor=redactor
    )
    if told is None:
        return made
    findings = made.findings
    if verdict.outcome is Outcome.FAILED:
        first, about = findings[0], verdict.findings[0].about
        first = with_role(first, about or session, lang, redactor)
        if about is not None:
            first = about_other_side(first, about, lang, redactor)
        findings = (with_reason(first, session, lang, is_beyond=about is not None), *findings[1:])
    return replace(made, f5=told, findings=findings, timeline=with_reasons(made.timeline, told))


def _first_bytes(session: Session, side: Side, first: bytes | None) -> str | None:
    """Hexadecimal, up to a secret."""
    if first is None:
        return None
    opening = session.opening[side]
    return (clear_start(first, opening) if opening else first).hex()


def capture_model(info: CaptureInfo, lang: str) -> model.Capture:
    """The header of one capture; final once its sessions have been read.

    :param lang: language of the texts that are not the capture's own.
    """
    f5 = info.f5
    return model.Capture(
        encodable(info.path),
        info.format,
        tuple(info.link_types),
        info.packets,
        info.bytes,
        None if info.first_ns is None else to_rfc3339(info.first_ns),
        None if info.last_ns is None else to_rfc3339(info.last_ns),
        tuple(encodable(told(text, lang)) for text in info.warnings),
        tuple(encodable(path) for path in info.files),
        tuple(encodable(text) for text in info.comments),
        info.truncated_packets,
        info.dropped_packets,
        None if f5 is None else _f5_capture(f5, info.truncated_packets, lang),
        (f5 is not None and f5.has_keys) or bool(info.secrets),
    )


def _f5_capture(f5: F5Capture, truncated: int, lang: str) -> model.F5Capture:
    from capanalyzer.report.f5_capture import f5_capture_model

    return f5_capture_model(f5, truncated, lang)


@lru_cache(4096)
def _packed(ip: str) -> bytes:
    """An address in network order."""
    return inet_pton(AF_INET6 if ":" in ip else AF_INET, ip)


def _tls(tls: TlsFacts) -> model.Tls:
    certificates, client_certificates, alerts = tls.certificates, tls.client_certificates, tls.alerts
    return model.Tls(
        _client_hello(tls),
        _server_hello(tls),
        chain_model(certificates),
        chain_model(client_certificates),
        tuple([_alert(a) for a in alerts]) if alerts else (),
        tls.resumed,
    )


def _client_hello(tls: TlsFacts) -> model.ClientHello | None:
    hello, message = tls.client_hello, tls.client_hello_message
    if hello is None or message is None:
        return None
    legacy, offered, suites, alpn, groups, md5, fingerprint = client_hello_parts(hello)
    return model.ClientHello(message.frame, legacy, offered, suites, hello.sni, alpn, groups, md5, fingerprint)


def client_hello_parts(hello: ClientHello) -> _Parts:
    """(legacy version, offered versions, cipher suites, ALPN, groups, JA3, JA4): what hellos of one shape share."""
    known: _Parts | None = hello.shape.scratch.get("report")
    if known is None:
        known = hello.shape.scratch["report"] = (
            version_name(hello.legacy_version),
            tuple([version_name(version) for version in hello.offered_versions]),
            hello.cipher_suites,
            hello.alpn,
            hello.groups,
            ja3(hello),
            ja4(hello),
        )
    return known


def _server_hello(tls: TlsFacts) -> model.ServerHello | None:
    hello, message = tls.server_hello, tls.server_hello_message
    if hello is None or message is None:
        return None
    return model.ServerHello(
        message.frame,
        version_name(hello.version),
        hello.cipher_suite,
        hello.alpn,
        ja3s(hello),
        tls.hello_retry is not None,
    )


class _Chains:
    """Certificate chains as models, by the identities of their facts, which each entry keeps alive."""

    __slots__ = ("_bytes", "_known")

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[tuple[CertificateFacts, ...], tuple[model.Certificate, ...]]] = {}
        self._bytes = 0

    def get(self, facts: tuple[CertificateFacts, ...]) -> tuple[model.Certificate, ...]:
        key = tuple(map(id, facts))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_CHAINS or self._bytes >= MAX_CHAIN_BYTES:
                self._known.clear()
                self._bytes = 0
            known = self._known[key] = facts, tuple([_certificate(one) for one in facts])
            self._bytes += sum([len(one.der) for one in facts])
        return known[1]


_chains: Final = _Chains()


def chain_model(facts: tuple[CertificateFacts, ...]) -> tuple[model.Certificate, ...]:
    """A certificate chain, in the order sent."""
    return _chains.get(facts) if facts else ()


def _certificate(facts: CertificateFacts) -> model.Certificate:
    return model.Certificate(
        facts.subject,
        facts.issuer,
        facts.serial,
        facts.not_before,
        facts.not_after,
        facts.san,
    )


def _alert(alert: Alert) -> model.Alert:
    level, code = alert.level, alert.code
    return model.Alert(
        alert.frame,
        SIDES[alert.side],
        None if level is None else _ALERT_LEVELS.get(level, str(level)),
        code,
        None if code is None else alert_name(code),
        alert.encrypted,
    )


def _timing(session: Session, tls: TlsFacts | None) -> model.Timing:
    syn, ack = session.connect_ns
    connect = (ack - syn) / 1e6 if syn is not None and ack is not None else None
    if tls is None or (message := tls.client_hello_message) is None:
        return _NOTHING if connect is None else model.Timing(connect, None, None, None)
    hello, answer, done = message.time_ns, tls.server_hello_message, tls.handshake_done_ns
    return model.Timing(
        connect,
        None if ack is None else (hello - ack) / 1e6,
        None if answer is None else (answer.time_ns - hello) / 1e6,
        None if done is None else (done - hello) / 1e6,
    )


def _timeline(session: Session) -> tuple[model.TimelineEntry, ...]:
    return tuple(
        [
            model.TimelineEntry(
                e.frame,
                to_rfc3339(session.own_time(e.frame, e.time_ns)),
                None if e.side is None else SIDES[e.side],
                e.event,
                e.detail,
            )
            for e in session.events
        ]
    )


def _finding(finding: Finding, session: Session, lang: str, hide: _Hide | None) -> model.Finding:
    texts = render_finding(finding, finding.about or session, lang, hide)
    return model.Finding(
        finding.cause,
        finding.severity._value_,
        finding.confidence._value_,
        texts.title,
        texts.explanation,
        tuple(
            [
                model.Evidence(
                    e.frame,
                    to_rfc3339(session.own_time(e.frame, e.time_ns)),
                    None if e.side is None else SIDES[e.side],
                    text,
                )
                for e, text in zip(finding.evidence, texts.evidence, strict=True)
            ]
        ),
        finding.alternatives,
        tuple(texts.remedies),
    )
