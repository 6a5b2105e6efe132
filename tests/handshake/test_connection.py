"""Connections from hand-made packets."""

from __future__ import annotations

import dataclasses

import pytest

from capanalyzer.handshake.connection import MAX_WINDOW, Connection
from capanalyzer.handshake.direction import WINDOW
from capanalyzer.handshake.session import KnownBy, Session, Side
from capanalyzer.handshake.states import State
from capanalyzer.streams.flow import ACK, FIN, PSH, RST, SYN
from tests.handshake.messages import (
    CCS,
    CLIENT_FLIGHT_12,
    CLIENT_HELLO,
    FINISHED_12,
    SERVER_FLIGHT_12,
    SERVER_FLIGHT_13,
    alert,
    handshake,
    record,
    sealed,
    server_hello_body,
)
from tests.handshake.rows import CLIENT, SERVER, Talk


def talk_12(talk: Talk | None = None) -> Talk:
    """A whole TLS 1.2 handshake with a request and an answer."""
    talk = (talk or Talk()).connect()
    talk.send(CLIENT, CLIENT_HELLO).ack(SERVER).send(SERVER, SERVER_FLIGHT_12).send(CLIENT, CLIENT_FLIGHT_12)
    return talk.send(SERVER, CCS + FINISHED_12).send(CLIENT, sealed(200)).send(SERVER, sealed(900))


def kinds(session: Session, side: Side) -> list[int]:
    """Content types of a side's messages."""
    assert session.tls is not None
    return [message.content_type for message in session.tls.messages if message.side == side]


class TestOrdinary:
    def test_facts(self) -> None:
        talk = talk_12().send(CLIENT, sealed(26, 21)).close(CLIENT).ack(SERVER).close(SERVER).ack(CLIENT)
        session = talk.session()
        tls, tcp = session.tls, session.tcp
        assert tls is not None
        assert tls.state is State.ESTABLISHED
        assert session.client == ("10.0.0.1", 40000)
        assert session.server == ("10.0.0.2", 443)
        assert session.client_known_by is KnownBy.SYN
        assert session.protocol == ("tls", "tls")
        assert session.first_bytes == (CLIENT_HELLO[:16], SERVER_FLIGHT_12[:16])
        assert session.opening == (b"", b"")
        assert tls.client_hello is not None
        assert tls.client_hello.sni == "example.org"
        assert (tcp.client.isn, tcp.server.isn) == (1000, 5000)
        assert (tcp.client.mss, tcp.server.mss) == (1460, 1460)
        assert tcp.handshake_ack_frame == 3
        assert tcp.rtt_ns == 2_000_000
        assert [(close.side, close.is_rst) for close in tcp.closes] == [(Side.CLIENT, False), (Side.SERVER, False)]
        assert not tcp.client.gap
        assert not tcp.server.gap
        assert tcp.client.acked_ns == talk.rows[4][1]
        assert session.quality.one_sided is None
        assert not session.quality.starts_mid_session
        assert not session.quality.lost

    def test_every_field_is_there(self) -> None:
        """Fields are filled by hand, for speed: none may be forgotten."""
        session = talk_12().session()
        for part in (session, session.tcp, session.tcp.client, session.tcp.server, session.quality):
            for field in dataclasses.fields(part):
                getattr(part, field.name)

    def test_settles(self) -> None:
        connection = Connection()
        rows = talk_12().rows
        connection.feed(rows[:-1])
        assert not connection.settled
        connection.feed(rows[-1:])
        assert connection.settled

    def test_late_alert(self) -> None:
        """Once settled only an alert at a segment's end is read: in the clear, behind data, and once."""
        talk = talk_12()
        talk.send(SERVER, sealed(500) + sealed(26, 21))
        again = talk.rows[-1]
        talk.packet(SERVER, ACK | PSH, again[8], seq=again[4], after_ms=300)
        talk.send(CLIENT, sealed(26, 21)).close(CLIENT)
        session = talk.session()
        assert session.tls is not None
        assert [(found.side, found.encrypted, found.length) for found in session.tls.alerts] == [
            (Side.SERVER, True, 26),
            (Side.CLIENT, True, 26),
        ]

    def test_finish_again(self) -> None:
        """Live: the same connection gives a session whenever it is asked, with what came in between."""
        talk = talk_12()
        connection = Connection()
        connection.feed(talk.rows[:5])
        early = connection.finish(talk.flow())
        connection.feed(talk.rows[5:])
        late = connection.finish(talk.flow())
        assert early.tls is not None
        assert early.tls.state is State.AWAIT_SERVER_HELLO
        assert late.tls is not None
        assert late.tls.state is State.ESTABLISHED
        assert early.tls.state is State.AWAIT_SERVER_HELLO
        assert len(early.tls.messages) == 1

    def test_timeline(self) -> None:
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO).send(SERVER, alert(70)).close(SERVER)
        talk.packet(CLIENT, RST)
        names = [(event.side, event.event) for event in talk.session().events]
        assert names == [
            (Side.CLIENT, "SYN"),
            (Side.SERVER, "SYN, ACK"),
            (Side.CLIENT, "ACK"),
            (Side.CLIENT, "ClientHello"),
            (Side.SERVER, "Alert"),
            (Side.SERVER, "FIN"),
            (Side.CLIENT, "RST"),
        ]
        events = talk.session().events
        assert "example.org" in events[3].detail
        assert events[4].detail == "fatal protocol_version"


