"""Which certificates are believed: of web servers and mail servers alike."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark

__all__ = ["tls_context"]


def tls_context(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Verifies names and chains; with the system's authorities, or those that the environment names.

    REQUESTS_CA_BUNDLE (a file or a folder), else what OpenSSL honours itself: SSL_CERT_FILE and SSL_CERT_DIR.
    """
    bundle = environ.get("REQUESTS_CA_BUNDLE")
    if not bundle:
        return ssl.create_default_context()
    try:
        folder = os.path.isdir(bundle)
        return ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
    except (OSError, ssl.SSLError):
        raise TicketError(
            Remark("REQUESTS_CA_BUNDLE: {bundle} cannot be read as certificates", bundle=bundle)
        ) from None
