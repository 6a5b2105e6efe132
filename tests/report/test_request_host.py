"""Whom a plaintext request is meant for, and that a log line finds it."""

from __future__ import annotations

import pytest

from capanalyzer.report.request_host import request_host


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n", "www.example.test"),
        (b"GET / HTTP/1.1\r\nAccept: */*\r\nhOST:  Www.Example.Test:8443 \r\n\r\n", "Www.Example.Test"),
        (b"GET / HTTP/1.1\r\nHost: [2001:db8::9]:8443\r\n\r\n", "2001:db8::9"),
        (b"CONNECT www.example.test:443 HTTP/1.1\r\nHost: proxy.example.test\r\n\r\n", "www.example.test"),
        (b"CONNECT user:secret@www.example.test:443 HTTP/1.1\r\n\r\n", "www.example.test"),
        (b"GET / HTTP/1.0\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: \r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\n\r\nHost: body.example.test\r\n", None),
        (b"220 mail.example.test ESMTP\r\nHost: a\r\n", None),
        (b"\x16\x03\x01\x02\x00Host: a\r\n", None),
        (b"", None),
    ],
)
def test_whom_a_request_is_meant_for(opening: bytes, expected: str | None) -> None:
    assert request_host(opening) == expected
