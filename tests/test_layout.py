"""The shape of the code: stages import one way, few modules touch the outside, files stay readable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "capanalyzer"

FOUNDATION = ("remark", "errors", "lazy", "wire", "i18n")
"""What every stage may import, in order: each may import those before it."""
STAGES = ("capture", "packets", "streams", "classify", "tls", "http", "handshake", "diagnosis")
TOP = (
    "ca_file",
    "analysis",
    "redact",
    "logs",
    "report",
    "ticket",
    "parallel",
    "output",
    "evidence",
    "api",
    "crosscheck",
    "heap",
    "live",
    "cli",
    "__main__",
)
"""Above the stages."""
ORDER = {name: rank for rank, name in enumerate((*FOUNDATION, *STAGES, *TOP))}

MAY_IMPORT_ANALYSIS = {"api", "cli", "live", "parallel"}
READS_FILES = {"ca_file", "capture", "i18n", "output"}
"""``ca_file`` roots, ``capture`` packets, ``i18n`` its catalogs, ``output`` writes the report."""
NAMES_ADDRESSES = {"handshake", "packets", "redact", "report"}
"""Use ``socket`` for the text forms of addresses, and nothing else of it."""
PAGES = {"diagnosis/page.py", "report/html/parts.py", "report/schema.py"}
"""Read what is part of the package: the causes' pages, the fixed parts of the HTML report, the published schema."""
LOGS = {"logs/lines.py"}
"""Reads the lines of logs."""
KEYS = {"redact/key.py"}
"""Reads the redaction key."""
ATTACHES = {"ticket/parcel.py", "ticket/reading.py", "ticket/sent.py"}
"""Read what goes to a ticket, and remember that it did; nothing else of a ticket opens files."""
TERMINALS = {"live/view/keys.py", "live/view/terminal.py"}
"""The live view opens the terminal that it draws on and is steered from."""
RIGHTS = {"live/privileges.py"}
"""Names the folders to the kernel that may still be written."""
MAY_OPEN = PAGES | LOGS | KEYS | ATTACHES | TERMINALS | RIGHTS
READS_URLS = {"ticket/rehearsal.py", "ticket/smtp.py", "ticket/target.py", "ticket/wire.py"}
"""Take URLs apart with ``urllib.parse``."""
TALKS = {
    "live/hooks/webhook.py": {"http", "urllib"},
    "live/metrics/server.py": {"http", "socket"},
    "live/notify.py": {"socket"},
}
"""Parts of a live run that others ask or that ask others, over the network; what each needs for it."""
LIVE_CLOCKS = {"capture/live_interface.py", "capture/scapy_source.py"}
"""Tell the time of packets that are coming in now: the system's clock is their capture's."""
MAX_LINES = 400
SMALL_PACKAGE = 15
"""Modules that are found without a map."""
CODE_POINT_TABLES = "tls/codepoints/"


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    """The stage or top-level module a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            if node.module == "capanalyzer":
                yield from ((node.lineno, f"capanalyzer.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    """A stage imports earlier stages and the foundation, never a later one; nothing is imported relatively or whole."""
    part = part_of(path)
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            assert all(alias.name != "*" for alias in node.names), f"line {node.lineno}: import *"
    if part == "__init__":
        return  # hands out names lazily
    for line, module in imports_of(tree):
        steps = module.split(".")
        if steps[0] != "capanalyzer" or len(steps) == 1 or steps[1] == "__version__":
            continue
        imported = steps[1]
        assert imported in ORDER, f"line {line}: {module} has no place in the order of stages"
        assert ORDER[imported] <= ORDER[part], f"line {line}: {part} must not import {imported}"
        if imported == "analysis":
            assert part in MAY_IMPORT_ANALYSIS, f"line {line}: {part} must not drive the analysis"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    if part_of(path) in ("cli", "__main__"):
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input", "exit", "quit"), f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used = f"{node.value.id}.{node.attr}"
            allowed = {"sys.stdin"} if part_of(path) == "capture" else set()
            forbidden = {"sys.exit", "os._exit", "sys.stdout", "sys.stderr", "sys.stdin"} - allowed
            assert used not in forbidden, f"line {node.lineno}: {used}"
        if isinstance(node, ast.Name):
            assert node.id != "SystemExit", f"line {node.lineno}"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_only_the_capture_stage_reads_files_and_sockets(path: Path) -> None:
    if part_of(path) in READS_FILES:
        return
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        assert not opens(node) or name_of(path) in MAY_OPEN or part_of(path) == "cli", ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            forbidden = ("read_bytes", "read_text", "write_bytes", "write_text")
            assert node.func.attr not in forbidden, f"line {node.lineno}: {node.func.attr}()"
    for line, module in imports_of(tree):
        if module == "urllib.parse" and name_of(path) in READS_URLS:
            continue
        allowed = {"socket"} if part_of(path) in NAMES_ADDRESSES else TALKS.get(name_of(path), set())
        assert module.split(".")[0] not in {"socket", "mmap", "urllib", "http", "fsspec"} - allowed, f"line {line}"
    if name_of(path) not in TALKS and "socket" in {module for _, module in imports_of(tree)}:
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_socket(node.value)}
        assert used <= {"inet_ntop", "inet_pton", "AF_INET", "AF_INET6"}, used


def is_socket(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "socket"


def test_every_exception_is_still_needed() -> None:
    """What is allowed to some by name is done by them."""
    trees = {name_of(path): ast.parse(path.read_text("utf-8")) for path in sources()}
    imported = {name: {module for _, module in imports_of(tree)} for name, tree in trees.items()}
    parts = {part: {name for name in trees if name.split("/")[0].removesuffix(".py") == part} for part in ORDER}
    assert {part for part in NAMES_ADDRESSES if not any("socket" in imported[name] for name in parts[part])} == set()
    opening = {name for name, tree in trees.items() if any(opens(node) for node in ast.walk(tree))}
    assert MAY_OPEN - opening == set()
    assert {part for part in READS_FILES if not parts[part] & opening} == set()
    assert {name for name in READS_URLS if "urllib.parse" not in imported[name]} == set()
    roots = {name: {module.split(".")[0] for module in modules} for name, modules in imported.items()}
    assert {name: modules - roots[name] for name, modules in TALKS.items() if modules - roots[name]} == {}
    assert {name for name in LIVE_CLOCKS if "time" not in imported[name]} == set()
    drives = {name.split("/")[0].removesuffix(".py") for name in trees if "capanalyzer.analysis" in imported[name]}
    assert MAY_IMPORT_ANALYSIS - drives == set()


def opens(node: ast.AST) -> bool:
    """A call that opens a file by its name."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {"open", "io.open", "io.FileIO", "os.open"}


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_no_clock_is_asked_by_the_stages(path: Path) -> None:
    """*Now* is the newest packet's time: the same capture gives the same report on any day."""
    if part_of(path) not in STAGES or name_of(path) in LIVE_CLOCKS:
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used = f"{node.value.id}.{node.attr}"
            assert used not in ("time.time", "time.time_ns", "time.sleep", "datetime.now", "datetime.utcnow"), (
                f"line {node.lineno}: {used}"
            )


