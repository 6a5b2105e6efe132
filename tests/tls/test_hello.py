"""Hellos: every field, damaged extensions, drafts, SSLv2."""

from __future__ import annotations

import pytest

from capanalyzer.errors import Malformed, Truncated
from capanalyzer.tls.extensions import EchFacts, KeyShare, PskFacts, is_grease, without_grease
from capanalyzer.tls.hello import (
    parse_client_hello,
    read_client_hello,
    read_server_hello,
    read_sslv2_certificate,
    read_sslv2_client_hello,
    read_sslv2_server_hello,
    safe_text,
)
from tests.tls.wires import (
    HELLO_RETRY,
    MODERN_HELLO,
    RANDOM,
    alpn,
    client_hello,
    codes,
    extension,
    key_share,
    server_hello,
    sni,
    vector,
)


def test_modern_client_hello() -> None:
    hello = read_client_hello(MODERN_HELLO)
    assert hello.legacy_version == 0x0303
    assert hello.random == RANDOM
    assert hello.session_id == bytes(32)
    assert hello.cipher_suites == (0x1A1A, 0x1301, 0x1302, 0xC02B)
    assert hello.compression_methods == (0,)
    assert hello.extension_types == (0x0A0A, 0, 23, 0xFF01, 10, 11, 35, 16, 13, 51, 45, 43, 21)
    assert hello.extensions[1][1].endswith(b"www.example.com")
    assert (hello.sni, hello.sni_bytes) == ("www.example.com", b"www.example.com")
    assert hello.alpn == ("h2", "http/1.1")
    assert hello.supported_versions == (0x2A2A, 0x0304, 0x0303)
    assert hello.offered_versions == (0x0304, 0x0303)
    assert hello.groups == (0x4A4A, 4588, 29, 23)
    assert hello.signature_algorithms == (0x0403, 0x0804, 0x0401)
    assert hello.key_shares == (KeyShare(0x4A4A, 1), KeyShare(29, 32))
    assert hello.psk_modes == (1,)
    assert hello.point_formats == (0,)
    assert hello.session_ticket_size == 0
    assert hello.extended_master_secret
    assert hello.renegotiation_info == b""
    assert (hello.psk, hello.ech, hello.early_data, hello.record_size_limit) == (None, None, False, None)
    assert hello.errors == ()


def test_old_client_hello_has_no_extensions() -> None:
    hello = read_client_hello(client_hello(version=0x0301))
    assert hello.offered_versions == (0x0301,)
    assert (hello.sni, hello.alpn, hello.supported_versions, hello.extensions) == (None, (), None, ())
    assert hello.errors == ()


def test_resumption_and_ech() -> None:
    ech = b"\0" + b"\0\x01\0\x03" + b"\x07" + vector(2, bytes(32)) + vector(2, bytes(144))
    psk = vector(2, vector(2, bytes(100)) + bytes(4)) + vector(2, vector(1, bytes(32)))
    hello = read_client_hello(
        client_hello(extension(0xFE0D, ech), extension(28, b"\x40\x01"), extension(42, b""), extension(41, psk))
    )
    assert hello.ech == EchFacts(True, 1, 3, 144)
    assert hello.psk == PskFacts((100,), (32,))
    assert hello.early_data
    assert hello.record_size_limit == 0x4001
    assert hello.errors == ()


DAMAGED = {
    "group list lies": (extension(10, b"\0\x09\0\x1d"), "extension 10"),
    "odd list": (extension(13, b"\0\x03\x04\x03\x08"), "extension 13"),
    "empty alpn": (extension(16, b""), "extension 16"),
    "alpn name too long": (extension(16, b"\0\x03\x09h2"), "extension 16"),
    "server name without a name": (extension(0, b"\0\0"), "extension 0"),
    "server name cut": (extension(0, b"\0\x08\0\0\x09ex"), "extension 0"),
    "early data with a body": (extension(42, b"x"), None),
    "key share cut": (extension(51, b"\0\x08\0\x1d\0\x20abcd"), "extension 51"),
}


@pytest.mark.parametrize(("bad", "note"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_extension_leaves_the_others(bad: bytes, note: str | None) -> None:
    hello = read_client_hello(
        client_hello(bad, alpn(b"x") if bad[1] != 16 else sni(b"a.b"), extension(43, codes(1, 0x0304)))
    )
    assert hello.offered_versions == (0x0304,)
    assert hello.errors
    assert note is None or hello.errors[0].startswith(note)
    assert bad[4:] in [body for _, body in hello.extensions]


def test_damaged_extension_block_is_told() -> None:
    whole = client_hello(sni(b"a.example"), extension(43, codes(1, 0x0304)))
    cut = read_client_hello(whole[:-3])
    assert cut.sni == "a.example"
    assert any("left" in error for error in cut.errors)
    assert read_client_hello(whole + b"\0").errors
    twice = read_client_hello(client_hello(sni(b"first"), sni(b"second")))
    assert twice.sni == "first"
    assert "repeated extension type" in twice.errors


@pytest.mark.parametrize("size", [0, 10, 34, 36, 40, 43])
def test_cut_before_the_extensions(size: int) -> None:
    """A whole message that short is wrong; the beginning of one is only cut."""
    with pytest.raises(Malformed):
        read_client_hello(client_hello()[:size] if size < 43 else client_hello()[:-2])
    with pytest.raises(Truncated):
        parse_client_hello(client_hello()[:size] if size < 43 else client_hello()[:-2], partial=True)


def test_beginning_of_a_hello_shows_its_name() -> None:
    hello = parse_client_hello(MODERN_HELLO[:200], partial=True)
    assert hello.sni == "www.example.com"
    assert hello.errors


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"a.b", "a.b"), ("bücher.example".encode(), "bücher.example"), (b"a\xff.b", "a\\xff.b"), (b"\0", "\0")],
)
def test_names_are_text_whatever_they_are(raw: bytes, text: str) -> None:
    assert safe_text(raw) == text
    assert read_client_hello(client_hello(sni(raw))).sni == text


