"""These routes serve the web page, which anybody may load: it asks the API as whoever looks at it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import Response

from transcoder.api.problem import problems
from transcoder.web import WebFile, load
from transcoder.web.files import INDEX, MEDIA_TYPES

_TAG: Final = {"ETag": {"description": "The tag of the file's content", "schema": {"type": "string"}}}


def _served(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that serves files of these types."""
    content = {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in media_types}
    return {
        **problems(404),
        200: {"description": "A file of the page", "content": content, "headers": _TAG},
        304: {"description": "The file is the one that the browser has", "headers": _TAG},
    }


IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="The tags of what the browser has")]

router = APIRouter(tags=["page"])


def install(app: FastAPI) -> None:
    """Read the files of the page for an app."""
    app.state.page = load()


async def _files(request: Request) -> Mapping[str, WebFile]:
    return cast(Mapping[str, WebFile], request.app.state.page)


Files = Annotated[Mapping[str, WebFile], Depends(_files)]


def _answer(files: Mapping[str, WebFile], name: str, has: str | None) -> Response:
    file = files.get(name)
    if file is None:
        raise HTTPException(404, "the page has no such file")
    # browsers ask each time whether the file is still the same: after an update no old script talks to a new gateway
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    if has is not None and file.etag in {tag.strip().removeprefix("W/") for tag in has.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(file.content, 200, {**headers, "Content-Type": file.media_type})


@router.get("/", response_class=Response, openapi_extra={"security": []}, responses=_served(MEDIA_TYPES[".html"]))
async def page(files: Files, if_none_match: IfNoneMatch = None) -> Response:
    """Return the web page."""
    return _answer(files, INDEX, if_none_match)


@router.get(
    "/web/{path:path}",
    response_class=Response,
    openapi_extra={"security": []},
    responses=_served(*MEDIA_TYPES.values()),
)
async def page_file(path: str, files: Files, if_none_match: IfNoneMatch = None) -> Response:
    """Return a script, a style or a picture of the web page."""
    return _answer(files, path, if_none_match)
