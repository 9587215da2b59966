"""The session description of one output: made of our encoder's parameter sets, numbered anew when they change."""

from enum import Enum, auto

from transcoder.codecs.nal import Codec
from transcoder.codecs.parameter_sets import picture_size
from transcoder.rtp.sender import AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE
from transcoder.sdp import ServedAudio, ServedVideo, serialize_served
from transcoder.worker_options import OutputOptions


class Change(Enum):
    """How parameter sets differ from those before them."""

    NONE = auto()
    """Not at all, or there are none in this picture."""
    COMPATIBLE = auto()
    """They are the first ones, or of the same picture size: readers take them from the stream."""
    SIZE = auto()
    """Pictures have another size: what readers were told is not true any more."""


class Description:
    """What readers are told of an output.

    Args:
        session_id: of the description before the first one (RFC 4566 section 5.2); every other description counts as
            another session.

    Attributes:
        parameter_sets: of the pictures that are served, empty before the first IDR.
    """

    def __init__(self, session_id: int) -> None:
        self.parameter_sets: tuple[bytes, ...] = ()
        self._session_id = session_id

    @property
    def is_known(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.parameter_sets)

    def take(self, codec: Codec, parameter_sets: tuple[bytes, ...]) -> Change:
        """Take the parameter sets that came with an IDR; say how they differ from those before."""
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

    def serialize(
        self, options: OutputOptions, frame_rate: float | None, audio: tuple[int, bytes] | None, address: str
    ) -> bytes:
        """Write the description as SDP.

        Args:
            options: of the output.
            frame_rate: pictures a second, None where it is not known.
            audio: samples a second and AudioSpecificConfig of our audio, if there is any.
            address: of ours, on which the reader asked.
        """
        video = ServedVideo(
            codec=options.codec,
            payload_type=VIDEO_PAYLOAD_TYPE,
            parameter_sets=self.parameter_sets,
            bitrate_kbps=options.bitrate_kbps,
            frame_rate=frame_rate,
        )
        sound = None
        if audio is not None:
            sound = ServedAudio(payload_type=AUDIO_PAYLOAD_TYPE, clock_rate=audio[0], config=audio[1])
        return serialize_served(video, session_id=self._session_id, address=address, audio=sound)
