"""Answers are documents of the moment, which no cache keeps; that of a configuration has its tag.

Source: RFC 9110, 8.8.3 (ETag), 13.1.1 (If-Match); RFC 9111, 5.2.2.5 (no-store).
"""

from typing import Annotated, Any, Final

from fastapi import Header
from fastapi.responses import Response
from pydantic import BaseModel

from transcoder.control import AssetDocument, StreamDocument

NO_STORE: Final = {"Cache-Control": "no-store"}
ETAG: Final = {"headers": {"ETag": {"description": "The tag of the configuration", "schema": {"type": "string"}}}}
"""The description of an answer with a tag, for the schema."""

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="An ETag: change only the version with this tag"),
]


def tag(value: str | None) -> str | None:
    """Return the tag of an If-Match header; `*` and no header match any configuration."""
    if value is None or value.strip() == "*":
        return None
    return value.strip().removeprefix("W/").strip('"')


def untagged(document: BaseModel, status: int = 200, **headers: str) -> Response:
    """Return the answer that is this document."""
    return Response(document.model_dump_json(), status, {**NO_STORE, **headers}, "application/json")


def tagged(document: AssetDocument | StreamDocument, status: int = 200, **headers: str) -> Response:
    """Return the answer that is this document, with the tag of its configuration."""
    return untagged(document, status, ETag=f'"{document.etag}"', **headers)


def describe_tagged(status: int, model: type[AssetDocument | StreamDocument]) -> dict[int | str, dict[str, Any]]:
    """Describe such an answer for the `responses` of a route."""
    return {status: {"model": model, **ETAG}}
