"""Several processes over several captures, and over one large capture; the results are those of one process.

- A capture of ordinary size is analysed by one process as a whole, others at the same time (:mod:`.crew`).
- A large capture is read by all processes: reading, decoding and numbering its packets is a small part of the work.
  Each makes the sessions of its share of the connections, which is the large part (:mod:`capanalyzer.streams.share`).
  Before sessions that are compared with others can be judged, the processes put together what theirs have taught.
- A capture of a BIG-IP's is analysed as a whole, whatever its size: the two sides of what it proxies are judged
  together, and must not be with two processes. Mostly its first packets show it; where its trailers begin later, the
  processes stop at the same packet, and one of them begins anew.
- Standard input, pipes and URLs can be read once only, and are analysed by the process that was called.

Sessions cross between processes as finished lines of JSON with their place in the order, so the report comes out the
same to the byte, in the same order. No process runs ahead by more than a bounded number of bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from capanalyzer.analysis import Options
    from capanalyzer.errors import CaptureError
    from capanalyzer.redact.redactor import Redactor
    from capanalyzer.report.document import AnyRun

__all__ = ["analyze_captures"]


def analyze_captures(
    inputs: Sequence[str | BinaryIO], options: Options, *, lang: str, redactor: Redactor | None = None
) -> Iterator[AnyRun | CaptureError]:
    """A run for each capture among ``inputs``, in order, by ``options.jobs`` processes.

    :param lang: language of the findings' texts.
    :param redactor: hides whose sessions they are, where they are made by other processes.
    :return: also a CaptureError for each input that cannot be read.
    """
    if options.jobs == 1:
        from capanalyzer.analysis import analyze_captures as by_one

        return by_one(inputs, options)
    from capanalyzer.parallel.runs import analyze_captures as by_several

    return by_several(inputs, options, lang=lang, redactor=redactor)
