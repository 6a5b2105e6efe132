"""Names, types and help of all metrics: the only place that knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from capanalyzer import __version__
from capanalyzer.diagnosis.verdict import Outcome
from capanalyzer.live.metrics.numbers import BUCKETS_S, Snapshot

__all__ = ["BESIDE", "Beside", "make_registry"]

Beside = Mapping[str, Mapping[str, int]]
"""What other listeners count: by a name of :data:`BESIDE`, then by result. May change while it is read."""

BESIDE: Final = {
    "lines": ("capanalyzer_output_lines", "Lines of the output, by what became of them."),
    "records": ("capanalyzer_records", "Failed sessions for the flight recorder, by what became of them."),
    "packets": ("capanalyzer_full_capture_packets", "Packets for the full capture, by what became of them."),
    "webhook": ("capanalyzer_webhook", "Notifications over HTTP, by what became of them."),
    "exec": ("capanalyzer_exec", "Notifications by a program, by what became of them."),
}
"""Metrics and their help."""


def make_registry(snapshot: Callable[[], Snapshot], beside: Beside) -> CollectorRegistry:
    """What the server serves: the run's numbers, and memory and CPU of the process where the system tells them."""
    registry = CollectorRegistry()
    registry.register(_Run(snapshot, beside))
    ProcessCollector(registry=registry)
    return registry


class _Run(Collector):
    def __init__(self, snapshot: Callable[[], Snapshot], beside: Beside) -> None:
        self._snapshot, self._beside = snapshot, beside

    def collect(self) -> Iterator[Metric]:
        """All metrics, of one moment."""
        now = self._snapshot()
        state = now.state
        yield InfoMetricFamily("capanalyzer", "What is running.", {"version": __version__})
        yield GaugeMetricFamily(
            "capanalyzer_last_tick_timestamp_seconds",
            "System time at which the run last came round; older than a few seconds: it hangs.",
            now.tick_s,
        )
        yield GaugeMetricFamily(
            "capanalyzer_capture_timestamp_seconds", "Where the capture's clock stands.", state.now_ns / 1e9
        )
        yield CounterMetricFamily("capanalyzer_packets", "Packets captured.", state.packets)
        yield CounterMetricFamily("capanalyzer_bytes", "Bytes of them, as on the wire.", state.bytes)
        drops = CounterMetricFamily(
            "capanalyzer_dropped_packets",
            "Packets that were not captured: the ring was full, or the interface lost them.",
            labels=["kind"],
        )
        drops.add_metric(["ring"], state.drops.ring)
        drops.add_metric(["interface"], state.drops.interface)
        yield drops
        yield _by(
            GaugeMetricFamily("capanalyzer_interfaces", "Interfaces that are watched, by state.", labels=["state"]),
            state.interfaces,
        )
        yield from self._sessions(now)
        yield from self._incidents(now)
        yield _by(
            GaugeMetricFamily("capanalyzer_table_entries", "Entries in use, by table.", labels=["table"]), state.tables
        )
        yield _by(
            CounterMetricFamily(
                "capanalyzer_evicted", "Entries that had to leave a full table early.", labels=["table"]
            ),
            state.evicted,
        )
        for key, counts in self._beside.items():
            name, text = BESIDE[key]
            yield _by(CounterMetricFamily(name, text, labels=["result"]), dict(counts))

    def _sessions(self, now: Snapshot) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "capanalyzer_sessions", "Sessions of this run by the verdict that stands now.", labels=["outcome"]
        )
        yield _by(gauge, dict.fromkeys((outcome.value for outcome in Outcome), 0) | dict(now.state.outcomes))
        for name, text, counts in (
            (
                "capanalyzer_handshakes",
                "Verdicts given, by outcome and cause; a session whose verdict changes counts again.",
                now.verdicts,
            ),
            ("capanalyzer_handshakes_revised", "Verdicts taken back because another took their place.", now.revised),
        ):
            family = CounterMetricFamily(name, text, labels=["outcome", "cause"])
            for (outcome, cause), count in sorted(counts.items()):
                family.add_metric([outcome, cause], count)
            yield family
        sums = accumulate(now.buckets)
        bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
        yield HistogramMetricFamily(
            "capanalyzer_handshake_duration_seconds",
            "From the ClientHello to the end of the TLS handshake, of sessions that were established.",
            list(zip(bounds, sums, strict=True)),
            now.duration_s,
        )

    def _incidents(self, now: Snapshot) -> Iterator[Metric]:
        yield _by(
            CounterMetricFamily("capanalyzer_incidents", "New incidents, by cause.", labels=["cause"]), now.incidents
        )
        still_open = GaugeMetricFamily(
            "capanalyzer_open_incidents",
            "Incidents with a failure in the last five minutes, by cause.",
            labels=["cause"],
        )
        # One that was open and is no more goes on as 0.
        yield _by(still_open, dict.fromkeys(now.incidents, 0) | dict(now.open))


def _by(family: CounterMetricFamily | GaugeMetricFamily, counts: Mapping[str, int]) -> Metric:
    for label, count in sorted(counts.items()):
        family.add_metric([label], count)
    return family
