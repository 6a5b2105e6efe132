"""The report's model with other addresses and names in it: a pure function of model and key.

Every text field of the model is either of ours (identifiers, versions, times) and stays, or is named here. Prose is
not searched for names: it is made from values that are hidden before (:func:`hide_field`).
"""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

from msgspec.structs import replace

from capanalyzer.redact.authorities import name_text
from capanalyzer.redact.der import serial_of
from capanalyzer.redact.plaintext import redact_plaintext
from capanalyzer.redact.redactor import Redactor
from capanalyzer.report import model
from capanalyzer.streams.community_id import community_id

__all__ = ["hide_field", "redact_capture", "redact_certificate_model", "redact_session"]

_ADDRESSES: Final = frozenset(("client", "server", "host", "reporter"))
_NAMES: Final = frozenset(("name", "url_host", "sent_name", "names", "behind", "before"))
_DISTINGUISHED: Final = frozenset(("subject", "issuer"))
_WIRE: Final = frozenset(("request", "answer", "line", "text"))
_OURS: Final = frozenset((
    "accepted", "alert", "alpn", "code", "filter", "form", "group", "groups", "header", "how", "icmp", "kind",
    "missing", "not_after", "not_before", "offered", "offered_suites", "protocol", "reason", "seen", "selected",
    "sender", "stage", "ttl", "ttls", "detail", "schemes", "suite", "usages", "weakness",
))  # fmt: skip
"""Fields of texts whose values are words of the field or of ours, whatever the capture holds."""
_SPECIAL_SAN: Final = re.compile(r"\A(DirName:|othername:)(.*)\Z", re.DOTALL)
_ICMP_FROM: Final = re.compile(r"\Afrom (\S+?)(,.*)?\Z")
_CLEAR_TLS: Final = frozenset(("tls", "sslv2"))


def hide_field(name: str, value: str | float, redactor: Redactor) -> str | float:
    """The value of a field of a finding's texts; what is not known to be harmless is hidden."""
    if not isinstance(value, str) or (name in _OURS and "=" not in value):
        return value
    if name in _ADDRESSES:
        return f"[{redactor.address_text(value[1:-1])}]" if value[:1] == "[" else redactor.address_text(value)
    if name in _DISTINGUISHED or "=" in value:
        return name_text(value, redactor)
    if name in _WIRE:
        return redact_plaintext(value.encode("utf-8", "surrogatepass"), redactor).decode("utf-8", "replace")
    if name == "first_bytes":
        return _hidden_hex(value, redactor)
    if name == "changed":
        return "; ".join(
            part.partition(": ")[0] if part.startswith("server_name: ") else part for part in value.split("; ")
        )
    if name == "names":
        return ", ".join(_name(one, redactor) for one in value.split(", "))
    return _name(value, redactor)


def _name(value: str, redactor: Redactor) -> str:
    """A host name, or an address with or without a port."""
    host, colon, port = value.rpartition(":")
    if colon and port.isdigit() and not _is_address(value):
        bare = _without_brackets(host)
        if _is_address(bare):
            shown = redactor.address_text(bare)
            return f"[{shown}]:{port}" if bare != host else f"{shown}:{port}"
    bare = _without_brackets(value)
    if _is_address(bare):
        shown = redactor.address_text(bare)
        return f"[{shown}]" if bare != value else shown
    return redactor.name(value)


def _without_brackets(host: str) -> str:
    return host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host


def _is_address(text: str) -> bool:
    try:
        inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def redact_session(session: model.Session, redactor: Redactor) -> model.Session:
    """The session as it may be shown. Its findings' texts were made from hidden values."""
    client, server = _end(session.client, redactor), _end(session.server, redactor)
    proxied = session.proxy_header
    sni = session.tls.client_hello.sni if session.tls is not None and session.tls.client_hello is not None else None
    return replace(
        session,
        community_id=community_id(_packed(client.ip), _packed(server.ip), client.port, server.port),
        client=client,
        server=server,
        first_bytes=model.SideTexts(
            _first_bytes(session.first_bytes.client, session.protocol.client, redactor),
            _first_bytes(session.first_bytes.server, session.protocol.server, redactor),
        ),
        tls=None if session.tls is None else _tls(session.tls, redactor),
        timeline=tuple(_event(event, sni, redactor) for event in session.timeline),
        proxy_header=None
        if proxied is None
        else model.ProxyHeader(_end(proxied.source, redactor), _end(proxied.destination, redactor)),
        request_host=None if session.request_host is None else _name(session.request_host, redactor),
    )


