"""Answers with the tag of a configuration, and what a client sends back of it (RFC 9110, 8.8.3 and 13.1.1)."""

import pytest
from pydantic import BaseModel

from transcoder.api.answers import tag, untagged


@pytest.mark.parametrize(
    ("if_match", "expected"),
    [
        (None, None),
        ("*", None),
        (" * ", None),
        ('"xyzzy"', "xyzzy"),
        ('W/"xyzzy"', "xyzzy"),  # RFC 9110 compares strongly; what a proxy weakens is still a tag of ours
        (' "" ', ""),
    ],
)
def test_the_tag_of_an_if_match_header(if_match: str | None, expected: str | None) -> None:
    assert tag(if_match) == expected


def test_no_cache_keeps_a_document() -> None:
    class Told(BaseModel):
        at: int

    found = untagged(Told(at=1), 201, Location="/api/v1/streams/front")
    assert (found.status_code, found.body, found.media_type) == (201, b'{"at":1}', "application/json")
    assert (found.headers["cache-control"], found.headers["location"]) == ("no-store", "/api/v1/streams/front")
    assert "etag" not in found.headers
