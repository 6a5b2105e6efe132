"""Two sides of one proxied connection are found by ids and addresses, and only while both were there."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.packets.f5.cause import ResetCause
from capanalyzer.packets.f5.trailer import F5Address, FlowPart, PeerTuple, Trailer
from capanalyzer.streams.f5 import join
from capanalyzer.streams.f5.facts import Address, F5Facts, Segment
from capanalyzer.streams.f5.join import Kin
from capanalyzer.streams.f5.ranks import rank
from capanalyzer.streams.f5.slots import Slots

S = 10**9
SYN, ACK, RST = 2, 16, 4


def end(number: int, port: int) -> Address:
    return Address(bytes([10, 0, 0, number]), port)


CLIENT, VIP, SNAT, MEMBER = end(1, 40000), end(2, 443), end(3, 50000), end(4, 8443)


def peer(remote: Address, local: Address) -> PeerTuple:
    return PeerTuple(6, 4093, F5Address(remote.packed), F5Address(local.packed), remote.port, local.port)


class Capture:
    """Packets with trailers, given one by one."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.kin = Kin(self.slots)

    def see(
        self,
        stream: int,
        time_ns: int,
        ends: tuple[Address, Address],
        flow: int,
        other: int,
        *,
        tmm: int = 0,
        named: PeerTuple | None = None,
    ) -> None:
        place, _ = self.slots.claim(np.array([stream]))
        self.kin.note_times(place, np.array([time_ns]))
        trailer = Trailer(is_ingress=True, slot=1, tmm=tmm, flow=FlowPart(flow, other, 0, 0), peer=named)
        self.kin.facts(stream, ends).add(Segment(1, time_ns, *ends, ACK), trailer)
        self.kin.enter(stream)

    def others(self, stream: int) -> tuple[int, ...]:
        facts = self.kin.complete(stream)
        assert facts is not None
        return facts.others


def test_flow_id_and_peer_id_join_two_connections_from_either_side() -> None:
    one = Capture()
    one.see(0, 0, (CLIENT, VIP), 7, 0)
    one.see(1, S, (SNAT, MEMBER), 8, 7)  # only the server side names its peer
    assert one.others(0) == (1,)
    assert one.others(1) == (0,)


def test_the_same_ids_on_another_tmm_are_others() -> None:
    one = Capture()
    one.see(0, 0, (CLIENT, VIP), 7, 0)
    one.see(1, 0, (SNAT, MEMBER), 8, 7, tmm=1)
    assert one.others(0) == ()
    assert one.others(1) == ()


def test_an_id_that_is_used_again_joins_by_time() -> None:
    one = Capture()
    for stream, at in ((0, 0), (1, 100)):  # two clients, one after the other, were given the same flow id
        one.see(stream, at * S, (end(1, 40000 + stream), VIP), 7, 0)
        one.see(stream, (at + 5) * S, (end(1, 40000 + stream), VIP), 7, 0)
    one.see(2, 102 * S, (SNAT, MEMBER), 8, 7)
    assert one.others(2) == (1,)
    assert one.others(0) == ()
    assert one.others(1) == (2,)


