"""Hellos read together are those that are read one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.errors import WireError
from capanalyzer.tls.alike import Hellos, client_hellos, server_hellos
from capanalyzer.tls.hello import ClientHello, ServerHello, parse_client_hello, parse_server_hello
from tests.handshake.messages import client_hello_body, extension, server_hello_body

NAMES = (b"", b"example.org", b"another.test", b"x" * 11, b"\xff\"'\n\0 hello")
CLIENTS = tuple(
    client_hello_body(sni=name, extensions=more, session=session)
    for name in NAMES
    for more in (b"", extension(43, b"\x02\x03\x04"), extension(10, b"\0\x04\0\x1d\0\x17"), extension(35, b"ticket"))
    for session in (b"", bytes(32))
)
SERVERS = tuple(
    server_hello_body(version, suite, retry=retry, session=session)
    for version in (0x0301, 0x0303, 0x0304)
    for suite in (0x1301, 0xC02F)
    for retry in (False, True)
    for session in (b"", b"s" * 32)
)


def changed(body: bytes, at: int, value: int) -> bytes:
    """One byte of it replaced."""
    place = at % len(body)
    return body[:place] + bytes((value,)) + body[place + 1 :]


def bodies(known: tuple[bytes, ...]) -> st.SearchStrategy[list[bytes]]:
    whole = st.sampled_from(known)
    damaged = st.builds(changed, whole, st.integers(0, 300), st.integers(0, 255))
    fresh = st.builds(lambda body, random: body[:2] + random + body[34:], whole, st.binary(min_size=32, max_size=32))
    cut = st.builds(lambda body, size: body[: size % len(body)], whole, st.integers(0, 300))
    return st.lists(st.one_of(whole, fresh, fresh, damaged, cut), max_size=40)


def read_together(read: Callable[..., Hellos[object]], some: list[bytes], joined: int, padding: int) -> Hellos[object]:
    """Every body with ``number % 5 == joined`` is given apart, as if it were cut; the others stand in one buffer."""
    data, positions, apart = bytearray(), [], {}
    for number, body in enumerate(some):
        if number % 5 == joined:
            positions.append(0)
            apart[number] = body
        else:
            positions.append(len(data))
            data += body
    data += bytes(padding)
    lengths = np.array([len(body) for body in some], np.int64)
    return read(np.frombuffer(bytes(data), np.uint8), np.array(positions, np.int64), lengths, apart)


@given(some=bodies(CLIENTS), joined=st.integers(0, 6), padding=st.sampled_from((0, 3, 64)))
def test_client_hellos(some: list[bytes], joined: int, padding: int) -> None:
    found = read_together(client_hellos, some, joined, padding)
    assert found.bodies.tolist() == some
    for body, shape in zip(some, found.shapes, strict=True):
        try:
            alone = parse_client_hello(body)
        except WireError:
            assert shape is None
            continue
        assert shape is not None
        hello = ClientHello(shape, body)  # type: ignore[arg-type] - the reader's type is not told through a callable
        for name in ("cipher_suites", "sni_bytes", "offered_versions", "groups", "session_id", "extensions", "errors"):
            assert getattr(hello, name) == getattr(alone, name), name


@given(some=bodies(SERVERS), joined=st.integers(0, 6), padding=st.sampled_from((0, 3, 64)))
def test_server_hellos(some: list[bytes], joined: int, padding: int) -> None:
    found = read_together(server_hellos, some, joined, padding)
    assert found.bodies.tolist() == some
    for body, shape in zip(some, found.shapes, strict=True):
        try:
            alone = parse_server_hello(body)
        except WireError:
            assert shape is None
            continue
        assert shape is not None
        hello = ServerHello(shape, body)  # type: ignore[arg-type] - as above
        for name in ("version", "cipher_suite", "is_hello_retry", "key_share", "session_id", "extensions", "errors"):
            assert getattr(hello, name) == getattr(alone, name), name


@pytest.mark.parametrize("count", [1, 100])
def test_a_retry_among_hellos_that_are_else_the_same(count: int) -> None:
    """Its random is all that tells it, and randoms do not count where hellos are compared."""
    plain, retry = server_hello_body(0x0304, 0x1301), server_hello_body(0x0304, 0x1301, retry=True)
    found = read_together(server_hellos, [plain] * count + [retry] + [plain] * count, 9, 64)
    assert [shape.hello_retry for shape in found.shapes if shape is not None] == [  # type: ignore[attr-defined] - as above
        *[False] * count,
        True,
        *[False] * count,
    ]
