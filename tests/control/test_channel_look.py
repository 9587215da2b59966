"""A device is asked for the other streams that it offers."""

import pytest

from tests.support.cameras import Cameras
from transcoder.control.channel_look import probe_channels
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import parse_url

pytestmark = pytest.mark.process


PASSWORD = "s3cr3t"


def options(url: str, password: str = PASSWORD, target: str | None = None) -> SourceOptions:
    parsed = parse_url(url)
    return SourceOptions(
        url=parsed if target is None else parsed.with_target(target),
        credentials=Credentials(username="admin", password=password),
        transport="tcp",
        allowed=lambda _: True,
    )


async def test_a_dahua_offers_its_smaller_streams(cameras: Cameras) -> None:
    url = cameras.url("dahua", login=False)
    document = await probe_channels(options(url))
    assert [(each.channel, each.stream, each.asked) for each in document.channels] == [
        (1, "main", True), (1, "sub", False), (1, "third", False),
    ]  # fmt: skip
    first, second, _ = document.channels
    assert first.url == url
    assert second.url == url.partition("&subtype=")[0] + "&subtype=1"
    assert first.codec == document.codec == "H265"
    assert first.size == "192x96"
    assert PASSWORD not in document.model_dump_json()


async def test_a_camera_with_one_stream_offers_that_one(cameras: Cameras) -> None:
    document = await probe_channels(options(cameras.url("hikvision", login=False)))
    assert [(each.channel, each.stream, each.asked) for each in document.channels] == [(1, "main", True)]
    assert document.channels[0].size == "192x96"


@pytest.mark.parametrize("target", ["", "/"])
async def test_a_url_without_a_path_finds_one(cameras: Cameras, target: str) -> None:
    url = cameras.url("uniview", login=False)
    document = await probe_channels(options(url, target=target))
    assert document.reachable
    assert [each.url for each in document.channels] == [url]


async def test_a_login_that_is_refused_is_tried_once(cameras: Cameras) -> None:
    document = await probe_channels(options(cameras.url("dahua", login=False), password="wrong", target="/"))
    assert not document.reachable
    assert document.channels == ()
    assert "401" in (document.reason or "")
