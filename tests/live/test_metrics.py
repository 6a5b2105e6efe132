"""Metrics: right numbers, bounded labels, a server that cannot be held up; read by a real Prometheus."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace as replace_struct
from prometheus_client.parser import text_string_to_metric_families

from capanalyzer.analysis import Options
from capanalyzer.capture.live_source import Drops
from capanalyzer.diagnosis.verdict import Confidence, Finding, Outcome, Severity
from capanalyzer.errors import UsageError
from capanalyzer.live.engine import Engine
from capanalyzer.live.listener import LiveVerdict, State, WorkingSessions
from capanalyzer.live.metrics import server as server_module
from capanalyzer.live.metrics.exposition import BESIDE
from capanalyzer.live.metrics.numbers import OPEN_NS, Numbers
from capanalyzer.live.metrics.server import Metrics
from capanalyzer.live.tally import What
from capanalyzer.report import model
from capanalyzer.report.times import from_rfc3339
from tests.live.pieces import Pieces
from tests.live.replay import Replay, make
from tests.ports import held_port
from tests.report.samples import at
from tests.test_pcaps import PCAPS, capture_of

CONTRIB = PCAPS.parent / "contrib"
STATE = State(
    from_rfc3339(at(1000)), from_rfc3339(at(0)), 1000, 90_000, Drops(3, 4),
    {"established": 7, "failed": 2}, {"http-to-tls-port": 2}, {"flows": 12}, {"flows": 1},
    {"up": 1, "down": 2, "gone": 0},
)  # fmt: skip
COUNTS = {name: {"written": 1, "delivered": 1, "failed": 2} for name in BESIDE}


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    served = Metrics("127.0.0.1", 0, COUNTS)
    served.start()
    yield served
    served.close()


def scrape(port: int, path: str = "/metrics", accept: str = "") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(scrape(metrics.port))
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, tuple(sorted(labels.items()))]


def run(metrics: Metrics, name: str = "http-to-tls-every-server") -> list[LiveVerdict]:
    replay = Replay([metrics])
    replay.feed(capture_of(PCAPS / name))
    verdicts = replay.verdicts()
    replay.tick(STATE)
    return verdicts


def test_sessions_are_counted_by_outcome_and_cause(metrics: Metrics) -> None:
    verdicts = run(metrics)
    failed = [each for each in verdicts if each.verdict.outcome is Outcome.FAILED]
    assert failed
    assert value(metrics, "capanalyzer_handshakes_total", outcome="failed", cause="http-to-tls-port") == len(failed)
    assert value(metrics, "capanalyzer_handshakes_total", outcome="failed", cause="certificate-expired") == 0
    assert value(metrics, "capanalyzer_incidents_total", cause="http-to-tls-port") > 0


def test_durations_are_those_of_the_report(metrics: Metrics) -> None:
    verdicts = run(metrics, "healthy-every-pair-tls13")
    lasted = [each.model.timing.handshake_ms for each in verdicts if each.verdict.outcome is Outcome.ESTABLISHED]
    known = [one / 1e3 for one in lasted if one is not None]
    assert len(known) > 5
    assert value(metrics, "capanalyzer_handshake_duration_seconds_count") == len(known)
    assert value(metrics, "capanalyzer_handshake_duration_seconds_sum") == pytest.approx(sum(known))
    for bound in (0.005, 0.01, 0.1, 1.0):
        found = value(metrics, "capanalyzer_handshake_duration_seconds_bucket", le=str(bound))
        assert found == sum(one <= bound for one in known)


@pytest.mark.parametrize("name", ["healthy-every-pair-tls13", "healthy-tls12", "http-to-tls-every-server"])
def test_sessions_that_are_told_together_count_as_each_alone(name: str) -> None:
    """The same run, told to one that counts together and one that counts each."""

    class Each(Numbers):
        together = 0

        def working(self, told: WorkingSessions) -> None:
            for each in told:
                self.verdict(each)
                self.together += 1

    source, alone, numbers = Pieces(capture_of(PCAPS / name), step_ns=10**9), Each(), Numbers()
    engine = Engine(source, [alone, numbers], Options(), is_watched=False)
    while not source.ended:
        engine.step(0)
    engine.end()
    assert name.startswith("http") or alone.together
    one, other = alone.snapshot, numbers.snapshot
    assert (one.verdicts, one.buckets, one.duration_s) == (other.verdicts, other.buckets, other.duration_s)


def test_the_state_of_the_run(metrics: Metrics) -> None:
    metrics.tick(STATE)
    assert value(metrics, "capanalyzer_packets_total") == 1000
    assert value(metrics, "capanalyzer_bytes_total") == 90_000
    assert value(metrics, "capanalyzer_dropped_packets_total", kind="ring") == 3
    assert value(metrics, "capanalyzer_dropped_packets_total", kind="interface") == 4
    assert value(metrics, "capanalyzer_sessions", outcome="established") == 7
    assert value(metrics, "capanalyzer_sessions", outcome="incomplete") == 0
    assert value(metrics, "capanalyzer_table_entries", table="flows") == 12
    assert value(metrics, "capanalyzer_evicted_total", table="flows") == 1
    assert value(metrics, "capanalyzer_records_total", result="written") == 1
    assert value(metrics, "capanalyzer_webhook_total", result="failed") == 2
    assert value(metrics, "process_resident_memory_bytes") > 1e6


def test_a_changed_verdict_takes_the_first_one_back(metrics: Metrics) -> None:
    sample = run(metrics, "healthy-tls13")[0]
    facts = sample.facts
    established = "capanalyzer_handshakes_total", (("cause", ""), ("outcome", "established"))
    before = samples(metrics)[established]
    finding = Finding("server-silent", Severity.FAILURE, Confidence.LIKELY)
    failed = replace(sample.verdict, outcome=Outcome.FAILED, findings=(finding,))
    metrics.verdict(LiveVerdict(facts, failed, make, changed=False, final=False))
    told = What(Outcome.FAILED, None, "server-silent", None, False)
    metrics.verdict(LiveVerdict(facts, failed, make, changed=True, final=False, before=told))
    metrics.verdict(LiveVerdict(facts, sample.verdict, make, changed=True, final=True, before=told))
    metrics.tick(STATE)
    assert value(metrics, "capanalyzer_handshakes_total", outcome="failed", cause="server-silent") == 1
    assert value(metrics, "capanalyzer_handshakes_revised_total", outcome="failed", cause="server-silent") == 1
    assert samples(metrics)[established] == before + 1


def incident(number: int, cause: str = "server-silent", last: str = at(0)) -> model.Incident:
    return model.Incident(cause, model.Endpoint(f"192.0.2.{number}", 443), None, (1,), 1, at(0), last)


def test_incidents_close_by_themselves(metrics: Metrics) -> None:
    metrics.incident(incident(1), new=True)
    metrics.incident(incident(2), new=True)
    metrics.incident(incident(2), new=False)
    metrics.tick(STATE)
    assert value(metrics, "capanalyzer_open_incidents", cause="server-silent") == 2
    assert value(metrics, "capanalyzer_incidents_total", cause="server-silent") == 2
    metrics.tick(replace(STATE, now_ns=from_rfc3339(at(0)) + OPEN_NS + 1))
    assert value(metrics, "capanalyzer_open_incidents", cause="server-silent") == 0


def test_an_incident_that_was_none_is_open_no_more(metrics: Metrics) -> None:
    """Its sessions were thought of otherwise; one that shrinks stays, also when it has no name in common by now."""
    metrics.incident(incident(1), new=True)
    metrics.incident(replace_struct(incident(2), sni="a.example"), new=True)
    metrics.incident(incident(2), new=False)
    metrics.incident(replace_struct(incident(1), sessions=(), clients=0), new=False)
    metrics.tick(STATE)
    assert value(metrics, "capanalyzer_open_incidents", cause="server-silent") == 1
    assert value(metrics, "capanalyzer_incidents_total", cause="server-silent") == 2


def test_labels_stay_bounded(metrics: Metrics) -> None:
    """No address, no name; a cause that does not exist has one label for all."""
    for number in range(200):
        metrics.incident(incident(number % 250, cause=f"made-up-{number}"), new=True)
    run(metrics)
    text = scrape(metrics.port)
    assert "made-up" not in text
    assert not re.search(r"\d+\.\d+\.\d+\.\d+\D", text.replace("python", ""))
    assert value(metrics, "capanalyzer_incidents_total", cause="other") == 200
    assert len(text.splitlines()) < 400


def test_a_port_in_use_is_one_line(metrics: Metrics) -> None:
    with pytest.raises(UsageError, match=rf"^--metrics-port {metrics.port}: 127\.0\.0\.1: Address already in use$"):
        Metrics("127.0.0.1", metrics.port)


def test_other_paths_and_formats(metrics: Metrics) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        scrape(metrics.port, "/")
    assert scrape(metrics.port, accept="application/openmetrics-text;version=1.0.0").endswith("# EOF\n")


def test_connections_that_say_nothing_do_not_hold_it_up(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are served at a time; after their time they are cut, and a scrape goes through."""
    monkeypatch.setattr(server_module, "MAX_SECONDS", 0.5)
    silent = [socket.create_connection(("127.0.0.1", metrics.port)) for _ in range(40)]
    metrics.tick(STATE)
    deadline = time.monotonic() + 60
    while True:
        try:
            assert "capanalyzer_packets_total" in scrape(metrics.port)
            break
        except (OSError, HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    for each in silent:
        each.close()


# -- what is shipped beside it -----------------------------------------------------------------------------------------


RULES = CONTRIB / "prometheus/alerts.yml"


def filled(query: str) -> str:
    """With Grafana's variables filled in."""
    for name, text in (("$__rate_interval", "1m"), ("$__range", "5m"), ("$instance", ".*"), ("$job", ".*")):
        query = query.replace(name, text)
    return query


def shown() -> list[str]:
    """All queries of the dashboard."""
    dashboard = json.loads((CONTRIB / "grafana/capanalyzer-live.json").read_text("utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [filled(query) for query in (*queries, *(one["expr"] for one in dashboard["annotations"]["list"]))]


def alerts() -> dict[str, str]:
    """The conditions of all alerts, by name."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def named(queries: Iterable[str]) -> set[str]:
    """Metrics in queries."""
    return {name for query in queries for name in re.findall(r"\b(?:capanalyzer|process)_\w+|\bup\b", query)}


def test_queries_name_metrics_that_exist(metrics: Metrics) -> None:
    metrics.tick(STATE)
    known = {name for name, _ in samples(metrics)} | {"up"}
    used = named((*shown(), *alerts().values()))
    assert len(used) > 12
    assert used <= known


def test_what_is_measured_is_shown(metrics: Metrics) -> None:
    """On the dashboard or by an alert, but for what queries of one's own may need."""
    metrics.tick(STATE)
    known = {name for name, _ in samples(metrics) if name.startswith("capanalyzer_")}
    used = named((*shown(), *alerts().values()))
    histogram = {f"capanalyzer_handshake_duration_seconds_{part}" for part in ("sum", "count", "bucket")}
    own = {"capanalyzer_sessions", "capanalyzer_handshakes_revised_total", "capanalyzer_capture_timestamp_seconds"}
    assert known - histogram - own <= used


def test_panels_lie_side_by_side() -> None:
    """None covers another, every one has its number."""
    panels = json.loads((CONTRIB / "grafana/capanalyzer-live.json").read_text("utf-8"))["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.fixture(scope="module")
def prometheus() -> str:
    path = shutil.which("prometheus")
    if path is None or shutil.which("promtool") is None:
        pytest.skip("prometheus is not installed")
    return path


def test_alert_rules_are_valid(prometheus: str) -> None:
    command = ["promtool", "check", "rules", str(RULES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should_and_not_else(prometheus: str) -> None:
    """With the words that they should have; each is seen silent, too."""
    path = Path(__file__).with_name("alerts.test.yml")
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = yaml.safe_load(path.read_text("utf-8"))["tests"]
    cases = [(case["alertname"], bool(case.get("exp_alerts"))) for test in tests for case in test["alert_rule_test"]]
    assert set(cases) == {(name, fires) for name in alerts() for fires in (True, False)}


def test_promtool_has_no_complaint_about_the_page(prometheus: str, metrics: Metrics) -> None:
    """Names, types, help and units as Prometheus wants them."""
    run(metrics)
    page = scrape(metrics.port)
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as held:
        yield held


def test_a_real_prometheus_reads_it(prometheus: str, tmp_path: Path, port: int) -> None:
    """Every panel of the dashboard has something to show of a run with failures; an incident's alert fires."""
    counts = {name: {"written": 1, "delivered": 1, "failed": 0, "lost": 0} for name in BESIDE}
    metrics = Metrics("127.0.0.1", 0, counts)
    metrics.start()
    run(metrics)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": "capanalyzer", "static_configs": [{"targets": [f"127.0.0.1:{metrics.port}"]}]}
        ],
    }  # fmt: skip
    (tmp_path / "prometheus.yml").write_text(json.dumps(config), "utf-8")  # JSON is YAML
    command = [
        prometheus, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    turns = itertools.count(2)

    def go_on() -> None:
        """All of it, so that there is a rate of everything."""
        turn = next(turns)
        run(metrics)
        run(metrics, "healthy-every-pair-tls13")
        for one in counts.values():
            one.update(dict.fromkeys(one, 7 * turn))
        metrics.incident(incident(9, cause="certificate-expired"), new=True)
        lost = Drops(5 * turn, 9 * turn)
        metrics.tick(replace(STATE, packets=1_000 * turn, bytes=90_000 * turn, drops=lost, evicted={"flows": 3 * turn}))

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            ask = Asking(port)
            ask.until("count(capanalyzer_packets_total) == 1")
            [sample] = ask('capanalyzer_handshakes_total{outcome="failed",cause="http-to-tls-port"}')
            assert float(sample["value"][1]) > 0
            assert ask('up{job="capanalyzer"}')[0]["value"][1] == "1"
            go_on()
            for query in shown():
                ask.until(query, go_on)
            for query in alerts().values():
                ask(query)
            ask.until('ALERTS{alertname="TlsIncident",alertstate="firing",cause="certificate-expired"}')
        finally:
            process.terminate()
            metrics.close()


class Asking:
    """Queries over the HTTP API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/query"

    def __call__(self, query: str) -> list[dict[str, Any]]:
        body = urllib.parse.urlencode({"query": query}).encode()
        with urllib.request.urlopen(self._url, body, timeout=60) as answer:
            document = json.load(answer)
        assert document["status"] == "success", query
        found: list[dict[str, Any]] = document["data"]["result"]
        return found

    def until(self, query: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Ask until there is an answer, and a number in it."""
        deadline = time.monotonic() + 60
        while True:
            try:
                if any(not math.isnan(float(one["value"][1])) for one in self(query)):
                    return
            except OSError:
                pass  # it is starting
            assert time.monotonic() < deadline, query
            meanwhile()
            time.sleep(0.2)
