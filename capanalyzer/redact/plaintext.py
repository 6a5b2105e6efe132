"""What is not TLS, with only the protocol's own words left: enough to tell which protocol it is and what it answers.

Text keeps the words of a list, status codes and marks; host names and addresses become tokens of the same length, all
other letters and digits an ``x``. Targets, fields and bodies of HTTP are text like any other. Binary protocols keep
as many first bytes as it takes to recognise them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from capanalyzer.classify.credentials import mask
from capanalyzer.classify.first_bytes import ENOUGH, classify
from capanalyzer.http.start import HTTPS_WANTED
from capanalyzer.redact.redactor import Redactor

__all__ = ["is_text", "redact_plaintext"]

_WORDS: Final = frozenset(
    b"""
    8bitmime a accept ack agent alive allow an and announce anonymous apop article auth authenticate
    authorization bad banner before begin binarymime body br bye cache capa capabilities capability center
    charset chunked chunking cipher client close code command connect connected connection content control
    cookie cram cwd data date default delete deliverby denied describe disabled doctype domain dsn echo ehlo elo
    encoding encryption end ended enhancedstatuscodes epsv err error esmtp established etag etherx etrn event
    exec expected expn external fail failed failure feat first for forbidden found ftp gateway get greeting
    group h1 handshake head hello helo help host hostname hr html http https id imap imap4 imap4rev1
    implementation in info invalid invite is issue jabber keep keepalive last length lhlo list lmtp local
    location login logout looking mail mariadb max md5 method methods minus mlst mode modified moved msg must
    mysql native negotiate newnews news nick nntp no noauth noop not notice notify of ok on oops operation
    option options or org p pass password pasv patch path pbsz permission ping pipe pipelining plain play please
    plus pong pop pop3 port post postgres pre pri privmsg proceed prot protocol proxy put pwd quit rcpt reader
    ready redis refused register relay request required reset rest retr rfb rset rtsp sasl secure sent server
    service setup sieve sip size sm smtp smtputf8 software ssh ssl start starting starttls stls stor stream
    streams stru subscribe syst tag tcp tcp4 tcp6 teardown temporarily temporary text the title tls to trace
    transfer trying type udp unauthenticated unauthorized unavailable unbind unexpected unknown unsupported
    upgrade use user using utf8 version vrfy was welcome with wrongpass xclient xml xmlns xoauth2 yes you your
    """.split()
)
"""Words of protocols, small: what a server or a client of one says whoever runs it."""
_KEPT: Final = (
    rb"(?:HTTP|RTSP|SIP|ICAP)/\d(?:\.\d)?|SSH-\d\.\d+(?=-)|RFB \d{3}\.\d{3}"
    rb"|(?<![^\r\n])\d{3}(?=[ \-\r\n]|$)|(?<=/\d\.\d )\d{3}(?= )|(?<=ength: )\d+|(?<![^\r\n])[*$]\d{1,5}(?=\r\n)"
    rb"|(?<= NOTICE )\*|xmlns(?::\w+)?=['\"](?:jabber:[a-z:]+|http://etherx\.jabber\.org/streams)['\"]"
    rb"|urn:ietf:params:xml:ns:[\w-]+|1\.3\.6\.1\.4\.1\.1466\.20037"
)
"""Marks of protocols that are no words."""
_NAMES: Final = (
    rb"(?P<address>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"
    rb"|(?<![\w:])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?![\w:]))"
    rb"|(?P<host>[\w-]{1,256}(?:\.[\w-]{1,256})+)"
)
_TEXT: Final = re.compile(rb"(?P<kept>" + _KEPT + rb")|" + _NAMES + rb"|(?P<word>[A-Za-z0-9_\x80-\xff]+)")
_HTTP: Final = re.compile(
    rb"HTTP/|(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PROPFIND) \S|[A-Z-]{3,24} \S+ HTTP/", re.IGNORECASE
)
"""Also a request line that is cut."""
_BODY: Final = re.compile(
    rb"(?P<tag></?(?:html|head|title|body|center|h1|p|hr)\b)|[A-Za-z0-9_\x80-\xff]+", re.IGNORECASE
)
_LINE: Final = re.compile(rb"[^\r\n]+")
_REQUEST: Final = re.compile(rb"([A-Za-z-]{3,24} )(.*?)( HTTP/\d\.\d|$)")
_PLAIN_FIELDS: Final = frozenset(
    (b"connection", b"content-length", b"content-type", b"transfer-encoding", b"upgrade", b"accept", b"keep-alive")
)
"""Fields of HTTP whose values are words of the protocol."""
_MOST_TEXT: Final = 8192
"""Bytes of text of which words are kept: a dialogue before TLS is shorter."""
_PROXY_V1: Final = re.compile(rb"\APROXY (?:TCP4|TCP6|UNKNOWN)[^\r\n]*")
_PROXY_V2: Final = b"\r\n\r\n\0\r\nQUIT\n"
_RUN: Final = re.compile(rb"[\x20-\x7e]{4,}")
"""Text within binary protocols."""
_MAGIC: Final = re.compile(
    rb"MQTT|MQIsdp|ActiveMQ|[SV](?:FATAL|ERROR)|\x13BitTorrent protocol|@RSYNCD: \d+\.\d+|8=FIX[T.\d]{1,6}\x019="
    rb"|[0-9A-Fa-f]{4}git-(?:upload|receive)-pack|\A500 OOPS: (?:vsftpd)?"
)
"""By these words a protocol is recognised, wherever they stand in it."""
_STEPS: Final = (2, 4, 6, 8, 12, 16, 20, 24, 32, 48, 64)
"""Bytes of a binary protocol that are tried, until it is recognised as before."""
_WANTED: Final = re.compile(b"|".join(map(re.escape, HTTPS_WANTED)), re.IGNORECASE)


def redact_plaintext(data: bytes, redactor: Redactor) -> bytes:
    """A direction's bytes before TLS, or all of them; the same length."""
    if len(data) < 2:
        return data  # PostgreSQL's S, N or G: one byte says nothing of anybody
    if data.startswith(_PROXY_V2):
        return _proxy_v2(data, redactor)
    header = _PROXY_V1.match(data)
    if header:
        line = _proxy_v1(header.group(), redactor)
        return line + redact_plaintext(data[len(line) :], redactor)
    data = mask(data)
    if is_text(data):
        return _text(data, redactor)
    return _binary(data, redactor)


