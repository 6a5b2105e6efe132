"""What is sent: files as they are on disk, folders as one archive, too large ones compressed or left out."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
import re
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from capanalyzer.capture.probe import PROBE_BYTES, compression_of, format_of
from capanalyzer.errors import UsageError
from capanalyzer.i18n import N_
from capanalyzer.remark import Remark
from capanalyzer.report.escape import printable

__all__ = ["Item", "LeftOut", "Parcel", "fit", "gather", "human_size", "safe_name"]

MAX_FILES: Final = 10_000
"""In one folder: evidence has one file for each failed session, at most."""
MAX_NAME: Final = 100
"""Characters of a file name: some systems take no more than 100 of an attachment."""
HASH_CHARS: Final = 12
"""Of the hash in a name: enough to tell files apart, short enough to read."""
_CHUNK: Final = 1 << 20
_DENSE: Final = (".gz", ".zip", ".xz", ".bz2", ".zst", ".lz4", ".pdf", ".parquet", ".png")
"""Compressed already."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The same folder gives the same archive: zip has no earlier date, and no time zone."""
_TYPES: Final = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".pcap": "application/vnd.tcpdump.pcap",
    ".pcapng": "application/octet-stream",
    ".parquet": "application/vnd.apache.parquet",
    ".gz": "application/gzip",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A file to be attached."""

    path: str
    """Where its bytes are: the user's file, or one made from it in the scratch folder."""
    origin: str
    """As the user named it."""
    name: str
    """On the ticket: with a part of its hash, so that it is recognised, and never mistaken for an older one."""
    size: int
    """Bytes that are sent."""
    original_size: int
    sha256: str
    """Of the bytes before compression, in hexadecimal."""
    media_type: str
    is_compressed: bool = False

    def open(self) -> BinaryIO:
        """The bytes that are sent."""
        return open(self.path, "rb")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not sent, and why."""

    item: Item
    reason: str
    """A marked text; ``{detail}`` stands for ``detail``."""
    detail: str = ""

    def why(self, translate: Callable[[str], str]) -> str:
        """The reason in a reader's language."""
        return translate(self.reason).format(detail=printable(self.detail))


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that goes to a ticket, before the ticket system has a say."""

    items: tuple[Item, ...]
    digest: str
    """SHA-256 of the contents and the language: the same files give the same text."""
    title: str


def gather(paths: Iterable[str], scratch: str) -> tuple[Item, ...]:
    """The files that the paths name. A folder becomes one archive, made in ``scratch``.

    :raises UsageError: a path is missing, is neither file nor folder, names are given twice, or a file is a capture
        that holds the keys of its TLS sessions.
    :raises OSError: it cannot be read.
    """
    items: dict[str, Item] = {}
    for number, path in enumerate(paths):
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            raise UsageError(Remark("{path}: no such file", path=path)) from None
        name, source = os.path.basename(os.path.abspath(path)), path
        if stat.S_ISDIR(mode):
            source = os.path.join(scratch, f"{number}.zip")
            _archive(path, source)
            name += ".zip"
        elif not stat.S_ISREG(mode):
            raise UsageError(Remark("{path}: is neither a file nor a folder", path=path))
        else:
            _refuse_keys(path)
        size, digest = _hash(source)
        name = _named(name, digest)
        items.setdefault(name, Item(source, path, name, size, size, digest, _media_type(name)))
    return tuple(items.values())


def _refuse_keys(path: str) -> None:
    """Whoever reads the ticket could read what was encrypted."""
    with open(path, "rb") as file:
        head = file.read(PROBE_BYTES)
    if format_of(head) is None and compression_of(head) is None:
        return
    from capanalyzer.redact.strip import holds_session_keys

    if holds_session_keys(path):
        raise UsageError(
            Remark(
                "{path}: contains TLS session keys and must not go to a ticket; strip-keys copies it without them",
                path=path,
            )
        )


def digest_of(items: Sequence[Item], lang: str) -> str:
    """What recognises a text about these files: not their names, which say nothing of their contents."""
    text = "\n".join([lang, *sorted(item.sha256 for item in items)])
    return hashlib.sha256(text.encode()).hexdigest()


def fit(item: Item, max_bytes: int, scratch: str) -> Item | LeftOut:
    """``item`` if it is small enough, else compressed, else left out."""
    if item.size == 0:
        return LeftOut(item, N_("the file is empty"))
    if item.size <= max_bytes:
        return item
    if not item.is_compressed and not item.path.lower().endswith(_DENSE):
        packed = os.path.join(scratch, f"{item.sha256}.gz")
        # Neither name nor time in the header: the same file gives the same bytes again.
        with (
            open(item.path, "rb") as source,
            open(packed, "wb") as raw,
            gzip.GzipFile("", "wb", 6, raw, mtime=0) as target,
        ):
            shutil.copyfileobj(source, target, _CHUNK)
        size = os.path.getsize(packed)
        if size <= max_bytes:
            return replace(
                item, path=packed, name=f"{item.name}.gz", size=size, media_type="application/gzip", is_compressed=True
            )
    return LeftOut(item, N_("larger than the {detail} that are accepted"), human_size(max_bytes))


def human_size(count: int) -> str:
    """``9.1 MB``: decimal units, as disks and capinfos count."""
    size, unit = float(count), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def safe_name(name: str) -> str:
    """A file name that no header, shell, URL or markup takes for more: letters, digits, dots, hyphens, underscores."""
    text = unicodedata.normalize("NFC", name)
    text = re.sub(r"[^\w.-]+", "_", text).lstrip(".-_") or "file"
    return text if len(text) <= MAX_NAME else text[-MAX_NAME:].lstrip(".-_") or "file"


def _named(name: str, digest: str) -> str:
    name = safe_name(name)
    stem, dot, ending = name.partition(".") if name.count(".") < 3 else name.rpartition(".")
    return f"{stem[: MAX_NAME - HASH_CHARS - 1 - len(dot + ending)]}-{digest[:HASH_CHARS]}{dot}{ending}"


def _hash(path: str) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()


def _archive(folder: str, target: str) -> None:
    files = sorted(_files_below(folder))
    if not files:
        raise UsageError(Remark("{folder}: there is no file in this folder", folder=folder))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            _refuse_keys(path)
            inside = "/".join(safe_name(part) for part in os.path.relpath(path, folder).split(os.sep))
            entry = zipfile.ZipInfo(inside, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with open(path, "rb") as source, archive.open(entry, "w", force_zip64=True) as copy:
                shutil.copyfileobj(source, copy, _CHUNK)


def _files_below(folder: str) -> Iterator[str]:
    count = 0
    for top, _, names in os.walk(folder):  # follows no link to a folder
        for name in names:
            path = os.path.join(top, name)
            if not stat.S_ISREG(os.lstat(path).st_mode):
                continue  # a link may lead out of the folder
            count += 1
            if count > MAX_FILES:
                raise UsageError(Remark("{folder}: more than {n:,} files", folder=folder, n=MAX_FILES))
            yield path


def _media_type(name: str) -> str:
    ending = os.path.splitext(name)[1].lower()
    return _TYPES.get(ending) or mimetypes.guess_type(f"x{ending}", strict=True)[0] or "application/octet-stream"
