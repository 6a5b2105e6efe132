"""GitLab as its REST API version 4 is documented: projects, uploads, issues, notes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from tests.ticket.desks.server import Answer, Desk, Request


class GitLab(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.token = "s3cret-token"
        self.uploads: dict[str, tuple[str, bytes]] = {}
        self.issues: dict[int, dict[str, Any]] = {5: {"description": "Customers cannot connect", "notes": []}}

    def handle(self, request: Request) -> Answer:
        if request.headers.get("private-token") != self.token:
            return Answer(401, {"message": "401 Unauthorized"})
        if request.path == f"/api/v4/projects/{quote('net/edge', safe='')}":
            return Answer(200, {"id": 7, "path_with_namespace": "net/edge"})
        prefix = "/api/v4/projects/7"
        assert request.path.startswith(prefix)
        match request.method, request.path.removeprefix(prefix).split("/")[1:]:
            case "POST", ["uploads"]:
                name, content = request.file()
                secret = f"{len(self.uploads):032x}"
                self.uploads[secret] = (name, content)
                url = f"/uploads/{secret}/{name}"
                return Answer(201, {"id": 1, "alt": name, "url": url, "markdown": f"[{name}]({url})"})
            case "GET", ["issues"]:
                search = request.one("search")
                return Answer(200, [self._issue(n) for n, i in self.issues.items() if search in i["description"]])
            case "POST", ["issues"]:
                fields = request.json()
                assert 0 < len(fields["title"]) <= 255
                number = max(self.issues) + 1
                self.issues[number] = {"description": self._checked(fields["description"]), "notes": []}
                return Answer(201, self._issue(number))
            case "GET", ["issues", number]:
                return Answer(200, self._issue(int(number)))
            case "GET", ["issues", number, "notes"]:
                assert request.one("sort") == "desc"
                notes = self.issues[int(number)]["notes"]
                return Answer(200, [{"id": n, "body": text} for n, text in reversed(list(enumerate(notes)))])
            case "POST", ["issues", number, "notes"]:
                body = self._checked(request.json()["body"])
                self.issues[int(number)]["notes"].append(body)
                return Answer(201, {"id": 1, "body": body})
        raise AssertionError("no such resource")

    def _checked(self, text: str) -> str:
        assert 0 < len(text) <= 1_000_000
        assert not re.search(r"^/\w", text, re.MULTILINE), "a quick action"
        return text

    def _issue(self, number: int) -> dict[str, Any]:
        return {"id": 100 + number, "iid": number, "description": self.issues[number]["description"]}

    def files(self, ticket: str) -> dict[str, bytes]:
        links = re.findall(r"\[(.+?)\]\(/uploads/(\w+)/\1\)", "\n".join(self.texts(ticket)))
        return {name: self.uploads[secret][1] for name, secret in links}

    def texts(self, ticket: str) -> list[str]:
        return [self.issues[int(ticket)]["description"], *self.issues[int(ticket)]["notes"]]