class TestWhoIsTheClient:
    def test_syn_ack_only(self) -> None:
        talk = talk_12()
        del talk.rows[0]
        rows = [(*row[:2], 1 - row[2], *row[3:]) for row in talk.rows]  # side 0 is now the server
        connection = Connection()
        connection.feed(rows)
        session = connection.finish(talk.flow()._replace(ports=(443, 40000)))
        assert session.client_known_by is KnownBy.SYN_ACK
        assert session.client.port == 40000
        assert session.tls is not None
        assert session.tls.state is State.ESTABLISHED
        assert not session.quality.starts_mid_session

    @pytest.mark.parametrize("skip", [3, 5])
    def test_hello(self, skip: int) -> None:
        """No SYN: who sent the ClientHello, or did not send the ServerHello."""
        talk = talk_12()
        rows = [(*row[:2], 1 - row[2], *row[3:]) for row in talk.rows[skip:]]
        connection = Connection()
        connection.feed(rows)
        session = connection.finish(talk.flow()._replace(ports=(443, 40000)))
        assert session.client_known_by is KnownBy.HELLO
        assert session.client.port == 40000
        assert session.tls is not None
        assert session.tls.handshake.version == 0x0303
        assert session.tls.state is State.ESTABLISHED
        assert session.quality.starts_mid_session

    def test_server_found_after_data(self) -> None:
        """The sides were taken for each other until a hello said otherwise: senders are corrected."""
        talk = Talk()
        talk.send(CLIENT, sealed(50))
        talk.send(CLIENT, SERVER_FLIGHT_12)
        session = talk.session()
        assert session.client.port == 443  # the flow's side 1: it got a ServerHello
        assert kinds(session, Side.SERVER) == [23, 22, 22, 22, 22]
        assert kinds(session, Side.CLIENT) == []

    def test_port(self) -> None:
        talk = Talk()
        talk.send(CLIENT, sealed(50))
        assert talk.session().client_known_by is KnownBy.PORT
        assert talk.session().client.port == 40000

    def test_http(self) -> None:
        talk = Talk()
        talk.send(SERVER, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        talk.send(CLIENT, b"HTTP/1.1 200 OK\r\n\r\n")
        session = talk.session()
        assert session.client_known_by is KnownBy.HELLO
        assert session.client.port == 443

    def test_nothing_known(self) -> None:
        talk = Talk()
        talk.send(CLIENT, b"\x01\x02\x03\x04")
        connection = Connection()
        connection.feed(talk.rows)
        session = connection.finish(talk.flow()._replace(ports=(40000, 50000)))
        assert session.client_known_by is KnownBy.FIRST_PACKET


class TestReassembly:
    def test_late_segment_completes(self) -> None:
        """A hello in two segments, the first captured last: complete in the frame that completed it."""
        talk = Talk().connect()
        half = len(CLIENT_HELLO) // 2
        talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO[half:], seq=1001 + half)
        talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO[:half], seq=1001)
        session = talk.session()
        assert session.tls is not None
        (hello,) = session.tls.messages
        assert (hello.first_frame, hello.frame) == (5, 5)
        assert hello.time_ns == talk.rows[4][1]

    def test_first_frame_of_what_came_early(self) -> None:
        """Two messages, the second's segment captured first: it begins in its own frame, and is readable later."""
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO)
        first = handshake(2, server_hello_body())
        second = SERVER_FLIGHT_12[len(first) :]
        talk.packet(SERVER, ACK, second, seq=5001 + len(first))
        talk.packet(SERVER, ACK, first, seq=5001)
        session = talk.session()
        assert session.tls is not None
        spans = [(m.handshake_type, m.first_frame, m.frame) for m in session.tls.messages if m.side == SERVER]
        assert spans == [(2, 6, 6), (11, 5, 6), (12, 5, 6), (14, 5, 6)]

    def test_packets_that_were_written_in_another_order_than_they_came(self) -> None:
        """Their times say in which order they came: each is what its own frame said, when that came."""
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO).send(CLIENT, CLIENT_FLIGHT_12)
        first, second = talk.rows[3:5]
        talk.rows[3:5] = [(first[0], *second[1:]), (second[0], *first[1:])]
        session = talk.session()
        assert session.tls is not None
        hello, *rest = session.tls.messages
        assert (hello.frame, hello.time_ns) == (5, first[1])
        assert {(message.frame, message.time_ns) for message in rest} == {(4, second[1])}

    def test_wrap(self) -> None:
        session = talk_12(Talk(client_isn=0xFFFFFFC0, server_isn=0xFFFFFF00)).session()
        assert session.tls is not None
        assert session.tls.state is State.ESTABLISHED
        assert not session.tcp.server.gap

    def test_conflict(self) -> None:
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO)
        talk.packet(CLIENT, ACK, CLIENT_HELLO[:-5] + b"12345", seq=1001, after_ms=300)
        session = talk.session()
        assert session.tcp.client.conflict
        assert session.tls is not None
        assert session.tls.client_hello is not None

    def test_hole_that_the_capture_lost(self) -> None:
        """Acknowledged, not captured: told, and reading goes on behind it where a record begins."""
        talk = talk_12()
        flight = talk.rows[5]
        assert flight[8] == SERVER_FLIGHT_12
        del talk.rows[5]
        session = talk.session()
        assert session.tcp.server.gap
        assert session.tcp.server.gap_acked
        assert (session.tcp.server.gap_at, session.tcp.server.gap_length) == (0, len(SERVER_FLIGHT_12))
        assert session.quality.lost
        assert session.tls is not None
        assert session.tls.server_hello is None
        assert session.tls.state is State.ESTABLISHED
        assert session.first_bytes[1] == CCS + FINISHED_12[:10]

    def test_hole_of_the_path(self) -> None:
        """Not acknowledged: lost on the way, nothing behind it is read."""
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO)
        talk.packet(SERVER, ACK, SERVER_FLIGHT_12[100:], seq=5101)
        session = talk.session()
        assert session.tcp.server.gap
        assert not session.tcp.server.gap_acked
        assert session.tcp.server.gap_length == 100
        assert not session.quality.lost
        assert kinds(session, Side.SERVER) == []

    def test_fin_beyond_what_came(self) -> None:
        """All that arrived of the server's flight is a FIN whose number has jumped."""
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO)
        talk.packet(SERVER, FIN | ACK, seq=5001 + 3000)
        session = talk.session()
        assert (session.tcp.server.gap_at, session.tcp.server.gap_length) == (0, 3000)

    def test_acknowledged_fin_is_no_gap(self) -> None:
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO).close(CLIENT).ack(SERVER)
        assert not talk.session().tcp.client.gap

    def test_snap_length(self) -> None:
        talk = Talk().connect()
        talk.packet(CLIENT, ACK | PSH, CLIENT_HELLO[:40], length=len(CLIENT_HELLO))
        talk.ack(SERVER)
        session = talk.session()
        assert session.quality.truncated
        assert session.tcp.client.truncated
        assert session.first_bytes[0] == CLIENT_HELLO[:16]
        assert session.protocol[0] == "tls"
        assert session.tls is not None

    def test_earlier_segment_of_a_connection_without_syn(self) -> None:
        """Captured from the middle with two segments swapped: the lower sequence number is the beginning."""
        talk = talk_12()
        rows = talk.rows[3:]
        hello = rows[0]
        early = (*hello[:4], hello[4], *hello[5:7], 30, hello[8][:30], *hello[9:])
        late = (*hello[:4], hello[4] + 30, *hello[5:7], hello[7] - 30, hello[8][30:], *hello[9:])
        connection = Connection()
        connection.feed([late, early, *rows[1:]])
        session = connection.finish(talk.flow())
        assert session.tls is not None
        assert session.tls.client_hello is not None
        assert session.tls.state is State.ESTABLISHED

    def test_syn_captured_late(self) -> None:
        talk = talk_12()
        syn, *rest = talk.rows
        connection = Connection()
        connection.feed([*rest[:4], syn, *rest[4:]])
        session = connection.finish(talk.flow())
        assert session.client_known_by is KnownBy.SYN
        assert session.tls is not None
        assert session.tls.state is State.ESTABLISHED
        assert session.tcp.client.isn == 1000

    def test_a_keep_alive_alone_is_no_data_where_the_byte_before_it_was_acknowledged(self) -> None:
        """Captured from the middle: the acknowledgement tells which byte would be the next."""
        talk = Talk()
        talk.send(SERVER, b"some data")
        talk.packet(CLIENT, ACK, b"\0", seq=999)
        session = talk.session()
        assert (session.client, session.first_bytes) == (("10.0.0.1", 40000), (None, b"some data"))

    def test_keep_alive_is_no_data(self) -> None:
        talk = talk_12()
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO).ack(SERVER)
        talk.packet(CLIENT, ACK, b"\0", seq=talk.next[CLIENT] - 1, after_ms=1000)
        talk.send(SERVER, SERVER_FLIGHT_12)
        session = talk.session()
        assert session.tcp.client.keep_alives == 1
        assert session.tcp.client.retransmissions == 0
        assert not session.tcp.client.conflict

    def test_data_in_syn(self) -> None:
        """TCP fast open, RFC 7413."""
        talk = Talk()
        talk.packet(CLIENT, SYN, CLIENT_HELLO)
        talk.packet(SERVER, SYN | ACK)
        talk.packet(CLIENT, ACK)
        talk.send(SERVER, SERVER_FLIGHT_12)
        session = talk.session()
        assert session.tcp.client.data_in_syn
        assert session.tls is not None
        assert session.tls.state is State.AWAIT_CLIENT_KEY_EXCHANGE
        assert session.tls.client_hello is not None

    def test_flight_that_stopped(self) -> None:
        """One record with the whole flight, of which the end never came: the ServerHello in it did."""
        flight = b"".join(SERVER_FLIGHT_12[at + 5 : at + 5 + size] for at, size in records(SERVER_FLIGHT_12))
        whole = record(22, flight)
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO).send(SERVER, whole[:-20])
        connection = Connection()
        connection.feed(talk.rows)
        session = connection.finish(talk.flow())
        assert session.tls is not None
        assert session.tls.version == 0x0303
        assert session.tls.state is State.AWAIT_SERVER_HELLO_DONE
        talk.send(SERVER, whole[-20:])
        connection.feed(talk.rows[-1:])
        session = connection.finish(talk.flow())
        assert session.tls is not None
        assert session.tls.state is State.AWAIT_CLIENT_KEY_EXCHANGE
        assert [m.frame for m in session.tls.messages] == [4, 6, 6, 6, 6]


