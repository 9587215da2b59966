"""`python -m transcoder.media.libraries` tells of the FFmpeg that is in the wheel, in a process of its own.

A wheel that is broken can end the process that loads it.
"""

import json
from typing import Final

import av
import av.codec

from transcoder.media.decoder import NAMES
from transcoder.media.encoders.x264_library import library
from transcoder.worker_options import Fallback

DECODERS: Final = (*NAMES.values(), "aac", "pcm_mulaw", "pcm_alaw", "g726", "g726le")
"""FFmpeg's names of the decoders that cameras need, of pictures and of sound."""
ENCODERS: Final = ("libx264", "libx265", "aac", "mjpeg")
"""FFmpeg's names of the encoders of what is served, snapshots included."""


def missing() -> list[str]:
    """Return the decoders and encoders that the wheel lacks."""
    return [*_lacking(DECODERS, "r", "decoder"), *_lacking(ENCODERS, "w", "encoder")]


def _lacking(names: tuple[str, ...], mode: str, kind: str) -> list[str]:
    found = []
    for name in names:
        try:
            av.codec.Codec(name, mode)  # type: ignore[arg-type]  # "r" or "w"
        except av.codec.codec.UnknownCodecError:
            found.append(f"{kind} {name}")
    return found


def fallback() -> str | None:
    """Return why x264 can't be called directly; None: it can."""
    found = library()
    return found.value if isinstance(found, Fallback) else None


def main() -> None:
    """Print JSON: the versions, what is missing, and why x264 can't be called directly."""
    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    told = {"ffmpeg": av.ffmpeg_version_info, "libraries": libraries, "missing": missing(), "fallback": fallback()}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
