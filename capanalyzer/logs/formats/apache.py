"""Apache httpd, mod_ssl: numbered messages with the client's address and port, in microseconds.

``AH02008`` and the ``SSL Library Error`` lines after it are one entry, joined by the thread that writes them.
"""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs import openssl
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import ENDPOINT, endpoint
from capanalyzer.logs.found import Format, Found, Part, Tie, found
from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.stamps import Stamp, leading
from capanalyzer.logs.verify import refusal, refusal_by_code

__all__ = ["FORMAT"]

_NAME: Final = "apache"
_REACH_S: Final = 75.0
_LINE: Final = re.compile(
    r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [\d:.]{8,15} \d{4}\] \[(?P<module>\w{0,20}):(?P<level>\w{1,10})\] "
    r"\[pid (?P<pid>\d{1,10})(?::tid (?P<tid>\d{1,20}))?\] (?P<what>.*)",
    re.DOTALL,
)
_SYSTEM: Final = re.compile(r"(?:\((?:-?\d{1,10}|os 0x[0-9a-f]{1,16})\)[^:]{1,80}: )?")
"""An error of the system; mod_ssl puts one before messages that have none, made from whatever the number held."""
_CLIENT: Final = re.compile(r"\[(?P<end>client|remote) (?P<address>\S{2,60}:\d{1,5})\] ")
_NUMBER: Final = re.compile(r"(?P<number>AH\d{5}): (?P<text>.*)", re.DOTALL)
_VERIFY: Final = re.compile(r"Certificate Verification: Error \((?P<code>\d{1,3})\): (?P<text>[^\[]{0,120})")
_LIBRARY: Final = "SSL Library Error: "

_SERVER: Final[dict[str, tuple[str, Said, int]]] = {
    # Reading and writing of an established session; the library's line says more where it names an alert.
    "AH01991": ("closed-without-notify", Said.TRANSPORT, 1),
    "AH01992": ("closed-without-notify", Said.TRANSPORT, 1),
    "AH01993": ("closed-without-notify", Said.TRANSPORT, 1),
    "AH01996": ("plaintext-http", Said.LOCAL, 2),
    "AH02006": ("peer-closed", Said.TRANSPORT, 1),
    "AH02007": ("peer-closed", Said.TRANSPORT, 1),
    "AH02008": ("handshake-failed", Said.LOCAL, 0),
    "AH02009": ("client-certificate-refused", Said.LOCAL, 1),
    "AH02010": ("client-certificate-missing", Said.LOCAL, 1),
    "AH02040": ("client-certificate-refused", Said.LOCAL, 2),
    "AH02031": ("name-disagrees-inside", Said.LOCAL, 2),
    "AH02032": ("name-disagrees-inside", Said.LOCAL, 2),
    "AH02033": ("name-disagrees-inside", Said.LOCAL, 2),
    "AH02225": ("renegotiation-refused", Said.LOCAL, 2),
    "AH02261": ("renegotiation-refused", Said.LOCAL, 2),
    "AH02262": ("renegotiation-refused", Said.LOCAL, 2),
    "AH02263": ("renegotiation-refused", Said.LOCAL, 2),
    "AH10158": ("renegotiation-refused", Said.LOCAL, 2),
}
"""(meaning, whose decision, weight) by the number of a message about a client's connection."""
_PROXY: Final[dict[str, tuple[str, Said, int]]] = {
    "AH00961": ("backend-tls-failed", Said.LOCAL, 0),
    "AH01997": ("http-answer", Said.LOCAL, 2),
    "AH02003": ("backend-tls-failed", Said.LOCAL, 0),
    "AH02004": ("verify-expired", Said.LOCAL, 2),
    "AH02005": ("verify-hostname", Said.LOCAL, 2),
    "AH02411": ("verify-hostname", Said.LOCAL, 2),
    "AH10273": ("backend-alpn", Said.LOCAL, 2),
}
"""The same where Apache is the TLS client of its backend."""
_BACKEND: Final = re.compile(rf" for (?P<end>{ENDPOINT})")
"""mod_proxy, of which the line may name the user's address first."""
_VERIFICATIONS: Final = frozenset(("AH02039", "AH02276"))


def _read(body: Body) -> Found | None:
    match = _LINE.match(body.text)
    if match is None:
        return None
    what = match["what"]
    system = _SYSTEM.match(what)
    assert system is not None
    rest = what[system.end() :]
    end = _CLIENT.match(rest)
    if end is not None:
        rest = rest[end.end() :]
    read = leading(body.text[:64])
    stamp = read[0] if read is not None else None
    key = (_NAME, match["pid"], match["tid"] or "")
    if rest.startswith(_LIBRARY):
        return _library(body, rest, stamp, key)
    number = _NUMBER.match(rest)
    if number is None:
        return None
    name, text = number["number"], number["text"]
    if name in _VERIFICATIONS:
        return _verification(body, end, text, stamp, key)
    if name in _SERVER:
        (meaning, said, weight), role = _SERVER[name], Role.SERVER
    elif name in _PROXY:
        (meaning, said, weight), role = _PROXY[name], Role.CLIENT
    else:
        return None
    if meaning == "peer-closed" and "reset by peer" in system[0]:
        meaning = "peer-reset"
    address = endpoint(end["address"]) if end is not None else None
    if name == "AH00961":
        backend = _BACKEND.search(text)
        address = endpoint(backend["end"]) if backend is not None else None
    client, server = (address, None) if role is Role.SERVER else (None, address)
    return found(
        body,
        _NAME,
        meaning,
        stamp=stamp,
        reason=f"{name}: {text}"[:120],
        client=client,
        server=server,
        role=role,
        said=said,
        reach_s=_REACH_S,
        tie=Tie(key, Part.MORE, weight),
    )


def _library(body: Body, rest: str, stamp: Stamp | None, key: tuple[str, ...]) -> Found | None:
    """It names neither the client nor the role: the line before it does."""
    scanned = openssl.scan(rest, Role.SERVER)
    if scanned is None:
        return None
    reason = scanned[0]
    weight = 1 if reason.meaning in ("reason-in-words", "client-certificate-refused", "peer-closed") else 2
    # Mod_ssl writes such lines of established sessions, too.
    meaning = "closed-somewhere" if reason.meaning == "peer-closed" else reason.meaning
    return found(
        body,
        _NAME,
        meaning,
        stamp=stamp,
        reason=reason.words,
        role=Role.SERVER,
        said=reason.said,
        alert=reason.alert,
        reach_s=_REACH_S,
        tie=Tie(key, Part.MORE, weight),
    )


def _verification(
    body: Body, end: re.Match[str] | None, text: str, stamp: Stamp | None, key: tuple[str, ...]
) -> Found | None:
    """Of a client's certificate; ``[remote ...]`` is the backend's."""
    role = Role.CLIENT if end is not None and end["end"] == "remote" else Role.SERVER
    said = _VERIFY.match(text)
    meaning = refusal_by_code(int(said["code"]), role) if said is not None else refusal(text, role)
    address = endpoint(end["address"]) if end is not None else None
    client, server = (address, None) if role is Role.SERVER else (None, address)
    reason = said[0].strip() if said is not None else text
    return found(
        body,
        _NAME,
        meaning,
        stamp=stamp,
        reason=reason[:120],
        client=client,
        server=server,
        role=role,
        said=Said.LOCAL,
        reach_s=_REACH_S,
        tie=Tie(key, Part.MORE, 3),
    )


FORMAT: Final = Format(_NAME, ("ah00961", "ah01", "ah02", "ah10", "ssl library error"), _read)
