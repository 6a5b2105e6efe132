"""What inline drawings have in common."""

from __future__ import annotations

from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Content, Markup, element

__all__ = ["drawing", "label"]


def drawing(
    width: float, height: float, look: Look, *contents: Content, title: str, class_: str, stretch: bool = False
) -> Markup:
    """An SVG element of its own size in pixels.

    :param title: what it shows, for who cannot see it.
    :param stretch: may be drawn in another width, without its height changing.
    """
    style = element("style", Markup(look.drawing_style)) if look.drawing_style else None
    return element(
        "svg",
        style,
        *contents,
        class_=class_,
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        preserveAspectRatio="none" if stretch else None,
        role="img",
        aria_label=title,
    )


def label(x: float, y: float, value: str, class_: str, *contents: Content) -> Markup:
    """A line of text with its baseline at ``y``."""
    return element("text", value, *contents, x=x, y=y, class_=class_)
