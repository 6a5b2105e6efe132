"""A second opinion: the same capture read by tshark, and where the two readings differ.

Only what both read independently is compared: who the ends are, hellos, certificates, alerts, closes. tshark does not
diagnose, so verdicts have no second opinion; the facts they rest on do.
"""

from __future__ import annotations

from capanalyzer.crosscheck.compare import Crosscheck, Difference, crosscheck

__all__ = ["Crosscheck", "Difference", "crosscheck"]
