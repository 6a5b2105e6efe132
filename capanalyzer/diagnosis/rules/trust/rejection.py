"""How a client turns down what the server showed: the event that all rules of trust judge."""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.diagnosis.evidence import of_alert, of_end
from capanalyzer.diagnosis.story import Story, first_tls13_records
from capanalyzer.diagnosis.verdict import Evidence, Stage
from capanalyzer.handshake.session import Session, Side, TlsFacts
from capanalyzer.i18n import N_
from capanalyzer.tls.records import HEARTBEAT, Message

__all__ = ["CERTIFICATE_ALERTS", "Rejection", "alert_sized_refusal", "rejection"]

CERTIFICATE_ALERTS: Final = frozenset((42, 43, 44, 45, 46, 48))
"""bad_certificate to certificate_unknown, and unknown_ca: RFC 8446 section 6.2."""
_COVER_ALERTS: Final = CERTIFICATE_ALERTS | {40, 49, 80, 90, 113}
"""Codes with which clients also turn down a certificate that shows a fault. Codes that name another matter (version,
decoding, a bad record) are left to it."""


class Rejection(NamedTuple):
    time_ns: int
    frame: int
    code: int | None
    """Of a readable alert; None for an unreadable one or a bare close."""
    how: str
    """``alert`` ``encrypted`` ``close`` ``completed`` (after its Finished, without a request)."""
    evidence: Evidence | None


def alert_sized_refusal(session: Session, story: Story) -> Message | None:
    """TLS 1.3: an alert-sized record from the client where its Finished was due, and nothing after it."""
    tls = session.tls
    if tls is None or story.established or not story.sees_all:
        return None
    sized = tls.alert_sized[Side.CLIENT]
    offer = tls.client_hello
    if sized is None or (offer is not None and offer.early_data):
        return None  # 0-RTT records of two bytes look the same
    mine, theirs = first_tls13_records(tls, Side.CLIENT), first_tls13_records(tls, Side.SERVER)
    return sized if len(mine) == 1 and theirs else None


def _sent_heartbeat(tls: TlsFacts) -> bool:
    """The client used the channel for RFC 6520, so it did not turn the server down."""
    return any(m.side == Side.CLIENT and m.content_type == HEARTBEAT for m in tls.messages)


def rejection(session: Session, story: Story) -> Rejection | None:
    """The client's refusal, if it left after it was shown the server's flight; None where it did not, or for another
    reason.

    A completed handshake counts as refused only when the client closed without having sent a byte of data.
    """
    tls = session.tls
    if tls is None or story.server_hello is None:
        return None
    if tls.certificates and story.certificate is None:
        return None  # it left before it had the certificate
    alert, end = story.alert, story.end
    if alert is not None:
        if alert.side is Side.CLIENT and alert.code in _COVER_ALERTS:
            return Rejection(alert.time_ns, alert.frame, alert.code, "alert", of_alert(alert))
        return None
    if story.established:
        if tls.data_from[Side.CLIENT] or end is None or end.side is not Side.CLIENT or _sent_heartbeat(tls):
            return None
        if not story.sees_all:
            return None  # what it sent in between may not be in the file
        return Rejection(end.time_ns, end.frame, None, "completed", of_end(end))
    sized = alert_sized_refusal(session, story)
    if sized is not None:
        evidence = Evidence(sized.frame, sized.time_ns, Side.CLIENT, N_("an encrypted record of the size of an alert"))
        return Rejection(sized.time_ns, sized.frame, None, "encrypted", evidence)
    hidden = next((a for a in tls.alerts if a.encrypted and a.side is Side.CLIENT), None)
    if hidden is not None and story.sees_all and (end is None or hidden.time_ns <= end.time_ns):
        return Rejection(hidden.time_ns, hidden.frame, None, "encrypted", of_alert(hidden))
    if end is not None and end.side is Side.CLIENT and story.sees_all and story.stage is not Stage.SERVER_FINISHED:
        return Rejection(end.time_ns, end.frame, None, "close", of_end(end))
    return None
