"""Many assets and streams are changed at once."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from transcoder.config import load_file
from transcoder.config.overlay import EffectiveConfig
from transcoder.config.swapping import can_roll_back, swap
from transcoder.control.asset_changes import change_many, import_document
from transcoder.control.writer import Writer

OPS = Writer(interface="http", name="ops")
TODAY = "2026-11-29"
NEW = {"source": "rtsp://10.0.0.9/axis", "asset": "new"}


@pytest.fixture
def swapped(tmp_path: Path) -> EffectiveConfig:
    path = tmp_path / "gateway.yaml"
    streams = {"front": {"source": "rtsp://10.0.0.2/live", "asset": "old"}}
    path.write_text(yaml.safe_dump({"streams": streams, "assets": {"old": {}, "new": {}}}))
    return swap(EffectiveConfig.build(load_file(path), {}), "front", NEW, TODAY)


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"title": "Front"}, True),
        ({"source": "rtsp://10.0.0.9/axis"}, True),  # as it is already
        ({"source": "rtsp://10.0.0.7/other"}, False),  # another camera is none to go back from
    ],
)
def test_a_list_ends_the_way_back_of_a_swap_where_it_has_another_camera(
    swapped: EffectiveConfig, keys: dict[str, Any], wanted: bool
) -> None:
    document = {"streams": {"front": keys}}
    after = change_many(OPS, TODAY, swapped, "", document)
    assert can_roll_back(after, "front") is wanted
    assert after.config.streams["front"].asset == "new"
    told = import_document(document, swapped, after)
    is_changed = after.config.streams["front"] != swapped.config.streams["front"]
    assert (told.streams_changed, told.unchanged) == ((("front",), 0) if is_changed else ((), 1))
