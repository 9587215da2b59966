"""These documents tell what a swap of a stream's camera changes, before it is made and afterwards."""

from transcoder.control.document_parts import Count, Rate
from transcoder.control.documents import Document


class PicturesDocument(Document):
    """Describes pictures: null stands for what is not known."""

    codec: str | None = None
    width: Count | None = None
    height: Count | None = None
    fps: Rate | None = None
    """Pictures a second."""


class SwappedCameraDocument(Document):
    """Describes one of the two cameras of a swap."""

    asset: str | None = None
    """The asset that the stream names with this camera."""
    pictures: PicturesDocument


class SwapDocument(Document):
    """Describes a swap of a stream's camera, planned or made."""

    stream: str
    switched: bool
    """Whether the stream pulls the new camera now."""
    before: SwappedCameraDocument
    after: SwappedCameraDocument
    served: PicturesDocument
    """The pictures that readers get; they keep their size and their codec over a swap."""
    for_readers: tuple[str, ...] = ()
    """What readers notice besides a slate for a moment, a line each."""
    problem: str | None = None
    """The reason for which the new camera sends no pictures; it is switched to only where that is asked for."""
    can_roll_back: bool = False
    """Whether the last swap of the stream can be rolled back."""
