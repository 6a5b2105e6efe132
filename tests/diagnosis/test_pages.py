"""The pages of the causes: complete, in every language, with the same headings and fields."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import textwrap
from importlib.resources import files

import pytest
from rich.cells import cell_len

from capanalyzer.diagnosis.explain import GROUPS, causes, explained, list_causes
from capanalyzer.diagnosis.fields import FINDING_FIELDS, OPTIONAL_FIELDS, PLACEHOLDERS, SESSION_FIELDS
from capanalyzer.diagnosis.page import HEADINGS, Page, read_page
from capanalyzer.diagnosis.registry import ALL_RULES
from capanalyzer.diagnosis.rule import Rule
from capanalyzer.diagnosis.rules.quality.warnings import CertificateLetPass
from capanalyzer.diagnosis.rules.trust import intercepted, visible
from capanalyzer.diagnosis.rules.trust.visible import VisibleCertificateFault
from capanalyzer.diagnosis.trust import faults
from capanalyzer.diagnosis.verdict import Stage
from capanalyzer.errors import UsageError
from capanalyzer.i18n import LANGUAGES, translator

FIELD = re.compile(r"(?<!\{)\{([a-z_0-9]+)\}(?!\})")
ENGLISH = re.compile(r"(?:[A-Za-z]{2,}[ ,]+){3,}[A-Za-z]{2,}")
NAMES = re.compile(r"Pre-?shared|Application Gateway|Encrypted ClientHello|Chrome")
PROGRAMS = re.compile(
    "capinfos|certbot|chronyc|curl|dig|env|ethtool|grep|ip|iptables|journalctl|keytool|mergecap|mtr|nc|nft|nginx|nmap"
    "|nstat|openssl|ping|ss|tcpdump|time|timedatectl|tmm|tmsh|tracepath|traceroute"
)
"""What commands begin with: looked up, and tried where it could be."""
WITH_VARIANT = {"_note": 3, "_Reading": 4}
"""Functions of rules that take a variant, and at which place."""
NAMED_ELSEWHERE = {
    "MiddleboxReset": ("both", "after", "once", "came-in", "between"),
    "ClientCertificate": ("expired", "not-yet-valid", "issuer", "usage"),
}
"""Variants that are handed over in a list or by another module."""
_CLOCKS = frozenset(("several", "ahead", "behind"))
_CLIENT = frozenset(("client",))
NOT_GIVEN = {
    "certificate-chain-incomplete": frozenset(("gap-passed",)),
    "no-shared-alpn": _CLIENT,
    "inappropriate-fallback": _CLIENT,
    "sni-unrecognized": _CLIENT,
    "unknown-psk": _CLIENT,
    "server-internal-error": _CLIENT,
    "no-client-hello": frozenset(("before-hello",)),
    "client-hello-lost": frozenset(("reset", "arrived")),
    "client-clock-skew": frozenset(("hidden", "known-root")),
    "certificate-unknown-ca": _CLOCKS,
    **dict.fromkeys(
        ("certificate-rejected", "certificate-unsupported", "certificate-revoked", "certificate-expired"),
        _CLOCKS | {"known-root"},
    ),
    "protocol-version-mismatch": frozenset(("offer",)),
    "client-certificate-missing": frozenset(NAMED_ELSEWHERE["ClientCertificate"]),
}
"""Variants of a rule that gives several causes, and not this one with them."""
USUAL = {"mtu-black-hole": "sent", "middlebox-reset": "ttl"}
"""Variants that are told by the page's usual summary."""
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def fields(*texts: str) -> set[str]:
    return {name for text in texts for name in FIELD.findall(text)}


def prose(page: Page) -> str:
    """What a reader reads: without commands, file names and identifiers."""
    return page.title + "".join(page.summaries.values()) + "".join(text for _, text in page.sections[:3])


def test_every_cause_has_its_pages_and_no_page_is_left_over() -> None:
    folder = files("capanalyzer.diagnosis.pages")
    found = {entry.name for entry in folder.iterdir() if entry.name.endswith(".md")}
    assert found == {f"{cause}.{lang}.md" for cause in causes() for lang in LANGUAGES}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cause", causes())
