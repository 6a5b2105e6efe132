"""Programs that ask: curl and what is built on it, browsers."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.alerts import alert_by_name, received, sent
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import peer
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import chromium
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["BROWSER", "CURL"]

_CURL: Final = re.compile(r"(?:^|[\s\"'=(])(?:curl: |cURL error )\(?(?P<code>\d{1,2})\)?:? (?P<words>.{1,600})")
_GIT: Final = re.compile(r"unable to access 'https://[^'\s]{1,500}': (?P<words>.{1,600})")
"""git shows libcurl's words."""
_TRACED: Final = re.compile(
    r"(?:SSLv3|TLSv1(?:\.\d)?|TLS) \((?P<way>IN|OUT)\), TLS alert, (?P<name>[^()]{1,60}) \((?P<code>\d{1,3})\)"
)
"""``curl -v``: the number is the alert's level and description together."""
_WARNING: Final = 1
_CONNECT: Final = re.compile(r"Failed to connect to (?P<host>\S{1,255}) port (?P<port>\d{1,5})")
_TARGET: Final = re.compile(r"target host ?name '(?P<host>[A-Za-z0-9._-]{1,253})'")
_IN_CONNECTION: Final = re.compile(r" in connection to (?P<host>[A-Za-z0-9._-]{1,253}):(?P<port>\d{1,5})\b")
_OF_GNUTLS: Final = re.compile(
    r"gnutls_handshake\(\) failed: (?:A TLS fatal alert has been received: )?(?P<alert>[^.]{3,60})"
)
"""libcurl gives the alert's name alone."""
_CURL_CODES: Final = {
    52: ("empty-reply", Said.TRANSPORT),
    58: ("client-certificate-unusable", Said.LOCAL),
    59: ("no-protocols-available", Said.LOCAL),
    77: ("trust-store-unreadable", Said.LOCAL),
    83: ("verify-unknown-issuer", Said.LOCAL),
    90: ("verify-failed", Said.LOCAL),
    91: ("verify-revocation-unknown", Said.LOCAL),
}
"""Exit codes of curl(1) that need no look at the words."""


def _curl(body: Body) -> Found | None:
    match = _CURL.search(body.text)
    if match is None:
        return _git(body) or _traced(body)
    code, words = int(match["code"]), match["words"].strip()
    server, name = server_of_url(body.text)
    if (target := _TARGET.search(words)) is not None:
        name = target["host"]
    if (place := _IN_CONNECTION.search(words)) is not None and int(place["port"]) < 65536:
        named = peer(place["host"], place["port"])
        server, name = named or Peer(None, int(place["port"])), name or (place["host"] if named is None else None)
    meaning, said, alert = "", Said.LOCAL, None
    if code in (51, 60):
        meaning = refusal(words, Role.CLIENT)
    elif code in _CURL_CODES:
        meaning, said = _CURL_CODES[code]
    elif code == 7:
        meaning, said = _unreached(words), Said.TRANSPORT
        if (place := _CONNECT.search(words)) is not None:
            server = Peer(None, int(place["port"])) if int(place["port"]) < 65536 else None
    elif code == 28:
        meaning = "server-timeout" if "SSL" in words else "connect-timeout" if "Connection timed" in words else ""
        said = Said.TRANSPORT
    elif code in (35, 56):
        reason = openssl.scan(words, Role.CLIENT)
        if reason is not None:
            meaning, said, alert = reason[0].meaning, reason[0].said, reason[0].alert
        elif (alert := _alert_of_gnutls(words)) is not None:
            meaning, said = received(alert, Role.CLIENT), Said.PEER
        elif code == 35 or "SSL" in words or "TLS" in words:
            meaning, said = _handshake(words)
        elif "reset by peer" in words and "https" in body.text:
            meaning, said = "server-reset", Said.TRANSPORT
        if code == 56 and said is Said.TRANSPORT and "SSL_read" in words:
            meaning = "closed-without-notify"  # while receiving: the handshake was complete
    if not meaning:
        return None
    return found(
        body,
        "curl",
        meaning,
        reason=f"({code}) {words}"[:160],
        server=server,
        role=Role.CLIENT,
        said=said,
        alert=alert,
        sni=name,
    )


