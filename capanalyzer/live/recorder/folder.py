"""The folder of records: names, limits, and writing so that a record is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from capanalyzer.output import FileOutput
from capanalyzer.report import model

__all__ = ["RECORD_MODE", "Limits", "RecordFolder", "make_folder", "stem_of"]

_PREFIX: Final = "capanalyzer-"
_OURS: Final = re.compile(r"(capanalyzer-\d{8}T\d{6}\.\d{6}Z-[A-Za-z0-9._-]+)\.(pcapng|json|md)")
"""Names that :func:`stem_of` makes. Nothing else is ever removed."""
_UNFINISHED: Final = re.compile(r"\.capanalyzer-\d{8}T\d{6}\.\d{6}Z-.*\.[0-9a-f]{12}")
"""What a run that was killed while it wrote leaves behind."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.]+")
_STALE_S: Final = 600
RECORD_MODE: Final = 0o640
"""Packets are confidential: not for everybody on the machine."""
MAX_NAME: Final = 200
"""Bytes of a name: file systems take 255, and a temporary name is longer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a folder may hold; the oldest records have to leave."""

    bytes: int = 1_000_000_000
    records: int = 1_000
    age_s: float = 30 * 86_400


@dataclass(slots=True)
class _Record:
    written_s: float
    sizes: dict[str, int]
    """By extension."""

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


def stem_of(session: model.Session) -> str:
    """``capanalyzer-20261126T165501.123456Z-192.0.2.7_51022-198.51.100.9_443-CAUSE-ID``: when it began, between whom,
    why it failed, its id. Letters, digits, dots, hyphens, underscores.
    """
    when = session.start[:26].replace("-", "").replace(":", "")
    ends = "-".join(f"{_UNSAFE.sub('-', end.ip)}_{end.port}" for end in (session.client, session.server))
    return f"{_PREFIX}{when}Z-{ends}-{_UNSAFE.sub('-', session.cause or 'failed')}-{session.id}"[:MAX_NAME]


def make_folder(path: str) -> None:
    """Make it, with those above it, where it is not there.

    :raises OSError: it cannot be made, or is none.
    """
    try:
        os.makedirs(path, mode=0o750, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None


class RecordFolder:
    """Not to be used by two threads at a time; other programs may read, and remove, what they like."""

    def __init__(self, path: str, limits: Limits | None = None) -> None:
        """Make the folder where there is none. What it holds is not known before :meth:`look`.

        :raises OSError: it cannot be made.
        """
        self.path, self.limits = path, limits or Limits()
        self.removed = 0
        """Records that had to leave."""
        self._records: dict[str, _Record] = {}
        """By stem, in the order written."""
        make_folder(path)

    def look(self) -> None:
        """Find what former runs left, and remove what is too old or too much.

        To be called as the user who writes here: a root without capabilities may not even read what is another's.

        :raises OSError: the folder cannot be read or written to.
        """
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self.path)
        self._find()
        self.expire()

    def __len__(self) -> int:
        """Records there are, as far as known."""
        return len(self._records)

    @property
    def size(self) -> int:
        """Bytes of all records."""
        return sum(record.size for record in self._records.values())

    def _find(self) -> None:
        found: dict[str, _Record] = {}
        now = time.time()
        with os.scandir(self.path) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    continue
                if _UNFINISHED.fullmatch(entry.name) and now - status.st_mtime > _STALE_S:
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)
                elif name := _OURS.fullmatch(entry.name):
                    record = found.setdefault(name[1], _Record(status.st_mtime, {}))
                    record.sizes[name[2]] = status.st_size
        for stem, record in sorted(found.items(), key=lambda item: (item[1].written_s, item[0])):
            self._records[stem] = record

    def store(self, stem: str, contents: Mapping[str, bytes]) -> None:
        """Write a record's files, one for each extension, after making room for them.

        :raises OSError: they cannot be written; none of them is there then.
        """
        size = sum(map(len, contents.values()))
        if size > self.limits.bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), self.path)
        self.discard(stem)
        self._make_room(size)
        make_folder(self.path)
        try:
            for extension, data in contents.items():
                with FileOutput(self._file(stem, extension), mode=RECORD_MODE) as output:
                    output.open()
                    output.stream.write(data)
                    output.commit(durable=True)
        except OSError:
            for extension in contents:
                with contextlib.suppress(OSError):
                    os.unlink(self._file(stem, extension))
            raise
        self._records[stem] = _Record(time.time(), {extension: len(data) for extension, data in contents.items()})

    def discard(self, stem: str) -> None:
        """Take a record away, if it is there."""
        record = self._records.pop(stem, None)
        for extension in () if record is None else record.sizes:
            with contextlib.suppress(OSError):
                os.unlink(self._file(stem, extension))

    def expire(self) -> None:
        """Remove what is too old or too much."""
        self._make_room(0)
        oldest = time.time() - self.limits.age_s
        for stem in [stem for stem, record in self._records.items() if record.written_s < oldest]:
            self._remove(stem)

    def _make_room(self, size: int) -> None:
        """For a record more, or to keep the limits where ``size`` is 0."""
        total, most = self.size + size, self.limits.records - (size > 0)
        for stem in list(self._records):
            if total <= self.limits.bytes and len(self._records) <= most:
                break
            total -= self._records[stem].size
            self._remove(stem)

    def _remove(self, stem: str) -> None:
        self.discard(stem)
        self.removed += 1

    def _file(self, stem: str, extension: str) -> str:
        return os.path.join(self.path, f"{stem}.{extension}")