def test_server_hello_12() -> None:
    hello = read_server_hello(server_hello(extension(0xFF01, b"\0"), alpn(b"h2"), session_id=b"s" * 32))
    assert (hello.version, hello.cipher_suite, hello.compression_method) == (0x0303, 0xC02F, 0)
    assert (hello.alpn, hello.session_id, hello.is_hello_retry) == ("h2", b"s" * 32, False)
    assert (hello.key_share, hello.selected_psk, hello.downgrade_sentinel) == (None, None, None)


def test_server_hello_13() -> None:
    share = extension(51, b"\0\x1d" + vector(2, bytes(32)))
    hello = read_server_hello(server_hello(share, extension(43, b"\x03\x04"), extension(41, b"\0\0"), suite=0x1301))
    assert (hello.legacy_version, hello.version, hello.cipher_suite) == (0x0303, 0x0304, 0x1301)
    assert hello.key_share == KeyShare(29, 32)
    assert hello.selected_psk == 0
    assert hello.errors == ()


def test_hello_retry_request() -> None:
    body = server_hello(extension(43, b"\x03\x04"), extension(51, b"\0\x17"), random=HELLO_RETRY, suite=0x1301)
    hello = read_server_hello(body)
    assert hello.is_hello_retry
    assert hello.key_share == KeyShare(23, 0)
    # The same bytes with another random are a ServerHello, cached or not.
    assert not read_server_hello(body[:2] + RANDOM + body[34:]).is_hello_retry
    assert read_server_hello(body).is_hello_retry


@pytest.mark.parametrize(
    ("tail", "version"), [(b"DOWNGRD\x01", 0x0303), (b"DOWNGRD\x00", 0x0302), (b"DOWNGRD\x02", None)]
)
def test_downgrade_sentinel(tail: bytes, version: int | None) -> None:
    assert read_server_hello(server_hello(random=bytes(24) + tail)).downgrade_sentinel == version


@pytest.mark.parametrize("version", [0x7F12, 0x0304])
def test_draft_server_hello_has_no_session_id(version: int) -> None:
    """Drafts up to 21; draft 14 as deployed wrote 0x0304."""
    body = (
        version.to_bytes(2, "big") + RANDOM + b"\xc0\x2b" + vector(2, extension(40, b"\0\x1d" + vector(2, bytes(32))))
    )
    hello = read_server_hello(body)
    assert (hello.version, hello.cipher_suite, hello.extension_types, hello.session_id) == (version, 0xC02B, (40,), b"")


@pytest.mark.parametrize("size", [0, 34, 36, 37])
def test_short_server_hello(size: int) -> None:
    with pytest.raises(Malformed):
        read_server_hello(server_hello()[:size])


def test_sslv2_hellos() -> None:
    body = b"\x03\x01\0\x06\0\0\0\x10" + b"\0\0\x2f\x07\0\xc0" + bytes(range(16))
    hello = read_sslv2_client_hello(body)
    assert hello.is_sslv2_format
    assert hello.cipher_suites == (0x2F, 0x0700C0)
    assert hello.offered_versions == (0x0301,)
    assert hello.random == bytes(16) + bytes(range(16))
    assert (hello.sni, hello.extensions, hello.session_id) == (None, (), b"")
    with pytest.raises(Malformed):
        read_sslv2_client_hello(body[:-1])
    assert read_sslv2_certificate(b"\0\x01\0\x02\0\x04\0\x03\0\x02" + b"cert" + b"\x01\0\x80" + b"id") == b"cert"
    answer = read_sslv2_server_hello(b"\0\x01\0\x02\0\x04\0\x03\0\x02" + b"cert" + b"\x01\0\x80" + b"id")
    assert (answer.version, answer.cipher_suite, answer.is_hello_retry) == (2, 0x010080, False)
    with pytest.raises(Malformed):
        read_sslv2_server_hello(b"\0\x01\0\x02\0\x04\0\x03\0\x02cert")


def test_grease() -> None:
    assert [code for code in range(0x10000) if is_grease(code)] == [0x0A0A + 0x1010 * step for step in range(16)]
    assert without_grease((0x0A0A, 1, 0xFAFA, 0x0A1A)) == (1, 0x0A1A)
    assert key_share()  # an empty list is allowed: it asks for a retry
    assert read_client_hello(client_hello(key_share())).key_shares == ()
