"""Both languages are complete: every text that can be shown has a Japanese form with the same fields."""

from __future__ import annotations

import ast
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po as babel_read_po

from capanalyzer import i18n
from capanalyzer.errors import UsageError
from capanalyzer.i18n import LOCALE_DIR, language_of_environment, plural, read_po, translator

PACKAGE = Path(i18n.__file__).parent
CATALOG = Path(LOCALE_DIR, "ja", "LC_MESSAGES", "capanalyzer.po")
ONE_TEXT, TWO_TEXTS = {"_", "N_", "Remark"}, {"counted"}
"""Functions whose first argument, or first two, are texts."""


def name_of(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def texts_in_source() -> dict[str, str]:
    """Every marked text, with where it stands. Walks the syntax tree: that sees f-strings too."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            count = 1 if name_of(node) in ONE_TEXT else 2 if name_of(node) in TWO_TEXTS else 0
            for argument in node.args[:count][:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found[argument.value] = f"{path.relative_to(PACKAGE)}:{node.lineno}"
    return found


def remarks_in_source() -> Iterator[tuple[str, ast.Call, int]]:
    """Every call that makes a :class:`Remark`: where it stands, the call, and how many texts it has."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in ("Remark", "Remark.counted"):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node, 1 if name == "Remark" else 2


def test_errors_and_warnings_are_made_of_texts_that_are_written_out() -> None:
    """Else the catalog could not be held against them."""
    made_up = [
        where
        for where, call, count in remarks_in_source()
        if not all(isinstance(text, ast.Constant) and isinstance(text.value, str) for text in call.args[:count])
    ]
    assert not made_up
    assert sum(1 for _ in remarks_in_source()) > 300


def test_errors_and_warnings_have_all_their_facts_and_no_others() -> None:
    for where, call, count in remarks_in_source():
        facts = {keyword.arg for keyword in call.keywords} | ({"n"} if count == 2 else set())
        for text in call.args[:count]:
            assert isinstance(text, ast.Constant)
            assert fields(str(text.value)) == facts, where


@pytest.mark.parametrize("path", sorted(PACKAGE.joinpath("cli").glob("*.py")), ids=lambda path: path.stem)
def test_nothing_is_told_that_no_catalog_knows(path: Path) -> None:
    """What :func:`capanalyzer.cli.tell.tell` is given where it is called holds no words of its own."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and name_of(node) in ("tell", "fail"):
            message = node.args[0]
            parts = message.values if isinstance(message, ast.JoinedStr) else [message]
            words = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
            assert not re.search("[a-z]", "".join(words)), f"line {node.lineno}"


def test_plurals_of_the_catalog_are_those_of_the_source(catalog: Catalog) -> None:
    known = {message.id[0]: message.id[1] for message in catalog if isinstance(message.id, tuple)}
    for where, call, count in remarks_in_source():
        if count == 2:
            one, several = (ast.literal_eval(text) for text in call.args[:2])
            assert known[one] == several, where


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    with CATALOG.open("rb") as lines:
        return babel_read_po(lines, locale="ja")


def test_every_marked_text_has_a_japanese_form() -> None:
    japanese = read_po(CATALOG.read_text("utf-8"))
    missing = {text: where for text, where in texts_in_source().items() if text not in japanese}
    assert not missing


def test_the_catalog_holds_nothing_else(catalog: Catalog) -> None:
    used = texts_in_source()
    stale = [m.id for m in catalog if m.id and (m.id[0] if isinstance(m.id, tuple) else m.id) not in used]
    assert not stale


def test_no_message_is_fuzzy_empty_or_has_other_fields(catalog: Catalog) -> None:
    for message in catalog:
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        english = message.id if isinstance(message.id, tuple) else (message.id,)
        japanese = [message.string] if isinstance(message.string, str) else [str(text) for text in message.string or ()]
        assert japanese, message.id
        for text in japanese:
            assert text, message.id
            assert fields(text) == fields(str(english[-1])), message.id
            assert percent_fields(text) == percent_fields(str(english[-1])), message.id
            assert text.replace("\n", "").isprintable(), message.id
            assert text.endswith("\n") == str(english[-1]).endswith("\n"), message.id
            assert "\n" not in text or "\n" in str(english[-1]), message.id


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def percent_fields(text: str) -> list[str]:
    """Those of argparse's texts."""
    return sorted(re.findall(r"%(?:\(\w+\))?[sr]", text))


def test_our_reader_reads_what_gettext_s_does(catalog: Catalog) -> None:
    """The reader for checkouts gives the same texts as Babel's."""
    expected = {}
    for message in catalog:
        if message.id:
            key = message.id[0] if isinstance(message.id, tuple) else message.id
            expected[key] = message.string[0] if isinstance(message.string, tuple) else message.string
    assert read_po(CATALOG.read_text("utf-8")) == expected


def test_reader_leaves_out_what_is_not_translated() -> None:
    source = '#, fuzzy\nmsgid "a"\nmsgstr "x"\n\nmsgid "b"\nmsgstr ""\n\nmsgid ""\n"c\\n"\n"\\"d"\nmsgstr "e"\n"f"\n'
    assert read_po(source) == {'c\n"d': "ef"}


def test_the_compiled_catalog_gives_the_same_texts(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed package has only the compiled form."""
    folder = tmp_path / "ja" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "capanalyzer.mo").open("wb") as compiled:
        write_mo(compiled, catalog)
    checkout = {text: translator("ja")(text) for text in texts_in_source()}
    monkeypatch.setattr(i18n, "LOCALE_DIR", str(tmp_path))
    i18n._translations.cache_clear()
    try:
        installed = {text: translator("ja")(text) for text in checkout}
        assert plural("ja")("{n} session", "{n} sessions", 2) == "{n} セッション"
    finally:
        i18n._translations.cache_clear()
    assert installed == checkout


def test_the_build_compiles_the_catalog(tmp_path: Path) -> None:
    """``build_py`` puts a readable .mo beside the .po of what it packages."""
    project = PACKAGE.parent
    if not (project / "setup.py").exists():
        pytest.skip("no setup.py: not a checkout")
    copy = tmp_path / "project"
    source = copy / "capanalyzer" / "locale" / "ja" / "LC_MESSAGES"
    source.mkdir(parents=True)
    (source / "capanalyzer.po").write_bytes(CATALOG.read_bytes())
    (copy / "setup.py").write_bytes((project / "setup.py").read_bytes())
    subprocess.run(
        [sys.executable, "-W", "ignore", "setup.py", "-q", "build_py", "-d", str(tmp_path / "out")],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    assert (source / "capanalyzer.mo").stat().st_size > 1000


@pytest.mark.parametrize(
    "word",
    [
        "書き手",
        "異議",
        "の古さである",
        "相手の古さ",
        "記憶または",
        "証明書の日付",
        "ライブラリの版",
        "のフライト",
        "先行接続",
        "インターフェース",
    ],
)
def test_the_japanese_has_the_words_of_the_field(word: str) -> None:
    """Not the English put word for word: a log is written by its program, a certificate has a validity period."""
    pages = {path.name: path.read_text("utf-8") for path in PACKAGE.rglob("*.ja.md")}
    assert not [name for name, text in {**pages, "catalog": CATALOG.read_text("utf-8")}.items() if word in text]


def test_no_field_runs_into_a_japanese_word() -> None:
    """Latin text in Japanese has a space on both sides; what stands in a field may be either."""
    awaited = read_po(CATALOG.read_text("utf-8"))["stalled here: waiting for {awaited}"]
    assert "を待っていた" not in str(awaited)


def test_plurals() -> None:
    english = plural("en")
    assert [english("{n} session", "{n} sessions", n) for n in (0, 1, 2)] == [
        "{n} sessions",
        "{n} session",
        "{n} sessions",
    ]
    assert plural("ja")("{n} session", "{n} sessions", 1) == "{n} セッション"


def test_an_unknown_language_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'fr'"):
        translator("fr")


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "ja"}, "ja"),
        ({"LC_ALL": "", "LANG": "ja_JP.eucJP"}, "ja"),
        ({"LANG": "de_DE"}, "en"),
    ],
    ids=["none", "ja", "lc-all-wins", "lc-messages", "empty-is-unset", "other"],
)
def test_the_language_follows_the_locale(environ: dict[str, str], lang: str) -> None:
    assert language_of_environment(environ) == lang
