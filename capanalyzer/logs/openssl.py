"""OpenSSL's error texts, which half of all programs quote: ``error:0A00010B:SSL routines::wrong version number``.

The number's last three hexadecimal digits are the reason, the same in 1.1 (``1408F10B``) and 3.x; an alert that was
received is 1000 and its number. BoringSSL has numbers of its own (``268435703``, ``100000F7``), so there the
text decides.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from capanalyzer.logs.alerts import alert_by_name, received
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.verify import refusal

__all__ = ["REASONS", "Reason", "by_number", "by_words", "of_other_library", "role_of_call", "scan"]


class Reason(NamedTuple):
    words: str
    """As they stand in the line."""
    meaning: str
    said: Said
    alert: int | None = None


class _Entry(NamedTuple):
    words: str
    server: str
    """Meaning where a server writes it."""
    client: str
    """Meaning where a client does."""
    neither: str
    """Meaning where it is not known which."""
    said: Said = Said.LOCAL


def _same(words: str, meaning: str) -> _Entry:
    return _Entry(words, meaning, meaning, meaning)


REASONS: Final[dict[int, _Entry]] = {
    0x10B: _Entry("wrong version number", "not-tls-received", "plaintext-answer", "first-record-not-tls"),
    0x0FC: _Entry("unknown protocol", "not-tls-received", "plaintext-answer", "first-record-not-tls"),
    0x09C: _same("http request", "plaintext-http"),
    0x09B: _same("https proxy request", "connect-received"),
    0x102: _same("unsupported protocol", "version-refused"),
    0x18C: _same("version too low", "version-refused"),
    0x0A6: _same("version too high", "version-refused"),
    0x10A: _same("wrong ssl version", "version-refused"),
    0x0BF: _same("no protocols available", "no-protocols-available"),
    0x0C1: _same("no shared cipher", "no-shared-cipher"),
    0x0B5: _same("no ciphers available", "no-protocols-available"),
    0x0F8: _same("unknown cipher returned", "message-malformed"),
    0x105: _same("wrong cipher returned", "message-malformed"),
    0x065: _same("no suitable key share", "no-shared-group"),
    0x127: _same("no suitable groups", "no-shared-group"),
    0x17A: _same("wrong curve", "no-shared-group"),
    0x076: _same("no suitable signature algorithm", "no-shared-signature-algorithm"),
    0x178: _same("no shared signature algorithms", "no-shared-signature-algorithm"),
    0x172: _same("wrong signature type", "wrong-signature-type"),
    0x086: _Entry("certificate verify failed", "client-certificate-refused", "verify-failed", "verify-failed"),
    0x0C7: _same("peer did not return a certificate", "client-certificate-missing"),
    0x126: _Entry("unexpected eof while reading", "peer-closed", "server-closed", "closed-somewhere", Said.TRANSPORT),
    0x123: _Entry("application data after close notify", *("closed-without-notify",) * 3, Said.TRANSPORT),
    0x0CF: _Entry("protocol is shutdown", *("closed-without-notify",) * 3, Said.TRANSPORT),
    0x175: _same("inappropriate fallback", "fallback-refused"),
    0x0EB: _same("no application protocol", "no-alpn"),
    0x0EA: _same("callback failed", "sni-refused"),
    0x0E2: _same("clienthello tlsext", "sni-refused"),
    0x119: _same("decryption failed or bad record mac", "record-corrupted"),
    0x081: _same("block cipher pad is wrong", "record-corrupted"),
    0x095: _same("digest check failed", "record-corrupted"),
    0x07B: _same("bad signature", "record-corrupted"),
    0x096: _same("encrypted length too long", "record-corrupted"),
    0x0C6: _same("packet length too long", "first-record-not-tls"),
    0x152: _same("unsafe legacy renegotiation disabled", "legacy-renegotiation"),
    0x153: _same("no renegotiation", "renegotiation-refused"),
    0x18A: _same("dh key too small", "dh-key-too-small"),
    0x18F: _same("ee key too small", "verify-weak"),
    0x18D: _same("ca key too small", "verify-weak"),
    0x18E: _same("ca md too weak", "verify-weak"),
    0x115: _same("session id context uninitialized", "session-context"),
    0x0DF: _same("psk identity not found", "sent-unknown-psk"),
    0x0FD: _same("binder does not verify", "psk-differs"),
    0x0B1: _same("no certificate assigned", "no-certificate-configured"),
    0x0B3: _same("no certificate set", "no-certificate-configured"),
    0x179: _same("cert cb error", "no-certificate-configured"),
    0x06E: _same("bad extension", "message-malformed"),
    0x0D9: _same("unsolicited extension", "message-malformed"),
    0x06C: _same("bad key share", "message-malformed"),
    0x0F4: _same("unexpected message", "message-malformed"),
    0x0F5: _same("unexpected record", "message-malformed"),
    0x09F: _same("length mismatch", "message-malformed"),
    0x10F: _same("bad length", "message-malformed"),
    0x070: _same("missing sigalgs extension", "message-malformed"),
    0x098: _same("excessive message size", "message-malformed"),
    0x1BB: _same("bad record type", "message-malformed"),
    0x091: _same("data between ccs and finished", "message-malformed"),
}
"""By OpenSSL's reason number (sslerr.h). What is not here still counts as a failed handshake."""

