"""The readers on captures from public projects, against the facts recorded beside them (read by tshark)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from capanalyzer.tls.certificates import certificate_facts, read_chain
from capanalyzer.tls.codepoints import alert_name, version_name
from capanalyzer.tls.fingerprint import ja3, ja3s, ja4
from capanalyzer.tls.hello import (
    ClientHello,
    ServerHello,
    parse_client_hello,
    parse_server_hello,
    read_client_hello,
    read_server_hello,
    read_sslv2_certificate,
    read_sslv2_client_hello,
)
from capanalyzer.tls.history import history
from capanalyzer.tls.records import ALERT, HANDSHAKE, SSLV2, Message, TlsReader
from tests.fuzz.fuzz_tls import facts as hello_facts
from tests.tls.captured import facts_by_file, streams

TSHARK_IS_WRONG = {
    # A draft's ServerHello has no session id; tshark reads two of its bytes as one, and lands in the key.
    ("suricata-tls13-draft14-tls13_draft14.pcap", 0): {"server_hello"},
    # The second hello follows the HelloRetryRequest and a dummy ChangeCipherSpec in the clear; tshark says encrypted.
    **{("ja4-tls-sni.pcapng", stream): {"handshakes"} for stream in range(200)},
    # Skype begins with empty records: the first application data record has no bytes and is not counted.
    **{("mercury-capture2.pcap", stream): {"application_data"} for stream in range(200)},
    # A Certificate of 340 kB: tshark gives up and calls the rest encrypted; Zeek reads it.
    ("zeek-tls-fragmented-handshake.pcap", 0): {"handshakes", "certificates"},
    # Records in pieces of a byte: tshark names the second segment of a record as its first.
    **{("wireshark-tls-fragmented-handshakes.pcap", stream): {"frames"} for stream in range(200)},
    # Out of order: tshark names the frame that came first, the test's own reassembly the one that filled the hole.
    ("ndpi-viber.pcap", 6): {"frames"},
}
NAMES = {
    1: "client_hello",
    2: "server_hello",
    4: "new_session_ticket",
    11: "certificate",
    12: "server_key_exchange",
    13: "certificate_request",
    14: "server_hello_done",
    15: "certificate_verify",
    16: "client_key_exchange",
    20: "finished",
    22: "certificate_status",
}


class Read(NamedTuple):
    """One session as read here, with what tshark says of it."""

    where: str
    fact: dict[str, Any]
    except_for: set[str]
    messages: list[Message]
    readers: tuple[TlsReader, TlsReader]


@cache
def sessions(corpus: Path) -> list[Read]:
    """Sessions that the test's own reassembly can read: all segments there, plain encapsulation, TLS from the start."""
    found = []
    for file, rows in sorted(facts_by_file(corpus).items()):
        by_ends = defaultdict(list)
        for first, other, order in streams(corpus / "captures" / file):
            if order:
                by_ends[frozenset((first, other))].append((first, order))
        wanted = defaultdict(list)
        for row in rows:
            client, server = (row["client"]["ip"], row["client"]["port"]), (row["server"]["ip"], row["server"]["port"])
            wanted[frozenset((client, server))].append((client, row))
        for ends, group in wanted.items():
            if len(by_ends[ends]) != len(group):
                continue
            for (client, row), (first, order) in zip(group, by_ends[ends], strict=True):
                is_simple = not (row.get("starttls") or row.get("bytes_missing_from") or row.get("cut_packets"))
                has_both = all(
                    bool(row["payload_bytes"][name]) == (side in sides(first, client, order))
                    for side, name in enumerate(("client", "server"))
                )
                if is_simple and has_both and "tls" not in row.get("unsure", ()):
                    found.append(read(file, row, first != client, order))
    return found


def sides(first: object, client: object, order: list[Any]) -> set[int]:
    return {side ^ (first != client) for side, _ in order}


def read(file: str, row: dict[str, Any], flipped: bool, order: list[Any]) -> Read:
    readers = tuple(TlsReader(side, mid_stream=not row["has_syn"]) for side in (0, 1))
    messages: list[Message] = []
    for side, (data, frame, time_ns) in order:
        reader = readers[side ^ flipped]
        before = len(reader.messages)
        reader.feed(data, frame, time_ns)
        messages += reader.messages[before:]
    key = file, row["stream"]
    return Read(f"{file} stream {row['stream']}", row, TSHARK_IS_WRONG.get(key, set()), messages, readers)  # type: ignore[arg-type]