def test_a_page_is_complete(cause: str, lang: str) -> None:
    page = read_page(cause, lang)
    assert page.title
    assert "\n" not in page.title
    assert "" in page.summaries
    assert tuple(heading for heading, _ in page.sections) == HEADINGS[lang]
    assert all(text for _, text in page.sections)
    assert page.checks
    assert page.commands
    assert all(command.startswith("`") and "`: " in command for command in page.commands)


@pytest.mark.parametrize("cause", causes())
def test_the_languages_say_the_same(cause: str) -> None:
    english, japanese = (read_page(cause, lang) for lang in ("en", "ja"))
    assert list(english.summaries) == list(japanese.summaries)
    assert len(english.checks) == len(japanese.checks)
    assert [c.split("`: ")[0] for c in english.commands] == [c.split("`: ")[0] for c in japanese.commands]
    # Japanese has no word for who sent an alert where the sentence does not need it.
    assert english.titles.keys() == japanese.titles.keys()
    assert english.titles.keys() <= english.summaries.keys()
    for variant, summary in english.summaries.items():
        assert fields(summary) ^ fields(japanese.summaries[variant]) <= {"sender"}


@pytest.mark.parametrize("cause", causes())
def test_each_page_is_in_its_language(cause: str) -> None:
    assert not JAPANESE.search(prose(read_page(cause, "en")))
    japanese = read_page(cause, "ja")
    assert JAPANESE.search(japanese.title)
    assert all(JAPANESE.search(text) for _, text in japanese.sections[:4])


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cause", causes())
def test_a_command_is_one_that_a_shell_can_read(cause: str, lang: str) -> None:
    """Quotes match, no placeholder is left that a shell would take for a redirection, and no mark of Markdown."""
    for item in explained(cause, lang).commands:
        command, mark, description = item[1:].partition("`: ")
        assert mark, item
        assert description
        words = shlex.split(re.sub("2>/dev/null|</dev/null", "", command))
        assert PROGRAMS.fullmatch(words[0]), command
        assert not {"<", ">"} & set("".join(words)), command
        assert "`" not in command
        assert "{" not in command.replace("%{time_connect}", "").replace("%{time_appconnect}", "")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cause", causes())
def test_code_marks_are_paired_and_short_enough_for_a_line(cause: str, lang: str) -> None:
    """What stands between backquotes in prose is never broken, so it has to fit into a line of 80 columns."""
    page = read_page(cause, lang)
    for text in (*page.checks, *(item.partition("`: ")[2] for item in page.commands), *(t for _, t in page.sections)):
        for line in text.splitlines():
            assert line.count("`") % 2 == 0, line
    for text in (*page.checks, *(item.partition("`: ")[2] for item in page.commands)):
        assert all(len(code) <= 74 for code in re.findall("`[^`]+`", text))


@pytest.mark.parametrize("cause", causes())
def test_a_page_names_no_field_that_its_findings_do_not_give(cause: str) -> None:
    given = set(SESSION_FIELDS) | set(OPTIONAL_FIELDS) | facts_of(cause)
    for lang in LANGUAGES:
        page = read_page(cause, lang)
        texts = (page.title, *page.summaries.values(), *(text for _, text in page.sections))
        assert fields(*texts) <= given, lang


@pytest.mark.parametrize("cause", causes())
def test_every_variant_has_its_summary_and_every_summary_its_variant(cause: str) -> None:
    """Collected from the rules' source; a summary that no rule asks for would never be read."""
    named = {variant for rule in ALL_RULES if cause in rule.causes for variant in variants_of(type(rule), cause)}
    named -= NOT_GIVEN.get(cause, frozenset()) | {USUAL.get(cause, "")}
    for lang in LANGUAGES:
        assert set(read_page(cause, lang).summaries) == named | {""}, lang


@pytest.mark.parametrize("lang", LANGUAGES)
def test_titles_are_short_and_tell_the_causes_apart(lang: str) -> None:
    titles = [read_page(cause, lang).title for cause in causes()]
    assert len(set(titles)) == len(titles)
    assert [title for title in titles if cell_len(title) > 60] == []
    assert fields(*titles) == set()


