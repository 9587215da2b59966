"""What a worker does with a message: access units in, coded pictures and reports out. No sockets, no clock of its own.

Overload is shed in the order that costs least: fewer pictures are encoded (by halves, see overload.py), pictures that
are late all the same are decoded and not encoded, access units that are very late are not even decoded, up to the next
random access point. So the delay stays bounded.
"""

import itertools
import time
from collections import Counter, deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av.error
from av.video.frame import VideoFrame

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.ipc.messages import (
    DECODE_ONLY,
    RANDOM_ACCESS,
    REPEATED,
    AccessUnitMessage,
    MessageType,
    serialize_audio,
    serialize_coded,
    serialize_json,
    serialize_snapshot,
)
from transcoder.media.audio import AudioTranscoder
from transcoder.media.decoder import Decoder
from transcoder.media.encoder import Encoder, encode_jpeg, has_random_access
from transcoder.media.geometry import sane_aspect, square_size
from transcoder.media.picture import GREY
from transcoder.media.scene import SceneWatch
from transcoder.media.stages import Stages
from transcoder.worker.overload import RateLadder
from transcoder.worker_options import AudioFormat, OutputFormat, OutputOptions, WorkerOptions

LATE_S = 0.4
"""A picture whose access unit is older than this is not encoded ..."""
MAX_UNENCODED_S = 0.5
"""... unless nothing was for this long: an overloaded stream moves at 2 fps at least."""
VERY_LATE_S = 1.0
"""An access unit older than this is not decoded, nor what refers to it."""
CATCH_UP_S = 3.0
"""Seconds after a replay in which a worker may be very late."""
RATE_PICTURES = 4
"""Pictures whose spacing decides the announced frame rate; they are decoded and not sent."""
RATE_WAIT_S = 0.6
"""Seconds after which fewer have to do: a camera at 1 fps does not wait for four."""
SLATE_SIZE = (1280, 720)
"""Of the grey picture that stands in for a camera that never sent one, where no size is configured."""
DEFAULT_FRAME_RATE = 25.0

_COMMON_RATES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 12.5, 15, 16, 20, 24, 25, 30, 50, 60)
_MATRICES = frozenset({1, 5, 6})
"""BT.709 and the two of BT.601; others are announced as unspecified."""