def records(data: bytes) -> list[tuple[int, int]]:
    """(offset, length) of the records in ``data``."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        found.append((at, size))
        at += 5 + size
    return found


class TestWanted:
    def test_grows_with_a_long_message(self) -> None:
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO)
        chain = handshake(2, server_hello_body())
        body = bytes((11,)) + (60_000).to_bytes(3, "big") + bytes(60_000)
        records = b"".join(
            bytes((22, 3, 3)) + len(body[at : at + 16_000]).to_bytes(2, "big") + body[at : at + 16_000]
            for at in range(0, len(body), 16_000)
        )
        connection = Connection()
        connection.feed(talk.rows)
        assert connection.wanted == (WINDOW, WINDOW)
        before = len(talk.rows)
        talk.send(SERVER, chain + records)
        connection.feed(talk.rows[before : before + 3])
        assert 60_000 < connection.wanted[1] <= MAX_WINDOW
        connection.feed(talk.rows[before + 3 :])
        session = connection.finish(talk.flow())
        assert session.tls is not None
        assert session.tls.messages[-1].length == 60_000

    def test_bounded(self) -> None:
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO)
        talk.send(SERVER, bytes((22, 3, 3, 0x40, 0, 11, 0xFF, 0xFF, 0xFF)) + bytes(5000))
        connection = Connection()
        connection.feed(talk.rows)
        assert connection.wanted[1] <= MAX_WINDOW

    def test_nothing_beyond_the_window_is_read(self) -> None:
        talk = Talk().connect().send(CLIENT, b"\x01\x02" * 30_000)
        session = talk.session()
        assert WINDOW <= session.tcp.client.stream_bytes < WINDOW + 1460
        assert not session.tcp.client.gap


class TestUpgrades:
    def test_connect(self) -> None:
        talk = Talk().connect().send(CLIENT, b"CONNECT example.org:443 HTTP/1.1\r\n\r\n")
        talk.send(SERVER, b"HTTP/1.1 200 Connection established\r\n\r\n").send(CLIENT, CLIENT_HELLO)
        talk.send(SERVER, SERVER_FLIGHT_13)
        session = talk.session()
        assert session.upgrade is not None
        assert session.upgrade.kind == "connect"
        assert session.upgrade.agreed is True
        assert (session.upgrade.frame, session.upgrade.answer_frame) == (4, 5)
        assert session.tls is not None
        assert session.tls.state is State.AWAIT_CLIENT_FLIGHT
        assert session.tls.messages[0].offset == session.upgrade.tls_offset[0] == 36
        assert session.tls.messages[0].frame == 6
        assert session.opening[0].startswith(b"CONNECT")
        assert session.protocol == ("http", "http-response")

    def test_hello_in_the_same_segment(self) -> None:
        header = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n"
        talk = Talk().connect().send(CLIENT, header + CLIENT_HELLO).send(SERVER, SERVER_FLIGHT_12)
        session = talk.session()
        assert session.upgrade is not None
        assert session.upgrade.kind == "proxy-v1"
        assert session.tls is not None
        assert session.tls.state is State.AWAIT_CLIENT_KEY_EXCHANGE
        assert session.tls.messages[0].frame == 4

    def test_refused(self) -> None:
        talk = Talk().connect().send(CLIENT, b"CONNECT example.org:443 HTTP/1.1\r\n\r\n")
        talk.send(SERVER, b"HTTP/1.1 403 Forbidden\r\n\r\n")
        session = talk.session()
        assert session.upgrade is not None
        assert session.upgrade.agreed is False
        assert "403" in session.upgrade.answer
        assert session.tls is None

    def test_agreed_and_not_tls(self) -> None:
        """What was agreed on is not what came: no TLS is made up."""
        talk = Talk().connect().send(CLIENT, b"CONNECT example.org:22 HTTP/1.1\r\n\r\n")
        talk.send(SERVER, b"HTTP/1.1 200 OK\r\n\r\n").send(SERVER, b"SSH-2.0-OpenSSH_9.2\r\n")
        assert talk.session().tls is None

    def test_tls_to_http(self) -> None:
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO)
        talk.send(SERVER, b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>")
        session = talk.session()
        assert session.protocol == ("tls", "http-response")
        assert session.tls is not None
        assert session.tls.state is State.AWAIT_SERVER_HELLO
        assert session.opening[1].startswith(b"HTTP/1.1 400")

    def test_plain_http_settles(self) -> None:
        talk = Talk().connect().send(CLIENT, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
        talk.send(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection = Connection()
        connection.feed(talk.rows)
        assert connection.settled
        assert connection.finish(talk.flow()).tls is None


class TestQuality:
    def test_one_sided(self) -> None:
        talk = talk_12()
        talk.rows = [row for row in talk.rows if row[2] == CLIENT]
        session = talk.session()
        assert session.quality.one_sided is Side.CLIENT
        talk = Talk()
        talk.packet(CLIENT, SYN)
        talk.packet(CLIENT, SYN, seq=1000, after_ms=1000)
        assert talk.session().quality.one_sided is None  # nobody answered: nothing says that the capture lost it
        assert talk.session().tcp.client.syn_count == 2

    def test_a_syn_on_both_sides_of_a_router(self) -> None:
        """It was sent once; the one a second later was sent again."""
        talk = Talk()
        for flags, side in ((SYN, CLIENT), (SYN | ACK, SERVER)):
            first = talk.packet(side, flags)
            talk.packet(side, flags, seq=first[4], ack=first[5], after_ms=0.1, ttl=63, ip_id=first[10])
        talk.packet(SERVER, SYN | ACK, seq=5000, after_ms=1000)
        tcp = talk.session().tcp
        assert (tcp.client.syn_count, tcp.client.syn_copies) == (1, 1)
        assert (tcp.server.syn_count, tcp.server.syn_copies) == (2, 1)

    def test_when_what_is_missing_had_arrived(self) -> None:
        """The acknowledgement says it; nothing does where all is there."""
        talk = Talk().connect().send(CLIENT, CLIENT_HELLO).send(SERVER, SERVER_FLIGHT_12, after_ms=5).ack(CLIENT)
        assert talk.session().tcp.server.gap_ns is None
        acknowledged_ns = talk.rows[-1][1]
        talk.rows = [row for row in talk.rows if row[2] == CLIENT or not row[7]]
        session = talk.session()
        assert session.quality.lost
        assert session.tcp.server.gap_ns == acknowledged_ns

    def test_one_sided_server(self) -> None:
        talk = talk_12()
        talk.rows = [row for row in talk.rows if row[2] == SERVER]
        assert talk.session().quality.one_sided is Side.SERVER

    def test_nothing_sent(self) -> None:
        session = Talk().connect().close(CLIENT).session()
        assert session.first_bytes == (None, None)
        assert session.protocol == (None, None)
        assert session.tls is None

    def test_no_rows_at_all(self) -> None:
        """A flow whose rows were all beyond a cap still gives a session."""
        session = Connection().finish(Talk().connect().flow())
        assert session.tls is None
        assert session.events == []
        assert session.tcp.client.ttls == ()


class TestCarriesData:
    def test_a_begun_record_counts_where_the_other_end_sent_whole_ones(self) -> None:
        def begun(both: bool) -> bool:
            talk = Talk().connect().send(CLIENT, CLIENT_HELLO).ack(SERVER).send(SERVER, SERVER_FLIGHT_12)
            talk.send(CLIENT, CLIENT_FLIGHT_12).send(SERVER, CCS + FINISHED_12)
            if both:
                talk.send(SERVER, sealed(900))
            talk.send(CLIENT, sealed(16_000)[:1400])
            session = talk.session()
            assert session.tls is not None
            assert session.tls.data_from == (False, both)
            return session.tls.carries_data

        assert begun(True)
        assert not begun(False)

    def test_whole_records(self) -> None:
        session = talk_12().session()
        assert session.tls is not None
        assert session.tls.carries_data
