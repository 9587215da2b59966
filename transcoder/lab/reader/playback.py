"""This module plays and decodes one stream with FFmpeg, in a thread."""

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import av
import av.error

from transcoder.lab.reader.scanner import Scanner

OPEN_TIMEOUT_S = 20.0
READ_TIMEOUT_S = 5.0
RETRY_S = 0.5

_START_CODE = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)
_SEI = {"h264": {6}, "hevc": {39, 40}}


@dataclass(slots=True)
class PlaybackCounts:
    """Counts the frames and packets that were played.

    Attributes:
        frames: decoded frames.
        errors: access units that the decoder refused, and decoded frames that it marked as damaged.
        connects: number of times that playing began.
        problem: the reason why the stream does not play, one line.
        codec: codec of the stream.
        width: width of the last frame.
        height: height of the last frame.
        last: monotonic seconds of the latest frame.
        longest_gap_s: longest time between the arrivals of two frames.
        timed: frames that came after another one, by their timestamps.
        played_s: seconds from each such frame's predecessor to the frame, summed, by their timestamps.
        nal_unit_types: number of NAL units of each type.
        steps_back: frames whose time was not after the time of the frame before.
    """

    frames: int = 0
    errors: int = 0
    connects: int = 0
    problem: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    last: float = 0.0
    longest_gap_s: float = 0.0
    timed: int = 0
    played_s: float = 0.0
    nal_unit_types: Counter[int] = field(default_factory=Counter)
    steps_back: int = 0

    def oddities(self) -> list[str]:
        """List everything in the stream that a stream of nothing but pixels does not have."""
        count = sum(self.nal_unit_types[kind] for kind in _SEI.get(self.codec, ()))
        return [f"{count} SEI NAL units"] if count else []


class Playback:
    """Plays a stream until `stop`, and again after each end.

    Attributes:
        counts: counts of the frames that were played.
        scanner: the scanner that sees every access unit, put together from its packets.
    """

    def __init__(self) -> None:
        self.counts = PlaybackCounts()
        self.scanner = Scanner()
        self._url = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._last_time: float | None = None

    def start(self, url: str) -> None:
        """Begin to play a stream; call this once."""
        self._url = url
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the thread, if it was started."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._play()
                self.counts.problem = "" if self._stop.is_set() else "the stream ended"
            except (av.error.FFmpegError, OSError) as error:
                self.counts.problem = str(error)
            self._stop.wait(RETRY_S)

    def _play(self) -> None:
        # without fpsprobesize FFmpeg waits for some 20 frames before it opens, which a still picture at 1 fps has not
        options = {"rtsp_transport": "tcp", "fpsprobesize": "0"}
        with av.open(self._url, options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S)) as container:
            video = container.streams.video[0]
            video.thread_type = "NONE"
            video.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+careful+explode"}
            self.counts.codec = video.codec_context.name
            self.counts.connects += 1
            self._last_time = None
            for packet in container.demux(video):
                if self._stop.is_set():
                    return
                if packet.size:
                    self._decode(packet)

    def _decode(self, packet: "av.Packet[av.VideoStream]") -> None:
        data = bytes(packet)
        self.scanner.feed(data)
        hevc = self.counts.codec == "hevc"
        for code in _START_CODE.findall(data):
            self.counts.nal_unit_types[code[0] >> 1 & 0x3F if hevc else code[0] & 0x1F] += 1
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            self.counts.errors += 1
            return
        for frame in frames:
            if isinstance(frame, av.VideoFrame):
                self._count(frame)

    def _count(self, frame: av.VideoFrame) -> None:
        counts = self.counts
        now = time.monotonic()
        if counts.frames:
            counts.longest_gap_s = max(counts.longest_gap_s, now - counts.last)
        counts.last = now
        counts.frames += 1
        counts.errors += frame.is_corrupt
        counts.width, counts.height = frame.width, frame.height
        counts.problem = ""
        if frame.time is not None:
            if self._last_time is not None:
                step = frame.time - self._last_time
                counts.steps_back += step <= 0
                counts.timed += 1
                counts.played_s += step
            self._last_time = frame.time
