"""How large, how fast: the HTML report of many sessions, made here and opened in Chromium.

    python3 scripts/bench_html.py [SESSIONS]

The sessions are those of the sample captures, multiplied: other clients, ports, names and times. Times in the browser
are measured by its own clock, inside of the page.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from benchmark.browser import chromium

import capanalyzer
from capanalyzer.report import model
from capanalyzer.report.html.page import to_html
from capanalyzer.report.times import to_rfc3339

PROJECT = Path(__file__).resolve().parent.parent
START_NS = 1_795_514_462_000_000_000
FAILED_EVERY = 12
"""One session in so many failed or is incomplete."""

MEASURE = """
const done = arguments[arguments.length - 1];
const form = document.getElementById("filters");
const [entry] = performance.getEntriesByType("navigation");
const times = { open: entry.loadEventEnd };
function timed(name, act) {
  const before = performance.now();
  act();
  document.getElementById("window").getBoundingClientRect();
  times[name] = performance.now() - before;
}
function type(field, text) {
  form.elements[field].value = text;
  form.elements[field].dispatchEvent(new Event("input", { bubbles: true }));
}
timed("first search", () => type("search", "host-77"));
timed("second search", () => type("search", "host-7 tls"));
timed("one more letter", () => type("search", "host-77 tls"));
timed("search cleared", () => type("search", ""));
timed("client", () => type("client", "10.1."));
timed("all again", () => type("client", ""));
timed("outcome", () => type("outcome", "1"));
timed("outcome again", () => type("outcome", ""));
for (const name of ["client", "name", "handshake", "time", "number"]) {
  timed(`sort by ${name}`, () => document.querySelector(`th[data-key=${name}] button`).click());
}
timed("jump to the end", () => {
  const frame = document.getElementById("window");
  frame.scrollTop = frame.scrollHeight;
});
requestAnimationFrame(() => requestAnimationFrame(() => {
  times.rows = document.querySelectorAll("#table tbody tr").length;
  times.elements = document.querySelectorAll("*").length;
  done(times);
}));
"""


def many(count: int, seeds: list[model.Session]) -> Iterator[model.Session]:
    """``count`` sessions with the seeds' outcomes in turn, one at a time."""
    healthy = [one for one in seeds if one.outcome == "established" and one.tls is not None]
    unfinished = [one for one in seeds if one.cause is not None]
    for number in range(count):
        pool = unfinished if number % FAILED_EVERY == 0 else healthy
        seed = pool[number // FAILED_EVERY % len(pool)]
        tls = seed.tls
        if tls is not None and tls.client_hello is not None:
            name = f"host-{number % 997}.example.test"
            tls = msgspec.structs.replace(tls, client_hello=msgspec.structs.replace(tls.client_hello, sni=name))
        yield msgspec.structs.replace(
            seed,
            id=number,
            capture=0,
            stream=number,
            client=model.Endpoint(f"10.{number % 4}.{number // 256 % 256}.{number % 256}", 1024 + number % 60000),
            start=to_rfc3339(START_NS + number * 7_300_000),
            end=to_rfc3339(START_NS + number * 7_300_000 + 90_000_000),
            tls=tls,
            display_filter=f"tcp.stream eq {number}",
        )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    seeds = capanalyzer.build_report(PROJECT / "pcaps")
    incidents = seeds.incidents
    before = resource.getrusage(resource.RUSAGE_SELF)
    outcomes: dict[str, int] = {}

    def counted() -> Iterator[model.Session]:
        for session in many(count, list(seeds.sessions)):
            outcomes[session.outcome] = outcomes.get(session.outcome, 0) + 1
            yield session

    def trailer() -> model.Trailer:
        capture = msgspec.structs.replace(seeds.captures[0], path="bench.pcapng", packets=20 * count)
        summary = model.Summary(count, outcomes, {}, ())
        return model.Trailer(model.SCHEMA_VERSION, model.TOOL, (capture,), (), incidents, summary)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        begun = time.process_time()
        with path.open("w", encoding="utf-8") as file:
            file.writelines(to_html(counted(), trailer))
        took = time.process_time() - begun
        after = resource.getrusage(resource.RUSAGE_SELF)
        print(f"{count:,} sessions, {outcomes}")
        print(f"made in {took:.2f} s of CPU, {path.stat().st_size / 1e6:.1f} MB")
        page_mb = (after.ru_maxrss - before.ru_maxrss) / 1024
        print(f"peak memory {after.ru_maxrss / 1024:.0f} MB, {page_mb:.0f} MB of it for the page")
        with chromium(folder) as driver:
            # What the page's thread itself used: on a busy machine the clock tells of the others too.
            driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
            driver.get(path.as_uri())
            metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
            used = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
            print(f"{'open, CPU':>20} {used * 1000:8.1f} ms")
            for name, value in driver.execute_async_script(MEASURE).items():
                print(f"{name:>20} {value:8.1f}" + ("" if name in ("rows", "elements") else " ms"))


if __name__ == "__main__":
    main()
