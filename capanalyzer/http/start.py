"""Request lines, status lines, and what a plaintext answer says about HTTPS (RFC 9110, RFC 9112).

Nothing here keeps or prints secrets: queries, fragments, user information, path parameters, cookies and
authorization fields never leave these functions.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.classify.reading import printable

__all__ = [
    "RequestLine",
    "StatusLine",
    "connect_target",
    "is_html_without_status",
    "read_host",
    "read_request_line",
    "read_status_line",
    "safe_request_line",
    "wants_https",
]

MAX_LINE: Final = 8192
"""Bytes of a start line that are read: RFC 9112 section 3 recommends to support 8,000."""
MAX_HEAD: Final = 32_768
"""Bytes of a head in which a field is searched."""
MAX_PRINTED: Final = 200
"""Characters of a printed request line."""
MAX_METHOD: Final = 32
MAX_HOST: Final = 261
"""A name of 255 characters, a colon and a port."""

_METHOD: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
_HOST: Final = bytes((*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), *b".-_:[]%"))
"""Letters, digits and marks of names and IP literals."""
_VISIBLE: Final = frozenset(range(0x21, 0x7F))


class RequestLine(NamedTuple):
    """RFC 9112 section 3."""

    method: str
    form: str
    """Of the target: ``origin`` ``absolute`` ``authority`` ``asterisk`` (RFC 9112 section 3.2)."""
    target: bytes
    """As sent, whole: may hold secrets, never to be printed; see :func:`safe_request_line`."""
    version: str
    """``HTTP/1.1``; empty for HTTP/0.9."""


class StatusLine(NamedTuple):
    """RFC 9112 section 4."""

    version: str
    status: int
    reason: str
    """Safe to print, at most 200 characters; often empty."""


def _start_line(data: bytes) -> bytes:
    """The first line without its end; as far as it goes when it is cut."""
    line = data[:MAX_LINE].lstrip(b"\r\n").split(b"\n", 1)[0]
    return line.rstrip(b"\r")


def read_request_line(data: bytes) -> RequestLine | None:
    """The request line at the start of ``data``, also one that is cut behind its method; None when it is none."""
    method, space, rest = _start_line(data).partition(b" ")
    if not space or not 0 < len(method) <= MAX_METHOD or not _METHOD.issuperset(method):
        return None
    target, _, version = rest.partition(b" ")
    if version and not version.startswith(b"HTTP/"):
        return None
    if method == b"CONNECT":
        form = "authority"
    elif target == b"*":
        form = "asterisk"
    elif target.startswith(b"/"):
        form = "origin"
    elif b"://" in target[:16]:
        form = "absolute"
    else:
        return None
    return RequestLine(method.decode("ascii"), form, target, _ascii(version[:10]))


def read_status_line(data: bytes) -> StatusLine | None:
    """The status line at the start of ``data``; None when it is none."""
    version, _, rest = _start_line(data).partition(b" ")
    status, _, reason = rest.partition(b" ")
    if not version.startswith(b"HTTP/") or len(version) > 10 or len(status) != 3 or not status.isdigit():
        return None
    return StatusLine(printable(version), int(status), printable(reason, MAX_PRINTED))


def read_host(data: bytes) -> str | None:
    """The Host field of a request (RFC 9110 section 7.2), printable, at most 261 characters; None without one."""
    for line in data[:MAX_HEAD].split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if not line.strip():
            break
        if colon and name.strip().lower() == b"host":
            return printable(value.rpartition(b"@")[2], MAX_HOST) or None
    return None


def connect_target(data: bytes) -> tuple[str, int] | None:
    """Host and port that a CONNECT request names (RFC 9110 section 9.3.6); None for anything else."""
    line = read_request_line(data)
    if line is None or line.form != "authority":
        return None
    host, colon, port = line.target.rpartition(b"@")[2].rpartition(b":")
    if (
        not colon
        or not host
        or host.translate(None, _HOST)
        or not port.isdigit()
        or len(port) > 5
        or int(port) > 65_535
    ):
        return None
    return printable(host.removeprefix(b"[").removesuffix(b"]"), MAX_HOST), int(port)


def safe_request_line(data: bytes) -> str:
    """Method, path and version for a report: printable ASCII, at most 200 characters, ``""`` when it is no request.

    Left out: the query, the fragment, path parameters (session ids stand there), user information of an
    absolute target. What was left out is shown as ``?...``.
    """
    line = read_request_line(data)
    if line is None:
        return ""
    target = line.target
    if line.form == "authority":
        path = _cut(target).rpartition(b"@")[2] + target[len(_cut(target)) :][:1]
    elif line.form == "absolute":
        scheme, _, rest = target.partition(b"://")
        authority, slash, tail = rest.partition(b"/")
        # An "@" may also stand in the query; without a path the query follows the authority at once.
        path = scheme + b"://" + _cut(authority).rpartition(b"@")[2] + slash + tail
        if _cut(authority) != authority:
            path = scheme + b"://" + _cut(authority).rpartition(b"@")[2] + b"?"
    else:
        path = target
    shown = _cut(path)
    text = _ascii(shown[:MAX_PRINTED])
    if shown != path:
        text += "?..."
    room = MAX_PRINTED - len(line.method) - len(line.version) - 2
    if len(text) > room:
        text = text[: room - 3] + "..."
    return f"{line.method} {text} {line.version}".rstrip()


def _ascii(text: bytes) -> str:
    """Visible ASCII, anything else as ``?``."""
    return "".join(chr(byte) if byte in _VISIBLE else "?" for byte in text)


def _cut(target: bytes) -> bytes:
    """The part of a target before its query, fragment or parameters."""
    end = min((at for at in map(target.find, (b"?", b"#", b";")) if at >= 0), default=len(target))
    return target[:end]


HTTPS_WANTED: Final = (
    b"plain http request was sent to https port",  # nginx and what is built on it; Cloudflare, AWS ALB
    b"speaking plain http to an ssl-enabled server port",  # Apache httpd
    b"client sent an http request to an https server",  # Go net/http: Caddy, Traefik, Docker, Kubernetes
    b"combination of host and port requires tls",  # Tomcat
    b"client sent a plain http request, but this server only speaks https",  # CherryPy (cheroot)
    b"web server is running in ssl mode",  # Webmin (miniserv)
    b"use the https scheme to access this",  # Apache httpd, second sentence
    b"http request sent to https port",
    b"ssl is required to view this resource",  # IIS, 403.4
    b"page you are trying to access is secured with secure sockets layer",  # IIS 7 and later, 403.4
    b"this server requires https",
    b"https is required",
    b"https required",
    b"please use https",
    b"ssl required",
)
"""What servers write, in lower case, when they get plain HTTP where they speak TLS."""

_PAGE: Final = 8192
"""Bytes of an answer that are searched: these pages are short."""


def wants_https(response: bytes) -> bool:
    """Whether a server's plaintext answer says that it wants HTTPS on this port.

    An error (4xx, or HTML without a status line) whose text says so, status 497 (nginx), or 426 that asks for TLS
    (RFC 2817 section 4.2). A redirect to https:// is no error: that is how an HTTP port works.
    """
    line = read_status_line(response)
    if line is None:
        if not is_html_without_status(response):
            return False
    elif line.status == 497:
        return True
    elif not 400 <= line.status < 500:
        return False
    page = response[:_PAGE].lower()
    if line is not None and line.status == 426 and (b"tls/" in page or b"https" in page):
        return True
    text = b" ".join(page.replace(b"\r", b" ").replace(b"\n", b" ").split())
    return any(phrase in text for phrase in HTTPS_WANTED)


def is_html_without_status(data: bytes) -> bool:
    """HTML from the first byte on: an answer in the form of HTTP/0.9 (RFC 1945 section 6).

    Servers answer so when they cannot read the request line, Python's http.server to a ClientHello for one.
    """
    head = data[:64].lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head"))
