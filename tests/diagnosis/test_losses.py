"""What a capture lost is never held against a session that works."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import capanalyzer
from capanalyzer.report.model import Session
from tests.capture.builders import Packet, pcap, read_bytes

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
NAMES = (
    "certificate-accepted-all-the-same",
    "client-certificate-given",
    "client-certificate-given-tls13",
    "health-checks",
    "health-checks-tls",
    "healthy-ecdsa-tls13",
    "postgresql",
    "proxy-header-missing",
    "resumption",
    "starttls",
)
LOSSES: dict[str, Callable[[list[Packet], random.Random], list[Packet]]] = {
    "some": lambda packets, draw: [packet for packet in packets if draw.random() > 0.05],
    "many": lambda packets, draw: [packet for packet in packets if draw.random() > 0.4],
    "a run each": lambda packets, draw: [p for at, p in enumerate(packets) if at % 23 >= draw.choice((1, 2, 3, 5))],
    "bytes": lambda packets, draw: [
        Packet(p.time_ns, p.data[:96] if draw.random() < 0.2 else p.data, p.original) for p in packets
    ],
}


def analyze(packets: list[Packet], link: int) -> list[Session]:
    data = pcap(packets, network=link, magic=0xA1B23C4D, nanoseconds=True)
    return list(capanalyzer.analyze(io.BytesIO(data)))


def ends_of(session: Session) -> frozenset[tuple[str, int]]:
    """Which end is the client may no longer be known."""
    return frozenset(((session.client.ip, session.client.port), (session.server.ip, session.server.port)))


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("name", NAMES)
def test_losses_make_no_failure(name: str, loss: str) -> None:
    found = read_bytes(next((PCAPS / name).glob("capture.*")).read_bytes())
    packets, [link] = found.packets[:1500], set(found.links)
    whole = analyze(packets, link)
    failed = {ends_of(session) for session in whole if session.outcome == "failed"}
    assert len(failed) < len(whole)
    for seed in range(4):
        for session in analyze(LOSSES[loss](packets, random.Random(seed)), link):
            if session.outcome == "failed":
                assert ends_of(session) in failed, (seed, session.stream, session.cause)
