"""A real Redmine (Debian's package with SQLite, over TLS): what it stored, what it shows, whom it tells."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from capanalyzer.report.escape import printable
from capanalyzer.ticket.document import write
from capanalyzer.ticket.markup.markdown import Markdown
from capanalyzer.ticket.markup.textile import Textile
from tests.conftest import PROJECT
from tests.ticket.attacks import ATTACKS
from tests.ticket.conftest import Attach, expected_in
from tests.ticket.test_markup import Page, document, shown, squeezed

sys.path.insert(0, str(PROJECT / "scripts"))
import redmine as script

RENDER = """
require 'json'
User.current = User.find_by_login('admin')
issue = Issue.find(1)
answer = JSON.parse(File.read(ENV.fetch('TEXTS'), encoding: 'utf-8')).to_h do |formatting, texts|
  Setting.text_formatting = formatting
  shown = texts.map do |text|
    issue.description = text
    html = ApplicationController.renderer.render(inline: '<%= textilizable(issue, :description) %>',
                                                 locals: {issue: issue})
    {html: html, mentioned: issue.send(:scan_for_mentioned_users, text)}
  end
  [formatting, shown]
end
Setting.text_formatting = 'textile'
puts "RESULT #{JSON.generate(answer)}"
"""


@pytest.fixture(scope="module")
def redmine(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[script.Redmine]:
    if reason := script.missing():
        pytest.skip(f"{reason}: no real Redmine to talk to")
    pem = tmp_path_factory.mktemp("redmine") / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    with script.serving(certificate=str(pem)) as running:
        yield running


@pytest.fixture(autouse=True)
def key(redmine: script.Redmine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPANALYZER_REDMINE_TOKEN", redmine.key)


def api(redmine: script.Redmine, environment: Path, path: str) -> Any:
    return get(redmine, environment, f"{redmine.url}/{path}").json()


def get(redmine: script.Redmine, environment: Path, url: str) -> requests.Response:
    response = requests.get(
        url, headers={"X-Redmine-API-Key": redmine.key}, verify=str(environment / "authority.pem"), timeout=60
    )
    response.raise_for_status()
    return response


def issue(redmine: script.Redmine, environment: Path, number: str) -> dict[str, Any]:
    found: dict[str, Any] = api(redmine, environment, f"issues/{number}.json?include=journals,attachments")["issue"]
    return found


def number_in(out: str) -> str:
    return out.strip().rpartition("/")[2]


def test_a_new_issue_holds_summary_and_files(
    redmine: script.Redmine, environment: Path, report: Path, attach: Attach
) -> None:
    files = [report / "report.json", report / "report.txt", report / "evidence"]
    result = attach(f"redmine+{redmine.url}/projects/ops", *files)
    assert result.status == 0, result.err
    found = issue(redmine, environment, number_in(result.out))
    assert found["subject"].startswith("TLS: Plaintext HTTP sent to a TLS port at ")
    assert all(piece in found["description"] for piece in expected_in(report))
    stored = {one["filename"]: one for one in found["attachments"]}
    assert [re.sub(r"-[0-9a-f]{12}\.", ".", name) for name in stored] == ["report.json", "report.txt", "evidence.zip"]
    for name, one in stored.items():
        content = get(redmine, environment, one["content_url"]).content
        assert one["description"].removeprefix("SHA-256 ") in found["description"], name
        if name.startswith("report"):
            assert content == (report / re.sub(r"-[0-9a-f]{12}\.", ".", name)).read_bytes()
    again = attach(f"redmine+{redmine.url}/projects/ops", *files)
    assert again.out == result.out
    assert "nothing had to be sent" in again.err


def test_a_note_on_an_existing_issue(redmine: script.Redmine, environment: Path, report: Path, attach: Attach) -> None:
    target = f"redmine+{redmine.url}/issues/{redmine.issue}"
    before = issue(redmine, environment, str(redmine.issue))
    for _ in range(2):
        assert attach(target, report / "report.json", "--lang", "ja").status == 0
    after = issue(redmine, environment, str(redmine.issue))
    notes = [one["notes"] for one in after["journals"] if one.get("notes")]
    assert len(notes) == len([one for one in before["journals"] if one.get("notes")]) + 1
    assert "対応者" in notes[-1]
    assert len(after["attachments"]) == len(before["attachments"]) + 1
    content = get(redmine, environment, after["attachments"][-1]["content_url"]).content
    assert content == (report / "report.json").read_bytes()


def test_what_the_server_does_not_take_is_named(
    redmine: script.Redmine, environment: Path, report: Path, attach: Attach, tmp_path: Path
) -> None:
    """Redmine's own limit and its forbidden endings are told by nobody before the upload."""
    (tmp_path / "tool.exe").write_bytes(b"MZ")
    (tmp_path / "small.txt").write_bytes(b"small")
    (tmp_path / "large.bin").write_bytes(random.Random(0).randbytes(5_400_000))
    files = [tmp_path / "large.bin", tmp_path / "tool.exe", tmp_path / "small.txt"]
    result = attach(f"redmine+{redmine.url}/issues/{redmine.issue}", *files, "--max-size", "10M")
    assert result.status == 0
    assert result.err.count("not attached: refused by the server") == 2
    after = issue(redmine, environment, str(redmine.issue))
    assert after["attachments"][-1]["filename"].startswith("small-")
    (note,) = [one["notes"] for one in after["journals"] if "h3. Not attached" in (one.get("notes") or "")]
    assert "maximum allowed file size" in note