def _git(body: Body) -> Found | None:
    match = _GIT.search(body.text)
    if match is None or ("gnutls" in match["words"] and _alert_of_gnutls(match["words"]) is None):
        return None
    words, (server, name) = match["words"].strip(), server_of_url(body.text)
    meaning, said, alert = "", Said.LOCAL, None
    if "certificate" in words and "error:" not in words:
        meaning = refusal(words, Role.CLIENT)
    elif (reason := openssl.scan(words, Role.CLIENT)) is not None:
        meaning, said, alert = reason[0].meaning, reason[0].said, reason[0].alert
    elif (alert := _alert_of_gnutls(words)) is not None:
        meaning, said = received(alert, Role.CLIENT), Said.PEER
    elif words.startswith("Failed to connect"):
        meaning, said = _unreached(words), Said.TRANSPORT
    elif "SSL" in words or "TLS" in words:
        meaning, said = _handshake(words)
    if not meaning:
        return None
    return found(
        body, "curl", meaning, reason=words[:160], server=server, role=Role.CLIENT, said=said, alert=alert, sni=name
    )


def _traced(body: Body) -> Found | None:
    match = _TRACED.search(body.text)
    if match is None:
        return None
    level, alert = divmod(int(match["code"]), 256)
    if level <= _WARNING:
        return None  # close_notify, mostly
    is_own = match["way"] == "OUT"
    meaning = sent(alert, Role.CLIENT) if is_own else received(alert, Role.CLIENT)
    said = Said.LOCAL if is_own else Said.PEER
    return found(body, "curl", meaning, reason=match[0], role=Role.CLIENT, said=said, alert=alert)


def _alert_of_gnutls(words: str) -> int | None:
    match = _OF_GNUTLS.search(words)
    return None if match is None else alert_by_name(match["alert"].strip())


def _unreached(words: str) -> str:
    lowered = words.lower()
    if "refused" in lowered:
        return "connect-refused"
    if "no route" in lowered or "unreachable" in lowered:
        return "connect-unreachable"
    return "connect-timeout" if "timed out" in lowered else "connect-failed"


def _handshake(words: str) -> tuple[str, Said]:
    """What libraries other than OpenSSL, and the system, say."""
    lowered = words.lower()
    if "reset by peer" in lowered or "connection was reset" in lowered:
        return "server-reset", Said.TRANSPORT
    if (
        "syscall" in lowered
        or "eof" in lowered
        or "unexpectedly closed" in lowered
        or "aborted" in lowered
        or "connection was closed" in lowered
        or "non-properly terminated" in lowered
    ):
        return "server-closed", Said.TRANSPORT
    if "timed out" in lowered or "timeout" in lowered:
        return "server-timeout", Said.TRANSPORT
    if "unexpected tls packet" in lowered or "unknown type" in lowered or "sec_e_invalid_token" in lowered:
        return "plaintext-answer", Said.LOCAL
    if "fatal alert has been received" in lowered or "sec_e_illegal_message" in lowered:
        return "alert-other", Said.PEER
    if "client certificate not found" in lowered:
        return "client-certificate-unusable", Said.LOCAL
    if "cert" in lowered or "crypt_e_" in lowered or "sec_e_untrusted" in lowered or "sec_e_wrong_p" in lowered:
        return refusal(words, Role.CLIENT), Said.LOCAL
    return "handshake-failed", Said.LOCAL


