"""What is told about a meaning."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from capanalyzer.i18n import N_

__all__ = ["Acts", "Meaning"]


class Acts(enum.Enum):
    """Who has to change something; the values are texts to be translated."""

    CLIENT = N_("the client's side")
    SERVER = N_("the server's side")
    BOTH = N_("both sides: they must agree")
    OTHER = N_("the other end's side")
    OWN = N_("the side of the program that wrote the line")
    OWNER = N_("the side that showed the certificate")
    NETWORK = N_("the network between them")
    UNKNOWN = N_("cannot be told from this line")


class Meaning(NamedTuple):
    """Texts are English; :func:`capanalyzer.i18n.translator` gives their other forms."""

    title: str
    """One short line."""
    text: str
    """What the line means, in one to three sentences."""
    misleads: str = ""
    """Where the line's own words lead astray."""
    checks: tuple[str, ...] = ()
    """What to look at first."""
    causes: tuple[str, ...] = ()
    """Causes of a diagnosis that can be behind it, likeliest first; none where a capture shows no failed session."""
    acts: Acts = Acts.UNKNOWN
    is_failure: bool = True
    """It tells that a TLS session, or the way to it, failed."""
    of_side: Mapping[str, str] = MappingProxyType({})
    """``text`` where the capture tells that the connection is on the ``client`` or the ``server`` side of a proxy."""
