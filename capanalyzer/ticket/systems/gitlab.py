"""GitLab issues, over python-gitlab: REST API version 4.

Files are uploaded to the project; the note or the description that links to them is what attaches them.
"""

from __future__ import annotations

from re import compile as pattern
from typing import TYPE_CHECKING, Any, Final

from gitlab import Gitlab, GitlabError

from capanalyzer.ticket.deliver import Seen
from capanalyzer.ticket.markup.markdown import Markdown
from capanalyzer.ticket.rehearsal import Rehearsal
from capanalyzer.ticket.wire import open_session

if TYPE_CHECKING:
    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.document import Markup
    from capanalyzer.ticket.parcel import Item
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["GitLabDesk"]

_LINK: Final = pattern(r"\[([\w.-]+)\]\(/uploads/")
MAX_NOTES: Final = 100
"""The newest; on an issue with more, an older summary may be said again."""


class GitLabDesk:
    """An issue, or a project for a new one."""

    max_bytes = 100 * 1024 * 1024
    """``max_attachment_size`` as installed, and on gitlab.com; reading it takes an administrator."""
    max_chars = 200_000
    """Notes take a million; nobody reads more than this."""
    stages = True
    client_errors: tuple[type[Exception], ...] = (GitlabError,)

    def __init__(self, target: Target, credentials: Credentials | None, write: Write | None) -> None:
        self._target = target
        self.markup: Markup = Markdown()
        self._links: list[str] = []
        rehearsal = None if write is None else Rehearsal(write, _pretend)
        session = open_session(target.base, "gitlab", credentials, rehearsal)
        # Pages of a list are followed by what the request was, not by what a proxy made of it.
        self._gitlab = Gitlab(target.base, session=session, keep_base_url=True)

    def prepare(self) -> None:
        # By its number from here on: the library encodes a path twice where it uploads.
        self._project = self._gitlab.projects.get(self._target.place)

    def find(self, digest: str) -> str | None:
        search = digest.partition(":")[2]
        for issue in self._project.issues.list(search=search, scope="all", get_all=False, per_page=20):
            if digest in (issue.description or ""):
                return str(issue.iid)
        return None

    def seen(self, ticket: str) -> Seen:
        issue = self._project.issues.get(int(ticket))
        notes = issue.notes.list(order_by="created_at", sort="desc", get_all=False, per_page=MAX_NOTES)
        text = "\n".join([issue.description or "", *(note.body for note in notes)])
        return Seen(dict.fromkeys(_LINK.findall(text), -1), text)

    def upload(self, item: Item, ticket: str | None) -> None:
        self._links.append(f"- {self._project.upload(item.name, filepath=item.path)['markdown'].lstrip('!')}")

    def open(self, title: str, text: str, digest: str) -> str:
        return str(self._project.issues.create({"title": title, "description": self._body(text)}).iid)

    def comment(self, ticket: str, text: str) -> None:
        self._project.issues.get(int(ticket), lazy=True).notes.create({"body": self._body(text)})

    def url(self, ticket: str) -> str:
        return f"{self._target.base}/{self._target.place}/-/issues/{ticket}"

    def _body(self, text: str) -> str:
        return text + "".join(["\n\n" if self._links else "", "\n".join(self._links)])


def _pretend(method: str, path: str) -> Any:
    if path.endswith("/uploads"):
        return {"markdown": "[FILE](/uploads/SECRET/FILE)"}
    if method == "GET" and path.endswith(("/issues", "/notes")):
        return []
    return {"id": 0, "iid": 0, "description": "", "body": ""}
