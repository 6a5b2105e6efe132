"""Jira Data Center as its REST API version 2 is documented."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.ticket.desks.server import Answer, Desk, Request

LIMIT = 200_000


class Jira(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.authorization = f"Basic {b64encode(b'agent:s3cret-token').decode()}"
        self.issues: dict[str, dict[str, Any]] = {"OPS-1": self._issue("Customers cannot connect")}

    def _issue(self, description: str) -> dict[str, Any]:
        return {"description": description, "attachments": {}, "comments": []}

    def handle(self, request: Request) -> Answer:
        if request.headers.get("authorization") != self.authorization:
            return Answer(401, {"errorMessages": ["You are not authenticated."]})
        assert request.path.startswith("/rest/api/2/")
        match request.method, request.path.split("/")[4:]:
            case "GET", ["serverInfo"]:
                return Answer(200, {"deploymentType": "Server", "versionNumbers": [9, 12, 0]})
            case "GET", ["attachment", "meta"]:
                return Answer(200, {"enabled": True, "uploadLimit": LIMIT})
            case "GET", ["field"]:
                return Answer(200, [{"id": "description", "name": "Description", "clauseNames": ["description"]}])
            case "GET", ["search"]:
                return Answer(200, self._search(request.one("jql")))
            case "POST", ["issue"]:
                return self._create(request.json()["fields"])
            case method, ["issue", key, *rest]:
                if key not in self.issues:
                    return Answer(404, {"errorMessages": ["Issue Does Not Exist"]})
                return self._on_issue(request, method, key, rest)
        raise AssertionError("no such resource")

    def _on_issue(self, request: Request, method: str, key: str, rest: list[str]) -> Answer:
        issue = self.issues[key]
        match method, rest:
            case "GET", []:
                files = [{"filename": n, "size": len(c), "id": "1"} for n, c in issue["attachments"].items()]
                fields = {"description": issue["description"], "attachment": files}
                return Answer(200, {"id": "1", "key": key, "fields": fields})
            case "GET", ["comment"]:
                assert request.one("orderBy") == "-created"
                return Answer(200, {"comments": [{"body": text} for text in reversed(issue["comments"])]})
            case "POST", ["comment"]:
                body = request.json()["body"]
                assert 0 < len(body) <= 32_767
                issue["comments"].append(body)
                return Answer(201, {"id": "10", "body": body})
            case "POST", ["attachments"]:
                assert request.headers["x-atlassian-token"] == "no-check"
                name, content = request.file()
                if len(content) > LIMIT:
                    return Answer(413, {"errorMessages": ["The file is too large."]})
                issue["attachments"][name] = content
                return Answer(200, [{"id": "1", "filename": name, "size": len(content)}])
        raise AssertionError("no such resource")

    def _create(self, fields: dict[str, Any]) -> Answer:
        assert fields["project"] == {"key": "OPS"}
        assert "\n" not in fields["summary"]
        assert len(fields["summary"]) <= 255
        if fields["issuetype"] != {"name": "Task"}:
            return Answer(400, {"errors": {"issuetype": "The issue type selected is invalid."}})
        key = f"OPS-{len(self.issues) + 1}"
        self.issues[key] = self._issue(fields["description"])
        return Answer(201, {"id": "1", "key": key})

    def _search(self, query: str) -> dict[str, Any]:
        project, _, text = query.partition(" AND description ~ ")
        assert project == 'project = "OPS"'
        found = [
            {"id": "1", "key": key, "fields": {"description": issue["description"]}}
            for key, issue in self.issues.items()
            if text.strip('"') in issue["description"]
        ]
        return {"issues": found, "total": len(found), "startAt": 0, "maxResults": 5}

    def files(self, ticket: str) -> dict[str, bytes]:
        return dict(self.issues[ticket]["attachments"])

    def texts(self, ticket: str) -> list[str]:
        return [self.issues[ticket]["description"], *self.issues[ticket]["comments"]]
