"""expected.json against tshark: the facts that tshark knows must be the labelled ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lab.proofs import unproved
from lab.reading import Stream, read

__all__ = ["check", "differences"]


def differences(folder: Path) -> tuple[list[str], list[Stream]]:
    """What tshark sees otherwise than the labels of one case say."""
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    labels = expected["sessions"]
    capture = next(folder.glob("capture.*"))
    streams = read(capture, expected.get("decode_as_tls", ()))
    problems = [] if len(streams) == len(labels) else [f"{len(streams)} streams, {len(labels)} labelled"]
    for label in labels:
        stream = streams.get(label["stream"], Stream())
        for key in ("sni", "version"):
            found = getattr(stream, key)
            if key in label and found != label[key]:
                problems.append(f"stream {label['stream']}: {key} is {found}, labelled {label[key]}")
        if missing := unproved(label, stream):
            problems.append(f"stream {label['stream']}: {missing}")
    return problems, [streams[number] for number in sorted(streams)]


def check(folder: Path, names: list[str], *, verbose: bool = False) -> int:
    """Print what differs and a line per case; 1 when anything does."""
    wrong = 0
    for one in sorted(folder.iterdir()):
        if not one.is_dir() or (names and one.name not in names):
            continue
        problems, streams = differences(one)
        size = next(one.glob("capture.*")).stat().st_size
        print(f"{one.name}: {len(streams)} sessions, {size} bytes", flush=True)
        for stream in streams if verbose else ():
            print("   ", " ".join(stream.steps))
        for problem in problems:
            print(f"  {one.name}: {problem}", file=sys.stderr)
        wrong |= bool(problems)
    return wrong
