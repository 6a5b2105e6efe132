"""The view as a listener: what is told goes to the board, a thread draws it, at most four times a second."""

from __future__ import annotations

import atexit
import threading
import time
from dataclasses import replace
from typing import IO, Final, TextIO, cast

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from capanalyzer.capture.records import RecordBatch
from capanalyzer.live.ending import Ending, Patience
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.live.view.board import Board
from capanalyzer.live.view.frame import Looking, frame, rows_of_failures
from capanalyzer.live.view.keys import Keys
from capanalyzer.live.view.terminal import Terminal
from capanalyzer.report import model
from capanalyzer.report.terminal import STYLES, Line, Look
from capanalyzer.report.to_terminal import to_terminal

__all__ = ["View"]

I64 = NDArray[np.int64]

FRAME_S: Final = 0.25
"""The picture does not change more often."""
PAGE: Final = 10
"""Lines that page up and down go."""


class View:
    """See :class:`capanalyzer.live.listener.Listener`. The terminal is as it was after :meth:`close`, however often
    that is called.
    """

    def __init__(self, out: TextIO, look: Look, source: str, ending: Ending, patience: Patience) -> None:
        """:param out: the terminal.
        :param look: colours, letters and language; the width is asked for anew each time.
        :param ending: of the run; asked for when somebody wants it, or the terminal is gone.
        :param patience: with the terminal, at the end.
        """
        self._look, self._ending, self._patience = look, ending, patience
        self._terminal = Terminal(out)
        self._board, self._frozen = Board(source), Board(source)
        self._looking = Looking()
        self._lock, self._leaving = threading.Lock(), threading.Lock()
        self._is_changed = True
        self._is_over = self._has_left = False
        self._size = (0, 0)
        self.is_cut = False
        """The report at the end could not be written to its end."""
        self._trouble: Exception | None = None
        self._console = Console(
            file=cast("IO[str]", self._terminal),
            force_terminal=True,
            no_color=not look.colour,
            color_system="auto" if look.colour else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._keys = Keys()
        self._live = Live(
            _Picture(self),
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)
        cell_len("字")  # the widths of characters are read when first asked for, which may not be allowed any more then

    def start(self) -> None:
        """Take the terminal; to be followed by :meth:`close`, whatever happens."""
        atexit.register(self._leave)
        self._keys.begin()
        self._live.start()
        self._thread.start()

    # -- what it is told -----------------------------------------------------------------------------------------------

    def packets(self, batch: RecordBatch) -> None:
        """The engine counts them."""

    def belong(self, streams: I64, frames: I64) -> None:
        """Of no interest."""

    def verdict(self, told: LiveVerdict) -> None:
        """Show a failure."""
        with self._lock:
            self._board.verdict(told)
            self._is_changed = True

    def working(self, told: WorkingSessions) -> None:
        """They are counted, not shown."""

    def incident(self, incident: model.Incident, *, new: bool) -> None:
        """Show it."""
        with self._lock:
            self._board.incident(incident)
            self._is_changed = True

    def tick(self, state: State) -> None:
        """Show how it stands.

        :raises Exception: what went wrong while drawing.
        """
        if self._trouble is not None:
            raise self._trouble
        with self._lock:
            self._board.tick(state, time.monotonic())
            self._is_changed = True

    def reopen(self) -> None:
        """No file is held open; but SIGHUP comes as well when a terminal is closed."""
        if not self._terminal.isatty():
            self._ending.ask()

    def tell(self, message: str) -> None:
        """Show a message of the run itself; from any thread."""
        with self._lock:
            self._board.messages.append(message)
            self._is_changed = True

    def close(self) -> None:
        """Give the terminal back."""
        if not self._is_over:
            self._is_over = True
            self._keys.wake()
            if self._thread.is_alive():
                self._thread.join(2)
            self._leave()
            atexit.unregister(self._leave)
            self._keys.close()

    def end(self, trailer: model.Trailer) -> None:
        """What a run says at its end, in the same terminal: a report, with the sessions that failed last."""
        self.close()
        look = replace(self._look, width=self._console.size.width)
        for piece in to_terminal(self._board.failures.values(), lambda: trailer, look, is_excerpt=True):
            self._terminal.write(piece)
        self.is_cut = not self._terminal.finish(self._may_wait) and not self._terminal.is_gone

    def release(self) -> None:
        """At last: nothing more is written. The terminal is as it was also when :meth:`close` still waits elsewhere."""
        self._leave()
        atexit.unregister(self._leave)
        self._terminal.close()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _may_wait(self, since_s: float) -> bool:
        return self._ending.may_wait(since_s, self._patience)

    def _leave(self) -> None:
        """The terminal is as it was; one that takes nothing any more will be, when it does."""
        with self._leaving:
            if self._has_left:
                return
            self._has_left = True
            is_shown = False
            try:
                is_shown = self._terminal.finish(self._may_wait)
            finally:
                if not is_shown:
                    self._terminal.discard()
                try:
                    self._live.stop()
                finally:
                    self._terminal.push()
                    self._keys.end()

    def _run(self) -> None:
        try:
            while not self._is_over:
                drawn_s = time.monotonic()
                for key in self._keys.read(FRAME_S, self._terminal.wanted):
                    self._press(key)
                self._terminal.push()
                if self._terminal.is_gone:
                    self._ending.ask()
                    return
                if self._terminal.is_behind:
                    continue  # a picture that has not been taken is not followed by another one
                if self._console.size != self._size:
                    self._is_changed = True
                if self._is_changed and not self._is_over:
                    self._is_changed = False
                    self._live.refresh()
                    rest_s = FRAME_S / 2 - (time.monotonic() - drawn_s)
                    if rest_s > 0:  # a key that is held down
                        time.sleep(rest_s)
        except Exception as error:  # noqa: BLE001 - raised again in the run's thread, see tick
            self._trouble = error

    def lines(self) -> list[Line]:
        """The picture for the terminal's present size."""
        size = self._console.size
        self._size = size
        look = replace(self._look, width=size.width)
        with self._lock:
            board = self._frozen if self._looking.is_paused else self._board
            return frame(board, self._looking, look, size.height)

    def _press(self, key: str) -> None:
        looking = self._looking
        with self._lock:
            self._is_changed = True
            if key == "quit":
                looking.is_ending = True
                self._ending.ask()
            elif key == "help":
                looking.page, looking.top = ("board" if looking.page == "help" else "help"), 0
            elif key == "back":
                looking.page, looking.chosen = "board", looking.chosen if looking.page != "board" else None
            elif key == "pause":
                looking.is_paused = not looking.is_paused
                self._frozen = self._board.copy()
            elif looking.page == "board":
                self._choose(key)
            else:
                steps = {"up": -1, "down": 1, "page-up": -PAGE, "page-down": PAGE}
                looking.top = max(0, looking.top + steps.get(key, 0))

    def _choose(self, key: str) -> None:
        looking = self._looking
        board = self._frozen if looking.is_paused else self._board
        places = [session.id for session in board.latest()]
        if not places:
            return
        at = places.index(looking.chosen) if looking.chosen in board.failures else -1
        if key == "enter":
            looking.chosen = places[max(at, 0)]
            looking.page, looking.top = "detail", 0
            return
        page = max(rows_of_failures(board, self._size[1]), 1)
        steps = {"up": -1, "down": 1, "page-up": -page, "page-down": page}
        looking.chosen = places[max(0, min(at + steps[key], len(places) - 1))]


class _Picture:
    """What rich draws: lines that fit."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._view.lines():
            text = Text(no_wrap=True, overflow="crop", end="\n")
            for part, style in line:
                text.append(part, STYLES[style])
            yield text