@pytest.mark.parametrize("cause", causes())
def test_japanese_pages_hold_no_english_sentence(cause: str) -> None:
    """Quotations of logs and code aside; four English words in a row are a sentence."""
    page = read_page(cause, "ja")
    texts = [page.title, *page.summaries.values(), *(text for _, text in page.sections)]
    for text in texts:
        own = re.sub(r"`[^`]*`|\"[^\"]*\"", "", text)
        found = [words for words in ENGLISH.findall(own) if not NAMES.search(words)]
        assert not found


@pytest.mark.parametrize("cause", causes())
def test_japanese_punctuation_is_of_one_kind(cause: str) -> None:
    """Half-width brackets with spaces around them, full-width commas and stops, plain style."""
    page = read_page(cause, "ja")
    for text in (page.title, *page.summaries.values(), *(text for _, text in page.sections)):
        own = re.sub(r"`[^`]*`", "", text)
        assert not re.search("[（），．：；！？]", own)
        assert not re.search("(です|ます|でしょう|ください)[。、]", own)
        assert not re.search(
            r"[\u3040-\u30ff\u4e00-\u9fff]\(|\)[\u3041-\u3093\u4e00-\u9fff](?<![をがはにでとのもやかへ])", own
        )
        # A space between Japanese and Latin letters or digits; fields are filled with both.
        assert not re.search(r"[\u3041-\u30fa\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3041-\u30fa\u4e00-\u9fff]", own)


def test_the_list_is_complete_and_by_stage() -> None:
    known = [cause for _, _, members in GROUPS for cause in members]
    assert len(set(known)) == len(known)
    assert set(causes()) <= set(known)
    stages = {str(stage) for stage in Stage}
    for lang in LANGUAGES:
        groups = list_causes(lang)
        assert [cause for group in groups for cause, _ in group.causes] == [c for c in known if c in causes()]
        assert all(group.stage in stages for group in groups if group.stage)
        assert all(group.title for group in groups)
    assert all(JAPANESE.search(group.title) for group in list_causes("ja"))


def test_placeholders_stand_for_every_session_field() -> None:
    assert set(PLACEHOLDERS) | {"filter"} == {*SESSION_FIELDS, *OPTIONAL_FIELDS, *FINDING_FIELDS}


def test_an_unknown_cause_names_close_ones() -> None:
    with pytest.raises(UsageError, match="server-silent"):
        explained("server-silnet")
    with pytest.raises(UsageError, match="certificate-expired, certificate-expires-soon"):
        explained("certificate-expires")
    with pytest.raises(UsageError, match="mtu-black-hole"):
        explained("mtu")
    with pytest.raises(UsageError, match="unknown cause"):
        explained("zzz")
    with pytest.raises(UsageError, match="unknown cause"):
        explained("")
    with pytest.raises(UsageError, match="language"):
        explained("server-silent", "xx")


def test_evidence_is_translated() -> None:
    """Every sentence that is marked in the rules has a Japanese form with the same fields."""
    marked: set[str] = set()
    for path in _sources():
        marked |= {text.replace('\\"', '"') for _, text in re.findall(r"""N_\(\s*(["'])(.+?)\1\s*\)""", path)}
    assert len(marked) >= 40
    translate = translator("ja")
    untranslated = sorted(text for text in marked if JAPANESE.search(translate(text)) is None and " " in text)
    assert not untranslated
    assert all(fields(text) == fields(translate(text)) for text in marked)


def variants_of(rule: type[Rule], cause: str) -> set[str]:
    """Every variant that a rule's source can give to its findings; also those of functions beside it that it calls."""
    if rule is CertificateLetPass:
        return {f"{variant}-passed" if variant else "passed" for variant in fault_variants(cause)}
    found: set[str] = set(NAMED_ELSEWHERE.get(rule.__name__, ()))
    tree = ast.parse(textwrap.dedent(inspect.getsource(rule)))
    for node in _with_helpers(tree, rule):
        if isinstance(node, ast.keyword) and node.arg == "variant":
            found |= _results(node.value)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                found |= _assigned(target, node.value)
        elif isinstance(node, ast.Call):
            found |= _as_argument(node, tree)
    if rule is VisibleCertificateFault:
        ways = {"encrypted", "close", *(["completed"] if cause in visible._COMPLETED else [])}
        for variant in fault_variants(cause):
            found |= {variant} if variant else ways
    return found - {""}


