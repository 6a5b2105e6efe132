"""How the clock of a log and that of a capture compare, as data and in words."""

from __future__ import annotations

from typing import Final

from capanalyzer.i18n import plural, translator
from capanalyzer.logs.clock import Clock
from capanalyzer.report import model

__all__ = ["clock_model"]

_SECOND: Final = 1_000_000_000
_DAY_S: Final = 86_400
_AS_THE_CAPTURE_S: Final = 1.0
"""By so much clocks may differ and still be called equal: most logs show whole seconds."""
_OFF_S: Final = 900
"""By so much a day's difference may be short of a whole one: clocks are off beside it."""


def clock_model(capture: int, form: str, clock: Clock, *, has_zone: bool, lang: str) -> model.LogClock:
    """:param has_zone: stamps say their zone.

    :param form: the format of the lines concerned.
    """
    offset_s = clock.offset_ns / _SECOND
    minutes = clock.zone_minutes(has_zone=has_zone)
    zone, rest_s = None, offset_s
    if minutes is not None:
        hours, rest = divmod(abs(minutes), 60)
        zone = f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
        rest_s += minutes * 60
    days = int((abs(rest_s) + _OFF_S) // _DAY_S) * (1 if rest_s > 0 else -1)
    text = _text(rest_s, days, zone, clock.matches + clock.others, lang)
    return model.LogClock(capture, form, offset_s, zone, days, clock.matches, clock.others, clock.is_sure, text)


def _text(rest_s: float, days: int, zone: str | None, agree: int, lang: str) -> str:
    """:param rest_s: capture time minus log time, the zone left out."""
    _, counted = translator(lang), plural(lang)
    if not agree:
        return _("clock not confirmed by any line")
    parts = [_("time zone {zone}").format(zone=zone)] if zone is not None else []
    if abs(rest_s) < _AS_THE_CAPTURE_S:
        parts.append(_("clock as the capture's"))
    elif rest_s > 0:
        parts.append(_("clock {time} behind the capture's").format(time=_duration(rest_s, lang)))
    else:
        parts.append(_("clock {time} ahead of the capture's").format(time=_duration(-rest_s, lang)))
    if days > 0:
        text = counted(
            "another day: its lines are dated {n} day before the capture",
            "another day: its lines are dated {n} days before the capture",
            days,
        )
        parts.append(text.format(n=f"{days:,}"))
    elif days < 0:
        text = counted(
            "another day: its lines are dated {n} day after the capture",
            "another day: its lines are dated {n} days after the capture",
            -days,
        )
        parts.append(text.format(n=f"{-days:,}"))
    by = counted("by {n} line", "by {n} lines", agree).format(n=f"{agree:,}")
    return _("{text} ({detail})").format(text=_(", ").join(parts), detail=by)


def _duration(seconds: float, lang: str) -> str:
    """``3.2 s``, ``7 min 17 s``, ``2 h 5 min``, ``1 d 2 h 5 min``."""
    _ = translator(lang)
    if seconds < 60:
        return _("{s} s").format(s=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _("{m} min {s} s").format(m=minutes, s=rest)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return _("{h} h {m} min").format(h=hours, m=minutes)
    days, hours = divmod(hours, 24)
    return _("{d} d {h} h {m} min").format(d=f"{days:,}", h=hours, m=minutes)