def test_a_wrong_key(redmine: script.Redmine, attach: Attach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is there already nothing would be asked: anybody may read this issue."""
    monkeypatch.setenv("CAPANALYZER_REDMINE_TOKEN", "0" * 40)
    (tmp_path / "new.txt").write_bytes(b"not there yet")
    result = attach(f"redmine+{redmine.url}/issues/{redmine.issue}", tmp_path / "new.txt")
    assert result.status == 2
    assert "answers 401" in result.err
    assert "0" * 40 not in result.err


def test_user_and_password(
    redmine: script.Redmine, attach: Attach, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAPANALYZER_REDMINE_TOKEN")
    (environment / ".netrc").write_text(f"machine 127.0.0.1 login {redmine.login} password {redmine.password}\n")
    (environment / ".netrc").chmod(0o600)
    (tmp_path / "signed.txt").write_bytes(b"by a user")
    assert attach(f"redmine+{redmine.url}/issues/{redmine.issue}", tmp_path / "signed.txt").status == 0


def test_no_such_issue(redmine: script.Redmine, report: Path, attach: Attach) -> None:
    result = attach(f"redmine+{redmine.url}/issues/999999", report / "report.json")
    assert result.status == 2
    assert "answers 404" in result.err


def test_hostile_text_is_shown_and_does_nothing(redmine: script.Redmine, tmp_path: Path) -> None:
    """Redmine's own renderers, links, macros and mentions see nothing in it, in either of its markups."""
    attacks = [one for one in ATTACKS if one.strip()]
    texts = {
        "textile": [write(document(one), Textile()) for one in attacks],
        "common_mark": [write(document(one), Markdown()) for one in attacks],
    }
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    printed = redmine.run(RENDER, TEXTS=str(tmp_path / "texts.json"))
    answer = json.loads(printed[printed.rindex("RESULT ") + 7 :])
    for formatting, results in answer.items():
        assert len(results) == len(attacks)
        for attack, result in zip(attacks, results, strict=True):
            # Redmine gives headings an anchor of its own making.
            html = re.sub(r'<a name="[^"]*"></a>|<a href="#[^"]*" class="wiki-anchor">&para;</a>', "", result["html"])
            page = Page(html.replace(' class="task-list"', ""))
            assert page.tags == ["h3", "p", "strong", "code", "ul", "li", "li", "code"], (formatting, attack, html)
            assert squeezed(page.text) == shown(attack), (formatting, attack)
            assert result["mentioned"] == [], (formatting, attack)
            assert printable(attack) == attack or "\\" in page.text
