"""Lines that are one entry, and lines that must not become one."""

from __future__ import annotations

from capanalyzer.logs.line import LogLine, Role
from capanalyzer.logs.read import read_lines


def read(text: str) -> list[LogLine]:
    return list(read_lines(enumerate(text.strip("\n").split("\n"), 1)))


REASON = "Nov 23 02:36:{s:02d} b warning {tmm}: 01260009:4: Connection error: {why}"
WHO = "Nov 23 02:36:{s:02d} b warning {tmm}: 01260013:4: SSL Handshake failed for TCP 192.0.2.7:{p} -> 198.51.100.9:443"
CIPHERS = (
    "Nov 23 02:36:31 b warning tmm[7]: 01260026:4: No shared ciphers between SSL peers 192.0.2.7.1000:198.51.100.9.443."
)
NOT_SSL, VERSION = "ssl_passthru:4022: not SSL (40)", "ssl_hs_rxhello:7210: unsupported version (40)"


def test_f5_pairs_by_tmm() -> None:
    """Two TMMs write at the same time; each reason belongs to the next address of its own."""
    found = read(
        "\n".join(
            (
                REASON.format(s=31, tmm="tmm[7]", why=NOT_SSL),
                REASON.format(s=31, tmm="tmm1[7]", why=VERSION),
                WHO.format(s=31, tmm="tmm1[7]", p=1001),
                WHO.format(s=31, tmm="tmm[7]", p=1000),
            )
        )
    )
    assert [(one.client.port, one.meaning, one.number) for one in found] == [
        (1001, "version-refused", 2),
        (1000, "not-tls-received", 1),
    ]


def test_f5_with_two_readings_stays_apart() -> None:
    """Two different reasons wait for one address: either could be meant."""
    found = read(
        "\n".join(
            (
                REASON.format(s=31, tmm="tmm[7]", why=NOT_SSL),
                REASON.format(s=31, tmm="tmm[7]", why=VERSION),
                WHO.format(s=31, tmm="tmm[7]", p=1000),
            )
        )
    )
    assert sorted((one.client.port or 0, one.meaning) for one in found) == [
        (0, "not-tls-received"),
        (0, "version-refused"),
        (1000, "f5-handshake-failed"),
    ]


def test_f5_too_far_apart() -> None:
    found = read(REASON.format(s=31, tmm="tmm[7]", why=NOT_SSL) + "\n" + WHO.format(s=40, tmm="tmm[7]", p=1000))
    assert [one.client.port for one in found] == [None, 1000]


def test_f5_cipher_case_is_one_entry_of_three_lines() -> None:
    found = read(
        "\n".join(
            (
                REASON.format(s=31, tmm="tmm[7]", why="ssl_select_suite:6799: no shared ciphers (40)"),
                CIPHERS,
                WHO.format(s=31, tmm="tmm[7]", p=1000),
            )
        )
    )
    assert [(one.client.port, one.meaning, one.text.count("\n")) for one in found] == [(1000, "no-shared-cipher", 2)]


APACHE = "[Mon Nov 23 02:36:31.{us:06d} 2026] [ssl:info] [pid 9:tid {tid}] "


def test_apache_pairs_by_thread() -> None:
    found = read(
        "\n".join(
            (
                APACHE.format(us=1, tid=1)
                + "[client 192.0.2.7:1001] AH02008: SSL library error 1 in handshake (server x:443)",
                APACHE.format(us=2, tid=2)
                + "[client 192.0.2.7:1002] AH02008: SSL library error 1 in handshake (server x:443)",
                APACHE.format(us=3, tid=2) + "SSL Library Error: error:0A000102:SSL routines::unsupported protocol",
                APACHE.format(us=4, tid=1) + "SSL Library Error: error:0A0000C1:SSL routines::no shared cipher",
                APACHE.format(us=5, tid=1)
                + "[client 192.0.2.7:1003] AH02008: SSL library error 1 in handshake (server x:443)",
            )
        )
    )
    assert {one.client.port: one.meaning for one in found} == {
        1001: "no-shared-cipher",
        1002: "version-refused",
        1003: "handshake-failed",
    }


def test_stunnel_names_the_client_before() -> None:
    found = read(
        """
2026.11.23 02:36:31 LOG5[1]: Service [web] accepted connection from 192.0.2.7:1001
2026.11.23 02:36:31 LOG5[2]: Service [web] accepted connection from 192.0.2.7:1002
2026.11.23 02:36:32 LOG3[1]: SSL_accept: ssl.c:1: error:0A00009C:SSL routines::http request
2026.11.23 02:36:32 LOG5[1]: Connection reset: 0 byte(s) sent to TLS, 0 byte(s) sent to socket
2026.11.23 02:41:31 LOG3[2]: SSL_accept: Peer suddenly disconnected
"""
    )
    assert {one.client.port: one.meaning for one in found} == {1001: "plaintext-http", 1002: "peer-closed"}


