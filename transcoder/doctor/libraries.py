"""FFmpeg in the wheel: is it there, and has it every decoder and encoder that cameras and readers need?"""

import asyncio
import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from transcoder.doctor.finding import Finding, Subject

PATIENCE_S: Final = 30.0
"""Seconds that loading may take, also from a disk that is slow."""
_INSTALL: Final = "install the product anew with the versions of requirements.lock"
COMMAND: Final = (sys.executable, "-I", "-m", "transcoder.media.libraries")


async def libraries(subject: Subject) -> list[Finding]:
    """Load FFmpeg in a process of its own, and ask what it has."""
    del subject
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return [_broken(f"loading takes over {PATIENCE_S:g} s")]
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        return [_broken(lines[-1] if lines else f"loading it ends its process ({process.returncode})")]
    return [libraries_finding(json.loads(out))]


def _broken(text: str) -> Finding:
    return Finding(check="ffmpeg", level="error", text=text, advice=_INSTALL)


def libraries_finding(told: Mapping[str, Any]) -> Finding:
    """Say whether everything is there.

    Args:
        told: as `python -m transcoder.media.libraries` prints it.
    """
    if told["missing"]:
        return _broken(f"lacks {', '.join(told['missing'])}")
    codec = told["libraries"]["libavcodec"]
    text = f"FFmpeg {told['ffmpeg']} (libavcodec {codec}) of PyAV {version('av')}, with every decoder and encoder"
    if told["fallback"]:
        text += f"; x264 can't be called directly ({told['fallback']}), only over FFmpeg"
        advice = "to have the profile motion and its savings, install the versions of requirements.lock"
        return Finding(check="ffmpeg", level="warning", text=text, advice=advice)
    return Finding(check="ffmpeg", level="ok", text=f"{text}; x264 is called directly")
