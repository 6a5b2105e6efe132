"""Start lines of HTTP/1, what may be printed of them, and pages that say HTTPS is wanted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capanalyzer.http.start import (
    connect_target,
    is_html_without_status,
    read_host,
    read_request_line,
    read_status_line,
    safe_request_line,
    wants_https,
)


@pytest.mark.parametrize(
    ("data", "method", "form", "target", "version"),
    [
        pytest.param(b"GET /a?b HTTP/1.1\r\nX: y\r\n", "GET", "origin", b"/a?b", "HTTP/1.1", id="origin"),
        pytest.param(b"GET http://a/b HTTP/1.0\n", "GET", "absolute", b"http://a/b", "HTTP/1.0", id="absolute"),
        pytest.param(b"CONNECT a:443 HTTP/1.1\r\n", "CONNECT", "authority", b"a:443", "HTTP/1.1", id="authority"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\n", "OPTIONS", "asterisk", b"*", "HTTP/1.1", id="asterisk"),
        pytest.param(b"GET /a\r\n", "GET", "origin", b"/a", "", id="http-0.9"),
        pytest.param(b"\r\nGET / HTTP/1.1\r\n", "GET", "origin", b"/", "HTTP/1.1", id="empty-line-first"),
        pytest.param(b"GET /cut-of", "GET", "origin", b"/cut-of", "", id="cut"),
    ],
)
def test_request_line(data: bytes, method: str, form: str, target: bytes, version: str) -> None:
    assert read_request_line(data) == (method, form, target, version)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET",
        b"get / HTTP/1.1\r\n",
        b"GET key\r\n",
        b"\x16\x03\x01\x02\x00",
        b"A" * 99 + b" / HTTP/1.1",
        b"GET / SIP/2.0",
    ],
    ids=["nothing", "method-only", "lower-case", "no-target", "tls", "long-method", "other-protocol"],
)
def test_no_request_line(data: bytes) -> None:
    assert read_request_line(data) is None
    assert safe_request_line(data) == ""
    assert connect_target(data) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"HTTP/1.1 403 Forbidden\r\n", ("HTTP/1.1", 403, "Forbidden"), id="plain"),
        pytest.param(b"HTTP/1.0 200\r\n", ("HTTP/1.0", 200, ""), id="no-reason"),
        pytest.param(b"HTTP/1.1 500 a\x1bb\r\n", ("HTTP/1.1", 500, "a?b"), id="escape"),
        pytest.param(b"HTTP/1.1 4x3 No\r\n", None, id="no-number"),
        pytest.param(b"HTTP/1.1 4033 No\r\n", None, id="four-digits"),
        pytest.param(b"SIP/2.0 200 OK\r\n", None, id="sip"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_status_line(data: bytes, expected: tuple[str, int, str] | None) -> None:
    assert read_status_line(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nhOST:  a.example:8443 \r\n\r\n", "a.example:8443", id="any-case"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: joe:pw@a.example\r\n\r\n", "a.example", id="no-user"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\x07b\r\n\r\n", "a?b", id="control-character"),
        pytest.param(b"GET / HTTP/1.1\r\nX: y\r\n\r\nHost: body\r\n", None, id="in-the-body"),
        pytest.param(b"GET / HTTP/1.1\r\nHost:\r\n\r\n", None, id="empty"),
        pytest.param(b"GET / HTTP/1.1\r\n", None, id="absent"),
    ],
)
def test_host(data: bytes, expected: str | None) -> None:
    assert read_host(data) == expected


def test_host_is_bounded() -> None:
    host = read_host(b"GET / HTTP/1.1\r\nHost: " + b"a" * 9999 + b"\r\n\r\n")
    assert host is not None
    assert len(host) == 261


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(b"example.com:443", ("example.com", 443), id="name"),
        pytest.param(b"[2001:db8::1]:8443", ("2001:db8::1", 8443), id="ipv6"),
        pytest.param(b"joe:pw@example.com:443", ("example.com", 443), id="user"),
        pytest.param(b"example.com", None, id="no-port"),
        pytest.param(b"example.com:70000", None, id="port-too-large"),
        pytest.param(b":443", None, id="no-host"),
    ],
)
def test_connect_target(target: bytes, expected: tuple[str, int] | None) -> None:
    assert connect_target(b"CONNECT " + target + b" HTTP/1.1\r\n\r\n") == expected


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        pytest.param(b"GET /index.html HTTP/1.1\r\n", "GET /index.html HTTP/1.1", id="plain"),
        pytest.param(b"GET /a?token=secret HTTP/1.1\r\n", "GET /a?... HTTP/1.1", id="query"),
        pytest.param(b"GET /a;jsessionid=secret HTTP/1.1\r\n", "GET /a?... HTTP/1.1", id="parameter"),
        pytest.param(b"GET /a#secret HTTP/1.1\r\n", "GET /a?... HTTP/1.1", id="fragment"),
        pytest.param(b"GET http://joe:secret@a.example/b HTTP/1.1\r\n", "GET http://a.example/b HTTP/1.1", id="user"),
        pytest.param(b"GET http://a.example?secret/x HTTP/1.1\r\n", "GET http://a.example?... HTTP/1.1", id="no-path"),
        pytest.param(b"GET http://a?secret@b/x HTTP/1.1\r\n", "GET http://a?... HTTP/1.1", id="at-in-query"),
        pytest.param(b"CONNECT joe:secret@a:443 HTTP/1.1\r\n", "CONNECT a:443 HTTP/1.1", id="connect"),
        pytest.param(b"GET /\x1b[31m\xff HTTP/1.1\r\n", "GET /?[31m? HTTP/1.1", id="control-characters"),
        pytest.param(b"GET /a HTTP/\xc3\xa9.1\r\n", "GET /a HTTP/??.1", id="odd-version"),
        pytest.param(b"Authorization: Basic c2VjcmV0\r\n", "", id="a-field"),
        pytest.param(b"GET /" + b"a" * 500 + b" HTTP/1.1\r\n", "GET /" + "a" * 183 + "... HTTP/1.1", id="long"),
    ],
)
def test_what_is_printed_holds_no_secret(data: bytes, shown: str) -> None:
    assert safe_request_line(data) == shown
    assert "secret" not in shown
    assert len(shown) <= 200


@given(
    st.sampled_from([b"GET ", b"POST ", b"CONNECT "]),
    st.sampled_from([b"/p", b"http://h/p", b"http://h", b"http://u:SECRET@h/", b"SECRET@h:1", b""]),
    st.sampled_from([b"?", b"#", b";"]),
    st.binary(max_size=30),
)
@settings(deadline=None)
def test_nothing_behind_a_query_mark_is_printed(method: bytes, target: bytes, mark: bytes, noise: bytes) -> None:
    """Wherever the query begins and whatever stands in it; and only printable ASCII comes out."""
    text = safe_request_line(
        method + target + mark + noise.replace(b" ", b"") + b"SECRET HTTP/1.1\r\nCookie: SECRET\r\n"
    )
    assert "SECRET" not in text
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 200


PAGES = {
    "nginx": b"HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>",
    "apache": b"HTTP/1.1 400 Bad Request\r\n\r\nYou're speaking plain HTTP to an SSL-enabled server port.<br />",
    "go": b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
    "tomcat": b"HTTP/1.1 400 \r\n\r\nBad Request\r\nThis combination of host and port requires TLS.\r\n",
    "cheroot": b"HTTP/1.1 400 \r\n\r\nclient sent a plain HTTP request, but this server only speaks HTTPS on this port",
    "iis": b"HTTP/1.1 403 Forbidden\r\n\r\n<h2>403.4 - Forbidden: SSL is required to view this resource.</h2>",
    "nginx-497": b"HTTP/1.1 497 \r\n\r\n",
    "rfc-2817": b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n",
    "wrapped-line": b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request\r\n  was sent to HTTPS port",
    "no-status-line": b"<html><body>The plain HTTP request was sent to HTTPS port</body></html>",
}
OTHERS = {
    "redirect": b"HTTP/1.1 301 Moved\r\nLocation: https://a/\r\n\r\nplease use https",
    "ok-page-that-quotes-it": b"HTTP/1.1 200 OK\r\n\r\nThe plain HTTP request was sent to HTTPS port",
    "plain-400": b"HTTP/1.1 400 Bad Request\r\n\r\nno Host",
    "websocket-426": b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n",
    "http-2-426": b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\n\r\n",
    "server-error": b"HTTP/1.1 502 Bad Gateway\r\n\r\nhttps required",
    "text": b"The plain HTTP request was sent to HTTPS port",
    "nothing": b"",
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_pages_that_want_https(page: bytes) -> None:
    assert wants_https(page)
    assert wants_https(page + b"x" * 9000)


@pytest.mark.parametrize("page", OTHERS.values(), ids=OTHERS)
def test_pages_that_do_not(page: bytes) -> None:
    assert not wants_https(page)


def test_html_without_status() -> None:
    assert is_html_without_status(b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">')
    assert is_html_without_status(b"\n<html>")
    assert not is_html_without_status(b"HTTP/1.1 200 OK\r\n\r\n<html>")
    assert not is_html_without_status(b"<?xml version='1.0'?>")


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes(data: bytes) -> None:
    for reader in (read_request_line, read_status_line, read_host, connect_target, wants_https, is_html_without_status):
        reader(data)
    assert safe_request_line(data).isprintable()
