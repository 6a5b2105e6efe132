"""Envoy and what is built on it (Istio, cloud load balancers): access logs as text or JSON, and debug lines.

Its library is BoringSSL, so the words of the reason count, not their number.
"""

from __future__ import annotations

import re
from typing import Any, Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Peer, Role, Said, TimeOf
from capanalyzer.logs.stamps import Stamp, iso, leading
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "envoy"
_ERROR: Final = re.compile(r"TLS[_ ]error:[ _|]{0,2}(?P<text>[^\"\s,]{1,200}(?: [^\"\s,]{1,60}){0,8})")
_ISTIO: Final = re.compile(
    r'"(?P<upstream>[^"\s]{1,80})" (?P<cluster>\S{1,200}) (?P<from>\S{1,60}) (?P<local>\S{1,60}) (?P<remote>\S{1,60}) '
    r"(?P<sni>\S{1,255}) \S{1,120}$"
)
"""The end of Istio's own format: upstream, cluster, our end towards it, our end, the client's, the name, the route."""
_ACCESS: Final = re.compile(
    r'\[\d{4}-\d\d-\d\dT[\d:.]{8,16}Z\] "(?P<request>[^"]{0,8192})" \d{1,3} (?P<flags>[A-Z,-]{1,40}) '
)
_REMOTE: Final = re.compile(rf"remote address:(?P<end>{ENDPOINT})")
_UPSTREAM_FLAGS: Final = frozenset(("UF", "URX", "UC"))
_KEYS: Final = frozenset(
    (
        "downstreamtransportfailurereason",
        "upstreamtransportfailurereason",
        "responseflags",
        "downstreamremoteaddress",
        "requestedservername",
    )
)
"""Whoever writes the configuration names the keys; most name them like the operators, one way or another."""


def _read(body: Body) -> Found | None:
    if body.json is not None:
        return _from_json(body, body.json)
    text = body.text
    access, error = _ACCESS.match(text), _ERROR.search(text)
    if error is None and "filter_chain_not_found" not in text and "Secret is not supplied by SDS" not in text:
        return None
    if access is None and error is None:
        return None
    flags = set(access["flags"].split(",")) if access is not None else set()
    is_upstream = bool(flags & _UPSTREAM_FLAGS) or "upstream connect error" in text
    role = Role.CLIENT if is_upstream else Role.SERVER if access is not None else None
    read = leading(text[:64])
    client, server, sni = _ends(text, role)
    return _line(
        body,
        text if error is None else error[0],
        role,
        client,
        server,
        sni,
        read[0] if read else None,
        is_access=access is not None,
    )


def _ends(text: str, role: Role | None) -> tuple[Peer | None, Peer | None, str | None]:
    if (istio := _ISTIO.search(text[-1200:])) is not None:
        if role is Role.CLIENT:
            return endpoint(istio["from"]), endpoint(istio["upstream"]), None
        return endpoint(istio["remote"]), endpoint(istio["local"]), istio["sni"]
    remote = _REMOTE.search(text)
    return (endpoint(remote["end"]) if remote is not None else None), None, None


def _from_json(body: Body, given: dict[str, Any]) -> Found | None:
    given = {re.sub(r"[_-]", "", key).lower(): value for key, value in given.items() if len(key) <= 64}
    if len(_KEYS & given.keys()) < 2:
        return None

    def text(name: str) -> str:
        value = given.get(name)
        return value if isinstance(value, str) and value != "-" else ""

    below, above = text("downstreamtransportfailurereason"), text("upstreamtransportfailurereason")
    details = " ".join(text(name) for name in ("responsecodedetails", "connectionterminationdetails"))
    stamp = iso(text("starttime")) or body.stamp
    client, server = endpoint(text("downstreamremoteaddress")), endpoint(text("downstreamlocaladdress"))
    if below or "filter_chain_not_found" in details:
        return _line(
            body, below or details, Role.SERVER, client, server, text("requestedservername"), stamp, is_access=True
        )
    if above:
        return _line(
            body,
            above,
            Role.CLIENT,
            endpoint(text("upstreamlocaladdress")),
            endpoint(text("upstreamhost")),
            None,
            stamp,
            is_access=True,
        )
    return None


def _line(
    body: Body,
    text: str,
    role: Role | None,
    client: Peer | None,
    server: Peer | None,
    sni: str | None,
    stamp: Stamp | None,
    *,
    is_access: bool,
) -> Found | None:
    alert, said = None, Said.LOCAL
    if "filter_chain_not_found" in text:
        meaning, reason, role = "no-filter-chain", "filter_chain_not_found", Role.SERVER
    elif "Secret is not supplied by SDS" in text:
        meaning, reason = "secret-missing", "Secret is not supplied by SDS"
    elif (scanned := openssl.scan(text.replace("SSL_routines", "SSL routines"), role)) is not None:
        why = scanned[0]
        meaning, reason, said, alert = why.meaning, why.words, why.said, why.alert
        if meaning == "verify-failed":
            meaning = refusal(text.partition(reason)[2], role)
    elif "verify" in text.lower() or "cert" in text.lower():
        meaning, reason = refusal(text, role), text[:120]
    else:
        meaning, reason = "handshake-failed", text[:120]
    time_of = TimeOf.ACCEPT if is_access else TimeOf.FAILURE
    return found(
        body,
        _NAME,
        meaning,
        stamp=stamp,
        reason=reason,
        client=client,
        server=server,
        role=role,
        said=said,
        alert=alert,
        sni=sni,
        time_of=time_of,
    )


FORMAT: Final = Format(
    _NAME,
    (
        "tls_error:",
        "tls error:",
        "filter_chain_not_found",
        "not supplied by sds",
        "transport_failure_reason",
        "transportfailurereason",
    ),
    _read,
)