def sure(session: Read, name: str) -> bool:
    return name not in session.fact.get("unsure", ()) and name not in session.except_for


def clear(session: Read, kind: int) -> list[Message]:
    return [m for m in session.messages if m.handshake_type == kind and m.content_type == HANDSHAKE and not m.encrypted]


def test_enough_sessions_are_read(corpus: Path) -> None:
    assert len(sessions(corpus)) > 1000


def test_handshake_messages(corpus: Path) -> None:
    """The same messages in the same order in each direction, ciphertext included."""
    checked = 0
    for session in sessions(corpus):
        if not sure(session, "handshakes") or any(m.content_type == SSLV2 for m in session.messages):
            continue
        for side, name in enumerate(("client", "server")):
            ours = [
                "encrypted" if m.encrypted else NAMES.get(m.handshake_type, str(m.handshake_type))
                for m in session.messages
                if m.side == side and m.content_type == HANDSHAKE
            ]
            theirs = [
                text.replace("hello_retry_request", "server_hello")
                for text in session.fact["tls"]["handshakes"].get(name, [])
            ]
            assert ours == theirs, session.where
            checked += 1
    assert checked > 2000


def test_client_hellos(corpus: Path) -> None:
    checked = Counter[str]()
    for session in sessions(corpus):
        fact = session.fact["tls"].get("client_hello")
        if (
            fact is None
            or session.fact["tls"].get("client_hello_from", "client") != "client"
            or not sure(session, "client_hello")
        ):
            continue
        message = next(m for m in session.messages if m.handshake_type == 1 and not m.encrypted)
        hello = (read_sslv2_client_hello if message.content_type == SSLV2 else read_client_hello)(message.body)
        if sure(session, "frames"):
            assert (message.first_frame, message.frame) == (fact.get("frame_first", fact["frame"]), fact["frame"]), (
                session.where
            )
        if not fact.get("sslv2_format"):
            assert_client_hello(hello, fact, session.where)
        assert (hello.sni or None) == fact["sni"], session.where
        assert list(hello.alpn) == (fact["alpn"] or []), session.where
        for name, function in (("ja3", ja3), ("ja4", ja4)):
            if fact.get(name) and name not in fact.get("unsure", ()):
                assert function(hello) == fact[name], session.where
                checked[name] += 1
    assert checked["ja3"] > 1000
    assert checked["ja4"] > 1000


def assert_client_hello(hello: ClientHello, fact: dict[str, Any], where: str) -> None:
    assert hello.legacy_version == fact["legacy_version"], where
    assert hello.random.hex() == fact["random"], where
    assert list(hello.cipher_suites) == fact["cipher_suites"], where
    assert list(hello.extension_types) == fact["extensions"], where
    assert list(hello.supported_versions or ()) == (fact["supported_versions"] or []), where
    assert list(hello.groups) == (fact["groups"] or []), where
    assert list(hello.signature_algorithms) == (fact["signature_algorithms"] or []), where


def test_server_hellos(corpus: Path) -> None:
    checked = 0
    for session in sessions(corpus):
        fact = session.fact["tls"].get("server_hello")
        if fact is None or not sure(session, "server_hello") or fact.get("cipher_suite") is None:
            continue
        hellos = [(m, read_server_hello(m.body)) for m in clear(session, 2)]
        real = [(m, h) for m, h in hellos if not h.is_hello_retry]
        if not real:
            assert any(m.content_type == SSLV2 for m in session.messages), session.where
            continue
        message, hello = real[0]
        if sure(session, "frames"):
            assert (message.first_frame, message.frame) == (fact.get("frame_first", fact["frame"]), fact["frame"]), (
                session.where
            )
        assert_server_hello(hello, fact, session.where)
        assert ("hello_retry_request" in session.fact["tls"]) == (len(real) < len(hellos)), session.where
        checked += 1
    assert checked > 900


def assert_server_hello(hello: ServerHello, fact: dict[str, Any], where: str) -> None:
    assert hello.version == (fact.get("selected_version") or fact["legacy_version"]), where
    assert fact["version"].startswith(version_name(hello.version)) or "draft" in fact["version"], where
    assert hello.cipher_suite == fact["cipher_suite"], where
    assert list(hello.extension_types) == fact["extensions"], where
    assert ([] if hello.alpn is None else [hello.alpn]) == (fact["alpn"] or []), where
    assert ja3s(hello) == fact["ja3s"], where


