"""Facts and verdicts -> model: forms of values, and what is null."""

from __future__ import annotations

from typing import Any

import pytest

from capanalyzer.capture.records import CaptureInfo
from capanalyzer.diagnosis.verdict import Blame, Outcome, Stage, Verdict, WaitingOn
from capanalyzer.handshake.session import (
    Alert,
    Endpoint,
    Event,
    KnownBy,
    Quality,
    Session,
    Side,
    SideFacts,
    TcpFacts,
)
from capanalyzer.report import build, model
from capanalyzer.report.build import capture_model, session_id, session_model

from .samples import START_NS, at


def session(**changes: object) -> Session:
    """A connection in which the client said something unknown and was reset."""
    values: dict[str, object] = {
        "capture": 1,
        "stream": 7,
        "transport": "tcp",
        "client": Endpoint("2001:db8::7", 51000),
        "server": Endpoint("2001:db8::9", 443),
        "client_known_by": KnownBy.SYN,
        "start_ns": START_NS,
        "end_ns": START_NS + 60_000_000,
        "packets": (3, 2),
        "payload_bytes": (18, 0),
        "first_bytes": (b"GET / HTTP/1.1\r\n", None),
        "protocol": ("http", None),
        "tcp": TcpFacts(SideFacts(syn_ns=START_NS), SideFacts(), handshake_ack_ns=START_NS + 21_500_000),
        "tls": None,
        "upgrade": None,
        "quality": Quality(),
    }
    return Session(**(values | changes))  # type: ignore[arg-type]  # the fields above


def test_a_session_without_tls() -> None:
    one = session_model(5, session(), Verdict(Outcome.IDLE, closed_how="rst", closed_who="server"))
    assert one == model.Session(
        id=5,
        capture=1,
        transport="tcp",
        stream=7,
        community_id=one.community_id,
        client=model.Endpoint("2001:db8::7", 51000),
        server=model.Endpoint("2001:db8::9", 443),
        start=at(0),
        end=at(60),
        packets=model.Counts(3, 2),
        bytes=model.Counts(18, 0),
        first_bytes=model.SideTexts("474554202f20485454502f312e310d0a", None),
        protocol=model.SideTexts("http", None),
        outcome="idle",
        stage=None,
        waiting_on=None,
        blame=None,
        cause=None,
        history="",
        closed_by=model.ClosedBy("rst", "server"),
        tls=None,
        timing=model.Timing(21.5, None, None, None),
        findings=(),
        timeline=(),
        display_filter="tcp.stream eq 7",
    )
    assert one.community_id.startswith("1:")


def test_enumerations_become_their_values() -> None:
    verdict = Verdict(Outcome.FAILED, Stage.FIRST_BYTES, WaitingOn.NETWORK, Blame.UNKNOWN)
    one = session_model(0, session(), verdict)
    assert (one.outcome, one.stage, one.waiting_on, one.blame) == ("failed", "first-bytes", "network", "unknown")
    assert all(type(value) is str for value in (one.outcome, one.stage, one.waiting_on, one.blame))


@pytest.mark.parametrize(
    ("outcome", "timeline", "given"),
    [
        (Outcome.ESTABLISHED, False, False),
        (Outcome.ESTABLISHED, True, True),
        (Outcome.FAILED, False, True),
        (Outcome.INCOMPLETE, False, True),
        (Outcome.IDLE, False, False),
    ],
)
def test_whose_timeline_is_given(outcome: Outcome, timeline: bool, given: bool) -> None:
    facts = session(events=[Event(START_NS, 9, Side.CLIENT, "SYN", ""), Event(START_NS, 10, None, "ICMP", "x")])
    one = session_model(0, facts, Verdict(outcome), timeline=timeline)
    expected = (model.TimelineEntry(9, at(0), "client", "SYN", ""), model.TimelineEntry(10, at(0), None, "ICMP", "x"))
    assert one.timeline == (expected if given else ())


@pytest.mark.parametrize(
    ("alert", "expected"),
    [
        ((2, 70, False), ("fatal", 70, "protocol_version", False)),
        ((1, 0, False), ("warning", 0, "close_notify", False)),
        ((9, 253, False), ("9", 253, "unknown(253)", False)),
        ((None, None, True), (None, None, None, True)),
    ],
    ids=["fatal", "warning", "unknown", "encrypted"],
)
def test_alerts(alert: tuple[int | None, int | None, bool], expected: tuple[Any, ...]) -> None:
    level, code, encrypted = alert
    one = build._alert(Alert(START_NS, 12, Side.SERVER, level, code, encrypted, 2))
    assert one == model.Alert(12, "server", *expected)


def test_ids_depend_on_the_place_alone() -> None:
    """Unique, in the order of captures and streams, and exact in every JSON reader."""
    places = [(0, "tcp", 0), (0, "tcp", 9), (0, "udp", 0), (1, "tcp", 0), (1, "udp", 3), (9_000_000, "udp", 0)]
    ids = [session_id(*place) for place in places]
    assert ids == sorted(set(ids))
    assert ids[:2] == [0, 9]
    assert ids[-1] < 2**53


def test_chains_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture full of different certificates does not fill memory, and what is given stays right."""
    from capanalyzer.tls.certificates import CertificateFacts

    monkeypatch.setattr(build, "MAX_CHAINS", 4)
    chains = build._Chains()
    facts = [(CertificateFacts(bytes([number])),) for number in range(20)]
    for chain in facts:
        assert len(chains.get(chain)) == 1
        assert chains.get(chain) is chains.get(chain)
    assert len(chains._known) <= 4


def test_a_capture_s_header() -> None:
    info = CaptureInfo("caf\udce9.pcap", "pcapng", ["ethernet"], 3, 180, START_NS, None, warnings=["cut\udce9"])
    one = capture_model(info, "en")
    assert (one.path, one.warnings) == ("caf\\xe9.pcap", ("cut\\xe9",))
    assert (one.first_time, one.last_time) == (at(0), None)