def fault_variants(cause: str) -> set[str]:
    """The variants of the faults that are found on chains, by their source."""
    found: set[str] = set()
    for module in (faults, intercepted):
        for function in ast.parse(inspect.getsource(module)).body:
            if not isinstance(function, ast.FunctionDef):
                continue
            assigned = {"": set()} | {
                target.id: _results(node.value)
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for call in ast.walk(function):
                if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Fault"):
                    continue
                first, *rest = call.args
                named = getattr(module, first.id) if isinstance(first, ast.Name) else ast.literal_eval(first)
                if named != cause:
                    continue
                variant = rest[1] if len(rest) > 1 else None
                if variant is None:
                    found.add("")
                else:
                    found |= assigned[variant.id] if isinstance(variant, ast.Name) else _results(variant)
    return found


def _with_helpers(tree: ast.Module, rule: type[Rule]) -> list[ast.AST]:
    """The class, and functions of its module that end in a finding and take the variant from themselves."""
    module = ast.parse(inspect.getsource(inspect.getmodule(rule) or rule))
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    helpers = [n for n in module.body if isinstance(n, ast.FunctionDef) and n.name in called and n.name != "_note"]
    called |= {
        n.func.id for h in helpers for n in ast.walk(h) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    helpers = [n for n in module.body if isinstance(n, ast.FunctionDef) and n.name in called and n.name != "_note"]
    return [node for part in (tree, *helpers) for node in ast.walk(part)]


def _results(value: ast.expr) -> set[str]:
    """The strings that an expression can come out as."""
    if isinstance(value, ast.IfExp):
        return _results(value.body) | _results(value.orelse)
    return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()


def _assigned(target: ast.expr, value: ast.expr) -> set[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True)
        return {text for one, other in pairs for text in _assigned(one, other)}
    return _results(value) if isinstance(target, ast.Name) and target.id == "variant" else set()


def _as_argument(call: ast.Call, tree: ast.Module) -> set[str]:
    """Strings handed on as the parameter ``variant`` of a method of the same class, or of ``_note``."""
    if isinstance(call.func, ast.Attribute):
        name, skip = call.func.attr, 1
    elif isinstance(call.func, ast.Name) and call.func.id in WITH_VARIANT:
        return set().union(*map(_results, call.args[WITH_VARIANT[call.func.id] :][:1]))
    else:
        return set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            names = [argument.arg for argument in node.args.args][skip:]
            if "variant" in names and len(call.args) > names.index("variant"):
                return _results(call.args[names.index("variant")])
    return set()


def facts_of(cause: str) -> set[str]:
    """The keys of every fact that the rules of a cause can give, read from the source: those common to its rules."""
    rules = [type(rule) for rule in ALL_RULES if cause in rule.causes]
    return set().union(*(_keys(rule) for rule in rules))


def _keys(rule: type[Rule]) -> set[str]:
    module = inspect.getmodule(rule)
    assert module is not None
    keys = _string_keys(inspect.getsource(module))
    for name in ("alert_facts", "certificate_facts_of", "visible_client_fault"):
        if hasattr(module, name):
            keys |= _string_keys(inspect.getsource(getattr(module, name)))
    return keys


def _string_keys(source: str) -> set[str]:
    tree = ast.parse(textwrap.dedent(source))
    dicts = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = [key for node in dicts for key in node.keys]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            keys += [target.slice for target in node.targets if isinstance(target, ast.Subscript)]
    return {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def _sources() -> list[str]:
    import capanalyzer.diagnosis

    base = files(capanalyzer.diagnosis)
    texts, folders = [], [base]
    while folders:
        for entry in folders.pop().iterdir():
            if entry.is_dir():
                folders.append(entry)
            elif entry.name.endswith(".py"):
                texts.append(entry.read_text(encoding="utf-8"))
    return texts
