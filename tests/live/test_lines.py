"""Plain lines, by themselves."""

from __future__ import annotations

import msgspec

from capanalyzer.live.lines import MAX_NAME, PlainLines
from tests.live.test_hooks import incident


def test_a_name_that_is_none_does_not_make_a_line_of_16_000_characters() -> None:
    written: list[bytes] = []
    lines = PlainLines(written.append, lambda: None, lang="en")
    lines.incident(msgspec.structs.replace(incident(), sni="a" * 16_000), new=True)
    [line] = written
    assert f"({'a' * MAX_NAME}…)" in line.decode()
    assert len(line) < 1_000
