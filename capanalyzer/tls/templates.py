"""Hellos that were seen before, but for their random parts: a cache of everything structural.

A hundred thousand ClientHellos come from a few dozen programs. Those of one program differ in the random, the session
id, the key shares, the server name, tickets; all that a diagnosis reads (versions, suites, groups, extension order,
fingerprints) is the same. A full parse costs ten microseconds and more, fingerprints included several times that;
recognising a hello costs less than one:

1. After a full parse the parser names the **opaque spans**: the bytes that carry a value without deciding anything
   about structure. Every byte not in an opaque span is **fixed**: lengths, types, code points, unknown extensions.
2. The fixed spans become one ``operator.itemgetter`` of slices. Called on a body it gives, in C and in one call, the
   tuple of all fixed pieces: that tuple is the key under which the parse's result (the **shape**) is kept.
3. The next body is put to the getters known for its **bucket** (at most ``MAX_LAYOUTS``), and its fixed pieces are
   looked up. The bucket is a cheap guess at the layout that the caller makes: the length alone would not do, because
   many clients pad their hellos to 512 bytes, whatever the name's length. Equal fixed bytes mean that the same
   parser, walking the same lengths, would reach the same spans: the shape is exact, never a guess. What varies is
   then cut out of the body by the shape's offsets when somebody asks.

Why this is safe against crafted input: the key holds every byte that a parser's decision depends on (tests compare
cached with uncached parses under random mutations), so a collision needs equal bytes. The number of shapes is
bounded by count and by bytes; when full, everything is forgotten at once: hostile variety then costs what parsing
costs without a cache. Shapes whose variable part would be empty (or that the parser declares unfit) need not be added.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

__all__ = ["MAX_LAYOUTS", "MAX_TEMPLATES", "TemplateCache"]

MAX_TEMPLATES: Final = 2048
"""Shapes kept; with a few kB each some 10 MB at most."""
MAX_LAYOUTS: Final = 6
"""Getters tried for one bucket: a miss pays for each of them."""
MAX_BODY: Final = 8192
"""Longer hellos are parsed in full every time: rare, and each would weigh on the cache's memory."""

Shape = TypeVar("Shape")


class TemplateCache(Generic[Shape]):
    """Shapes by bucket and fixed bytes."""

    __slots__ = ("_buckets", "_count", "misses")

    def __init__(self) -> None:
        self._buckets: dict[Hashable, list[tuple[Callable[[bytes], Any], dict[Any, Shape], list[slice]]]] = {}
        self._count = 0
        self.misses = 0
        """Bodies added after a full parse (statistics)."""

    def find(self, bucket: Hashable, body: bytes) -> Shape | None:
        """The shape of an earlier body that differs from this one in opaque spans only."""
        for getter, shapes, _ in self._buckets.get(bucket, ()):
            shape = shapes.get(getter(body))
            if shape is not None:
                return shape
        return None

    def add(self, bucket: Hashable, body: bytes, shape: Shape, opaque: list[tuple[int, int]]) -> None:
        """Remember a parsed body. ``opaque``: (start, end) spans in order, not overlapping."""
        size = len(body)
        if size > MAX_BODY:
            return
        if self._count >= MAX_TEMPLATES:
            self._buckets.clear()
            self._count = 0
        self.misses += 1
        pieces = []
        at = 0
        for start, end in opaque:
            if start > at:
                pieces.append(slice(at, start))
            at = max(at, end)
        if at < size:
            pieces.append(slice(at, size))
        if not pieces:
            return
        layouts = self._buckets.setdefault(bucket, [])
        layout = next((layout for layout in layouts if layout[2] == pieces), None)
        if layout is None:
            if len(layouts) >= MAX_LAYOUTS:
                self._count -= len(layouts.pop(0)[1])
            layout = (itemgetter(*pieces), {}, pieces)
            layouts.append(layout)
        getter, shapes, _ = layout
        before = len(shapes)
        shapes[getter(body)] = shape
        self._count += len(shapes) - before

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()
        self._count = 0

    def __len__(self) -> int:
        return self._count
