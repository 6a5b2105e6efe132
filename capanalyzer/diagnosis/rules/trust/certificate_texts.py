"""The values that texts about a visible certificate name."""

from __future__ import annotations

from functools import lru_cache

from capanalyzer.diagnosis.evidence import shown
from capanalyzer.diagnosis.trust.faults import Fault
from capanalyzer.diagnosis.trust.glance import DAY_NS
from capanalyzer.diagnosis.trust.names import common_names
from capanalyzer.handshake.session import Session

__all__ = ["certificate_facts_of", "date"]


def certificate_facts_of(session: Session, fault: Fault | None = None) -> dict[str, str | int | float]:
    """Of the certificate that has the fault, else of the leaf. Dates are as in the certificate (UTC)."""
    tls = session.tls
    chain = tls.certificates if tls is not None else ()
    name = tls.client_hello.sni if tls is not None and tls.client_hello is not None else None
    leaf = chain[0]
    about = fault.about if fault is not None else leaf
    compared = leaf.san or common_names(leaf.subject)
    names = compared[:6]
    return {
        "subject": shown(about.subject),
        "issuer": shown(about.issuer),
        "leaf": shown(leaf.subject),
        "names": shown(", ".join(names) + (", ..." if len(compared) > len(names) else "")) if names else "-",
        "sent_name": shown(name) if name else "-",
        "certificates": len(chain),
        "not_before": date(about.not_before_ns),
        "not_after": date(about.not_after_ns),
        "days": _days(about.not_before_ns, about.not_after_ns, session.start_ns),
        "detail": shown(fault.detail) if fault is not None else "",
    }


def _days(not_before_ns: int | None, not_after_ns: int | None, at_ns: int) -> int:
    """Whole days by which the session lies outside the validity, or until it ends."""
    if not_before_ns is not None and at_ns < not_before_ns:
        return (not_before_ns - at_ns) // DAY_NS
    return abs(at_ns - not_after_ns) // DAY_NS if not_after_ns is not None else 0


def date(time_ns: int | None) -> str:
    """``2026-01-31 12:00:00``; "?" where it is not known."""
    return "?" if time_ns is None else _second(time_ns // 1_000_000_000)


@lru_cache(1 << 10)
def _second(second: int) -> str:
    from datetime import UTC, datetime, timedelta

    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S")
    except OverflowError:
        return "?"
