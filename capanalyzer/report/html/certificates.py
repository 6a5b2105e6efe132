"""Certificate chains as sent: who vouches for whom, and whether each was valid when the session took place."""

from __future__ import annotations

from typing import Final

from capanalyzer.report import model
from capanalyzer.report.html.drawing import drawing
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Markup, element, join, wire
from capanalyzer.report.times import from_rfc3339

__all__ = ["chain"]

DAY_NS: Final = 86_400 * 10**9
MAX_NAMES: Final = 20
MAX_CERTIFICATES: Final = 10
BAR: Final = 180
MARGIN: Final = 0.12
"""Share of the bar's width left free at each side of what it shows."""


def chain(certificates: tuple[model.Certificate, ...], session: model.Session, look: Look) -> Markup:
    """A list in the order sent."""
    _, items = look.text, []
    for index, one in enumerate(certificates[:MAX_CERTIFICATES]):
        following = certificates[index + 1] if index + 1 < len(certificates) else None
        items.append(element("li", _certificate(one, session, look), _issued(one, following, look)))
    if len(certificates) > MAX_CERTIFICATES:
        items.append(element("li", _("and {n} more").format(n=len(certificates) - MAX_CERTIFICATES), class_="soft"))
    return element("ol", *items, class_="chain")


def _certificate(one: model.Certificate, session: model.Session, look: Look) -> Markup:
    _ = look.text
    names = [wire(name) for name in one.san[:MAX_NAMES]]
    if len(one.san) > MAX_NAMES:
        names.append(element("span", _("and {n} more").format(n=f"{len(one.san) - MAX_NAMES:,}"), class_="soft"))
    facts = [(_("Names"), join(*(element("span", name, class_="name") for name in names)))] if names else []
    facts += [(_("Serial number"), element("code", one.serial, class_="serial"))]
    return join(
        element("p", wire(one.subject or _("(empty name)")), class_="subject"),
        _validity(one, session, look),
        element(
            "dl",
            *(join(element("dt", label), element("dd", value)) for label, value in facts),
            class_="facts",
        ),
    )


def _issued(one: model.Certificate, following: model.Certificate | None, look: Look) -> Markup:
    """How the certificate hangs together with the next one sent."""
    _ = look.text
    issuer = wire(one.issuer or _("(empty name)"))
    if one.issuer == one.subject:
        words, class_ = _("issued by itself"), "link"
    elif following is None:
        words, class_ = _("issued by the following, which was not sent:"), "link open"
    elif following.subject == one.issuer:
        words, class_ = _("issued by the next one:"), "link"
    else:
        words, class_ = _("issued by the following, and not by the next one:"), "link broken"
    return element("p", words, " ", issuer if one.issuer != one.subject else None, class_=class_)


def _validity(one: model.Certificate, session: model.Session, look: Look) -> Markup:
    """From, until, and where the session's time lies: in words and as a bar."""
    _ = look.text
    if one.not_before is None or one.not_after is None:
        return element("p", _("Its dates cannot be read."), class_="bad")
    begin, end, now = (_time(one.not_before), _time(one.not_after), from_rfc3339(session.start))
    if now < begin:
        days = -(-(begin - now) // DAY_NS)
        words = look.counted(
            "not yet valid: begins {n} day after this session",
            "not yet valid: begins {n} days after this session",
            days,
        )
    elif now > end:
        days = (now - end) // DAY_NS
        words = look.counted("expired {n} day before this session", "expired {n} days before this session", days)
    else:
        days = (end - now) // DAY_NS
        words = look.counted(
            "valid at this session, for {n} more day", "valid at this session, for {n} more days", days
        )
    valid = begin <= now <= end
    words = ("✓ " if valid else "✗ ") + words.format(n=f"{days:,}")
    between = _("{begin} to {end}").format(begin=one.not_before[:10], end=one.not_after[:10])
    return element(
        "p",
        _bar(begin, end, now, words, look),
        element("span", words, class_="fine" if valid else "bad"),
        element("span", between, class_="soft"),
        class_="validity",
    )


def _bar(begin: int, end: int, now: int, words: str, look: Look) -> Markup:
    first, last = min(begin, now), max(end, now)
    scale = BAR * (1 - 2 * MARGIN) / max(last - first, 1)

    def place(time: int) -> float:
        return BAR * MARGIN + (time - first) * scale

    return drawing(
        BAR,
        18,
        look,
        element("path", d=f"M0 9H{BAR}", class_="ruler"),
        element("rect", x=place(begin), y=5, width=max(place(end) - place(begin), 2), height=8, rx=2, class_="valid"),
        element("path", d=f"M{place(now):.1f} 1v16", class_="now"),
        title=words,
        class_="validity-bar",
    )


def _time(text: str) -> int:
    """Nanoseconds of a certificate's time, which has whole seconds."""
    return from_rfc3339(text[:19] + ".000000000Z")
