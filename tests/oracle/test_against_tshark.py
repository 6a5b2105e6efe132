"""Differential tests: stream numbers, names, cipher suites, versions, alerts and certificates as tshark reads them.

Live, over our own captures and a sample of the shared corpus. What tshark does not take for TLS (it goes by ports) is
not compared here; the whole corpus, with the readings that needed care, is in ``test_corpus.py``.
"""

from __future__ import annotations

import ipaddress
import json
import random
from pathlib import Path
from typing import Any

import pytest

import capanalyzer
from capanalyzer.tls.codepoints import cipher_suite_name
from tests.oracle.dissector import Stream, read_streams

PCAPS = Path(__file__).resolve().parent.parent.parent / "pcaps"
CAPTURES = sorted(path for path in PCAPS.glob("*/capture.*"))
SAMPLE = 40
"""Captures of the corpus read by both, the same ones every time."""
SMALL = 300_000
"""Bytes: tshark's time."""
VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
GREASE = frozenset(0x0A0A + 0x1010 * step for step in range(16))


def our_sessions(capture: Path) -> dict[int, dict[str, Any]]:
    document = json.loads(capanalyzer.build_report(capture).to_json())
    return {session["stream"]: session for session in document["sessions"]}


def facts_of(session: dict[str, Any]) -> dict[str, Any]:
    """In the dissector's terms."""
    tls = session["tls"] or {}
    hello, answer = tls.get("client_hello") or {}, tls.get("server_hello") or {}
    certificates = [*tls.get("certificates", []), *tls.get("client_certificates", [])]
    return {
        "sni": hello.get("sni"),
        "offered": [one for one in hello.get("cipher_suites", []) if one not in GREASE],
        "chosen": answer.get("cipher_suite"),
        "version": answer.get("version"),
        "alerts": [alert["code"] for alert in tls.get("alerts", []) if alert["code"] is not None],
        "serials": sorted(int(one["serial"], 16) for one in certificates),
    }


def facts_of_stream(stream: Stream) -> dict[str, Any]:
    version = None if stream.version is None else VERSIONS.get(stream.version, f"0x{stream.version:04x}")
    return {
        "sni": stream.sni,
        "offered": [one for one in stream.offered if one not in GREASE],
        "chosen": stream.chosen,
        "version": version,
        "alerts": stream.alerts,
        "serials": sorted(stream.serials),
    }


def ends_of(session: dict[str, Any]) -> set[tuple[str, int]]:
    return {(session[side]["ip"], session[side]["port"]) for side in ("client", "server")}


def compare(tshark: str, capture: Path) -> None:
    theirs, ours = read_streams(tshark, capture), our_sessions(capture)
    assert sorted(ours) == sorted(theirs), "streams and their numbers"
    for number, stream in theirs.items():
        source, source_port, target, target_port = stream.ends
        if source:
            ends = {(str(ipaddress.ip_address(source)), source_port), (str(ipaddress.ip_address(target)), target_port)}
            assert ends_of(ours[number]) == ends, f"endpoints of stream {number}"
        if stream.hello_seen and stream.chosen is not None:
            mine, other = facts_of(ours[number]), facts_of_stream(stream)
            if "_WITH_NULL_" in cipher_suite_name(stream.chosen):
                # Nothing is hidden there, and tshark reads on; to us what follows the ChangeCipherSpec is unreadable.
                del mine["alerts"], other["alerts"]
            assert mine == other, f"stream {number}"


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.parent.name)
def test_our_captures(tshark: str, capture: Path) -> None:
    compare(tshark, capture)


def test_a_sample_of_the_corpus(tshark: str, corpus: Path) -> None:
    """Streams, their numbers and their ends. What is inside is compared over the whole corpus."""
    facts = [json.loads(line) for line in (corpus / "facts.jsonl").read_text("utf-8").splitlines()]
    broken = {fact["file"] for fact in facts if fact["kind"] == "file" and fact.get("only_crashes_count")}
    unsure = {fact["file"] for fact in facts if fact["kind"] == "session" and fact.get("left_out")}
    names = sorted(
        path.name
        for path in (corpus / "captures").iterdir()
        if path.is_file() and path.stat().st_size < SMALL and path.name not in broken | unsure
    )
    differing = []
    for name in random.Random(1).sample(names, SAMPLE):
        theirs = read_streams(tshark, corpus / "captures" / name)
        ours = our_sessions(corpus / "captures" / name)
        if sorted(theirs) != list(range(len(theirs))):
            continue  # its SOCKS dissector takes a number for a connection that is only spoken of
        if sorted(ours) != sorted(theirs):
            differing.append((name, sorted(set(ours) ^ set(theirs))))
    assert not differing
