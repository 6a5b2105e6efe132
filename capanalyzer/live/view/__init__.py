"""The view of a run in a terminal: :mod:`.board` is what is known, :mod:`.frame` how it is laid out for a size,
:mod:`.screen` draws it and minds the keys (:mod:`.keys`) in a thread of its own.
"""