_CODES: Final[dict[str, tuple[str, Said, int | None]]] = {
    "ERR_SSL_PROTOCOL_ERROR": ("browser-protocol-error", Said.LOCAL, None),
    "ERR_SSL_VERSION_OR_CIPHER_MISMATCH": ("browser-version-or-cipher", Said.PEER, None),
    "ERR_SSL_UNRECOGNIZED_NAME_ALERT": ("alert-unrecognized-name", Said.PEER, 112),
    "ERR_BAD_SSL_CLIENT_AUTH_CERT": ("alert-client-certificate-rejected", Said.PEER, None),
    "ERR_SSL_CLIENT_AUTH_CERT_NEEDED": ("client-certificate-missing", Said.LOCAL, None),
    "ERR_SSL_WEAK_SERVER_EPHEMERAL_DH_KEY": ("dh-key-too-small", Said.LOCAL, None),
    "ERR_SSL_BAD_RECORD_MAC_ALERT": ("alert-record-corrupted", Said.PEER, 20),
    "ERR_SSL_DECRYPT_ERROR_ALERT": ("alert-record-corrupted", Said.PEER, 51),
    "ERR_CERT_DATE_INVALID": ("date-invalid", Said.LOCAL, None),
    "ERR_CERT_AUTHORITY_INVALID": ("verify-unknown-issuer", Said.LOCAL, None),
    "ERR_CERT_COMMON_NAME_INVALID": ("verify-hostname", Said.LOCAL, None),
    "ERR_CERT_REVOKED": ("verify-revoked", Said.LOCAL, None),
    "ERR_CERT_INVALID": ("verify-failed", Said.LOCAL, None),
    "ERR_CERT_WEAK_SIGNATURE_ALGORITHM": ("verify-weak", Said.LOCAL, None),
    "ERR_CERT_WEAK_KEY": ("verify-weak", Said.LOCAL, None),
    "ERR_CERT_KNOWN_INTERCEPTION_BLOCKED": ("interception", Said.LOCAL, None),
    "ERR_ECH_FALLBACK_CERTIFICATE_INVALID": ("ech-fallback", Said.LOCAL, None),
    "ERR_CERT_NO_REVOCATION_MECHANISM": ("verify-revocation-unknown", Said.LOCAL, None),
    "ERR_CERT_UNABLE_TO_CHECK_REVOCATION": ("verify-revocation-unknown", Said.LOCAL, None),
    "ERR_SSL_KEY_USAGE_INCOMPATIBLE": ("verify-purpose", Said.LOCAL, None),
    "ERR_SSL_OBSOLETE_VERSION": ("version-refused", Said.LOCAL, None),
    "ERR_SSL_UNSAFE_NEGOTIATION": ("legacy-renegotiation", Said.LOCAL, None),
    "ERR_SSL_CLIENT_AUTH_PRIVATE_KEY_ACCESS_DENIED": ("client-certificate-unusable", Said.LOCAL, None),
    "ERR_SSL_CLIENT_AUTH_SIGNATURE_FAILED": ("client-certificate-unusable", Said.LOCAL, None),
    "ERR_CONNECTION_RESET": ("server-reset", Said.TRANSPORT, None),
    "ERR_CONNECTION_CLOSED": ("server-closed", Said.TRANSPORT, None),
    "ERR_CONNECTION_TIMED_OUT": ("connect-timeout", Said.TRANSPORT, None),
    "ERR_CONNECTION_REFUSED": ("connect-refused", Said.TRANSPORT, None),
    "ERR_ADDRESS_UNREACHABLE": ("connect-unreachable", Said.TRANSPORT, None),
    "ERR_EMPTY_RESPONSE": ("empty-reply", Said.TRANSPORT, None),
    "SSL_ERROR_RX_RECORD_TOO_LONG": ("plaintext-answer", Said.LOCAL, None),
    "SSL_ERROR_NO_CYPHER_OVERLAP": ("browser-version-or-cipher", Said.PEER, None),
    "SSL_ERROR_UNSUPPORTED_VERSION": ("version-refused", Said.LOCAL, None),
    "SSL_ERROR_PROTOCOL_VERSION_ALERT": ("alert-protocol-version", Said.PEER, 70),
    "SSL_ERROR_HANDSHAKE_FAILURE_ALERT": ("alert-handshake-failure", Said.PEER, 40),
    "SSL_ERROR_INTERNAL_ERROR_ALERT": ("alert-internal-error", Said.PEER, 80),
    "SSL_ERROR_UNRECOGNIZED_NAME_ALERT": ("alert-unrecognized-name", Said.PEER, 112),
    "SSL_ERROR_BAD_CERT_DOMAIN": ("verify-hostname", Said.LOCAL, None),
    "SSL_ERROR_WEAK_SERVER_EPHEMERAL_DH_KEY": ("dh-key-too-small", Said.LOCAL, None),
    "SSL_ERROR_UNSAFE_NEGOTIATION": ("legacy-renegotiation", Said.LOCAL, None),
    "SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT": ("alert-certificate-required", Said.PEER, 116),
    "SSL_ERROR_BAD_CERT_ALERT": ("alert-client-certificate-rejected", Said.PEER, 42),
    "SEC_ERROR_UNKNOWN_ISSUER": ("verify-unknown-issuer", Said.LOCAL, None),
    "SEC_ERROR_EXPIRED_CERTIFICATE": ("verify-expired", Said.LOCAL, None),
    "SEC_ERROR_REVOKED_CERTIFICATE": ("verify-revoked", Said.LOCAL, None),
    "SEC_ERROR_UNTRUSTED_ISSUER": ("verify-unknown-issuer", Said.LOCAL, None),
    "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT": ("verify-self-signed", Said.LOCAL, None),
    "MOZILLA_PKIX_ERROR_MITM_DETECTED": ("interception", Said.LOCAL, None),
    "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE": ("verify-not-yet-valid", Said.LOCAL, None),
    "MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING": ("verify-staple-missing", Said.LOCAL, None),
    "MOZILLA_PKIX_ERROR_INADEQUATE_KEY_SIZE": ("verify-weak", Said.LOCAL, None),
    "SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED": ("verify-weak", Said.LOCAL, None),
    "SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE": ("verify-expired", Said.LOCAL, None),
    "SEC_ERROR_INADEQUATE_CERT_TYPE": ("verify-purpose", Said.LOCAL, None),
    "SEC_ERROR_INADEQUATE_KEY_USAGE": ("verify-purpose", Said.LOCAL, None),
    "SSL_ERROR_NEXT_PROTOCOL_NO_PROTOCOL": ("no-alpn", Said.LOCAL, None),
    "SSL_ERROR_RX_UNKNOWN_RECORD_TYPE": ("plaintext-answer", Said.LOCAL, None),
    "PR_CONNECT_TIMEOUT_ERROR": ("connect-timeout", Said.TRANSPORT, None),
    "PR_CONNECT_RESET_ERROR": ("server-reset", Said.TRANSPORT, None),
    "PR_END_OF_FILE_ERROR": ("server-closed", Said.TRANSPORT, None),
}
"""What Chromium (and Edge) and Firefox show."""
_ALERTS: Final = {
    "ACCESS_DENIED": 49,
    "BAD_MAC": 20,
    "CERTIFICATE_UNKNOWN": 46,
    "DECODE_ERROR": 50,
    "DECRYPTION_FAILED": 21,
    "DECRYPT_ERROR": 51,
    "EXPIRED_CERT": 45,
    "ILLEGAL_PARAMETER": 47,
    "INAPPROPRIATE_FALLBACK": 86,
    "INSUFFICIENT_SECURITY": 71,
    "RECORD_OVERFLOW": 22,
    "REVOKED_CERT": 44,
    "UNKNOWN_CA": 48,
    "UNSUPPORTED_CERT": 43,
    "UNSUPPORTED_EXTENSION": 110,
    "USER_CANCELED": 90,
}
"""As Firefox calls them, between ``SSL_ERROR_`` and ``_ALERT`` (NSS, sslerr.h)."""
_FAMILIES: Final = (
    (re.compile(r"SEC_ERROR_OCSP_"), "verify-revocation-unknown"),
    (re.compile(r"MOZILLA_PKIX_ERROR_|net::ERR_CERT_"), "verify-failed"),
    (re.compile(r"SSL_ERROR_RX_(?:MALFORMED|UNEXPECTED)_"), "message-malformed"),
    (re.compile(r"net::ERR_SSL_|(?:SSL|SEC)_ERROR_"), "reason-in-words"),
)
"""What the rest of their codes have in common; ``ERR_SSL_`` alone may be Node's."""
_NET_ERRORS: Final = {
    -204: "ERR_CERT_NO_REVOCATION_MECHANISM",
    -205: "ERR_CERT_UNABLE_TO_CHECK_REVOCATION",
    -100: "ERR_CONNECTION_CLOSED",
    -101: "ERR_CONNECTION_RESET",
    -102: "ERR_CONNECTION_REFUSED",
    -107: "ERR_SSL_PROTOCOL_ERROR",
    -109: "ERR_ADDRESS_UNREACHABLE",
    -110: "ERR_SSL_CLIENT_AUTH_CERT_NEEDED",
    -113: "ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
    -117: "ERR_BAD_SSL_CLIENT_AUTH_CERT",
    -118: "ERR_CONNECTION_TIMED_OUT",
    -200: "ERR_CERT_COMMON_NAME_INVALID",
    -201: "ERR_CERT_DATE_INVALID",
    -202: "ERR_CERT_AUTHORITY_INVALID",
    -206: "ERR_CERT_REVOKED",
    -207: "ERR_CERT_INVALID",
    -208: "ERR_CERT_WEAK_SIGNATURE_ALGORITHM",
    -211: "ERR_CERT_WEAK_KEY",
    -217: "ERR_CERT_KNOWN_INTERCEPTION_BLOCKED",
}
"""Chromium's net_error_list.h."""
_CODE: Final = re.compile(
    r"(?<!\w)(?P<net>net::)?(?P<code>(?:ERR|SSL_ERROR|SEC_ERROR|MOZILLA_PKIX_ERROR|PR)_[A-Z_]{4,60})\b"
)
_CHROMIUM: Final = re.compile(
    r"\[(?:\d{1,10}:){0,2}(?P<stamp>\d{4}/\d{6}\.\d{1,6}):\w{1,10}:\S{1,200}\] handshake failed; .{0,80}net_error "
    r"(?P<number>-\d{1,4})"
)
_SAFARI: Final = re.compile(
    r"Safari can(?:'|\u2019)t (?:establish a secure connection|open the page)[^.]{0,40}secure connection|can(?:'|"
    r"\u2019)t establish a secure connection to the server"
)


