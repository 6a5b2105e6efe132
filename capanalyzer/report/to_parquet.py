"""Sessions as Apache Parquet, in row groups as they are finished, so that memory does not grow with their number.

Needs pyarrow (extra ``parquet``). Texts are exact, unlike in CSV: no program takes a column of text for formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capanalyzer.report import model
from capanalyzer.report.rows import COLUMNS, Row, rows

__all__ = ["SCHEMA", "to_parquet"]

ROWS: Final = 10_000
"""Of a row group: some 20 MB while it is made."""

_TYPES: Final[dict[str, pa.DataType]] = {
    "word": pa.dictionary(pa.int32(), pa.string()),
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "integer": pa.int64(),
    "port": pa.uint16(),
    "code": pa.int32(),
    "codes": pa.list_(pa.int32()),
    "flag": pa.bool_(),
    "ms": pa.float64(),
    "time": pa.timestamp("ns", tz="UTC"),
    "date": pa.timestamp("ms", tz="UTC"),  # certificates may be valid until 9999, which is beyond 64 bits of ns
}
SCHEMA: Final = pa.schema(
    [
        pa.field(column.name, _TYPES[column.kind], metadata={"description": column.text} if column.text else None)
        for column in COLUMNS
    ],
    metadata={"capanalyzer.version": model.TOOL.version, "capanalyzer.schema_version": model.SCHEMA_VERSION},
)


def to_parquet(
    sessions: Iterable[model.Session], path_of: Callable[[int], str], trailer: Callable[[], model.Trailer]
) -> Iterator[bytes]:
    """The file in pieces. Captures and summary are in its metadata, as JSON under ``capanalyzer.report``.

    :param sessions: in any order, which is that of the rows.
    :param path_of: the path of a capture, by its index.
    :param trailer: called when all sessions have been read.
    """
    sink = _Sink()
    made = rows(sessions, path_of)
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), SCHEMA, compression="zstd") as writer:
        while group := list(islice(made, ROWS)):
            writer.write_table(_table(group), row_group_size=ROWS)
            yield sink.take()
        end = trailer()
        about = {"captures": end.captures, "unreadable": end.unreadable, "summary": end.summary}
        writer.add_key_value_metadata({"capanalyzer.report": msgspec.json.encode(about).decode()})
    yield sink.take()


def _table(group: list[Row]) -> pa.Table:
    arrays = [_array(cells, column.kind) for column, cells in zip(COLUMNS, zip(*group, strict=True), strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _array(cells: tuple[Any, ...], kind: str) -> pa.Array:
    if kind in ("time", "date"):
        unit = "ns" if kind == "time" else "ms"
        texts = ["NaT" if cell is None else cell.removesuffix("Z") for cell in cells]
        return pa.array(np.array(texts, dtype=f"datetime64[{unit}]")).cast(_TYPES[kind])
    return pa.array(cells, type=_TYPES[kind])


class _Sink:
    """A file that is taken away piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        """Everything written since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data
