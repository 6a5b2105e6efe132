"""Where a report goes that does not go to standard output: a file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import select
import stat
from types import TracebackType
from typing import BinaryIO, Self

__all__ = ["FileOutput", "GrowingFile", "create_new", "holds", "write_whole"]


class FileOutput:
    """A file written beside its target, and renamed over it by :meth:`commit`.

    Whoever watches the target never reads half a report, and an interrupted run leaves an older report as it was.
    What is no regular file (``/dev/null``, a FIFO) is written to directly.

    To be used as a context manager, with :meth:`open` inside: so an interrupt at any moment leaves nothing behind.
    """

    stream: BinaryIO

    def __init__(self, path: str, *, mode: int = 0o666) -> None:
        """:param mode: of a new file, from which the umask takes away."""
        self._path = path
        self._target = os.path.realpath(path)
        self._mode = mode & ~_umask()
        self._temporary: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without a commit the target stays as it was."""
        try:
            if hasattr(self, "stream"):
                self.stream.close()
        finally:
            if self._temporary is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._temporary)

    def open(self) -> None:
        """Make ``stream``.

        :raises OSError: the folder does not exist or must not be written, or the target is a folder.
        """
        try:
            status = os.stat(self._target)
        except FileNotFoundError:
            pass
        else:
            if not stat.S_ISREG(status.st_mode):
                self.stream = open(self._target, "wb")  # noqa: SIM115 - closed by __exit__
                return
            if not os.access(self._target, os.W_OK):
                raise PermissionError(13, os.strerror(13), self._path)
            self._mode = stat.S_IMODE(status.st_mode)
        folder, name = os.path.split(self._target)
        # Named before it is made: whenever an interrupt comes, __exit__ knows what to take away.
        self._temporary = os.path.join(folder, f".{name[:64]}.{os.urandom(6).hex()}")
        try:
            handle = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from None  # by the name that was asked for
        self.stream = open(handle, "wb")  # noqa: SIM115 - closed by __exit__

    def commit(self, *, durable: bool = False) -> None:
        """The report is whole: put it in its place.

        :param durable: it is there after a power failure too, whole or not at all.
        """
        if durable:
            self.stream.flush()
            os.fsync(self.stream.fileno())
        self.stream.close()
        if self._temporary is not None:
            os.chmod(self._temporary, self._mode)
            os.replace(self._temporary, self._target)
            self._temporary = None
            if durable:
                _sync_folder(os.path.dirname(self._target))


def create_new(path: str, *, mode: int = 0o666) -> BinaryIO:
    """A file that grows in its place, for output that has no end; what has its name already stays as it is.

    :param mode: from which the umask takes away.
    :raises OSError: it exists, or cannot be made.
    """
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))


def _sync_folder(folder: str) -> None:
    """Make names in a folder durable, where the system can (Windows cannot open folders)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems cannot: the file itself is written
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def holds(path: str, data: bytes) -> bool:
    """Whether a regular file holds exactly these bytes; False where it cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode) or os.path.getsize(path) != len(data):
            return False
        with open(path, "rb") as there:
            return there.read() == data
    except OSError:
        return False


def write_whole(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of it; or, where it goes to a file and nobody has written behind it, nothing.

    Waits for a reader also where somebody has made the descriptor not wait.

    :raises OSError: it cannot be written to.
    """
    view = memoryview(data)
    try:
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                select.select([], [descriptor], [])
    except OSError:
        written = len(data) - len(view)
        if written:
            with contextlib.suppress(OSError):
                end = os.fstat(descriptor).st_size
                if os.lseek(descriptor, 0, os.SEEK_CUR) == end:  # no pipe, and nothing behind it
                    os.ftruncate(descriptor, end - written)
                    os.lseek(descriptor, end - written, os.SEEK_SET)
        raise


class GrowingFile:
    """A file to which a run that goes on appends: each piece is there as soon as it was written.

    :raises OSError: it cannot be written to.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._stream = open(self._path, "ab", buffering=0)  # noqa: SIM115 - closed by close

    @property
    def folder(self) -> str:
        """Where it stands."""
        return os.path.dirname(self._path)

    def write(self, data: bytes) -> None:
        """Append; the whole piece, or an error and, where the file can be cut, nothing of it."""
        write_whole(self._stream.fileno(), data)

    def reopen(self) -> None:
        """It may have been renamed: go on in a new one of that name."""
        fresh = open(self._path, "ab", buffering=0)  # noqa: SIM115 - closed by close
        self._stream.close()
        self._stream = fresh

    def close(self) -> None:
        """Close it."""
        self._stream.close()
