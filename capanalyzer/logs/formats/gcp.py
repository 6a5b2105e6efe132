"""Google Cloud's load balancers: JSON of Cloud Logging with ``statusDetails``, or with ``proxyStatus`` (RFC 9209)."""

from __future__ import annotations

import re
from typing import Any, Final

from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import endpoint, peer
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Peer, Role, Said, TimeOf

__all__ = ["FORMAT"]

_NAME: Final = "gcp"
_DETAILS: Final = {
    "failed_to_connect_to_backend": ("backend-unreachable", Role.CLIENT, Said.TRANSPORT),
    "failed_to_negotiate_alpn": ("backend-alpn", Role.CLIENT, Said.LOCAL),
    "backend_connection_closed_before_data_sent_to_client": ("server-closed", Role.CLIENT, Said.TRANSPORT),
    "backend_timeout": ("server-timeout", Role.CLIENT, Said.TRANSPORT),
    "ssl_certificate_chain_verification_failed": ("verify-failed", Role.CLIENT, Said.LOCAL),
    "ssl_certificate_san_verification_failed": ("verify-hostname", Role.CLIENT, Said.LOCAL),
    "ssl_san_verification_failed": ("verify-hostname", Role.CLIENT, Said.LOCAL),
    "client_cert_not_provided": ("client-certificate-missing", Role.SERVER, Said.LOCAL),
    "response_sent_by_backend": ("handshake-ok", Role.SERVER, None),
}
_CLIENT_CERTIFICATE: Final = re.compile(r"client_cert_\w{1,60}")
_PROXY_STATUS: Final = re.compile(
    r"error=\"?(?P<error>tls_alert_received|tls_protocol_error|tls_certificate_error)\"?"
    r"(?:.{0,200}?alert-id=\"?(?P<id>\d{1,3}))?(?:.{0,200}?alert-message=\"?(?P<message>[\w ]{1,60}))?"
)
_HTTPS: Final = re.compile(r"https://(?P<host>[^/:?#\s]{1,255})")


def _read(body: Body) -> Found | None:
    given = body.json
    if given is None:
        return None
    payload, request = given.get("jsonPayload"), given.get("httpRequest")
    if not isinstance(payload, dict):
        return None
    request = request if isinstance(request, dict) else {}
    details, status = payload.get("statusDetails"), payload.get("proxyStatus")
    client = _client(request.get("remoteIp") or payload.get("remoteIp"))
    url = request.get("requestUrl")
    host = _HTTPS.match(url) if isinstance(url, str) else None
    is_of_client = isinstance(details, str) and _CLIENT_CERTIFICATE.fullmatch(details) is not None
    if not is_of_client and isinstance(status, str) and (match := _PROXY_STATUS.search(status)) is not None:
        return _by_proxy_status(body, match)
    if not isinstance(details, str):
        return None
    known = _DETAILS.get(details)
    if known is None and _CLIENT_CERTIFICATE.fullmatch(details):
        known = ("client-certificate-refused", Role.SERVER, Said.LOCAL)
    if known is None or (known[0] == "handshake-ok" and host is None):
        return None
    meaning, role, said = known
    server = _client(request.get("serverIp")) if role is Role.CLIENT else None
    return found(
        body,
        _NAME,
        meaning,
        reason="" if said is None else details,
        client=client if role is Role.SERVER else None,
        server=server,
        role=role,
        said=said,
        sni=host["host"] if host and role is Role.SERVER else None,
        time_of=TimeOf.ACCEPT,
    )


def _by_proxy_status(body: Body, match: re.Match[str]) -> Found:
    """Of the connection to the backend: RFC 9209 section 2.3."""
    alert = int(match["id"]) if match["id"] else alert_by_name(match["message"] or "")
    if match["error"] == "tls_alert_received":
        meaning = "alert-other" if alert is None else received(alert, Role.CLIENT)
        return found(
            body, _NAME, meaning, reason=match[0], role=Role.CLIENT, said=Said.PEER, alert=alert, time_of=TimeOf.ACCEPT
        )
    meaning = "verify-failed" if match["error"] == "tls_certificate_error" else "backend-tls-failed"
    return found(body, _NAME, meaning, reason=match[0], role=Role.CLIENT, said=Said.LOCAL, time_of=TimeOf.ACCEPT)


def _client(value: Any) -> Peer | None:
    if not isinstance(value, str):
        return None
    return peer(value) or endpoint(value)


FORMAT: Final = Format(_NAME, ("statusdetails", "proxystatus"), _read)