class Pipeline:
    """Decoder, stages and encoder of one stream.

    Args:
        options: as configured.

    Attributes:
        counters: of everything worth knowing, by name.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._output: OutputOptions = options.outputs[0]
        self._format = self._output.fixed
        self._decoder: Decoder | None = None
        self._stages: Stages | None = None
        self._encoder: Encoder | None = None
        self._has_picture = False
        self._force_idr = False
        self._skip_to_random_access = True
        self._catching_up = False
        self._catch_up_until = 0.0
        self._last_pts: int | None = None
        self._last_idr_pts = 0
        self._last_encoded_at = 0.0
        self._next_pts = 0
        self._spacing: deque[int] = deque(maxlen=RATE_PICTURES)
        self._source: dict[str, Any] = {}
        self._ladder = RateLadder(self._output.rate_divisor)
        self._scene: SceneWatch | None = None
        self._scene_size = (0, 0)
        self._audio: AudioTranscoder | None = None
        self._audio_source: AudioFormat | None = None
        self.counters: Counter[str] = Counter()

    # -- messages ------------------------------------------------------------------------------------------------

    def configure(self, options: WorkerOptions) -> Iterator[bytes]:
        """Other settings, from the next picture on."""
        old_options, self._options = self._options, options
        old, self._output = self._output, options.outputs[0]
        output = self._output
        if self._stages is not None and old_options.masks != options.masks:
            self._stages.set_masks(options.masks)
        if (old.shape, old_options.display_aspect) != (output.shape, options.display_aspect):
            self._format = None
            self._stages = None
            self._encoder = None
            self._has_picture = False
        elif (old.bitrate_kbps, old.preset, old.encoder) != (output.bitrate_kbps, output.preset, output.encoder):
            self._encoder = None
        yield from ()

    def force_idr(self, output_number: int) -> None:
        """Make the next picture of an output an IDR."""
        if output_number == 0:
            self._force_idr = True

    def access_unit(self, message: AccessUnitMessage, now: float) -> Iterator[bytes]:
        """Decode an access unit and encode what comes out of it.

        Args:
            message: from the service.
            now: monotonic seconds.
        """
        random_access = bool(message.flags & RANDOM_ACCESS)
        decoder = self._decoder
        if decoder is None or decoder.codec is not message.codec:
            decoder = self._decoder = Decoder(message.codec)
            self._skip_to_random_access = True
        if self._skip_to_random_access:
            if not random_access:
                self.counters["skipped_access_units"] += 1
                return
            self._skip_to_random_access = False
        late = now - message.arrival
        replay = bool(message.flags & DECODE_ONLY)
        # what waited behind a replay is late for a good reason, and its pictures are needed; but not for ever
        if replay:
            self._catch_up_until = now + CATCH_UP_S
        self._catching_up = replay or (self._catching_up and late > LATE_S and now < self._catch_up_until)
        if late > VERY_LATE_S and not self._catching_up and not random_access:
            self.counters["shed_access_units"] += 1
            self._skip_to_random_access = True
            return
        started = time.thread_time()
        frames = decoder.decode(message.data, message.pts)
        decode_s = time.thread_time() - started
        self.counters["decoded_pictures"] += len(frames)
        self.counters["decode_us"] += round(decode_s * 1e6)
        for frame in frames:
            yield from self._picture(frame, message, decode_s, late, replay=replay)
            decode_s = 0.0

    def repeat(self, output_number: int, pts: int, now: float) -> Iterator[bytes]:
        """The last picture of an output again, or a grey slate where there was none: the camera is away."""
        if output_number != 0:
            return
        if self._format is None:
            width, height = self._output.size or self._options.slate_size or SLATE_SIZE
            self._format = OutputFormat(width=width, height=height, frame_rate=self._output.fps or DEFAULT_FRAME_RATE)
            yield self._format_message(slate=True)
        if self._stages is None:
            self._stages = Stages(self._format.width, self._format.height, self._options.masks)
        if not self._has_picture:
            self._stages.picture.fill(GREY)
        yield from self._encode(pts, now, (0.0, 0.0), flags=REPEATED)

    def audio_format(self, source: AudioFormat) -> Iterator[bytes]:
        """The camera's audio is of this kind from now on."""
        if self._audio is not None and source == self._audio_source:
            return
        self._audio_source = source
        try:
            self._audio = AudioTranscoder(source)
        except (MediaError, av.error.FFmpegError, ValueError) as error:
            self._audio = None
            self.counters["audio_refused"] += 1
            yield serialize_json(MessageType.FAILED, {"reason": f"audio is left out: {error}", "fatal": False})
            return
        yield serialize_json(MessageType.AUDIO_OUTPUT, {"rate": self._audio.rate, "config": self._audio.config.hex()})

    def audio(self, pts: int, data: bytes) -> Iterator[bytes]:
        """Decode and encode an audio unit."""
        if self._audio is None:
            return
        for coded_pts, coded in self._audio.process(data, pts):
            self.counters["audio_out"] += 1
            yield serialize_audio(MessageType.AUDIO_CODED, coded_pts, coded)

    def snapshot(self, output_number: int) -> Iterator[bytes]:
        """The last picture of an output, masked, as a JPEG; an empty one where there is none."""
        if output_number != 0:
            return
        picture = encode_jpeg(self._stages.picture) if self._stages is not None and self._has_picture else b""
        yield serialize_snapshot(output_number, picture)

    # -- pictures ------------------------------------------------------------------------------------------------

    def _picture(
        self, frame: VideoFrame, message: AccessUnitMessage, decode_s: float, late: float, *, replay: bool
    ) -> Iterator[bytes]:
        pts = frame.pts if frame.pts is not None else message.pts
        if self._note_source(frame):
            yield serialize_json(MessageType.SOURCE_FORMAT, self._source)
        if self._format is None or (not self._has_picture and self._output.fixed is None):
            output = self._output_format(frame, pts)
            if output is None:
                return  # the frame rate is not known yet
            if output != self._format:
                self._format = output
                self._stages = None
                self._encoder = None
                yield self._format_message(slate=False)
        if replay or not self._is_wanted(pts, message.arrival + late, late):
            return
        started = time.thread_time()
        if self._stages is None:
            self._stages = Stages(self._format.width, self._format.height, self._options.masks)
        try:
            self._stages.run(frame, self._aspect(frame))
        except (MediaError, ValueError) as error:
            self._has_picture = False
            self.counters["pictures_without_mask"] += 1
            raise MediaError(f"a picture could not be prepared and is not shown: {error}") from None
        self._has_picture = True
        self._watch(self._stages, pts)
        stages_s = time.thread_time() - started
        yield from self._encode(pts, message.arrival, (decode_s, stages_s), flags=0)

    def _watch(self, stages: Stages, pts: int) -> None:
        picture = stages.picture
        if self._scene is None or self._scene_size != (picture.width, picture.height):
            self._scene_size = (picture.width, picture.height)
            self._scene = SceneWatch(*self._scene_size)
        self._scene.observe(picture, pts)

    def _is_wanted(self, pts: int, now: float, late: float) -> bool:
        """Whether a picture is encoded: not over the frame rate cap, and not late."""
        if self._output.fps is not None:
            if pts < self._next_pts and not self._force_idr:
                self.counters["capped_pictures"] += 1
                return False
            interval = round(VIDEO_CLOCK_RATE / self._output.fps)
            # a tenth of slack for jitter; the grid moves on by whole intervals, so that the mean rate is the cap
            behind = pts - self._next_pts > interval
            self._next_pts = pts + interval - interval // 10 if behind else self._next_pts + interval
        due = now - self._last_encoded_at >= MAX_UNENCODED_S
        kept = self._ladder.keeps(late, now)
        if not due and (late > LATE_S or not kept):
            self.counters["shed_pictures"] += 1
            return False
        return True

    def _encode(self, pts: int, arrival: float, spent: tuple[float, float], flags: int) -> Iterator[bytes]:
        if self._stages is None or self._format is None:
            return
        if self._last_pts is not None and pts <= self._last_pts:
            pts = self._last_pts + 1
        encoder = self._encoder
        if encoder is None:
            encoder = self._encoder = Encoder(self._output, self._format)
            self._force_idr = True
        gop_ticks = round(self._output.gop_s * VIDEO_CLOCK_RATE)
        # half a picture early is nearer to the GOP's length than half a picture late
        half = round(VIDEO_CLOCK_RATE / self._format.frame_rate / 2)
        force = self._force_idr or pts - self._last_idr_pts >= gop_ticks - half
        started = time.thread_time()
        try:
            nal_units = encoder.encode(self._stages.picture, pts, force_idr=force)
        except MediaError:
            self._encoder = None
            raise
        encode_s = time.thread_time() - started
        self._last_pts = pts
        if not nal_units:
            self.counters["pictures_without_output"] += 1
            return
        if has_random_access(encoder.codec, nal_units):
            flags |= RANDOM_ACCESS
            self._last_idr_pts = pts
            self._force_idr = False
        self._last_encoded_at = time.monotonic()
        self.counters["encoded_pictures"] += 1
        yield serialize_coded(0, encoder.codec, flags, pts, arrival, (*spent, encode_s), nal_units)

    # -- format --------------------------------------------------------------------------------------------------

    def _aspect(self, frame: VideoFrame) -> Fraction:
        """Of the frame's samples: what the operator says, or else the stream."""
        if self._options.display_aspect is not None:
            return sane_aspect(Fraction(*self._options.display_aspect) * frame.height / frame.width)
        return self._decoder.sample_aspect_ratio if self._decoder is not None else Fraction(1)

    def _output_format(self, frame: VideoFrame, pts: int) -> OutputFormat | None:
        rate = self._frame_rate(pts)
        if rate is None:
            return None
        width, height = self._output.size or square_size(frame.width, frame.height, self._aspect(frame))
        matrix = int(frame.colorspace)
        return OutputFormat(width=width, height=height, frame_rate=rate, matrix=matrix if matrix in _MATRICES else 2)

    def _frame_rate(self, pts: int) -> float | None:
        """The rate to announce, or None while too few pictures tell it."""
        self._spacing.append(pts)
        waited_s = (pts - self._spacing[0]) / VIDEO_CLOCK_RATE
        if len(self._spacing) < RATE_PICTURES and waited_s < RATE_WAIT_S:
            return None
        times = sorted(self._spacing)
        gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times) if later > earlier)
        if not gaps:
            return self._output.fps or DEFAULT_FRAME_RATE
        rate = VIDEO_CLOCK_RATE / gaps[len(gaps) // 2]
        nearest = min(_COMMON_RATES, key=lambda common: abs(common - rate))
        rate = float(nearest) if abs(nearest - rate) < 0.06 * nearest else min(max(round(rate, 1), 0.5), 60.0)
        return min(rate, self._output.fps) if self._output.fps else rate

    def _note_source(self, frame: VideoFrame) -> bool:
        """Remember what the camera's pictures are; True when it changed."""
        codec = self._decoder.codec if self._decoder is not None else Codec.H264
        seen = {
            "codec": codec.value,
            "width": frame.width,
            "height": frame.height,
            "pixel_format": frame.format.name,
            "interlaced": bool(frame.interlaced_frame),
        }
        if seen == self._source:
            return False
        if self._source:
            self.counters["source_format_changes"] += 1
        self._source = seen
        return True

    def _format_message(self, *, slate: bool) -> bytes:
        output = self._format
        described = (
            {"width": output.width, "height": output.height, "frame_rate": output.frame_rate, "matrix": output.matrix}
            if output is not None
            else None
        )
        return serialize_json(MessageType.FORMAT, {"output_number": 0, "output": described, "slate": slate})

    def stats(self) -> dict[str, Any]:
        """Counters for the service."""
        decoder, encoder = self._decoder, self._encoder
        return {
            "counters": dict(self.counters),
            "decode_errors": dict(decoder.errors) if decoder is not None else {},
            "encoder_dropped": dict(encoder.dropped) if encoder is not None else {},
            "rate_divisor": self._ladder.divisor,
            "motion": round(self._scene.motion, 4) if self._scene is not None else 0.0,
            "conditions": self._scene.conditions if self._scene is not None else [],
            "audio_errors": dict(self._audio.errors) if self._audio is not None else {},
        }
