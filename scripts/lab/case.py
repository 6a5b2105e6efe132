"""What a case is: a function that plays it, and what each of its sessions must be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from lab.net import Lab
from lab.packets import Packet

__all__ = ["CASES", "UNLABELLED", "Case", "Expected", "case", "failed", "idle", "incomplete", "ok", "plain"]


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
    sni: str | None = "www.example.test"
    version: str | None = None
    """Negotiated, as the contract writes it; None where no ServerHello was seen."""

    def as_json(self) -> dict[str, object]:
        """Keys of ``expected.json``; what is left unlabelled is left out."""
        row = asdict(self)
        row["protocol"] = {"client": row.pop("client"), "server": row.pop("server")}
        return {key: value for key, value in row.items() if value != UNLABELLED}


def ok(
    version: str = "TLS 1.3",
    *,
    sni: str | None = "www.example.test",
    client: str | None = "tls",
    server: str | None = "tls",
) -> Expected:
    """A handshake that completes."""
    return Expected("established", sni=sni, version=version, client=client, server=server)


def failed(
    cause: str,
    stage: str,
    blame: str,
    waiting_on: str = UNLABELLED,
    *,
    client: str | None = "tls",
    server: str | None = "tls",
    sni: str | None = "www.example.test",
    version: str | None = None,
) -> Expected:
    """A session that never became usable."""
    return Expected("failed", cause, stage, blame, waiting_on, client, server, sni, version)


def plain(client: str | None, server: str | None) -> Expected:
    """Another protocol that works as it should."""
    return Expected("plaintext", client=client, server=server, sni=None)


def idle() -> Expected:
    """Connected and closed, nothing sent."""
    return Expected("idle", client=None, server=None, sni=None)


def incomplete(
    cause: str,
    *,
    client: str | None = "tls",
    server: str | None = "tls",
    sni: str | None = "www.example.test",
    version: str | None = None,
) -> Expected:
    """The capture cannot tell; how far it went is not labelled."""
    return Expected("incomplete", cause, UNLABELLED, UNLABELLED, UNLABELLED, client, server, sni, version)


Play = Callable[[Lab], list[Expected]]


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
    edit: Callable[[list[Packet]], list[Packet]] | None
    """What is done to the packets after the capture, said in the README."""
    edited: str
    offload: bool


CASES: dict[str, Case] = {}
"""Every case by name, in the order of the modules that declare them."""


def case(
    name: str,
    purpose: str,
    how: str,
    *software: str,
    form: str = "pcapng",
    edit: Callable[[list[Packet]], list[Packet]] | None = None,
    edited: str = "",
    offload: bool = False,
) -> Callable[[Play], Play]:
    """Register the function below as the case ``name``."""

    def register(play: Play) -> Play:
        if name in CASES:
            raise ValueError(f"two cases are called {name}")
        CASES[name] = Case(name, purpose, how, play, software, form, edit, edited, offload)
        return play

    return register
