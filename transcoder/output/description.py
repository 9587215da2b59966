"""The session description of one output is made of our encoder's parameter sets, and numbered anew when they change."""

from enum import Enum, auto

from transcoder.codecs.nal import Codec
from transcoder.codecs.parameter_sets import picture_size
from transcoder.rtp.sender import VIDEO_PAYLOAD_TYPE
from transcoder.sdp import ServedAudio, ServedVideo, serialize_served
from transcoder.worker_options import OutputOptions


class Change(Enum):
    """Tells how parameter sets differ from those before them."""

    NONE = auto()
    """They did not change, or this picture has none."""
    COMPATIBLE = auto()
    """They are the first ones, or have the same picture size: readers take them from the stream."""
    SIZE = auto()
    """They have another picture size: the description that readers have is not true any more."""


class Description:
    """Holds the facts about an output that readers are told.

    Args:
        session_id: the id of the description before the first one (RFC 4566 section 5.2); every other description
            counts as another session.

    Attributes:
        parameter_sets: the parameter sets of the pictures that are served, empty before the first IDR.
    """

    def __init__(self, session_id: int) -> None:
        self.parameter_sets: tuple[bytes, ...] = ()
        self._session_id = session_id

    @property
    def is_known(self) -> bool:
        """Return whether there are parameter sets to describe."""
        return bool(self.parameter_sets)

    def take(self, codec: Codec, parameter_sets: tuple[bytes, ...]) -> Change:
        """Take the parameter sets that came with an IDR; return how they differ from those before."""
        known = self.parameter_sets
        if not parameter_sets or parameter_sets == known:
            return Change.NONE
        self.parameter_sets = parameter_sets
        self._session_id += 1
        # other parameter sets of the same size come in the stream, before the IDR that needs them
        same_size = not known or picture_size(codec, parameter_sets) == picture_size(codec, known)
        return Change.COMPATIBLE if same_size else Change.SIZE

    def forget(self) -> bool:
        """Forget the parameter sets, because others come; return whether there were any."""
        was_known = self.is_known
        self.parameter_sets = ()
        return was_known

    def renumber(self) -> None:
        """Count the next description as another session, because its frame rate is another."""
        self._session_id += 1

    def serialize(
        self, options: OutputOptions, frame_rate: float | None, audio: ServedAudio | None, address: str
    ) -> bytes:
        """Write the description as SDP.

        Args:
            options: the options of the output.
            frame_rate: pictures a second, None where the rate is not known.
            audio: the format of our audio, if there is any.
            address: the address of ours on which the reader asked.
        """
        video = ServedVideo(
            codec=options.codec,
            payload_type=VIDEO_PAYLOAD_TYPE,
            parameter_sets=self.parameter_sets,
            bitrate_kbps=options.bitrate_kbps,
            frame_rate=frame_rate,
            size=picture_size(options.codec, self.parameter_sets),
            is_relayed=options.relays,
        )
        return serialize_served(video, session_id=self._session_id, address=address, audio=audio)
