"""All that a run needs is loaded before it gives up its rights, seen by the interpreter's own audit events."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from pathlib import Path
from capanalyzer.analysis import Options
from capanalyzer.live.engine import Engine
from capanalyzer.live.preparation import prepare
from tests.live.pieces import Listening, Pieces

prepare(sys.argv[1])
late, captures, watching = set(), [], False

def see(event, arguments):
    if watching and event == "import":
        late.add(arguments[0])
    if watching and event == "open" and isinstance(arguments[0], str) and "/pcaps/" not in arguments[0]:
        late.add(arguments[0])

sys.addaudithook(see)
for path in sorted(Path("pcaps").rglob("*.pcap*")):
    source, heard = Pieces(path), Listening()
    engine = Engine(source, [heard], Options(), is_watched=False, lang=sys.argv[1])
    watching = True
    while not source.ended:
        engine.step(0)
    engine.end()
    engine.trailer()
    watching = False
if late:
    sys.exit("\\n".join(sorted(late)))
"""


def test_nothing_is_loaded_later() -> None:
    """Neither a module nor a text, for whatever capture shows: every cause has one here."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "ja"], cwd=PROJECT, capture_output=True, check=False, text=True
    )
    assert done.stderr == ""
    assert done.returncode == 0


RARE = """
import os, sys
from capanalyzer.capture.probe import make_reader
from capanalyzer.capture.records import CaptureInfo
from capanalyzer.capture.streams import _widen_pipe
from capanalyzer.diagnosis.trust.names import canonical
from capanalyzer.live.preparation import prepare
from capanalyzer.tls.der import read_string

prepare("en")
late = []
sys.addaudithook(lambda event, arguments: late.append(arguments[0]) if event == "import" else None)
assert canonical("b\u00fccher.example") == "xn--bcher-kva.example"
assert read_string(0x1E, "a".encode("utf-16-be")) == read_string(0x1C, "a".encode("utf-32-be")) == "a"
for name in ("pcap", "pcapng", "snoop"):
    make_reader(name, CaptureInfo("-"))
_widen_pipe(os.pipe()[0])
sys.exit("\\n".join(late) if late else 0)
"""


def test_what_few_captures_need_is_loaded_too() -> None:
    """Names beyond ASCII, strings of old certificates, formats that come through a pipe."""
    done = subprocess.run([sys.executable, "-c", RARE], cwd=PROJECT, capture_output=True, check=False, text=True)
    assert done.stderr.strip() == ""
    assert done.returncode == 0


VIEW = """
import sys
from capanalyzer.live.ending import Ending, Patience
from capanalyzer.live.view.screen import View
from capanalyzer.report.terminal import Look
from rich.cells import cell_len

View(sys.stdout, Look(80, lang="ja"), "eth0", Ending(), Patience.NONE)
late = []
sys.addaudithook(lambda event, arguments: late.append(arguments[0]) if event in ("import", "open") else None)
assert cell_len("最近の失敗 …") == 12
sys.exit("\\n".join(map(str, late)) if late else 0)
"""


def test_the_view_loads_the_widths_of_characters() -> None:
    done = subprocess.run([sys.executable, "-c", VIEW], cwd=PROJECT, capture_output=True, check=False, text=True)
    assert done.stderr == ""
    assert done.returncode == 0
