"""How a log's clock compares with the capture's, in words: a log of another day is called that."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from capanalyzer import cli
from capanalyzer.logs.clock import Clock
from capanalyzer.report.log_clock import clock_model

CAPTURE = str(Path(__file__).resolve().parents[2] / "pcaps" / "certificate-unknown-ca-every-client" / "capture.pcapng")
DAY, HOUR = 86_400.0, 3_600.0


@pytest.mark.parametrize(
    ("offset_s", "has_zone", "days", "told"),
    [
        (0.4, True, 0, "clock as the capture's"),
        (-32_400 + 40.0, False, 0, "time zone +09:00, clock 40.0 s behind the capture's"),
        (-3 * HOUR, True, 0, "clock 3 h 0 min ahead of the capture's"),
        # 23:59 and 00:04 of the next day are no other day.
        (-300.0, True, 0, "clock 5 min 0 s ahead of the capture's"),
        (15 * HOUR, False, 0, "clock 15 h 0 min behind the capture's"),
        (DAY - 600, True, 1, "another day: its lines are dated 1 day before the capture"),
        (DAY, True, 1, "clock 1 d 0 h 0 min behind the capture's, another day: its lines are dated 1 day before"),
        (
            -2 * DAY - 60,
            True,
            -2,
            "clock 2 d 0 h 1 min ahead of the capture's, another day: its lines are dated 2 days a",
        ),
        (
            DAY + 9 * HOUR,
            False,
            1,
            "clock 1 d 9 h 0 min behind the capture's, another day: its lines are dated 1 day be",
        ),
    ],
)
def test_words(offset_s: float, has_zone: bool, days: int, told: str) -> None:
    clock = Clock(round(offset_s * 1_000_000_000), 0, 3, 1, is_sure=False)
    model = clock_model(0, "nginx", clock, has_zone=has_zone, lang="en")
    assert (model.days, model.offset_seconds) == (days, offset_s)
    assert told in model.text
    assert ("another day" in model.text) is bool(days)
    assert model.text.endswith("(by 4 lines)")


def test_an_offset_that_nothing_confirms_is_not_told() -> None:
    model = clock_model(0, "nginx", Clock(round(DAY * 1e9), 0, 0, 0, is_sure=False), has_zone=True, lang="en")
    assert model.text == "clock not confirmed by any line"


@pytest.mark.parametrize("form", ["text", "html", "markdown", "json"])
@pytest.mark.parametrize(("lang", "words"), [("en", "another day"), ("ja", "別の日")])
def test_a_log_of_another_day_is_called_that(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str, lang: str, words: str
) -> None:
    assert cli.main(["analyze", CAPTURE, "--format", "json"]) == 0
    sessions = [one for one in json.loads(capsys.readouterr().out)["sessions"] if one["outcome"] == "failed"]
    assert len(sessions) >= 3
    log = tmp_path / "ltm"
    lines = []
    for one in sessions:
        then = datetime.fromisoformat(one["end"][:19]).replace(tzinfo=UTC) - timedelta(days=1)
        ends = f"{one['client']['ip']}:{one['client']['port']} -> {one['server']['ip']}:{one['server']['port']}"
        lines.append(
            f"{then:%Y-%m-%dT%H:%M:%S}Z bigip1 warning tmm[1]: 01260013:4: SSL Handshake failed for TCP {ends}\n"
        )
    log.write_text("".join(lines))
    assert cli.main(["analyze", CAPTURE, "--log", str(log), "--format", form, "--lang", lang]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert words in out.replace(" 別の日", "別の日")
    if form == "json":
        (clock,) = json.loads(out)["logs"][0]["clocks"]
        assert (clock["days"], clock["is_certain"]) == (1, False)
        assert words in clock["text"]
