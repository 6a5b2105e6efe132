"""The record layer of one direction."""

from __future__ import annotations

import pytest

from capanalyzer.tls import records
from capanalyzer.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, SSLV2, Message, TlsReader
from tests.tls.wires import HELLO_RETRY, MODERN_HELLO, client_hello, message, record, server_hello, vector

CCS = record(20, b"\x01")
SERVER_FLIGHT = message(2, server_hello()) + message(11, vector(3, vector(3, bytes(900)))) + message(14, b"")
CIPHERTEXT = bytes.fromhex("9d3c5f1e77a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e")

STREAMS = {
    "several messages in one record": record(22, SERVER_FLIGHT),
    "one record a message": b"".join(
        record(22, part) for part in (message(2, server_hello()), message(11, bytes(40)), message(14, b""))
    ),
    "one message over records": b"".join(record(22, SERVER_FLIGHT[at : at + 7]) for at in range(0, 200, 7)),
    "full handshake, client": record(22, message(1, MODERN_HELLO), 0x0301)
    + record(22, message(16, bytes(66)))
    + CCS
    + record(22, CIPHERTEXT)
    + record(23, bytes(100))
    + record(21, CIPHERTEXT[:26]),
    "hello retry, client": record(22, message(1, MODERN_HELLO))
    + CCS
    + record(22, message(1, MODERN_HELLO))
    + record(23, b"x"),
    "clear alerts": record(21, b"\x02\x28") + record(21, b"\x01\0\x02\x28"),
    "heartbeat": record(24, b"\x01\x40\0rest"),
    "SSLv2 hello, then TLS": b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10"
    + bytes(37)
    + record(22, message(16, bytes(66)))
    + CCS,
    "SSLv2": b"\x80\x1f\x01\0\x02\0\x06\0\0\0\x10"
    + bytes(22)
    + b"\x80\x05\x02abcd"
    + b"\0\x03\x01xyz"
    + b"\x80\x08ciphered",
    "garbage after a record": record(22, message(14, b"")) + b"HTTP/1.1 400 Bad Request\r\n",
    "garbage": b"\x16\x04nothing",
    "a message too long": record(22, b"\x0b\xff\xff\xff" + bytes(20)) + CCS,
    "an empty record": record(22, b"") + record(22, message(14, b"")) + record(23, b""),
    "trailing bytes": record(22, message(14, b"") + b"\xff\xff\xff\xff\xff"),
    "a message cut off": record(22, message(11, bytes(100))[:50]) + record(21, b"\x02\x28"),
    "unfinished": record(22, message(11, bytes(100)))[:60],
}


def read(pieces: list[bytes], **options: bool) -> TlsReader:
    reader = TlsReader(1, **options)
    for piece in pieces:
        reader.feed(piece, 5, 1000)
    return reader


def results(reader: TlsReader) -> tuple[object, ...]:
    return (
        reader.messages,
        reader.record_count,
        reader.application_records,
        reader.application_bytes,
        reader.malformed,
        reader.desynchronised,
        reader.pending,
        reader.wants_until,
    )


@pytest.mark.parametrize("data", STREAMS.values(), ids=STREAMS.keys())
@pytest.mark.parametrize("size", [1, 3, 50])
def test_nothing_new_is_nothing_new(data: bytes, size: int) -> None:
    """Where the reader says so, all that its user looks at is as before."""
    reader = TlsReader(0)
    for at in range(0, len(data), size):
        before = (len(reader.messages), reader.wants_until, reader.wants_more, reader.desynchronised)
        if not reader.feed(data[at : at + size], at, at):
            assert (len(reader.messages), reader.wants_until, reader.wants_more, reader.desynchronised) == before
            assert reader.record_end == reader.wants_until
            assert reader.pending is not None
            assert reader.pending.content_type == APPLICATION_DATA


def test_a_begun_record_of_data() -> None:
    """Data, if it is longer than an alert can look in TLS 1.3."""
    reader = TlsReader(0)
    assert reader.feed(b"\x17\x03\x03\x40", 1, 1)
    assert not reader.is_in_data
    assert reader.feed(b"\x11" + bytes(10), 1, 1)
    assert reader.is_in_data
    assert not reader.feed(bytes(1000), 2, 2)
    assert reader.feed(bytes(0x4011 - 1010), 3, 3)
    assert not reader.is_in_data
    assert [(m.first_frame, m.frame) for m in reader.messages] == [(1, 3)]
    reader.feed(b"\x17\x03\x03\0\x30" + bytes(10), 4, 4)
    assert not reader.is_in_data
    assert reader.wants_more


