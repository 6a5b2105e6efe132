"""One direction's bytes as they may be shown: what comes before TLS, and TLS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from capanalyzer.classify.credentials import mask
from capanalyzer.redact.plaintext import is_text, redact_plaintext
from capanalyzer.redact.redactor import Redactor
from capanalyzer.redact.tls import redact_tls
from capanalyzer.tls.plausible import begins_record, is_header, is_sslv2_start
from capanalyzer.tls.record_facts import MAX_MESSAGE

__all__ = ["mask_stream", "redact_stream"]

_BEGINS: Final = re.compile(rb"\x16\x03[\x00-\x04]..[\x01\x02]\x00|\x15\x03[\x00-\x04]\x00\x02[\x01\x02].", re.DOTALL)
"""The first record of a handshake, or an alert in the clear."""
_HEADER: Final = 5
"""A record header."""


def redact_stream(data: bytes, starts: Sequence[int], redactor: Redactor) -> bytes:
    """The replacement of a direction's bytes, of the same length.

    :param data: in stream order, zeros where bytes were lost.
    :param starts: offsets at which segments begin, ascending.
    """
    at = _tls_at(data, starts)
    plain = redact_plaintext(data[:at], redactor)
    return plain + redact_tls(data, at, starts, redactor)[at:]


def mask_stream(data: bytes, starts: Sequence[int]) -> bytes:
    """The same bytes without the secrets of plaintext protocols; TLS stays as it is."""
    at = _tls_at(data, starts)
    return mask(data[:at]) + data[at:]


def _tls_at(data: bytes, starts: Sequence[int]) -> int:
    """Where TLS begins; the length where there is none."""
    if len(data) >= _HEADER and (is_header(data, 0) or is_sslv2_start(data, 0)):
        return 0
    found = _BEGINS.search(data)
    if found:
        return found.start()
    if not is_text(data) and any(begins_record(data[at : at + 20000], MAX_MESSAGE) for at in starts):
        return 0  # captured from the middle
    return len(data)
