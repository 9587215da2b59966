"""The size of JPEG pictures is checked here against their data, because RTP has one byte for each side of a picture.

RFC 2435 counts in units of 8 pixels and gives 0 to a side of more than 2040; some cameras let the byte wrap instead
(2560 is sent as 512). The number of MCUs in the data decides. It is counted once for each stated size, a bit at a time.
"""

from transcoder.codecs.jpeg import JpegHeader
from transcoder.codecs.jpeg_scan import McuCount, mcus_of
from transcoder.codecs.picture_codec import MAX_DIMENSION, is_sane_size
from transcoder.errors import BitstreamError

Size = tuple[int, int]

MCUS = 500
"""MCUs that are counted with each picture while its size is served as stated: 1 to 5 ms, by its detail."""
MCUS_IN_DOUBT = 3000
"""MCUs that are counted with each picture while none is shown: 6 to 30 ms. 2560x1440 is known after 5 pictures, in
time for a camera of one picture a second."""
MIN_ASPECT, MAX_ASPECT = 0.5, 3.2
"""Width by height of cameras, upright ones and panoramas included; a side that wrapped is beyond, as a rule."""
WRAP = 256 * 8
"""Pixels by which a side is too small where its byte wrapped."""
TOLERANCE = 50
"""One part in so many of the MCUs may be too many: bytes that stand behind the picture look like some."""
BEHIND = 500
"""One part in so many may stand behind a picture of the right size."""


class JpegSize:
    """Decides the size of a media's pictures.

    Args:
        described: (width, height) of the session description, or None.
    """

    def __init__(self, described: Size | None) -> None:
        self._described = described
        self._key: tuple[object, ...] = ()
        self._count: McuCount | None = None
        self._size: Size | None = None

    def decide(self, stated: Size, header: JpegHeader, scan: bytes) -> Size | None:
        """Return the size of a picture, or None while it is not known.

        Args:
            stated: the width and height that the packets state, 0 for one that they do not.
            header: the header of the picture; its size does not count.
            scan: the entropy-coded data of the picture.

        Raises:
            BitstreamError: no size fits the data, or none is known.
        """
        believed = stated if all(stated) else self._described or stated
        key = (stated, header.components)
        if key != self._key:
            self._count = McuCount(header, scan)
            self._key, self._size = key, None
        count = self._count
        if self._size is not None or count is None:
            return self._checked(self._size)
        is_plausible = believed == self._described or (
            all(believed) and MIN_ASPECT <= believed[0] / believed[1] <= MAX_ASPECT
        )
        limit = _at_most(header, believed)
        count.advance(MCUS if is_plausible and count.mcus <= limit else MCUS_IN_DOUBT)
        if count.is_complete:
            self._count = None
            self._size = self._fitting(header, stated, believed, count.mcus)
            if self._size is None and not all(believed):
                self._size = believed  # which is refused for want of a size
            return self._checked(self._size)
        return believed if is_plausible and count.mcus <= limit else None

    def _checked(self, size: Size | None) -> Size:
        if size is None:
            raise BitstreamError("no size fits the data of a JPEG picture")
        return size

    def _fitting(self, header: JpegHeader, stated: Size, believed: Size, mcus: int) -> Size | None:
        """Return the size that has so many MCUs, or None. Fewer are a picture that is cut short, and prove nothing."""
        if all(believed) and mcus <= _at_most(header, believed):
            return believed
        widths, heights = (_sides(side) for side in stated)
        if not stated[0]:
            widths += [8 * width for width in range(WRAP // 8, MAX_DIMENSION // 8 + 1)]
        sizes = [self._described] if self._described else []
        sizes += sorted(((width, height) for width in widths for height in heights), key=_unusual)
        for size in sizes:
            if (
                is_sane_size(*size)
                and 0 <= mcus - mcus_of(header, *size) <= mcus // BEHIND
                and MIN_ASPECT <= size[0] / size[1] <= MAX_ASPECT
            ):
                return size
        return None


def _sides(stated: int) -> list[int]:
    """Return the lengths that a side may have whose byte wrapped."""
    return [side for side in range(stated, MAX_DIMENSION + 1, WRAP) if side]


def _at_most(header: JpegHeader, size: Size) -> int:
    mcus = mcus_of(header, *size)
    return mcus + max(2, mcus // TOLERANCE)


def _unusual(size: Size) -> float:
    """Return how far a size is from 16:9 and from 4:3, whichever is nearer, and 1 more where MCUs are cut."""
    return (size[0] % 16 > 0) + min(abs(size[0] / size[1] - usual) for usual in (16 / 9, 4 / 3))
