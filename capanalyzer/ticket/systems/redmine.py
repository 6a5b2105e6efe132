"""Redmine, over python-redmine and its REST API.

Uploads give tokens; the note or the new issue that names the tokens attaches the files, all at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from redminelib import Redmine
from redminelib.engines import DefaultEngine
from redminelib.exceptions import BaseRedmineError

from capanalyzer.ticket.deliver import Seen
from capanalyzer.ticket.markup.markdown import Markdown
from capanalyzer.ticket.markup.textile import Textile
from capanalyzer.ticket.rehearsal import Rehearsal
from capanalyzer.ticket.wire import open_session

if TYPE_CHECKING:
    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.document import Markup
    from capanalyzer.ticket.parcel import Item
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["RedmineDesk"]


class RedmineDesk:
    """An issue, or a project for a new one."""

    max_bytes = 5 * 1024 * 1024
    """The setting ``attachment_max_size`` as Redmine is installed; the API does not tell it."""
    max_chars = 60_000
    """The column takes 65,535 bytes on MySQL."""
    stages = True
    client_errors: tuple[type[Exception], ...] = (BaseRedmineError,)

    def __init__(self, target: Target, credentials: Credentials | None, write: Write | None) -> None:
        self._target = target
        self.markup: Markup = Markdown() if target.options.get("markup") == "markdown" else Textile()
        self._uploads: list[dict[str, str]] = []
        rehearsal = None if write is None else Rehearsal(write, _pretend)
        session = open_session(target.base, "redmine", credentials, rehearsal)

        class Engine(DefaultEngine):  # type: ignore[misc]  # python-redmine carries no types
            """Requests go over our wire, and the library never has the secret."""

            @staticmethod
            def create_session(**_: Any) -> Any:
                return session

        self._redmine = Redmine(target.base, engine=Engine)

    def prepare(self) -> None:
        """There is nothing to ask: limits and markup are for administrators only."""

    def find(self, digest: str) -> str | None:
        found = self._redmine.issue.filter(
            project_id=self._target.place, status_id="*", description=f"~{digest}", limit=1
        )
        # Servers that do not know the filter give any issue: the text decides.
        return next((str(issue.id) for issue in found if digest in (getattr(issue, "description", "") or "")), None)

    def seen(self, ticket: str) -> Seen:
        issue = self._redmine.issue.get(int(ticket), include=["journals", "attachments"])
        texts = [getattr(issue, "description", "") or ""]
        texts += [getattr(journal, "notes", "") or "" for journal in issue.journals]
        return Seen({str(one.filename): int(one.filesize) for one in issue.attachments}, "\n".join(texts))

    def upload(self, item: Item, ticket: str | None) -> None:
        with item.open() as file:
            token = self._redmine.upload(file, filename=item.name)["token"]
        self._uploads.append(
            {
                "token": token,
                "filename": item.name,
                "content_type": item.media_type,
                "description": f"SHA-256 {item.sha256}",
            }
        )

    def open(self, title: str, text: str, digest: str) -> str:
        # The library's resources would upload by themselves; these files are uploaded already.
        answer = self._redmine.engine.request(
            "post",
            f"{self._target.base}/issues.json",
            data={
                "issue": {
                    "project_id": self._target.place,
                    "subject": title,
                    "description": text,
                    "uploads": self._uploads,
                }
            },
        )
        return str(answer["issue"]["id"])

    def comment(self, ticket: str, text: str) -> None:
        self._redmine.engine.request(
            "put",
            f"{self._target.base}/issues/{ticket}.json",
            data={"issue": {"notes": text, "uploads": self._uploads}},
        )

    def url(self, ticket: str) -> str:
        return f"{self._target.base}/issues/{ticket}"


_TICKET: Final = re.compile(r"/issues/(\d+)\.json$")


def _pretend(method: str, path: str) -> Any:
    if path.endswith("/uploads.json"):
        return {"upload": {"token": "TOKEN"}}
    if found := _TICKET.search(path):
        return {"issue": {"id": int(found[1]), "journals": [], "attachments": []}}
    if method == "GET":
        return {"issues": [], "total_count": 0, "offset": 0, "limit": 1}
    return {"issue": {"id": 0}}
