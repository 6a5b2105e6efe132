"""GitHub, github.com, ghe.com and Enterprise Server, over its REST API.

The API has no way to attach a file to an issue. Reports that are text are written into the comment, folded; what is
not text, or finds no room, is named with its hash and left to be dropped into the page by hand. Gists and branches are
no way out: a gist is readable by whoever has its address, and evidence does not belong into a repository.
"""

from __future__ import annotations

import math
from re import compile as pattern
from typing import TYPE_CHECKING, Any, Final

from capanalyzer.ticket.deliver import Seen, TooLarge
from capanalyzer.ticket.markup.markdown import Markdown, fenced
from capanalyzer.ticket.rehearsal import Rehearsal
from capanalyzer.ticket.wire import open_session

if TYPE_CHECKING:
    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.document import Markup
    from capanalyzer.ticket.parcel import Item
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["GitHubDesk", "api_of"]

MAX_BODY: Final = 65_536
"""Characters of an issue or a comment."""
MAX_PAGES: Final = 20
"""Of a hundred comments each, the newest."""
_FOLDED: Final = pattern(r"<details><summary><code>([\w.-]+)</code></summary>")


class GitHubDesk:
    """An issue, or a repository for a new one."""

    max_bytes = 4 * MAX_BODY
    max_chars = 20_000
    """Of the summary; the rest of the comment is for the files."""
    stages = True
    client_errors: tuple[type[Exception], ...] = ()

    def __init__(self, target: Target, credentials: Credentials | None, write: Write | None) -> None:
        self._target = target
        self.markup: Markup = Markdown()
        base = api_of(target)
        rehearsal = None if write is None else Rehearsal(write, _pretend)
        self._session = open_session(base, "github", credentials, rehearsal)
        self._session.headers.update({"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"})
        self._issues = f"{base}/repos/{target.place}/issues"
        self._folded: list[str] = []

    def prepare(self) -> None:
        """There is nothing to ask."""

    def find(self, digest: str) -> str | None:
        # The search would find older ones, but lags behind by minutes; this list does not.
        listed = self._session.json("GET", self._issues, params={"state": "all", "sort": "created", "per_page": "100"})
        return next((str(one["number"]) for one in listed if digest in (one.get("body") or "")), None)

    def seen(self, ticket: str) -> Seen:
        issue = self._session.json("GET", f"{self._issues}/{ticket}")
        texts = [issue.get("body") or ""]
        last = math.ceil(int(issue["comments"]) / 100)
        for page in range(last, max(last - MAX_PAGES, 0), -1):
            listed = self._session.json(
                "GET", f"{self._issues}/{ticket}/comments", params={"per_page": "100", "page": str(page)}
            )
            texts += [one.get("body") or "" for one in listed]
        text = "\n".join(texts)
        return Seen(dict.fromkeys(_FOLDED.findall(text), -1), text)

    def upload(self, item: Item, ticket: str | None) -> None:
        used = sum(len(text) for text in self._folded)
        if item.size > MAX_BODY * 4:
            raise TooLarge
        with item.open() as file:
            content = file.read()
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            raise TooLarge from None
        if "\0" in text:
            raise TooLarge
        folded = f"\n\n<details><summary><code>{item.name}</code></summary>\n\n{fenced(text)}\n\n</details>"
        if used + len(folded) > MAX_BODY - self.max_chars:
            raise TooLarge
        self._folded.append(folded)

    def open(self, title: str, text: str, digest: str) -> str:
        answer = self._session.json("POST", self._issues, json={"title": title, "body": self._body(text)})
        return str(answer["number"])

    def comment(self, ticket: str, text: str) -> None:
        self._session.json("POST", f"{self._issues}/{ticket}/comments", json={"body": self._body(text)})

    def url(self, ticket: str) -> str:
        return f"{self._target.base}/{self._target.place}/issues/{ticket}"

    def _body(self, text: str) -> str:
        return "".join((text, *self._folded))


def api_of(target: Target) -> str:
    """Where the API is: beside github.com, beside a company's ghe.com, below /api/v3 of an Enterprise Server."""
    host = target.host
    if host in ("github.com", "www.github.com"):
        return "https://api.github.com"
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{target.base}/api/v3"


def _pretend(method: str, path: str) -> Any:
    if method == "GET" and path.endswith(("/issues", "/comments")):
        return []
    return {"number": 0, "body": "", "comments": 0}
