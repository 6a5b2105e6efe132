"""Session keys in F5 trailers do not stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.redact.trailers import without_keys

MAGIC = bytes.fromhex("f5deb0f5")
SECRET = bytes(range(100, 148))
RANDOMS = bytes(64)
LOW = bytes.fromhex("00010001001900020100030d2f436f6d6d6f6e2f76735f6162")


def block(*items: bytes) -> bytes:
    body = b"".join(items)
    return MAGIC + (8 + len(body)).to_bytes(2, "big") + b"\0\1" + body


def keys(kind: int = 0, data: bytes = SECRET + RANDOMS) -> bytes:
    return b"\0\4" + kind.to_bytes(2, "big") + (8 + len(data)).to_bytes(2, "big") + b"\0\0" + data


def test_keys_are_overwritten_and_the_rest_stays() -> None:
    packet = b"packet" + bytes(6) + block(LOW, keys(), LOW)
    made = without_keys(packet, 6)
    assert len(made) == len(packet)
    assert SECRET not in made
    assert made == packet.replace(SECRET, bytes(48))


def test_every_kind_of_key_item() -> None:
    for kind, size in ((0, 112), (1, 40), (2, 321), (2, 385), (3, 16)):
        secret = bytes(value % 251 + 1 for value in range(size))
        assert secret[:16] not in without_keys(block(keys(kind, secret)))


def test_without_a_trailer_it_is_the_same_object() -> None:
    packet = b"packet" + block(LOW)
    assert without_keys(b"plain packet") == b"plain packet"
    assert without_keys(packet) == packet


def test_a_trailer_that_cannot_be_read_is_overwritten() -> None:
    broken = MAGIC + b"\xff\xff\0\1" + b"\0\4\0\0\0\2\0\0" + SECRET
    assert SECRET not in without_keys(broken)
    assert SECRET not in without_keys(MAGIC + SECRET)
    assert SECRET not in without_keys(block(keys())[:60])


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert len(without_keys(MAGIC + data)) == len(data) + 4