def kinds(reader: TlsReader) -> list[tuple[int, int, bool]]:
    return [(m.content_type, m.handshake_type, m.encrypted) for m in reader.messages]


@pytest.mark.parametrize("data", STREAMS.values(), ids=STREAMS.keys())
def test_pieces_make_no_difference(data: bytes) -> None:
    """Whole, cut in two at every place and one byte at a time: the same messages."""
    whole = results(read([data]))
    cuts = range(1, len(data), 1 if len(data) < 400 else 7)
    for at in cuts:
        assert results(read([data[:at], data[at:]])) == whole, at
    assert results(read([data[at : at + 1] for at in range(len(data))])) == whole


def test_frames_and_offsets() -> None:
    """A message names the frame of its first byte and the one where its record was complete."""
    data = record(22, SERVER_FLIGHT)
    certificate_at = 5 + 4 + len(server_hello())
    reader = TlsReader(1, offset=100)
    reader.feed(data[:20], 3, 30)
    reader.feed(data[20 : certificate_at + 2], 4, 40)
    reader.feed(data[certificate_at + 2 :] + record(21, b"\x02\x28"), 6, 60)
    hello, certificate, done, alert = reader.messages
    assert (hello.first_frame, hello.frame, hello.time_ns, hello.offset) == (3, 6, 60, 100)
    assert (certificate.first_frame, certificate.frame, certificate.offset) == (4, 6, 100 + certificate_at)
    assert (done.first_frame, done.frame) == (6, 6)
    assert (alert.first_frame, alert.frame, alert.offset) == (6, 6, 100 + len(data))
    assert alert == Message(60, 6, 6, 1, ALERT, -1, 2, False, 0x0303, 100 + len(data), b"\x02\x28")


def test_message_over_records_begins_where_its_first_record_does() -> None:
    body = message(11, bytes(range(200)))
    reader = TlsReader(1)
    reader.feed(record(22, body[:3]), 1, 10)
    assert reader.wants_more
    reader.feed(record(22, body[3:100]), 2, 20)
    assert reader.pending is not None
    assert (reader.pending.wanted, reader.pending.present) == (204, 100)
    assert reader.pending.body == body[4:100]
    reader.feed(record(22, body[100:]), 3, 30)
    (only,) = reader.messages
    assert (only.first_frame, only.frame, only.length, only.body) == (1, 3, 200, body[4:])
    assert not reader.wants_more


def test_ciphertext_after_change_cipher_spec() -> None:
    reader = read([STREAMS["full handshake, client"]])
    assert kinds(reader) == [
        (22, 1, False),
        (22, 16, False),
        (20, -1, False),
        (22, -1, True),
        (23, -1, True),
        (21, -1, True),
    ]
    assert (reader.application_records, reader.application_bytes) == (1, 100)


@pytest.mark.parametrize("hello", [message(1, MODERN_HELLO), message(2, server_hello(random=HELLO_RETRY))])
def test_hello_behind_a_dummy_change_cipher_spec_is_clear(hello: bytes) -> None:
    """RFC 8446 appendix D.4: the second hello follows a ChangeCipherSpec that encrypts nothing."""
    reader = read([CCS + record(22, hello)])
    assert reader.messages[1].handshake_type == hello[0]
    assert reader.messages[1].body == hello[4:]


def test_alert_of_two_bytes_is_clear_even_after_change_cipher_spec() -> None:
    reader = read([CCS + record(21, b"\x02\x33") + record(21, b"\x07\x33") + record(21, bytes(19))])
    assert [(m.encrypted, m.body) for m in reader.messages[1:]] == [(False, b"\x02\x33"), (True, b""), (True, b"")]


