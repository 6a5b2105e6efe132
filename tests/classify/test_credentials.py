"""Secrets of plaintext protocols are found where they stand, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capanalyzer.classify.credentials import _RULES, clear_start, mask

SECRET = b"hUnter2-s3cret"
CASES = (
    b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\n\r\n",
    b"GET / HTTP/1.1\r\nproxy-authorization:Bearer %s\r\n\r\n",
    b"GET / HTTP/1.1\r\nCookie: a=%s; b=2\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nSet-Cookie: session=%s; HttpOnly\r\n\r\n",
    b"GET / HTTP/1.1\r\nX-Auth-Token: %s\r\n\r\n",
    b"GET / HTTP/1.1\r\nX-Api-Key: one\r\n %s\r\n\r\n",
    b"GET /?token=%s HTTP/1.1\r\n\r\n",
    b"GET /a?x=1&jwt=%s&y=2 HTTP/1.1\r\n\r\n",
    b"GET http://joe:%s@example.com/ HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\n\r\nuser=joe&password=%s",
    b'POST / HTTP/1.1\r\n\r\n{"user": "joe", "password": "%s"}',
    b"USER joe\r\nPASS %s\r\n",
    b"APOP joe %s\r\n",
    b"a1 LOGIN joe %s\r\n",
    b"a1 AUTHENTICATE PLAIN %s\r\n",
    b"EHLO a\r\nAUTH PLAIN %s\r\n",
    b"AUTH LOGIN\r\nam9l\r\naFVudGVyMg==\r\nMAIL FROM:<>%.0s\r\n",
    b"AUTH %s\r\n",
    b"AUTH joe %s\r\n",
    b"*2\r\n$4\r\nAUTH\r\n$14\r\n%s\r\n",
    b"*3\r\n$4\r\nauth\r\n$3\r\njoe\r\n$14\r\n%s\r\n",
    b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$14\r\n%s\r\n",
    b"CONFIG SET requirepass %s\r\n",
    b"NICK joe\r\nPASS %s\r\n",
    b"Cookie: mstshash=%s\r\n",
)


@pytest.mark.parametrize("case", CASES)
def test_a_secret_is_masked_and_the_length_stays(case: bytes) -> None:
    data = case % SECRET
    made = mask(data)
    assert SECRET not in made
    assert b"aFVudGVyMg" not in made
    assert len(made) == len(data)
    assert [at for at, value in enumerate(data) if value in b"\r\n"] == [
        at for at, value in enumerate(made) if value in b"\r\n"
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"GET /index.html HTTP/1.1\r\nHost: www.example.com\r\nAccept: */*\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<h1>The plain HTTP request was sent to HTTPS port</h1>",
        b"220 mail.example.com ESMTP\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
        b"AUTH TLS\r\n",
        b"EHLO a\r\nSTARTTLS\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
        b"*1\r\n$4\r\nPING\r\n",
    ],
)
def test_what_is_no_secret_stays(data: bytes) -> None:
    assert mask(data) is data or mask(data) == data


@given(st.binary(max_size=500))
def test_any_bytes_keep_their_length(data: bytes) -> None:
    assert len(mask(data)) == len(data)


def test_first_bytes_end_before_a_secret() -> None:
    opening = b"PASS %s\r\n" % SECRET
    assert clear_start(opening[:16], opening) == b"PASS "
    assert clear_start(b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nCookie: a=b\r\n\r\n") == b"GET / HTTP/1.1\r\n"
    assert clear_start(b"GET /?a=", b"GET /?a=1 HTTP/1.1\r\n\r\n") == b"GET /?a="


PIECES = st.sampled_from(
    b"Authorization|proxy-auth|AUTH |PLAIN|login |a1 |PASS |PassWord|passphrase|pwd|secret|token|api_key|Access-Key|"
    b"private_key|client-secret|session-id|sid|OTP|pin|mstshash|identify |apop x |oper |acct |x-api-key|cookie2|"
    b"bearer |Basic |NTLM |digest |requirepass |masterauth\r\n|id_token=|://|user:pw|@|=|:|: |?|&|;|'|\"| |\r\n|\n|"
    b"abc|QWxhZGRpbg==|$4\r\nauth\r\n|*2\r\n$4\r\nAUTH\r\n|$5\r\nhello\r\n|\xff\0".split(b"|")
)


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_a_pattern_is_left_out_only_where_it_finds_nothing(data: bytes) -> None:
    """The words asked for first are in whatever a pattern finds."""
    for pattern, _, words in _RULES:
        for found in pattern.finditer(data):
            assert any(word in found.group().lower() for word in words)
