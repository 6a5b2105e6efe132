"""Importing this module registers every case."""

from __future__ import annotations

from lab import (
    alerts,
    artefacts,
    big_ip,
    browser,
    certificates,
    client_auth,
    connecting,
    encapsulations,
    healthy,
    log_lines,
    matrix,
    names,
    not_failures,
    parameters,
    paths,
    silence,
    trust,
    tunnelled,
    wrong_protocol,
)
from lab.case import CASES

__all__ = [
    "CASES",
    "alerts",
    "artefacts",
    "big_ip",
    "browser",
    "certificates",
    "client_auth",
    "connecting",
    "encapsulations",
    "healthy",
    "log_lines",
    "matrix",
    "names",
    "not_failures",
    "parameters",
    "paths",
    "silence",
    "trust",
    "tunnelled",
    "wrong_protocol",
]
