"""Streams with other names in them are read as before; what is no handshake does not stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.classify.first_bytes import classify
from capanalyzer.http.start import wants_https
from capanalyzer.redact.plaintext import redact_plaintext
from capanalyzer.redact.redactor import Redactor
from capanalyzer.redact.stream import mask_stream, redact_stream
from capanalyzer.tls.fingerprint import ja3, ja4
from capanalyzer.tls.hello import read_client_hello
from tests.classify.samples import SAMPLES
from tests.tls.wires import alpn, client_hello, message, record, sni

REDACTOR = Redactor(b"a key of sixteen bytes")


def test_a_client_hello_keeps_its_form() -> None:
    body = client_hello(sni(b"db.internal.example.com"), alpn(b"h2"))
    wire = record(22, message(1, body))
    made = redact_stream(wire, [0], REDACTOR)
    old, new = read_client_hello(body), read_client_hello(made[9:])
    assert len(made) == len(wire)
    assert new.sni == REDACTOR.name("db.internal.example.com")
    assert (ja3(new), ja4(new)) == (ja3(old), ja4(old))
    assert new.cipher_suites == old.cipher_suites


@pytest.mark.parametrize("data", [sample[2] for sample in SAMPLES], ids=[" ".join(one[:2]) for one in SAMPLES])
def test_a_protocol_is_recognised_as_before(data: bytes) -> None:
    made = redact_plaintext(data, REDACTOR)
    assert len(made) == len(data)
    assert classify(made, ended=True) == classify(data, ended=True)


def test_a_name_behind_a_length_that_is_wrong_does_not_stay() -> None:
    body = bytearray(client_hello(sni(b"db.internal.example.com")))
    body[35:37] = (len(body) - 40).to_bytes(2, "big")  # the cipher suites reach over the name
    wire = record(22, message(1, bytes(body)))
    made = redact_stream(wire, [0], REDACTOR)
    assert made[:44] == wire[:44]
    for word in (b"internal", b"example"):
        assert word not in made


def test_a_page_still_asks_for_https_and_says_nothing_else() -> None:
    page = (
        b"HTTP/1.1 400 Bad Request\r\nServer: acme-balancer/7\r\nX-Node: rack-17\r\n\r\n<html><body>"
        b"The plain HTTP request was sent to HTTPS port at Acme's rack-17</body></html>"
    )
    made = redact_plaintext(page, REDACTOR)
    assert wants_https(made)
    for secret in (b"acme", b"rack", b"17", b"balancer"):
        assert secret not in made.lower()


def test_targets_and_fields_of_a_request_do_not_stay() -> None:
    request = b"POST /customers/4711/edit?id=9 HTTP/1.1\r\nHost: crm.example.com\r\nReferer: /secret\r\n\r\nname=Joe"
    made = redact_plaintext(request, REDACTOR)
    assert made.startswith(b"POST /")
    assert b" HTTP/1.1\r\n" in made
    for secret in (b"customers", b"4711", b"crm", b"example", b"secret", b"Joe"):
        assert secret not in made


def test_a_request_that_is_cut_shows_nothing_of_its_target() -> None:
    assert redact_plaintext(b"GET /reset/passw", REDACTOR) == b"GET /xxxxx/xxxxx"
    assert redact_plaintext(b"GET /reset/x HTTP/1.1 and more", REDACTOR).startswith(b"GET /xxxxx/x HTTP/1.1")


@pytest.mark.parametrize(
    "header", [b"PROXY TCP4 198.51.100.7 203.0.113.9 5000 443\r\n", b"PROXY TCP6 2001:db8::7 2001:db8::9 5000 443\r\n"]
)
def test_a_proxy_header_stays_one(header: bytes) -> None:
    made = redact_plaintext(header, REDACTOR)
    assert len(made) == len(header)
    assert classify(made) == "proxy-v1"
    assert made.endswith(b" 5000 443\r\n")
    assert not set(header.split()[2:4]) & set(made.split())


def test_a_binary_proxy_header_has_the_addresses_of_the_packets() -> None:
    header = (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f" + bytes((198, 51, 100, 7, 203, 0, 113, 9)) + b"\x13\x88\x01\xbb\x02\0\0"
    )
    made = redact_plaintext(header, REDACTOR)
    assert made[16:20] == REDACTOR.address(bytes((198, 51, 100, 7)))
    assert made[24:] == header[24:]


def test_application_data_does_not_stay() -> None:
    secret = b"GET /account HTTP/1.1 cookie: abc"
    wire = record(23, secret)
    made = redact_stream(wire, [0], REDACTOR)
    assert made[:5] == wire[:5]
    assert secret not in made


def test_ciphertext_from_the_middle_of_a_record_does_not_stay() -> None:
    rest, following = bytes(range(100)), record(23, b"secret" * 20)
    made = redact_stream(rest + following, [0, 100], REDACTOR)
    assert made[100:105] == following[:5]
    assert b"secret" not in made
    assert bytes(range(20)) not in made


@given(st.binary(max_size=400), st.binary(max_size=200))
def test_any_stream_keeps_its_length(head: bytes, tail: bytes) -> None:
    for data in (head, record(22, head) + tail, b"EHLO a\r\n" + record(22, b"\x01\0\0\x50\3\3" + head) + tail):
        starts = list(range(0, len(data), 100))
        assert len(redact_stream(data, starts, REDACTOR)) == len(data)
        assert len(mask_stream(data, starts)) == len(data)
