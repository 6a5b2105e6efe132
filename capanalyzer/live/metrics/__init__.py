"""Numbers for Prometheus: :mod:`.numbers` counts what it is told, :mod:`.exposition` names it, :mod:`.server` gives it.

The engine's thread counts and, once a second, puts a new immutable :class:`~.numbers.Snapshot` in place; the server's
threads only read the newest. Neither waits for the other.
"""
