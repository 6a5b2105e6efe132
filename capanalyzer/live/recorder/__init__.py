"""The flight recorder: recent packets are kept in memory, those of sessions that fail are written.

:mod:`.ring` holds packets in a fixed piece of memory, :mod:`.memory` decides which of them are worth it and knows whose
they are, :mod:`.recorder` is told of verdicts and gathers the packets of failed sessions, :mod:`.made` makes the
files' contents, :mod:`.folder` writes them and keeps the folder within its limits, in a thread of its own
(:mod:`.writing`). :mod:`.everything` writes all packets to files that are used in turn.
"""
