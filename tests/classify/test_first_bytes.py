"""The protocol of a direction by its first bytes."""

from __future__ import annotations

import random
import timeit

import pytest

from capanalyzer.classify.first_bytes import ENOUGH, NAMES, SIGNATURES, classify, classify_pair
from tests.classify.samples import NEAR_MISSES, SAMPLES, client_hello, server_hello

IDS = [name for name, _, _ in SAMPLES]


@pytest.mark.parametrize(("expected", "data"), [row[1:] for row in SAMPLES], ids=IDS)
def test_first_bytes_name_the_protocol(expected: str, data: bytes) -> None:
    assert classify(data) == expected


@pytest.mark.parametrize(("expected", "data"), [row[1:] for row in SAMPLES], ids=IDS)
def test_every_prefix_says_the_same_or_not_enough(expected: str, data: bytes) -> None:
    """Cut anywhere, the answer is None until it is right, and then stays."""
    answers = [classify(data[:size]) for size in range(len(data) + 1)]
    assert answers[0] is None
    first = next(size for size, answer in enumerate(answers) if answer is not None)
    assert set(answers[:first]) == {None}
    assert set(answers[first:]) == {expected}
    assert first >= 2, "one byte decides nothing"


@pytest.mark.parametrize(("expected", "data"), [row[1:] for row in SAMPLES], ids=IDS)
def test_what_follows_changes_nothing(expected: str, data: bytes) -> None:
    for tail in (bytes(40), b"\xff" * 40, b"\r\nGET / HTTP/1.1\r\n", client_hello()):
        assert classify(data + tail) == expected


@pytest.mark.parametrize("data", [row[1] for row in NEAR_MISSES], ids=[row[0] for row in NEAR_MISSES])
def test_near_misses_are_unknown(data: bytes) -> None:
    assert classify(data, ended=True) == "unknown"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", "unknown", id="nothing"),
        pytest.param(b"\x16", "unknown", id="tls-1-byte"),
        pytest.param(b"\x16\x03", "unknown", id="tls-2-bytes"),
        pytest.param(b"\x16\x03\x01", "tls", id="tls-3-bytes"),
        pytest.param(b"\x16\x03\x01\x02\x00", "tls", id="tls-header"),
        pytest.param(b"GE", "unknown", id="http-2-bytes"),
        pytest.param(b"GET", "http", id="http-method"),
        pytest.param(b"GET /a", "http", id="http-cut-target"),
        pytest.param(b"OPTIONS sip:a", "sip", id="sip-cut"),
        pytest.param(b"REGISTER sip:192", "sip", id="sip-16-bytes"),
        pytest.param(b"220 mail.example", "smtp", id="greeting-16-bytes"),
        pytest.param(b"220 (vsFTPd 3.0.", "ftp", id="ftp-greeting-16-bytes"),
        pytest.param(b"\x04\x01\x01\xbb\x00\x00\x00\x01fd7bcf7b", "socks4", id="socks4-long-user"),
        pytest.param(b"\xff" * 16, "bgp", id="bgp-marker"),
        pytest.param(b"SSH-", "ssh", id="ssh"),
        pytest.param(b"\x05\x00", "socks5", id="socks5-choice"),
    ],
)
def test_a_stream_that_ended_is_named_by_what_there_is(data: bytes, expected: str) -> None:
    assert classify(data, ended=True) == expected


def test_every_row_has_a_sample() -> None:
    """A signature nobody tests is a signature nobody knows to work."""
    missing = [
        (row.name, row.source)
        for row in SIGNATURES
        if not any(data[0] in row.first and row.check(data).state == 3 for _, _, data in SAMPLES)
    ]
    assert missing == []


def test_names_are_stable_words() -> None:
    sampled = {name for _, name, _ in SAMPLES}
    assert sampled | {"unknown"} == set(NAMES)
    assert all(name == name.lower() and " " not in name and "_" not in name for name in NAMES)
    assert all(row.source for row in SIGNATURES)


def test_enough_bytes_always_decide() -> None:
    """The longest wait is that of a line which does not end, for every first byte."""
    for first in range(256):
        for fill in (b"A", b"\0", b" ", b".", b"\xff", b"1"):
            assert classify(bytes((first,)) + fill * (ENOUGH - 1)) is not None


def test_random_bytes_are_unknown() -> None:
    """20,000 random streams: short fixed forms (three or four bytes) may match by chance, TLS and SSLv2 never do."""
    source = random.Random(20)
    names = [classify(source.randbytes(64), ended=True) for _ in range(20_000)]
    assert names.count("unknown") > 19_900
    assert not {"tls", "sslv2", "http", "ldap", "mysql", "postgres", "tds", "rdp"} & set(names)


