"""Pictures pass undecoded only from an asset whose maker falls under no rule, or where somebody says why they may."""

from collections.abc import Mapping
from datetime import date

from transcoder.assets.scope import labels_for
from transcoder.config import StreamConfig
from transcoder.config.asset import AssetConfig


def relay_refusal(stream: StreamConfig, assets: Mapping[str, AssetConfig], on: date) -> str:
    """Return why the pictures of a stream may not pass undecoded; "" where they may, or are encoded anew.

    Args:
        stream: the stream.
        assets: the assets by id.
        on: the day for which the rules are asked.
    """
    if stream.video.mode != "relay" or stream.video.relay_reason is not None:
        return ""
    way_out = "give video.relay_reason, or take video.mode: recode"
    asset = assets.get(stream.asset or "")
    if asset is None or (asset.maker is None and asset.scope is None):
        return f"not relayed: nothing says who made the camera ({way_out})"
    labels = asset.scope
    if labels is None:
        labels = tuple(found.label for found in labels_for(asset.maker or "", asset.country or "", on))
    return f"not relayed: its maker falls under {', '.join(labels)} ({way_out})" if labels else ""
