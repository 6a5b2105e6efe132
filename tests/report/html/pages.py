"""Pages made from hand-made sessions, and a reader that knows what may stand in them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html.parser import HTMLParser

from capanalyzer.report import model
from capanalyzer.report.html.page import to_html
from tests.report.samples import Told

ELEMENTS = frozenset(
    {
        "a",
        "article",
        "b",
        "bdi",
        "body",
        "br",
        "button",
        "caption",
        "code",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "head",
        "header",
        "html",
        "input",
        "label",
        "li",
        "main",
        "mark",
        "meta",
        "nav",
        "noscript",
        "ol",
        "p",
        "path",
        "rect",
        "script",
        "section",
        "select",
        "span",
        "style",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "text",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    }
)
ATTRIBUTES = frozenset(
    {
        "aria-hidden",
        "aria-label",
        "aria-labelledby",
        "aria-rowcount",
        "aria-rowindex",
        "aria-sort",
        "autocomplete",
        "charset",
        "class",
        "content",
        "d",
        "data-cause",
        "data-copy",
        "data-key",
        "data-name",
        "data-label",
        "data-server",
        "data-session",
        "for",
        "height",
        "hidden",
        "href",
        "http-equiv",
        "id",
        "lang",
        "name",
        "open",
        "placeholder",
        "preserveaspectratio",
        "role",
        "rx",
        "scope",
        "spellcheck",
        "tabindex",
        "title",
        "type",
        "viewbox",
        "width",
        "x",
        "y",
    }
)


class Reading(HTMLParser):
    """What a page holds. Fails on any element or attribute that the report does not use."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.data: dict[str, object] = {}
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._inside: tuple[str, str | None] | None = None
        self.feed(page)
        self.close()
        for value in [*self.data.values()]:
            if isinstance(value, str):
                nested = Reading(value)
                self.elements += nested.elements
                self.text += nested.text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), attrs
        assert set(attributes) <= ATTRIBUTES, (tag, attrs)
        if "href" in attributes:
            assert (attributes["href"] or "").startswith("#"), attrs
        self.elements.append((tag, attributes))
        if tag in ("script", "style"):
            kind = "data" if attributes.get("type") == "application/json" else tag
            self._inside = kind, attributes.get("id")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.text.append(data)
            return
        kind, identity = self._inside
        if kind == "data":
            assert identity is not None
            assert identity not in self.data
            self.data[identity] = json.loads(data)
        else:
            (self.scripts if kind == "script" else self.styles).append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")

    @property
    def words(self) -> str:
        return "".join(self.text)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def page(sessions: Iterable[model.Session], lang: str = "en", **told: object) -> str:
    kept = list(sessions)
    whole = Told(kept, **told)  # type: ignore[arg-type]  # fields of Told
    return "".join(to_html(kept, whole.trailer, lang=lang))
