"""Secrets in plaintext protocols, overwritten with asterisks: the length stays, the rest can be read.

What is a secret is told by where it stands: fields of HTTP that authenticate, values in the query of a URL, user
information in one, arguments of the commands that log in (FTP and POP3 ``PASS``, IMAP ``LOGIN``, SMTP ``AUTH``,
Redis ``AUTH`` ...), values behind names like ``password=``. A secret that stands elsewhere is not recognised.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["clear_start", "mask"]

_FIELDS: Final = re.compile(
    rb"(?im)^((?:proxy-)?auth(?:orization|entication-info)|(?:set-)?cookie2?|x-[\w-]{0,40}(?:token|key|auth|secret)"
    rb"[\w-]{0,40}|api-?key|[\w-]{0,40}session[\w-]{0,40}|(?:www|proxy)-authenticate)"
    rb"([ \t]{0,16}:[ \t]{0,16})([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)"
)
"""Header fields whose whole value goes, continued lines (RFC 9112 section 5.2) included."""
_QUERY: Final = re.compile(rb"(?<=[?&;])([^=&;\s\"'<>]{1,64}=)([^&;\s\"'<>]+)")
"""Values in the query of a URL."""
_FRAGMENT: Final = re.compile(rb"(?<=[?#&])((?:access_|id_|refresh_)?token=)([^&;\s\"'<>]+)")
_USER_INFORMATION: Final = re.compile(rb"(://)([^/\s@:]*:[^/\s@]*)(?=@)")
_BEARER: Final = re.compile(rb"(?i)\b((?:bearer|basic|negotiate|ntlm|digest)[ ]+)([A-Za-z0-9+/=._~-]{6,}[^\r\n]*)")
_NAMED: Final = re.compile(
    rb"(?i)((?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|client[_-]secret|private[_-]key"
    rb"|session[_-]?id|sid|otp|pin|mstshash)[\"']?[ \t]{0,16}[=:][ \t]{0,16}[\"']?)([^&;\s\"',<>]+)"
)
"""``name=value`` and ``"name": "value"`` wherever they stand."""
_PASS: Final = re.compile(rb"(?im)^((?:pass|acct|oper|identify|apop[ ]+\S+)[ ]+)([^\r\n]+)")
"""FTP (RFC 959 section 4.1.1), POP3 (RFC 1939 section 7), IRC (RFC 2812 section 3.1)."""
_LOGIN: Final = re.compile(rb"(?im)^(\S{1,32}[ ]+login[ ]+)([^\r\n]+)")
"""IMAP (RFC 9051 section 6.2.3)."""
_MECHANISMS: Final = (
    rb"(?:plain|login|cram-md5|digest-md5|ntlm|gssapi|gss-spnego|kerberos_v4|scram-[\w-]+|xoauth2|oauthbearer|external"
    rb"|anonymous|apop|ssl|tls(?:-[cp])?)(?=[ \r\n]|$)"
)
_AUTH: Final = re.compile(
    rb"(?im)^((?:\S{1,32}[ ]+)?auth(?:enticate|info[ ]+(?:user|pass))?[ ]+)(?!" + _MECHANISMS + rb")([^\r\n]+)"
)
"""``AUTH secret`` of Redis and its like; behind a mechanism's name it is an initial response."""
_INITIAL: Final = re.compile(
    rb"(?im)^((?:\S{1,32}[ ]+)?auth(?:enticate)?[ ]+"
    + _MECHANISMS
    + rb")((?:[ ]+(?!"
    + _MECHANISMS
    + rb")[^\r\n]+)?(?:\r?\n(?!(?:quit|rset|noop|"
    rb"starttls|stls|data|help|capa|ehlo|helo|mail|stat|list|retr)\b)[A-Za-z0-9+/=*]+(?=\r?\n|$)){0,4})"
)
"""SASL: the initial response (RFC 4954 section 4) and the lines in Base64 that follow."""
_RESP: Final = re.compile(rb"(?i)(\*\d+\r\n\$4\r\nauth\r\n)((?:\$\d+\r\n[^\r\n]*\r?\n?){1,2})")
_RESP_HELLO: Final = re.compile(rb"(?i)(\$4\r\nauth\r\n)((?:\$\d+\r\n[^\r\n]*\r?\n?){1,2})")
_REQUIREPASS: Final = re.compile(rb"(?i)((?:requirepass|masterauth)[ \r\n]+)([^\r\n]+)")
_RULES: Final = (
    (_FIELDS, 3, (b"auth", b"cookie", b"x-", b"key", b"session")),
    (_QUERY, 2, (b"=",)),
    (_FRAGMENT, 2, (b"token=",)),
    (_USER_INFORMATION, 2, (b"://",)),
    (_BEARER, 2, (b"bearer", b"basic", b"negotiate", b"ntlm", b"digest")),
    (
        _NAMED,
        2,
        (b"pass", b"pwd", b"secret", b"token", b"key", b"session", b"sid", b"otp", b"pin", b"mstshash"),
    ),
    (_PASS, 2, (b"pass", b"acct", b"oper", b"identify", b"apop")),
    (_LOGIN, 2, (b"login",)),
    (_AUTH, 2, (b"auth",)),
    (_INITIAL, 2, (b"auth",)),
    (_RESP, 2, (b"auth",)),
    (_RESP_HELLO, 2, (b"auth",)),
    (_REQUIREPASS, 2, (b"requirepass", b"masterauth")),
)
"""Pattern, group of the secret, and words in lower case of which one is in whatever the pattern finds."""
_WORDS: Final = tuple(dict.fromkeys(word for _, _, words in _RULES for word in words))
"""Without one of them nothing is found."""
_HIDDEN: Final = re.compile(rb"[^\r\n \t]")
_LENGTH_LINE: Final = re.compile(rb"\$\d+\r\n")
NEAR: Final = 256
"""Bytes by which a secret among the first sixteen is recognised: what goes before it, and the rest of its line."""


def mask(data: bytes) -> bytes:
    """The same bytes with the secrets overwritten; the same object where there are none."""
    contains = data.lower().__contains__
    if not any(map(contains, _WORDS)):
        return data
    for pattern, group, words in _RULES:
        if any(map(contains, words)) and pattern.search(data):
            data = pattern.sub(lambda match, group=group: _starred(match, group), data)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    return data


def clear_start(first: bytes, opening: bytes) -> bytes:
    """A direction's first bytes up to the first that is secret.

    :param opening: the same and what follows them, by which secrets are recognised.
    """
    masked = mask(opening[:NEAR])
    if masked[: len(first)] == first:
        return first
    return first[: next((at for at, (a, b) in enumerate(zip(first, masked, strict=False)) if a != b), len(first))]


def _starred(match: re.Match[bytes], group: int) -> bytes:
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    whole = match.group()
    return whole[:start] + _stars(whole[start:end]) + whole[end:]


def _stars(secret: bytes) -> bytes:
    """Line ends stay, and the length lines of Redis, so that what follows can still be told apart."""
    made, at = b"", 0
    for length in _LENGTH_LINE.finditer(secret):
        made += _HIDDEN.sub(b"*", secret[at : length.start()]) + length.group()
        at = length.end()
    return made + _HIDDEN.sub(b"*", secret[at:])
