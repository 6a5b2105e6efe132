"""Lines of every format find their session in a street of real ones: healthy ones, and those that failed otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from capanalyzer.logs.clock import in_year_of
from capanalyzer.logs.fit import Confidence, Match, Missed, Why
from capanalyzer.logs.join import Join
from capanalyzer.logs.line import LogLine, TimeOf
from capanalyzer.logs.programs import PROGRAMS
from capanalyzer.logs.read import read_lines
from capanalyzer.logs.seen import Seen
from capanalyzer.report.log_because import because_text
from capanalyzer.report.log_texts import log_texts

from .made import SECOND, START_NS
from .stored import STORED, Stored
from .street import SHOW_LITTLE, street

WRITTEN_OF = {
    "alb-unmapped": "old-version",
    "alert-certificate-expired": "expired",
    "alert-certificate-rejected": "other-name",
    "alert-certificate-rejected-either": "other-name",
    "alert-client-certificate-rejected": "client-certificate-refused-42",
    "alert-handshake-failure": "handshake-failure",
    "alert-handshake-failure-either": "handshake-failure",
    "alert-protocol-version": "old-version",
    "alert-unknown-ca": "unknown-ca",
    "alert-unknown-ca-either": "unknown-ca",
    "alert-unrecognized-name": "refused-by-name",
    "backend-alpn": "no-alpn",
    "backend-check-failed": "http-answer",
    "backend-tls-failed": "http-answer",
    "backend-unreachable": "tcp-refused",
    "browser-protocol-error": "http-answer",
    "browser-version-or-cipher": "old-version",
    "client-certificate-missing": "client-certificate-missing",
    "client-certificate-refused": "client-certificate-refused",
    "client-certificate-refused-inside": "healthy",
    "closed-in-handshake": "closed-by-server",
    "closed-without-notify": "healthy",
    "connect-failed": "tcp-refused",
    "connect-refused": "tcp-refused",
    "date-invalid": "expired",
    "f5-connection-error": "handshake-failure",
    "f5-handshake-failed": "no-cipher",
    "f5-no-local-listener": "tcp-refused",
    "f5-plaintext-suspected": "http",
    "f5-reset-by-peer": "reset-by-server",
    "first-record-not-tls": "http-answer",
    "handshake-ok": "healthy",
    "handshake-timeout": "no-hello",
    "haproxy-handshake-failed": "http",
    "interception": "inspected",
    "local-internal-error": "internal-error",
    "left-without-request": "healthy",
    "no-alpn": "no-alpn",
    "no-backend": "closed-by-server",
    "no-backend-inside": "healthy",
    "no-filter-chain": "refused-by-name",
    "no-protocols-available": "connected-only",
    "no-shared-cipher": "no-cipher",
    "not-completed": "abandoned",
    "not-tls-received": "not-tls",
    "passed-on": "healthy",
    "passed-on-client-closed": "abandoned",
    "passed-on-server-closed": "reset-by-server",
    "passed-on-server-silent": "silent",
    "passed-on-unanswered": "closed-by-server",
    "peer-closed": "abandoned",
    "peer-reset": "reset-by-client",
    "plaintext-answer": "http-answer",
    "plaintext-http": "http",
    "proxy-header-missing": "proxy-header-missing",
    "proxy-header-unexpected": "proxy-header",
    "rejected-by-rule": "closed-by-server",
    "request-unreadable": "http-answer",
    "server-closed": "closed-by-server",
    "server-reset": "reset-by-server",
    "server-timeout": "silent",
    "sni-refused": "refused-by-name",
    "ssh-not-ssh": "speaks-first",
    "starttls-refused-by-server": "starttls-refused",
    "startup-packet-invalid": "plaintext-answer",
    "tls-to-plain-port": "http-answer",
    "unreadable-alert": "unknown-ca",
    "verify-expired": "expired",
    "verify-failed": "chain-incomplete",
    "verify-hostname": "other-name",
    "verify-self-signed": "self-signed",
    "verify-self-signed-in-chain": "inspected",
    "verify-unknown-issuer": "unknown-ca",
    "version-refused": "old-version",
}
"""By what a line means: the session of which it was written."""
ALERTS = {46: "other-name-46"}


def label_of(stored: Stored) -> str:
    if stored.format == "sshd":
        return "speaks-first"
    return ALERTS.get(stored.expect.get("alert", 0)) or WRITTEN_OF[stored.expect["meaning"]]


def as_written_of(stored: Stored, own: Seen) -> list[LogLine]:
    """The entry with the addresses, ports and names of a session in the places of those that it has."""
    text = stored.text
    name = own.sni or own.request_host
    if name is not None and "sni" in stored.expect:
        text = text.replace(stored.expect["sni"], name)
    for side, end in (("client", own.client), ("server", own.server)):
        ip, port = _parts(stored.expect.get(side, "*"))
        if ip is not None:
            text = text.replace(ip, end[0])
        if port is not None:
            text = re.sub(rf"(?<!\d){port}(?!\d)", str(end[1]), text)
    return list(read_lines(enumerate(text.splitlines(), 1)))


def _parts(written: str) -> tuple[str | None, str | None]:
    """Address and port of an end as the stored facts have it."""
    found = re.fullmatch(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<v4>[0-9.]+|\*))(?:%\d+)?(?::(?P<port>\d+))?", written)
    assert found is not None, written
    ip = found["v6"] or found["v4"]
    return None if ip == "*" else ip, found["port"]


def moved_to(sessions: Iterable[Seen], own: Seen, line: LogLine) -> list[Seen]:
    """The street at another time: the line was written at the moment of its session."""
    if line.time_ns is None:
        return list(sessions)
    written = line.time_ns if line.has_year else in_year_of(line.time_ns, START_NS)
    moment = {TimeOf.ACCEPT: own.start_ns, TimeOf.END: own.end_ns}.get(line.time_of, own.moment_ns)
    move = written - moment
    return [
        replace(one, start_ns=one.start_ns + move, end_ns=one.end_ns + move, moment_ns=one.moment_ns + move)
        for one in sessions
    ]


def join(lines: list[LogLine], sessions: list[Seen]) -> list[Match | Missed]:
    joining = Join(lines)
    for one in sessions:
        joining.wants(one)
    span = min(one.start_ns for one in sessions) - SECOND, max(one.end_ns for one in sessions) + SECOND
    joined = joining.finish(span)
    return [*joined.matches, *joined.missed]


def neighbours(lines: list[LogLine], own: Seen) -> list[Seen]:
    """The sessions that failed of something else, and those that did not fail."""
    causes = {cause for line in lines for cause in line.causes}
    if any(line.meaning == "verify-failed" for line in lines):  # of whatever a certificate may have
        causes |= {cause for one in street().values() for cause in one.causes if cause.startswith("certificate-")}
    others = [one for label, one in street().items() if one.id != own.id and label not in SHOW_LITTLE]
    return [own, *[one for one in others if causes.isdisjoint((*one.causes, *one.open_causes))]]


def has_session(stored: Stored) -> bool:
    """The samples have one of its kind; and it is a complaint, or names somebody."""
    expect = stored.expect
    return expect["meaning"] in WRITTEN_OF and (expect.get("is_failure", True) or "client" in expect)


ENTRIES = [one for one in STORED if has_session(one)]
OF_FORMAT = Counter(one.format for one in ENTRIES)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_format_has_at_least_three_lines(name: str) -> None:
    assert OF_FORMAT[name] >= 3


@pytest.mark.parametrize("stored", ENTRIES, ids=lambda one: f"{one.format}-{one.name}")
def test_a_line_is_joined_with_its_session(stored: Stored) -> None:
    """And explained. Beside it are healthy sessions, and others that failed of something else."""
    own = street()[label_of(stored)]
    lines = as_written_of(stored, own)
    (first, *_) = lines
    found = join(lines, moved_to(neighbours(lines, own), own, first))
    matches = [one for one in found if isinstance(one, Match)]
    assert [one.session for one in matches] == [own.id] * len(found), found
    for one in matches:
        english, japanese = (log_texts(one.line, lang) for lang in ("en", "ja"))
        assert all(mine and mine != theirs for mine, theirs in zip(english[:2], japanese[:2], strict=True))
        told = because_text(one, "en"), because_text(one, "ja")
        assert told == (None, None) if one.because is None else told[0] and told[1] and told[0] != told[1]
    if first.client.ip is None:
        assert {one.confidence for one in matches} <= {Confidence.POSSIBLE, Confidence.LIKELY}
        assert all(one.because is not None for one in matches)
        if first.sni is None:
            assert {one.confidence for one in matches} == {Confidence.POSSIBLE}
    else:
        assert all(one.because is None for one in matches)


@pytest.mark.parametrize("stored", ENTRIES, ids=lambda one: f"{one.format}-{one.name}")
def test_a_line_is_never_of_another_session(stored: Stored) -> None:
    """Beside it are all others, those that failed of the same too: then its session is the first that is named."""
    own = street()[label_of(stored)]
    lines = as_written_of(stored, own)
    for one in join(lines, moved_to(street().values(), own, lines[0])):
        if isinstance(one, Match):
            assert one.session == own.id
        else:
            assert one.why in (Why.SEVERAL, Why.CLOCK)
            assert own.id in one.candidates
