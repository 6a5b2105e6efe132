"""The report on paper: the HTML page as PDF, by WeasyPrint (extra ``pdf``)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from capanalyzer.errors import UsageError
from capanalyzer.remark import Remark
from capanalyzer.report import model
from capanalyzer.report.html.page import to_paper
from capanalyzer.report.html.parts import part

__all__ = ["require_weasyprint", "to_pdf"]

_VARIABLE: Final = re.compile(r"var\((--[a-z-]+)\)")
_DEFINITION: Final = re.compile(r"(--[a-z-]+):\s*([^;}]+)")


def require_weasyprint() -> Any:
    """The library.

    :raises UsageError: it is not installed, or what it needs of the system is not.
    """
    try:
        import weasyprint
    except ImportError as error:
        raise UsageError(Remark("--format pdf needs WeasyPrint: pip install 'capanalyzer[pdf]'")) from error
    except OSError as error:
        raise UsageError(
            Remark(
                "--format pdf: WeasyPrint is installed, but the Pango library that it draws text with is not "
                "(Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0; macOS: brew install pango)"
            )
        ) from error
    return weasyprint


def to_pdf(sessions: Iterable[model.Session], trailer: Callable[[], model.Trailer], *, lang: str = "en") -> bytes:
    """The whole document; parameters as for :func:`capanalyzer.report.html.page.to_html`.

    :raises UsageError: WeasyPrint cannot be used.
    """
    weasyprint = require_weasyprint()
    # It tells of every rule of the page's style that it does not know; screens need those.
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    page = to_paper(sessions, trailer, lang=lang, drawing_style=drawing_style(lang))
    written: bytes = weasyprint.HTML(string=page, url_fetcher=_fetch_nothing).write_pdf()
    return written


def drawing_style(lang: str) -> str:
    """The style of drawings with the values for paper: inside of them WeasyPrint knows no variables."""
    english, _, rest = part("paper.css").partition(":root:lang(ja)")
    japanese, _, _rest = rest.partition("@page")
    values = dict(_DEFINITION.findall(english + (japanese if lang == "ja" else "")))
    return _VARIABLE.sub(lambda found: values[found[1]].strip(), part("drawing.css"))


def _fetch_nothing(url: str, **_options: object) -> Mapping[str, object]:
    """The page holds all it needs; nothing that a text from the wire names is ever opened."""
    raise ValueError(f"not fetched: {url}")
