"""Signatures of protocols that begin with text: requests, commands, greetings and refusals.

Several text protocols share words (``USER``, ``220``, ``-ERR``): then the answer is weak, and
:func:`capanalyzer.classify.first_bytes.classify_pair` lets the other direction decide.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.signs import NO, UNDECIDED, Sign, Signature, first_line, likely, literal, text_prefix, yes

__all__ = ["HTTP_METHODS", "TEXT"]

_NO: Final = Sign(NO)
_HTTP, _HTTP_CUT = yes("http"), likely("http")

LINE_LIMIT: Final = 2048
"""Bytes within which a first line must end to be read as one (requests with long targets are known by their method)."""

HTTP_METHODS: Final = frozenset(
    b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH "
    b"REPORT MKACTIVITY CHECKOUT MERGE MKCALENDAR ACL BIND REBIND UNBIND LINK UNLINK PURGE SOURCE "
    b"NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH RPC_IN_DATA RPC_OUT_DATA CCM_POST BITS_POST".split()
)
"""IANA HTTP method registry, plus those of UPnP, Icecast, RPC over HTTP, BITS and SCCM that real captures hold."""

_SHARED_METHODS: Final = frozenset((b"OPTIONS", b"NOTIFY", b"SUBSCRIBE"))
"""Also methods of RTSP or SIP: the target or the version tells."""
_LONGEST_METHOD: Final = 16


def http_request(data: bytes) -> Sign:
    """A method of HTTP and the beginning of a target (RFC 9112 section 3)."""
    space = data.find(b" ", 0, _LONGEST_METHOD + 1)
    if space < 0:
        if len(data) > _LONGEST_METHOD:
            return _NO
        if any(method.startswith(data) for method in HTTP_METHODS):
            return _HTTP_CUT if len(data) >= 3 else UNDECIDED
        return _NO
    method = data[:space]
    if method not in HTTP_METHODS:
        return _NO
    target = data[space + 1 : space + 2]
    if target == b"/" and method not in _SHARED_METHODS:
        return _HTTP
    if not target:
        return _HTTP_CUT
    if method in _SHARED_METHODS:
        return _version_decides(data, _HTTP_CUT)
    if 0x21 <= target[0] < 0x7F:
        # "GET key" is also an inline command of Redis and its like: a version or an absolute target tells.
        if method == b"CONNECT" or data[space + 1 : space + 5].lower() == b"http":
            return _HTTP
        return _version_decides(data, _HTTP_CUT)
    return _NO


_SCHEMES: Final = (
    (b"rtsp:", "rtsp"),
    (b"sip:", "sip"),
    (b"sips:", "sip"),
    (b"tel:", "sip"),
    (b"http:", "http"),
    (b"https", "http"),
)
_VERSIONS: Final = ((b" HTTP/", "http"), (b" RTSP/", "rtsp"), (b" SIP/", "sip"))


def _version_decides(data: bytes, meanwhile: Sign) -> Sign:
    """What the version at the end of the request line says; ``meanwhile`` while the line is not complete."""
    line = first_line(data, LINE_LIMIT)
    if line is None:
        return _NO
    text, whole = line
    if not whole:
        target = text.partition(b" ")[2][:5].lower()
        for scheme, name in _SCHEMES:
            if target.startswith(scheme):
                return likely(name)
        return meanwhile
    for version, name in _VERSIONS:
        if version in text[-10:]:
            return yes(name)
    return _NO


def after_empty_line(data: bytes) -> Sign:
    """A request behind an empty line, which servers skip (RFC 9112 section 2.2)."""
    if len(data) < 3:
        return UNDECIDED if b"\r\n".startswith(data[:2]) else _NO
    if data[:2] != b"\r\n" or not 0x41 <= data[2] <= 0x5A:
        return _NO
    return http_request(data[2:])


def any_request(data: bytes) -> Sign:
    """Any method: the version that ends the line names the protocol (RFC 9112, RFC 7826, RFC 3261)."""
    if not data[:_LONGEST_METHOD].split(b" ", 1)[0].replace(b"-", b"").replace(b"_", b"").isalnum():
        return _NO
    return _version_decides(data, UNDECIDED)


def html(data: bytes) -> Sign:
    """HTML without a status line: an answer of HTTP/0.9 (RFC 1945 section 6), to what is no request for one."""
    for head in (b"<!doctype html", b"<html"):
        start = data[: len(head)].lower()
        if start == head:
            return yes("http-response")
        if head.startswith(start):
            return likely("http-response") if len(data) >= 5 else UNDECIDED
    return _NO


def xml(data: bytes) -> Sign:
    """A stream header, with or without an XML declaration (RFC 6120 section 4.2)."""
    for start in (b"<stream:stream", b"<iq ", b"<presence", b"<message ", b"</stream:stream"):
        if data.startswith(start):
            return yes("xmpp")
        if start.startswith(data):
            return likely("xmpp") if len(data) >= 4 else UNDECIDED
    if not data.startswith(b"<?xml"):
        return UNDECIDED if b"<?xml".startswith(data) else _NO
    window = data[:512]
    root = window.find(b"<", 2)
    if root >= 0 and len(window) >= root + 14:
        is_stream = (
            window[root:].startswith((b"<stream:stream", b"<stream ")) or b"etherx.jabber.org/streams" in window[root:]
        )
        return yes("xmpp") if is_stream else yes("xml")
    return likely("xml", "xmpp") if len(data) < 512 else yes("xml")


def redis_request(data: bytes) -> Sign:
    """An array of bulk strings (Redis serialization protocol)."""
    digits = data[1:8].split(b"\r", 1)[0]
    if len(data) == 1:
        return UNDECIDED
    if not digits.isdigit():
        return _NO
    rest = data[1 + len(digits) : 4 + len(digits)]
    if rest == b"\r\n$":
        return yes("redis")
    return UNDECIDED if len(rest) < 3 and b"\r\n$".startswith(rest) else _NO


_SMTP_WORDS: Final = (
    b"SMTP",
    b"MAIL",
    b"POSTFIX",
    b"EXIM",
    b"SENDMAIL",
    b"QMAIL",
    b"LMTP",
    b"MESSAGING",
    b"EXCHANGE",
    b"MTA",
)
_FTP_WORDS: Final = (
    b"FTP",
    b"FILEZILLA",
    b"SERV-U",
    b"FILE TRANSFER",
    b"NEW USER",
    b"500 OOPS",
    b"ANONYMOUS",
    b"LOGIN INCORRECT",
)
_NNTP_WORDS: Final = (b"NNTP", b"NEWS", b"INN", b"POSTING", b"USENET", b"ARTICLE")


def reply(data: bytes) -> Sign:
    """A three-digit reply: SMTP (RFC 5321 section 4.2), FTP (RFC 959 section 4.2), NNTP (RFC 3977 section 3.2)."""
    code = data[:3]
    if len(data) < 4:
        return UNDECIDED if code.isdigit() and code[:1] in b"12345" else _NO
    if not code.isdigit() or data[3:4] not in (b" ", b"-", b"\r", b"\n"):
        return _NO
    line = first_line(data, LINE_LIMIT)
    if line is None:
        return _NO
    text, whole = line
    names = _reply_names(code, text[4:].upper())
    return (yes if whole else likely)(*names)


def _reply_names(code: bytes, text: bytes) -> tuple[str, ...]:
    """Who answers like this, the likeliest first; one where the text leaves no doubt."""
    for words, name in ((_FTP_WORDS, "ftp"), (_SMTP_WORDS, "smtp"), (_NNTP_WORDS, "nntp")):
        if any(word in text for word in words):
            return (name,)
    if code in (b"200", b"201") or (code == b"502" and b"PERMISSION" in text):
        return "nntp", "ftp"
    word = text.split(b" ", 1)[0]
    if word[:1].isdigit() and word.count(b".") == 2 and word.replace(b".", b"").isdigit():
        return ("smtp",)  # an enhanced status code, RFC 3463
    if code == b"220":
        # SMTP's greeting names its host first (RFC 5321 section 4.3.1), FTP's is free text.
        is_host = (b"." in word or word.startswith(b"[")) and not word.endswith(b".") and b"(" not in word
        return ("smtp", "ftp") if is_host else ("ftp", "smtp")
    if code in (b"120", b"331", b"530", b"230"):
        return "ftp", "smtp"
    return "smtp", "ftp", "nntp"


_REDIS_ERRORS: Final = (b"UNKNOWN COMMAND", b"PROTOCOL ERROR", b"WRONG NUMBER OF ARGUMENTS", b"MAX NUMBER OF CLIENTS")


def plus_minus(data: bytes) -> Sign:
    """``+OK`` and ``-ERR``: POP3 (RFC 1939 section 3) or Redis (simple strings and errors)."""
    for word in (b"+PONG", b"-NOAUTH", b"-DENIED", b"-WRONGPASS", b"-LOADING", b"-NOPERM", b"-MISCONF", b"-MOVED "):
        if data.startswith(word):
            return yes("redis")
    for word in (b"+OK", b"-ERR"):
        if data.startswith(word):
            if len(data) > len(word) and data[len(word)] not in b" \r\n":
                return _NO
            if any(error in text_prefix(data, LINE_LIMIT).upper() for error in _REDIS_ERRORS):
                return yes("redis")
            line = first_line(data, LINE_LIMIT)
            if line is None:
                return _NO
            text, whole = line
            names = ("pop3", "redis") if word == b"-ERR" or len(text) == 3 else ("pop3",)
            return (yes if whole else likely)(*names)
    known = (
        b"+OK",
        b"-ERR",
        b"+PONG",
        b"-NOAUTH",
        b"-DENIED",
        b"-WRONGPASS",
        b"-LOADING",
        b"-NOPERM",
        b"-MISCONF",
        b"-MOVED ",
    )
    return UNDECIDED if any(word.startswith(data) for word in known) else _NO


def imap_greeting(data: bytes) -> Sign:
    """``* OK``, ``* PREAUTH`` or ``* BYE`` (RFC 9051 section 7.1)."""
    head = data[:10].upper()
    for word in (b"* OK", b"* PREAUTH", b"* BYE"):
        if head.startswith(word):
            return yes("imap")
        if word.startswith(head):
            return UNDECIDED
    return _NO


_IMAP_COMMANDS: Final = frozenset(
    b"CAPABILITY LOGIN STARTTLS ID AUTHENTICATE NOOP LOGOUT SELECT ENABLE NAMESPACE".split()
)
_ANY_MAIL: Final = ("smtp", "ftp", "pop3", "nntp", "irc", "sieve", "redis")
_COMMANDS: Final[dict[bytes, tuple[str, ...]]] = {
    **dict.fromkeys((b"EHLO", b"HELO", b"LHLO"), ("smtp",)),
    **dict.fromkeys((b"CAPA", b"STLS", b"APOP"), ("pop3",)),
    **dict.fromkeys((b"FEAT", b"SYST", b"PBSZ", b"PROT", b"CLNT", b"ADAT"), ("ftp",)),
    **dict.fromkeys((b"CAPABILITIES", b"AUTHINFO", b"XOVER", b"ARTICLE", b"MODE"), ("nntp",)),
    **dict.fromkeys((b"NICK", b"CAP", b"WEBIRC", b"ISON"), ("irc",)),
    **dict.fromkeys((b"DESCRIBE", b"SETUP", b"ANNOUNCE", b"TEARDOWN", b"GET_PARAMETER"), ("rtsp",)),
    **dict.fromkeys((b"QUIT", b"NOOP", b"HELP", b"RSET"), _ANY_MAIL),
    **dict.fromkeys((b"PING", b"INFO"), ("redis", "irc")),
    b"USER": ("ftp", "pop3", "irc"),
    b"PASS": ("irc", "pop3", "ftp"),
    b"AUTH": ("smtp", "pop3", "ftp", "redis"),
    b"STARTTLS": ("smtp", "nntp", "irc", "sieve"),
    b"MAIL": ("smtp",),
    b"GROUP": ("nntp",),
    b"LOGOUT": ("sieve",),
}
"""First words of clients, and whether others have them too (RFC 5321, 1939, 2449, 959, 4217, 3977, 1459, 7826)."""


def command(data: bytes) -> Sign:
    """A client's first command line, in any case of letters."""
    if first_line(data[:64], 65) is None:
        return _NO
    line = first_line(data, LINE_LIMIT)
    if line is None:
        return _NO
    text, whole = line
    words = text.upper().split()
    if not words:
        return UNDECIDED if not whole else _NO
    if not whole and len(words) < 2 and not text.endswith(b" "):
        if len(words[0]) > 64:
            return _NO
        known = _COMMANDS.get(words[0])
        return likely(*known) if known else UNDECIDED
    known = _COMMANDS.get(words[0])
    if known is None:
        if not whole and len(words) < 3 and not (len(words) == 2 and text.endswith(b" ")):
            return UNDECIDED
        if len(words) >= 2 and words[1] in _IMAP_COMMANDS and len(words[0]) <= 32:
            return yes("imap")  # RFC 9051 section 2.2.1: a tag, then the command
        return _NO
    if not whole:
        return likely(*known)
    rest = words[1:]
    if words[0] == b"USER":
        if len(rest) >= 4 and rest[3][:1] == b":":
            return yes("irc")
        return yes("ftp") if rest[:1] in ([b"ANONYMOUS"], [b"FTP"]) else yes(*known)
    if words[0] == b"AUTH":
        if rest[:1] in ([b"TLS"], [b"SSL"], [b"TLS-C"], [b"TLS-P"]):
            return yes("ftp")  # RFC 4217 section 4
        return yes(*known) if rest else yes("pop3", "smtp", "ftp", "redis")
    if words[0] == b"MODE" and rest[:1] != [b"READER"]:
        return yes("irc")
    if words[0] == b"MAIL" and not b" ".join(rest).startswith(b"FROM:"):
        return _NO
    if known == ("rtsp",) and not any(word.startswith(b"RTSP") for word in rest):
        return _NO
    return yes(*known)