def is_text(data: bytes) -> bool:
    """Nearly all of it printable."""
    head = data[:ENOUGH]
    return sum(value >= 32 or value in b"\t\r\n" for value in head) >= len(head) * 0.97 and head[:1] < b"\x80"


def _text(data: bytes, redactor: Redactor) -> bytes:
    if _HTTP.match(data):
        end = data.find(b"\r\n\r\n")
        end = len(data) if end < 0 else end
        head = min(end, _MOST_TEXT)
        made = _LINE.sub(lambda line: _http_line(line, redactor), data[:head]) + _BODY.sub(_blank, data[head:])
    else:
        made = _TEXT.sub(_replace(redactor, _WORDS), data[:_MOST_TEXT]) + _BODY.sub(_blank, data[_MOST_TEXT:])
    return _restored(bytearray(_restored(bytearray(made), data, _WANTED)), data, _MAGIC)


def _http_line(line: re.Match[bytes], redactor: Redactor) -> bytes:
    """A request or status line, or a field: of targets and most values no word stays."""
    text = line.group()
    none, words = _replace(redactor, frozenset()), _replace(redactor, _WORDS)
    request = _REQUEST.match(text)
    if request:
        return request[1] + _TEXT.sub(none, request[2]) + request[3]
    name, colon, value = text.partition(b":")
    if colon and name.lower() not in _PLAIN_FIELDS:
        return _TEXT.sub(words, name) + colon + _TEXT.sub(none, value)
    return _TEXT.sub(words, text)


def _blank(match: re.Match[bytes]) -> bytes:
    return match.group() if match.lastgroup == "tag" else b"x" * len(match.group())


def _replace(redactor: Redactor, words: frozenset[bytes]) -> Callable[[re.Match[bytes]], bytes]:
    def replace(match: re.Match[bytes]) -> bytes:
        found = match.group()
        if match.lastgroup == "kept" or (match.lastgroup == "word" and found.lower() in words):
            return found
        if match.lastgroup in ("address", "host"):
            return redactor.name_data(found)
        return b"x" * len(found)

    return replace


def _proxy_v1(line: bytes, redactor: Redactor) -> bytes:
    """The PROXY protocol's text header (section 2.1): addresses of the same length, ports as they are."""
    words = line.split(b" ")
    return b" ".join(redactor.name_data(word) if place in (2, 3) else word for place, word in enumerate(words))


def _proxy_v2(data: bytes, redactor: Redactor) -> bytes:
    """Its binary header (section 2.2): addresses as in packets, values of TLVs overwritten."""
    size = 16 + int.from_bytes(data[14:16], "big")
    head, width = data[:16], {1: 4, 2: 16}.get(data[13] >> 4 if len(data) > 13 else 0, 0)
    rest = data[16:size]
    made, at = b"", 0
    if width and len(rest) >= 2 * width + 4:
        made = redactor.address(rest[:width]) + redactor.address(rest[width : 2 * width])
        made += rest[2 * width : 2 * width + 4]
        at = len(made)
    while at + 3 <= len(rest):
        end = min(len(rest), at + 3 + int.from_bytes(rest[at + 1 : at + 3], "big"))
        made += rest[at : at + 3] + redactor.words.fill(rest[at + 3 : end])
        at = end
    made += redactor.words.fill(rest[at:])
    return head + made + redact_plaintext(data[size:], redactor)


def _cross_out(run: re.Match[bytes]) -> bytes:
    return b"x" * len(run.group())


def _restored(made: bytearray, data: bytes, words: re.Pattern[bytes]) -> bytes:
    """With the words of the protocol as they were; never longer."""
    size = len(made)
    for word in words.finditer(data[:size]):
        made[word.start() : word.end()] = word.group()
    return bytes(made)


def _binary(data: bytes, redactor: Redactor) -> bytes:
    wanted = classify(data[:ENOUGH], ended=True)
    made = b""
    for step in _STEPS:
        kept = data[:step]
        if step > _STEPS[1]:
            kept = _restored(bytearray(_RUN.sub(_cross_out, kept)), data, _MAGIC)
        made = kept + redactor.words.fill(data)[step:]
        if classify(made[:ENOUGH], ended=True) == wanted:
            return made
    return data[: _STEPS[1]] + redactor.words.fill(data)[_STEPS[1] :]
