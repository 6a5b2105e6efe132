"""Writes the JSON Schema of the report, from the report's model and its docstrings.

    python scripts/make_schema.py

The schema is part of the package; a test fails while it is not what this makes of the model.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from capanalyzer.api import Report
from capanalyzer.diagnosis import verdict
from capanalyzer.report import log_model, model, model_f5, structure

WORDS: dict[tuple[str, str], type[StrEnum]] = {
    ("Session", "outcome"): verdict.Outcome,
    ("Session", "stage"): verdict.Stage,
    ("Session", "waiting_on"): verdict.WaitingOn,
    ("Session", "blame"): verdict.Blame,
    ("Finding", "severity"): verdict.Severity,
    ("Finding", "confidence"): verdict.Confidence,
}
TIMES = {"start", "end", "time", "first", "last", "first_time", "last_time", "not_before", "not_after"}
TARGET = Path(model.__file__).with_name("report.schema.json")


def descriptions() -> dict[tuple[str, str], str]:
    """(class, JSON key or "") -> what its docstring, or the string below the attribute, says."""
    found = {}
    classes = {name: getattr(model, name) for name in vars(model)} | {"Report": Report}
    for source in (structure, model_f5, log_model, model, inspect.getmodule(Report)):
        assert source is not None
        for node in ast.parse(inspect.getsource(source)).body:
            if not isinstance(node, ast.ClassDef) or not hasattr(classes.get(node.name), "__struct_fields__"):
                continue
            made = classes[node.name]
            keys = dict(zip(made.__struct_fields__, made.__struct_encode_fields__, strict=True))
            found[node.name, ""] = plain(ast.get_docstring(node) or "")
            for field, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    match text:
                        case ast.Expr(ast.Constant(str(words))):
                            found[node.name, keys[field.target.id]] = plain(words)
    # A report has the trailer's keys too.
    inherited = {("Report", key): text for (name, key), text in found.items() if name == "Trailer" and key}
    return inherited | found


def plain(text: str) -> str:
    """Docstring markup taken away."""
    words = " ".join(inspect.cleandoc(text).replace("``", "'").split())
    return re.sub(r":\w+:`~?(.*?)`", r"\1", words).replace("None", "null")


def make() -> dict[str, Any]:
    """The schema of ``--format json``; of JSONL each line is a ``Session``, the last one a ``Trailer``."""
    _, definitions = msgspec.json.schema_components([Report, model.Trailer])
    told = descriptions()
    for name, definition in definitions.items():
        definition.pop("description", None)
        if text := told.get((name, "")):
            definition["description"] = text
        for key, schema in definition["properties"].items():
            schema.pop("default", None)
            forms = schema.get("anyOf", [schema])
            if words := WORDS.get((name, key)):
                forms[0]["enum"] = list(words)
            if key in TIMES:
                forms[0]["format"] = "date-time"
            if text := told.get((name, key)):
                schema["description"] = text
        definition["required"] = list(definition["properties"])  # every key is always written
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:capanalyzer:report:{model.SCHEMA_VERSION}",
        "title": f"capanalyzer report, schema version {model.SCHEMA_VERSION}",
        "description": "What --format json writes. Of --format jsonl each line is a #/$defs/Session, the last one a "
        "#/$defs/Trailer. Keys may be added in minor versions, so none is refused here.",
        "$ref": "#/$defs/Report",
        "$defs": dict(sorted(definitions.items())),
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(make(), indent=1) + "\n", "utf-8")
    print(TARGET)
