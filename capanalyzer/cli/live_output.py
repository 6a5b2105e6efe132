"""Where ``capanalyzer live`` writes: its lines, and what the run itself has to say. Never waiting for a reader."""

from __future__ import annotations

import errno
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TextIO

from capanalyzer.cli.tell import INTERRUPTION, line_of, tell
from capanalyzer.errors import UsageError
from capanalyzer.i18n import told, translator
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.live.ending import Ending, Patience
    from capanalyzer.live.outlet import Outlet
    from capanalyzer.live.view.screen import View

__all__ = ["Messages", "Output", "check_apart", "open_output"]

MAX_KEPT: Final = 50
"""Messages shown in the view that are told once more behind it."""
MAX_MESSAGES_BYTES: Final = 1 << 20
"""That wait for a reader."""


class Output(NamedTuple):
    """What lines are written to."""

    name: str
    write: Callable[[bytes], None]
    reopen: Callable[[], None] | None
    close: Callable[[], None]
    folders: list[str]
    """In which is written as long as the run goes on."""

    def outlet(self, patience: Patience, ending: Ending, say: Messages, lang: str, *, is_text: bool) -> Outlet:
        """Lines on their way there."""
        from capanalyzer.live.outlet import Outlet

        gap = None
        if is_text:
            from capanalyzer.live.lines import line_of_gap

            gap = partial(line_of_gap, lang=lang)
        return Outlet(
            self.write,
            self.name,
            ending,
            patience=patience,
            lang=lang,
            tell=say,
            reopen=self.reopen,
            shut=self.close,
            gap=gap,
        )


def open_output(path: str, lang: str, ending: Ending, say: Messages) -> Output:
    """Open the file, or standard output.

    :raises UsageError: there is none.
    :raises OSError: it cannot be written to.
    """
    if path == "-":
        if sys.stdout is None:
            raise UsageError(Remark("standard output is closed: name a file with -o"))
        _ = translator(lang)
        name = _("standard output")
        write, is_terminal = writer_to(sys.stdout), sys.stdout.isatty()

        def hung_up() -> None:
            # SIGHUP came because the window was closed, or the connection to it: nobody sees lines any more.
            if is_terminal and not sys.stdout.isatty():
                ending.ask()

        return Output(name, write, hung_up, lambda: None, [])
    from capanalyzer.output import GrowingFile

    if not path:
        raise UsageError(Remark("-o needs the name of a file, or - for standard output"))
    output = GrowingFile(path)

    def reopen() -> None:
        try:
            output.reopen()
        except OSError as error:
            _ = translator(lang)
            text = _("-o: {file}: cannot be opened again: {reason}; the run goes on with the file as it is")
            say(text.format(file=path, reason=error.strerror or error))

    return Output(f"-o: {path}", output.write, reopen, output.close, [output.folder])


def check_apart(output: str, capture: str) -> None:
    """:raises UsageError: lines would be written into the capture that is read."""
    if output != "-" and os.path.isfile(output):
        read = sys.stdin.fileno() if capture == "-" else capture
        if os.path.samestat(os.stat(output), os.stat(read)):
            raise UsageError(Remark("-o: {output} is the capture itself", output=output))


def writer_to(stream: TextIO) -> Callable[[bytes], None]:
    """Writes to what is behind a stream, without its buffer, whose lock a thread that waits for a reader would keep.

    The writer raises BrokenPipeError when nobody reads any more.
    """
    stream.flush()
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # a stand-in without one
        return partial(_write_through, stream)
    if os.name == "nt":  # whose consoles take no bytes
        return partial(_write_through, stream)
    return partial(_write_to, descriptor, is_terminal=os.isatty(descriptor))


def _write_through(stream: TextIO, data: bytes) -> None:
    stream.buffer.write(data)
    stream.flush()


def _write_to(descriptor: int, data: bytes, *, is_terminal: bool) -> None:
    from capanalyzer.output import write_whole

    try:
        write_whole(descriptor, data)
    except OSError as error:
        if is_terminal and error.errno == errno.EIO:  # its window was closed
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
        raise


class Messages:
    """What the run itself has to say: on standard error, but in the view while there is one, and behind it again.

    A context: within it nobody waits for who reads them. To be entered when rights have been given up.
    """

    def __init__(self, ending: Ending, lang: str, *, is_quiet: bool) -> None:
        self._ending, self._lang, self._is_quiet = ending, lang, is_quiet
        self._kept: deque[str] = deque(maxlen=MAX_KEPT)
        self._outlet: Outlet | None = None
        self.view: View | None = None

    def __enter__(self) -> Self:
        if sys.stderr is not None:
            from capanalyzer.live.ending import Patience
            from capanalyzer.live.outlet import Outlet, text_of_gap

            outlet = Outlet(
                _never_mind(writer_to(sys.stderr)),
                "standard error",
                self._ending,
                patience=Patience.NONE,
                lang=self._lang,
                tell=lambda _: None,
                gap=lambda missing: line_of(text_of_gap(missing, self._lang), self._lang),
                max_bytes=MAX_MESSAGES_BYTES,
            )
            self._outlet = outlet.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The view is over: say again what it showed, and wait a while for who reads."""
        self.view = None
        while self._kept:
            self._say(self._kept.popleft())
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None

    def __call__(self, message: str) -> None:
        """From any thread."""
        if self._is_quiet:
            return
        if self.view is None:
            self._say(message)
        else:
            self._kept.append(message)
            self.view.tell(told(message, self._lang))

    def interrupted(self) -> None:
        """It ends at once."""
        self._ending.hurry()  # the time for last words begins now, however long others took to close
        self._kept.clear()
        self._say(INTERRUPTION)
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None

    def _say(self, message: str) -> None:
        if self._outlet is None:
            tell(message, self._lang)
        else:
            self._outlet(line_of(message, self._lang))


def _never_mind(write: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Messages that cannot be written end no run."""

    def try_it(data: bytes) -> None:
        with suppress(OSError):
            write(data)

    return try_it
