"""How a page is made: its language, and whether it is for a screen or for paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from capanalyzer.i18n import plural, translator
from capanalyzer.report import model
from capanalyzer.report.build import SESSIONS_PER_CAPTURE, UDP_FROM
from capanalyzer.report.html.markup import Markup, command, element, join

__all__ = ["Look", "copy_button", "copyable"]


@dataclass(frozen=True, slots=True)
class Look:
    """What all parts of a page must know."""

    lang: str
    captures: tuple[model.Capture, ...] = ()
    paper: bool = False
    """For paper: no buttons, no data for the script, fewer incidents."""
    drawing_style: str = ""
    """CSS to put into each drawing, for a renderer that does not apply the page's style to them."""

    @property
    def text(self) -> Callable[[str], str]:
        return translator(self.lang)

    @property
    def counted(self) -> Callable[[str, str, int], str]:
        return plural(self.lang)

    @property
    def several(self) -> bool:
        return len(self.captures) > 1

    def number(self, session: model.Session) -> str:
        """How the report names a session: its stream, or its capture and stream."""
        return f"{session.capture}:{session.stream}" if self.several else str(session.stream)

    def number_of(self, identity: int) -> str:
        """The same, from a session's id."""
        capture, stream = divmod(identity, SESSIONS_PER_CAPTURE)
        return f"{capture}:{stream % UDP_FROM}" if self.several else str(stream % UDP_FROM)


def copy_button(value: str, look: Look, label: str) -> Markup:
    """A button that copies ``value``; ``label`` says what that is."""
    if look.paper:
        return Markup()
    _ = look.text
    return element(
        "button",
        _("Copy"),
        type="button",
        class_="copy",
        data_copy=value,
        aria_label=_("Copy: {what}").format(what=label),
    )


def copyable(value: str, look: Look) -> Markup:
    """A filter or a command in one piece, with its button."""
    return element("span", join(command(value), copy_button(value, look, value)), class_="copyable")
