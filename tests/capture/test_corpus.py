"""Captures that nobody here wrote: as many packets as tshark reads in each, and the same times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capanalyzer.capture.source import open_captures
from capanalyzer.errors import CaptureError

NOT_READ_BY_TSHARK = {
    "tcpdump-brcm-tag-prepend.pcap": 15,
    "tcpdump-brcm-tag.pcap": 23,
    "tcpdump-dsa-high-vid.pcap": 4,
    "tcpdump-edsa-high-vid.pcap": 4,
    "tcpdump-juniper_es_oobr.pcap": 1,
    "tcpdump-juniper_monitor_invalid_cookie_length.pcap": 1,
    "tcpdump-kday6.pcap": 1,
    "tcpdump-vtp_asan.pcap": 5,
}
"""tshark gives up on link types it does not know; here the packets are counted and not decoded."""

OTHER_VARIANT = {
    "pcapplusplus-clusterfuzz-testcase-minimized-FuzzTarget-5766899836387328.pcap": 1,
    "pcapplusplus-crash-exception-cast-constructed-record.pcap": 2,
    "suricata-bug-6875-01-fuzz.pcap": 1,
}
"""Fuzzed record headers, from which tshark 4.0 guesses another variant of pcap than its successors and we:
those look at the fields that the variants add."""

EXCEPTIONS = NOT_READ_BY_TSHARK | OTHER_VARIANT


def file_facts(corpus: Path) -> list[dict[str, Any]]:
    with (corpus / "facts.jsonl").open() as lines:
        return [fact for fact in map(json.loads, lines) if fact["kind"] == "file"]


@pytest.mark.parametrize("batch_bytes", [1 << 25, 5000])
def test_packet_counts(corpus: Path, batch_bytes: int) -> None:
    wrong = {}
    for fact in file_facts(corpus):
        name = fact["file"]
        (capture,) = open_captures([str(corpus / "captures" / name)], batch_bytes=batch_bytes)
        assert not isinstance(capture, CaptureError), name
        rows = sum(len(batch) for batch in capture.batches())
        info = capture.info
        assert rows == info.packets, name
        if info.packets != EXCEPTIONS.get(name, fact["packets"]):
            wrong[name] = (info.packets, fact["packets"])
        if name not in EXCEPTIONS:
            assert info.truncated_packets == (fact.get("cut_packets") or 0), name
            complaint = any("cut short" in line or "damaged" in line for line in fact.get("tshark_says") or [])
            assert complaint == any("analysed up to" in line for line in info.warnings), name
    assert wrong == {}


def test_times(corpus: Path) -> None:
    """The first packet's time is tshark's."""
    fuzzed = {fact["file"] for fact in file_facts(corpus) if fact.get("only_crashes_count")}
    first: dict[str, float] = {}
    with (corpus / "facts.jsonl").open() as lines:
        for fact in map(json.loads, lines):
            if fact["kind"] == "session" and fact.get("frame_first") == 1 and fact.get("time_first") is not None:
                first[fact["file"]] = float(fact["time_first"])
    # A fuzzed file's microseconds may be more than a second has; tshark's arithmetic overflows there.
    first = {name: seconds for name, seconds in first.items() if name not in fuzzed}
    assert len(first) > 300
    for name, seconds in first.items():
        (capture,) = open_captures([str(corpus / "captures" / name)])
        assert not isinstance(capture, CaptureError)
        batch = next(iter(capture.batches()))
        assert abs(int(batch.time_ns[0]) / 1e9 - seconds) < 1e-5, name
