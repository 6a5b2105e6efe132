"""Facts of a stream, by name, in a form in which two readings of them can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from capanalyzer.report import model
from capanalyzer.report.words import endpoint
from capanalyzer.tls.codepoints import alert_name, cipher_suite_name

__all__ = ["Facts", "alert_text", "facts_of_session", "serial_text", "suites_text"]

Facts: TypeAlias = dict[str, str]
"""By name, e.g. ``server_hello.version``. What was not seen is not there."""


def facts_of_session(session: model.Session) -> Facts:
    """The facts of one of our sessions."""
    facts = {"client": endpoint(session.client), "server": endpoint(session.server)}
    if session.closed_by.how in ("rst", "fin") and session.closed_by.who in ("client", "server"):
        facts["closed_by"] = f"{session.closed_by.how} {session.closed_by.who}"
    tls = session.tls
    if tls is None:
        return facts
    hello, answer = tls.client_hello, tls.server_hello
    if hello is not None:
        facts["client_hello.frame"] = str(hello.frame)
        facts["client_hello.cipher_suites"] = suites_text(hello.cipher_suites)
        if hello.sni is not None:
            facts["client_hello.sni"] = hello.sni
        if hello.alpn:
            facts["client_hello.alpn"] = " ".join(hello.alpn)
        if hello.ja3 is not None:
            facts["client_hello.ja3"] = hello.ja3
    if answer is not None:
        facts["server_hello.frame"] = str(answer.frame)
        facts["server_hello.version"] = answer.version
        facts["server_hello.cipher_suite"] = cipher_suite_name(answer.cipher_suite)
    if tls.certificates:
        facts["certificates"] = " ".join(serial_text(one.serial) for one in tls.certificates)
    readable = [one for one in tls.alerts if one.code is not None]
    if readable:
        facts["alerts"] = ", ".join(alert_text(one.frame, one.sender, one.code or 0) for one in readable)
    return facts


def suites_text(codes: Iterable[int]) -> str:
    """Cipher suites as the hello lists them."""
    return " ".join(f"{code:04x}" for code in codes)


def serial_text(serial: str) -> str:
    """A serial number in hexadecimal, without leading zeros or separators."""
    return serial.replace(":", "").lower().lstrip("0") or "0"


def alert_text(frame: int, sender: str, code: int) -> str:
    """An alert in the clear."""
    return f"{frame} {sender} {alert_name(code)}"
