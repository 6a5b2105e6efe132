"""Hand-made sessions of the report's model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from capanalyzer.logs.clock import Clock
from capanalyzer.report import model
from capanalyzer.report.log_clock import clock_model
from capanalyzer.report.times import to_rfc3339

START_NS = 1_795_514_462_000_000_000
"""2026-11-24T10:01:02Z."""


def at(milliseconds: float) -> str:
    return to_rfc3339(START_NS + round(milliseconds * 1e6))


def finding(cause: str = "http-to-tls-port", **changes: object) -> model.Finding:
    whole = model.Finding(
        cause=cause,
        severity="failure",
        confidence="certain",
        title="Plaintext HTTP was sent to a port that speaks TLS",
        explanation="The first bytes are an HTTP request line; the server answered that it wants TLS.",
        evidence=(model.Evidence(115, at(43.1), "client", "an HTTP request line: GET / HTTP/1.1"),),
        alternatives=(),
        remedies=("Use https://, or give plaintext HTTP a port of its own.", "curl -v https://198.51.100.9/"),
    )
    return msgspec.structs.replace(whole, **changes)


def tls(sni: str | None = "api.example.com", version: str = "TLS 1.3") -> model.Tls:
    return model.Tls(
        client_hello=model.ClientHello(
            4, "TLS 1.2", ("TLS 1.3", "TLS 1.2"), (4865,), sni, ("h2",), (29,), "0" * 32, "t13"
        ),
        server_hello=model.ServerHello(6, version, 4865, None, "1" * 32, False),
        certificates=(),
        client_certificates=(),
        alerts=(),
        resumed=False,
    )


def session(stream: int = 0, *, capture: int = 0, **changes: Any) -> model.Session:
    """An established session; ``changes`` replace fields."""
    whole = model.Session(
        id=capture * 10**9 + stream,
        capture=capture,
        transport="tcp",
        stream=stream,
        community_id="1:abc=",
        client=model.Endpoint("192.0.2.7", 51000 + stream),
        server=model.Endpoint("198.51.100.9", 443),
        start=at(0),
        end=at(100),
        packets=model.Counts(10, 9),
        bytes=model.Counts(700, 4000),
        first_bytes=model.SideTexts("1603010200", "160303007a"),
        protocol=model.SideTexts("tls", "tls"),
        outcome="established",
        stage=None,
        waiting_on=None,
        blame=None,
        cause=None,
        history="CsiI",
        closed_by=model.ClosedBy("fin", "client"),
        tls=tls(),
        timing=model.Timing(21.0, 1.0, 22.0, 44.0),
        findings=(),
        timeline=(),
        display_filter=f"tcp.stream eq {stream}",
    )
    return msgspec.structs.replace(whole, **changes)


TIMELINE = (
    model.TimelineEntry(112, at(0), "client", "SYN", ""),
    model.TimelineEntry(113, at(21), "server", "SYN, ACK", ""),
    model.TimelineEntry(115, at(43.1), "client", "HTTP request", "GET / HTTP/1.1"),
    model.TimelineEntry(116, at(64.2), "server", "HTTP response", "400 Bad Request"),
    model.TimelineEntry(117, at(64.3), "server", "FIN, ACK", ""),
)


def failed(stream: int = 37, **changes: Any) -> model.Session:
    """A session that failed for plaintext HTTP on a TLS port."""
    values: dict[str, Any] = {
        "outcome": "failed",
        "stage": "first-bytes",
        "waiting_on": "client",
        "blame": "client",
        "cause": "http-to-tls-port",
        "tls": None,
        "protocol": model.SideTexts("http", "http-response"),
        "closed_by": model.ClosedBy("fin", "server"),
        "findings": (finding(),),
        "timeline": TIMELINE,
    }
    return session(stream, **(values | changes))


def capture(path: str = "edge.pcap", **changes: object) -> model.Capture:
    whole = model.Capture(
        path=path,
        format="pcap",
        link_types=("ethernet",),
        packets=12408,
        bytes=9_100_000,
        first_time=at(0),
        last_time=at(308_000),
        warnings=(),
        files=(path,),
        comments=(),
        truncated_packets=0,
        dropped_packets=0,
    )
    return msgspec.structs.replace(whole, **changes)


def log_line(text: str | None = "10:01:02 SSL_do_handshake() failed", **changes: Any) -> model.LogLine:
    """A line of nginx that speaks of a session."""
    whole = model.LogLine(
        source="error.log",
        line=12,
        text=text,
        format="nginx",
        time=at(90),
        offset_seconds=437.5,
        is_failure=True,
        said="local",
        title="The client spoke plaintext HTTP",
        meaning="The first bytes were an HTTP request in place of a TLS record.",
        misleads="The port is right; the scheme is not.",
        causes=("http-to-tls-port",),
        confidence="likely",
        found_by="client-address",
        agreement="same",
    )
    return msgspec.structs.replace(whole, **changes)


def unmatched_line(text: str | None = "10:09:02 SSL_do_handshake() failed", **changes: Any) -> model.UnmatchedLogLine:
    """A line of nginx that found no session."""
    whole = model.UnmatchedLogLine(
        source="error.log",
        line=13,
        text=text,
        format="nginx",
        time=None,
        title="The client spoke plaintext HTTP",
        meaning="The first bytes were an HTTP request in place of a TLS record.",
        misleads=None,
        causes=("http-to-tls-port",),
        reason="several-fit",
        candidates=(37, 38),
    )
    return msgspec.structs.replace(whole, **changes)


def log(path: str = "error.log", **changes: Any) -> model.Log:
    whole = model.Log(
        path=path,
        lines=1204,
        recognised=37,
        failures=30,
        joined=29,
        left_out=0,
        formats=("nginx",),
        clocks=(
            clock_model(0, "nginx", Clock(-31_962_500_000_000, 0, 12, 17, is_sure=True), has_zone=False, lang="en"),
        ),
        warnings=(),
    )
    return msgspec.structs.replace(whole, **changes)


@dataclass
class Told:
    """A trailer counted from sessions, as Document does it."""

    sessions: list[model.Session]
    captures: tuple[model.Capture, ...] = field(default_factory=lambda: (capture(),))
    unreadable: tuple[model.Unreadable, ...] = ()
    notes: tuple[str, ...] = ()
    logs: tuple[model.Log, ...] = ()
    unmatched: tuple[model.UnmatchedLogLine, ...] = ()

    def trailer(self) -> model.Trailer:
        from capanalyzer.report.incidents import Incidents

        incidents = Incidents()
        outcomes = dict.fromkeys(("established", "failed", "incomplete", "plaintext", "idle"), 0)
        causes: dict[str, int] = {}
        for one in self.sessions:
            outcomes[one.outcome] += 1
            if one.cause is not None:
                causes[one.cause] = causes.get(one.cause, 0) + 1
            if one.outcome == "failed":
                incidents.add(one)
        return model.Trailer(
            model.SCHEMA_VERSION,
            model.TOOL,
            self.captures,
            self.unreadable,
            incidents.result(),
            model.Summary(len(self.sessions), outcomes, causes, self.notes, None, self._log_counts()),
            self.logs,
            self.unmatched,
        )

    def _log_counts(self) -> model.LogCounts | None:
        if not self.logs:
            return None
        joined = [len(one.log_lines) for one in self.sessions if one.outcome == "failed"]
        count = sum(map(bool, joined))
        return model.LogCounts(sum(joined), len(self.unmatched), count, len(joined) - count)
