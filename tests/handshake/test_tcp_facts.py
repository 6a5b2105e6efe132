"""Transmissions, acknowledgements, copies: what is worked out from rows when asked."""

from __future__ import annotations

from capanalyzer.handshake.session import Side
from capanalyzer.streams.flow import ACK, FIN, PSH, RST, SYN
from tests.handshake.messages import CLIENT_HELLO, SERVER_FLIGHT_12
from tests.handshake.rows import CLIENT, SERVER, Talk


def test_unanswered_segment() -> None:
    """The hello sent four times over 7 s and never acknowledged."""
    talk = Talk().connect()
    talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO, seq=1001)
    for wait_ms in (1000, 2000, 4000):
        talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO, seq=1001, after_ms=wait_ms)
    client = talk.session().tcp.client
    assert client.last_transmissions == 4
    assert client.last_transmission_span_ns == 7_000_000_000
    assert client.outstanding_length == len(CLIENT_HELLO)
    assert client.retransmissions == 3
    assert client.acked_bytes == 0
    assert client.acked_ns is None


def test_acknowledged_segment_is_not_outstanding() -> None:
    talk = Talk().connect().send(CLIENT, CLIENT_HELLO).ack(SERVER)
    client = talk.session().tcp.client
    assert (client.last_transmissions, client.outstanding_length) == (0, 0)
    assert client.acked_bytes == len(CLIENT_HELLO)
    assert client.acked_ns == talk.rows[-1][1]


def test_repacketised_retransmission() -> None:
    """Sent again in pieces: still retransmissions of what was sent before, and the rest counts as new."""
    talk = Talk().connect()
    talk.packet(SERVER, ACK, SERVER_FLIGHT_12[:60], seq=5001)
    talk.packet(SERVER, ACK, SERVER_FLIGHT_12[30:90], seq=5031, after_ms=300)
    server = talk.session().tcp.server
    assert server.retransmissions == 1
    assert server.sent_until == 90
    assert server.last_transmissions == 2
    assert server.outstanding_length == 60


def test_copy_from_a_mirror_port() -> None:
    """Same IP id, sequence number and flags within 5 ms: captured twice, not sent twice."""
    talk = Talk().connect()
    row = talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO)
    talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO, seq=row[4], ip_id=row[10], after_ms=0.2, ttl=63)
    client = talk.session().tcp.client
    assert (client.duplicates, client.retransmissions) == (1, 0)
    assert client.ttls == (64,)
    talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO, seq=row[4], after_ms=0.2)
    assert talk.session().tcp.client.retransmissions == 1


def test_without_ip_ids() -> None:
    """IPv6: data within 1 ms is a copy; equal pure ACKs are duplicate ACKs, not copies."""
    talk = Talk().connect()
    for row in list(talk.rows):
        talk.rows[row[0] - 1] = (*row[:10], 0, row[11])
    row = talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO, ip_id=0)
    talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO, seq=row[4], ip_id=0, after_ms=0.1)
    talk.packet(SERVER, ACK, ip_id=0)
    talk.packet(SERVER, ACK, ip_id=0, after_ms=0.1)
    tcp = talk.session().tcp
    assert (tcp.client.duplicates, tcp.client.retransmissions) == (1, 0)
    assert tcp.server.duplicates == 0


def test_reset_forensics() -> None:
    """What a RST is compared with: TTLs and IP ids of the same sender before it."""
    talk = Talk().connect()
    talk.packet(SERVER, ACK, ttl=57, ip_id=900)
    talk.packet(SERVER, RST, ttl=250, ip_id=1, seq=5001, payload=b"policy")
    tcp = talk.session().tcp
    assert tcp.server.ttls == (64, 57)
    assert tcp.server.ip_ids == (2, 900)
    (close,) = tcp.closes
    assert close.side is Side.SERVER
    assert close.is_rst
    assert (close.ttl, close.ip_id, close.payload) == (250, 1, b"policy")


def test_zero_window() -> None:
    talk = Talk().connect()
    talk.packet(SERVER, ACK, window=0)
    tcp = talk.session().tcp
    assert tcp.server.zero_window
    assert not tcp.client.zero_window


def test_round_trip_with_retransmitted_syn() -> None:
    """Karn: measured from the SYN that was answered."""
    talk = Talk()
    talk.packet(CLIENT, SYN)
    talk.packet(CLIENT, SYN, seq=1000, after_ms=1000)
    talk.packet(SERVER, SYN | ACK, after_ms=20)
    talk.packet(CLIENT, ACK, after_ms=3)
    tcp = talk.session().tcp
    assert tcp.rtt_ns == 23_000_000
    assert tcp.client.syn_count == 2
    assert (tcp.client.syn_frame, tcp.client.last_syn_ns) == (1, talk.rows[1][1])


def test_fin_is_no_keep_alive() -> None:
    talk = Talk().connect().send(CLIENT, CLIENT_HELLO).close(CLIENT)
    talk.packet(CLIENT, FIN | ACK, seq=talk.next[CLIENT] - 1, after_ms=300)
    client = talk.session().tcp.client
    assert client.keep_alives == 0


def test_first_and_last_data() -> None:
    talk = Talk().connect().send(CLIENT, CLIENT_HELLO).ack(SERVER).send(CLIENT, b"x" * 10)
    client = talk.session().tcp.client
    assert (client.first_data_ns, client.last_data_ns) == (talk.rows[3][1], talk.rows[5][1])
