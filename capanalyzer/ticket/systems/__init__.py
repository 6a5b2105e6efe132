"""Ticket systems: a module for each, imported when a target names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark

if TYPE_CHECKING:
    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.deliver import Desk
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["open_desk"]


def open_desk(target: Target, credentials: Credentials | None, write: Write | None) -> Desk:
    """The system that ``target`` names.

    :param write: a dry run: requests are written here and not sent.
    :raises UsageError: a library that it needs is not installed.
    """
    try:
        match target.system:
            case "redmine":
                from capanalyzer.ticket.systems.redmine import RedmineDesk

                return RedmineDesk(target, credentials, write)
            case "jira":
                from capanalyzer.ticket.systems.jira import JiraDesk

                return JiraDesk(target, credentials, write)
            case "servicenow":
                from capanalyzer.ticket.systems.servicenow import ServiceNowDesk

                return ServiceNowDesk(target, credentials, write)
            case "github":
                from capanalyzer.ticket.systems.github import GitHubDesk

                return GitHubDesk(target, credentials, write)
            case "gitlab":
                from capanalyzer.ticket.systems.gitlab import GitLabDesk

                return GitLabDesk(target, credentials, write)
            case _:
                from capanalyzer.ticket.systems.backlog import BacklogDesk

                return BacklogDesk(target, credentials, write)
    except ImportError as error:
        raise UsageError(
            Remark("{name} is not installed: pip install 'capanalyzer[attach]'", name=error.name)
        ) from None
