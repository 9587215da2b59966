"""Bodies are read by their type: JSON, and for a PATCH what RFC 7396 calls it, too."""

from typing import Any, cast

import pytest
from fastapi import HTTPException, Request

from transcoder.api.body import MERGE_PATCH, json_object, named_object
from transcoder.api.routes.streams import router
from transcoder.rejection import Code, Rejected


def request(content_type: str, body: bytes = b'{"enabled": false}') -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "PATCH", "path": "/", "headers": headers}, receive)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/merge-patch+json", "Application/Merge-Patch+JSON; charset=utf-8"],
)
async def test_a_merge_patch_is_read_where_it_is_taken(content_type: str) -> None:
    assert await json_object(request(content_type), MERGE_PATCH) == {"enabled": False}


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "text/plain", ""])
async def test_other_types_are_named(content_type: str) -> None:
    with pytest.raises(HTTPException) as caught:
        await json_object(request(content_type))
    assert (caught.value.status_code, caught.value.detail) == (415, "the body must be application/json")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "application/json-patch+json", ""],
)
async def test_no_form_of_another_site_is_a_merge_patch(content_type: str) -> None:
    with pytest.raises(HTTPException) as caught:
        await json_object(request(content_type), MERGE_PATCH)
    assert caught.value.status_code == 415


def test_a_patch_says_that_it_takes_both() -> None:
    [route] = [each for each in router.routes if "PATCH" in getattr(each, "methods", ())]
    content = cast(Any, route).openapi_extra["requestBody"]["content"]
    assert list(content) == ["application/json", "application/merge-patch+json"]


async def test_what_is_added_has_an_id_among_its_keys() -> None:
    added = request("application/json", b'{"id": "front", "enabled": false}')
    assert await named_object(added) == ("front", {"enabled": False})


@pytest.mark.parametrize("body", [b"{}", b'{"id": 7}', b'{"id": null}', b'{"id": ["front"]}'])
async def test_an_id_is_text(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        await named_object(request("application/json", body))
    assert (caught.value.code, caught.value.problems) == (Code.INVALID, ("id: must be text",))
