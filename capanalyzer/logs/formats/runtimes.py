"""Node.js and Python: both quote OpenSSL and put words of their own around it."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Peer, Role, Said
from capanalyzer.logs.stamps import Stamp, leading
from capanalyzer.logs.urls import server_of_url
from capanalyzer.logs.verify import refusal

__all__ = ["NODE", "PYTHON"]

_CERTIFICATE_CODES: Final = (
    "CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|"
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|ERR_TLS_CERT_ALTNAME_INVALID|CERT_REVOKED|"
    "CERT_UNTRUSTED|CERT_REJECTED|INVALID_PURPOSE|HOSTNAME_MISMATCH"
)
_NODE: Final = re.compile(
    rf"\b(?:(?P<certificate>{_CERTIFICATE_CODES})|(?<!net::)ERR_SSL_(?P<ssl>[A-Z0-9_/]{{3,60}})|EPROTO "
    rf".{{0,40}}?error:[0-9A-F]{{8}}:SSL|"
    r"tlsClientError.{0,80}?error:[0-9A-F]{8}:SSL|error:[0-9A-F]{8}:SSL routines:[^\r\n]{0,200}?deps/openssl/|"
    r"(?P<gone>tlsClientError.{0,40}ECONNRESET.{0,40}socket hang up|"
    r"ECONNRESET:? Client network socket disconnected before secure TLS connection was established))"
)
_NODE_ERROR: Final = re.compile(
    r"(?:(?:Uncaught )?Error: |failed, reason: )(?P<words>certificate has expired|certificate is not yet valid|"
    r"self[- ]signed certificate(?: in certificate chain)?|"
    r"unable to verify the first certificate|unable to get (?:local )?issuer certificate|"
    r"Client network socket disconnected before secure TLS connection was established)\s*$"
)
_ALTNAMES: Final = re.compile(r"Host: (?P<host>[A-Za-z0-9._-]{1,253}?)\.? is not in the cert's altnames")

_PYTHON: Final = re.compile(
    r"\[(?:SSL|X509)(?:: (?P<code>[A-Z0-9_/]{3,60}))?\] (?P<words>.{1,600}?)(?: \(_ssl\.c:\d{1,6}\)|$)"
)
_PYTHON_PLAIN: Final = re.compile(
    r"(?:ssl\.)?(?P<class>SSL(?:EOF|ZeroReturn|CertVerification)?Error|CertificateError)(?::|\() "
    r"?.{0,40}?(?P<words>EOF occurred in violation of protocol|"
    r"TLS/SSL connection has been closed|hostname '[^']{1,253}' doesn't match|The handshake operation timed out)"
)
_PYTHON_SLOW: Final = re.compile(
    r"(?P<words>(?:(?<=: )|^)The handshake operation timed out$|"
    r"SSL handshake is taking longer than [\d.]{1,12} seconds)"
)
"""Of ``socket`` and ``asyncio``."""
_PYTHON_LIST: Final = re.compile(r"\('SSL routines', '\w{0,80}', '(?P<words>[a-z][A-Za-z0-9 /]{2,80})'\)")
"""pyOpenSSL shows OpenSSL's queue."""
_NOT_VALID_FOR: Final = re.compile(r"certificate is not valid for '(?P<host>[A-Za-z0-9._-]{1,253})'")


def _own(body: Body) -> tuple[Stamp | None, Body]:
    read = leading(body.text[:64])
    stamp = body.stamp or (read[0] if read is not None else None)
    return stamp, body._replace(stamp=stamp)


