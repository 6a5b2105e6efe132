"""Times as programs and collectors write them, and the line behind them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from capanalyzer.logs.recognise import recognise
from capanalyzer.logs.stamps import leading

ERROR = "http: TLS handshake error from 192.0.2.7:51022: EOF"


@pytest.mark.parametrize(
    ("text", "moment", "has_zone"),
    [
        ("Thu Nov 26 10:00:01 2026", "2026-11-26T10:00:01", False),
        ("Thu Nov  6 10:00:01 2026", "2026-11-06T10:00:01", False),
        ("[Thu Nov 26 10:00:01.123456 2026]", "2026-11-26T10:00:01.123456", False),
        ("Thu Nov 26 10:00:01 UTC 2026", "2026-11-26T10:00:01", True),
        ("Thu Nov 26 10:00:01 JST 2026", "2026-11-26T10:00:01", False),
        ("Thu 2026-11-26 10:00:01 JST ", "2026-11-26T10:00:01", False),
        ("Thu 2026-11-26 10:00:01.123456 UTC ", "2026-11-26T10:00:01.123456", True),
        ("26-Nov-2026 10:00:01.123", "2026-11-26T10:00:01.123", False),
        ("99:M 26 Nov 2026 10:00:01.123", "2026-11-26T10:00:01.123", False),
        ("Nov 26, 2026 10:00:01 AM", "2026-11-26T10:00:01", False),
        ("Nov 26, 2026 1:00:01 PM", "2026-11-26T13:00:01", False),
        ("Nov 26, 2026 12:00:01 AM", "2026-11-26T00:00:01", False),
        ("Nov 26, 2026 12:00:01 PM", "2026-11-26T12:00:01", False),
        ("Nov 26, 2026 @ 10:00:01.123", "2026-11-26T10:00:01.123", False),
        ("1795687201.123456 host", "2026-11-26T10:00:01.123456", True),
        ("1795687201: words", "2026-11-26T10:00:01", True),
        ("1795687201123,words", "2026-11-26T10:00:01.123", True),
    ],
)
def test_a_stamp_at_the_beginning(text: str, moment: str, has_zone: bool) -> None:
    read = leading(text)
    assert read is not None
    stamp = read[0]
    assert (stamp.has_zone, stamp.has_year) == (has_zone, True)
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert datetime.fromtimestamp(stamp.time_ns / 1e9, UTC) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1795687201:error:0A00010B:SSL routines::wrong version number",  # the thread that had it
        "4548396652:error:14094410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure",
        "17956872011234567 words",
        "1795687201words",
        "Nov 32, 2026 10:00:01 AM",
    ],
)
def test_what_is_no_stamp(text: str) -> None:
    assert leading(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f'1795687201123,"{ERROR}"',
        f'"1795687201123","{ERROR}"',
        f"1795687201123,{ERROR}",
        f'"2026-11-26T10:00:01.123Z","web1","{ERROR}"',
        f'2026-11-26T10:00:01.123Z,web1,"{ERROR}"',
        f'2026-11-26T10:00:01.123Z,"2026/11/26 19:00:01 {ERROR}"',
        f"<134>1 2026-11-26T10:00:01.123Z web1 app 99 - - {ERROR}",
        f'<134>1 2026-11-26T10:00:01.123Z web1 app 99 ID47 [ex@32473 source="App]x" b="\\"]"][y@1] {ERROR}',
        f"126 <134>1 2026-11-26T10:00:01.123Z web1 app 99 - - {ERROR}",
        f'{{"t":{{"$date":"2026-11-26T10:00:01.123+00:00"}},"msg":"{ERROR}"}}',
    ],
)
def test_exports_and_collectors(text: str) -> None:
    found = recognise(text)
    assert found is not None
    assert (found.meaning, found.reason, found.client.port) == ("peer-closed", "EOF", 51022)
    assert found.time_ns is not None
    assert found.has_zone
    assert datetime.fromtimestamp(found.time_ns / 1e9, UTC) == datetime(2026, 11, 26, 10, 0, 1, 123000, UTC)


def test_a_row_keeps_what_the_program_wrote_last() -> None:
    """Quotation marks of the export are none of nginx's."""
    text = (
        '1795687201123,"2026/11/26 10:00:01 [info] 9#9: *1 SSL_do_handshake() failed (SSL: error:0A000418:SSL '
        "routines::tlsv1 alert unknown ca:SSL alert number 48) while SSL handshaking, "
        'client: 192.0.2.10, server: 0.0.0.0:443"'
    )
    found = recognise(text)
    assert found is not None
    assert (found.format, found.client.ip, found.server.port) == ("nginx", "192.0.2.10", 443)


def test_a_collector_without_a_time() -> None:
    found = recognise(f"<134>1 - web1 app 99 - - {ERROR}")
    assert found is not None
    assert (found.time_ns, found.reason) == (None, "EOF")
