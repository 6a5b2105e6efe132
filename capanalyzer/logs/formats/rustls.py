"""rustls, which programs in Rust use: ``reqwest``, ``hyper``, ``tonic``, Linkerd's proxy and others.

The words are those of its ``Error``; whether the server or the client wrote them shows by an address at most.
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["FORMAT"]

_NAME: Final = "rustls"
_CERTIFICATE: Final = re.compile(
    r"invalid peer certificate: (?P<text>.{3,200})|\bInvalidCertificate\((?P<code>\w{3,60})"
)
_ALERT: Final = re.compile(r"received fatal alert: (?P<shown>[A-Z]\w{3,40})|\bAlertReceived\((?P<code>\w{3,40})\)")
_MANUAL: Final = "https://docs.rs/rustls/"
"""It refers to it in its own words."""
_CODES: Final = {
    "UnknownIssuer": "verify-unknown-issuer",
    "Expired": "verify-expired",
    "NotValidYet": "verify-not-yet-valid",
    "NotValidForName": "verify-hostname",
    "Revoked": "verify-revoked",
    "InvalidPurpose": "verify-purpose",
}
"""``CertificateError``."""
_NO_VERSION: Final = r"Tls1[23]NotOffered|DoesNotSupportTls|TlsVersionIsDisabled|SelectedTls12UsingTls13"
_WORDS: Final = tuple(
    (re.compile(pattern), meaning, said)
    for pattern, meaning, said in (
        (r"received corrupt message of type InvalidContentType", "first-record-not-tls", Said.LOCAL),
        (r"received corrupt message of type \w+|peer misbehaved: ", "message-malformed", Said.LOCAL),
        (r"received unexpected (?:handshake )?message: got ", "message-malformed", Said.LOCAL),
        (r"cannot decrypt peer's message", "record-corrupted", Said.LOCAL),
        (r"peer sent no certificates", "client-certificate-missing", Said.LOCAL),
        (r"peer doesn't support any known protocol", "no-alpn", Said.LOCAL),
        (r"peer is incompatible: NoCipherSuitesInCommon", "no-shared-cipher", Said.LOCAL),
        (r"peer is incompatible: NoKxGroupsInCommon", "no-shared-group", Said.LOCAL),
        (r"peer is incompatible: NoSignatureSchemesInCommon", "no-shared-signature-algorithm", Said.LOCAL),
        (rf"peer is incompatible: \w*(?:{_NO_VERSION})", "version-refused", Said.LOCAL),
        (r"peer is incompatible: ", "reason-in-words", Said.LOCAL),
        (r"no server certificate chain resolved", "sni-refused", Said.LOCAL),
        (r"tls handshake eof", "closed-in-handshake", Said.TRANSPORT),
        (r"peer closed connection without sending TLS close_notify", "closed-without-notify", Said.TRANSPORT),
    )
)
"""Its words for the rest; ``tls handshake eof`` is tokio-rustls'."""


def _read(body: Body) -> Found | None:
    text = body.text
    server, name = server_of_url(text.replace(_MANUAL, ""))
    role = Role.CLIENT if server is not None else None  # whoever names a URL asked for it
    meaning, said, alert, words = "", Said.LOCAL, None, ""
    if (match := _CERTIFICATE.search(text)) is not None:
        words, code = match[0], match["code"] or (match["text"] or "").partition("(")[0].strip()
        known = _CODES.get(code) or refusal(match["text"] or "", None)
        meaning = "client-certificate-refused" if role is Role.SERVER else known
    elif (match := _ALERT.search(text)) is not None:
        # HandshakeFailure -> handshake failure; UnknownCA, as it is written there.
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", match["shown"] or match["code"])
        alert, said, words = alert_by_name(spaced), Said.PEER, match[0]
        meaning = "alert-other" if alert is None else received(alert, role)
    else:
        for pattern, told, by in _WORDS:
            if (match := pattern.search(text)) is not None:
                meaning, said, words = told, by, match[0]
                break
    if role is Role.CLIENT:
        meaning = {"first-record-not-tls": "plaintext-answer", "closed-in-handshake": "server-closed"}.get(
            meaning, meaning
        )
    if not meaning:
        return None
    return found(body, _NAME, meaning, reason=words, server=server, role=role, said=said, alert=alert, sni=name)


FORMAT: Final = Format(
    _NAME,
    (
        "invalid peer certificate: ",
        "invalidcertificate(",
        "received fatal alert: ",
        "alertreceived(",
        "received corrupt message",
        "received unexpected ",
        "peer misbehaved: ",
        "cannot decrypt peer's",
        "peer sent no certificates",
        "any known protocol",
        "peer is incompatible: ",
        "no server certificate chain",
        "tls handshake eof",
        "without sending tls close_notify",
    ),
    _read,
)
