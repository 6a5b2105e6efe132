"""Every format that is known, one module for each family, in the order in which they are tried.

Each claims only what its program writes, so the order decides where one program quotes another: what names addresses
comes before what quotes a library, and a library's bare words come last.
"""

from __future__ import annotations

from typing import Final

from capanalyzer.logs.formats import (
    apache,
    aws,
    azure,
    clients,
    databases,
    envoy,
    erlang,
    f5,
    gcp,
    gnutls,
    go,
    haproxy,
    haproxy_traffic,
    java,
    java_traces,
    libraries,
    mail,
    nginx,
    ruby,
    runtimes,
    rustls,
    squid,
    stunnel,
    windows,
)
from capanalyzer.logs.found import Format

__all__ = ["FORMATS"]

FORMATS: Final[tuple[Format, ...]] = (
    # Load balancers and servers: lines of a fixed form, most with addresses.
    f5.FORMAT,
    nginx.FORMAT,
    haproxy_traffic.TRAFFIC,
    haproxy.FORMAT,
    haproxy.CODES,
    apache.FORMAT,
    stunnel.FORMAT,
    envoy.FORMAT,
    squid.FORMAT,
    aws.ALB,
    aws.NLB,
    aws.CLASSIC,
    azure.FORMAT,
    gcp.FORMAT,
    aws.CLOUDFRONT,
    mail.POSTFIX,
    mail.EXIM,
    mail.DOVECOT,
    mail.SSHD,
    databases.POSTGRESQL,
    databases.MYSQL,
    # Languages and clients, which quote a library in words of their own.
    go.FORMAT,
    java.FORMAT,
    java_traces.FORMAT,
    rustls.FORMAT,
    erlang.FORMAT,
    ruby.FORMAT,
    clients.CURL,
    runtimes.PYTHON,
    clients.BROWSER,
    runtimes.NODE,
    windows.SCHANNEL,
    windows.DOTNET,
    gnutls.GNUTLS,
    # The library itself, in any text.
    libraries.OPENSSL,
)
