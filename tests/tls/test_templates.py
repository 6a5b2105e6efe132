"""The cache of shapes: never anything but what a full parse gives."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.tls import hello, templates
from capanalyzer.tls.hello import parse_client_hello, parse_server_hello, read_client_hello, read_server_hello
from capanalyzer.tls.templates import TemplateCache
from tests.fuzz.fuzz_tls import outcome
from tests.tls.wires import MODERN_HELLO, client_hello, extension, key_share, server_hello, sni, vector

ECH = extension(0xFE0D, b"\0\0\x01\0\x03\x07" + vector(2, bytes(32)) + vector(2, bytes(100)))
PSK = extension(41, vector(2, vector(2, bytes(60)) + bytes(4)) + vector(2, vector(1, bytes(32))))
HELLOS = [
    MODERN_HELLO,
    client_hello(sni(b"a.example"), ECH, key_share((4588, bytes(300)), (29, bytes(32))), PSK, session_id=bytes(32)),
    client_hello(sni(b"b.example"), extension(35, bytes(100)), session_id=bytes(16)),
    client_hello(),
]
SERVERS = [
    server_hello(extension(43, b"\x03\x04"), extension(51, b"\0\x1d" + vector(2, bytes(32))), session_id=bytes(32)),
    server_hello(extension(0xFF01, b"\0")),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(HELLOS), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=4))
def test_client_hello_with_changed_bytes(body: bytes, changes: list[tuple[int, int]]) -> None:
    """Any bytes changed, random ones or structure: cached reading equals a full parse."""
    read_client_hello(body)
    changed = bytearray(body)
    for place, value in changes:
        changed[place % len(body)] = value
    assert outcome(read_client_hello, bytes(changed)) == outcome(parse_client_hello, bytes(changed))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SERVERS), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4))
def test_server_hello_with_changed_bytes(body: bytes, changes: list[tuple[int, int]]) -> None:
    read_server_hello(body)
    changed = bytearray(body)
    for place, value in changes:
        changed[place % len(body)] = value
    assert outcome(read_server_hello, bytes(changed)) == outcome(parse_server_hello, bytes(changed))


def test_what_varies_by_nature_is_recognised() -> None:
    """Random, session id, names of one length, keys, tickets, ECH, binders: the same shape."""
    source = random.Random(1)
    first = read_client_hello(HELLOS[1])
    name_at = HELLOS[1].index(b"a.example")
    again = bytearray(HELLOS[1])
    again[2:34] = source.randbytes(32)
    again[35:67] = source.randbytes(32)
    again[name_at : name_at + 9] = b"z.example"
    again[-32:] = source.randbytes(32)
    other = read_client_hello(bytes(again))
    assert other.shape is first.shape
    assert (other.sni, other.random, other.session_id) == ("z.example", bytes(again[2:34]), bytes(again[35:67]))
    assert first.sni == "a.example"
    suite = bytearray(HELLOS[1])
    suite[70] ^= 1
    assert read_client_hello(bytes(suite)).shape is not first.shape


def test_cache_is_bounded() -> None:
    cache: TemplateCache[int] = TemplateCache()
    for number in range(3 * templates.MAX_TEMPLATES):
        cache.add(number, number.to_bytes(4, "big"), number, [])
        assert len(cache) <= templates.MAX_TEMPLATES
    last = 3 * templates.MAX_TEMPLATES - 1
    assert cache.find(last, last.to_bytes(4, "big")) == last
    assert cache.find(0, bytes(4)) is None


def test_layouts_of_one_length_are_bounded() -> None:
    cache: TemplateCache[int] = TemplateCache()
    body = bytes(40)
    for start in range(20):
        cache.add(40, body, start, [(start, start + 1)])
    assert len(cache) == templates.MAX_LAYOUTS
    assert cache.find(40, body) == 20 - templates.MAX_LAYOUTS
    cache.clear()
    assert (len(cache), cache.find(40, body)) == (0, None)


def test_long_bodies_are_not_kept() -> None:
    cache: TemplateCache[int] = TemplateCache()
    cache.add(0, bytes(templates.MAX_BODY + 1), 1, [])
    assert len(cache) == 0


def test_padded_hellos_with_names_of_many_lengths_are_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that pad to one length do not crowd each other out."""
    # A cache of its own: the process's may be full of what other tests read, and then forgets all at once.
    monkeypatch.setattr(hello, "_client_shapes", TemplateCache())
    hellos = [
        client_hello(sni(b"x" * size), extension(43, b"\x02\x03\x04"), extension(21, bytes(60 - size)))
        for size in range(1, 40)
    ]
    shapes = [read_client_hello(body).shape for body in hellos]
    assert all(read_client_hello(body).shape is shape for body, shape in zip(hellos, shapes, strict=True))
