"""Who we are to a ticket system: from the environment, a keyring or netrc; never from the command line.

In this order the first that has something is taken:

1. ``CAPANALYZER_<SYSTEM>_TOKEN`` (an API key or token), with ``CAPANALYZER_<SYSTEM>_USER`` where a user belongs to it;
   or ``CAPANALYZER_<SYSTEM>_USER`` and ``CAPANALYZER_<SYSTEM>_PASSWORD``.
2. The keyring of the desktop, where the package ``keyring`` is installed: service ``capanalyzer:HOST``, user as in
   ``CAPANALYZER_<SYSTEM>_USER``, else ``token``.
3. netrc: the file that ``NETRC`` names, else ``~/.netrc``.
"""

from __future__ import annotations

import base64
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from capanalyzer.errors import TicketError, UsageError
from capanalyzer.remark import Remark

__all__ = ["Credentials", "authorization", "find_credentials"]

_TOKEN_USER: Final = "token"  # noqa: S105 - a name
"""The user name in a keyring under which a token without a user is kept."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A secret and whose it is. Its representation does not show it."""

    user: str | None
    secret: str = field(repr=False)
    source: str
    """Where it was found, for the reader of a dry run."""
    is_token: bool
    """An API key or token, not a password."""

    def hide(self, text: str) -> str:
        """``text`` without the secret, in whatever form a server or a library might repeat it."""
        for form in (self.secret, _basic(self)):
            text = text.replace(form, "***")
        return text


def find_credentials(system: str, host: str, environ: Mapping[str, str] = os.environ) -> Credentials | None:
    """Credentials for ``host``, None where there are none.

    :raises UsageError: half a pair is set, or the secret holds characters that no header can carry.
    :raises TicketError: netrc cannot be read.
    """
    found = _environment(system, environ) or _keyring(system, host, environ) or _netrc(host, environ)
    if found is not None and not (found.secret.isprintable() and found.secret.isascii()):
        raise UsageError(
            Remark("the secret in {source} holds a line end or characters beyond ASCII", source=found.source)
        )
    return found


def authorization(system: str, credentials: Credentials) -> tuple[dict[str, str], dict[str, str]]:
    """(headers, query parameters) that present the credentials to a system, as its documentation has them."""
    secret = credentials.secret
    if system == "gitlab":
        return {"PRIVATE-TOKEN": secret}, {}
    if system == "backlog":
        return {}, {"apiKey": secret}
    if system == "github":
        return {"Authorization": f"Bearer {secret}"}, {}
    if system == "redmine" and credentials.is_token:
        return {"X-Redmine-API-Key": secret}, {}
    if credentials.user is None:
        return {"Authorization": f"Bearer {secret}"}, {}
    return {"Authorization": f"Basic {_basic(credentials)}"}, {}


def _basic(credentials: Credentials) -> str:
    return base64.b64encode(f"{credentials.user}:{credentials.secret}".encode()).decode("ascii")


def _environment(system: str, environ: Mapping[str, str]) -> Credentials | None:
    prefix = f"CAPANALYZER_{system.upper()}_"
    user = environ.get(prefix + "USER") or None
    if token := environ.get(prefix + "TOKEN"):
        return Credentials(user, token, prefix + "TOKEN", is_token=True)
    if password := environ.get(prefix + "PASSWORD"):
        if user is None:
            raise UsageError(Remark("{prefix}PASSWORD is set, but {prefix}USER is not", prefix=prefix))
        return Credentials(user, password, prefix + "PASSWORD", is_token=False)
    return None


def _keyring(system: str, host: str, environ: Mapping[str, str]) -> Credentials | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    user = environ.get(f"CAPANALYZER_{system.upper()}_USER") or None
    try:
        secret = keyring.get_password(f"capanalyzer:{host}", user or _TOKEN_USER)
    except KeyringError:
        return None  # no keyring on this machine, or it is locked
    return (
        None
        if not secret
        else Credentials(
            user, secret, Remark("the keyring ({entry})", entry=f"capanalyzer:{host}"), is_token=user is None
        )
    )


def _netrc(host: str, environ: Mapping[str, str]) -> Credentials | None:
    path = environ.get("NETRC") or os.path.join(os.path.expanduser("~"), ".netrc")
    if not os.path.isfile(path):
        return None
    try:
        entry = netrc.netrc(path).hosts.get(host)  # not its default, which is meant for no host in particular
    except netrc.NetrcParseError as error:
        # The error's own text may quote the line it stumbled over.
        raise TicketError(
            Remark("{path}: line {lineno} is no netrc, or others may read the file", path=path, lineno=error.lineno)
        ) from None
    except (OSError, UnicodeDecodeError):
        raise TicketError(Remark("{path}: cannot be read", path=path)) from None
    if entry is None or not entry[2]:
        return None
    return Credentials(entry[0] or None, entry[2], path, is_token=False)