def test_no_module_of_odds_and_ends() -> None:
    forbidden = {"utils", "util", "helpers", "common", "misc", "_util", "_utils"}
    assert [name_of(path) for path in sources() if path.stem in forbidden or path.parent.name in forbidden] == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_files_stay_readable(path: Path) -> None:
    if name_of(path).startswith(CODE_POINT_TABLES):
        return
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("folder", sorted({path.parent for path in sources()}), ids=name_of)
def test_a_large_package_has_a_map(folder: Path) -> None:
    """Where there are many modules, the package says which is for what, and forgets none."""
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    if len(modules) <= SMALL_PACKAGE or folder == PACKAGE:
        return
    text = (folder / "__init__.py").read_text("utf-8")
    missing = modules - set(re.findall(r"\w+", text))
    assert not missing, f"say in {name_of(folder)}/__init__.py what {', '.join(sorted(missing))} is for"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_listed_names_exist(path: Path) -> None:
    """``__all__`` names what is there, once."""
    tree = ast.parse(path.read_text("utf-8"))
    lists = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "__all__"
        and isinstance(node.value, ast.List)
    ]
    if not lists:
        return
    assert len(set(lists[0])) == len(lists[0])
    if part_of(path) == "__init__":
        return  # hands out names lazily: tests/test_api.py asks for each
    defined = {
        name
        for node in ast.walk(tree)
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            else [node.id]
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            else [alias.asname or alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert set(lists[0]) <= defined, set(lists[0]) - defined
