"""CSV and Parquet: the same rows, types as documented, in pieces, and open in what people open them with."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import capanalyzer
from capanalyzer import cli
from capanalyzer.cli import formats
from capanalyzer.report import model, to_parquet
from capanalyzer.report.rows import COLUMNS, rows
from capanalyzer.report.to_csv import cell_text, to_csv
from capanalyzer.report.to_parquet import SCHEMA

from .samples import START_NS, Told, at, failed, session, tls

PROJECT = Path(__file__).resolve().parents[2]
PCAPS = PROJECT / "pcaps"
NAMES = [column.name for column in COLUMNS]


def path_of(capture: int) -> str:
    return ["edge.pcap", "b.pcap"][capture]


def various() -> list[model.Session]:
    certificate = model.Certificate(
        "CN=a", "CN=b", "0a", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", ("a.example", "b;c")
    )
    spoken = msgspec.structs.replace(
        tls(), certificates=(certificate,), alerts=(model.Alert(7, "server", None, None, None, True),)
    )
    return [
        session(0),
        session(1, capture=1, tls=spoken, timing=model.Timing(-0.5, 0.000001, 1e6, None)),
        session(2, outcome="idle", tls=None, protocol=model.SideTexts(None, None)),
        failed(37, comparison=model.Comparison(4, 3, 2, 1), other_leg=5),
    ]


def csv_rows(sessions: list[model.Session]) -> list[dict[str, str]]:
    data = b"".join(to_csv(sessions, path_of))
    assert data.count(b"\r\n") == len(sessions) + 1
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))


def parquet(sessions: list[model.Session]) -> bytes:
    return b"".join(to_parquet.to_parquet(sessions, path_of, Told(sessions).trailer))


def parquet_rows(sessions: list[model.Session]) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = pq.read_table(io.BytesIO(parquet(sessions))).to_pylist()
    return read


def test_every_row_has_every_column() -> None:
    for row in rows(various(), path_of):
        assert len(row) == len(COLUMNS)
    assert len(set(NAMES)) == len(NAMES)


def test_csv() -> None:
    plain, spoken, idle, broken = csv_rows(various())
    assert list(plain) == NAMES
    assert plain["capture_path"] == "edge.pcap"
    assert spoken["id"] == "1000000001"
    assert plain["start"] == at(0)
    assert plain["sni"] == "api.example.com"
    assert plain["offered_versions"] == "TLS 1.3;TLS 1.2"
    assert plain["offered_cipher_suites"] == "4865"
    assert plain["cipher_suite_name"] == "TLS_AES_128_GCM_SHA256"
    assert plain["resumed"] == "false"
    assert (plain["cause"], plain["title"], plain["comparison_server_clients"]) == ("", "", "")
    assert spoken["certificate_san"] == "a.example;b\\;c"
    assert spoken["certificate_not_after"] == "9999-12-31T23:59:59Z"
    assert spoken["alerts"] == "server:encrypted"
    assert {idle[name] for name in ("sni", "version", "resumed", "certificates", "client_protocol")} == {""}
    assert broken["cause"] == "http-to-tls-port"
    assert broken["remedy"] == "Use https://, or give plaintext HTTP a port of its own."
    assert (broken["comparison_server_established"], broken["other_leg"]) == ("4", "5")


def test_csv_leaves_numbers_alone() -> None:
    """A negative number is no formula: an apostrophe would make it text."""
    one = csv_rows(various())[1]
    assert one["connect_ms"] == "-0.500000"
    assert one["client_hello_ms"] == "0.000001"
    assert one["server_hello_ms"] == "1000000.000000"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("www.example.com", "www.example.com"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        (" =1", "' =1"),
        ("\t=1", "\\x09=1"),
        ("\r=1", "\\x0d=1"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ('a;"=1', "a;'\"=1"),
        ("a - b, -c; d = e", "a - b, -c; d = e"),
        ("CN=a,O=b", "CN=a,O=b"),
        ("1:abc=", "1:abc="),
        ("証明書", "証明書"),
    ],
)
def test_cell(text: str, cell: str) -> None:
    assert cell_text(text) == cell


def test_parquet_has_the_same_columns_with_types() -> None:
    plain, spoken, idle, broken = parquet_rows(various())
    assert SCHEMA.names == NAMES
    assert plain["start"].value == START_NS
    assert plain["offered_cipher_suites"] == [4865]
    assert plain["offered_versions"] == ["TLS 1.3", "TLS 1.2"]
    assert plain["resumed"] is False
    assert plain["cause"] is None
    assert spoken["certificate_not_after"] == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert spoken["certificate_san"] == ["a.example", "b;c"]
    assert spoken["connect_ms"] == -0.5
    assert idle["sni"] is None
    assert idle["resumed"] is None
    assert broken["other_leg"] == 5
    assert pa.types.is_dictionary(SCHEMA.field("outcome").type)
    assert SCHEMA.field("start").type == pa.timestamp("ns", "UTC")


def test_parquet_tells_of_the_whole_report() -> None:
    sessions = various()
    metadata = pq.read_metadata(io.BytesIO(parquet(sessions))).metadata
    about = msgspec.json.decode(metadata[b"capanalyzer.report"])
    assert about["summary"]["outcomes"]["failed"] == 1
    assert about["captures"][0]["path"] == "edge.pcap"
    assert metadata[b"capanalyzer.schema_version"].decode() == model.SCHEMA_VERSION


def test_no_sessions() -> None:
    assert csv_rows([]) == []
    assert pq.read_table(io.BytesIO(parquet([]))).schema.names == NAMES


def test_sessions_go_out_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given out before the next session is asked for: nothing waits for the end."""
    monkeypatch.setattr(to_parquet, "ROWS", 10)
    asked = 0

    def sessions() -> Iterator[model.Session]:
        nonlocal asked
        for stream in range(100):
            asked += 1
            yield session(stream, tls=tls("x" * 10_000))

    for pieces in (to_csv(sessions(), path_of), to_parquet.to_parquet(sessions(), path_of, Told([]).trailer)):
        asked = 0
        next(pieces)
        assert asked <= 20
        rest = b"".join(pieces)
    assert rest.endswith(b"PAR1")
    data = parquet([session(stream) for stream in range(35)])
    assert pq.read_metadata(io.BytesIO(data)).num_row_groups == 4