def test_ciphertext_without_change_cipher_spec() -> None:
    """Captured from the middle: what cannot be a handshake message is ciphertext, and so is what follows."""
    nonce = bytes(8) + CIPHERTEXT[:32]
    reader = read([record(22, nonce) + record(22, message(14, b""))])
    assert kinds(reader) == [(22, -1, True), (22, -1, True)]
    assert reader.messages[0].length == 40
    assert not reader.malformed


@pytest.mark.parametrize(
    "start",
    [
        b"\x0e\0\0\x01\xff\xff",
        b"\x01\0\0\x05\x03\x03",
        b"\x02\0\0\x50\x09\x09" + bytes(99),
        b"\x14\0\x20\0" + bytes(40),
    ],
    ids=["ServerHelloDone with a body", "short ClientHello", "ServerHello of version 9", "Finished of 8192 bytes"],
)
def test_impossible_first_message_is_ciphertext(start: bytes) -> None:
    assert kinds(read([record(22, start)])) == [(22, -1, True)]


def test_unknown_type_that_fills_the_record_is_a_message() -> None:
    assert kinds(read([record(22, message(99, b"abc"))])) == [(22, 99, False)]


def test_hello_request_is_a_message() -> None:
    assert kinds(read([record(22, message(0, b""))])) == [(22, 0, False)]


def test_sslv2_hello_then_tls() -> None:
    reader = read([STREAMS["SSLv2 hello, then TLS"]])
    assert kinds(reader) == [(SSLV2, 1, False), (HANDSHAKE, 16, False), (CHANGE_CIPHER_SPEC, -1, False)]
    assert reader.messages[0].body[:2] == b"\x03\x01"
    assert reader.desynchronised is None


def test_sslv2_session() -> None:
    """The client's hello and master key are clear, the records after them (three-byte header included) are not."""
    assert kinds(read([STREAMS["SSLv2"]])) == [
        (SSLV2, 1, False),
        (SSLV2, 2, False),
        (SSLV2, -1, True),
        (SSLV2, -1, True),
    ]


def test_desynchronised_stops_reading() -> None:
    reader = read([STREAMS["garbage after a record"], record(22, message(14, b""))])
    assert kinds(reader) == [(22, 14, False)]
    assert reader.desynchronised == (9, 5)
    assert not reader.wants_more


@pytest.mark.parametrize("start", [b"G", b"\x16\x04", b"\x17\x03\x03\xff\xff"])
def test_hopeless_start_is_told_at_once(start: bytes) -> None:
    assert read([start]).desynchronised == (0, 5)


def test_record_of_the_largest_size() -> None:
    assert read([record(23, bytes(records.MAX_RECORD))]).application_records == 1
    assert read([record(23, bytes(records.MAX_RECORD + 1))]).desynchronised == (0, 5)


def test_application_data_is_only_counted_past_the_cap() -> None:
    reader = read([record(23, b"abc") * 1000 + record(21, bytes(20))])
    assert len(reader.messages) == records.MAX_APPLICATION_MESSAGES + 1
    assert (reader.application_records, reader.application_bytes) == (1000, 3000)
    assert reader.messages[-1].content_type == ALERT
    assert not reader.messages_dropped


def test_messages_are_capped_and_the_rest_counted() -> None:
    reader = read([record(22, message(14, b"")) * 1000 + record(21, b"\x02\x28")])
    assert len(reader.messages) == records.MAX_MESSAGES + 1
    assert reader.messages_dropped == 1000 - records.MAX_MESSAGES
    assert reader.messages[-1].content_type == ALERT
    for _ in range(100):
        reader.feed(record(21, b"\x02\x28"), 6, 6)
    assert len(reader.messages) == records.MAX_MESSAGES + records.MAX_LATE_ALERTS


def test_message_longer_than_the_cap_is_not_collected() -> None:
    announced = b"\x0b" + (records.MAX_MESSAGE + 1).to_bytes(3, "big")
    reader = read([record(22, announced + bytes(16000))] * 40)
    assert all(m.encrypted for m in reader.messages)
    assert not reader.wants_more


