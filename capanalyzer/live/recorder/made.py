"""What is written of a failed session: its packets with comments, its report for programs and for readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from capanalyzer.capture.linktypes import link_name
from capanalyzer.capture.write import PacketRecord, write_pcapng
from capanalyzer.evidence.collect import exhibit_of
from capanalyzer.evidence.rewrite import Rewriting, rewrite_packets
from capanalyzer.i18n import translator
from capanalyzer.report import model
from capanalyzer.report.escape import encodable, printable
from capanalyzer.report.incidents import Incidents
from capanalyzer.report.times import to_rfc3339
from capanalyzer.report.to_json import to_json
from capanalyzer.report.to_markdown import to_markdown
from capanalyzer.report.words import endpoint

__all__ = ["Gathered", "make_files"]


@dataclass(slots=True)
class Gathered:
    """Packets of one failed session."""

    packets: dict[int, PacketRecord] = field(default_factory=dict)
    """By frame."""
    bytes: int = 0
    is_cut: bool = False
    """There were more than are kept of one session."""
    lacks_start: bool = False
    """Its first packets had left the memory."""


def make_files(
    session: model.Session,
    gathered: Gathered,
    stem: str,
    interfaces: Sequence[str],
    *,
    source: str,
    lang: str = "en",
) -> dict[str, bytes]:
    """The contents of a record's files, by extension.

    :param stem: of the files' names.
    :param interfaces: names of the live capture's.
    :param source: what it is called.
    """
    frames = sorted(gathered.packets)
    packets = [gathered.packets[frame] for frame in frames]
    made = rewrite_packets(packets, dict.fromkeys(frames, session.stream), None)
    source = printable(encodable(source))
    notes = _notes(gathered, lang)
    capture = write_pcapng(
        made.packets,
        application=f"{model.TOOL.name} {model.TOOL.version}",
        comment="\n".join([*_about(session, source, lang), *notes]),
        comments=_comments(session, made, lang),
        interface_names=dict(enumerate(printable(name) for name in interfaces)),
    )
    trailer = _trailer(session, packets, source, f"{stem}.pcapng", notes, lang)
    markdown = to_markdown([session], lambda: trailer, lang, verbose=True)
    return {
        "pcapng": capture,
        "json": b"".join(to_json([session], lambda: trailer)),
        "md": "".join(markdown).encode("utf-8", "backslashreplace"),
    }


def _about(session: model.Session, source: str, lang: str) -> list[str]:
    """The section's comment."""
    _ = translator(lang)
    return [
        _("Session {id} of {source}: {client} to {server}, {cause}").format(
            id=session.id,
            source=source,
            client=endpoint(session.client),
            server=endpoint(session.server),
            cause=session.cause,
        ),
        _("Frame and stream numbers in comments are those of the live run, as in the report beside this file."),
    ]


def _notes(gathered: Gathered, lang: str) -> list[str]:
    """What is not there, a sentence each."""
    _, notes = translator(lang), []
    if gathered.lacks_start:
        notes.append(_("Its first packets are missing: they had left the recorder's memory before the session failed."))
    if gathered.is_cut:
        notes.append(_("Only its first packets are here: it had more than the recorder keeps of one session."))
    return notes


def _comments(session: model.Session, made: Rewriting, lang: str) -> dict[int, list[str]]:
    """What is said in each packet, by frame."""
    _, comments, exhibit = translator(lang), dict[int, list[str]](), exhibit_of(session)
    if made.packets:
        comments[made.packets[0].frame] = [f"tcp.stream {session.stream}: {exhibit.headline}"]
    for frame, text in exhibit.comments:
        told = _("frame {frame}: {text}").format(frame=frame, text=text)
        if told not in comments.setdefault(frame, []):
            comments[frame].append(told)
    for frame, pieces in made.joined.items():
        text = _("put together from the fragments in frames {frames}")
        comments.setdefault(frame, []).append(text.format(frames=", ".join(map(str, pieces))))
    return comments


def _trailer(
    session: model.Session, packets: Sequence[PacketRecord], source: str, name: str, notes: list[str], lang: str
) -> model.Trailer:
    """The frame of a report about this session alone."""
    incidents = Incidents()
    incidents.add(session)
    times = [packet.time_ns for packet in packets]
    capture = model.Capture(
        path=source,
        format="pcapng",
        link_types=tuple(dict.fromkeys(link_name(packet.link) for packet in packets)),
        packets=len(packets),
        bytes=sum(packet.original for packet in packets),
        first_time=to_rfc3339(min(times)) if times else None,
        last_time=to_rfc3339(max(times)) if times else None,
        warnings=tuple(notes),
        files=(name,),
        comments=(),
        truncated_packets=sum(len(packet.data) < packet.original for packet in packets),
        dropped_packets=0,
    )
    summary = model.Summary(1, {session.outcome: 1}, {} if session.cause is None else {session.cause: 1}, ())
    return model.Trailer(model.SCHEMA_VERSION, model.TOOL, (capture,), (), incidents.result(lang), summary)
