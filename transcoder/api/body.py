"""Request bodies are JSON objects of bounded size.

Source: RFC 8259 (JSON), RFC 7396 section 4 (merge patch), RFC 9110, 15.5.14 (413), 15.5.16 (415).
"""

import json
from typing import Any, Final, NoReturn

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from transcoder.config.remote import MAX_BYTES
from transcoder.rejection import Code, Rejected

MAX_BODY: Final = MAX_BYTES
"""Bytes of a body at most."""
JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""The type by which clients say that a PATCH merges, as it does here whatever it is called."""


async def json_object(request: Request, *types: str, limit: int = MAX_BODY) -> dict[str, Any]:
    """Read and return the JSON object of a request's body.

    Args:
        request: the request.
        types: further types that the body may be of; a form that a page of another site sends can be of none.
        limit: bytes of the body, at most.

    Raises:
        HTTPException: 400, 413 or 415: the body breaks off, is too large or of another type.
        Rejected: the body is no JSON object.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in {JSON, *types}:
        raise HTTPException(415, f"the body must be {' or '.join([JSON, *types])}")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise HTTPException(413, f"the body has more than {limit} bytes")
    except ClientDisconnect:  # nobody hears the answer; a fault of the gateway would be logged with its traceback
        raise HTTPException(400, "the body broke off") from None
    try:
        data = json.loads(bytes(body), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Rejected(Code.MALFORMED, "the body is no valid JSON") from None
    if not isinstance(data, dict):
        raise Rejected(Code.MALFORMED, "the body must be a JSON object")
    return data


async def named_object(request: Request) -> tuple[str, dict[str, Any]]:
    """Read the JSON object of what is added; return its id and its other keys.

    Raises:
        HTTPException: as of `json_object`.
        Rejected: the body is no JSON object, or its id is no text.
    """
    keys = await json_object(request)
    name = keys.pop("id", None)
    if not isinstance(name, str):
        raise Rejected(Code.INVALID, "id: must be text", ("id: must be text",))
    return name, keys


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON
