"""What the name of a file tells of its place in a ring."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

__all__ = ["RingName"]

_COMPRESSION_SUFFIX = re.compile(r"\.(gz|bz2|xz|zst|zstd|lz4)$", re.IGNORECASE)
_TRAILING_COUNTER = re.compile(r"(?<=[a-z])(\.?)(\d+)$", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_TIME_STAMP = re.compile(r"(?<!\d)(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d|(?<!\d)1\d{9}(?!\d)")
"""A year and what belongs to it, or seconds since the epoch."""
_COUNTER_IN_WORD = re.compile(r"[a-z]\d+(\.[a-z]+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RingName:
    """A name taken apart; compression's extension does not count."""

    family: str
    """The name with every number replaced: equal for the files of a ring."""
    numbers: tuple[int, ...]
    """The numbers in the name; the last is the counter behind the extension, 0 where there is none."""
    is_stamped: bool
    """It holds a time stamp."""
    is_counted_behind: bool
    """A counter stands behind the extension, as in ``x.pcap1``."""
    is_counted_in_word: bool
    """A counter ends a word, as in ``test1.pcap``."""

    @classmethod
    def of(cls, path: str) -> RingName:
        """The name of the file at ``path``."""
        base = _COMPRESSION_SUFFIX.sub("", os.path.basename(path))
        trailing = _TRAILING_COUNTER.search(base)
        before = _TRAILING_COUNTER.sub("", base)
        numbers = (*map(int, _DIGITS.findall(before)), int(trailing.group(2)) if trailing else 0)
        return cls(
            _DIGITS.sub("#", before),
            numbers,
            bool(_TIME_STAMP.search(base)),
            trailing is not None,
            bool(_COUNTER_IN_WORD.search(base)),
        )
