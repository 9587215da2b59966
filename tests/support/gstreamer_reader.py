"""This module says how a test has GStreamer read a served stream, and pause it before it leaves."""

import functools
import subprocess
from pathlib import Path

from tests.support.camera_process import SYSTEM_PYTHON

SCRIPT = Path(__file__).parent / "gstreamer_pipeline.py"


@functools.cache
def gstreamer_pipeline() -> tuple[str, ...]:
    """Return the beginning of the command that runs a pipeline; it is empty where GStreamer can't be run."""
    code = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst"
    missing = (
        not Path(SYSTEM_PYTHON).exists()
        or subprocess.run([SYSTEM_PYTHON, "-c", code], check=False, capture_output=True, timeout=30).returncode
    )
    return () if missing else (SYSTEM_PYTHON, str(SCRIPT))
