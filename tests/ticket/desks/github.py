"""GitHub Enterprise Server as its REST API is documented: issues and comments, no attachments."""

from __future__ import annotations

import re
from typing import Any

from tests.ticket.desks.server import Answer, Desk, Request


class GitHub(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.authorization = "Bearer s3cret-token"
        self.issues: dict[int, dict[str, Any]] = {5: {"body": "Customers cannot connect", "comments": []}}

    def handle(self, request: Request) -> Answer:
        if request.headers.get("authorization") != self.authorization:
            return Answer(401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"})
        assert request.headers["accept"] == "application/vnd.github+json"
        assert request.headers["x-github-api-version"] == "2022-11-28"
        prefix = "/api/v3/repos/ops/edge/issues"
        assert request.path.startswith(prefix)
        match request.method, request.path.removeprefix(prefix).split("/")[1:]:
            case "GET", []:
                assert request.one("state") == "all"
                return Answer(200, [self._issue(number) for number in sorted(self.issues, reverse=True)])
            case "POST", []:
                number = max(self.issues) + 1
                body = request.json()
                assert body["title"]
                self.issues[number] = {"body": self._checked(body["body"]), "comments": []}
                return Answer(201, self._issue(number))
            case "GET", [number]:
                return Answer(200, self._issue(int(number)))
            case "GET", [number, "comments"]:
                page, size = int(request.one("page")), int(request.one("per_page"))
                comments = self.issues[int(number)]["comments"][(page - 1) * size : page * size]
                return Answer(200, [{"body": text} for text in comments])
            case "POST", [number, "comments"]:
                self.issues[int(number)]["comments"].append(self._checked(request.json()["body"]))
                return Answer(201, {"id": 1})
        raise AssertionError("no such resource")

    def _checked(self, body: str) -> str:
        assert 0 < len(body) <= 65_536
        return body

    def _issue(self, number: int) -> dict[str, Any]:
        issue = self.issues[number]
        return {"number": number, "body": issue["body"], "comments": len(issue["comments"])}

    def files(self, ticket: str) -> dict[str, bytes]:
        found = re.findall(
            r"<details><summary><code>(.+?)</code></summary>\n\n(`{3,})\n(.*?)\n\2\n\n</details>",
            "\n".join(self.texts(ticket)),
            re.DOTALL,
        )
        return {name: f"{text}\n".encode() for name, _, text in found}

    def texts(self, ticket: str) -> list[str]:
        return [self.issues[int(ticket)]["body"], *self.issues[int(ticket)]["comments"]]
