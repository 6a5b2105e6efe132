"""The host that a plaintext request is meant for."""

from __future__ import annotations

from capanalyzer.http.start import connect_target, read_host, read_request_line

__all__ = ["request_host"]


def request_host(opening: bytes) -> str | None:
    """The target of a CONNECT request (RFC 9110 section 9.3.6), or the Host field (section 7.2), without its port.

    :param opening: the first bytes of the client's stream. None where they are no HTTP request, or name no host.
    """
    if read_request_line(opening) is None:
        return None
    if (target := connect_target(opening)) is not None:
        return target[0]
    host = read_host(opening)
    if host is None:
        return None
    if host.startswith("["):  # RFC 3986 section 3.2.2
        return host[1:].partition("]")[0] or None
    return host.partition(":")[0] or None
