"""The server that a client's message names by its URL."""

from __future__ import annotations

import re
from typing import Final

from capanalyzer.logs.ends import peer
from capanalyzer.logs.line import Peer

__all__ = ["server_of_url"]

_URL: Final = re.compile(
    r"\b(?P<scheme>https?)://(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253}))(?::(?P<port>\d{1,5}))?"
)
_PORTS: Final = {"http": "80", "https": "443"}
_POOL: Final = re.compile(r"HTTPSConnectionPool\(host='(?P<host>[A-Za-z0-9._:-]{1,253})', port=(?P<port>\d{1,5})\)")
"""urllib3's, which requests and pip show."""


def server_of_url(text: str, *, scheme: str = "https") -> tuple[Peer | None, str | None]:
    """(address and port as far as they show, name) of the first URL with this scheme."""
    if (match := _POOL.search(text)) is not None:
        host, port = match["host"], match["port"]
    elif (match := next((one for one in _URL.finditer(text) if one["scheme"] == scheme), None)) is not None:
        host, port = match["v6"] or match["host"], match["port"] or _PORTS[scheme]
    else:
        return None, None
    number = int(port)
    if not 0 < number <= 65535:
        return None, None
    if (server := peer(host, number)) is not None:
        return server, None
    return Peer(None, number), host
