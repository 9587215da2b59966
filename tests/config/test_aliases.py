"""Other names of a stream, as recorders write them."""

from pathlib import Path

import pytest
import yaml

from transcoder.config import parse
from transcoder.config.aliases import names_alias
from transcoder.errors import ConfigError

HIKVISION, DAHUA = "/Streaming/Channels/101", "/cam/realmonitor?channel=1&subtype=0"


@pytest.mark.parametrize(
    ("path", "alias", "expected"),
    [
        ("/Streaming/Channels/101", HIKVISION, True),
        ("/streaming/channels/101/", HIKVISION, True),
        ("/Streaming/Channels/101?transportmode=unicast&profile=Profile_1", HIKVISION, True),
        ("/Streaming/Channels/102", HIKVISION, False),
        ("/Streaming/Channels/1011", HIKVISION, False),
        ("/cam/realmonitor?channel=1&subtype=0", DAHUA, True),
        ("/cam/realmonitor?subtype=0&channel=1&unicast=true&proto=Onvif", DAHUA, True),
        ("/cam/realmonitor?channel=1&subtype=1", DAHUA, False),
        ("/cam/realmonitor?channel=1", DAHUA, False),
        ("/cam/realmonitor", DAHUA, False),
        ("/cam/realmonitor?channel=1&subtype=0" + "&a=b" * 40, DAHUA, False),
        ("/", HIKVISION, False),
    ],
)
def test_what_names_an_alias(path: str, alias: str, expected: bool) -> None:
    assert names_alias(path, alias) == expected


def problems(streams: dict[str, list[str]]) -> list[str]:
    keys = {name: {"source": f"rtsp://192.168.9.9/{name}", "aliases": aliases} for name, aliases in streams.items()}
    with pytest.raises(ConfigError) as caught:
        parse(yaml.safe_dump({"streams": keys}), Path("/nonexistent"), {})
    return list(caught.value.problems)


def test_a_name_leads_to_one_stream() -> None:
    (problem,) = problems({"a": ["/x/1"], "b": ["/y", "/X/1/"]})
    assert problem.startswith("streams.b.aliases[1]: /X/1/ leads to streams.a already")
    (problem,) = problems({"a": [], "b": ["/a"]})
    assert "leads to streams.a already" in problem


@pytest.mark.parametrize("alias", ["x", "", "/", "/a b", "/ä", "/" + "a" * 256, "rtsp://h/x"])
def test_what_is_no_path_is_refused(alias: str) -> None:
    (problem,) = problems({"a": [alias]})
    assert problem.startswith("streams.a.aliases[0]: must be a path that begins with /")


def test_a_rendition_has_other_names_of_its_own() -> None:
    sub = {"aliases": ["/Streaming/Channels/102"]}
    one = {"source": "rtsp://192.168.9.9/1", "aliases": ["/Streaming/Channels/101"], "renditions": {"sub": sub}}
    parse(yaml.safe_dump({"streams": {"a": one}}), Path("/nonexistent"), {})
    other = {"source": "rtsp://192.168.9.9/2", "aliases": ["/streaming/channels/102", "/a/sub"]}
    with pytest.raises(ConfigError) as caught:
        parse(yaml.safe_dump({"streams": {"a": one, "b": other}}), Path("/nonexistent"), {})
    assert [line.partition(": ")[0] for line in caught.value.problems] == [f"streams.b.aliases[{i}]" for i in range(2)]
    assert all("leads to streams.a.renditions.sub already" in line for line in caught.value.problems)
