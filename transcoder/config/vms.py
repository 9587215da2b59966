"""The presets say what each VMS wants of a stream; `vms: nx` puts the preset's keys under those that are set.

docs/vms.md shows them as a table, which a test compares with this module.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from transcoder.config.merge import merge

_SAFE: Final[Mapping[str, Any]] = {"video": {"codec": "h264", "gop_s": 1}, "audio_codec": "aac"}
"""What every VMS reads and starts with fast: H.264, a key picture each second, and AAC where sound is asked for."""


def _sub(fps: float | None = None, *, audio: bool = True, on_demand: bool = False) -> dict[str, Any]:
    keys = {"size": "640x360", "fps": fps, "bitrate_kbps": 512, "codec": "h264", "gop_s": 1}
    return {"renditions": {"sub": {**keys, "audio": "inherit" if audio else "drop", "on_demand": on_demand}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Holds what a VMS wants of a stream.

    Attributes:
        title: the name of the VMS for people.
        keys: the keys of a stream.
        source: where that is written.
        was_run: whether the VMS, or the program that reads streams in it, was run against this gateway.
    """

    title: str
    keys: Mapping[str, Any]
    source: str
    was_run: bool = False

    def row(self, name: str) -> str:
        """Return the preset as a row of the table in docs/vms.md."""
        video = self.keys["video"]
        sub = self.keys.get("renditions", {}).get("sub")
        main = f"{_codec(video)}, key picture every {video['gop_s']:g} s, {self.keys['audio_codec'].upper()}"
        known = "run here" if self.was_run else "from documents"
        return f"| `{name}` | {self.title} | {main} | {_words_of(sub) if sub else 'none'} | {known} | {self.source} |"


def _codec(video: Mapping[str, Any]) -> str:
    return {"h264": "H.264", "h265": "H.265"}[video["codec"]]


def _words_of(sub: Mapping[str, Any]) -> str:
    rate = f"{sub['fps']:g} pictures/s" if sub["fps"] else "the camera's rate"
    mute = ", without sound" if sub["audio"] == "drop" else ""
    asleep = ", asleep while nobody reads" if sub["on_demand"] else ""
    return f"{_codec(sub)} {sub['size']}, {rate}, {sub['bitrate_kbps']} kbit/s{mute}{asleep}"


_ON_DEMAND: Final = _sub(on_demand=True)
"""A second picture for small views, which costs nothing until it is read."""

PRESETS: Final[Mapping[str, Preset]] = {
    "milestone": Preset(
        title="Milestone XProtect",
        keys={**_SAFE, **_ON_DEMAND},
        source="ONVIF driver's notes (H.264, AAC, G.711); the sub stream is our judgement",
    ),
    "genetec": Preset(
        title="Genetec Security Center",
        keys={**_SAFE, **_ON_DEMAND},
        source="Genetec/DAP wiki, Generic Stream; the sub stream is our judgement",
    ),
    "nx": Preset(
        title="Nx Witness",
        keys={**_SAFE, **_sub(7)},
        source="Nx, dual streaming: the second stream, up to 1024x768, serves motion; it asks cameras for 640x360 at 7",
    ),
    "synology": Preset(
        title="Synology Surveillance Station",
        keys={**_SAFE, **_ON_DEMAND},
        source="roleoroleo/sonoff-hack#16, onvif_simple_server; the sub stream is our judgement",
    ),
    "blueiris": Preset(
        title="Blue Iris",
        keys={**_SAFE, **_sub(audio=False)},
        source="Blue Iris forum t=2049 (key rate near 1.00); ipcamtalk.com, sub stream guide (the main one's rate)",
    ),
    "frigate": Preset(
        title="Frigate",
        keys={**_SAFE, **_sub(5, audio=False)},
        source="docs.frigate.video, camera setup (H.264 and AAC, detect at 5 pictures/s); its ffmpeg arguments",
        was_run=True,
    ),
    "zoneminder": Preset(
        title="ZoneMinder",
        keys=_SAFE,
        source="zmc 1.36: its queue has to hold two groups of pictures",
        was_run=True,
    ),
    "shinobi": Preset(
        title="Shinobi",
        keys={**_SAFE, **_ON_DEMAND},
        source="reads with ffmpeg; the sub stream is our judgement",
    ),
    "unifi": Preset(
        title="UniFi Protect",
        keys={**_SAFE, **_ON_DEMAND},
        source="AlexxIT/go2rtc#1520 and #1538 (H.264, a high and a low stream)",
    ),
    "homeassistant": Preset(
        title="Home Assistant",
        keys={**_SAFE, **_ON_DEMAND},
        source=(
            "home-assistant/core 2025.4, stream (AAC or no sound; segments begin at key pictures); "
            "that the second picture sleeps is our judgement"
        ),
        was_run=True,
    ),
    "generic": Preset(
        title="any other",
        keys=_SAFE,
        source="what ffmpeg, GStreamer, live555, mpv, OpenCV and motion read",
        was_run=True,
    ),
}
"""The presets by name; none turns sound on, or the camera off."""


def with_preset(keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return keys of a stream or of `defaults` with the preset under them that they name, if they name one."""
    name = keys.get("vms")
    preset = PRESETS.get(name) if isinstance(name, str) else None
    return keys if preset is None else merge(preset.keys, keys)


def preset_rows() -> Iterator[str]:
    """Yield the rows of the table in docs/vms.md."""
    for name, preset in PRESETS.items():
        yield preset.row(name)
