"""The page in a real browser: it renders, filters, sorts, opens, copies, and needs no mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from capanalyzer.report import model
from capanalyzer.report.html.page import to_html
from tests.report.samples import Told, at, failed, finding, session, tls

from .attacks import PAYLOADS, healthy, hostile, hostile_trailer
from .conftest import Opener
from .pages import ELEMENTS, page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

MANY = 5_000
PATIENCE_S = 60


def many() -> list[model.Session]:
    """Healthy sessions of 50 clients, each tenth one failed for one of three reasons."""
    made = []
    for number in range(MANY):
        client = model.Endpoint(f"192.0.2.{number % 50}", 40_000 + number % 1000)
        name = tls(f"host-{number % 7}.example.com")
        if number % 10:
            timing = model.Timing(1, 1, 1, float(number % 97))
            made.append(session(number, client=client, tls=name, timing=timing, start=at(number)))
        else:
            cause = ("http-to-tls-port", "server-silent", "server-reset")[number // 10 % 3]
            made.append(failed(number, client=client, cause=cause, findings=(finding(cause),), start=at(number)))
    return made


@pytest.fixture(scope="module")
def large() -> str:
    return page(many())


def column(driver: Chrome, name: str) -> list[str]:
    """The texts in sight of one column."""
    texts: list[str] = driver.execute_script(
        "return [...document.querySelectorAll(`#table td.${arguments[0]}`)].map((cell) => cell.textContent)", name
    )
    return texts


def shown(driver: Chrome) -> str:
    return driver.find_element(By.ID, "shown").text


def type_into(driver: Chrome, field: str, text: str) -> None:
    driver.find_element(By.ID, f"filter-{field}").send_keys(text)


def focused(driver: Chrome) -> Any:
    return driver.switch_to.active_element


def test_failed_sessions_stand_first_and_few_rows_are_in_the_document(opened: Opener, large: str) -> None:
    driver = opened(large)
    assert shown(driver) == "5,000 sessions"
    assert set(column(driver, "outcome")) == {"failed"}
    assert 10 < len(driver.find_elements(By.CSS_SELECTOR, "#table tbody tr")) < 60
    table = driver.find_element(By.ID, "table")
    assert table.get_attribute("aria-rowcount") == str(MANY + 1)
    assert not driver.find_element(By.CSS_SELECTOR, ".unfinished").is_displayed()


def test_every_row_can_be_scrolled_to(opened: Opener, large: str) -> None:
    driver = opened(large)
    driver.execute_script("const f = document.getElementById('window'); f.scrollTop = f.scrollHeight")
    WebDriverWait(driver, PATIENCE_S).until(lambda d: "4999" in column(d, "number"))
    assert column(driver, "number")[-1] == "4999"
    last = driver.find_elements(By.CSS_SELECTOR, "#table tbody tr[data-place]")[-1]
    assert last.get_attribute("aria-rowindex") == str(MANY + 1)
    assert len(driver.find_elements(By.CSS_SELECTOR, "#table tbody tr")) < 60
    frame, row = (e.rect for e in (driver.find_element(By.ID, "window"), last))
    assert row["y"] + row["height"] <= frame["y"] + frame["height"] + 1


@pytest.mark.parametrize(
    ("field", "text", "count"),
    [
        ("search", "192.0.2.7:", 100),
        ("search", "SERVER-silent 192.0.2.20", 34),
        ("client", "192.0.2.20:", 100),
        ("server", "198.51.100.9:443", 5000),
        ("name", "host-3", None),
        ("search", "nothing like it", 0),
    ],
)
def test_filters_show_what_fits(opened: Opener, large: str, field: str, text: str, count: int | None) -> None:
    if count is None:
        count = sum(number % 7 == 3 and number % 10 != 0 for number in range(MANY))
    elif "SERVER" in text:
        count = sum(number % 50 == 20 and number // 10 % 3 == 1 for number in range(0, MANY, 10))
    driver = opened(large)
    type_into(driver, field, text)
    expected = {0: "No session fits these filters.", MANY: "5,000 sessions"}
    assert shown(driver) == expected.get(count, f"{count:,} of 5,000 sessions")
    rows = int(driver.find_element(By.ID, "table").get_attribute("aria-rowcount") or 0)
    assert rows == count + 1
    driver.find_element(By.CSS_SELECTOR, "#filters .clear").click()
    WebDriverWait(driver, PATIENCE_S).until(lambda d: shown(d) == "5,000 sessions")


def test_choices_name_their_numbers(opened: Opener, large: str) -> None:
    driver = opened(large)
    options = [option.text for option in driver.find_elements(By.CSS_SELECTOR, "#filter-cause option")]
    assert options == ["any", "http-to-tls-port (167)", "server-silent (167)", "server-reset (166)"]
    type_into(driver, "cause", "server-reset")
    WebDriverWait(driver, PATIENCE_S).until(lambda d: shown(d) == "166 of 5,000 sessions")
    assert set(column(driver, "cause")) == {"server-reset"}


@pytest.mark.parametrize(
    ("key", "first"), [("time", "10:01:02.000"), ("client", "192.0.2.0:40000"), ("handshake", "0.0 ms")]
)
def test_columns_sort_both_ways(opened: Opener, large: str, key: str, first: str) -> None:
    driver = opened(large)
    head = driver.find_element(By.CSS_SELECTOR, f"th[data-key={key}]")
    head.find_element(By.TAG_NAME, "button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert len(driver.find_elements(By.CSS_SELECTOR, "[aria-sort]")) == 1
    upwards = column(driver, key)
    assert upwards[0] == first
    head.find_element(By.TAG_NAME, "button").click()
    assert head.get_attribute("aria-sort") == "descending"
    downwards = column(driver, key)
    assert downwards[0] == {"time": "10:01:06.999", "client": "192.0.2.49:40999", "handshake": "96.0 ms"}[key]


def test_a_session_opens_by_keyboard_alone(opened: Opener, large: str) -> None:
    """Tab into the table, move, open, read, leave: and the focus is back where it was."""
    driver = opened(large)
    driver.execute_script("document.querySelector('th[data-key=handshake] button').focus()")
    focused(driver).send_keys(Keys.TAB)
    assert focused(driver).text == "0"
    focused(driver).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert focused(driver).text == "20"
    kept = focused(driver)
    driver.execute_script("document.getElementById('window').scrollTop += 200")
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert focused(driver) == kept
    focused(driver).send_keys(Keys.END)
    assert focused(driver).text == "4999"
    focused(driver).send_keys(Keys.HOME)
    focused(driver).send_keys(Keys.PAGE_DOWN)
    number = focused(driver).text
    assert int(number) > 50
    focused(driver).send_keys(Keys.ENTER)
    sheet = driver.find_element(By.ID, "sheet")
    assert sheet.is_displayed()
    assert driver.find_element(By.ID, "sheet-title").text == f"Session {number}"
    assert focused(driver).get_attribute("id") == "sheet-title"
    focused(driver).send_keys(Keys.ESCAPE)
    WebDriverWait(driver, PATIENCE_S).until(lambda d: not sheet.is_displayed())
    assert focused(driver).text == number
    assert len(driver.find_elements(By.CSS_SELECTOR, "#table .row[tabindex='0']")) == 1


def test_the_sheet_has_the_whole_session(opened: Opener, large: str) -> None:
    driver = opened(large)
    driver.find_elements(By.CSS_SELECTOR, "#table .row")[4].click()
    sheet = driver.find_element(By.ID, "sheet-body")
    for part in ("The first bytes are an HTTP request line", "tcp.stream eq 40", "stalled here"):
        assert part in sheet.text, part
    assert sheet.find_element(By.CSS_SELECTOR, "svg.sequence").size["height"] > 150
    before = driver.find_element(By.ID, "sheet-title").text
    driver.find_element(By.ID, "sheet-next").click()
    assert driver.find_element(By.ID, "sheet-title").text != before
    driver.find_element(By.ID, "sheet-close").click()


def test_a_healthy_session_has_its_line_and_filter(opened: Opener, large: str) -> None:
    driver = opened(large)
    driver.get(driver.current_url + "#session-4321")
    sheet = driver.find_element(By.ID, "sheet")
    WebDriverWait(driver, PATIENCE_S).until(lambda d: sheet.is_displayed())
    assert "tcp.stream eq 4321" in sheet.text
    assert "host-2.example.com" in sheet.text
    assert not driver.find_elements(By.CSS_SELECTOR, "#sheet-body svg")


def test_an_incident_shows_its_sessions(opened: Opener, large: str) -> None:
    driver = opened(large)
    buttons = driver.find_elements(By.CSS_SELECTOR, "button.show")
    buttons[1].click()
    WebDriverWait(driver, PATIENCE_S).until(lambda d: "of" in shown(d))
    assert shown(driver) == "167 of 5,000 sessions"
    assert set(column(driver, "cause")) == {"server-silent"}


@pytest.mark.parametrize("act", ["click", "keys"])
def test_filters_are_copied(opened: Opener, large: str, act: str) -> None:
    """What is on the clipboard is what the button stands beside."""
    driver = opened(large)
    allowed = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    driver.execute_cdp_cmd("Browser.grantPermissions", allowed)
    button = driver.find_element(By.CSS_SELECTOR, ".copy[data-copy='tcp.stream eq 0']")
    assert "tcp.stream eq 0" in (button.get_attribute("aria-label") or "")
    if act == "click":
        button.click()
    else:
        button.send_keys(Keys.ENTER)
    WebDriverWait(driver, PATIENCE_S).until(lambda d: button.text == "Copied")
    text = driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert text == "tcp.stream eq 0"
    status = driver.execute_script("return [...document.querySelectorAll('[role=status]')].at(-1).textContent")
    assert status == "Copied: tcp.stream eq 0"


CONTRAST = """
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgb = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const weights = [.2126, .7152, .0722];
const light = (colour) => weights.reduce((sum, weight, index) => sum + weight * linear(colour[index] / 255), 0);
function ground(element) {
  for (let one = element; one; one = one.parentElement) {
    const colour = rgb(getComputedStyle(one).backgroundColor);
    if (colour[3] === 255) return colour;
  }
  return [255, 255, 255, 255];
}
const low = [];
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!text || !element.checkVisibility() || element.closest(".unseen, .skip, svg, script, style")) continue;
  const [one, other] = [light(rgb(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
  const ratio = (one + .05) / (other + .05);
  if (ratio < 4.5) low.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
}
return low;
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast_is_enough_in_both_themes(opened: Opener, large: str, dark: bool) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 for text."""
    driver = opened(large, dark=dark)
    assert driver.execute_script(CONTRAST) == []
    driver.find_elements(By.CSS_SELECTOR, "#table .row")[4].click()
    assert driver.execute_script(CONTRAST) == []


def test_landmarks_headings_and_names(opened: Opener, large: str) -> None:
    """What a screen reader needs: one main, headings without a gap, a name for every control and picture."""
    driver = opened(large)
    faults = driver.execute_script(
        """
        const faults = [];
        for (const name of ["main", "header", "nav", "footer", "h1"]) {
          if (document.querySelectorAll(name).length !== 1) faults.push(name);
        }
        let before = 1;
        for (const heading of document.querySelectorAll("main :is(h1, h2, h3, h4)")) {
          const level = Number(heading.tagName[1]);
          if (level > before + 1) faults.push(`${heading.tagName} after h${before}`);
          before = level;
        }
        for (const one of document.querySelectorAll("button, input, select, svg")) {
          const name = one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent;
          if (!name) faults.push(one.outerHTML);
        }
        const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
        if (new Set(ids).size !== ids.length) faults.push("an id twice");
        return faults;
        """
    )
    assert faults == []
    assert driver.execute_script("return document.documentElement.lang") == "en"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(opened: Opener, large: str, width: int) -> None:
    driver = opened(large, width=width)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


def test_without_script_the_failed_sessions_are_seen(opened: Opener, browser: Chrome, large: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver = opened(large)
        table = driver.find_element(By.CSS_SELECTOR, ".unfinished table")
        assert table.is_displayed()
        assert not driver.find_element(By.ID, "filters").is_displayed()
        assert "needs JavaScript" in driver.find_element(By.TAG_NAME, "body").text
        assert driver.find_element(By.CSS_SELECTOR, "details.example[open] svg.sequence").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_paper_shows_everything_that_is_folded(opened: Opener, large: str) -> None:
    driver = opened(large)
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert driver.find_elements(By.CSS_SELECTOR, "details.example:not([open])") == []
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert driver.find_element(By.CSS_SELECTOR, ".unfinished table").is_displayed()
    assert not driver.find_element(By.ID, "window").is_displayed()
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(driver.find_elements(By.CSS_SELECTOR, "details.example[open]")) == 1


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_no_attack_does_anything(opened: Opener, lang: str) -> None:
    """All payloads through all fields at once, and every session opened: only our elements, no dialog, no request."""
    sessions = []
    for number, payload in enumerate(PAYLOADS):
        sessions += [hostile(2 * number, payload), healthy(2 * number + 1, payload)]
    end = Told(sessions).trailer()
    captures = tuple(one for payload in PAYLOADS for one in hostile_trailer([sessions[0]], payload).captures)
    unreadable = tuple(model.Unreadable(payload, payload) for payload in PAYLOADS)
    end = model.Trailer(
        end.schema_version,
        end.tool,
        captures,
        unreadable,
        end.incidents,
        model.Summary(end.summary.sessions, end.summary.outcomes, end.summary.causes, PAYLOADS),
    )
    text = "".join(to_html(sessions, lambda: end, lang=lang))
    driver = opened(text)
    driver.execute_script("window.pwned = () => { window.owned = true; }")
    tags = driver.execute_script(
        """
        const tags = new Set(), attributes = new Set();
        const note = () => {
          for (const one of document.querySelectorAll("*")) {
            tags.add(one.localName.toLowerCase());
            for (const name of one.getAttributeNames()) attributes.add(name);
          }
        };
        note();
        const rows = Number(document.getElementById("table").getAttribute("aria-rowcount")) - 1;
        document.querySelector("#table .row").click();
        for (let place = 0; place < rows - 1; place++) {
          note();
          document.getElementById("sheet-next").click();
        }
        note();
        return [rows, [...tags], [...attributes]];
        """
    )
    rows, elements, attributes = tags
    assert rows == len(sessions)
    assert set(elements) <= ELEMENTS | {"option"}
    assert not [
        name for name in attributes if name.startswith("on") or name in ("src", "srcdoc", "action", "formaction")
    ]
    assert driver.execute_script("return window.owned === undefined && document.readyState") == "complete"
    assert driver.execute_script("return document.querySelectorAll('script:not([type])').length") == 1


def test_one_session_is_one(opened: Opener) -> None:
    assert shown(opened(page([failed(37)]))) == "1 session"


def test_a_line_of_a_command_ends_between_words(opened: Opener) -> None:
    """``openssl s_client -connect`` is not read as ``-`` and ``connect``."""
    command = (
        "`openssl s_client -connect 198.51.100.9:443 -servername www.example.com -showcerts </dev/null`: the chain"
    )
    driver = opened(page([failed(37, findings=(finding("http-to-tls-port", remedies=(command,)),))]), width=400)
    code = driver.find_element(By.CSS_SELECTOR, ".remedies .copyable code")
    assert code.text.split() == command.split("`")[1].split()
    words = code.find_elements(By.CSS_SELECTOR, ".word")
    assert [word.text for word in words] == ["-connect", "-servername", "-showcerts"]
    heights = {word.size["height"] for word in words}
    assert len(heights) == 1  # none is broken
    assert code.size["height"] > 2 * max(heights)  # though the whole is
