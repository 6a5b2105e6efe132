"""The diagrams are what Mermaid itself takes them for: drawn by the real library, text by text."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

import capanalyzer
from capanalyzer.report.escape import printable
from capanalyzer.report.ladder import MAX_RUNGS
from capanalyzer.report.mermaid import MAX_TEXT, diagram_text, sequence_diagram

from .attacks import PAYLOADS
from .samples import TIMELINE, at, failed

CASES = sorted((Path(__file__).resolve().parents[2] / "pcaps").glob("*/capture.*"))
PAGE = """<!doctype html><meta charset="utf-8"><pre id="drawn"></pre><script src="{library}"></script><script>
const diagrams = {diagrams};
(async () => {{
  mermaid.initialize({{startOnLoad: false, securityLevel: "strict"}});
  const drawn = [];
  for (const [number, text] of diagrams.entries()) {{
    try {{
      const {{svg}} = await mermaid.render("diagram" + number, text);
      const picture = new DOMParser().parseFromString(svg, "text/html");
      const texts = name => [...picture.querySelectorAll(name)].map(each => each.textContent);
      drawn.push({{messages: texts(".messageText"), notes: texts(".noteText"), actors: texts("text.actor"),
                  others: picture.querySelectorAll("script, img, a, foreignObject").length}});
    }} catch (error) {{ drawn.push({{error: String(error)}}); }}
  }}
  document.getElementById("drawn").textContent = JSON.stringify(drawn);
}})();
</script>"""


def test_the_ladder_as_source() -> None:
    """Readable where nothing draws it: frames, times from the start, direction, the stall before the close."""
    assert sequence_diagram(failed(37), "en") == [
        "sequenceDiagram",
        "    participant C as client 192.0.2.7:51037",
        "    participant S as server 198.51.100.9:443",
        "    C->>S: 112 (0.0 ms) SYN",
        "    S->>C: 113 (21.0 ms) SYN, ACK",
        "    C->>S: 115 (43.1 ms) HTTP request GET / HTTP/1.1",
        "    S->>C: 116 (64.2 ms) HTTP response 400 Bad Request",
        "    Note over C,S: ✗ stalled here: waiting for a ClientHello",
        "    S->>C: 117 (64.3 ms) FIN, ACK",
    ]


def test_resets_pauses_and_long_sessions() -> None:
    late = msgspec.structs.replace(TIMELINE[-1], time=at(30_064.2), event="RST", detail="")
    lines = sequence_diagram(failed(37, timeline=(*TIMELINE[:-1], late)), "en")
    assert lines[-2:] == ["    Note over C,S: ... 30.0 s", "    S-xC: 117 (30.1 s) RST"]
    long = tuple(msgspec.structs.replace(TIMELINE[0], frame=frame) for frame in range(1, 101))
    lines = sequence_diagram(failed(37, timeline=long), "en")
    assert "    Note over C,S: ... 76 events not shown" in lines
    assert len(lines) == 3 + MAX_RUNGS + 2
    assert len(sequence_diagram(failed(37, timeline=long), "en", verbose=True)) == 3 + 100 + 1
    assert sequence_diagram(failed(37, timeline=()), "en") == []


def test_japanese() -> None:
    lines = sequence_diagram(failed(37), "ja")
    assert lines[1] == "    participant C as クライアント 192.0.2.7:51037"
    assert any("ここで停止" in line for line in lines)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """What Mermaid draws, by the diagram's source: every sample capture, and every payload as an event."""
    browser = next((path for name in ("chromium", "google-chrome", "chrome") if (path := shutil.which(name))), None)
    library = os.environ.get("CAPANALYZER_MERMAID")
    if browser is None or library is None:
        pytest.skip("no chromium, or no mermaid (npm install mermaid; CAPANALYZER_MERMAID=.../mermaid.min.js)")
    diagrams = [
        "\n".join(sequence_diagram(session, lang))
        for lang in ("en", "ja")
        for path in CASES
        for session in capanalyzer.analyze(path, lang=lang)
        if session.timeline
    ]
    diagrams += ["\n".join(attacked(payload)) for payload in PAYLOADS]
    folder = tmp_path_factory.mktemp("mermaid")
    page = folder / "page.html"
    source = json.dumps(diagrams).replace("</", "<\\/")
    page.write_text(PAGE.format(library=Path(library).resolve().as_uri(), diagrams=source), "utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=120000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=300, check=True)
    found = re.search(r'<pre id="drawn">(.*?)</pre>', done.stdout.decode(), re.DOTALL)
    assert found, done.stderr.decode()
    return dict(zip(diagrams, json.loads(html.unescape(found[1])), strict=True))


def attacked(payload: str) -> list[str]:
    entries = (
        *(msgspec.structs.replace(entry, event=payload, detail="") for entry in TIMELINE),
        msgspec.structs.replace(TIMELINE[0], sender=None, event=payload, detail=payload),
    )
    return sequence_diagram(failed(37, stage=None, timeline=entries), "en")


def test_mermaid_draws_every_sample(drawn: dict[str, dict[str, list[str]]]) -> None:
    """Without an error, one message for each arrow and one note for each note."""
    assert len(drawn) > 100
    for source, picture in drawn.items():
        assert "error" not in picture, (source, picture)
        lines = source.split("\n")
        assert len(picture["messages"]) == sum("->>" in line or "-x" in line[:9] for line in lines), source
        assert len(picture["notes"]) == sum(line.startswith("    Note") for line in lines), source
        assert picture["others"] == 0


def test_mermaid_shows_payloads_as_they_are(drawn: dict[str, dict[str, list[str]]]) -> None:
    """Character for character: nothing is taken for a statement, a directive, an entity or markup."""
    for payload in PAYLOADS:
        text = " ".join(printable(payload).split())
        said = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."
        picture = drawn["\n".join(attacked(payload))]
        for entry, message in zip(TIMELINE, picture["messages"], strict=True):
            assert message.startswith(f"{entry.frame} ("), payload
            assert message.partition(") ")[2].strip() == said, payload
        assert len(set(picture["actors"])) == 2


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload)[:40])
def test_no_character_can_end_a_message(payload: str) -> None:
    text = diagram_text(payload)
    assert not re.search(r"[^\w .,()/'=+?:;#-]", text)
    assert all(re.fullmatch(r"#\d+", part[part.rfind("#") :]) for part in text.split(";")[:-1])
