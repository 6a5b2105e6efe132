"""A session as one row of a table: what CSV and Parquet share.

Columns may be added at the end; none is removed, renamed or changes its type (``docs/tables.md`` lists them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from msgspec.structs import astuple

from capanalyzer.report import model
from capanalyzer.tls.codepoints import cipher_suite_name

__all__ = ["COLUMNS", "Cell", "Column", "Row", "rows"]

Cell: TypeAlias = str | int | float | bool | tuple[str, ...] | tuple[int, ...] | None
Row: TypeAlias = tuple[Cell, ...]


class Column(NamedTuple):
    name: str
    kind: str
    """``word`` (few different values), ``text``, ``texts``, ``integer``, ``port``, ``code`` and ``codes`` (32 bits: a
    cipher suite of SSL 2.0 has 24), ``flag``, ``ms`` (milliseconds), ``time`` (RFC 3339, UTC, nanoseconds), ``date``
    (likewise, seconds)."""
    text: str
    """What it is."""


COLUMNS: Final = (
    Column("id", "integer", "unique in the report, the same in every run and format"),
    Column("capture", "integer", "index of the capture, from 0"),
    Column("capture_path", "word", "its path"),
    Column("transport", "word", "tcp"),
    Column("stream", "integer", "numbered as Wireshark's tcp.stream"),
    Column("community_id", "text", "Community ID, version 1"),
    Column("start", "time", "first packet"),
    Column("end", "time", "last packet"),
    Column("client_ip", "text", "as in RFC 5952"),
    Column("client_port", "port", ""),
    Column("server_ip", "text", "as in RFC 5952"),
    Column("server_port", "port", ""),
    Column("outcome", "word", "established, failed, incomplete, plaintext, idle"),
    Column("stage", "word", "the step it stalled at; empty where it did not stall"),
    Column("waiting_on", "word", "client, server, network"),
    Column("blame", "word", "who has to act: client, server, network, unknown"),
    Column("cause", "word", "of sessions that failed or are incomplete"),
    Column("confidence", "word", "of the first finding: certain, likely, possible"),
    Column("title", "text", "of the first finding, in the language of --lang"),
    Column("explanation", "text", "of the first finding, in the language of --lang"),
    Column("remedy", "text", "the first thing to do about it, in the language of --lang"),
    Column("other_findings", "texts", "causes of all further findings"),
    Column("closed_how", "word", "rst, fin, timeout, none"),
    Column("closed_who", "word", "client, server, middlebox"),
    Column("client_packets", "integer", "packets from the client"),
    Column("server_packets", "integer", "packets from the server"),
    Column("client_bytes", "integer", "payload from the client, retransmissions included"),
    Column("server_bytes", "integer", "payload from the server, retransmissions included"),
    Column("client_protocol", "word", "by its first bytes: tls, http, ssh ..."),
    Column("server_protocol", "word", "likewise"),
    Column("client_first_bytes", "text", "hexadecimal, up to 16 bytes"),
    Column("server_first_bytes", "text", "hexadecimal, up to 16 bytes"),
    Column("history", "text", "Zeek's ssl_history letters, capital = client"),
    Column("sni", "text", "server name in the first ClientHello"),
    Column("offered_versions", "texts", "in the client's order"),
    Column("offered_cipher_suites", "codes", "in the client's order, GREASE included"),
    Column("offered_alpn", "texts", "in the client's order"),
    Column("offered_groups", "codes", "in the client's order, GREASE included"),
    Column("version", "word", "negotiated"),
    Column("cipher_suite", "code", "negotiated"),
    Column("cipher_suite_name", "word", "its IANA name"),
    Column("alpn", "text", "chosen by the server, where it is readable"),
    Column("hello_retry", "flag", "a HelloRetryRequest came first"),
    Column("resumed", "flag", "an earlier session was resumed"),
    Column("ja3", "text", ""),
    Column("ja4", "text", ""),
    Column("ja3s", "text", ""),
    Column("alerts", "texts", "sender and name of each, such as client:unknown_ca or server:encrypted"),
    Column("certificates", "integer", "how many the server sent, as far as they are readable"),
    Column("certificate_subject", "text", "of the server's first certificate, as in RFC 4514"),
    Column("certificate_issuer", "text", ""),
    Column("certificate_serial", "text", "hexadecimal"),
    Column("certificate_not_before", "date", ""),
    Column("certificate_not_after", "date", ""),
    Column("certificate_san", "texts", "its DNS names and IP addresses"),
    Column("client_certificate_subject", "text", "of the client's first certificate"),
    Column("connect_ms", "ms", "first SYN to the client's ACK of the SYN, ACK"),
    Column("client_hello_ms", "ms", "that ACK to the complete ClientHello"),
    Column("server_hello_ms", "ms", "ClientHello to the complete ServerHello"),
    Column("handshake_ms", "ms", "ClientHello to the end of the TLS handshake"),
    Column("display_filter", "text", "for Wireshark"),
    Column("comparison_server_established", "integer", "of failed ones: sessions established with the same server"),
    Column("comparison_server_clients", "integer", "client addresses they came from"),
    Column("comparison_client_established", "integer", "sessions that the client established with other servers"),
    Column("comparison_client_servers", "integer", "those servers"),
    Column("other_leg", "integer", "id of the session on the other side of a balancer or proxy"),
    Column("log_lines", "texts", "log lines that speak of it, as path:number"),
    Column("log_says", "texts", "what each of them means, in a few words"),
    Column("log_confidence", "texts", "how sure it is that each speaks of it"),
    Column("f5_side", "word", "of a BIG-IP's capture: client or server side of the BIG-IP"),
    Column("f5_virtual_server", "text", "its name"),
    Column("f5_reset_reasons", "texts", "why a BIG-IP reset the connection, in its own words"),
    Column("f5_cause_side", "word", "of failed ones: on which side the cause lies"),
)

_NO_TLS: Final[Row] = (None,) * 23


def rows(sessions: Iterable[model.Session], path_of: Callable[[int], str]) -> Iterator[Row]:
    """A row for each session, its cells as :data:`COLUMNS` has them.

    :param path_of: the path of a capture, by its index.
    """
    for session in sessions:
        findings, timing, beside = session.findings, session.timing, session.comparison
        first = findings[0] if findings else None
        yield (
            session.id,
            session.capture,
            path_of(session.capture),
            session.transport,
            session.stream,
            session.community_id,
            session.start,
            session.end,
            session.client.ip,
            session.client.port,
            session.server.ip,
            session.server.port,
            session.outcome,
            session.stage,
            session.waiting_on,
            session.blame,
            session.cause,
            *(
                (None, None, None, None)
                if first is None
                else (first.confidence, first.title, first.explanation, first.remedies[0] if first.remedies else None)
            ),
            tuple([other.cause for other in findings[1:]]),
            session.closed_by.how,
            session.closed_by.who,
            session.packets.client,
            session.packets.server,
            session.bytes.client,
            session.bytes.server,
            session.protocol.client,
            session.protocol.server,
            session.first_bytes.client,
            session.first_bytes.server,
            session.history,
            *(_NO_TLS if session.tls is None else _tls(session.tls)),
            timing.connect_ms,
            timing.client_hello_ms,
            timing.server_hello_ms,
            timing.handshake_ms,
            session.display_filter,
            *((None, None, None, None) if beside is None else astuple(beside)),
            session.other_leg,
            tuple([f"{line.source}:{line.line}" for line in session.log_lines]),
            tuple([line.title for line in session.log_lines]),
            tuple([line.confidence for line in session.log_lines]),
            *((None, None, (), None) if session.f5 is None else _f5(session.f5)),
        )


def _f5(f5: model.F5) -> Row:
    reasons = tuple([reset.reason for reset in f5.resets if reset.reason is not None])
    return f5.side, f5.virtual_server, reasons, f5.cause_side


def _tls(tls: model.Tls) -> Row:
    """From ``sni`` to ``client_certificate_subject``."""
    hello, answer = tls.client_hello, tls.server_hello
    leaf = tls.certificates[0] if tls.certificates else None
    return (
        *(
            (None, None, None, None, None)
            if hello is None
            else (hello.sni, hello.offered_versions, hello.cipher_suites, hello.alpn, hello.groups)
        ),
        *(
            (None, None, None, None, None)
            if answer is None
            else (
                answer.version,
                answer.cipher_suite,
                cipher_suite_name(answer.cipher_suite),
                answer.alpn,
                answer.hello_retry,
            )
        ),
        tls.resumed,
        *((None, None) if hello is None else (hello.ja3, hello.ja4)),
        None if answer is None else answer.ja3s,
        tuple([f"{alert.sender}:{alert.description or 'encrypted'}" for alert in tls.alerts]),
        len(tls.certificates),
        *(
            (None, None, None, None, None, None)
            if leaf is None
            else (leaf.subject, leaf.issuer, leaf.serial, leaf.not_before, leaf.not_after, leaf.san)
        ),
        tls.client_certificates[0].subject if tls.client_certificates else None,
    )
