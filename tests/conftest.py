"""Fixtures shared by all tests: the shared material and outside programs, skipped visibly when absent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

PROJECT = Path(__file__).resolve().parent.parent

# How long an example takes is a matter of what else the machine does; the rest stays as it is chosen (CI's own profile
# takes the same examples each time).
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Texts are English where a test asks for no language, whatever the machine speaks.
for _name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
    os.environ.pop(_name, None)
os.environ["LANG"] = "C.UTF-8"


def shared_folder() -> Path | None:
    """The folder of shared material: CAPANALYZER_SHARED, or ``shared`` beside the project."""
    folder = Path(os.environ.get("CAPANALYZER_SHARED", PROJECT.parent / "shared"))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if folder is None:
        pytest.skip("no shared material beside the project (set CAPANALYZER_SHARED)")
    return folder


@pytest.fixture(scope="session")
def corpus(shared: Path) -> Path:
    """Folder with ``captures/`` and ``facts.jsonl``."""
    folder = shared / "corpus"
    if not (folder / "facts.jsonl").is_file():
        pytest.skip(f"no corpus in {shared}")
    return folder


@pytest.fixture(scope="session")
def tshark() -> str:
    """Path of tshark."""
    path = shutil.which("tshark")
    if path is None:
        pytest.skip("tshark is not installed")
    return path
