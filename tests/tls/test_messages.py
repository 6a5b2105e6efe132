"""CertificateRequest, ServerKeyExchange, CertificateStatus, NewSessionTicket."""

from __future__ import annotations

import pytest

from capanalyzer.errors import Malformed
from capanalyzer.tls.messages import (
    MAX_CA_NAMES,
    KeyExchangeFacts,
    TicketFacts,
    key_exchange_of,
    read_certificate_request,
    read_certificate_status,
    read_new_session_ticket,
    read_server_key_exchange,
)
from tests.tls.wires import codes, extension, vector

NAME = bytes.fromhex("300d310b3009060355040313024341")
"""CN=CA"""
AUTHORITIES = vector(2, vector(2, NAME) * 20 + vector(2, b"junk"))


def test_certificate_request_12() -> None:
    facts = read_certificate_request(b"\x02\x01\x40" + codes(2, 0x0403, 0x0401) + AUTHORITIES, 0x0303)
    assert facts.certificate_types == (1, 64)
    assert facts.signature_algorithms == (0x0403, 0x0401)
    assert facts.ca_count == 21
    assert facts.ca_names == ("CN=CA",) * MAX_CA_NAMES


def test_certificate_request_before_12_has_no_algorithms() -> None:
    facts = read_certificate_request(b"\x01\x01" + vector(2, vector(2, b"junk")), 0x0301)
    assert (facts.signature_algorithms, facts.ca_count, facts.ca_names) == ((), 1, ("",))


def test_certificate_request_13() -> None:
    extensions = extension(13, codes(2, 0x0804)) + extension(47, AUTHORITIES) + extension(5, b"")
    facts = read_certificate_request(b"\0" + vector(2, extensions), 0x0304)
    assert (facts.signature_algorithms, facts.ca_count) == ((0x0804,), 21)


@pytest.mark.parametrize(("suite", "name"), [(0xC02F, "ECDHE_RSA"), (0x2F, "RSA"), (0x1301, ""), (0x1234, "")])
def test_key_exchange_of_a_suite(suite: int, name: str) -> None:
    assert key_exchange_of(suite) == name


ECDHE = b"\x03\0\x1d" + vector(1, bytes(32))
DHE = vector(2, b"\0\x80" + bytes(127)) + vector(2, b"\x02") + vector(2, bytes(128))


@pytest.mark.parametrize(
    ("body", "version", "suite", "facts"),
    [
        (ECDHE + b"\x08\x04" + vector(2, bytes(256)), 0x0303, 0xC02F, KeyExchangeFacts("ECDHE", 29, None, 0x0804)),
        (ECDHE + vector(2, bytes(256)), 0x0301, 0xC013, KeyExchangeFacts("ECDHE", 29, None, None)),
        (ECDHE, 0x0303, 0xC018, KeyExchangeFacts("ECDHE", 29, None, None)),
        (b"\x01rest", 0x0303, 0xC02F, KeyExchangeFacts("ECDHE", None, None, None)),
        (DHE + b"\x04\x01" + vector(2, bytes(256)), 0x0303, 0x9E, KeyExchangeFacts("DHE", None, 1024, 0x0401)),
        (DHE, 0x0303, 0x34, KeyExchangeFacts("DHE", None, 1024, None)),
        (vector(2, b"hint") + ECDHE, 0x0303, 0xC035, KeyExchangeFacts("ECDHE", 29, None, None)),
        (vector(2, b"hint"), 0x0303, 0xA8, KeyExchangeFacts("PSK", None, None, None)),
        (vector(2, b"\x80" + bytes(63)), 0x0301, 0x03, KeyExchangeFacts("RSA_EXPORT", None, 512, None)),
        (b"anything", 0x0303, 0x1234, KeyExchangeFacts("unknown", None, None, None)),
    ],
)
def test_server_key_exchange(body: bytes, version: int, suite: int, facts: KeyExchangeFacts) -> None:
    assert read_server_key_exchange(body, version, suite) == facts


def test_status_and_ticket() -> None:
    assert read_certificate_status(b"\x01" + vector(3, bytes(471))) == 471
    assert read_new_session_ticket(b"\0\0\x1c\x20" + vector(2, bytes(192))) == TicketFacts(7200, 192)


def test_what_does_not_fit_is_malformed() -> None:
    """A whole message that is too short is the sender's fault, never the capture's."""
    for call in (
        lambda: read_certificate_request(b"\x05\x01", 0x0303),
        lambda: read_certificate_request(b"\0\0", 0x0304),
        lambda: read_server_key_exchange(b"\x03\0", 0x0303, 0xC02F),
        lambda: read_certificate_status(b"\x01\0\0\x05abc"),
        lambda: read_new_session_ticket(b"\0\0"),
    ):
        with pytest.raises(Malformed):
            call()