def _told(shown: re.Match[str]) -> tuple[str, Said, int | None] | None:
    """(meaning, whose decision, alert) of a code as it is shown."""
    code = shown["code"]
    if (known := _CODES.get(code)) is not None:
        return known
    alert = _ALERTS.get(code.removeprefix("SSL_ERROR_").removesuffix("_ALERT")) if code.endswith("_ALERT") else None
    if alert is not None:
        return received(alert, Role.CLIENT), Said.PEER, alert
    family = next((meaning for pattern, meaning in _FAMILIES if pattern.match(shown[0]) is not None), None)
    return None if family is None else (family, Said.LOCAL, None)


def _browser(body: Body) -> Found | None:
    stamp = told = None
    if (match := _CHROMIUM.search(body.text)) is not None:
        code, stamp = _NET_ERRORS.get(int(match["number"]), ""), chromium(match["stamp"])
        if not code:
            return found(
                body,
                "browser",
                "handshake-failed",
                stamp=stamp,
                reason=f"net_error {match['number']}",
                role=Role.CLIENT,
                said=Said.LOCAL,
            )
    elif (shown := _CODE.search(body.text)) is not None and (told := _told(shown)) is not None:
        code = shown["code"]
        if told[1] is Said.TRANSPORT and "http://" in body.text and "https://" not in body.text:
            return None
    elif (shown := _SAFARI.search(body.text)) is not None:
        return found(body, "browser", "browser-protocol-error", reason=shown[0], role=Role.CLIENT)
    else:
        return None
    meaning, said, alert = told or _CODES[code]
    server, name = server_of_url(body.text)
    return found(
        body,
        "browser",
        meaning,
        stamp=stamp,
        reason=code,
        server=server,
        role=Role.CLIENT,
        said=said,
        alert=alert,
        sni=name,
    )


CURL: Final = Format("curl", ("curl: (", "curl error ", "), tls alert, ", "unable to access 'https"), _curl)
BROWSER: Final = Format(
    "browser",
    ("err_", "ssl_error_", "sec_error_", "mozilla_pkix", "pr_connect", "pr_end_of", "net_error", "safari"),
    _browser,
)
