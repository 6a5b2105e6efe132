"""Sessions as CSV (RFC 4180), one row each as they are finished.

The file begins with a byte order mark: without it Excel reads UTF-8 as the local code page. Where a list stands in a
cell its items are joined with ``;``. Text from the wire cannot become a formula, a new cell or a new line in whatever
program opens the file: see :func:`cell_text`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from capanalyzer.report import model
from capanalyzer.report.escape import printable
from capanalyzer.report.rows import COLUMNS, Cell, rows

__all__ = ["cell_text", "to_csv"]

CHUNK: Final = 1 << 16
"""Characters handed on at once."""

_FORMULA: Final = re.compile(
    r"""^(?=[\s"']*[=+\-@＝＋－＠])      # what a spreadsheet takes for a formula
      | (?<=[;,|])(?="*[=+\-@＝＋－＠])  # the same where the program splits at another separator than ours""",
    re.VERBOSE,
)
_SUSPECT: Final = re.compile(r"""[;,|]["=+\-@＝＋－＠]""")
"""Quicker to look for: without it only the beginning matters."""
_LIST_MARKS: Final = re.compile(r"[\\;]")


def to_csv(sessions: Iterable[model.Session], path_of: Callable[[int], str]) -> Iterator[bytes]:
    """The file in pieces.

    :param sessions: in any order, which is that of the rows.
    :param path_of: the path of a capture, by its index.
    """
    buffer = _Buffer()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow([column.name for column in COLUMNS])
    forms = [_FORMS[column.kind] for column in COLUMNS]
    for row in rows(sessions, path_of):
        writer.writerow(["" if cell is None else form(cell) for form, cell in zip(forms, row, strict=True)])
        if buffer.size >= CHUNK:
            yield buffer.take()
    yield buffer.take()


def cell_text(text: str) -> str:
    """Text as it can stand in a cell.

    What is not printable shows as its escape. An apostrophe stands before a character that would begin a formula: at
    the beginning, and behind ``;`` ``,`` ``|``, at which a spreadsheet set up for another separator begins a cell.
    """
    text = printable(text)
    if text[:1].isalnum() and _SUSPECT.search(text) is None:
        return text
    return _FORMULA.sub("'", text)


class _Buffer:
    """What csv writes to."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.size = 0

    def write(self, piece: str) -> None:
        self._pieces.append(piece)
        self.size += len(piece)

    def take(self) -> bytes:
        """Everything written since the last time."""
        data = "".join(self._pieces).encode("utf-8", "backslashreplace")
        self._pieces.clear()
        self.size = 0
        return data


def _joined(items: Cell) -> str:
    assert isinstance(items, tuple)
    # "a;b" of one item and of two must not look the same.
    return cell_text(";".join([_LIST_MARKS.sub(r"\\\g<0>", text) for text in map(str, items)]))


def _numbers(items: Cell) -> str:
    assert isinstance(items, tuple)
    return ";".join(map(str, items))


def _milliseconds(value: Cell) -> str:
    """Nanoseconds are what captures have."""
    return f"{value:.6f}"


def _text(value: Cell) -> str:
    return cell_text(str(value))


def _flag(value: Cell) -> str:
    return "true" if value else "false"


_FORMS: Final[dict[str, Callable[[Cell], str]]] = {
    "word": _text,
    "text": _text,
    "texts": _joined,
    "integer": str,
    "port": str,
    "code": str,
    "codes": _numbers,
    "flag": _flag,
    "ms": _milliseconds,
    "time": str,
    "date": str,
}
