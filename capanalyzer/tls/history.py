"""A session's messages as a word: Zeek's ``ssl_history``, a letter a message, capital = client.

The letters are those that Zeek documents for ``SSL::Info$ssl_history``
(https://docs.zeek.org/en/master/scripts/base/protocols/ssl/main.zeek.html): ``CsxknGIti`` is ClientHello, ServerHello,
Certificate, ServerKeyExchange, ServerHelloDone, ClientKeyExchange, ChangeCipherSpec; NewSessionTicket,
ChangeCipherSpec. As in Zeek's logs, ciphertext has no letter: a TLS 1.3 handshake is ``CsiI``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from capanalyzer.tls.hello import HELLO_RETRY_RANDOM
from capanalyzer.tls.records import HANDSHAKE, SSLV2, Message

__all__ = ["MAX_HISTORY", "history"]

MAX_HISTORY: Final = 100
"""Letters at most, Zeek's ``max_ssl_history_length``."""

_HANDSHAKE_LETTERS: Final = {
    0: "h",
    1: "c",
    2: "s",
    3: "v",
    4: "t",
    5: "e",
    6: "j",
    8: "o",
    11: "x",
    12: "k",
    13: "r",
    14: "n",
    15: "y",
    16: "g",
    20: "f",
    21: "w",
    22: "u",
    23: "a",
    24: "p",
    254: "m",
}
_RECORD_LETTERS: Final = {20: "i", 21: "l", 24: "b"}
_SSLV2_LETTERS: Final = {1: "c", 4: "s", 2: "g"}


def history(messages: Iterable[Message]) -> str:
    """The letters of ``messages`` (both directions, in order), ciphertext left out."""
    letters = []
    for message in messages:
        if message.encrypted:
            continue
        kind = message.content_type
        if kind == HANDSHAKE:
            letter = _HANDSHAKE_LETTERS.get(message.handshake_type, "z")
            if letter == "s" and message.body[2:34] == HELLO_RETRY_RANDOM:
                letter = "j"
        elif kind == SSLV2:
            letter = _SSLV2_LETTERS.get(message.handshake_type, "z")
        else:
            letter = _RECORD_LETTERS.get(kind, "")
        letters.append(letter if message.side else letter.upper())
        if len(letters) >= MAX_HISTORY:
            break
    return "".join(letters)