def test_an_id_that_is_used_again_at_once_is_that_of_the_one_that_is_there() -> None:
    """What is freed last is given away first."""
    one = Capture()
    for stream, at in ((0, 0), (2, 3_000)):
        client, member = (end(1, 40000 + stream), VIP), (end(3, 50000 + stream), MEMBER)
        for ms in (0, 2_800):
            one.see(stream, (at + ms) * S // 1000, client, 7, 8)
            one.see(stream + 1, (at + ms + 50) * S // 1000, member, 8, 7)
    assert [one.others(stream) for stream in range(4)] == [(1,), (0,), (3,), (2,)]


def test_a_side_that_names_its_peer_is_joined_with_no_other() -> None:
    one = Capture()
    one.see(0, 0, (CLIENT, VIP), 7, 8, named=peer(MEMBER, SNAT))
    one.see(1, 0, (end(9, 1), end(9, 2)), 8, 7)  # the id fits, the addresses do not
    assert one.others(0) == ()
    one.see(2, 0, (SNAT, MEMBER), 0, 0)  # the addresses are enough
    assert one.others(0) == (2,)
    assert one.others(2) == (0,)


def test_a_server_side_connection_that_serves_many_clients_has_them_all() -> None:
    one = Capture()
    for stream in range(3):
        one.see(stream, stream * S, (end(1, 40000 + stream), VIP), 10 + stream, 20)
        one.see(3, stream * S, (SNAT, MEMBER), 20, 10 + stream)
    assert one.others(3) == (0, 1, 2)
    assert one.others(1) == (3,)


def test_a_connection_is_not_its_own_other_side() -> None:
    one = Capture()
    one.see(0, 0, (CLIENT, VIP), 7, 7)
    assert one.others(0) == ()


def test_what_is_forgotten_is_counted(monkeypatch: object) -> None:
    one = Capture()
    limit, join.MAX_KNOWN = join.MAX_KNOWN, 10  # type: ignore[misc]
    try:
        for stream in range(25):
            one.see(stream, 0, (end(1, stream), VIP), 100 + stream, 200 + stream)
    finally:
        join.MAX_KNOWN = limit  # type: ignore[misc]
    assert one.kin.forgotten == 15
    assert one.kin.complete(3) is None
    assert one.others(24) == ()


@given(st.lists(st.integers(0, 5), max_size=50))
@settings(deadline=None)
def test_ranks(streams: list[int]) -> None:
    expected = [streams[:at].count(stream) for at, stream in enumerate(streams)]
    assert rank(np.array(streams, np.int64)).tolist() == expected


# -- facts -------------------------------------------------------------------------------------------------------------


def facts_of(*packets: tuple[bool, int, Address, Address, int, ResetCause | None]) -> F5Facts:
    """(ingress, flags, source, destination, flow id, cause) each."""
    facts = F5Facts(0, (packets[0][2], packets[0][3]))
    for frame, (ingress, flags, source, destination, flow, cause) in enumerate(packets, 1):
        trailer = Trailer(is_ingress=ingress, slot=1, tmm=0, flow=FlowPart(flow, 0, 0, 0), cause=cause)
        facts.add(Segment(frame, frame * S, source, destination, flags), trailer)
    return facts


def test_the_side_is_told_by_who_was_received() -> None:
    facts = facts_of((True, SYN, CLIENT, VIP, 0, None), (False, SYN | ACK, VIP, CLIENT, 7, None))
    assert facts.side(CLIENT) == "client"
    facts = facts_of((False, SYN, SNAT, MEMBER, 8, None), (True, SYN | ACK, MEMBER, SNAT, 8, None))
    assert facts.side(SNAT) == "server"


def test_what_came_in_and_went_out_alike_is_forwarded() -> None:
    facts = facts_of((True, SYN, CLIENT, VIP, 0, None), (False, SYN, CLIENT, VIP, 7, None))
    assert facts.side(CLIENT) is None


def test_a_forged_rst_does_not_change_the_side() -> None:
    facts = facts_of(
        (True, SYN, CLIENT, VIP, 0, None), (False, SYN | ACK, VIP, CLIENT, 7, None), (True, RST, VIP, CLIENT, 7, None)
    )
    assert facts.side(CLIENT) == "client"
    reset = facts.reset(3)
    assert reset is not None
    assert reset.is_ingress


def test_odd_flows_are_noted() -> None:
    normal = facts_of((True, SYN, CLIENT, VIP, 0, None), (True, ACK, CLIENT, VIP, 7, None))
    assert (normal.syn_with_flow, normal.ack_without_flow) == (None, None)
    stale = facts_of((True, SYN, CLIENT, VIP, 7, None))
    assert stale.syn_with_flow == 1
    unknown = facts_of((True, ACK, CLIENT, VIP, 0, None))
    assert unknown.ack_without_flow == 1
    after_the_end = facts_of((False, RST, VIP, CLIENT, 7, None), (True, ACK, CLIENT, VIP, 0, None))
    assert after_the_end.ack_without_flow is None
