"""An output chain makes one output of a stream: it holds the format, pixel stages, rate ladder and encoder."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.errors import MediaError
from transcoder.ipc.messages import RANDOM_ACCESS, REPEATED, serialize_coded, serialize_snapshot
from transcoder.media.changes import CollectedChanges, MacroblockMap
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.encoders import Encoder, adapt_encoder, has_random_access, open_encoder, wants_changes
from transcoder.media.geometry import square_size
from transcoder.media.jpeg import encode_jpeg
from transcoder.media.picture import GREY, OwnPicture
from transcoder.media.scaling import is_scalable
from transcoder.media.slate import Slate
from transcoder.media.stages import Stages
from transcoder.worker.frame_rate import FrameRateCap, FrameRateEstimate
from transcoder.worker.gop_planner import GopPlanner
from transcoder.worker.growth import Growth
from transcoder.worker.output_formats import aspect_of, format_message, slate_format
from transcoder.worker.overload import EARLIER, LATE_S, RateLadder
from transcoder.worker_options import OutputFormat, WorkerOptions

MAX_UNENCODED_S = 0.5
"""Seconds without an encoded picture after which a late picture is encoded all the same: an overloaded stream moves at
2 fps at least."""


class OutputChain:
    """Takes decoded pictures through all steps on their way to the readers of one output.

    The owner hands a picture on step by step: observe, settle_format, wants, draw or draw_scaled, encode.

    Args:
        number: the number of the output in its stream.
        options: the settings of the stream.
        counters: the counters by name, shared with the stream's other outputs.
        main: the stream's first output, None where this is the first.

    Attributes:
        banner: the text on a slate, or "" for none.
    """

    def __init__(
        self, number: int, options: WorkerOptions, counters: Counter[str], main: "OutputChain | None" = None
    ) -> None:
        self._main = main
        self._number = number
        self._stream = options
        self._options = options.outputs[number]
        self._counters = counters
        self._format = self._options.fixed
        self._stages: Stages | None = None
        self.banner = ""
        self._slate = Slate()
        self._encoder: Encoder | None = None
        self._unencoded = CollectedChanges(0, 0)
        """What changed in our picture since the encoder was given it."""
        self._has_picture = self._is_slate = False
        self._growth = Growth(self._stream.swaps)
        self._force_idr = False
        self._last_pts: int | None = None
        self._planner = GopPlanner(self._options.gop_s)
        self._last_encoded_at = 0.0
        self._cap = FrameRateCap()
        self._ladder = RateLadder(self._options.rate_divisor, 1.0 if main is None else EARLIER)

    # -- what the service says -----------------------------------------------------------------------------------

    def configure(self, options: WorkerOptions) -> None:
        """Use other settings from the next picture on.

        Raises:
            MediaError: a mask can't be drawn; no picture is shown until there are other masks.
        """
        before, now = self._options, options.outputs[self._number]
        stream_before, self._stream, self._options = self._stream, options, now
        self._planner.configure(now.gop_s)
        self._growth.note_swaps(options.swaps)
        if (before.shape, stream_before.display_aspect) != (now.shape, options.display_aspect):
            self._take_format(None)
            self._has_picture = False
        elif (before.preset, before.encoder) != (now.preset, now.encoder):
            self._encoder = None
        elif before.bitrate_kbps != now.bitrate_kbps:
            self._use_bitrate()
        if now.asleep and not before.asleep:  # what it has drawn would be old when it wakes up
            self._stages = self._encoder = None
            self._has_picture = False
        if self._stages is None:
            return
        self._stages.compares = wants_changes(self._options)
        if stream_before.masks != options.masks:
            self._unencoded.add(None)
            self._slate.end(self._unencoded)
            self._stages.set_masks(options.masks)

    def _use_bitrate(self) -> None:
        """Keep another cap from the next picture on, which is an IDR, by the present encoder if it is able to."""
        if self._encoder is None or self._format is None:
            return
        if adapt_encoder(self._encoder, self._options, self._format):
            self._force_idr = True
        else:
            self._encoder = None

    def force_idr(self) -> None:
        """Make the next picture an IDR."""
        self._force_idr = True

    def note_unread(self) -> None:
        """Note that nobody reads the output: its size may follow larger pictures with the next one."""
        self._growth.note_unread()

    def repeat(self, pts: int, now: float) -> Iterator[bytes]:
        """Encode the last picture again, or a grey slate where the output has had no picture, while the camera is away.

        Args:
            pts: the time at which the picture is shown, 90 kHz ticks.
            now: monotonic seconds.
        """
        if self._options.asleep:
            return
        if self._format is None:
            self._format, self._is_slate = slate_format(self._stream, self._number), True
            yield format_message(self._number, self._format, slate=True)
        stages = self._prepared(self._format)
        if not self._has_picture and self._main is not None and self._main.shown is not None:
            self.draw_scaled()
        elif not self._has_picture:
            stages.fill(GREY)
            self._unencoded.add(None)
        shown = self._slate.show(stages.picture, self.banner, self._unencoded)
        yield from self.encode(shown, pts, now, (0.0, 0.0), flags=REPEATED)

    def snapshot(self) -> Iterator[bytes]:
        """Yield the last picture, masked, as a JPEG; the JPEG is empty where there is no picture."""
        picture = self.last_picture()
        yield serialize_snapshot(self._number, encode_jpeg(picture) if picture is not None else b"")

    def last_picture(self) -> OwnPicture | None:
        """Return the last picture, masked, with the banner where it has one; None where there is no picture."""
        if not self._has_picture and not self._options.asleep:  # just woken up
            with suppress(MediaError):  # there is no picture to scale, or its masks can't be drawn
                self.draw_scaled()
        stages = self.shown
        return (self._slate.picture or stages.picture) if stages is not None else None

    # -- format --------------------------------------------------------------------------------------------------

    @property
    def seeks_format(self) -> bool:
        """Return whether the next picture decides the output's format: there is no format yet, or it is the slate's."""
        return self._format is None or self._is_slate

    def settle_format(self, picture: DecodedPicture, estimate: FrameRateEstimate) -> list[bytes] | None:
        """Decide the output's format by a picture, if the output has none.

        Returns:
            The messages that tell the service of another format, or None while too few pictures tell the frame rate.
        """
        width, height = self._options.size or square_size(
            picture.width, picture.height, aspect_of(picture, self._stream)
        )
        if not self.seeks_format:
            return self._follow_growth(picture, width, height)
        rate = estimate.rate(self._options.fps)
        if rate is None:
            return None
        output = OutputFormat(width=width, height=height, frame_rate=rate, matrix=picture.matrix)
        told = self._options.recalled
        if told is not None and self._format in {None, told} and (told.width, told.height) != (width, height):
            self._growth.keep()  # those who read were told of another camera's size, or of an earlier one
            output = told
        if output != self._format:
            self._take_format(output)
        self._is_slate = False
        return [format_message(self._number, output, slate=output is told)]

    def _follow_growth(self, picture: DecodedPicture, width: int, height: int) -> list[bytes]:
        """Take the size of pictures that are larger than the output for good; return the messages that tell of it."""
        output = self._format
        if output is None or self._options.size is not None:
            return []
        if not self._growth.is_due((output.width, output.height), (width, height), picture.pts):
            return []
        grown = replace(output, width=width, height=height, matrix=picture.matrix)
        self._take_format(grown)
        return [format_message(self._number, grown, slate=False)]

    def _take_format(self, output: OutputFormat | None) -> None:
        self._format, self._is_slate = output, False
        self._slate.end(self._unencoded)
        self._stages = None
        self._encoder = None

    # -- pictures ------------------------------------------------------------------------------------------------

    def observe(self, picture: DecodedPicture) -> None:
        """Take note of a picture of the camera, also of one that is not shown: IDRs follow the camera's."""
        self._planner.observe(picture.pts, random_access=picture.random_access)

    def observe_change(self, picture: DecodedPicture, share: float) -> None:
        """Take note of how many of a picture's macroblocks changed: smart codecs do not mark what they refresh.

        Args:
            picture: the decoded picture.
            share: the part of them that changed, 0 to 1.
        """
        self._planner.observe(picture.pts, random_access=False, changed=share)

    def wants(self, picture: DecodedPicture, now: float) -> bool:
        """Return whether to encode a picture: awake, not over the frame rate cap, and not late.

        Args:
            picture: the decoded picture, not drawn yet.
            now: monotonic seconds.
        """
        if self._options.asleep:
            return False
        cap = self._options.fps
        if cap is not None and not self._cap.admits(picture.pts, cap, wanted=self._force_idr):
            self._counters["capped_pictures"] += 1
            return False
        late, due = now - picture.arrival, now - self._last_encoded_at >= MAX_UNENCODED_S
        kept = self._ladder.keeps(late, now)
        if not due and (late > LATE_S * self._ladder.patience or not kept):
            self._counters["shed_pictures"] += 1
            return False
        return True

    @property
    def shown(self) -> Stages | None:
        """Return the stages that hold a picture of the camera, masked, which may be shown again; None without one."""
        return self._stages if self._has_picture else None

    @property
    def is_scaled(self) -> bool:
        """Return whether pictures are scaled from the main output's: of its shape, and no more of them than it has."""
        if self._main is None or self._format is None:
            return False
        return self._main.may_be_scaled(self._format, self._options.fps)

    def may_be_scaled(self, output: OutputFormat, fps: float | None) -> bool:
        """Return whether this output has all pictures of another one, in its shape and no smaller.

        Args:
            output: the format of the other output.
            fps: the cap of the other output.
        """
        ours, cap = self._format, self._options.fps
        if ours is None or (cap is not None and (fps is None or fps > cap)):
            return False
        return is_scalable((ours.width, ours.height), (output.width, output.height))

    def draw_scaled(self) -> OwnPicture:
        """Draw the main output's latest picture in this output's size; its masks are on it.

        Raises:
            MediaError: there is no such picture, or this output's own masks can't be drawn.
        """
        main = self._main.shown if self._main is not None else None
        if main is None:
            raise MediaError("there is no picture to scale")
        return self._drawn(lambda stages: stages.scale(main))

    def skip_scaled(self) -> None:
        """Note what changed in the main output's latest picture, which is not drawn here."""
        main = self._main.shown if self._main is not None else None
        if self._stages is not None and main is not None:
            self._stages.skip_scaled(main)

    def follows(self, picture: DecodedPicture) -> bool:
        """Return whether draw() makes use of what changed in this decoded picture."""
        if self._format is None:
            return False
        try:
            return self._prepared(self._format).follows(picture, aspect_of(picture, self._stream))
        except (MediaError, ValueError):  # draw() fails for the same reason, and says so
            return False

    def skip(self, changed: MacroblockMap | None) -> None:
        """Note what changed in a decoded picture that is not drawn.

        Args:
            changed: what changed since the decoded picture before, drawn or skipped; None: everything may have.
        """
        if self._stages is not None:
            self._stages.skip(changed)

    def draw(self, picture: DecodedPicture, changed: MacroblockMap | None = None) -> OwnPicture:
        """Draw a decoded picture in the output's size and range, with masks.

        Args:
            picture: the decoded picture; it is only read.
            changed: what changed since the decoded picture before, drawn or skipped; None: everything may have.

        Raises:
            MediaError: a mask could not be drawn; the picture must not be shown.
        """
        return self._drawn(lambda stages: stages.run(picture, aspect_of(picture, self._stream), changed))

    def _drawn(self, draw: Callable[[Stages], OwnPicture]) -> OwnPicture:
        if self._format is None:
            raise MediaError("an output without a format has no picture")
        try:
            stages = self._prepared(self._format)
            drawn = draw(stages)
        except (MediaError, ValueError) as error:
            self._has_picture = False
            self._slate.end(self._unencoded)
            self._counters["pictures_without_mask"] += 1
            raise MediaError(f"a picture could not be prepared and is not shown: {error}") from None
        self._unencoded.add(stages.changed)
        self._slate.end(self._unencoded)
        self._has_picture = True
        return drawn

    def _prepared(self, output: OutputFormat) -> Stages:
        if self._stages is None:
            compares = wants_changes(self._options)
            self._stages = Stages(output.width, output.height, self._stream.masks, compares=compares)
            self._unencoded = CollectedChanges(output.width, output.height)
        return self._stages

    @property
    def changed(self) -> MacroblockMap | None:
        """Return which macroblocks differ between the last two drawn pictures; None where nobody has compared them."""
        return self._stages.changed if self._stages is not None and self._stages.knows_changes else None

    def encode(
        self,
        picture: OwnPicture,
        pts: int,
        arrival: float,
        spent: tuple[float, float],
        flags: int = 0,
    ) -> Iterator[bytes]:
        """Encode a drawn picture.

        Args:
            picture: a picture of the output's size.
            pts: presentation time, 90 kHz ticks.
            arrival: monotonic seconds at which the last packet of the picture's access unit came.
            spent: the processor time of decoding and of the stages, seconds.
            flags: REPEATED, or 0.

        Raises:
            MediaError: the encoder failed; the next picture gets a new encoder.
        """
        output = self._format
        if output is None:
            return
        if self._last_pts is not None and pts <= self._last_pts:
            pts = self._last_pts + 1
        encoder, planned = self._encoder, self._planner.is_due(pts, VIDEO_CLOCK_RATE / output.frame_rate)
        told = encoder.fallback if encoder is not None else None
        if encoder is None:
            encoder = self._encoder = open_encoder(self._options, output)
            planned = True
            self._unencoded.add(None)
        started = time.thread_time()
        try:
            nal_units = encoder.encode(picture, self._unencoded.map, pts, force_idr=planned or self._force_idr)
        except MediaError:
            self._encoder = None
            raise
        self._unencoded.clear()
        encode_s = time.thread_time() - started
        if encoder.fallback is not None and encoder.fallback is not told:
            self._counters[encoder.fallback.counter] += 1
        self._last_pts = pts
        if not nal_units:
            self._counters["pictures_without_output"] += 1
            return
        if has_random_access(encoder.codec, nal_units):
            flags |= RANDOM_ACCESS
            self._force_idr = False
            if planned:
                self._planner.note_idr(pts)
        self._last_encoded_at = time.monotonic()
        self._counters["encoded_pictures"] += 1
        yield serialize_coded(self._number, encoder.codec, flags, pts, arrival, (*spent, encode_s), nal_units)

    # -- report --------------------------------------------------------------------------------------------------

    @property
    def rate_divisor(self) -> int:
        """Return N of "one picture in N is encoded"."""
        return self._ladder.divisor

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many NAL units the present encoder made and did not let out, by name."""
        return dict(self._encoder.dropped) if self._encoder is not None else {}