_MORE_WORDS: Final[dict[str, _Entry]] = {
    # BoringSSL's own
    "no shared group": _same("no shared group", "no-shared-group"),
    "no common signature algorithms": _same("", "no-shared-signature-algorithm"),
    "bad decrypt": _same("", "record-corrupted"),
    "decrypt error": _same("", "record-corrupted"),
    "ech rejected": _same("", "ech-fallback"),
    "ssl handshake failure": _same("", "handshake-failed"),
    "internal error": _same("", "local-internal-error"),  # ERR_R_INTERNAL_ERROR, of every library
    "bad ecpoint": _same("", "message-malformed"),
    "decode error": _same("", "message-malformed"),
}
_BY_WORDS: Final[dict[str, _Entry]] = {entry.words: entry for entry in REASONS.values()} | _MORE_WORDS

_OF_ALERT: Final = re.compile(r"(?:sslv3|tlsv1|tlsv13|tls|ssl/tls)(?:(?P<alert> alert)? (?P<name>[a-z ]{3,40}))")
_ALERT_WITHOUT_THE_WORD: Final = frozenset(
    (
        "unrecognized name",
        "unsupported extension",
        "certificate unobtainable",
        "bad certificate status response",
        "bad certificate hash value",
    )
)
"""``tlsv1 unrecognized name``: received alerts that OpenSSL spells without ``alert``."""
_FIRST_ALERT: Final = 1000
"""SSL_AD_REASON_OFFSET."""
_LAST_ALERT: Final = 1255

_ERROR: Final = re.compile(
    r"error:(?P<code>[0-9A-Fa-f]{5,10}):(?P<library>[^:\r\n]{0,64}):(?P<function>[^:\r\n]{0,80})"
    r":(?P<words>[^:\r\n)\]|]{1,100})"
)
_BORING: Final = re.compile(
    r"(?P<code>\d{7,10}|[0-9A-Fa-f]{8}):(?P<library>SSL[ _]routines):OPENSSL_internal:(?P<words>[A-Z0-9_/]{3,60})"
)
_ALERT_NUMBER: Final = re.compile(r"SSL alert number (\d{1,3})\b")
_CLIENT_FUNCTION: Final = re.compile(
    r"(?:process|get)_server_|(?:process|get)_(?:key_exchange|certificate_request|hello_retry|new_session)|"
    r"construct_client|connect",
    re.IGNORECASE,
)
_SERVER_FUNCTION: Final = re.compile(r"(?:process|get)_client_|client_hello|construct_server|accept", re.IGNORECASE)
_CALL: Final = re.compile(
    r"\b(?:SSL_(?:(?P<server>accept)|connect)|stream_socket_client|fsockopen|file_get_contents)\b"
)
"""The program's own call, which it names before OpenSSL's words; the last ones are PHP's."""
_SERVERS_REASONS: Final = frozenset((0x9C, 0x9B, 0xC1, 0xC7, 0xDF, 0xFD, 0x175, 0xEB, 0x115))
"""Which only a server gives."""
_CLIENTS_REASONS: Final = frozenset((0x152, 0x18A))