def _end(end: model.Endpoint, redactor: Redactor) -> model.Endpoint:
    return model.Endpoint(redactor.address_text(end.ip), end.port)


def _packed(ip: str) -> bytes:
    return inet_pton(AF_INET6 if ":" in ip else AF_INET, ip)


def _first_bytes(text: str | None, protocol: str | None, redactor: Redactor) -> str | None:
    """Up to the first byte that is not shown."""
    if text is None or protocol in _CLEAR_TLS:
        return text
    data = bytes.fromhex(text)
    shown = redact_plaintext(data, redactor)
    same = next((at for at, (a, b) in enumerate(zip(data, shown, strict=True)) if a != b), len(data))
    return data[:same].hex()


def _hidden_hex(text: str, redactor: Redactor) -> str:
    try:
        return redact_plaintext(bytes.fromhex(text), redactor).hex(" ")
    except ValueError:
        return redactor.words.text(text)


def _tls(tls: model.Tls, redactor: Redactor) -> model.Tls:
    hello = tls.client_hello
    if hello is not None and hello.sni is not None:
        hello = replace(hello, sni=redactor.name(hello.sni))
    return replace(
        tls,
        client_hello=hello,
        certificates=tuple(redact_certificate_model(one, redactor) for one in tls.certificates),
        client_certificates=tuple(redact_certificate_model(one, redactor) for one in tls.client_certificates),
    )


def redact_certificate_model(certificate: model.Certificate, redactor: Redactor) -> model.Certificate:
    return replace(
        certificate,
        subject=name_text(certificate.subject, redactor),
        issuer=name_text(certificate.issuer, redactor),
        serial=_serial(certificate.serial, redactor),
        san=tuple(_alternative_name(name, redactor) for name in certificate.san),
    )


def _serial(text: str, redactor: Redactor) -> str:
    try:
        return serial_of(bytes.fromhex(text.lstrip("-")), redactor).hex()
    except ValueError:
        return redactor.words.text(text)


def _alternative_name(text: str, redactor: Redactor) -> str:
    special = _SPECIAL_SAN.match(text)
    if special:
        kind, rest = special.groups()
        return kind + (name_text(rest, redactor) if kind == "DirName:" else redactor.words.text(rest))
    return redactor.address_text(text) if _is_address(text) else redactor.words.text(text)


def _event(event: model.TimelineEntry, sni: str | None, redactor: Redactor) -> model.TimelineEntry:
    """Details are ours but for server names, reporters of ICMP errors, beginnings of plaintext, and texts in resets."""
    detail = event.detail
    if event.event.startswith("ICMP"):
        found = _ICMP_FROM.match(detail)
        detail = f"from {redactor.address_text(found[1])}{found[2] or ''}" if found else ""
    elif event.event == "RST":
        detail = detail if detail.startswith("BIG-IP: [0x") or not detail else redactor.words.text(detail)
    elif event.event == "data":
        size, comma, text = detail.partition(", ")
        detail = size + comma + _plain(text, redactor)
    elif sni and f"SNI {sni}" in detail:
        detail = detail.replace(f"SNI {sni}", f"SNI {redactor.name(sni)}")
    elif "SNI " in detail:
        detail = detail.partition("SNI ")[0] + "SNI"  # cut short within the name
    return event if detail == event.detail else replace(event, detail=detail)


def _plain(text: str, redactor: Redactor) -> str:
    """How plaintext begins: quoted, or in hexadecimal."""
    if text.startswith('"'):
        return '"' + redact_plaintext(text[1:].encode("utf-8", "surrogatepass"), redactor).decode("utf-8", "replace")
    return _hidden_hex(text, redactor) if text else ""


def redact_capture(capture: model.Capture, number: int) -> model.Capture:
    """The capture without its path and comments.

    :param number: from 1; it is called by that, a ring's files by a number more.
    """
    name = f"capture-{number}"
    names = {path: f"{name}-{at}" for at, path in enumerate(capture.files, 1)}
    if len(names) == 1:
        names = dict.fromkeys(names, name)
    names[capture.path] = name
    base = {path.replace("\\", "/").rpartition("/")[2]: shown for path, shown in names.items()}
    return replace(
        capture,
        path=names[capture.path],
        files=tuple(names[path] for path in capture.files),
        comments=(),
        f5=None if capture.f5 is None else replace(capture.f5, host=None, command=None),
        warnings=tuple(_warning(text, {**names, **base}) for text in capture.warnings),
    )


def _warning(text: str, names: dict[str, str]) -> str:
    """A warning may begin with the name of a file of a ring."""
    head, colon, rest = text.partition(": ")
    return f"{names[head]}: {rest}" if colon and head in names else text
