"""This reader is GStreamer in the system's Python: `gstreamer_pipeline.py ELEMENT PROPERTY=VALUE ! ELEMENT ...`.

It runs a pipeline to its end, as `gst-launch-1.0` does, but waits for the answer to PAUSE before it leaves. The closing
of `gst-launch-1.0` (PAUSED to READY) cancels the thread of rtspsrc that is about to send PAUSE. A request that is
cancelled before its first byte is told as "Received end-of-file", and the exit status is 1. GStreamer 1.22 does so
against its own RTSP server, too: in 39 of 40 runs where the write of PAUSE was delayed by 5 ms, over TCP, UDP, TLS and
the tunnel alike, and in none of 40 where closing was delayed by 20 ms.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402  # versions are chosen before the import

END_S = 15
"""Seconds within which the pipeline ends: its sink takes a few pictures."""
PAUSE_S = 5
"""Seconds within which PAUSE is answered."""


def wait_for(bus: Gst.Bus, kind: Gst.MessageType, seconds: int) -> Gst.Message:
    message = bus.timed_pop_filtered(seconds * Gst.SECOND, kind | Gst.MessageType.ERROR)
    if message is None:
        sys.exit(f"no message of the kind {kind.first_value_nick} in {seconds} s")
    if message.type == Gst.MessageType.ERROR:
        sys.exit(": ".join(map(str, message.parse_error())))
    return message


def run(pipeline: Gst.Element) -> None:
    bus = pipeline.get_bus()
    pipeline.set_state(Gst.State.PLAYING)
    wait_for(bus, Gst.MessageType.EOS, END_S)
    pipeline.set_state(Gst.State.PAUSED)
    answered = False
    while not answered:
        progress = wait_for(bus, Gst.MessageType.PROGRESS, PAUSE_S).parse_progress()
        answered = progress.type == Gst.ProgressType.COMPLETE and "PAUSE" in progress.text


def main() -> None:
    Gst.init(None)
    pipeline = Gst.parse_launchv(sys.argv[1:])
    try:
        run(pipeline)
    finally:
        pipeline.set_state(Gst.State.NULL)


main()