def scan(text: str, role: Role | None = None) -> tuple[Reason, Role | None] | None:
    """The first reason of an ``error:...`` text within ``text``, and the writer's role where that shows.

    :param role: of the program that wrote it, where its format says.
    """
    boring = _BORING.search(text)
    match = boring or _ERROR.search(text)
    if match is None or not match["library"].startswith("SSL"):
        return None
    words = match["words"].partition(" (SSL alert number")[0].strip()
    # BoringSSL's come in hexadecimal behind "error:" as well, with its library number 16 in the highest byte.
    number = None if boring is not None else int(match["code"], 16) & 0xFFF
    if boring is not None:
        digits = match["code"]
        code = int(digits, 16 if len(digits) == 8 and digits.startswith("10") else 10) & 0xFFF
        number = code if _FIRST_ALERT <= code <= _LAST_ALERT else None
    function = "" if boring is not None else match["function"]
    if function.startswith("SSL_CTX_"):
        return Reason(words, "no-certificate-configured", Said.LOCAL), role  # before any connection
    if role is None:
        role = role_of_call(text) or _role_of(function, number)
    if number is not None and not _FIRST_ALERT <= number <= _LAST_ALERT and (said := _ALERT_NUMBER.search(text)):
        number = _FIRST_ALERT + int(said[1])
    reason = (by_number(number, words, role) if number is not None else None) or by_words(words, role)
    if reason is None:
        reason = Reason(words, "reason-in-words", Said.LOCAL)
    if reason.meaning == "verify-failed":
        reason = reason._replace(meaning=refusal(text[match.start("words") :][:400], role))
    return reason, role


def of_other_library(text: str) -> str | None:
    """The words of an ``error:...`` that is not of TLS itself, as a cipher's or a certificate's parser gives it."""
    match = _ERROR.search(text)
    return None if match is None or match["library"].startswith("SSL") else match["words"].strip()


def by_number(number: int, words: str, role: Role | None) -> Reason | None:
    """What OpenSSL's reason ``number`` says; ``words`` as they stand in the line."""
    if _FIRST_ALERT <= number <= _LAST_ALERT:
        alert = number - _FIRST_ALERT
        return Reason(words, received(alert, role), Said.PEER, alert)
    entry = REASONS.get(number)
    return None if entry is None else _by_role(entry, words, role)


def by_words(words: str, role: Role | None) -> Reason | None:
    """The same by the text: ``wrong version number``, ``WRONG_VERSION_NUMBER``."""
    plain = words.strip().lower().replace("_", " ")
    if (entry := _BY_WORDS.get(plain)) is not None:
        return _by_role(entry, words, role)
    if plain == "handshake failure on client hello":  # BoringSSL: alert 40 in answer to the hello
        return Reason(words, received(40, Role.CLIENT), Said.PEER, 40)
    match = _OF_ALERT.fullmatch(plain)
    if match is not None and (match["alert"] or match["name"] in _ALERT_WITHOUT_THE_WORD):
        alert = alert_by_name(match["name"])
        if alert is not None:
            return Reason(words, received(alert, role), Said.PEER, alert)
    return None


def role_of_call(text: str) -> Role | None:
    """``SSL_accept`` is what a server calls, ``SSL_connect`` a client."""
    match = _CALL.search(text)
    return None if match is None else Role.SERVER if match["server"] else Role.CLIENT


def _by_role(entry: _Entry, words: str, role: Role | None) -> Reason:
    meaning = entry.server if role is Role.SERVER else entry.client if role is Role.CLIENT else entry.neither
    return Reason(words, meaning, entry.said)


def _role_of(function: str, number: int | None) -> Role | None:
    """By the function that 1.1 names, or by a reason that only one side gives."""
    if number in _CLIENTS_REASONS or _CLIENT_FUNCTION.search(function):
        return Role.CLIENT
    if number in _SERVERS_REASONS or _SERVER_FUNCTION.search(function):
        return Role.SERVER
    return None
