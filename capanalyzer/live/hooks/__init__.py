"""Telling somebody of new incidents: :mod:`.message` is what is told, :mod:`.outbox` when, :mod:`.webhook` and
:mod:`.program` how.
"""
