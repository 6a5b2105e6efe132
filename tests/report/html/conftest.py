"""A real browser for the pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import PROJECT

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Chromium, one for all tests."""
    sys.path.append(str(PROJECT / "scripts"))
    try:
        from benchmark.browser import CHROMIUM, DRIVER, chromium
    finally:
        sys.path.remove(str(PROJECT / "scripts"))
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromium-driver are not installed")
    with chromium(str(tmp_path_factory.mktemp("browser"))) as driver:
        yield driver


Opener = Callable[..., "Chrome"]


@pytest.fixture
def opened(browser: Chrome, tmp_path: Path) -> Iterator[Opener]:
    """Opens a page from a file. When the test ends, nothing must have gone to the console or asked for an address."""

    def open_page(text: str, *, dark: bool = False, width: int = 1280) -> Chrome:
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(path.as_uri())
        return browser

    yield open_page
    said = [entry["message"] for entry in browser.get_log("browser")]
    asked = requests(browser.get_log("performance"))
    browser.get("about:blank")
    assert said == []
    assert [url for url in asked if not url.startswith(f"file://{tmp_path}/report.html")] == []
    assert len(asked) >= 1


def requests(log: list[dict[str, Any]]) -> list[str]:
    """Addresses that a page asked for."""
    import json

    events = [json.loads(entry["message"])["message"] for entry in log]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
