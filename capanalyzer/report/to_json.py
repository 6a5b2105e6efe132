"""The report as JSON: one document in order, or one line for each session as it is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from capanalyzer.report import model
from capanalyzer.report.line import Line, Lines
from capanalyzer.report.spool import Spool

__all__ = ["to_json", "to_jsonl"]

CHUNK: Final = 1 << 16
"""Bytes handed on at once: few enough to flow through a pipe steadily, enough that calls do not count."""

_encoder = msgspec.json.Encoder()


def to_json(sessions: Iterable[model.Session | Line | Lines], trailer: Callable[[], model.Trailer]) -> Iterator[bytes]:
    """One document, its sessions ordered by capture and stream, each on a line of its own.

    :param sessions: in any order; read to the end before the first of them is given out.
    :param trailer: called when all sessions have been read.
    """
    encode = _encoder.encode
    with Spool() as spool:
        for session in sessions:
            if isinstance(session, Lines):
                for identity, data in zip(session.ids, session.data, strict=True):
                    spool.add(identity, data)
            else:
                spool.add(session.id, session.data if type(session) is Line else encode(session))
        end = trailer()
        yield b'{"schema_version":%b,\n"tool":%b,\n"sessions":[' % (encode(model.SCHEMA_VERSION), encode(model.TOOL))
        yield from _chunks(_separated(spool.in_order()))
    yield b"],\n"
    yield b",\n".join(
        b'"%b":%b' % (name.encode(), encode(getattr(end, name)))
        for name in ("captures", "unreadable", "logs", "incidents", "unmatched_log_lines", "summary")
    )
    yield b"}\n"


def to_jsonl(sessions: Iterable[model.Session | Line | Lines], trailer: Callable[[], model.Trailer]) -> Iterator[bytes]:
    """A line for each session in the order they come, then a line without ``outcome``: captures, incidents, summary."""
    encode = _encoder.encode
    pieces: list[bytes] = []
    size = 0
    for session in sessions:
        if isinstance(session, Lines):
            pieces += session.pieces
            size += sum(map(len, session.pieces))
        else:
            data = session.data if type(session) is Line else encode(session)
            pieces += (data, b"\n")
            size += len(data)
        if size >= CHUNK:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
    pieces += (encode(trailer()), b"\n")
    yield b"".join(pieces)


def _separated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    separator = b"\n"
    for piece in pieces:
        yield separator
        yield piece
        separator = b",\n"


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= CHUNK:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)