def irc_server(data: bytes) -> Sign:
    """A prefix, then NOTICE, a numeric or CAP (RFC 1459 section 2.3.1)."""
    second = data.find(b" ", data.find(b" ") + 1)
    line = first_line(data[:second] + b" " if second > 0 else data, 512)
    if line is None:
        return _NO
    text, whole = line
    words = text.split(b" ", 2)
    if len(words) < 3:
        if whole:
            return _NO
        return likely("irc") if len(words) == 2 and b"." in words[0] else UNDECIDED
    numeric = len(words[1]) == 3 and words[1].isdigit()
    return yes("irc") if numeric or words[1] in (b"NOTICE", b"CAP", b"PING", b"PRIVMSG", b"MODE") else _NO


_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_TAG: Final = frozenset(range(0x21, 0x7F)) - frozenset(b"<*+")


def _rows(*rows: tuple[str, bytes | frozenset[int], object, str]) -> tuple[Signature, ...]:
    return tuple(
        Signature(
            name, frozenset(first), check if callable(check) else literal(name, bytes(str(check), "ascii")), source
        )
        for name, first, check, source in rows
    )


TEXT: Final[tuple[Signature, ...]] = _rows(
    ("http2", b"P", "PRI * HTTP/2", "RFC 9113 section 3.4"),
    ("proxy-v1", b"P", "PROXY TCP4 ", "PROXY protocol specification section 2.1"),
    ("proxy-v1", b"P", "PROXY TCP6 ", "PROXY protocol specification section 2.1"),
    ("proxy-v1", b"P", "PROXY UNKNOWN", "PROXY protocol specification section 2.1"),
    ("http", frozenset(b"GHPDCOTMLUSRBANVK"), http_request, "RFC 9112 section 3"),
    ("http", b"\r", after_empty_line, "RFC 9112 section 2.2"),
    ("http-response", b"H", "HTTP/", "RFC 9112 section 4"),
    ("http-response", b"<", html, "RFC 1945 section 6"),
    ("xmpp", b"<", xml, "RFC 6120 section 4.2"),
    ("ssh", b"S", "SSH-", "RFC 4253 section 4.2"),
    ("vnc", b"R", "RFB 00", "RFC 6143 section 7.1.1"),
    ("rsync", b"@", "@RSYNCD:", "rsync clientserver.c"),
    ("fix", b"8", "8=FIX", "FIX session layer"),
    ("git", b"0", "003egit-upload-pack", "gitprotocol-pack"),
    ("sieve", b'"', '"IMPLEMENTATION"', "RFC 5804 section 1.7"),
    ("rtsp", b"R", "RTSP/", "RFC 7826 section 21"),
    ("sip", b"S", "SIP/2.0", "RFC 3261 section 7.2"),
    ("redis", b"*", redis_request, "Redis serialization protocol"),
    ("pop3", b"+-", plus_minus, "RFC 1939 section 3; Redis serialization protocol"),
    ("imap", b"*", imap_greeting, "RFC 9051 section 7.1"),
    ("smtp", b"12345", reply, "RFC 5321 section 4.2; RFC 959 section 4.2; RFC 3977 section 3.2"),
    ("irc", b":", irc_server, "RFC 1459 section 2.3"),
    ("irc", b"N", "NOTICE AUTH ", "RFC 1459 section 4.4.2, as sent by servers at connect"),
    ("smtp", _LETTERS, any_request, "RFC 9112, RFC 7826, RFC 3261: the version ends the line"),
    ("smtp", _TAG, command, "RFC 5321, 1939, 959, 3977, 9051, 1459: the first word"),
)
"""Tried in this order: a row is asked only when every row before it has said no."""
