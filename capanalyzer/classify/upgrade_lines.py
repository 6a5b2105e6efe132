"""STARTTLS and its like in protocols made of lines: SMTP, LMTP, FTP, NNTP, IMAP, POP3, Sieve, IRC, and XMPP.

A request is matched with its answer by the rule of its protocol (the n-th command has the n-th reply, or a tag),
so that pipelined commands and earlier refusals do not mislead. Where the count is short (the greeting was not
captured), the bytes decide: TLS follows an agreeing reply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from capanalyzer.classify.reading import UpgradeReading, conclude, printable
from capanalyzer.classify.signs import looks_like_tls

__all__ = ["LINE_KINDS", "read_line_upgrade", "read_xmpp_upgrade"]

MAX_LINES: Final = 128
"""Lines of a direction that are read before TLS; dialogues before STARTTLS have 2 to 40."""
MAX_LINE: Final = 8192
"""Bytes of one line (RFC 5321 section 4.5.3.1 asks for 512, IMAP clients use up to 8,192)."""


_LONG: Final = 4096
"""Bytes of a dialogue in which STARTTLS would have been offered and declined by now."""
_REQUEST_WORDS: Final = (b"STARTTLS", b"STLS", b"AUTH")


class _Line(NamedTuple):
    start: int
    end: int
    """Offset behind its line end."""
    text: bytes


class _Reply(NamedTuple):
    start: int
    end: int
    code: bytes
    text: bytes
    """The reply's first line, or its last of several where that carries the code."""
    all: bytes
    """All lines."""


class _Kind(NamedTuple):
    is_request: Callable[[list[bytes]], bool]
    """Takes the words of a client's line, in capitals."""
    replies: Callable[[list[_Line], bytes], list[_Reply]]
    agree: frozenset[bytes]
    greets: bool
    """The server's first reply answers nothing."""
    by_tag: bool = False
    by_code: frozenset[bytes] = frozenset()
    """Codes that belong to the request alone, wherever they come."""


def _lines(data: bytes) -> tuple[list[_Line], bool]:
    """Complete lines until TLS begins; and whether the reading ended at bytes that are TLS."""
    lines: list[_Line] = []
    at = 0
    while len(lines) < MAX_LINES and at < len(data):
        if data[at] < 0x20 and looks_like_tls(data, at):
            return lines, True
        end = data.find(b"\n", at, at + MAX_LINE)
        if end < 0:
            break
        lines.append(_Line(at, end + 1, data[at:end].rstrip(b"\r")))
        at = end + 1
    return lines, False


def _numeric(lines: list[_Line], data: bytes) -> list[_Reply]:
    """Replies ``ddd text``, of several lines ``ddd-text`` (RFC 5321 section 4.2.1, RFC 959 section 4.2)."""
    replies: list[_Reply] = []
    opened: _Line | None = None
    for line in lines:
        code = line.text[:3]
        if not code.isdigit() or len(code) < 3:
            continue
        mark = line.text[3:4]
        if opened is not None:
            if code == opened.text[:3] and mark != b"-":
                replies.append(_Reply(opened.start, line.end, code, opened.text, data[opened.start : line.end]))
                opened = None
        elif mark == b"-":
            opened = line
        elif mark in (b" ", b""):
            replies.append(_Reply(line.start, line.end, code, line.text, line.text))
    return replies


def _by_word(*words: bytes) -> Callable[[list[_Line], bytes], list[_Reply]]:
    """Replies that begin with a word; other lines belong to them (RFC 1939 section 3, RFC 5804 section 1.2)."""

    def read(lines: list[_Line], _: bytes) -> list[_Reply]:
        return [
            _Reply(line.start, line.end, line.text.split(b" ", 1)[0].upper(), line.text, line.text)
            for line in lines
            if line.text.split(b" ", 1)[0].upper() in words
        ]

    return read


def _by_second_word(lines: list[_Line], _: bytes) -> list[_Reply]:
    """IMAP: tag and condition (RFC 9051 section 7.1); IRC: prefix and numeric (RFC 1459 section 2.4)."""
    replies: list[_Reply] = []
    for line in lines:
        words = line.text.split(b" ", 2)
        if len(words) >= 2 and words[0] not in (b"*", b"+"):
            replies.append(_Reply(line.start, line.end, words[1].upper(), line.text, line.text))
    return replies


LINE_KINDS: Final[dict[str, _Kind]] = {
    # RFC 3207 section 4; RFC 2033 (LMTP) has the same command.
    "smtp": _Kind(lambda words: words[:1] == [b"STARTTLS"], _numeric, frozenset((b"220",)), True),
    # RFC 4217 section 4: 234; 334 from servers of the drafts before it.
    "ftp": _Kind(
        lambda words: words[:1] == [b"AUTH"] and words[1:2] in ([b"TLS"], [b"TLS-C"], [b"TLS-P"], [b"SSL"]),
        _numeric,
        frozenset((b"234", b"334")),
        True,
    ),
    "nntp": _Kind(lambda words: words == [b"STARTTLS"], _numeric, frozenset((b"382",)), True),  # RFC 4642 section 2.2
    "imap": _Kind(  # RFC 9051 section 6.2.1
        lambda words: words[1:2] == [b"STARTTLS"], _by_second_word, frozenset((b"OK",)), False, by_tag=True
    ),
    "pop3": _Kind(
        lambda words: words == [b"STLS"], _by_word(b"+OK", b"-ERR"), frozenset((b"+OK",)), True
    ),  # RFC 2595 section 4
    "sieve": _Kind(
        lambda words: words == [b"STARTTLS"], _by_word(b"OK", b"NO", b"BYE"), frozenset((b"OK",)), True
    ),  # RFC 5804 2.2
    "irc": _Kind(  # IRCv3 "tls" (STARTTLS): 670 RPL_STARTTLS, 691 ERR_STARTTLS; 421 unknown command
        lambda words: words == [b"STARTTLS"],
        _by_second_word,
        frozenset((b"670",)),
        False,
        by_code=frozenset((b"670", b"691")),
    ),
}


