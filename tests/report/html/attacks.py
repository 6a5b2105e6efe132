"""Text as an attacker would choose it, and sessions in which every text is of that kind."""

from __future__ import annotations

from typing import Any

import msgspec

from capanalyzer.report import model
from tests.report.samples import Told, at, capture, failed, finding, session, tls

PAYLOADS = (
    "<script>pwned()</script>",
    "</script><script>pwned()</script>",
    "</ScRiPt ><svg/onload=pwned()>",
    "<!--<script>",
    "--><img src=x onerror=pwned()>",
    "<![CDATA[<script>pwned()</script>]]>",
    "<img src=x onerror=pwned()>",
    "<svg onload=pwned()>",
    "<svg><script>pwned()</script></svg>",
    "</text><script>pwned()</script>",
    "</svg><iframe src=javascript:pwned()>",
    "<iframe srcdoc='<script>parent.pwned()</script>'>",
    "<body onload=pwned()>",
    "</title><script>pwned()</script>",
    "</style><script>pwned()</script>",
    "</template><script>pwned()</script>",
    "</noscript><script>pwned()</script>",
    "<details open ontoggle=pwned()>",
    "<input autofocus onfocus=pwned()>",
    "<a href=javascript:pwned()>click</a>",
    "<base href=//attacker.example/>",
    "<meta http-equiv=refresh content='0;url=//attacker.example/'>",
    "<link rel=stylesheet href=//attacker.example/x.css>",
    "<form action=//attacker.example/><button>go</button></form>",
    "<math><mtext><script>pwned()</script></mtext></math>",
    '" onmouseover="pwned()" x="',
    "' onmouseover='pwned()' x='",
    '"><script>pwned()</script>',
    "` onmouseover=pwned() `",
    "&lt;script&gt;pwned()&lt;/script&gt;",
    "&#60;script&#62;pwned()&#60;/script&#62;",
    "\\u003cscript\\u003epwned()\\u003c/script\\u003e",
    '"],"x":pwned(),"y":["',
    "${pwned()}{{pwned()}}{0}{lang}%s",
    "\u2028pwned()\u2029",
    "\u202e<tpircs>\u2066evil\u2069",
    "\x00\x1b[31m\r\n<script>pwned()</script>",
    "\ufeff\u200b\u00ad<script\u00a0src=//attacker.example>",
    "url(//attacker.example/x);}*{background:url(//attacker.example/y)",
    "#session-0",
    "constructor",
    "__proto__",
    "A" * 70_000,
)

_FIXED = frozenset(
    {"ip", "start", "end", "time", "first", "last", "first_time", "last_time", "not_before", "not_after"}
)
"""Not text from the wire: our own form of addresses and times."""
_KEPT = frozenset(
    {"outcome", "stage", "waiting_on", "blame", "severity", "confidence", "from", "transport", "how", "who"}
)
"""Words of our own vocabulary, which code chooses."""


def infected(value: Any, payload: str, key: str = "") -> Any:
    """``value`` with every text in it replaced."""
    if isinstance(value, dict):
        return {name: infected(one, payload, name) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [infected(one, payload, key) for one in value]
    if isinstance(value, str) and key not in _FIXED | _KEPT and key != "first_bytes":
        return payload
    return value


def hostile(number: int, payload: str) -> model.Session:
    """A failed session in which a peer chose all texts, certificates and ALPN included."""
    certificate = model.Certificate("s", "i", "0", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", ("n", "m"))
    whole = failed(
        number,
        tls=msgspec.structs.replace(
            tls(),
            certificates=(certificate, certificate),
            client_certificates=(certificate,),
            server_hello=model.ServerHello(6, "TLS 1.2", 4865, "h2", "1" * 32, hello_retry=True),
        ),
        findings=(
            finding(alternatives=("x",), confidence="likely", remedies=("x", "`x`: y")),
            finding("weak-cipher", severity="warning"),
        ),
    )
    raw = msgspec.to_builtins(whole)
    bytes_ = raw["first_bytes"]
    raw = infected(raw, payload) | {"first_bytes": bytes_}
    return msgspec.structs.replace(msgspec.convert(raw, model.Session), f5=big_ip(payload))


def big_ip(payload: str) -> model.F5:
    """What a BIG-IP says of a session, with the payload in names, reasons and sentences."""
    end = model.Endpoint("198.51.100.9", 443)
    address = model.F5Address("10.0.0.5", 8443, 12)
    reset = model.F5Reset(9, "server", "big-ip", payload, True, payload, False, payload, payload)
    return model.F5(
        "client",
        payload,
        1,
        0,
        ("0x7",),
        ("0x8",),
        (model.F5Peer("tcp", 4093, address, address),),
        1,
        "forward",
        (payload,),
        (payload,),
        (reset,),
        (model.F5Side(1, end, end, "failed", "server-reset", payload),),
        payload,
        "server",
        payload,
        (payload,),
    )


def hostile_trailer(sessions: list[model.Session], payload: str) -> model.Trailer:
    """What concerns all of them, with the payload in paths, comments, warnings and notes."""
    end = Told(sessions).trailer()
    evil = capture(
        payload,
        link_types=(payload,),
        warnings=(payload,),
        files=(payload, payload),
        comments=(payload,),
        format=payload,
        f5=model.F5Capture(payload, payload, payload, payload, payload, True, (payload,)),
        session_keys=True,
    )
    incidents = tuple(
        msgspec.structs.replace(one, title=payload, sentence=payload, sni=payload, cause=one.cause)
        for one in end.incidents
    )
    return msgspec.structs.replace(
        end,
        captures=(evil,),
        unreadable=(model.Unreadable(payload, payload),),
        incidents=incidents,
        summary=msgspec.structs.replace(end.summary, notes=(payload,)),
    )


def healthy(number: int, payload: str) -> model.Session:
    """A session that works, with a hostile name: one line of the table."""
    return session(number, tls=tls(payload, payload), start=at(number))
