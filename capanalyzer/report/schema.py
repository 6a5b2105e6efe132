"""The published JSON Schema of the report, which is part of the package."""

from __future__ import annotations

import os
from typing import Any, Final

import msgspec

__all__ = ["SCHEMA_PATH", "report_schema"]

SCHEMA_PATH: Final = os.path.join(os.path.dirname(__file__), "report.schema.json")


def report_schema() -> dict[str, Any]:
    """The schema (JSON Schema, draft 2020-12) of the document that ``--format json`` and ``Report.to_json`` write.

    Of ``--format jsonl`` each line is a ``#/$defs/Session``, the last one a ``#/$defs/Trailer``.
    """
    with open(SCHEMA_PATH, "rb") as file:
        schema: dict[str, Any] = msgspec.json.decode(file.read())
    return schema
