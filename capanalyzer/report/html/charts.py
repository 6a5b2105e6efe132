"""What is sooner seen than read: when which cause struck, and how long handshakes took.

Both are tables with a drawing in each row, so that the numbers stand beside what is drawn of them.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Final

from capanalyzer.report.html.drawing import drawing
from capanalyzer.report.html.look import Look
from capanalyzer.report.html.markup import Markup, element, join
from capanalyzer.report.html.rows import NOT_SEEN, Rows
from capanalyzer.report.times import to_rfc3339
from capanalyzer.report.words import OUTCOMES

__all__ = ["failures_over_time", "handshake_times"]

MAX_CAUSES: Final = 8
"""Rows of the first chart; further causes share the last one."""
SLOTS: Final = 60
"""Most bars in a row."""
SLOT: Final = 5
BARS: Final = 30
"""Pixels of a slot's width and of the highest bar."""
STEPS_S: Final = (
    *(1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400),
)
"""Widths a slot may have, in seconds."""
BAR: Final = 240
"""Pixels of the longest bar of the second chart."""

_FAILED: Final = list(OUTCOMES).index("failed")


def failures_over_time(rows: Rows, look: Look) -> Markup:
    """A row of bars for each cause; empty where nothing failed."""
    causes = list(rows.cause_table)
    times: dict[str, array[int]] = {}
    for start, outcome, code in zip(rows.starts_ns, rows.outcomes, rows.causes, strict=True):
        if outcome == _FAILED:
            times.setdefault(causes[code], array("q")).append(start)
    if not times:
        return Markup()
    _ = look.text
    first, last = min(rows.starts_ns), max(rows.starts_ns)
    width = _slot_width(last - first)
    begin = first - first % width
    slots = (last - begin) // width + 1
    ranked = sorted(times, key=lambda cause: (-len(times[cause]), cause))
    shown = ranked if len(ranked) <= MAX_CAUSES else ranked[: MAX_CAUSES - 1]
    series = [(cause, times[cause]) for cause in shown]
    if rest := ranked[len(shown) :]:
        together = array("q")
        for cause in rest:
            together.extend(times[cause])
        name = look.counted("{n} further cause", "{n} further causes", len(rest)).format(n=len(rest))
        series.append((name, together))
    counted = [(name, Counter((time - begin) // width for time in found), len(found)) for name, found in series]
    highest = max(max(slot.values()) for _name, slot, _total in counted)
    head = element(
        "tr",
        element("th", _("Cause"), scope="col"),
        element("th", _axis_label(begin, begin + slots * width), scope="col", class_="axis"),
        element("th", _("Failed"), scope="col", class_="number"),
    )
    body = [
        element(
            "tr",
            element("th", element("code", name), scope="row"),
            element("td", _strip(name, slot, slots, highest, (begin, width), look)),
            element("td", f"{total:,}", class_="number"),
        )
        for name, slot, total in counted
    ]
    note = look.counted(
        "A bar is {time}; the highest stands for {n} session.",
        "A bar is {time}; the highest stands for {n} sessions.",
        highest,
    )
    return join(
        element("table", element("thead", head), element("tbody", *body), class_="chart over-time"),
        element("p", note.format(time=_span(width), n=f"{highest:,}"), class_="soft"),
    )


def _slot_width(span_ns: int) -> int:
    for step in STEPS_S:
        if span_ns < (SLOTS - 1) * step * 1e9:
            return round(step * 1e9)
    return -(-span_ns // ((SLOTS - 1) * 86_400 * 10**9)) * 86_400 * 10**9


def _span(width_ns: int) -> str:
    seconds = width_ns / 1e9
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds * 1000:g} ms"


def _axis_label(begin: int, end: int) -> Markup:
    """Both ends of the time axis; the date of the second where it is another."""
    one, other = to_rfc3339(begin), to_rfc3339(end)
    cut = 19 if end - begin >= 10 * 10**9 else 23
    until = other[11:cut] if one[:10] == other[:10] else f"{other[:10]} {other[11:cut]}"
    return join(
        element("span", f"{one[:10]} {one[11:cut]}"),
        element("span", until + " UTC"),
    )


def _strip(name: str, slot: Counter[int], slots: int, highest: int, scale: tuple[int, int], look: Look) -> Markup:
    begin, width = scale
    bars = []
    for index in sorted(slot):
        height = max(2.0, BARS * slot[index] / highest)
        bars.append(f"M{index * SLOT} {BARS:g}v-{height:.1f}h{SLOT - 1}v{height:.1f}z")
    peak = max(slot, key=lambda index: (slot[index], -index))
    _ = look.text
    title = _("{cause}: most at {time}, {n}").format(
        cause=name, time=to_rfc3339(begin + peak * width)[11:23], n=f"{slot[peak]:,}"
    )
    return drawing(
        slots * SLOT,
        BARS + 1,
        look,
        element("path", d=f"M0 {BARS + 0.5:g}H{slots * SLOT}", class_="ruler"),
        element("path", d="".join(bars), class_="failed-bars"),
        title=title,
        class_="strip",
        stretch=True,
    )


def handshake_times(rows: Rows, look: Look) -> Markup:
    """How many handshakes took how long, in steps of 1, 2 and 5; empty where none was seen whole."""
    times = sorted(us for us in rows.handshakes_us if us != NOT_SEEN)
    if not times:
        return Markup()
    _ = look.text
    counted: Counter[int] = Counter(_step(us) for us in times)
    highest = max(counted.values())
    body = [
        element(
            "tr",
            element("th", _between(step), scope="row"),
            element("td", _bar(counted[step], highest, _between(step), look)),
            element("td", f"{counted[step]:,}", class_="number"),
        )
        for step in range(min(counted), max(counted) + 1)
    ]
    head = element(
        "tr",
        element("th", _("Took"), scope="col"),
        element("td"),
        element("th", _("Handshakes"), scope="col", class_="number"),
    )
    # Of fewer than 20 or 100 values these two are only the largest.
    marks = [(_("median"), 50, 1), (_("95 of 100 within"), 95, 20), (_("99 of 100 within"), 99, 100)]
    return join(
        element(
            "dl",
            *(
                element("div", element("dt", name), element("dd", _milliseconds(_quantile(times, share))))
                for name, share, least in marks
                if len(times) >= least
            ),
            class_="quantiles",
        ),
        element("table", element("thead", head), element("tbody", *body), class_="chart distribution"),
    )


def _quantile(ordered: Sequence[int], percent: int) -> int:
    """The smallest value that ``percent`` of all do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


LOWEST_US: Final = 100
"""Below it handshakes are not told apart."""


def _step(us: int) -> int:
    """0 below 0.1 ms, 1 below 0.2 ms, 2 below 0.5 ms, 3 below 1 ms ..."""
    step, limit = 0, LOWEST_US
    while us >= limit:
        step += 1
        limit = _limit(step)
    return step


def _limit(step: int) -> int:
    """Microseconds at which a step ends."""
    return int(LOWEST_US * (1, 2, 5)[step % 3] * 10 ** (step // 3))


def _between(step: int) -> str:
    if step == 0:
        return f"< {_milliseconds(LOWEST_US)}"
    return f"{_milliseconds(_limit(step - 1))} – {_milliseconds(_limit(step))}"


def _milliseconds(us: int) -> str:
    if us >= 1_000_000:
        return f"{us / 1e6:,.3g} s"
    return f"{us / 1e3:.3g} ms"


def _bar(count: int, highest: int, name: str, look: Look) -> Markup:
    width = max(1.5, BAR * count / highest) if count else 0
    return drawing(
        BAR,
        12,
        look,
        element("rect", x=0, y=0, width=width, height=12, rx=1, class_="bar"),
        title=f"{name}: {count:,}",
        class_="bars",
        stretch=True,
    )
