"""Errors are answered as problem details.

Source: RFC 9457 (problem details).
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from transcoder import product
from transcoder.api import login_cookie
from transcoder.api.access import Denied
from transcoder.login_brake import MAX_DELAY_S
from transcoder.rejection import Code, Rejected

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[Code, int]] = {
    Code.UNKNOWN_STREAM: 404,
    Code.UNKNOWN_ASSET: 404,
    Code.UNKNOWN_SESSION: 404,
    Code.EXISTS: 409,
    Code.INVALID: 422,
    Code.MALFORMED: 400,
    Code.CONFLICT: 412,
    Code.EXPIRED: 408,
    Code.UNKNOWN_VERDICT: 404,
    Code.BUSY: 429,
    Code.NOT_KEPT: 503,
    Code.UNAVAILABLE: 409,
}

_TITLES: Final[Mapping[int, str]] = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
"""The titles before RFC 9110, which changed them: Python has the new ones from 3.13 on, clients know the old ones."""

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "about:blank: status says it all"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": [code.value for code in Code]},
        "problems": {"type": "array", "items": {"type": "string"}, "description": "One line for each key"},
    },
    "additionalProperties": False,
}


def title(status: int) -> str:
    """Return the title of a status, which does not hang on the version of Python."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def problem(
    status: int,
    detail: str = "",
    code: Code | None = None,
    problems: tuple[str, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem details answer."""
    body: dict[str, Any] = {"type": "about:blank", "title": title(status), "status": status}
    if detail:
        body["detail"] = detail
    if code is not None:
        body["code"] = code.value
    if problems:
        body["problems"] = list(problems)
    # escaped to ASCII, because repeated parts of a request may hold lone surrogates, which UTF-8 can't encode
    return Response(json.dumps(body), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route: the given statuses, and those that every route may answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": title(status), "content": content}
        for status in sorted({*statuses, 400, 401, 403, 429, 503})
    }


def forget_login(request: Request, answer: Response, but: str = "") -> None:
    """Have a browser forget the cookies of logins that it sent, which it would send until they end.

    Args:
        request: the request with the cookies.
        answer: the answer to it.
        but: the name of the cookie that it does not forget.
    """
    for name in login_cookie.NAMES:
        if name in request.cookies and name != but:
            secure = name == login_cookie.SECURE_NAME
            answer.delete_cookie(name, secure=secure, httponly=True, samesite="strict")


def install(app: FastAPI) -> None:
    """Answer every error of an app as a problem."""

    @app.exception_handler(Rejected)
    async def on_rejected(_request: Request, error: Rejected) -> Response:
        headers = {"Retry-After": "1"} if STATUS[error.code] in {429, 503} else None
        return problem(STATUS[error.code], str(error), error.code, error.problems, headers)

    @app.exception_handler(Denied)
    async def on_denied(request: Request, error: Denied) -> Response:
        answer = problem(error.status, error.reason)
        if error.status == HTTPStatus.UNAUTHORIZED:
            for challenge in (*error.challenges, f'Bearer realm="{product.NAME}"'):  # some clients know the first alone
                answer.headers.append("WWW-Authenticate", challenge)
            forget_login(request, answer)
        elif error.status == HTTPStatus.TOO_MANY_REQUESTS:
            answer.headers["Retry-After"] = f"{MAX_DELAY_S:g}"
        return answer

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_request: Request, error: RequestValidationError) -> Response:
        lines = tuple(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:32])
        return problem(400, lines[0] if lines else "", Code.MALFORMED, lines)

    @app.exception_handler(HTTPException)
    async def on_http(_request: Request, error: HTTPException) -> Response:
        detail = "" if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
        return problem(error.status_code, detail, headers=error.headers)
