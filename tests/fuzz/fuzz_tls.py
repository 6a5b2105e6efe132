"""Any bytes at all into every reader of TLS: a result, or Malformed or Truncated, never anything else.

Run by tests/tls/test_fuzz.py with few examples; ``FUZZ_EXAMPLES=100000 pytest tests/fuzz/fuzz_tls.py`` runs many.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import suppress

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from capanalyzer.errors import WireError
from capanalyzer.tls import fingerprint, hello
from capanalyzer.tls.certificates import CertificateFacts, read_certificate_message, read_chain
from capanalyzer.tls.extensions import CLIENT_READERS, SERVER_READERS, opaque_spans
from capanalyzer.tls.history import history
from capanalyzer.tls.messages import (
    read_certificate_request,
    read_certificate_status,
    read_new_session_ticket,
    read_server_key_exchange,
)
from capanalyzer.tls.records import TlsReader
from tests.tls.wires import MODERN_HELLO, message, record, server_hello, vector

SETTINGS = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "150")), deadline=None, suppress_health_check=list(HealthCheck)
)

SEEDS = [
    record(22, message(1, MODERN_HELLO)),
    record(22, message(2, server_hello()) + message(11, vector(3, vector(3, bytes(60)))) + message(14, b"")),
    record(20, b"\x01") + record(22, bytes(40)) + record(23, bytes(30)) + record(21, bytes(26)),
    b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10" + bytes(37),
]


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed cut, with bytes changed, repeated or put in: closer to the wire than plain noise."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        choice = draw(st.integers(0, 3))
        if choice == 0:
            data[at : at + 1] = draw(st.binary(max_size=3))
        elif choice == 1:
            del data[at : at + draw(st.integers(1, 40))]
        elif choice == 2:
            data[at:at] = data[: draw(st.integers(0, 60))]
        elif at < len(data):
            data[at] = draw(st.sampled_from((0, 1, 2, 3, 20, 21, 22, 23, 24, 127, 128, 255)))
    return bytes(data)


@SETTINGS
@given(st.one_of(st.binary(max_size=200), damaged(SEEDS)), st.lists(st.integers(0, 250), max_size=5), st.booleans())
@example(b"\x16\x04nothing", [1], False)
def test_records(data: bytes, cuts: list[int], mid_stream: bool) -> None:
    """Never raises; and in one direction read from its start the pieces make no difference."""
    whole = TlsReader(0, mid_stream=mid_stream)
    whole.feed(data, 1, 1)
    pieces = TlsReader(0, mid_stream=mid_stream)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(places):
        pieces.feed(data[start:end], 1, 1)
    if not mid_stream:
        for name in ("messages", "record_count", "application_bytes", "malformed", "desynchronised", "pending"):
            assert getattr(whole, name) == getattr(pieces, name), name
        assert whole.wants_until == pieces.wants_until
    pieces.gap(100, 2, 2)
    pieces.feed(data, 3, 3)
    whole.finish(2, 2)
    history(whole.messages + pieces.messages)
    for reader in (whole, pieces):
        for text in (reader.pending, reader.wants_until, reader.wants_more):
            repr(text)


@SETTINGS
@given(damaged([MODERN_HELLO, server_hello(), MODERN_HELLO[:60]]))
def test_hellos(body: bytes) -> None:
    """Cached and uncached reading agree, and every property of what is read can be read."""
    for read, parse in (
        (hello.read_client_hello, hello.parse_client_hello),
        (hello.read_server_hello, hello.parse_server_hello),
    ):
        assert outcome(read, body) == outcome(parse, body)
    for read_whole in (hello.read_sslv2_client_hello, hello.read_sslv2_server_hello):
        with suppress(WireError):
            facts(read_whole(body))
    with suppress(WireError):
        facts(hello.parse_client_hello(body, partial=True))


def outcome(read: Callable[[bytes], hello.ClientHello | hello.ServerHello], body: bytes) -> object:
    """What is read, or how it is refused."""
    try:
        return facts(read(body))
    except WireError as error:
        return str(error)


def facts(read: hello.ClientHello | hello.ServerHello) -> dict[str, object]:
    """Every property by name, and the fingerprints."""
    found = {
        name: getattr(read, name)
        for kind in type(read).__mro__
        for name, value in vars(kind).items()
        if isinstance(value, property)
    }
    if isinstance(read, hello.ClientHello):
        found |= {"ja3": fingerprint.ja3(read), "ja4": fingerprint.ja4(read), "raw": fingerprint.ja4_raw(read)}
    else:
        found["ja3s"] = fingerprint.ja3s(read)
    return found


@SETTINGS
@given(st.binary(max_size=80))
def test_extensions(body: bytes) -> None:
    """Readers raise only Malformed or Truncated; opaque spans are in order and inside."""
    for readers, from_client in ((CLIENT_READERS, True), (SERVER_READERS, False)):
        for kind in {*readers, 21, 35, 41, 44, 51, 0xFE0D}:
            if kind in readers:
                with suppress(WireError):
                    readers[kind](body)
            end = 0
            for start, stop in opaque_spans(kind, body, from_client):
                assert end <= start <= stop <= len(body)
                end = stop


@SETTINGS
@given(st.binary(max_size=120), st.sampled_from((0x0300, 0x0301, 0x0303, 0x0304)), st.integers(0, 0xFFFF))
def test_messages(body: bytes, version: int, suite: int) -> None:
    for read in (
        lambda: read_certificate_request(body, version),
        lambda: read_server_key_exchange(body, version, suite),
        lambda: read_certificate_status(body),
        lambda: read_new_session_ticket(body),
        lambda: read_certificate_message(body),
        lambda: read_certificate_message(body, is_tls13=True),
    ):
        with suppress(WireError):
            read()
    read_chain(body)
    read_chain(body, is_tls13=True)


def every_fact(der: bytes) -> None:
    """Read all there is of a certificate."""
    certificate = CertificateFacts(der)
    for kind in type(certificate).__mro__:
        for name in vars(kind):
            if not name.startswith("_"):
                getattr(certificate, name)


@SETTINGS
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda body: b"\x30\x82\0\x3c" + body)))
def test_certificates(der: bytes) -> None:
    every_fact(der)
