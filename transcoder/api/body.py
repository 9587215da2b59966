"""Request bodies are JSON objects of bounded size.

Source: RFC 8259 (JSON), RFC 9110, 15.5.14 (413), 15.5.16 (415).
"""

import json
from typing import Any, Final, NoReturn

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from transcoder.config.remote import MAX_BYTES
from transcoder.rejection import Code, Rejected

MAX_BODY: Final = MAX_BYTES
"""Bytes of a body at most."""


async def json_object(request: Request) -> dict[str, Any]:
    """Read and return the JSON object of a request's body.

    Raises:
        HTTPException: 400, 413 or 415: the body breaks off, is too large or of another type.
        Rejected: the body is no JSON object.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":  # a form that a page of another site sends can't be of this type
        raise HTTPException(415, "the body must be application/json")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise HTTPException(413, f"the body has more than {MAX_BODY} bytes")
    except ClientDisconnect:  # nobody hears the answer; a fault of the gateway would be logged with its traceback
        raise HTTPException(400, "the body broke off") from None
    try:
        data = json.loads(bytes(body), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Rejected(Code.MALFORMED, "the body is no valid JSON") from None
    if not isinstance(data, dict):
        raise Rejected(Code.MALFORMED, "the body must be a JSON object")
    return data


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON
