"""The scheme of a target's URL decides how a stream is sent to it."""

from collections.abc import Callable

from transcoder.net.push_options import PushOptions
from transcoder.net.reader_connection import ServedStream
from transcoder.net.rtsp_push import RtspPush
from transcoder.service.muxed_push import MuxedPush


def make_way(options: PushOptions, served: ServedStream, on_playing: Callable[[], None]) -> RtspPush | MuxedPush:
    """Make a connection to the target of a push."""
    kind = RtspPush if options.url.scheme in {"rtsp", "rtsps"} else MuxedPush
    return kind(options, served, on_playing)
