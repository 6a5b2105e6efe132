"""The DER reader."""

from __future__ import annotations

import pytest

from capanalyzer.errors import Malformed
from capanalyzer.tls.der import MAX_CHILDREN, children, element, read_name, read_oid, read_string, read_time


def der(tag: int, body: bytes) -> bytes:
    size = len(body)
    head = bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + head + body


def name(*attributes: tuple[str, int, bytes]) -> bytes:
    return b"".join(
        der(0x31, der(0x30, der(6, bytes.fromhex(oid)) + der(tag, value))) for oid, tag, value in attributes
    )


def test_element() -> None:
    assert element(b"\x30\x03abc", 0, 5) == (0x30, 2, 5)
    assert element(b"\x30\x81\x03abc", 0, 6) == (0x30, 3, 6)
    assert list(children(b"\x02\x01\x05\x05\x00", 0, 5)) == [(2, 2, 3), (5, 5, 5)]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30", b"\x30\x05abc", b"\x30\x80ab\0\0", b"\x30\x85\0\0\0\0\x01a", b"\x1f\x81\x01\x00", b"\x30\x82\x01"],
)
def test_bad_elements(data: bytes) -> None:
    with pytest.raises(Malformed):
        element(data, 0, len(data))


def test_children_are_bounded() -> None:
    with pytest.raises(Malformed):
        list(children(b"\x05\x00" * (MAX_CHILDREN + 1), 0, 2 * MAX_CHILDREN + 2))


def test_oids() -> None:
    assert read_oid(bytes.fromhex("2a864886f70d010101")) == "1.2.840.113549.1.1.1"
    assert read_oid(bytes.fromhex("550403")) == "2.5.4.3"
    assert read_oid(b"\x88\x37") == "2.999"
    for bad in (b"", b"\x2a\x86", b"\x2a" * 65):
        with pytest.raises(Malformed):
            read_oid(bad)


@pytest.mark.parametrize(
    ("tag", "contents", "text"),
    [
        (0x0C, "é".encode(), "é"),
        (0x14, b"\xe9", "é"),
        (0x13, b"plain", "plain"),
        (0x1E, "é".encode("utf-16-be"), "é"),
        (0x1E, b"\xd8\x00x", "\\xd8\\x00\\x78"),
        (0x1C, "é".encode("utf-32-be"), "é"),
    ],
)
def test_strings(tag: int, contents: bytes, text: str) -> None:
    assert read_string(tag, contents) == text


def test_names_are_rfc_4514() -> None:
    data = name(
        ("550406", 0x13, b"JP"), ("55040a", 0x0C, b'A, "B" + C'), ("550403", 0x0C, b" #x "), ("2b0601", 0x0C, b"y")
    )
    text, common_name = read_name(data)
    assert text == '1.3.6.1=y,CN=\\ #x\\ ,O=A\\, \\"B\\" \\+ C,C=JP'
    assert common_name == " #x "
    assert read_name(b"") == ("", None)
    assert read_name(name(("550403", 0x03, b"\0\xab"))) == ("CN=#ab", "#ab")
    with pytest.raises(Malformed):
        read_name(b"\x31\x05\x30")


@pytest.mark.parametrize(
    ("tag", "text", "seconds"),
    [
        (0x17, b"700101000000Z", 0),
        (0x17, b"491231235959Z", 2524607999),
        (0x17, b"500101000000Z", -631152000),
        (0x17, b"7001010000Z", 0),
        (0x17, b"700101090000+0900", 0),
        (0x18, b"19700101000000Z", 0),
        (0x18, b"19700101000001.5Z", 1),
        (0x18, b"99991231235959Z", 253402300799),
        (0x18, b"19691231190000-0500", 0),
    ],
)
def test_times(tag: int, text: bytes, seconds: int) -> None:
    assert read_time(tag, text) == seconds


@pytest.mark.parametrize(
    "text", [b"", b"Z", b"00000101000000Z", b"20230229000000Z", b"2023010100000xZ", b"\xb2\xb2", b"+"]
)
def test_impossible_times(text: bytes) -> None:
    with pytest.raises(Malformed):
        read_time(0x18, text)
