"""Jira, Cloud and Data Center, over the library ``jira``: REST API version 2, whose texts are wiki markup.

An issue has to exist before a file can be attached to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from jira import JIRA, JIRAError

from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark
from capanalyzer.ticket.deliver import Seen
from capanalyzer.ticket.markup.jira import JiraWiki
from capanalyzer.ticket.rehearsal import Rehearsal
from capanalyzer.ticket.wire import open_session

if TYPE_CHECKING:
    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.document import Markup
    from capanalyzer.ticket.parcel import Item
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["JiraDesk"]


class JiraDesk:
    """An issue, or a project for a new one."""

    max_bytes = 10 * 1024 * 1024
    """Until the server has told its own: Data Center as it is installed."""
    max_chars = 32_767
    """``jira.text.field.character.limit``."""
    stages = False
    client_errors: tuple[type[Exception], ...] = (JIRAError,)

    def __init__(self, target: Target, credentials: Credentials | None, write: Write | None) -> None:
        self._target = target
        self.markup: Markup = JiraWiki()
        rehearsal = None if write is None else Rehearsal(write, lambda _, path: _pretend(target, path))
        self._session = open_session(target.base, "jira", credentials, rehearsal)
        self._api = f"{target.base}/rest/api/2"
        self._jira = JIRA(
            target.base,
            options={"check_update": False},
            get_server_info=False,
            validate=False,
            max_retries=0,
            logging=False,
        )
        session: Any = self._jira._session  # noqa: SLF001 - the library takes none
        session.trust_env = False
        session.adapters = self._session.adapters

    def prepare(self) -> None:
        # Cloud and Data Center search in different ways; the library knows how once it knows which it is.
        self._jira.deploymentType = self._jira.server_info().get("deploymentType")
        meta = self._jira.attachment_meta()
        if meta.get("enabled") is False:
            raise TicketError(Remark("{base}: attachments are switched off on this server", base=self._target.base))
        limit = meta.get("uploadLimit")
        if isinstance(limit, int) and limit > 0:
            self.max_bytes = limit

    def find(self, digest: str) -> str | None:
        query = f'project = "{self._target.place}" AND description ~ "{digest.partition(":")[2]}"'
        for issue in cast("Any", self._jira.search_issues(query, maxResults=5, fields="description")):
            if digest in (issue.fields.description or ""):
                return str(issue.key)
        return None

    def seen(self, ticket: str) -> Seen:
        issue = self._jira.issue(ticket, fields="description,attachment")
        # The newest hundred: on a ticket with more, a summary that is older may be said again.
        answer = self._session.json(
            "GET", f"{self._api}/issue/{ticket}/comment", params={"orderBy": "-created", "maxResults": "100"}
        )
        texts = [issue.fields.description or "", *(str(one.get("body") or "") for one in answer.get("comments", ()))]
        return Seen({one.filename: int(one.size) for one in issue.fields.attachment}, "\n".join(texts))

    def upload(self, item: Item, ticket: str | None) -> None:
        assert ticket is not None
        with item.open() as file:
            self._jira.add_attachment(ticket, file, item.name)

    def open(self, title: str, text: str, digest: str) -> str:
        fields = {
            "project": {"key": self._target.place},
            "issuetype": {"name": self._target.options.get("type", "Task")},
            "summary": title,
            "description": text,
        }
        return str(self._jira.create_issue(fields=fields, prefetch=False).key)

    def comment(self, ticket: str, text: str) -> None:
        self._jira.add_comment(ticket, text)

    def url(self, ticket: str) -> str:
        return f"{self._target.base}/browse/{ticket}"


def _pretend(target: Target, path: str) -> Any:
    if path.endswith("/attachments"):
        return [{"id": "0", "size": 1}]
    if path.endswith("/field"):
        return []
    if path.endswith("/comment"):
        return {"comments": [], "id": "0"}
    if path.endswith(("/search", "/search/jql")):
        return {"issues": [], "total": 0, "startAt": 0, "maxResults": 5, "isLast": True}
    key = target.ticket or f"{target.place}-0"
    return {"id": "0", "key": key, "fields": {"description": "", "attachment": []}}