def test_a_traceback_is_one_entry_and_two_lines_with_times_are_two() -> None:
    found = read(
        """
Traceback (most recent call last):
ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:992)

During handling of the above exception, another exception occurred:

SSLError: HTTPSConnectionPool(host='www.example.test', port=8443): ('[SSL: WRONG_VERSION_NUMBER] wrong version number')
2026-11-23 02:36:31 ERROR [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:992)
2026-11-23 02:36:31 ERROR [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:992)
"""
    )
    assert len(found) == 3
    joined = next(one for one in found if "\n" in one.text)
    assert (joined.server.port, joined.sni) == (8443, "www.example.test")


def test_many_open_entries_are_given_up_in_order() -> None:
    """A log that opens more than are kept loses none of them."""
    lines = [
        f"2026/11/23 02:36:31 [info] 1#1: *{number} client closed connection while SSL handshaking, "
        f"client: 192.0.2.7, server: 0.0.0.0:443"
        for number in range(10_000)
    ]
    assert len(read("\n".join(lines))) == 10_000


def test_what_the_client_sent_cannot_name_another_client() -> None:
    """nginx quotes a broken PROXY header as it came."""
    (found,) = read(
        '2026/11/23 02:36:31 [error] 1#1: *1 broken header: "x, client: 6.6.6.6, server: 6.6.6.6:1" while reading '
        "PROXY protocol, client: 192.0.2.7, server: 0.0.0.0:5061"
    )
    assert (found.client.ip, found.server.port) == ("192.0.2.7", 5061)
    (found,) = read(
        "2026/11/23 02:36:31 [info] 1#1: *1 client sent invalid request while reading client request line, "
        'client: 192.0.2.7, server: x, request: "PROXY TCP4 , client: 6.6.6.6, server: 6.6.6.6:1"'
    )
    assert found.client.ip == "192.0.2.7"


def test_a_broken_header_with_line_feeds_in_it_is_one_entry() -> None:
    """nginx writes what came in place of the PROXY header as it is; what the client sent is not read as fields."""
    begin = "2026/11/26 23:23:39 [error] 9#9: *{n} broken header: "
    end = '" while reading PROXY protocol, client: 192.0.2.{n}, server: 0.0.0.0:446'
    found = read(
        "\n".join(
            (
                begin.format(n=20) + '"GET / HTTP/1.1',
                "Host: www.example.test, client: 203.0.113.9, server: 0.0.0.0:1",
                "",
                end.format(n=20),
                begin.format(n=21) + '"x' + end.format(n=21),
                begin.format(n=22) + '"PROXY FOO',
                end.format(n=22),
            )
        )
    )
    assert sorted((one.number, one.client.ip, one.server.port, one.time_ns is not None) for one in found) == [
        (1, "192.0.2.20", 446, True),
        (5, "192.0.2.21", 446, True),
        (6, "192.0.2.22", 446, True),
    ]
    assert {one.meaning for one in found} == {"proxy-header-missing"}


def test_stunnel_queues_errors() -> None:
    """The last error is a cipher's and says nothing of the connection; the one before it does."""
    stamp = "2026.11.26 23:23:52 LOG{level}[17]: "
    found = read(
        "\n".join(
            (
                stamp.format(level=5) + "Service [psk] accepted connection from 192.0.2.10:42105",
                stamp.format(level=3) + "error queue: ssl3_record.c:616: error:0A000119:SSL routines::"
                "decryption failed or bad record mac",
                stamp.format(level=3)
                + "SSL_accept: gcm.c:323: error:1C800066:Provider routines::cipher operation failed",
            )
        )
    )
    assert [(one.format, one.client.port, one.meaning, one.role) for one in found] == [
        ("stunnel", 42105, "record-corrupted", Role.SERVER)
    ]


def test_an_error_of_node_is_one_entry_with_its_code() -> None:
    """As console.error shows it, behind a stamp or alone."""
    where = "../deps/openssl/openssl/ssl"
    found = read(
        f"""2026-11-27T00:41:24.120Z tlsClientError Error: 806C0A56417F0000:error:0A000418:SSL routines:ssl3_read_\
bytes:tlsv1 alert unknown ca:{where}/record/rec_layer_s3.c:1601:SSL alert number 48

    at TLSSocket._onerror (node:_tls_wrap:1) {{
  library: 'SSL routines',
  reason: 'tlsv1 alert unknown ca',
  code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'
}}
Error: 806C0A56417F0000:error:0A000102:SSL routines:tls_early_post_process_client_hello:unsupported protocol:\
{where}/statem/statem_srvr.c:1664:

    at TLSSocket._onerror (node:_tls_wrap:1) {{
  code: 'ERR_SSL_UNSUPPORTED_PROTOCOL'
}}"""
    )
    assert [(one.number, one.format, one.meaning) for one in found] == [
        (1, "node", "alert-unknown-ca"),
        (8, "node", "version-refused"),
    ]
    assert found[0].role is Role.SERVER
