"""Real sessions of many kinds side by side, as the join sees them: what stored lines may be written of."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec

from capanalyzer.api import build_report
from capanalyzer.logs.seen import Seen
from capanalyzer.report.seen import seen_of

from .made import SECOND, START_NS

__all__ = ["SHOW_LITTLE", "STREET", "street"]

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
STREET = {
    "abandoned": ("client-abandoned", 0),
    "chain-incomplete": ("certificate-chain-incomplete", 0),
    "client-certificate-missing": ("client-certificate-missing", 0),
    "client-certificate-refused": ("client-certificate-rejected", 0),
    "client-certificate-refused-42": ("client-certificate-rejected", 28),
    "closed-by-server": ("server-ends-it", 1),
    "connected-only": ("health-checks", 0),
    "expired": ("certificate-expired", 0),
    "handshake-failure": ("handshake-failure-unspecified", 0),
    "http": ("http-to-tls-port", 0),
    "http-answer": ("tls-to-http-port", 0),
    "internal-error": ("server-alerts", 0),
    "no-hello": ("no-client-hello", 0),
    "not-tls": ("not-tls", 0),
    "old-version": ("protocol-version-mismatch", 0),
    "other-name": ("certificate-hostname-mismatch-every-client", 0),
    "other-name-46": ("certificate-hostname-mismatch-every-client", 14),
    "plaintext-answer": ("tls-to-plaintext-port", 0),
    "proxy-header": ("proxy-header-unexpected", 0),
    "proxy-header-missing": ("proxy-header-missing", 2),
    "refused-by-name": ("sni-rejected", 1),
    "reset-by-server": ("server-ends-it", 0),
    "reset-by-client": ("client-aborted", 0),
    "self-signed": ("certificate-self-signed-every-client", 0),
    "silent": ("server-silent", 0),
    "speaks-first": ("tls-to-server-first", 0),
    "starttls-refused": ("starttls-refused", 0),
    "tcp-refused": ("tcp-connect-refused", 0),
    "no-alpn": ("no-shared-alpn", 0),
    "no-cipher": ("no-shared-cipher", 7),
    "unknown-ca": ("certificate-unknown-ca", 0),
    "inspected": ("tls-interception-products", 0),
    "healthy": ("healthy-tls12", 0),
    "healthy-13": ("healthy-tls13", 0),
    "healthy-too": ("healthy-tls12", 1),
}
"""By what it shows: the capture, and the stream in it."""
SHOW_LITTLE = ("connected-only", "reset-by-client")
"""A client came and went: for whatever a program may say."""
_APART_NS = 20 * SECOND


@cache
def street() -> dict[str, Seen]:
    """All of them, one after the other."""
    found = {}
    for number, (label, (case, stream)) in enumerate(STREET.items()):
        seen = _sessions(case)[stream]
        move = START_NS + number * _APART_NS - seen.start_ns
        found[label] = replace(
            seen,
            id=number,
            start_ns=seen.start_ns + move,
            end_ns=seen.end_ns + move,
            moment_ns=seen.moment_ns + move,
        )
    return found


@cache
def _sessions(case: str) -> dict[int, Seen]:
    report = build_report(next((PCAPS / case).glob("capture.*")))
    return {one.stream: seen_of(msgspec.json.encode(one)) for one in report.sessions}
