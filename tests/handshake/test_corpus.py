"""Sessions of real captures against facts that another program found in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dpkt
import pytest

from capanalyzer.handshake.session import Session
from capanalyzer.tls.codepoints import handshake_type_name
from tests.handshake.rows import Captured, read_capture

MAX_SIZE = 600_000
"""Larger captures are left to the comparison of the whole program."""
LEFT_OUT = {
    "arkime-socks5-http-302-frag.pcap",  # fragments, which this reader of captures leaves out
    "mercury-tlsv1_3.pcap",
    "zeek-ipv6-http-atomic-frag.pcap",
    "ndpi-443-opvn.pcap",  # TLS inside OpenVPN
    "ndpi-openvpn.pcap",
    "ndpi-openvpn_nohmac_tcp.pcapng",
    "zeek-quic-383379789-decrypt-crash.pcap",  # damaged on purpose
}


@pytest.fixture(scope="module")
def compared(corpus: Path) -> list[tuple[str, dict[str, Any], Session]]:
    """(where, facts, session) for every TCP session that both sides agree to be the same."""
    by_file: dict[str, list[dict[str, Any]]] = {}
    skipped = set(LEFT_OUT)
    with (corpus / "facts.jsonl").open() as file:
        for line in file:
            fact = json.loads(line)
            if fact["kind"] == "file":
                if fact.get("only_crashes_count") or fact["size"] > MAX_SIZE:
                    skipped.add(fact["file"])
            elif fact["transport"] == "tcp" and not fact.get("left_out"):
                by_file.setdefault(fact["file"], []).append(fact)
    pairs = []
    for name, facts in by_file.items():
        if name in skipped:
            continue
        found = captured(corpus / "captures" / name)
        for fact in facts:
            if fact["stream"] < len(found):
                one = found[fact["stream"]]
                if fact["frame_first"] == min(row[0] for row in one.rows):
                    pairs.append((f"{name} stream {fact['stream']}", fact, one.session()))
    return pairs


def captured(path: Path) -> list[Captured]:
    try:
        return read_capture(path)
    except (dpkt.Error, ValueError, OSError):
        return []  # not for this simple reader


def agreement(results: list[tuple[str, Any, Any]], least: float, count: int) -> None:
    """Nearly all equal; the reference is wrong at times, and says nothing of why."""
    wrong = [result for result in results if result[1] != result[2]]
    assert len(results) >= count
    assert len(results) - len(wrong) >= least * len(results), [
        (where, str(told)[:80], str(mine)[:80]) for where, told, mine in wrong[:12]
    ]


def is_swapped(fact: dict[str, Any], session: Session) -> bool:
    """The facts go by the first packet where there is no SYN."""
    return (fact["client"]["ip"], fact["client"]["port"]) != (session.client.ip, session.client.port)


def test_client(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    results = [(where, False, is_swapped(fact, s)) for where, fact, s in compared if fact["client_from"] == "syn"]
    agreement(results, 1.0, 500)


def test_first_bytes(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    results = []
    for where, fact, session in compared:
        for at, side in enumerate(("client", "server")):
            told = fact["first_bytes"]
            if f"{side}_note" not in told and f"first_bytes.{side}" not in (fact.get("unsure") or ()):
                mine = session.first_bytes[at ^ is_swapped(fact, session)]
                results.append((f"{where} {side}", told.get(side), mine.hex() if mine else None))
    agreement(results, 0.998, 1500)


def with_tls(
    compared: list[tuple[str, dict[str, Any], Session]], what: str
) -> list[tuple[str, dict[str, Any], Session]]:
    return [
        (where, fact["tls"], session)
        for where, fact, session in compared
        if fact["tls"]
        and session.tls
        and not {"tls", what} & set(fact.get("unsure") or ())
        # Where a capture lost bytes the reference stops, and we go on.
        and not session.quality.lost
        and not is_swapped(fact, session)
    ]


def test_tls_found(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    results = [
        (where, bool(fact["tls"]), session.tls is not None)
        for where, fact, session in compared
        if "tls" not in (fact.get("unsure") or ())
    ]
    agreement(results, 0.99, 900)


@pytest.mark.parametrize("side", [0, 1], ids=["client", "server"])
def test_handshakes(compared: list[tuple[str, dict[str, Any], Session]], side: int) -> None:
    """Types of handshake messages, in order."""
    results = []
    for where, fact, session in with_tls(compared, "handshakes"):
        assert session.tls is not None
        mine = [
            "encrypted" if m.encrypted else handshake_type_name(m.handshake_type)
            for m in session.tls.messages
            if m.content_type == 22 and m.side == side
        ]
        told = [
            "server_hello" if name == "hello_retry_request" else name
            for name in fact["handshakes"][("client", "server")[side]]
        ]
        results.append((where, told, mine))
    agreement(results, 0.975, 300)


def test_alerts(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    """Readable alerts: who, which, in which frame."""
    results = []
    for where, fact, session in with_tls(compared, "alerts"):
        assert session.tls is not None
        told = [(a["from"], a["code"], a["frame"]) for a in fact["alerts"] if not a.get("encrypted")]
        mine = [(a.side.name.lower(), a.code, a.frame) for a in session.tls.alerts if not a.encrypted]
        results.append((where, told, mine))
    agreement(results, 0.995, 300)


def test_hidden_alerts(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    """How many alert records cannot be read, those long after the handshake included."""
    results = []
    for where, fact, session in with_tls(compared, "alerts"):
        assert session.tls is not None
        told = sum(bool(a.get("encrypted")) for a in fact["alerts"])
        results.append((where, told, sum(a.encrypted for a in session.tls.alerts)))
    agreement(results, 0.98, 300)


def test_certificates(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    results = [
        (where, len(fact["server_certificates"]), len(session.tls.certificates))
        for where, fact, session in with_tls(compared, "server_certificates")
        if session.tls and fact.get("server_certificates") is not None
    ]
    agreement(results, 0.99, 100)


def test_complete_handshakes(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    """What looks complete to the facts' rule is complete, but for those that sizes, or silence, say were not."""
    results = [
        (where, True, session.tls.handshake_done_ns is not None)
        for where, fact, session in compared
        if session.tls and fact["tls"] and (fact.get("hint") or {}).get("outcome") == "complete"
    ]
    agreement(results, 0.97, 100)


def test_nothing_unexpected(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    """The table knows what real ends do."""
    results = [(where, (), session.tls.unexpected) for where, _, session in compared if session.tls]
    agreement(results, 0.995, 390)


def test_timelines(compared: list[tuple[str, dict[str, Any], Session]]) -> None:
    """Every session has one, in frame order, printable."""
    for where, _, session in compared:
        events = session.events
        assert events or session.payload_bytes == (0, 0), where
        assert [event.frame for event in events] == sorted(event.frame for event in events)
        assert all(event.event.isprintable() and event.detail.isprintable() for event in events), where