def test_alerts(corpus: Path) -> None:
    checked = 0
    for session in sessions(corpus):
        if not sure(session, "alerts"):
            continue
        theirs = [
            (a["from"], a["frame"], None if a["encrypted"] else (a["level"], a["description"]))
            for a in session.fact["tls"]["alerts"]
        ]
        ours = [
            (
                ("client", "server")[m.side],
                m.frame,
                None if m.encrypted else (("warning", "fatal")[m.body[0] - 1], alert_name(m.body[1])),
            )
            for m in session.messages
            if m.content_type == ALERT
        ]
        assert sorted(map(str, ours)) == sorted(map(str, theirs)), session.where
        checked += len(ours)
    assert checked > 250


def test_other_records(corpus: Path) -> None:
    for session in sessions(corpus):
        for side, name in enumerate(("client", "server")):
            if sure(session, "application_data"):
                theirs = session.fact["tls"]["application_data"].get(name, {}).get("records", 0)
                assert session.readers[side].application_records == theirs, session.where
            theirs = session.fact["tls"]["change_cipher_spec"].get(name, {}).get("records", 0)
            assert sum(m.content_type == 20 and m.side == side for m in session.messages) == theirs, session.where


def test_cached_hellos_are_parsed_hellos(corpus: Path) -> None:
    """On real traffic too the cache of shapes gives what a full parse gives."""
    hits = 0
    for session in sessions(corpus):
        for message in clear(session, 1):
            cached = read_client_hello(message.body)
            assert hello_facts(cached) == hello_facts(parse_client_hello(message.body)), session.where
            hits += read_client_hello(message.body).shape is cached.shape
        for message in clear(session, 2):
            assert hello_facts(read_server_hello(message.body)) == hello_facts(parse_server_hello(message.body))
    assert hits > 1000


def test_certificates(corpus: Path) -> None:
    checked = 0
    for session in sessions(corpus):
        for side, key in enumerate(("client_certificates", "server_certificates")):
            facts = session.fact["tls"].get(key)
            if not facts or not sure(session, "certificates"):
                continue
            chains = [read_chain(m.body) for m in clear(session, 11) if m.side == side]
            ours = [certificate for chain in chains for certificate in chain.certificates]
            ours += [
                certificate_facts(read_sslv2_certificate(m.body))
                for m in session.messages
                if (m.content_type, m.handshake_type, m.side) == (SSLV2, 4, side)
            ]
            assert all(chain.error is None for chain in chains), session.where
            assert [c.sha256 for c in ours] == [fact["sha256"] for fact in facts], session.where
            for certificate, fact in zip(ours, facts, strict=True):
                assert certificate is certificate_facts(certificate.der)
                if "error" in fact:
                    continue
                assert (certificate.subject, certificate.issuer) == (fact["subject"], fact["issuer"]), session.where
                assert certificate.serial_number == int(fact["serial"], 16), session.where
                assert (certificate.not_before, certificate.not_after) == (fact["not_before"], fact["not_after"])
                if "san" in fact:
                    assert plain_names(certificate.san) == plain_names(fact["san"]), session.where
                checked += 1
    assert checked > 1000


def plain_names(names: Iterable[str]) -> list[str]:
    """Without directory and other names, which everybody writes in his own way."""
    return [name for name in names if not name.lower().startswith(("othername:", "dirname:"))]


def test_zeek_history(corpus: Path) -> None:
    """Zeek's own ssl.log, where a capture has one."""
    with (corpus / "upstream.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    logged = {
        (row["file"], row.get("stream")): row["values"].get("ssl_history")
        for row in rows
        if row["by"] == "zeek ssl.log"
    }
    checked = 0
    for session in sessions(corpus):
        theirs = logged.get((session.fact["file"], session.fact["stream"]))
        if theirs:
            assert history(session.messages) == theirs, session.where
            checked += 1
    assert checked > 30


@pytest.mark.parametrize("size", [1, 7])
def test_pieces_make_no_difference_on_real_streams(corpus: Path, size: int) -> None:
    path = corpus / "captures" / "ja4-tls-handshake.pcapng"
    for _, _, order in list(streams(path))[:12]:
        for side in (0, 1):
            data = b"".join(piece[0] for number, piece in order if number == side)[:12000]
            whole, pieces = TlsReader(side), TlsReader(side)
            whole.feed(data, 1, 1)
            for at in range(0, len(data), size):
                pieces.feed(data[at : at + size], 1, 1)
            assert whole.messages == pieces.messages
