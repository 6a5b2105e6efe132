"""Backlog as its REST API version 2 is documented: form bodies, the key in the query, files by number."""

from __future__ import annotations

from typing import Any

from tests.ticket.desks.server import Answer, Desk, Request


class Backlog(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.key = "s3cret-token"
        self.rule = "markdown"
        self.staged: dict[int, tuple[str, bytes]] = {}
        self.issues: dict[str, dict[str, Any]] = {
            "OPS-1": {"description": "Customers cannot connect", "comments": [], "files": {}}
        }

    def handle(self, request: Request) -> Answer:
        if request.query.get("apiKey") != [self.key]:
            return Answer(401, {"errors": [{"message": "Authentication failure.", "code": 11, "moreInfo": ""}]})
        assert request.path.startswith("/api/v2/")
        match request.method, request.path.split("/")[3:]:
            case "GET", ["projects", "OPS"]:
                return Answer(200, {"id": 1, "projectKey": "OPS", "textFormattingRule": self.rule})
            case "GET", ["projects", "OPS", "issueTypes"]:
                return Answer(200, [{"id": 2, "name": "Bug"}, {"id": 3, "name": "Task"}])
            case "POST", ["space", "attachment"]:
                number = 10 + len(self.staged)
                self.staged[number] = request.file()
                name, content = self.staged[number]
                return Answer(200, {"id": number, "name": name, "size": len(content)})
            case "GET", ["issues"]:
                assert request.one("projectId[]") == "1"
                word = request.one("keyword")
                return Answer(
                    200,
                    [
                        {"issueKey": key, "description": issue["description"]}
                        for key, issue in self.issues.items()
                        if word in issue["description"]
                    ],
                )
            case "POST", ["issues"]:
                form = request.form()
                assert (form["projectId"], form["priorityId"]) == (["1"], ["3"])
                assert form["issueTypeId"][0] in ("2", "3")
                key = f"OPS-{len(self.issues) + 1}"
                files = self._take(form)
                self.issues[key] = {"description": form["description"][0], "comments": [], "files": files}
                return Answer(201, {"id": 1, "issueKey": key})
            case "GET", ["issues", key]:
                return Answer(200, {"issueKey": key, "description": self.issues[key]["description"]})
            case "GET", ["issues", key, "comments"]:
                assert (request.one("count"), request.one("order")) == ("100", "desc")
                return Answer(200, [{"content": text} for text in reversed(self.issues[key]["comments"])])
            case "GET", ["issues", key, "attachments"]:
                files = self.issues[key]["files"]
                return Answer(200, [{"id": 1, "name": name, "size": len(data)} for name, data in files.items()])
            case "POST", ["issues", key, "comments"]:
                form = request.form()
                self.issues[key]["files"] |= self._take(form)
                self.issues[key]["comments"].append(form["content"][0])
                return Answer(201, {"id": 1})
        raise AssertionError("no such resource")

    def _take(self, form: dict[str, list[str]]) -> dict[str, bytes]:
        # "The file will be deleted after it has been attached."
        return dict(self.staged.pop(int(number)) for number in form.get("attachmentId[]", []))

    def files(self, ticket: str) -> dict[str, bytes]:
        return dict(self.issues[ticket]["files"])

    def texts(self, ticket: str) -> list[str]:
        return [self.issues[ticket]["description"], *self.issues[ticket]["comments"]]
