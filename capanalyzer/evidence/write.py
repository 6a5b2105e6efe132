"""From incidents to evidence files: the second pass over each capture, and what is told of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from capanalyzer.capture.source import open_files
from capanalyzer.capture.write import write_pcapng
from capanalyzer.errors import CaptureError
from capanalyzer.evidence.collect import Case, Exhibit
from capanalyzer.evidence.files import file_name, write_new
from capanalyzer.evidence.gather import Gathered, Want, gather
from capanalyzer.evidence.rewrite import Rewriting, rewrite_packets
from capanalyzer.i18n import plural, told, translator
from capanalyzer.redact.redactor import Redactor
from capanalyzer.report.escape import printable
from capanalyzer.report.model import TOOL

__all__ = ["MAX_FILES", "Original", "Written", "write_evidence"]

MAX_FILES: Final = 100
"""Evidence files of one run, those of the incidents with the most sessions."""
MAX_BYTES: Final = 64 << 20
"""Bytes of packets in all of them."""


class Original(NamedTuple):
    """A capture that evidence is taken from."""

    name: str
    """As comments call it."""
    files: list[str]
    """From which it can be read again; empty where there are none."""


@dataclass(slots=True)
class Written:
    """What came of it."""

    paths: list[str] = field(default_factory=list)
    """Of the files, in the incidents' order."""
    notes: list[str] = field(default_factory=list)
    """What could not be shown, a sentence each."""


def write_evidence(
    cases: Iterable[Case],
    originals: Mapping[int, Original],
    folder: str,
    *,
    lang: str = "en",
    redactor: Redactor | None = None,
) -> Written:
    """Write a file for each case.

    :param originals: by index of the capture.
    :param folder: must exist.
    :param redactor: hides whose packets they are.
    :raises OSError: a file cannot be written.
    """
    by_capture: dict[int, list[Case]] = {}
    for case in cases:
        by_capture.setdefault(case.exhibits[0].capture, []).append(case)
    written, paths = Written(), dict[int, str]()
    writer = _Writer(folder, lang, redactor, written, paths)
    for capture, its_cases in sorted(by_capture.items()):
        writer.write(its_cases, originals[capture])
    written.paths = [path for _, path in sorted(paths.items())]
    return written


class _Writer:
    def __init__(
        self, folder: str, lang: str, redactor: Redactor | None, written: Written, paths: dict[int, str]
    ) -> None:
        self._folder, self._lang, self._redactor, self._written, self._paths = folder, lang, redactor, written, paths
        self._text, self._counted = translator(lang), plural(lang)
        self._room = MAX_BYTES

    def write(self, cases: list[Case], original: Original) -> None:
        """The files of one capture's cases."""
        _, counted, notes = self._text, self._counted, self._written.notes
        if not original.files:
            text = _("{name}: no evidence is written: it cannot be read a second time. Save it to a file first.")
            notes.append(text.format(name=original.name))
            return
        wants: dict[int, Want] = {}
        for case in cases:
            for exhibit in case.exhibits:
                if exhibit.stream not in wants or exhibit.failed:
                    wants[exhibit.stream] = Want(exhibit.last_frame, exhibit.frames)
        try:
            found = gather(lambda: open_files(original.files), wants, self._room)
        except CaptureError as error:
            text, reason = _("{name}: no evidence is written: {reason}."), told(error.reason, self._lang)
            notes.append(text.format(name=original.name, reason=reason))
            return
        self._room -= sum(len(packet.data) for packet in found.packets.values())
        for case in cases:
            self._write(case, original, found)
        if found.cut:
            text = counted(
                "{name}: of {n} session only the first packets are in the evidence.",
                "{name}: of {n} sessions only the first packets are in the evidence.",
                len(found.cut),
            )
            notes.append(text.format(name=original.name, n=len(found.cut)))
        if found.too_much:
            text = _("{name}: the evidence is not complete: it would be larger than {limit} MB.")
            notes.append(text.format(name=original.name, limit=MAX_BYTES >> 20))
        elif found.ended_early:
            text = _("{name}: the evidence is not complete: the copy of the stream ends before it.")
            notes.append(text.format(name=original.name))

    def _write(self, case: Case, original: Original, found: Gathered) -> None:
        stream_of = {
            frame: exhibit.stream for exhibit in case.exhibits for frame in found.of_stream.get(exhibit.stream, ())
        }
        packets = [found.packets[frame] for frame in sorted(stream_of)]
        if not packets:
            return
        made = rewrite_packets(packets, stream_of, self._redactor)
        data = write_pcapng(
            made.packets,
            application=f"{TOOL.name} {TOOL.version}",
            comment=self._about(case, original),
            comments=self._comments(case, original, found, made),
            interface_names={}
            if self._redactor is not None
            else {at: printable(name) for at, name in enumerate(found.interfaces)},
        )
        name = file_name(case.number, case.incident)
        path = write_new(self._folder, name, data)
        self._paths[case.number] = path
        if made.dropped:
            counted = self._counted
            text = counted(
                "{name}: {n} packet is left out: it cannot be redacted.",
                "{name}: {n} packets are left out: they cannot be redacted.",
                made.dropped,
            )
            self._written.notes.append(text.format(name=os.path.basename(path), n=made.dropped))

    # -- what comments say ---------------------------------------------------------------------------------------------

    def _about(self, case: Case, original: Original) -> str:
        """The section's comment."""
        _, counted, incident = self._text, self._counted, case.incident
        server = f"[{incident.server.ip}]" if ":" in incident.server.ip else incident.server.ip
        lines = [
            _("Incident {number}: {cause} at {server}:{port}").format(
                number=case.number, cause=incident.cause, server=server, port=incident.server.port
            ),
            incident.sentence,
            _("From {name}. Frame and stream numbers in comments are those of that capture.").format(
                name=original.name
            ),
        ]
        shown = sum(exhibit.failed for exhibit in case.exhibits)
        if case.left_out:
            text = counted(
                "{shown} of {n} session of this incident is here.",
                "{shown} of {n} sessions of this incident are here.",
                shown + case.left_out,
            )
            lines.append(text.format(shown=shown, n=shown + case.left_out))
        if self._redactor is not None:
            lines.append(_("Redacted: addresses and names are replaced, payload beyond the handshake is overwritten."))
        return "\n".join(line for line in lines if line)

    def _comments(self, case: Case, original: Original, found: Gathered, made: Rewriting) -> dict[int, list[str]]:
        """What is said in each packet, by frame."""
        _, comments = self._text, dict[int, list[str]]()
        there = {packet.frame for packet in made.packets}
        for exhibit in case.exhibits:
            first = next((frame for frame in found.of_stream.get(exhibit.stream, ()) if frame in there), None)
            if first is not None:
                comments.setdefault(first, []).append(self._heading(exhibit, original))
        for exhibit in case.exhibits:
            for frame, text in exhibit.comments:
                if frame in there:
                    told = _("frame {frame}: {text}").format(frame=frame, text=text)
                    if told not in comments.setdefault(frame, []):
                        comments[frame].append(told)
        for frame, frames in made.joined.items():
            text = _("put together from the fragments in frames {frames}")
            comments.setdefault(frame, []).append(text.format(frames=", ".join(map(str, frames))))
        return comments

    def _heading(self, exhibit: Exhibit, original: Original) -> str:
        _ = self._text
        if not exhibit.failed:
            return _("tcp.stream {stream} of {name}: works, for comparison; its beginning").format(
                stream=exhibit.stream, name=original.name
            )
        return _("tcp.stream {stream} of {name}: {title}").format(
            stream=exhibit.stream, name=original.name, title=exhibit.headline
        )
