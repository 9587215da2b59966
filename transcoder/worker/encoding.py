"""The encoding half of a worker takes decoded pictures and gives the coded pictures of every output.

The scene watch looks at the same pictures. Overload is shed in the order that costs least: fewer pictures are
encoded (by halves, see overload.py), and pictures that are late all the same are not encoded. So the delay stays
bounded.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from transcoder.errors import MediaError
from transcoder.ipc.thumbnails import Thumbnail, serialize_thumbnail
from transcoder.media.changes import DecodedComparison, MacroblockMap, PictureComparison
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.jpeg import encode_jpeg
from transcoder.media.picture import OwnPicture
from transcoder.media.scene import SceneWatch
from transcoder.media.thumbnail import scaled_down, version_of
from transcoder.worker.frame_rate import FrameRateEstimate
from transcoder.worker.output_chain import OutputChain
from transcoder.worker_options import WorkerOptions


@dataclass(slots=True)
class _Taken:
    """Holds a picture as one output has drawn it, and the processor time that decoding and drawing took."""

    chain: OutputChain
    drawn: OwnPicture
    pts: int
    arrival: float
    decode_s: float
    draw_s: float


class Encoding:
    """Holds one chain for each output and one scene watch for the stream.

    The scene watch looks at the first output's masked picture.

    Args:
        options: the settings of the stream.

    Attributes:
        counters: the counters of all outputs together, by name.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self.counters: Counter[str] = Counter()
        self._chains: list[OutputChain] = []
        self._add_chains(options)
        self._frame_rate = FrameRateEstimate()
        self._decoded = DecodedComparison()
        self._scene: SceneWatch | None = None
        self._drawn: PictureComparison | None = None
        """Compares the pictures at which the scene watch looks."""
        self._changed_shares = 0.0
        """The sum of the shares of changed macroblocks since the last report, over so many pictures:"""
        self._compared_pictures = 0
        self._changed_share: float | None = None
        self._taken: list[_Taken] = []
        self._failed: MediaError | None = None
        self._banner = ""

    def _add_chains(self, options: WorkerOptions) -> None:
        for number in range(len(self._chains), len(options.outputs)):
            main = self._chains[0] if self._chains else None
            self._chains.append(OutputChain(number, options, self.counters, main))

    # -- what the service says -----------------------------------------------------------------------------------

    def configure(self, options: WorkerOptions) -> None:
        """Use other settings from the next picture on; an output that is gone is not encoded any more.

        Raises:
            MediaError: a mask can't be drawn; no picture is shown until there are other masks.
        """
        del self._chains[len(options.outputs) :]
        known = len(self._chains)
        self._add_chains(options)
        self.set_banner(self._banner)
        failed: MediaError | None = None
        for chain in self._chains[:known]:
            try:
                chain.configure(options)
            except MediaError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def force_idr(self, output_number: int) -> None:
        """Make the next picture of an output an IDR."""
        for chain in self._chain(output_number):
            chain.force_idr()

    def note_unread(self, output_number: int) -> None:
        """Note that nobody reads an output: its size may follow larger pictures with the next one."""
        for chain in self._chain(output_number):
            chain.note_unread()

    def set_banner(self, text: str) -> None:
        """Show a text on slates from the next repeated picture on; without a text, none."""
        self._banner = text
        for chain in self._chains:
            chain.banner = text

    def repeat(self, output_number: int, pts: int, now: float) -> Iterator[bytes]:
        """Encode the last picture of an output again, or a grey slate where the output has had no picture."""
        for chain in self._chain(output_number):
            yield from chain.repeat(pts, now)

    def snapshot(self, output_number: int) -> Iterator[bytes]:
        """Yield the last picture of an output, masked, as a JPEG; the JPEG is empty where there is no picture."""
        for chain in self._chain(output_number):
            yield from chain.snapshot()

    def thumbnail(self, output_number: int, width: int, known: int) -> Iterator[bytes]:
        """Yield the last picture of an output, masked and scaled down.

        Args:
            output_number: the number of the output.
            width: samples of a row; a smaller picture stays as it is.
            known: the version that the service has; the same picture is not coded again.
        """
        for chain in self._chain(output_number):
            jpeg, version, last = b"", 0, chain.last_picture()
            if last is not None:
                small = scaled_down(last, width)
                version = version_of(small)
                jpeg = encode_jpeg(small) if version != known else b""
            yield serialize_thumbnail(Thumbnail(output_number=output_number, width=width, version=version, jpeg=jpeg))

    def _chain(self, output_number: int) -> list[OutputChain]:
        """Return a list with the chain of an output; the list is empty where a message names an output that is gone."""
        return self._chains[output_number : output_number + 1]

    # -- pictures ------------------------------------------------------------------------------------------------

    def picture(self, picture: DecodedPicture, now: float) -> Iterator[bytes]:
        """Encode a decoded picture for every output that wants it.

        Args:
            picture: the decoded picture; it is only read.
            now: monotonic seconds.

        Raises:
            MediaError: an output failed to draw or encode the picture; the other outputs have encoded it.
        """
        yield from self.take(picture, now)
        yield from self.encode_taken()

    def take(self, picture: DecodedPicture, now: float) -> Iterator[bytes]:
        """Draw a decoded picture for every output that wants it; afterwards the picture is not read any more.

        Args:
            picture: the decoded picture; it is only read.
            now: monotonic seconds.
        """
        # every picture, because an output's format may be wanted at any time: gaps between a few of them tell no rate
        self._frame_rate.add(picture.pts, picture.arrival)
        self._taken, self._failed = [], None
        drawing: list[OutputChain] = []
        main = self._chains[0]
        for chain in self._chains:
            chain.observe(picture)
            messages = chain.settle_format(picture, self._frame_rate)
            if messages is None:
                continue
            yield from messages
            # what is scaled from the main output's picture is asked where there is one: it never takes its place
            if not picture.preroll and (main in drawing or not chain.is_scaled) and chain.wants(picture, now):
                drawing.append(chain)
        started = time.thread_time()
        changed, compared = picture.changed, picture.is_compared
        if not compared and any(chain.follows(picture) for chain in drawing if not chain.is_scaled):
            changed, compared = self._decoded.compare(picture), True
        if changed is not None:
            share = np.count_nonzero(changed) / changed.size
            for chain in self._chains:
                chain.observe_change(picture, share)
        for chain in self._chains:
            if chain not in drawing:
                if compared:
                    chain.skip(changed)
                if main in drawing:
                    chain.skip_scaled()
                continue
            try:
                drawn = chain.draw_scaled() if chain.is_scaled else chain.draw(picture, changed)
            except MediaError as error:
                self._failed = self._failed or error
                continue
            ended = time.thread_time()
            decode_s = picture.decode_s if chain is main else 0.0  # decoding was paid for once
            self._taken.append(_Taken(chain, drawn, picture.pts, picture.arrival, decode_s, ended - started))
            started = ended

    def skip(self, changed: MacroblockMap | None) -> None:
        """Note what changed in a picture that another process decoded and that is not encoded."""
        for chain in self._chains:
            chain.skip(changed)

    def encode_taken(self) -> Iterator[bytes]:
        """Encode the picture that was taken.

        Raises:
            MediaError: an output failed to draw or encode the picture; the other outputs have encoded it.
        """
        taken, self._taken = self._taken, []
        for item in taken:
            try:
                started = time.thread_time()
                if item.chain is self._chains[0]:
                    self._look(item.chain, item.drawn, item.pts)
                stages_s = item.draw_s + time.thread_time() - started
                yield from item.chain.encode(item.drawn, item.pts, item.arrival, (item.decode_s, stages_s))
            except MediaError as error:
                self._failed = self._failed or error
        if self._failed is not None:
            raise self._failed

    def _look(self, chain: OutputChain, drawn: OwnPicture, pts: int) -> None:
        """Let the scene watch look at the first output's picture, if it is time to look."""
        if chain.changed is not None:
            self._changed_shares += np.count_nonzero(chain.changed) / chain.changed.size
            self._compared_pictures += 1
        if self._scene is None or self._drawn is None or self._drawn.size != (drawn.width, drawn.height):
            self._scene = SceneWatch(drawn.width, drawn.height)
            self._drawn = PictureComparison(drawn.width, drawn.height)
        self._drawn.changes.add(chain.changed)
        if self._scene.is_due(pts):
            self._scene.observe(drawn, self._drawn.compare(drawn), pts)

    # -- report --------------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Return the report on all outputs together, which the service is sent twice a second."""
        dropped: Counter[str] = Counter()
        for chain in self._chains:
            dropped.update(chain.dropped)
        if self._compared_pictures:
            self._changed_share = round(self._changed_shares / self._compared_pictures, 4)
            self._changed_shares, self._compared_pictures = 0.0, 0
        return {
            "changed_macroblocks": self._changed_share,
            "encoder_dropped": dict(dropped),
            "rate_divisor": max(chain.rate_divisor for chain in self._chains),
            "motion": round(self._scene.motion, 4) if self._scene is not None else 0.0,
            "conditions": self._scene.conditions if self._scene is not None else [],
        }
