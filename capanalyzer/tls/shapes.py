"""The structural part of hellos: what all hellos of one program share (see :mod:`capanalyzer.tls.templates`)."""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack_from
from typing import Any, ClassVar, Final

from capanalyzer.errors import WireError
from capanalyzer.tls import extensions as ext

__all__ = ["MAX_EXTENSIONS", "ClientHelloShape", "ServerHelloShape", "Shape"]

MAX_EXTENSIONS: Final = 256
"""Extensions read in one hello; real ones have under 30."""

_UNREAD: Final = object()


class Shape:
    """What hellos of one kind share. ``spans``: (type, start, end) of each extension's body, in wire order."""

    __slots__ = (
        "_errors",
        "_readings",
        "ja",
        "legacy_version",
        "scratch",
        "session_id_end",
        "spans",
        "structure_errors",
    )

    readers: ClassVar[dict[int, Callable[[bytes], Any]]] = {}

    def __init__(self, legacy_version: int, session_id_end: int) -> None:
        self.legacy_version = legacy_version
        self.session_id_end = session_id_end
        self.spans: tuple[tuple[int, int, int], ...] = ()
        self.structure_errors: tuple[str, ...] = ()
        self.ja: dict[str, str] = {}
        """Fingerprints, kept by capanalyzer.tls.fingerprint."""
        self.scratch: dict[str, Any] = {}
        """Texts that later stages derive from the shape alone (at most a few each)."""
        self._readings: dict[int, Any] = {}
        self._errors: tuple[str, ...] | None = None

    def reading(self, kind: int, body: bytes) -> Any:
        """The value of an extension, None where it is absent or does not parse. The first one of a repeated type."""
        value = self._readings.get(kind, _UNREAD)
        if value is _UNREAD:
            value = None
            for found, start, end in self.spans:
                if found == kind:
                    try:
                        value = self.readers[kind](body[start:end])
                    except WireError as error:
                        self.structure_errors += (f"extension {kind}: {error}",)
                    break
            self._readings[kind] = value
        return value

    def span(self, kind: int) -> tuple[int, int] | None:
        for found, start, end in self.spans:
            if found == kind:
                return start, end
        return None

    def errors(self, body: bytes) -> tuple[str, ...]:
        if self._errors is None:
            for kind, _, _ in self.spans:
                if kind in self.readers:
                    self.reading(kind, body)
            self._errors = tuple(sorted(self.structure_errors))
        return self._errors

    def read_extensions(self, body: bytes, at: int) -> None:
        """The extension block from ``at`` to the end of ``body``; what is wrong with it becomes an error note."""
        size = len(body)
        errors: list[str] = []
        if at + 2 > size:
            if at < size:
                errors.append("1 byte where the extensions' length is due")
            self.structure_errors = tuple(errors)
            return
        end = at + 2 + (body[at] << 8 | body[at + 1])
        at += 2
        if end != size:
            errors.append(f"extensions of {end - at} bytes, {size - at} left")
            end = min(end, size)
        spans = []
        while at + 4 <= end:
            kind, length = unpack_from(">HH", body, at)
            at += 4
            if at + length > end:
                errors.append(f"extension {kind} of {length} bytes, {end - at} left")
                at = end
                break
            spans.append((kind, at, at + length))
            at += length
            if len(spans) >= MAX_EXTENSIONS:
                errors.append(f"more than {MAX_EXTENSIONS} extensions")
                at = end
        if at < end:
            errors.append(f"{end - at} bytes after the last extension")
        self.spans = tuple(spans)
        if len({span[0] for span in spans}) < len(spans):
            errors.append("repeated extension type")  # RFC 8446 section 4.2
        if errors:
            self.structure_errors = tuple(errors)

    def opaque(self, body: bytes, from_client: bool) -> list[tuple[int, int]]:
        """Spans of ``body`` that may differ between hellos of this shape."""
        spans = [(2, 34), (35, self.session_id_end)]
        for kind, start, end in self.spans:
            for low, high in ext.opaque_spans(kind, body[start:end], from_client):
                spans.append((start + low, start + high))
        return spans


class ClientHelloShape(Shape):
    """The structural part of a ClientHello."""

    __slots__ = ("cipher_suites", "compression_methods", "sni_span", "sslv2")

    readers = ext.CLIENT_READERS

    def __init__(self, legacy_version: int, session_id_end: int) -> None:
        super().__init__(legacy_version, session_id_end)
        self.cipher_suites: tuple[int, ...] = ()
        self.compression_methods = b""
        self.sni_span: tuple[int, int] | None = None
        self.sslv2 = False


class ServerHelloShape(Shape):
    """The structural part of a ServerHello or HelloRetryRequest."""

    __slots__ = ("cipher_suite", "compression_method", "hello_retry", "version")

    readers = ext.SERVER_READERS

    def __init__(self, legacy_version: int, session_id_end: int) -> None:
        super().__init__(legacy_version, session_id_end)
        self.cipher_suite = 0
        self.compression_method = 0
        self.hello_retry = False
        self.version = legacy_version
