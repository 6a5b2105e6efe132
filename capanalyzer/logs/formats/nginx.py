"""nginx: error_log. The client's address without its port, the address that listens, and the time of the failure.

``to upstream`` turns the roles about: nginx is the TLS client of its backend then.
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import UNSPECIFIED, endpoint, peer
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import iso
from capanalyzer.logs.verify import refusal_by_code

__all__ = ["FORMAT"]

_NAME: Final = "nginx"
_REACH_S: Final = 75.0
"""``client_header_timeout`` and ``ssl_handshake_timeout`` are 60 s."""
_LINE: Final = re.compile(
    r"(?P<stamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>\w{3,7})\] (?P<pid>\d{1,10})#(?P<thread>\d{1,10}): "
    r"(?:\*(?P<connection>\d{1,20}) )?(?P<what>.*)",
    re.DOTALL,
)
_START: Final = re.compile(r"nginx: \[emerg\] (?P<what>cannot load certificate .{1,500})")
"""What it shows where it was started, or its configuration was tested."""
_HEADER: Final = "broken header: "
_PROXY: Final = "while reading PROXY protocol"
_TAIL: Final = re.compile(r'" while reading PROXY protocol, client: .*')
"""The end of a line that line feeds cut: nginx writes the bytes that came in place of a PROXY header as they are."""
_HEADER_LINES: Final = 64
"""Into which those bytes may cut it; some hundred are written."""
_CLIENT: Final = re.compile(r", client: (?P<ip>[0-9A-Fa-f:.]{2,45})(?:,|$)")
_SERVER: Final = re.compile(r", server: (?P<server>[^,\s]{1,255})(?:,|$)")
_UPSTREAM: Final = re.compile(r', upstream: "(?:\w{1,16}://)?(?P<end>[^/"\s]{2,80})')
_HOST: Final = re.compile(r', host: "(?P<host>[^"\s]{1,255})"')
_VERIFY: Final = re.compile(r"SSL certificate verify error: \((?P<code>\d{1,3}):(?P<text>[^)]{0,120})\)")

_WHATS: Final[tuple[tuple[re.Pattern[str], str, Said], ...]] = tuple(
    (re.compile(pattern), meaning, said)
    for pattern, meaning, said in (
        (r"client sent plain HTTP request to HTTPS port", "plaintext-http", Said.LOCAL),
        (r"client sent invalid request while .*PROXY (?:TCP[46]|UNKNOWN)", "proxy-header-unexpected", Said.LOCAL),
        (
            r'client sent invalid (?:request|method) while .*request: "(?:\\x16\\x03|\x16\x03)',
            "tls-to-plain-port",
            Said.LOCAL,
        ),
        (_HEADER, "proxy-header-missing", Said.LOCAL),
        (r"(?:client|recv\(\)) .*while reading PROXY protocol", "proxy-header-missing", Said.TRANSPORT),
        (r"handshake rejected while SSL handshaking", "sni-refused", Said.LOCAL),
        (r"peer closed connection in SSL handshake .*reset by peer", "peer-reset", Said.TRANSPORT),
        (r"peer closed connection in SSL handshake", "peer-closed", Said.TRANSPORT),
        (r"client closed connection while SSL handshaking", "peer-closed", Said.TRANSPORT),
        (r"client timed out .* while SSL handshaking", "handshake-timeout", Said.TRANSPORT),
        (r"upstream timed out .* while SSL handshaking", "server-timeout", Said.TRANSPORT),
        (r"recv\(\) failed \(104: .* while SSL handshaking to upstream", "server-reset", Said.TRANSPORT),
        (r"recv\(\) failed \(104: .* while SSL handshaking", "peer-reset", Said.TRANSPORT),
        (r"connect\(\) failed \(111: .* while connecting to upstream", "connect-refused", Said.TRANSPORT),
        (r"connect\(\) failed \((?:101|113): .* while connecting to upstream", "connect-unreachable", Said.TRANSPORT),
        (r"upstream timed out .* while connecting to upstream", "connect-timeout", Said.TRANSPORT),
        (r"upstream SSL certificate does not match", "verify-hostname", Said.LOCAL),
        (r"client sent no required SSL certificate", "client-certificate-refused-inside", Said.LOCAL),
        (r'no "ssl_certificate" is defined', "no-certificate-configured", Said.LOCAL),
        (r"cannot load certificate", "no-certificate-configured", Said.LOCAL),
        (r"no \"proxy_ssl_certificate\"", "no-certificate-configured", Said.LOCAL),
    )
)
_AS_CLIENT: Final = {"peer-closed": "server-closed", "peer-reset": "server-reset"}


def _read(body: Body) -> Found | None:
    match = _LINE.search(body.text)
    if match is None:
        if (tail := _TAIL.search(body.text)) is not None:
            return _broken_header(body, tail[0])
        if (start := _START.match(body.text)) is None:
            return None
        said = start["what"].partition(":")[0]
        return found(
            body, _NAME, "no-certificate-configured", reason=said, role=Role.SERVER, said=Said.LOCAL, reach_s=_REACH_S
        )
    what = match["what"]
    upstream = _UPSTREAM.search(what)
    role = Role.CLIENT if upstream is not None and "upstream" in what[: upstream.start()] else Role.SERVER
    client, server = _ends(what, role, upstream)
    host = _HOST.search(what)
    facts = _facts(what, role)
    if facts is None or (facts[0].startswith("connect-") and (upstream is None or "https://" not in upstream[0])):
        return None  # of a backend that is asked without TLS
    meaning, said, alert, reason = facts
    tie = None
    if match["connection"] and role is Role.SERVER:
        weight = 1 if said is Said.TRANSPORT else 2
        tie = Tie((_NAME, match["pid"], match["connection"]), Part.MORE, weight)
    if what.startswith(_HEADER) and _PROXY not in what:
        tie = Tie((_NAME, _HEADER), Part.BEGIN, 2)
    sni = host["host"] if host is not None and meaning.endswith("-inside") else None
    return found(
        body,
        _NAME,
        meaning,
        stamp=iso(match["stamp"]),
        reason=reason,
        client=client,
        server=server,
        role=role,
        said=said,
        alert=alert,
        sni=sni,
        reach_s=_REACH_S,
        tie=tie,
    )


def _broken_header(body: Body, tail: str) -> Found:
    """What its first part, lines before, does not have: the ends. The program writes each message at once."""
    client, server = _ends(tail, Role.SERVER, None)
    return found(
        body,
        _NAME,
        "proxy-header-missing",
        reason=_HEADER,
        client=client,
        server=server,
        role=Role.SERVER,
        said=Said.LOCAL,
        reach_s=_REACH_S,
        tie=Tie((_NAME, _HEADER), Part.END, 1, _HEADER_LINES),
    )


def _facts(what: str, role: Role) -> tuple[str, Said, int | None, str] | None:
    """(meaning, whose decision, alert, words)."""
    if (verify := _VERIFY.search(what)) is not None:
        if what.startswith("client"):
            return "client-certificate-refused-inside", Said.LOCAL, None, verify[0]
        return refusal_by_code(int(verify["code"]), role), Said.LOCAL, None, verify[0]
    for pattern, meaning, said in _WHATS:
        if (match := pattern.match(what)) is not None:
            shown = _AS_CLIENT.get(meaning, meaning) if role is Role.CLIENT else meaning
            return shown, said, None, match[0].partition(" while ")[0]
    if "SSL" in what[:40] and (scanned := openssl.scan(what, role)) is not None:
        reason = scanned[0]
        meaning = reason.meaning
        if reason.said is Said.TRANSPORT and "SSL handshaking" not in what:
            meaning = "closed-without-notify"  # SSL_read(), SSL_shutdown(): of a session that was there
        return meaning, reason.said, reason.alert, reason.words
    return None


def _ends(what: str, role: Role, upstream: re.Match[str] | None) -> tuple[Peer | None, Peer | None]:
    """The client's and the server's end of the TLS connection that the line speaks of."""
    if role is Role.CLIENT and upstream is not None:
        return None, endpoint(upstream["end"]) or peer(upstream["end"], 443)
    # What the client sent may look like these fields: it stands before them in one message, behind them in the others.
    start = max(what.rfind(", client: "), 0) if what.startswith("broken header") else 0
    client, server = _CLIENT.search(what, start), _SERVER.search(what, start)
    listener = endpoint(server["server"]) if server is not None else None
    if listener is not None and listener.ip in UNSPECIFIED:
        listener = Peer(None, listener.port)
    return peer(client["ip"]) if client is not None else None, listener


FORMAT: Final = Format(
    _NAME,
    (
        "ssl",
        "https port",
        'upstream: "https',
        'upstream: \\"https',
        "invalid request",
        "invalid method",
        "broken header",
        "while reading proxy protocol",
    ),
    _read,
)
