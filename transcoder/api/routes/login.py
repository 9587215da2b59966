"""These routes log a browser in with a token, say who is logged in, and log out.

Source: RFC 6265 (cookies).
"""

from datetime import UTC, datetime
from typing import Any, Final, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from pydantic import BaseModel

from transcoder.api import login_cookie, schema
from transcoder.api.access import MAX_TOKEN, Denied, Identity, Role
from transcoder.api.answers import untagged
from transcoder.api.body import json_object
from transcoder.api.problem import forget_login, problems
from transcoder.api.state import Reading, caller_of, identify, log_in
from transcoder.control.document_parts import Time

BASE: Final = "/api/v1/login"
MAX_BODY: Final = 6 * MAX_TOKEN + 64
"""Bytes of a body with a token, each character of which may be written as \\uXXXX."""

router = APIRouter(prefix=BASE, tags=["login"])


class LoginDocument(BaseModel):
    """Says who is logged in."""

    name: str
    """The name of the token; `local` for a client on this machine that needs none."""
    role: Literal["read", "control"]
    csrf: str | None
    """The value of the header `X-CSRF-Token` that changes need which come with the cookie."""
    expires: Time | None
    """When the cookie ends."""


_LOGGED_IN: Final[dict[int | str, dict[str, Any]]] = {200: {"model": LoginDocument}}


def _document(identity: Identity) -> Response:
    role: Literal["read", "control"] = "control" if identity.role >= Role.CONTROL else "read"
    expires = identity.expires
    document = LoginDocument(
        name=identity.name,
        role=role,
        csrf=identity.csrf,
        expires=None if expires is None else datetime.fromtimestamp(expires, UTC).isoformat().replace("+00:00", "Z"),
    )
    return untagged(document)


@router.get("", responses={**problems(), **_LOGGED_IN})
async def get_login(who: Reading) -> Response:
    """Say who asks: by cookie, by bearer token, or on this machine where there are no tokens."""
    return _document(who)


@router.post(
    "", openapi_extra={**schema.body("Login"), "security": []}, responses={**problems(413, 415, 422), **_LOGGED_IN}
)
async def post_login(request: Request) -> Response:
    """Take a token and set a cookie that stands for it: for twelve hours, or until the token is changed or removed."""
    keys = await json_object(request, limit=MAX_BODY)
    token = keys.get("token")
    if set(keys) != {"token"} or not isinstance(token, str):
        raise HTTPException(422, "token, and nothing else, must be given, as text")
    cookie, identity = await log_in(request, token)
    answer = _document(identity)
    # a proxy in front may have ended TLS: the browser then says https in Origin
    secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
    name = login_cookie.SECURE_NAME if secure else login_cookie.NAME
    forget_login(request, answer, but=name)
    answer.set_cookie(
        name,
        cookie.value,
        max_age=login_cookie.LIFE_S,
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return answer


@router.delete("", status_code=204, response_class=Response, openapi_extra={"security": []}, responses=problems())
async def delete_login(request: Request) -> Response:
    """Have the browser forget its cookie, whether or not the login has ended already."""
    if caller_of(request).cookie is not None:
        try:
            await identify(request, Role.READ)
        except Denied as error:
            if error.status != 401:
                raise
    answer = Response(status_code=204)
    forget_login(request, answer)
    return answer
