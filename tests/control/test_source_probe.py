"""A probe over HTTP and MQTT tells what `transcoder probe` tells, as far as the description does."""

import asyncio
import json

import pytest

from tests.probe.test_command import run
from tests.support.cameras import Cameras
from transcoder.control.source_probe import MAX_METADATA, probe
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import parse_url

pytestmark = pytest.mark.process
OF_THE_DESCRIPTION = {"media", "realm", "SDP line"}
"""Channels that a session tells before it plays, and whose words are the same in each session."""


@pytest.mark.parametrize("family", ["hikvision", "dahua", "uniview"])
async def test_it_is_the_document_of_the_command_line(cameras: Cameras, family: str) -> None:
    options = SourceOptions(
        url=parse_url(cameras.url(family, login=False)),
        credentials=Credentials(username="admin", password="s3cr3t"),
        transport="tcp",
        allowed=lambda _: True,
    )
    document = (await probe(options)).document
    assert document.reachable
    told = json.loads(document.model_dump_json())["findings"]
    _, out, _ = await asyncio.to_thread(run, cameras.url(family), seconds=1, transport="tcp")
    played = json.loads(out)
    assert set(told) <= set(played)
    assert told["vendor_guess"]["family"] == played["vendor_guess"]["family"] == family
    assert told["media"] == played["media"]

    def rows(found: list[dict[str, object]]) -> list[dict[str, object]]:
        """The number of a session is another one each time (RFC 4566 section 5.2)."""
        kept = [row for row in found if row["channel"] in OF_THE_DESCRIPTION]
        return [row for row in kept if not str(row["what"]).startswith("o=")]

    assert rows(told["metadata"]) == rows(played["metadata"]) != []
    assert len(told["metadata"]) <= MAX_METADATA
    assert "s3cr3t" not in document.model_dump_json()
