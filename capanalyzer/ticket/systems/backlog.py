"""Backlog (Nulab), over its REST API version 2.

Files are sent to the space and get a number; the comment or the new issue that names the numbers attaches them, all
at once. Those that nobody names are gone after an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark
from capanalyzer.ticket.deliver import Seen
from capanalyzer.ticket.markup.backlog import BacklogNotation
from capanalyzer.ticket.markup.markdown import Markdown
from capanalyzer.ticket.rehearsal import Rehearsal
from capanalyzer.ticket.wire import open_session

if TYPE_CHECKING:
    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.document import Markup
    from capanalyzer.ticket.parcel import Item
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["BacklogDesk"]

NORMAL: int = 3
"""The priority *Normal*; there are High 2, Normal 3 and Low 4, in every space."""


class BacklogDesk:
    """An issue, or a project for a new one."""

    max_bytes = 50 * 1024 * 1024
    """Backlog's documentation of the API gives no limit: what is refused is named in the ticket."""
    max_chars = 30_000
    stages = True
    client_errors: tuple[type[Exception], ...] = ()

    def __init__(self, target: Target, credentials: Credentials | None, write: Write | None) -> None:
        self._target = target
        self.markup: Markup = Markdown()
        rehearsal = None if write is None else Rehearsal(write, _pretend)
        self._session = open_session(target.base, "backlog", credentials, rehearsal)
        self._api = f"{target.base}/api/v2"
        self._project: dict[str, Any] = {}
        self._attachments: list[int] = []

    def prepare(self) -> None:
        self._project = self._session.json("GET", f"{self._api}/projects/{self._target.place}")
        if self._project.get("textFormattingRule") == "backlog":
            self.markup = BacklogNotation()

    def find(self, digest: str) -> str | None:
        listed = self._session.json(
            "GET",
            f"{self._api}/issues",
            params={"projectId[]": str(self._project["id"]), "keyword": digest.partition(":")[2], "count": "20"},
        )
        return next((str(one["issueKey"]) for one in listed if digest in (one.get("description") or "")), None)

    def seen(self, ticket: str) -> Seen:
        issue = f"{self._api}/issues/{ticket}"
        texts = [self._session.json("GET", issue).get("description") or ""]
        # The newest hundred: on an issue with more, a summary that is older may be said again.
        comments = self._session.json("GET", f"{issue}/comments", params={"count": "100", "order": "desc"})
        texts += [one.get("content") or "" for one in comments]
        files = self._session.json("GET", f"{issue}/attachments")
        return Seen({str(one["name"]): int(one["size"]) for one in files}, "\n".join(texts))

    def upload(self, item: Item, ticket: str | None) -> None:
        with item.open() as file:
            answer = self._session.json(
                "POST", f"{self._api}/space/attachment", files={"file": (item.name, file, item.media_type)}
            )
        self._attachments.append(int(answer["id"]))

    def open(self, title: str, text: str, digest: str) -> str:
        issue = {
            "projectId": str(self._project["id"]),
            "summary": title,
            "issueTypeId": str(self._type()),
            "priorityId": str(NORMAL),
            "description": text,
            "attachmentId[]": [str(one) for one in self._attachments],
        }
        return str(self._session.json("POST", f"{self._api}/issues", data=issue)["issueKey"])

    def comment(self, ticket: str, text: str) -> None:
        data = {"content": text, "attachmentId[]": [str(one) for one in self._attachments]}
        self._session.json("POST", f"{self._api}/issues/{ticket}/comments", data=data)

    def url(self, ticket: str) -> str:
        return f"{self._target.base}/view/{ticket}"

    def _type(self) -> int:
        """The issue type that was asked for, else the project's first."""
        types = self._session.json("GET", f"{self._api}/projects/{self._target.place}/issueTypes")
        wanted = self._target.options.get("type")
        for one in types:
            if wanted in (None, one["name"]):
                return int(one["id"])
        names = ", ".join(str(one["name"]) for one in types)
        raise TicketError(
            Remark(
                "{base}: the project has no issue type {wanted!r}, but {names}",
                base=self._target.base,
                wanted=wanted,
                names=names,
            )
        )


def _pretend(method: str, path: str) -> Any:
    if path.endswith("/issueTypes"):
        return [{"id": 0, "name": "Task"}]
    if method == "GET" and path.endswith(("/issues", "/comments", "/attachments")):
        return []
    if path.endswith("/space/attachment"):
        return {"id": 0}
    return {"id": 0, "issueKey": "KEY-0", "description": "", "textFormattingRule": "markdown"}
