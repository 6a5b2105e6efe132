"""What was mailed already: a mail cannot be looked up where it went, so it is remembered here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from email.utils import localtime

__all__ = ["is_sent", "remember", "sent_mails"]


def sent_mails(environ: Mapping[str, str] = os.environ) -> str:
    """The file that remembers what was sent."""
    state = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "capanalyzer", "sent-mails")


def is_sent(identity: str) -> bool:
    """A mail with this Message-ID was taken by a server."""
    try:
        with open(sent_mails(), encoding="utf-8") as lines:
            return any(line.partition(" ")[0].strip() == identity for line in lines)
    except FileNotFoundError:
        return False


def remember(identity: str) -> None:
    """Note that it was."""
    path = sent_mails()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(handle, "a", encoding="utf-8") as lines:
        lines.write(f"{identity} {localtime().isoformat(timespec='seconds')}\n")
