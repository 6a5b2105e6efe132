"""ServiceNow, over its Table API and Attachment API.

A summary becomes a work note, which the caller does not see; a new record has it as its description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capanalyzer.errors import TicketError
from capanalyzer.remark import Remark
from capanalyzer.ticket.deliver import Seen
from capanalyzer.ticket.markup.plain import Journal
from capanalyzer.ticket.rehearsal import Rehearsal
from capanalyzer.ticket.wire import open_session

if TYPE_CHECKING:
    from capanalyzer.ticket.credentials import Credentials
    from capanalyzer.ticket.document import Markup
    from capanalyzer.ticket.parcel import Item
    from capanalyzer.ticket.rehearsal import Write
    from capanalyzer.ticket.target import Target

__all__ = ["ServiceNowDesk"]


class ServiceNowDesk:
    """A record of a table derived from *task*, or the table for a new one. Tickets go by their ``sys_id`` here."""

    max_bytes = 1024 * 1000 * 1000
    """``com.glide.attachment.max_size`` as delivered; reading it takes an administrator."""
    stages = False
    client_errors: tuple[type[Exception], ...] = ()

    def __init__(self, target: Target, credentials: Credentials | None, write: Write | None) -> None:
        self._target = target
        self.markup: Markup = Journal()
        self.max_chars = 4000 if target.ticket is None else 30_000
        """``description`` holds 4000 characters; journals are not limited."""
        rehearsal = None if write is None else Rehearsal(write, lambda method, path: _pretend(target, method, path))
        self._session = open_session(target.base, "servicenow", credentials, rehearsal)
        self._table = f"{target.base}/api/now/table/{target.place}"
        self._ids: dict[str, str] = {}

    def prepare(self) -> None:
        if (number := self._target.ticket) is None:
            return
        found = self._first(f"number={number}")
        if found is None:
            raise TicketError(
                Remark(
                    "{base}: there is no {place} {number}, or it may not be read",
                    base=self._target.base,
                    place=self._target.place,
                    number=number,
                )
            )
        self._ids[number] = found

    def find(self, digest: str) -> str | None:
        return self._first(f"correlation_id={digest}")

    def seen(self, ticket: str) -> Seen:
        record = self._record(ticket)
        answer = self._session.json(
            "GET",
            f"{self._table}/{record}",
            # As display values journals come as one text with all their entries.
            params={"sysparm_fields": "description,work_notes,comments", "sysparm_display_value": "true"},
        )
        listed = self._session.json(
            "GET",
            f"{self._target.base}/api/now/attachment",
            params={
                "sysparm_query": f"table_name={self._target.place}^table_sys_id={record}",
                "sysparm_limit": "1000",
            },
        )
        files = {str(one["file_name"]): int(one["size_bytes"]) for one in listed["result"]}
        return Seen(files, "\n".join(str(value) for value in answer["result"].values()))

    def upload(self, item: Item, ticket: str | None) -> None:
        assert ticket is not None
        with item.open() as file:
            self._session.json(
                "POST",
                f"{self._target.base}/api/now/attachment/file",
                params={
                    "table_name": self._target.place,
                    "table_sys_id": self._record(ticket),
                    "file_name": item.name,
                },
                headers={"Content-Type": item.media_type},
                data=file,
            )

    def open(self, title: str, text: str, digest: str) -> str:
        record = {"short_description": title[:160], "description": text, "correlation_id": digest}
        return str(self._session.json("POST", self._table, json=record)["result"]["sys_id"])

    def comment(self, ticket: str, text: str) -> None:
        self._session.json("PATCH", f"{self._table}/{self._record(ticket)}", json={"work_notes": text})

    def url(self, ticket: str) -> str:
        return f"{self._target.base}/{self._target.place}.do?sys_id={self._record(ticket)}"

    def _record(self, ticket: str) -> str:
        return self._ids.get(ticket, ticket)

    def _first(self, query: str) -> str | None:
        answer = self._session.json(
            "GET", self._table, params={"sysparm_query": query, "sysparm_fields": "sys_id", "sysparm_limit": "1"}
        )
        return next((str(one["sys_id"]) for one in answer["result"]), None)


def _pretend(target: Target, method: str, path: str) -> Any:
    if path.endswith("/attachment"):
        return {"result": []}
    if method == "GET" and path.endswith(f"/table/{target.place}"):
        return {"result": [{"sys_id": "SYS_ID"}] if target.ticket is not None else []}
    return {"result": {"sys_id": "SYS_ID"}}