def _node(body: Body) -> Found | None:
    match, plain = _NODE.search(body.text), _NODE_ERROR.search(body.text)
    if match is None and plain is None:
        return None
    stamp, own = _own(body)
    is_detail = body.text.startswith(("code: ", "'", "reason: "))
    # An error is shown with its code some lines below.
    tie = Tie((_NODE_NAME, body.program), Part.MORE if is_detail and stamp is None else Part.BEGIN, 1, lines=40)
    server, name = server_of_url(body.text)
    if (wanted := _ALTNAMES.search(body.text)) is not None:
        name = wanted["host"]
    if plain is not None and "disconnected" in plain["words"]:
        return found(
            own, _NODE_NAME, "server-closed", reason=plain["words"], role=Role.CLIENT, said=Said.TRANSPORT, tie=tie
        )
    if plain is not None or (match is not None and match["certificate"]):
        words = plain["words"] if plain is not None else match["certificate"] if match is not None else ""
        return found(
            own,
            _NODE_NAME,
            refusal(words, Role.CLIENT),
            reason=words,
            role=Role.CLIENT,
            said=Said.LOCAL,
            server=server,
            sni=name,
            tie=tie,
        )
    assert match is not None
    if match["gone"]:
        is_client = "before secure" in match["gone"]
        meaning, writer = ("server-closed", Role.CLIENT) if is_client else ("peer-reset", Role.SERVER)
        return found(own, _NODE_NAME, meaning, reason=match["gone"], role=writer, said=Said.TRANSPORT, tie=tie)
    asked = Role.CLIENT if server is not None else Role.SERVER if "tlsClientError" in body.text else None
    scanned = openssl.scan(body.text, asked)
    if scanned is None and match["ssl"]:
        reason = openssl.by_words(match["ssl"], asked) or openssl.Reason(match["ssl"], "reason-in-words", Said.LOCAL)
        scanned = reason, asked
    if scanned is None:
        return None
    reason, role = scanned
    return found(
        own,
        _NODE_NAME,
        reason.meaning,
        reason=reason.words,
        role=role,
        said=reason.said,
        alert=reason.alert,
        server=server,
        sni=name,
        tie=tie,
    )


def _python(body: Body) -> Found | None:
    match = _PYTHON.search(body.text) or _PYTHON_LIST.search(body.text)
    plain = _PYTHON_PLAIN.search(body.text) or _PYTHON_SLOW.search(body.text)
    if match is None and plain is None:
        return None
    stamp, own = _own(body)
    server, name = server_of_url(body.text)
    # A traceback tells the same for every exception that wraps the first one.
    tie = None if stamp is not None else Tie((_PYTHON_NAME, body.program), Part.MORE, 1, lines=80, is_alike=True)
    if match is None:
        assert plain is not None
        return _python_plain(own, plain["words"], server, name, tie)
    words, code = match["words"], match.groupdict().get("code") or ""
    role = Role.CLIENT if server is not None else None  # whoever names a URL asked for it
    if code in ("HTTP_REQUEST", "NO_SHARED_CIPHER", "PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        role = Role.SERVER
    if (wanted := _NOT_VALID_FOR.search(words)) is not None:
        role, name = Role.CLIENT, wanted["host"]
    if code == "CERTIFICATE_VERIFY_FAILED":
        return found(
            own,
            _PYTHON_NAME,
            refusal(words, role),
            reason=words[:160],
            role=role,
            said=Said.LOCAL,
            server=server,
            sni=name,
            tie=tie,
        )
    reason = openssl.by_words(code, role) or openssl.by_words(words, role)
    if reason is None:
        reason = openssl.Reason(words, "reason-in-words", Said.LOCAL)
    return found(
        own,
        _PYTHON_NAME,
        reason.meaning,
        reason=words[:160],
        role=role,
        said=reason.said,
        alert=reason.alert,
        server=server,
        sni=name,
        tie=tie,
    )


def _python_plain(body: Body, words: str, server: Peer | None, name: str | None, tie: Tie | None) -> Found:
    meaning, said, role = "closed-somewhere", Said.TRANSPORT, Role.CLIENT if server is not None else None
    if words.startswith("hostname"):
        meaning, said, role = "verify-hostname", Said.LOCAL, Role.CLIENT
    elif "timed out" in words or "taking longer" in words:
        meaning = "handshake-timeout" if role is None else "server-timeout"
    return found(body, _PYTHON_NAME, meaning, reason=words, role=role, said=said, server=server, sni=name, tie=tie)


_NODE_NAME: Final = "node"
_PYTHON_NAME: Final = "python"
NODE: Final = Format(
    _NODE_NAME,
    (
        "err_ssl_",
        "err_tls_",
        "eproto ",
        "cert_",
        "_cert",
        "unable_to_",
        "unable to ",
        "error: certificate ",
        "reason: certificate ",
        "self signed",
        "self-signed",
        "econnreset",
        "hostname_mismatch",
        "before secure tls",
        "tlsclienterror",
        "deps/openssl/",
    ),
    _node,
)
PYTHON: Final = Format(
    _PYTHON_NAME,
    (
        "[ssl",
        "[x509",
        "sslerror",
        "ssleof",
        "certificateerror",
        "sslzeroreturn",
        "handshake operation timed out",
        "handshake is taking longer",
        "('ssl routines'",
    ),
    _python,
)
