"""Every program whose lines are made, by the name of its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab import logged_clients, logged_servers
from lab.logged import Sample
from lab.net import Lab

__all__ = ["PROGRAMS"]

PROGRAMS: dict[str, Callable[[Lab], Iterator[Sample]]] = {
    "nginx": logged_servers.nginx,
    "haproxy": logged_servers.haproxy,
    "apache": logged_servers.apache,
    "stunnel": logged_servers.stunnel,
    "curl": logged_clients.curl,
    "openssl": logged_clients.openssl_client,
    "gnutls": logged_clients.gnutls,
    "python": logged_clients.python,
    "go": logged_clients.go,
    "java": logged_clients.java,
    "node": logged_clients.node,
    "browser": logged_clients.chromium,
    "sshd": logged_clients.sshd,
    "postgresql": logged_clients.postgresql,
}
