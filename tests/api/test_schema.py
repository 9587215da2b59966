"""The OpenAPI document and the running API: generated from one another, and held against each other by schemathesis."""

import json
from pathlib import Path

from transcoder.cli.generated import documents, openapi

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documents_are_those_of_the_code() -> None:
    """If not: python -m transcoder.cli.generated docs."""
    made = documents()
    names = ("openapi.json", "asyncapi.yaml", "config.schema.json")
    assert [name for name in names if (DOCS / name).read_text(encoding="utf-8") != made[name]] == []


def test_every_answer_that_is_none_is_a_problem() -> None:
    for path, operations in openapi()["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":
                    assert set(answer["content"]) == {"application/problem+json"}, (path, method, status)


def test_every_reference_leads_somewhere() -> None:
    document = openapi()
    names = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])


def test_no_secret_is_asked_for_in_a_path_or_query() -> None:
    for path, operations in openapi()["paths"].items():
        for operation in operations.values():
            names = {item["name"] for item in operation.get("parameters", ())}
            assert not names & {"token", "password"}, path
