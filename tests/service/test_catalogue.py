"""What the RTSP server serves, and to whom; rights and outputs are tested with the gateway."""

from pathlib import Path
from typing import Any, cast

from transcoder.config import parse
from transcoder.service.catalogue import ServedStreams


def test_an_alias_leads_to_a_stream_that_is_there() -> None:
    text = """
    streams:
      front: {source: "rtsp://192.168.9.9/a", aliases: ["/Streaming/Channels/101"],
              renditions: {sub: {aliases: ["/Streaming/Channels/103"]}}}
      yard: {source: "rtsp://192.168.9.9/b", aliases: ["/cam/realmonitor?channel=1&subtype=0"]}
    """
    config = parse(text, Path("/nonexistent"), {})
    streams = cast(Any, {"front": object(), "yard": object(), "removed": object()})
    catalogue = ServedStreams(lambda: config, streams)
    assert catalogue.aliased("/streaming/channels/101") == "front"
    assert catalogue.aliased("/cam/realmonitor?channel=1&subtype=0&unicast=true") == "yard"
    assert catalogue.aliased("/Streaming/Channels/102") is None
    assert catalogue.aliased("/Streaming/Channels/103") == "front/sub"
    del streams["front"]
    assert catalogue.aliased("/Streaming/Channels/101") is None
