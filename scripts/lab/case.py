"""What a case is: a function that plays it, and what each of its sessions must be called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab.net import Lab
from lab.plan import Plan

__all__ = [
    "CASES",
    "UNLABELLED",
    "Case",
    "Expected",
    "case",
    "failed",
    "idle",
    "incomplete",
    "ok",
    "plain",
    "unreached",
]

UNLABELLED = "unlabelled"
"""Where two careful engineers may differ and nothing is written down: not compared."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One TCP stream, labelled by hand from what the programs were made to do."""

    outcome: str
    cause: str | None = None
    stage: str | None = None
    blame: str | None = None
    waiting_on: str | None = None
    client: str | None = "tls"
    server: str | None = "tls"
    sni: str | None = "www"
    """The host as the cases call it; the plan makes a name of it."""
    version: str | None = None
    """Negotiated, as the contract writes it; None where no ServerHello was seen."""

    def as_json(self, plan: Plan) -> dict[str, object]:
        """Keys of ``expected.json``; what is left unlabelled is left out."""
        row = asdict(self)
        row["protocol"] = {"client": row.pop("client"), "server": row.pop("server")}
        if self.sni not in (None, UNLABELLED):
            row["sni"] = plan.fqdn(self.sni or "")
        row["protocol"] = {key: value for key, value in row["protocol"].items() if value != UNLABELLED}
        return {key: value for key, value in row.items() if value not in (UNLABELLED, {})}

    def but(self, **changes: Any) -> Expected:
        return replace(self, **changes)


def tls_version(short: str) -> str:
    """``1.2`` as the contract writes it."""
    return f"TLS {short}"


def ok(
    version: str = "1.3", *, sni: str | None = "www", client: str | None = "tls", server: str | None = "tls"
) -> Expected:
    """A handshake that completes."""
    return Expected("established", sni=sni, version=tls_version(version), client=client, server=server)


def failed(
    cause: str,
    stage: str,
    blame: str = UNLABELLED,
    waiting_on: str = UNLABELLED,
    *,
    client: str | None = "tls",
    server: str | None = "tls",
    sni: str | None = "www",
    version: str | None = None,
) -> Expected:
    """A session that never became usable."""
    shown = tls_version(version) if version and version != UNLABELLED else version
    return Expected("failed", cause, stage, blame, waiting_on, client, server, sni, shown)


def unreached(cause: str, blame: str, waiting_on: str = UNLABELLED) -> Expected:
    """TCP never came to be."""
    return failed(cause, "tcp-connect", blame, waiting_on, client=None, server=None, sni=None)


def plain(client: str | None, server: str | None) -> Expected:
    """Another protocol that works as it should."""
    return Expected("plaintext", client=client, server=server, sni=None)


def idle(server: str | None = None) -> Expected:
    """Connected and closed, nothing sent by the client."""
    return Expected("idle", client=None, server=server, sni=None)


def incomplete(
    cause: str,
    *,
    client: str | None = "tls",
    server: str | None = "tls",
    sni: str | None = "www",
    version: str | None = None,
) -> Expected:
    """The capture cannot tell; how far it went is not labelled."""
    shown = tls_version(version) if version and version != UNLABELLED else version
    return Expected("incomplete", cause, UNLABELLED, UNLABELLED, UNLABELLED, client, server, sni, shown)


Play = Callable[[Lab], Sequence[Expected]]
Edit = Callable[["Lab"], None]


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    """Folder under ``pcaps/``."""
    purpose: str
    how: str
    play: Play
    software: tuple[str, ...]
    """Programs whose versions the README of the case states."""
    form: str
    """Ending of the capture file: ``pcap``, ``pcapng``, with ``.gz`` or ``.zst`` if compressed."""
    edit: Edit | None
    """Changes the capture in ``lab.raw`` after it was made; the README says how."""
    edited: str
    offload: bool
    decode_as_tls: tuple[int, ...]
    """Ports that tshark has to be told about, where it goes by another protocol's."""


CASES: dict[str, Case] = {}
"""Every case by name, in the order of the modules that declare them."""


def case(
    name: str,
    purpose: str,
    how: str,
    *software: str,
    form: str = "pcapng",
    edit: Edit | None = None,
    edited: str = "",
    offload: bool = False,
    decode_as_tls: tuple[int, ...] = (),
) -> Callable[[Play], Play]:
    """Register the function below as the case ``name``."""

    def register(play: Play) -> Play:
        if name in CASES:
            raise ValueError(f"two cases are called {name}")
        CASES[name] = Case(name, purpose, how, play, software, form, edit, edited, offload, decode_as_tls)
        return play

    return register
