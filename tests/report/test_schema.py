"""The published schema: made of the model, and what every report keeps to."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

import capanalyzer
from capanalyzer.report import model
from capanalyzer.report.schema import SCHEMA_PATH
from capanalyzer.report.to_json import to_jsonl

PROJECT = Path(__file__).resolve().parents[2]
CASES = sorted(path.parent for path in (PROJECT / "pcaps").glob("*/expected.json"))


@pytest.fixture(scope="module")
def make_schema() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_schema", PROJECT / "scripts" / "make_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def validator(definition: str = "Report") -> jsonschema.Draft202012Validator:
    schema = capanalyzer.report_schema() | {"$ref": f"#/$defs/{definition}"}
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with every unknown key refused."""
    for definition in schema["$defs"].values():
        if definition.get("properties"):
            definition["additionalProperties"] = False
    return schema


def test_it_is_that_of_the_model(make_schema: ModuleType) -> None:
    """``python scripts/make_schema.py`` writes it anew."""
    assert capanalyzer.report_schema() == json.loads(json.dumps(make_schema.make()))
    assert Path(SCHEMA_PATH).is_relative_to(Path(capanalyzer.__file__).parent)


def test_it_is_a_schema_of_this_version() -> None:
    schema = capanalyzer.report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f":{model.SCHEMA_VERSION}")


def test_everything_is_described() -> None:
    """Each structure; and of a session each key whose name does not say it all."""
    definitions = capanalyzer.report_schema()["$defs"]
    assert [name for name, one in definitions.items() if not one.get("description")] == []
    keys = definitions["Session"]["properties"]
    assert {name for name, one in keys.items() if not one.get("description")} <= {
        "community_id", "client", "server", "start", "end", "packets", "waiting_on", "closed_by", "timing", "findings"
    }  # fmt: skip
    assert "``" not in json.dumps(definitions)


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_sample_keeps_to_it(case: Path, lang: str) -> None:
    """Also with no key beyond it: what is written and not described would be found."""
    report = capanalyzer.build_report(case, lang=lang, timeline=True)
    document = json.loads(report.to_json())
    validator().validate(document)
    jsonschema.Draft202012Validator(closed(capanalyzer.report_schema())).validate(document)
    *sessions, trailer = [json.loads(line) for line in b"".join(to_jsonl(report.sessions, lambda: report)).splitlines()]
    for session in sessions:
        validator("Session").validate(session)
    validator("Trailer").validate(trailer)


def test_with_a_filter() -> None:
    report = capanalyzer.build_report(CASES[0], filter="outcome=failed")
    document = json.loads(report.to_json())
    validator().validate(document)
    assert document["summary"]["filter"]["expression"] == "outcome=failed"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sessions", 0, "outcome"), "broken"),
        (("sessions", 0, "stage"), "nowhere"),
        (("sessions", 0, "start"), 5),
        (("sessions", 0, "client"), None),
        (("schema_version",), 1.0),
        (("summary", "outcomes", "failed"), "1"),
    ],
    ids=str,
)
def test_it_refuses_what_is_wrong(path: tuple[Any, ...], value: object) -> None:
    document = json.loads(capanalyzer.build_report(CASES[0]).to_json())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not validator().is_valid(document)


def test_it_misses_what_is_not_there() -> None:
    document = json.loads(capanalyzer.build_report(CASES[0]).to_json())
    del document["sessions"][0]["display_filter"]
    assert not validator().is_valid(document)
