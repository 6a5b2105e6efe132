"""Hellos of many connections read at once: those that are alike are recognised together.

:mod:`capanalyzer.tls.templates` tells of one hello whether an earlier one was structurally the same. Here the hellos of
one length stand under each other as rows of a table. The first is read in full or from the templates; all rows whose
*fixed* bytes are the same as its own have its shape (see there why that is exact), and the next hello is looked for
among the rows that are left. Where hellos hardly repeat (Chrome shuffles its extensions), the rest is read one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from capanalyzer.errors import WireError
from capanalyzer.packets.rows import pieces_at
from capanalyzer.tls.hello import HELLO_RETRY_RANDOM, read_client_hello, read_server_hello
from capanalyzer.tls.shapes import ClientHelloShape, ServerHelloShape, Shape

__all__ = ["Hellos", "client_hellos", "server_hellos"]

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
S = TypeVar("S", bound=Shape)

FEW: Final = 4
"""So few hellos are read one by one: a comparison of columns takes as long as reading a handful."""
_WORD: Final = 8
_LEAST: Final = 35
"""Bytes up to the session id's length."""
_RETRY: Final = np.frombuffer(HELLO_RETRY_RANDOM, np.uint8)


class Hellos(Generic[S]):
    """Hellos by the number they were given with."""

    def __init__(self, bodies: NDArray[np.object_], shapes: NDArray[np.object_]) -> None:
        self.bodies = bodies
        self.shapes = shapes
        """None where it does not parse."""

    def some(self, which: NDArray[np.bool_]) -> Hellos[S]:
        """These of them."""
        return Hellos(self.bodies.compress(which), self.shapes.compress(which))


def client_hellos(data: U8, position: I64, length: I64, bodies: dict[int, bytes]) -> Hellos[ClientHelloShape]:
    """Bodies of n ClientHello messages, as read_client_hello reads them.

    :param position: where each stands in ``data``; ``length``: its bytes.
    :param bodies: by number, those that do not stand there in one piece.
    """
    return _read_all(data, position, length, bodies, _client_shape)


def server_hellos(data: U8, position: I64, length: I64, bodies: dict[int, bytes]) -> Hellos[ServerHelloShape]:
    """The same of ServerHello messages, as read_server_hello reads them."""
    return _read_all(data, position, length, bodies, _server_shape)


def _client_shape(body: bytes) -> ClientHelloShape | None:
    try:
        return read_client_hello(body).shape
    except WireError:
        return None


def _server_shape(body: bytes) -> ServerHelloShape | None:
    try:
        return read_server_hello(body).shape
    except WireError:
        return None


def _read_all(
    data: U8, position: I64, length: I64, bodies: dict[int, bytes], read: Callable[[bytes], S | None]
) -> Hellos[S]:
    count = len(position)
    found: Hellos[S] = Hellos(np.full(count, b"", np.object_), np.full(count, None, np.object_))
    whole = np.ones(count, np.bool_)
    whole[list(bodies)] = False
    # What is too short for a hello is rare.
    whole &= length >= _LEAST
    order = np.flatnonzero(whole)
    order = order.take(np.argsort(length.take(order), kind="stable"))
    sizes = length.take(order)
    starts = np.flatnonzero(np.diff(sizes, prepend=-1))
    alone: list[int] = np.flatnonzero(~whole).tolist()
    for start, stop in pairwise([*starts.tolist(), len(order)]):
        numbers, size = order[start:stop], int(sizes[start])
        table = pieces_at(data, position.take(numbers), size)
        found.bodies[numbers] = table.view(f"V{size}")[:, 0].tolist()
        alone += _read_table(found, table, numbers, read)
    for number in alone:
        body = bodies.get(number)
        if body is None:
            body = found.bodies[number] or data[position[number] :][: length[number]].tobytes()
        found.bodies[number] = body
        found.shapes[number] = read(body)
    return found


def _read_table(found: Hellos[S], table: U8, numbers: I64, read: Callable[[bytes], S | None]) -> list[int]:
    """Shapes of the rows of a table that are like others; the numbers of those that are to be read alone."""
    left = np.arange(len(numbers))
    alone: list[int] = []
    if read is _server_shape:
        # A HelloRetryRequest is told by its random, which does not count in the comparison.
        retry = (table[:, 2:34] == _RETRY).all(axis=1)
        alone += numbers.compress(retry).tolist()
        left = np.flatnonzero(~retry)
    if len(left) >= FEW:
        words = _words(table)
    while len(left) >= FEW:
        first = int(left[0])
        body = found.bodies[numbers[first]]
        shape = read(body)
        if shape is None:
            left = left[1:]
            continue
        same = ~((words.take(left, axis=0) ^ words[first]) & _fixed(shape, body)).any(axis=1)
        found.shapes[numbers.take(left.compress(same))] = shape
        left = left.compress(~same)
        if np.count_nonzero(same) < FEW:
            break
    rest: list[int] = numbers.take(left).tolist()
    return alone + rest


def _words(table: U8) -> NDArray[np.uint64]:
    """A table's rows filled up to whole words."""
    filled = np.zeros((len(table), -(-table.shape[1] // _WORD) * _WORD), np.uint8)
    filled[:, : table.shape[1]] = table
    return filled.view(np.uint64)


def _fixed(shape: Shape, body: bytes) -> NDArray[np.uint64]:
    """Every bit of the bytes that hellos of this shape share."""
    known: NDArray[np.uint64] | None = shape.scratch.get("fixed")
    if known is None:
        size = len(body)
        mask = np.zeros(-(-size // _WORD) * _WORD, np.uint8)
        mask[:size] = 0xFF
        for start, end in shape.opaque(body, isinstance(shape, ClientHelloShape)):
            mask[start:end] = 0
        known = shape.scratch["fixed"] = mask.view(np.uint64)
    return known
