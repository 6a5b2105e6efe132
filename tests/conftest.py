"""Fixtures shared by all tests: the shared material and outside programs, skipped visibly when absent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


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
