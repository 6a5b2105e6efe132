"""Lines of other programs' logs about TLS: recognised, read, explained, joined with sessions of a capture.

- From a file to lines: ``lines``, ``keep``, ``kept``, ``entries`` (lines that are one entry), ``read``.
- From a line to what it says: ``recognise`` asks the formats (``formats/``, a module for each family); ``body``
  (without a collector's header), ``pasted``, ``mention``, ``found``, ``line``, ``stamps``, ``ends``, ``urls``,
  ``openssl``, ``verify``, ``alerts``, ``words``, ``programs``; what it means lies in ``meanings/``, ``either`` where
  the writer's role is open, ``capture_plan``.
- From a line to its session: ``join``; ``candidates``, ``seen``, ``fit``, ``clock`` and ``voting``; lines without a
  port or a client: ``alone``, ``means``, ``chance``, ``crowd``.
"""