def test_memory_does_not_grow_with_the_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_parquet, "ROWS", 200)

    def peak(count: int) -> tuple[int, int]:
        tracemalloc.start()
        arrow = 0
        sessions = (failed(stream, tls=tls()) for stream in range(count))
        for _ in to_parquet.to_parquet(sessions, path_of, Told([]).trailer):
            arrow = max(arrow, pa.total_allocated_bytes())
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used, arrow

    peak(200)
    (small, small_arrow), (large, large_arrow) = peak(400), peak(4000)
    assert large < 2 * small
    assert large_arrow < small_arrow + 2_000_000


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every sample capture in both forms."""
    folder = tmp_path_factory.mktemp("tables")
    for form in ("csv", "parquet"):
        assert cli.main(["analyze", str(PCAPS), "--format", form, "-o", str(folder / f"report.{form}"), "-q"]) == 0
    return folder


@pytest.fixture(scope="module")
def outcomes() -> dict[str, int]:
    counted = capanalyzer.build_report(PCAPS).summary.outcomes
    return {outcome: count for outcome, count in counted.items() if count}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_pandas(tables: Path, outcomes: dict[str, int], form: str) -> None:
    path = tables / f"report.{form}"
    frame = pd.read_csv(path, parse_dates=["start"]) if form == "csv" else pd.read_parquet(path)
    assert list(frame.columns) == NAMES
    assert frame.groupby("outcome", observed=True).size().to_dict() == outcomes
    assert frame["handshake_ms"].dtype.kind == "f"
    assert frame["start"].dt.tz is not None


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_polars(tables: Path, outcomes: dict[str, int], form: str) -> None:
    path = tables / f"report.{form}"
    frame = pl.read_csv(path, infer_schema_length=None) if form == "csv" else pl.read_parquet(path)
    assert frame.columns == NAMES
    assert dict(frame.group_by(pl.col("outcome").cast(pl.String)).len().iter_rows()) == outcomes
    if form == "parquet":
        assert frame.schema["offered_alpn"] == pl.List(pl.String)
        assert frame.schema["start"] == pl.Datetime("ns", "UTC")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_duckdb(tables: Path, outcomes: dict[str, int], form: str) -> None:
    source = f"'{tables / f'report.{form}'}'"
    assert dict(duckdb.sql(f"select outcome, count(*) from {source} group by all").fetchall()) == outcomes
    [(slowest, first)] = duckdb.sql(f"select max(handshake_ms), epoch(min(start)) from {source}").fetchall()
    assert slowest > 0
    earliest = min(session.start for session in capanalyzer.analyze(PCAPS))
    assert datetime.fromtimestamp(first, UTC).isoformat()[:19] == earliest[:19]


def test_both_forms_say_the_same(tables: Path) -> None:
    lines = list(csv.DictReader(io.StringIO((tables / "report.csv").read_text("utf-8-sig"), newline="")))
    for line, row in zip(lines, pq.read_table(tables / "report.parquet").to_pylist(), strict=True):
        for column in COLUMNS:
            value = row[column.name]
            if value is None:
                assert line[column.name] == "", column.name
            elif column.kind == "integer":
                assert int(line[column.name]) == value
            elif column.kind == "ms":
                assert float(line[column.name]) == pytest.approx(value, abs=1e-6)
            elif column.kind == "time":
                assert pd.Timestamp(line[column.name]) == value
            elif column.kind in ("texts", "codes"):
                assert line[column.name].count(";") == max(len(value) - 1, 0)


# --- the command line -------------------------------------------------------------------------------------------------


def test_parquet_on_standard_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "capanalyzer", "analyze", str(PCAPS / "many-clients"), "--format", "parquet"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    expected = len(list(capanalyzer.analyze(PCAPS / "many-clients")))
    assert pq.read_table(io.BytesIO(done.stdout)).num_rows == expected > 0


def test_parquet_is_not_for_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.main(["analyze", str(PCAPS / "many-clients"), "--format", "parquet"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "redirect it, or name a file with -o" in err


def test_a_missing_extra_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the file that was to be written is not touched."""
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    target = tmp_path / "out.parquet"
    assert cli.main(["analyze", str(PCAPS / "many-clients"), "--format", "parquet", "-o", str(target)]) == 2
    assert capsys.readouterr().err == (
        "capanalyzer: --format parquet needs pyarrow: pip install 'capanalyzer[parquet]'\n"
    )
    assert not target.exists()