def read_line_upgrade(kind: str, client: bytes, server: bytes) -> UpgradeReading | None:
    """What became of the upgrade command of ``kind``, a key of :data:`LINE_KINDS`; None when there is none."""
    rules = LINE_KINDS[kind]
    if len(client) + len(server) > _LONG and b"\x16\x03" not in client:
        said = client.upper()
        if not any(word in said for word in _REQUEST_WORDS):
            return None  # long past the beginning, where it would have been asked for
    commands, client_tls = _lines(client)
    requests = [number for number, line in enumerate(commands) if rules.is_request(line.text.upper().split())]
    ehlo = _only_greeted(commands) if kind == "smtp" and not requests else None
    if not requests and ehlo is None and not (client_tls and commands):
        return None  # what the server says decides nothing
    lines, server_tls = _lines(server)
    replies = rules.replies(lines, server)
    found: UpgradeReading | None = None
    for number in requests:
        line = commands[number]
        reply = _answer(rules, commands, number, replies)
        is_last = number == len(commands) - 1
        if reply is None and is_last and server_tls and replies and replies[-1].code in rules.agree:
            reply = replies[-1]  # the count is off: the stream's beginning was not captured
        if reply is None:
            return conclude(kind, client, server, line.end, None, request_at=line.start)
        agreed = reply.code in rules.agree
        found = conclude(
            kind,
            client,
            server,
            line.end,
            reply.end,
            agreed=agreed,
            answer=printable(reply.text),
            request_at=line.start,
            answer_at=reply.start,
        )
        if agreed:
            return found
        found = found._replace(done=False)  # it may be asked again
    if found is not None:
        return found
    if client_tls and commands:
        tls_at = lines[-1].end if server_tls and lines else None
        return conclude(kind, client, server, commands[-1].end, tls_at, asked=False, request_at=None)
    return None if ehlo is None else _not_offered(ehlo, replies)


def _answer(rules: _Kind, commands: list[_Line], number: int, replies: list[_Reply]) -> _Reply | None:
    if rules.by_tag:
        # Some clients use one tag again and again: the n-th command with it has the n-th reply with it.
        tag = _tag(commands[number].text)
        before = sum(_tag(command.text) == tag for command in commands[:number])
        tagged = [reply for reply in replies if _tag(reply.text) == tag]
        return tagged[before] if before < len(tagged) else None
    if rules.by_code:
        for reply in replies:
            if reply.code in rules.by_code or (reply.code in (b"421", b"451") and b"STARTTLS" in reply.text.upper()):
                return reply
        return None
    index = number + rules.greets
    return replies[index] if index < len(replies) else None


def _tag(line: bytes) -> bytes:
    return line.split(b" ", 1)[0]


def _only_greeted(commands: list[_Line]) -> int | None:
    """Number of the first EHLO, where the client has not gone on after it but to leave."""
    number = next((at for at, line in enumerate(commands) if line.text[:5].upper() in (b"EHLO ", b"LHLO ")), None)
    if number is None or any(later.text[:4].upper() != b"QUIT" for later in commands[number + 1 :]):
        return None
    return number


def _not_offered(ehlo: int, replies: list[_Reply]) -> UpgradeReading | None:
    """The answer to EHLO does not list STARTTLS, and the client has not gone on without it (RFC 3207 section 4)."""
    if ehlo + 1 >= len(replies):
        return None
    reply = replies[ehlo + 1]
    if reply.code != b"250" or b"STARTTLS" in reply.all.upper():
        return None
    return UpgradeReading(
        kind="smtp",
        asked=False,
        agreed=False,
        answer="STARTTLS not offered",
        request_at=None,
        answer_at=reply.start,
        client_tls_at=None,
        server_tls_at=None,
        done=False,
    )


def read_xmpp_upgrade(client: bytes, server: bytes) -> UpgradeReading | None:
    """``<starttls/>``, then ``<proceed/>`` or ``<failure/>`` (RFC 6120 section 5.4.2)."""
    asked_at = client.find(b"<starttls")
    if asked_at < 0:
        return None
    client_at = _tag_end(client, asked_at, b"starttls")
    if client_at is None:
        return None
    for word, agreed in ((b"<proceed", True), (b"<failure", False)):
        answer_at = server.find(word)
        server_at = _tag_end(server, answer_at, word[1:]) if answer_at >= 0 else None
        if server_at is not None and (agreed or b"xmpp-tls" in server[answer_at:server_at]):
            return conclude(
                "xmpp",
                client,
                server,
                client_at,
                server_at,
                agreed=agreed,
                answer=printable(server[answer_at:server_at]),
                request_at=asked_at,
                answer_at=answer_at,
            )
    return conclude("xmpp", client, server, client_at, None, request_at=asked_at)


def _tag_end(data: bytes, start: int, name: bytes) -> int | None:
    """Behind an element, self-closed or not, and the white space that may follow it."""
    end = data.find(b">", start, start + MAX_LINE)
    if end < 0:
        return None
    if data[end - 1 : end] != b"/":
        closing = b"</" + name + b">"
        end = data.find(closing, end, end + MAX_LINE)
        if end < 0:
            return None
        end += len(closing) - 1
    end += 1
    while data[end : end + 1] in (b" ", b"\n", b"\r", b"\t"):
        end += 1
    return end
