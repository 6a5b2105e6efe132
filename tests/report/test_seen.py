"""What the join reads of an encoded session."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from capanalyzer.report import model
from capanalyzer.report.model_f5 import F5Address, F5Peer
from capanalyzer.report.seen import seen_of

from .samples import START_NS, failed, finding, session, tls

REAL = ("203.0.113.7", 51000)


def f5(side: str) -> model.F5:
    peer = F5Peer("tcp", 100, F5Address(*REAL, 2), F5Address("198.51.100.9", 443, 2))
    known: dict[str, Any] = dict.fromkeys(model.F5.__struct_fields__)
    empty = dict.fromkeys(("flow_ids", "peer_ids", "ports", "trunks", "resets", "other_sides", "notes"), ())
    return model.F5(**known | empty | {"side": side, "peers": (peer,), "state": "", "story": ""})


def test_a_healthy_session() -> None:
    seen = seen_of(msgspec.json.encode(session(3, tls=tls("API.example.com"))))
    assert (seen.id, seen.client, seen.server) == (3, ("192.0.2.7", 51003), ("198.51.100.9", 443))
    assert (seen.start_ns, seen.end_ns, seen.moment_ns) == (START_NS, START_NS + 100_000_000, START_NS + 100_000_000)
    assert (seen.outcome, seen.sni, seen.causes, seen.aliases) == ("established", "api.example.com", (), ())


def test_a_failed_session_failed_at_its_last_evidence() -> None:
    alert = model.Alert(7, "client", "fatal", 48, "unknown_ca", False)
    hidden = model.Alert(8, "server", None, None, None, True)
    spoken = msgspec.structs.replace(tls(), alerts=(alert, hidden))
    findings = (finding("certificate-unknown-ca"), finding("weak-cipher", severity="warning"))
    one = failed(1, tls=spoken, findings=findings)
    seen = seen_of(msgspec.json.encode(one))
    assert seen.moment_ns == START_NS + 43_100_000
    assert seen.causes == ("certificate-unknown-ca", "weak-cipher")
    assert seen.alerts == (("client", 48),)


def test_what_a_verdict_leaves_open() -> None:
    findings = (finding("certificate-unknown-ca", alternatives=("tls-interception",)), finding("weak-cipher"))
    assert seen_of(msgspec.json.encode(failed(1, findings=findings))).open_causes == ("tls-interception",)


def test_names_of_a_session() -> None:
    """A certificate's only where the client asks for none."""
    own = model.Certificate("CN=a", "CN=b", "0a", None, None, ("API.example.com", "*.example.net"))
    issuer = model.Certificate("CN=b", "CN=b", "0b", None, None, ("ca.example.com",))
    spoken = msgspec.structs.replace(tls("www.example.com"), certificates=(own, issuer))
    assert seen_of(msgspec.json.encode(session(0, tls=spoken))).certificate_names == ()
    assert spoken.client_hello is not None
    silent = msgspec.structs.replace(spoken, client_hello=msgspec.structs.replace(spoken.client_hello, sni=None))
    seen = seen_of(msgspec.json.encode(session(0, tls=silent, request_host="Proxy.Example.com")))
    assert seen.certificate_names == ("api.example.com", "*.example.net")
    assert seen.request_host == "proxy.example.com"


@pytest.mark.parametrize(
    ("changes", "aliases"),
    [
        ({"proxy_header": model.ProxyHeader(model.Endpoint(*REAL), model.Endpoint("198.51.100.9", 443))}, (REAL,)),
        ({"f5": f5("server")}, (REAL,)),
        ({"f5": f5("client")}, ()),  # the peer is the pool member there
    ],
    ids=["proxy header", "pool member's side", "client's side"],
)
def test_what_logs_may_call_its_client(changes: dict[str, Any], aliases: tuple[object, ...]) -> None:
    assert seen_of(msgspec.json.encode(session(0, **changes))).aliases == aliases