def test_other_formats_do_not_import_pyarrow() -> None:
    code = (
        "import sys\nfrom capanalyzer.cli import main\n"
        f"main(['analyze', {str(PCAPS / 'sni')!r}, '--format', 'csv', '-q', '-o', '/dev/null'])\n"
        "print('pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


ARROW = {
    "word": "dictionary<int32, string>",
    "text": "string",
    "texts": "list<string>",
    "integer": "int64",
    "port": "uint16",
    "code": "int32",
    "codes": "list<int32>",
    "flag": "bool",
    "ms": "double",
    "time": "timestamp[ns, UTC]",
    "date": "timestamp[ms, UTC]",
}


@pytest.mark.parametrize("page", ["docs/tables.md", "docs/tables.ja.md"])
def test_the_pages_list_every_column_with_its_type(page: str) -> None:
    text = (PROJECT / page).read_text("utf-8")
    listed = re.findall(r"^\| `([a-z0-9_]+)` \| `([^`]+)` \|", text, re.MULTILINE)
    assert listed == [(column.name, ARROW[column.kind]) for column in COLUMNS]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_types_are_those_of_the_page(column: Any) -> None:
    kind = SCHEMA.field(column.name).type
    told = ARROW[column.kind]
    if pa.types.is_dictionary(kind):
        assert told == f"dictionary<{kind.index_type}, {kind.value_type}>"
    elif pa.types.is_list(kind):
        assert told == f"list<{kind.value_type}>"
    else:
        assert str(kind).replace("tz=", "") == told