@pytest.mark.parametrize(
    ("client", "server", "port", "expected"),
    [
        pytest.param(b"EHLO a\r\n", b"220 ready\r\n", None, ("smtp", "smtp"), id="the-client-says-smtp"),
        pytest.param(b"USER joe\r\n", b"220 ready\r\n", None, ("ftp", "ftp"), id="user-means-ftp"),
        pytest.param(b"USER joe\r\n", b"+OK ready\r\n", None, ("pop3", "pop3"), id="the-server-says-pop3"),
        pytest.param(b"AUTH TLS\r\n", b"220 ready\r\n", 25, ("ftp", "ftp"), id="auth-tls-beats-the-port"),
        pytest.param(b"QUIT\r\n", b"220 ready\r\n", 25, ("smtp", "smtp"), id="port-25"),
        pytest.param(b"QUIT\r\n", b"220 ready\r\n", 21, ("ftp", "ftp"), id="port-21"),
        pytest.param(b"QUIT\r\n", b"220 ready\r\n", 9999, ("ftp", "ftp"), id="free-text-greets-like-ftp"),
        pytest.param(b"QUIT\r\n", b"220 mx.example.com\r\n", None, ("smtp", "smtp"), id="a-host-greets-like-smtp"),
        pytest.param(b"*1\r\n$4\r\nPING\r\n", b"+OK\r\n", None, ("redis", "redis"), id="bare-ok-of-redis"),
        pytest.param(b"CAPA\r\n", b"-ERR no\r\n", None, ("pop3", "pop3"), id="err-of-pop3"),
        pytest.param(b"QUIT\r\n", b"-ERR no\r\n", 6379, ("redis", "redis"), id="err-of-redis-by-port"),
        pytest.param(b"QUIT\r\n", b"-ERR no\r\n", None, ("pop3", "pop3"), id="err-of-pop3-to-quit"),
        pytest.param(b"EHLO a\r\n", b"-ERR no\r\n", 25, ("smtp", "pop3"), id="smtp-to-pop3"),
        pytest.param(b"STARTTLS\r\n", b"200 news\r\n", None, ("nntp", "nntp"), id="starttls-to-news"),
        pytest.param(b"PASS x\r\n", b":irc.a NOTICE * :hi\r\n", None, ("irc", "irc"), id="pass-of-irc"),
        pytest.param(b"<?xml version='1.0'", b"<stream:stream>", None, ("xmpp", "xmpp"), id="cut-xml-of-xmpp"),
        pytest.param(client_hello(), b"220 ready\r\n", 25, ("tls", "smtp"), id="tls-to-mail"),
        pytest.param(client_hello(), b"500 unknown\r\n", 21, ("tls", "ftp"), id="tls-to-ftp"),
        pytest.param(client_hello(), b"-ERR what\r\n", 110, ("tls", "pop3"), id="tls-to-pop3"),
        pytest.param(client_hello(), b"SSH-2.0-x\r\n", 443, ("tls", "ssh"), id="tls-to-ssh"),
        pytest.param(client_hello(), b"HTTP/1.1 400 Bad Request\r\n", 443, ("tls", "http-response"), id="tls-to-http"),
        pytest.param(b"GET / HTTP/1.1\r\n", b"\x15\x03\x01\x00\x02\x02\x0a", 443, ("http", "tls"), id="http-to-tls"),
        pytest.param(b"\0\0\0\x08\x04\xd2\x16\x2f", b"S", 5432, ("postgres", "postgres"), id="postgres-s"),
        pytest.param(b"\0\0\0\x08\x04\xd2\x16\x2f", b"N", 5432, ("postgres", "postgres"), id="postgres-n"),
        pytest.param(b"\0\0\0\x08\x04\xd2\x16\x2f", b"SSH-2.0-x\r\n", 22, ("postgres", "ssh"), id="postgres-to-ssh"),
        pytest.param(
            b"\x04\x01\x01\xbb\xc0\x00\x02\x01\x00",
            b"\0\x5a" + bytes(6),
            1080,
            ("socks4", "socks4"),
            id="socks4-answer",
        ),
        pytest.param(b"", b"220 ready\r\n", 25, (None, "smtp"), id="mute-client"),
        pytest.param(client_hello(), b"", 443, ("tls", None), id="mute-server"),
        pytest.param(b"", b"", 443, (None, None), id="nobody"),
        pytest.param(b"\0\0", b"\0", 443, ("unknown", "unknown"), id="zeros"),
    ],
)
def test_pairs(client: bytes, server: bytes, port: int | None, expected: tuple[str | None, str | None]) -> None:
    assert classify_pair(client, server, True, True, port) == expected


def test_a_weak_greeting_waits_for_the_client() -> None:
    """``220 ready`` alone is not decided while the client may still speak."""
    assert classify_pair(b"", b"220 ready\r\n", False, False) == (None, None)
    assert classify_pair(b"EHLO", b"220 ready\r\n", False, False) == (None, None)
    assert classify_pair(b"EHLO a\r\n", b"220 ready\r\n", False, False) == ("smtp", "smtp")
    assert classify_pair(b"", b"220 ready\r\n", True, False, 25) == (None, "smtp")
    assert classify_pair(b"", b"220 mx.example.com ESMTP\r\n", False, False) == (None, "smtp")


@pytest.mark.parametrize(
    ("data", "limit_us"),
    [
        pytest.param(client_hello(bytes(400)), 0.3, id="tls"),
        pytest.param(server_hello(), 0.3, id="server-hello"),
        pytest.param(b"GET /index.html HTTP/1.1\r\nHost: example.com\r\n\r\n", 1.0, id="http"),
    ],
)
def test_cost(data: bytes, limit_us: float) -> None:
    """Runs twice a connection. Ten times the target is allowed, for slow and busy machines."""
    best_us = min(timeit.repeat(lambda: classify(data), number=2000, repeat=5)) / 2000 * 1e6
    assert best_us < 10 * limit_us
