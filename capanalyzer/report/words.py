"""The report's fixed vocabulary in the reader's language. Identifiers stay as they are in JSON."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import N_
from capanalyzer.report.model import Endpoint

__all__ = ["ACTS", "CONFIDENCE", "OUTCOMES", "SEVERITY", "STYLE_OF", "endpoint"]

OUTCOMES: Final = {
    "established": N_("established"),
    "failed": N_("failed"),
    "incomplete": N_("incomplete"),
    "plaintext": N_("plaintext"),
    "idle": N_("idle"),
}
STYLE_OF: Final = {"failed": "failed", "incomplete": "warning", "established": "fine"}
"""Style of an outcome's word."""

CONFIDENCE: Final = {"certain": N_("certain"), "likely": N_("likely"), "possible": N_("possible")}
SEVERITY: Final = {"failure": N_("failure"), "warning": N_("warning"), "note": N_("note")}

ACTS: Final = {
    "client": N_("the client's side"),
    "server": N_("the server's side"),
    "network": N_("whoever runs the network between them"),
    "unknown": N_("not to be told from this capture"),
}
"""Who has to change something, by ``blame``."""


def endpoint(value: Endpoint) -> str:
    """``192.0.2.1:443``, ``[2001:db8::1]:443`` (RFC 5952 section 6)."""
    return f"[{value.ip}]:{value.port}" if ":" in value.ip else f"{value.ip}:{value.port}"
