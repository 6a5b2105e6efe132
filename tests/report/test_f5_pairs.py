"""Hundreds of proxied connections at once: ids used again, TMMs mixed, times out of order; each finds its own."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

import capanalyzer
from tests.f5_captures import Record, f5, frame_v4, write

NS, MS = 10**18, 10**6
VIP, SNAT, MEMBER = bytes([198, 51, 100, 9]), bytes([10, 0, 0, 9]), bytes([10, 0, 0, 5])
SPAN_MS = 400
"""A connection lasts so long, and a new one begins on the same TMM with the same id 5 s later."""
AGAIN_MS = 5_000
PAIRS = 300
IDS = 20


def text(address: bytes) -> str:
    return ".".join(map(str, address))


def one_pair(number: int, *, names_peer: bool) -> list[Record]:
    """A client's connection and the BIG-IP's own for it: the member refuses, and the BIG-IP passes that on."""
    turn, place = divmod(number, IDS)
    tmm = place % 4
    begin = NS + turn * AGAIN_MS * MS + place * 7 * MS
    client, port = bytes([192, 0, 2, 1 + number % 50]), 20_000 + number
    flow, peer = 0x1000 + place, 0x2000 + place  # the same for each turn
    outside, inside = (client, VIP), (SNAT, MEMBER)
    to_member = f5.Peer(text(MEMBER), 8443, text(SNAT), 30_000 + number) if names_peer else None
    to_client = f5.Peer(text(client), port, text(VIP), 443) if names_peer else None
    base = f5.Saying(ingress=True, tmm=tmm, virtual_server="/Common/vs", flow=flow, peer=0)
    paired = replace(base, peer=peer, other=to_member)
    beyond = f5.Saying(ingress=False, tmm=tmm, virtual_server="/Common/vs", flow=peer, peer=flow, other=to_client)
    relay = f5.cause_block("TCP RST from remote system", peer=True)
    steps = [
        (0, outside, port, 443, True, 0x02, replace(base, flow=0, virtual_server="")),
        (1, outside, port, 443, False, 0x12, replace(base, ingress=False)),
        (2, outside, port, 443, True, 0x10, base),
        (3, inside, 30_000 + number, 8443, True, 0x02, beyond),
        (SPAN_MS - 1, inside, 30_000 + number, 8443, False, 0x14, replace(beyond, ingress=True)),
        (SPAN_MS, outside, port, 443, False, 0x14, replace(paired, ingress=False, cause=relay)),
    ]
    return [
        (
            begin + at * MS,
            frame_v4(
                f5.legacy(say) if number % 2 else f5.dpt(say),
                hosts=hosts,
                ports=(sport, dport),
                from_client=way,
                flags=flags,
                seq=100 if way else 500,
                ack=0 if flags == 0x02 else 501 if way else 101,
            ),
        )
        for at, hosts, sport, dport, way, flags, say in steps
    ]


@pytest.mark.parametrize("names_peer", [True, False])
def test_every_connection_finds_its_own_other_side(names_peer: bool, tmp_path: Path) -> None:
    records = [record for number in range(PAIRS) for record in one_pair(number, names_peer=names_peer)]
    chance = random.Random(7)
    records.sort(key=lambda record: record[0] + chance.randrange(0, MS // 2))  # TMMs write as they come
    report = capanalyzer.build_report(write(tmp_path / "pairs.pcap", records))
    sessions = {session.id: session for session in report.sessions}
    assert len(sessions) == 2 * PAIRS
    for session in sessions.values():
        assert session.f5 is not None
        [other] = session.f5.other_sides
        beyond = sessions[other.session]
        assert beyond.f5 is not None
        ports = sorted((session.client.port, beyond.client.port))
        assert ports[1] - ports[0] == 10_000
        assert {session.f5.side, beyond.f5.side} == {"client", "server"}
    [refused] = [one for one in report.incidents if one.cause == "tcp-connect-refused"]
    assert refused.server.port == 8443
    assert refused.clients == 50


def test_beyond_the_room_sides_are_told_apart_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capanalyzer.diagnosis.judge.MAX_HELD", 1)
    records = sorted(record for number in range(PAIRS) for record in one_pair(number, names_peer=True))
    report = capanalyzer.build_report(write(tmp_path / "pairs.pcap", records))
    assert len(report.sessions) == 2 * PAIRS
    assert all(session.f5 is not None and session.f5.other_sides for session in report.sessions)
    assert any("told without what became of their other side" in text for text in report.captures[0].warnings)
