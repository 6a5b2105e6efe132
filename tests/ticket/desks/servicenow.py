"""ServiceNow as its Table API and Attachment API are documented."""

from __future__ import annotations

from typing import Any

from tests.ticket.desks.server import Answer, Desk, Request


class ServiceNow(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.authorization = "Bearer s3cret-token"
        self.records: dict[str, dict[str, Any]] = {}
        self.refuse: str | None = None
        self._add(number="INC0012345", description="Customers cannot connect")

    def _add(self, **fields: str) -> str:
        identity = f"{len(self.records) + 1:032x}"
        self.records[identity] = {"number": f"INC{len(self.records):07}", "work_notes": [], "files": {}, **fields}
        return identity

    def handle(self, request: Request) -> Answer:
        if request.headers.get("authorization") != self.authorization:
            return Answer(
                401, {"error": {"message": "User is not authenticated", "detail": "Required to provide Auth"}}
            )
        assert request.headers["accept"] == "application/json"
        match request.method, request.path.split("/")[1:]:
            case "GET", ["api", "now", "table", "incident"]:
                return Answer(200, {"result": self._query(request)})
            case "POST", ["api", "now", "table", "incident"]:
                fields = request.json()
                assert set(fields) == {"short_description", "description", "correlation_id"}
                assert len(fields["description"]) <= 4000
                assert len(fields["short_description"]) <= 160
                assert len(fields["correlation_id"]) <= 100
                identity = self._add(**fields)
                return Answer(201, {"result": {"sys_id": identity, "number": self.records[identity]["number"]}})
            case "GET", ["api", "now", "table", "incident", identity]:
                assert request.one("sysparm_display_value") == "true"
                record = self.records[identity]
                notes = "\n\n".join(f"2026-11-26 - Agent (Work notes)\n{one}" for one in reversed(record["work_notes"]))
                return Answer(200, {"result": {"description": record["description"], "work_notes": notes}})
            case "PATCH", ["api", "now", "table", "incident", identity]:
                self.records[identity]["work_notes"].append(request.json()["work_notes"])
                return Answer(200, {"result": {"sys_id": identity}})
            case "GET", ["api", "now", "attachment"]:
                table, identity = request.one("sysparm_query").split("^")
                assert table == "table_name=incident"
                files = self.records[identity.removeprefix("table_sys_id=")]["files"]
                return Answer(
                    200,
                    {"result": [{"file_name": name, "size_bytes": str(len(data))} for name, data in files.items()]},
                )
            case "POST", ["api", "now", "attachment", "file"]:
                assert request.one("table_name") == "incident"
                assert "/" in request.headers["content-type"]
                if self.refuse is not None:
                    return Answer(400, {"error": {"message": self.refuse, "detail": ""}, "status": "failure"})
                self.records[request.one("table_sys_id")]["files"][request.one("file_name")] = request.body
                return Answer(201, {"result": {"sys_id": "f" * 32, "size_bytes": str(len(request.body))}})
        raise AssertionError("no such resource")

    def _query(self, request: Request) -> list[dict[str, str]]:
        field, _, value = request.one("sysparm_query").partition("=")
        assert field in ("number", "correlation_id")
        assert request.one("sysparm_limit") == "1"
        return [{"sys_id": identity} for identity, record in self.records.items() if record.get(field) == value][:1]

    def _identity(self, ticket: str) -> str:
        return next((i for i, record in self.records.items() if record["number"] == ticket), ticket)

    def files(self, ticket: str) -> dict[str, bytes]:
        return dict(self.records[self._identity(ticket)]["files"])

    def texts(self, ticket: str) -> list[str]:
        record = self.records[self._identity(ticket)]
        return [record["description"], *record["work_notes"]]
