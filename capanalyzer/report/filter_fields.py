"""What ``--filter`` can ask of a session: each field with the values a session has in it, and how they are compared.

A field may have several values in one session (both ends' ports, all alerts) or none (no ServerHello): ``=`` holds
when one of them fits, ``!=`` is its opposite, and ``<`` ``<=`` ``>`` ``>=`` never hold where there is none.

Light to import: the model is needed for types only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from capanalyzer.remark import Remark
from capanalyzer.report.filter_syntax import Comparison, refuse
from capanalyzer.report.filter_values import addresses_from, number_from, period_from

if TYPE_CHECKING:
    from capanalyzer.report.model import Session

__all__ = ["FIELDS", "OUTCOMES", "Field", "Test", "fits_of", "test_of"]

Test: TypeAlias = "Callable[[Session], bool]"
Fits: TypeAlias = Callable[[Any], bool]

OUTCOMES: Final = ("established", "failed", "incomplete", "plaintext", "idle")
STAGES: Final = (
    "tcp-connect",
    "first-bytes",
    "server-hello",
    "server-flight",
    "client-flight",
    "server-finished",
    "application",
)
MAX_NAMED: Final = 8
"""Values that a message always names all of."""
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Field(NamedTuple):
    """One name that a comparison can begin with."""

    kind: str
    """``word`` (one of ``allowed``), ``text``, ``number``, ``address`` or ``time``."""
    values: Callable[[Session], Iterable[Any]]
    allowed: Callable[[], tuple[str, ...]] = tuple
    """Of a word: all there are."""


def _words(*words: str) -> Callable[[], tuple[str, ...]]:
    return lambda: words


def _causes() -> tuple[str, ...]:
    from capanalyzer.diagnosis.explain import causes

    return causes()


def _present(value: Any) -> tuple[Any, ...]:
    return () if value is None else (value,)


def _sni(session: Session) -> Iterable[str]:
    hello = session.tls.client_hello if session.tls is not None else None
    return _present(None if hello is None else hello.sni)


def _version(session: Session) -> Iterable[str]:
    hello = session.tls.server_hello if session.tls is not None else None
    return _present(None if hello is None else hello.version)


def _cipher_suite(session: Session) -> Iterable[str]:
    from capanalyzer.tls.codepoints import cipher_suite_name

    hello = session.tls.server_hello if session.tls is not None else None
    return () if hello is None else (cipher_suite_name(hello.cipher_suite),)


def _alerts(session: Session) -> Iterable[str]:
    for alert in session.tls.alerts if session.tls is not None else ():
        if alert.description is None:
            yield "encrypted"
        else:
            yield alert.description
            yield str(alert.code)


def _fingerprints(session: Session) -> Iterable[str]:
    if session.tls is not None and (hello := session.tls.client_hello) is not None:
        yield from _present(hello.ja3)
        yield from _present(hello.ja4)
    if session.tls is not None and (answer := session.tls.server_hello) is not None:
        yield from _present(answer.ja3s)


def _reset_reasons(session: Session) -> Iterable[str]:
    for reset in session.f5.resets if session.f5 is not None else ():
        yield from _present(reset.reason)


FIELDS: Final[dict[str, Field]] = {
    "outcome": Field("word", lambda s: (s.outcome,), _words(*OUTCOMES)),
    "cause": Field("word", lambda s: _present(s.cause), _causes),
    "blame": Field("word", lambda s: _present(s.blame), _words("client", "server", "network", "unknown")),
    "stage": Field("word", lambda s: _present(s.stage), _words(*STAGES)),
    "waiting_on": Field("word", lambda s: _present(s.waiting_on), _words("client", "server", "network")),
    "confidence": Field(
        "word", lambda s: [f.confidence for f in s.findings[:1]], _words("certain", "likely", "possible")
    ),
    "severity": Field("word", lambda s: [f.severity for f in s.findings], _words("failure", "warning", "note")),
    "finding": Field("word", lambda s: [f.cause for f in s.findings], _causes),
    "closed_by": Field("word", lambda s: (s.closed_by.how,), _words("rst", "fin", "timeout", "none")),
    "transport": Field("word", lambda s: (s.transport,), _words("tcp", "udp")),
    "host": Field("address", lambda s: (s.client.ip, s.server.ip)),
    "client": Field("address", lambda s: (s.client.ip,)),
    "server": Field("address", lambda s: (s.server.ip,)),
    "port": Field("number", lambda s: (s.client.port, s.server.port)),
    "client.port": Field("number", lambda s: (s.client.port,)),
    "server.port": Field("number", lambda s: (s.server.port,)),
    "sni": Field("text", _sni),
    "protocol": Field("text", lambda s: [*_present(s.protocol.client), *_present(s.protocol.server)]),
    "version": Field("text", _version),
    "cipher_suite": Field("text", _cipher_suite),
    "alert": Field("text", _alerts),
    "fingerprint": Field("text", _fingerprints),
    "virtual_server": Field("text", lambda s: _present(s.f5 and s.f5.virtual_server)),
    "reset_reason": Field("text", _reset_reasons),
    "community_id": Field("text", lambda s: (s.community_id,)),
    "log": Field("text", lambda s: [line.format for line in s.log_lines]),
    "time": Field("time", lambda s: (s.start,)),
    "connect_ms": Field("number", lambda s: _present(s.timing.connect_ms)),
    "client_hello_ms": Field("number", lambda s: _present(s.timing.client_hello_ms)),
    "server_hello_ms": Field("number", lambda s: _present(s.timing.server_hello_ms)),
    "handshake_ms": Field("number", lambda s: _present(s.timing.handshake_ms)),
    "capture": Field("number", lambda s: (s.capture,)),
    "stream": Field("number", lambda s: (s.stream,)),
}
"""By name; where JSON has the same key it means the same."""


def test_of(comparison: Comparison) -> Test:
    """The comparison as a function of sessions.

    :raises UsageError: no such field, or it cannot be compared like this; the message says what can stand there.
    """
    fits = fits_of(comparison)
    values = FIELDS[comparison.name].values
    if comparison.operator == "!=":
        return lambda session: not any(map(fits, values(session)))
    return lambda session: any(map(fits, values(session)))


def fits_of(comparison: Comparison) -> Fits:
    """The comparison as a function of one value of its field, ``!=`` taken as ``=``.

    :raises UsageError: as :func:`test_of`.
    """
    field = FIELDS.get(comparison.name)
    if field is None:
        refuse(
            comparison.column,
            _near(Remark("unknown field {word!r}", word=comparison.name), comparison.name, FIELDS, is_field=True),
        )
    how = comparison.operator
    if how in _ORDER:
        if field.kind not in ("number", "time"):
            refuse(
                comparison.operator_column,
                Remark("{name} has no order: = or != is expected, not {how!r}", name=comparison.name, how=how),
            )
        if len(comparison.values) > 1:
            refuse(
                comparison.values[1].column,
                Remark("one value is expected behind {how!r}; several need = or !=", how=how),
            )
    return _FITS[field.kind](comparison)


def _near(wrong: Remark, word: str, words: Collection[str], *, is_field: bool) -> Remark:
    """A message about a word that does not exist, with what there is, or of many the most alike."""
    from difflib import get_close_matches

    if len(words) > MAX_NAMED and (close := get_close_matches(word.lower(), words, n=3, cutoff=0.6)):
        return Remark("{wrong}; did you mean {known}?", wrong=wrong, known=tuple(close))
    if is_field:
        return Remark("{wrong}; fields: {known}", wrong=wrong, known=tuple(words))
    return Remark("{wrong}; values: {known}", wrong=wrong, known=tuple(words))


def _fits_word(comparison: Comparison) -> Fits:
    allowed = FIELDS[comparison.name].allowed()
    chosen: set[str] = set()
    for value in comparison.values:
        found = set(filter(_pattern(value.text), allowed))
        if not found:
            refuse(
                value.column,
                _near(
                    Remark("{field} is never {word!r}", field=comparison.name, word=value.text),
                    value.text,
                    allowed,
                    is_field=False,
                ),
            )
        chosen |= found
    return chosen.__contains__


def _fits_text(comparison: Comparison) -> Fits:
    patterns = [_pattern(value.text) for value in comparison.values]
    return lambda text: any(fits(text) for fits in patterns)


def _fits_number(comparison: Comparison) -> Fits:
    numbers = [number_from(value, comparison.name) for value in comparison.values]
    if (order := _ORDER.get(comparison.operator)) is not None:
        limit = numbers[0]
        return lambda number: order(number, limit)
    return frozenset(numbers).__contains__


def _fits_address(comparison: Comparison) -> Fits:
    ranges = [addresses_from(value, comparison.name) for value in comparison.values]
    number = _number_of

    def fits(ip: str) -> bool:
        address = number(ip)
        return any(first <= address <= last for first, last in ranges)

    return fits


def _fits_time(comparison: Comparison) -> Fits:
    """RFC 3339 texts of one form and zone order as the times do."""
    periods = [period_from(value) for value in comparison.values]
    begin, end = periods[0]
    match comparison.operator:
        case "<":
            return lambda time: time < begin
        case "<=":
            return lambda time: time < end
        case ">":
            return lambda time: time >= end
        case ">=":
            return lambda time: time >= begin
    return lambda time: any(begin <= time < end for begin, end in periods)


_FITS: Final[dict[str, Callable[[Comparison], Fits]]] = {
    "word": _fits_word,
    "text": _fits_text,
    "number": _fits_number,
    "address": _fits_address,
    "time": _fits_time,
}


def _pattern(text: str) -> Fits:
    """``*`` stands for any characters, also none; case does not count."""
    parts = text.lower().split("*")
    if len(parts) == 1:
        return lambda value: value.lower() == parts[0]
    first, *middle, last = parts
    least = len(first) + len(last)

    def fits(value: str) -> bool:
        # Leftmost places first: linear where a regular expression may take exponential time.
        value = value.lower()
        if len(value) < least or not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            at = value.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return fits


@lru_cache(1 << 14)
def _number_of(ip: str) -> tuple[int, int]:
    """(IP version, the address as a number)."""
    from ipaddress import ip_address

    address = ip_address(ip)
    return address.version, int(address)