def test_certificate_longer_than_the_cap_is_passed_over() -> None:
    """Its body is not kept, the messages after it are."""
    size = records.MAX_MESSAGE + 5000
    data = message(11, (size - 3).to_bytes(3, "big") + bytes(size - 3)) + message(14, b"")
    reader = TlsReader(1)
    for at in range(0, len(data), 16384):
        reader.feed(record(22, data[at : at + 16384]), 1, 1)
        assert len(reader._fragment) <= records.MAX_MESSAGE + 4
    assert [(m.handshake_type, m.length, m.body) for m in reader.messages] == [(11, size, b""), (14, 0, b"")]
    assert "too long" in reader.malformed[0][1]


def test_cut_off_message_is_noted() -> None:
    reader = read([STREAMS["a message cut off"]])
    assert kinds(reader) == [(ALERT, -1, False)]
    assert "type 11" in reader.malformed[0][1]


def test_two_alerts_in_one_record() -> None:
    assert [m.body for m in read([STREAMS["clear alerts"]]).messages] == [b"\x02\x28", b"\x01\0", b"\x02\x28"]


def test_wants_until_covers_a_record_and_a_message() -> None:
    reader = read([record(22, message(11, bytes(20000))[:16384])])
    assert reader.wants_until >= 5 + 16384 + 5 + 20004 - 16384
    assert read([record(23, bytes(5000))[:100]]).wants_until == 5005
    assert read([record(23, b"")]).wants_until == 0


def test_finish_reads_whole_messages_of_a_cut_record() -> None:
    """The server's flight stopped part-way through a record: its hello was there all the same."""
    reader = read([record(22, SERVER_FLIGHT)[:300]])
    assert not reader.messages
    assert reader.pending is not None
    assert reader.pending.handshake_type == 2
    reader.finish(9, 99)
    assert [(m.handshake_type, m.frame) for m in reader.messages] == [(2, 9)]


def test_gap_inside_application_data_keeps_the_boundary() -> None:
    reader = TlsReader(0)
    reader.feed(record(23, bytes(1000))[:200], 1, 1)
    reader.gap(700, 2, 2)
    reader.feed(record(23, bytes(1000))[900:] + record(21, b"\x02\x28"), 3, 3)
    assert kinds(reader) == [(APPLICATION_DATA, -1, True), (ALERT, -1, False)]
    assert reader.messages[1].offset == 1005
    assert reader.skipped_bytes == 700


def test_gap_elsewhere_searches_the_next_record() -> None:
    reader = TlsReader(0)
    reader.feed(record(22, message(1, MODERN_HELLO))[:50], 1, 1)
    reader.gap(400, 2, 2)
    reader.feed(bytes(99), 3, 3)
    reader.feed(record(21, b"\x02\x28"), 4, 4)
    assert kinds(reader) == [(ALERT, -1, False)]
    assert reader.messages[0].offset == 549


@pytest.mark.parametrize(
    ("segment", "found"),
    [
        (record(23, bytes(50)), 1),
        (record(23, bytes(50)) * 2, 2),
        (record(23, bytes(5000))[:1400], 0),
        (record(23, bytes(50)) + b"junk, and more of it", 0),
        (b"\x17\x03\x09\0\x05abcde", 0),
        (record(22, message(1, client_hello()))[:30], 0),
    ],
    ids=["one", "two", "runs on", "junk behind", "wrong version", "a hello runs on"],
)
def test_mid_stream_start(segment: bytes, found: int) -> None:
    """Searching at the starts of segments only; a record that runs on is pending, not skipped."""
    reader = read([b"the tail of a record", segment], mid_stream=True)
    assert len(reader.messages) == found
    runs_on = segment in (record(23, bytes(5000))[:1400], record(22, message(1, client_hello()))[:30])
    assert reader.wants_more is runs_on
    assert reader.desynchronised is None
    assert reader.skipped_bytes == 20 + (0 if found or runs_on else len(segment))


def test_mid_stream_start_in_small_pieces() -> None:
    """A first segment too short to tell waits for the next; where that shows it wrong the next is tried by itself."""
    hello = record(22, message(1, MODERN_HELLO))
    reader = read([hello[:1], hello[1:7], hello[7:100], hello[100:]], mid_stream=True)
    assert kinds(reader) == [(22, 1, False)]
    assert not reader.skipped_bytes
    reader = read([b"\x17\x03", hello], mid_stream=True)
    assert kinds(reader) == [(22, 1, False)]
    assert (reader.skipped_bytes, reader.messages[0].offset) == (2, 2)
