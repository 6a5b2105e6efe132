"""What no escape of a markup reaches: systems look for references and links in the text that is left after it."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["JOINER", "defuse", "unmentioned"]

JOINER: Final = "\u2060"
"""WORD JOINER: of no width, breaks no line, and stands in no name, reference or URL."""

_TRIGGERS: Final = re.compile(
    r"""
      (?<![\w])[@\#!$%~^&*](?=[\w"'{\[])   # mentions, references to tickets, merge requests, labels ...
    | @(?=[\w\[])                           # also inside words: addresses
    | \#(?=\d)                              # owner/repository#1
    | [A-Za-z][A-Za-z0-9+.-]*:(?=//)        # any scheme
    | (?:mailto|javascript|data|file|tel):
    | \b(?:attachment|commit|document|export|forum|message|milestone):(?=\S)
    | \b(?:news|project|source|ticket|user|version|wiki):(?=\S)
    | \b[rR](?=\d)                          # revisions
    | \bwww(?=\.)
    | \b(?!SHA-)[A-Z][A-Z0-9_]+-(?=\d)      # keys: OPS-1, GH-1
    | \bGH-(?=\d)
    | :(?=[a-z0-9_+-]*[a-z][a-z0-9_+-]*:)   # emoji by name
    """,
    re.VERBOSE,
)

_MENTION: Final = re.compile(r"@(?=[\w@\[])")


def defuse(text: str) -> str:
    """``text`` in which no mention, reference or URL is recognised; it looks the same."""
    return _TRIGGERS.sub(lambda match: match[0] + JOINER, text)


def unmentioned(text: str) -> str:
    """``text``, to be shown as code, with mentions taken out of it: Redmine looks for them in code, too."""
    return _MENTION.sub("@" + JOINER, text)
