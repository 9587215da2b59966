"""Pictures pass undecoded only where the maker falls under no rule, or where somebody says why they may."""

from datetime import date
from typing import Any

import pytest

from transcoder.assets.relaying import relay_refusal
from transcoder.config import StreamConfig
from transcoder.config.asset import AssetConfig

ON = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("video", "asset", "words"),
    [
        ({}, {"maker": "Hikvision"}, ""),
        ({"mode": "relay"}, {"maker": "Axis"}, ""),
        ({"mode": "relay"}, {"maker": "Hikvision"}, "ndaa-889"),
        ({"mode": "relay"}, {"maker": "Dahua"}, "fcc-covered"),
        ({"mode": "relay"}, {"maker": "Axis", "scope": ["own-policy"], "scope_reason": "leased"}, "own-policy"),
        ({"mode": "relay"}, {"maker": "Hikvision", "scope": [], "scope_reason": "legal's advice"}, ""),
        ({"mode": "relay"}, {"scope": [], "scope_reason": "an own make"}, ""),
        ({"mode": "relay"}, {"brand": "Annke"}, "nothing says who made the camera"),
        ({"mode": "relay", "relay_reason": "leaves in May"}, {"maker": "Hikvision"}, ""),
    ],
)
def test_who_may_be_relayed(video: dict[str, Any], asset: dict[str, Any], words: str) -> None:
    stream = StreamConfig.model_validate({"source": {"url": "rtsp://10.0.0.2/x"}, "video": video, "asset": "pole"})
    found = relay_refusal(stream, {"pole": AssetConfig.model_validate(asset)}, ON)
    assert (bool(found), words in found) == (bool(words), True)


def test_a_relay_without_any_asset_needs_a_reason() -> None:
    keys = {"source": {"url": "rtsp://10.0.0.2/x"}, "video": {"mode": "relay"}, "asset": "gone"}
    assert "nothing says" in relay_refusal(StreamConfig.model_validate(keys), {}, ON)
