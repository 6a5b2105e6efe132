"""Ctrl-C, wherever it comes."""

from __future__ import annotations

import _thread
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["interrupts_kept"]

AGAIN_S: Final = 0.05


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """A KeyboardInterrupt that comes where no exception can leave comes again a moment later.

    Python prints and forgets those of a weak reference's callback or a finalizer, of which an import runs hundreds. To
    be entered by the main thread.
    """
    before, main = sys.unraisablehook, _thread.get_ident()

    def again() -> None:
        time.sleep(AGAIN_S)
        if sys.platform == "win32":
            _thread.interrupt_main()
        else:
            signal.pthread_kill(main, signal.SIGINT)  # to this thread: what it waits for is interrupted, too

    def kept(unraisable: UnraisableHookArgs) -> None:
        if unraisable.exc_type is KeyboardInterrupt:
            _thread.start_new_thread(again, ())
        else:
            before(unraisable)

    sys.unraisablehook = kept
    try:
        yield
    finally:
        sys.unraisablehook = before
