"""A connection that serves many: each is found, however late it comes, and without reading every trailer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import capanalyzer
from capanalyzer.packets.f5 import find
from capanalyzer.packets.f5.trailer import Trailer
from capanalyzer.streams.f5 import collect
from tests.f5_captures import Record, f5, frame_v4, write

NS, MS = 10**18, 10**6
VIP, SNAT, MEMBER = bytes([198, 51, 100, 9]), bytes([10, 0, 0, 9]), bytes([10, 0, 0, 5])
SERVER_SIDE = 0x9000
REQUEST, ANSWER = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
IN, OUT = True, False

Form = Callable[[Any], bytes]
FORMS = {
    "dpt": f5.dpt,
    "13.x": f5.legacy,
    "11.x": lambda say: f5.low(say, "v1") + f5.medium(say, "11"),
    "10.x": lambda say: f5.low(say, "10") + f5.medium(say, "10"),
}


class Wire:
    """Connections through one BIG-IP, packet by packet."""

    def __init__(self, form: Form) -> None:
        self.records: list[Record] = []
        self._form = form
        self._next: dict[tuple[bytes, int], list[int]] = {}

    def send(
        self, ms: int, say: Any, ends: tuple[bytes, int, bytes, int], up: bool, flags: int, data: bytes = b""
    ) -> None:
        client, port, server, server_port = ends
        seqs = self._next.setdefault((client, port), [100, 500])
        seq, ack = (seqs[0], seqs[1]) if up else (seqs[1], seqs[0])
        frame = frame_v4(
            self._form(say),
            hosts=(client, server),
            ports=(port, server_port),
            from_client=up,
            flags=flags,
            payload=data,
            seq=seq,
            ack=0 if flags == 2 else ack,
        )
        seqs[not up] += len(data) + bool(flags & 3)
        self.records.append((NS + ms * MS, frame))

    def opens(self, ms: int, say: Any, ends: tuple[bytes, int, bytes, int]) -> None:
        for at, (up, flags) in enumerate(((True, 0x02), (False, 0x12), (True, 0x10))):
            self.send(ms + at, replace(say, ingress=up == say.ingress), ends, up, flags)


def client_ends(number: int) -> tuple[bytes, int, bytes, int]:
    return bytes([192, 0, 2, 10 + number]), 40_000 + number, VIP, 80


def named(ends: tuple[bytes, int, bytes, int], *, is_member: bool) -> object:
    client, port, server, server_port = ends
    near, far = ".".join(map(str, client)), ".".join(map(str, server))
    return f5.Peer(far, server_port, near, port) if is_member else f5.Peer(near, port, far, server_port)


def shared(form: Form, clients: int, *, before: int, names: bool) -> list[Record]:
    """Clients one after the other, all served by one connection to the pool member.

    :param before: segments of each client before the BIG-IP has a connection for it.
    :param names: trailers name the other side's addresses.
    """
    wire, member = Wire(form), (SNAT, 50_000, MEMBER, 8080)
    for number in range(clients):
        at, ends = 1_000 * number, client_ends(number)
        alone = f5.Saying(ingress=IN, virtual_server="/Common/vs", flow=0x1000 + number)
        wire.opens(at, alone, ends)
        for part in range(before):
            wire.send(at + 10 + part, alone, ends, True, 0x18, b"GET / HTTP/1.1\r\n" if not part else b"X: y\r\n")
        paired = replace(alone, peer=SERVER_SIDE, other=named(member, is_member=True) if names else None)
        inside = f5.Saying(
            ingress=OUT,
            virtual_server="/Common/vs",
            flow=SERVER_SIDE,
            peer=alone.flow,
            other=named(ends, is_member=False) if names else None,
        )
        if not number:
            wire.opens(at + 100, inside, member)
        for turn in range(6):
            now = at + 110 + 10 * turn
            wire.send(now, inside, member, True, 0x18, REQUEST)
            wire.send(now + 2, replace(inside, ingress=IN), member, False, 0x18, ANSWER)
            wire.send(now + 4, replace(paired, ingress=OUT), ends, False, 0x18, ANSWER)
            wire.send(now + 6, paired, ends, True, 0x18, b"\r\n" + REQUEST)
        wire.send(at + 400, alone, ends, True, 0x11)
        wire.send(at + 401, replace(alone, ingress=OUT), ends, False, 0x11)
    return wire.records


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("before", [2, 24])
@pytest.mark.parametrize("form", FORMS)
def test_a_connection_that_serves_client_after_client(form: str, before: int, names: bool, tmp_path: Path) -> None:
    records = shared(FORMS[form], 12, before=before, names=names and form in ("dpt", "13.x"))
    sessions = capanalyzer.build_report(write(tmp_path / "a.pcap", records)).sessions
    [member] = [one for one in sessions if one.server.port == 8080]
    clients = [one.id for one in sessions if one.server.port == 80]
    assert len(clients) == 12
    for session in sessions:
        assert session.f5 is not None
        others = [other.session for other in session.f5.other_sides]
        assert others == (clients if session is member else [member.id])
    assert member.f5 is not None
    assert "12 connections of clients" in member.f5.notes[-1]


def test_what_goes_on_as_before_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is done in Python; of thousands of packets only those are read that name another peer."""
    wire, ends = Wire(f5.dpt), client_ends(0)
    say = f5.Saying(ingress=IN, virtual_server="/Common/vs", flow=7, peer=8)
    wire.opens(0, say, ends)
    for number in range(2_000):
        wire.send(10 + number, replace(say, peer=8 + number // 500), ends, True, 0x18, REQUEST)
    read = 0

    def counting(tail: bytes) -> Trailer | None:
        nonlocal read
        read += 1
        return find.read_trailer(tail)

    monkeypatch.setattr(collect, "read_trailer", counting)
    capanalyzer.build_report(write(tmp_path / "a.pcap", wire.records))
    assert read == collect.FIRST_PACKETS + 3


def test_a_client_that_is_served_by_many_connections(tmp_path: Path) -> None:
    """As HTTP/2 is: one of the servers refuses, and the client's own connection is fine."""
    wire, ends = Wire(f5.dpt), client_ends(0)
    say = f5.Saying(ingress=IN, virtual_server="/Common/vs", flow=0x1000)
    wire.opens(0, say, ends)
    for number in range(20):
        at, member = 100 * (number + 1), (SNAT, 50_000 + number, MEMBER, 8080)
        inside = f5.Saying(
            ingress=OUT,
            virtual_server="/Common/vs",
            flow=0x2000 + number,
            peer=0x1000,
            other=named(ends, is_member=False),
        )
        paired = replace(say, peer=inside.flow, other=named(member, is_member=True))
        wire.send(at, say, ends, True, 0x18, REQUEST)
        if number == 15:
            wire.send(at + 1, inside, member, True, 0x02)
            wire.send(at + 2, replace(inside, ingress=IN), member, False, 0x14)
            continue
        wire.opens(at + 1, inside, member)
        wire.send(at + 10, inside, member, True, 0x18, REQUEST)
        wire.send(at + 11, replace(inside, ingress=IN), member, False, 0x18, ANSWER)
        wire.send(at + 12, replace(paired, ingress=OUT), ends, False, 0x18, ANSWER)
    sessions = capanalyzer.build_report(write(tmp_path / "a.pcap", wire.records)).sessions
    [client] = [one for one in sessions if one.server.port == 80]
    [refused] = [one for one in sessions if one.outcome == "failed"]
    assert client.f5 is not None
    assert [other.session for other in client.f5.other_sides] == [one.id for one in sessions if one is not client]
    assert all(
        one.f5 is not None and [o.session for o in one.f5.other_sides] == [client.id]
        for one in sessions
        if one is not client
    )
    assert client.other_leg == refused.id
    assert "10.0.0.9:50015 -> 10.0.0.5:8080" in client.f5.story
    assert "20 connections to servers" in client.f5.notes[-1]
