"""Pictures of every format are brought to the one layout that crosses from the decoding to the encoding process.

That layout is 8-bit 4:2:0 in limited range, with an even size and progressive rows, so that the encoding process needs
to know nothing of a picture but its size, matrix and aspect.
"""

from collections.abc import Sequence

from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.picture import BLACK, U8
from transcoder.media.sample_steps import SampleFormat, Step
from transcoder_native.kernels.plane import copy_plane
from transcoder_native.kernels.range import full_to_limited_chroma, full_to_limited_luma


def common_size(picture: DecodedPicture) -> tuple[int, int]:
    """Return the size of a picture in the common layout: an odd column or row is left out; one alone has no size."""
    return picture.width & ~1, picture.height & ~1


class CommonLayout:
    """Writes decoded pictures into planes in the common layout; the steps are chosen once for a format."""

    def __init__(self) -> None:
        self._input: SampleFormat | None = None
        self._steps: list[list[Step]] = []

    def write(self, decoded: DecodedPicture, out: Sequence[U8]) -> None:
        """Write a picture.

        Args:
            decoded: the decoded picture; it is only read.
            out: three planes (height, stride) of common_size(), written.
        """
        seen = SampleFormat.of(decoded)
        if seen != self._input:
            self._input = None  # steps that fail are chosen again for the next picture
            self._steps = [seen.steps(index) for index in range(seen.planes)]
            self._input = seen
        width, height = common_size(decoded)
        for index, target in enumerate(out):
            columns, rows = (width, height) if index == 0 else (width // 2, height // 2)
            if index >= len(self._steps):
                target[:, :columns] = BLACK[index]  # grey: a plane that is not there
                continue
            plane: U8 = decoded.planes[index]  # type: ignore[assignment]  # the first step of a 10-bit plane narrows it
            for step in self._steps[index]:
                plane = step(plane)
            to_limited = full_to_limited_chroma if index else full_to_limited_luma
            (to_limited if seen.full_range else copy_plane)(plane[:rows], columns, target)
