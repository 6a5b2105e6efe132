"""Importing this module registers every case."""

from __future__ import annotations

from lab import artefacts, certificates, healthy, network, parameters, tunnelled, wrong_protocol
from lab.case import CASES

__all__ = ["CASES", "artefacts", "certificates", "healthy", "network", "parameters", "tunnelled", "wrong_protocol"]
