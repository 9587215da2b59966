"""This module makes content of a scene as a camera encodes it: rendered and encoded once, kept in a folder.

The first run of the simulator pays for rendering and encoding; after that all cameras with the same parameters share
the same bytes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import av
import numpy as np

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.lab.cameras.access_units import CLOCK_RATE, AccessUnit, Coding, Content, load, store
from transcoder.lab.cameras.encoder import CameraEncoder, default_bitrate_kbps
from transcoder.lab.cameras.scenes import Picture, SceneOptions, render

FORMAT = 1
"""Number in every cache name; a change raises the number if the same parameters then give other bytes."""
Progress = Callable[[int, int], None]
"""A function that is called with pictures done and pictures in all (0: not known)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions:
    """Describes a scene and its encoding.

    Attributes:
        scene: the scene that is rendered.
        codec: codec of the camera.
        bitrate_kbps: constant bitrate, or the cap of it; None: the usual setting of such a camera.
        gop_s: seconds from IDR to IDR.
        coding: what bits are spent on.
        intra_refresh: whether recovery points stand where else an IDR does.
    """

    scene: SceneOptions = field(default_factory=SceneOptions)
    codec: SourceCodec = Codec.H264
    bitrate_kbps: int | None = None
    gop_s: float = 4.0
    coding: Coding = Coding.BITRATE
    intra_refresh: bool = False


def _named(options: ContentOptions) -> dict[str, object]:
    """Return the values that name a cache entry; entries that were made before a switch existed keep their names."""
    values = {**asdict(options), "codec": options.codec.value}
    later = {"intra_refresh": False, "coding": Coding.BITRATE}
    return {name: value for name, value in values.items() if name not in later or value != later[name]}


def from_scene(options: ContentOptions, cache: Path, progress: Progress | None = None) -> Content:
    """Return the encoded scene, from the cache folder if the folder holds it.

    Args:
        options: equal options share one cache entry.
        cache: folder for encoded content; made if it is not there.
        progress: called after each picture.

    Raises:
        MediaError: the encoder refused the size or rate.
    """
    name = cache_name("scene", _named(options))
    content = load(cache, name)
    if content is None:
        scene = options.scene
        bitrate = options.bitrate_kbps or default_bitrate_kbps(scene.width, scene.height, scene.fps)
        encoder = CameraEncoder(
            codec=options.codec,
            width=scene.width,
            height=scene.height,
            fps=scene.fps,
            bitrate_kbps=bitrate,
            gop=max(1, round(options.gop_s * scene.fps)),
            coding=options.coding,
            intra_refresh=options.intra_refresh,
        )
        units: list[AccessUnit] = []
        for index, picture in enumerate(render(scene)):
            units.extend(encoder.encode(_frame(picture), ticks(index + 1, scene.fps) - ticks(index, scene.fps)))
            if progress:
                progress(index + 1, scene.frame_count)
        units.extend(encoder.flush())
        content = Content(codec=options.codec, width=scene.width, height=scene.height, access_units=tuple(units))
        store(content, cache, name)
    return content


def cache_name(kind: str, parameters: dict[str, object]) -> str:
    """Return the name of a content in the cache folder: the same parameters give the same name."""
    text = repr((FORMAT, kind, sorted(parameters.items())))
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def ticks(index: int, fps: float) -> int:
    """Return the timestamp of a picture at a steady rate, 90 kHz."""
    return round(index * CLOCK_RATE / fps)


def _frame(picture: Picture) -> av.VideoFrame:
    height, width = picture.luma.shape
    planes = np.concatenate([plane.reshape(-1) for plane in (picture.luma, picture.cb, picture.cr)])
    return av.VideoFrame.from_ndarray(planes.reshape(height * 3 // 2, width), format="yuv420p")
