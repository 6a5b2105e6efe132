"""Erlang's ssl: RabbitMQ, ejabberd, CouchDB and others."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.alerts import alert_by_name, received, sent
from capanalyzer.logs.body import Body
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Role, Said

__all__ = ["FORMAT"]

_NAME: Final = "erlang"
_LINE: Final = re.compile(
    r"TLS (?P<role>server|client): In state (?P<state>\w{1,40})(?: at [\w.:]{1,80})? (?P<way>received|generated) "
    r"(?P<whose>CLIENT|SERVER) ALERT: (?:Fatal|Warning) - (?P<alert>[A-Za-z ]{3,60})"
)
"""``ssl_alert.erl``, ``alert_txt``."""


def _read(body: Body) -> Found | None:
    match = _LINE.search(body.text)
    if match is None:
        return None
    role = Role.SERVER if match["role"] == "server" else Role.CLIENT
    is_own, alert = match["way"] == "generated", alert_by_name(match["alert"])
    if alert is None:
        meaning = "sent-other" if is_own else "alert-other"
    else:
        meaning = sent(alert, role) if is_own else received(alert, role)
    said = Said.LOCAL if is_own else Said.PEER
    return found(body, _NAME, meaning, reason=match[0], role=role, said=said, alert=alert)


FORMAT: Final = Format(_NAME, (" alert: fatal - ", " alert: warning - "), _read)
