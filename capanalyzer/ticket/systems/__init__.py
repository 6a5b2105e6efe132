"""Ticket systems: a module for each, imported when a target names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.deliver import Desk
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["check_ready", "open_desk"]


def check_ready(target: Target) -> None:
    """What a delivery to ``target`` needs of this machine is there; asked before anything takes its time.

    :raises UsageError: a library is not installed, or a mail's server or sender are not set.
    """
    if target.system == "mail":
        from capanalyzer.ticket.systems.mail import check_settings

        check_settings()
    else:
        _desk_of(target.system)


def open_desk(target: Target, credentials: Credentials | None, write: Write | None) -> Desk:
    """The system that ``target`` names.

    :param write: a dry run: requests are written here and not sent.
    :raises UsageError: a library that it needs is not installed.
    """
    return _desk_of(target.system)(target, credentials, write)


def _desk_of(system: str) -> Callable[[Target, Credentials | None, Write | None], Desk]:
    try:
        match system:
            case "redmine":
                from capanalyzer.ticket.systems.redmine import RedmineDesk

                return RedmineDesk
            case "jira":
                from capanalyzer.ticket.systems.jira import JiraDesk

                return JiraDesk
            case "servicenow":
                from capanalyzer.ticket.systems.servicenow import ServiceNowDesk

                return ServiceNowDesk
            case "github":
                from capanalyzer.ticket.systems.github import GitHubDesk

                return GitHubDesk
            case "gitlab":
                from capanalyzer.ticket.systems.gitlab import GitLabDesk

                return GitLabDesk
            case _:
                from capanalyzer.ticket.systems.backlog import BacklogDesk

                return BacklogDesk
    except ImportError as error:
        raise UsageError(
            Remark("{name} is not installed: pip install 'capanalyzer[attach]'", name=error.name)
        ) from None
