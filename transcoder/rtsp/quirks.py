"""Some quirks are forced by hand, because recognising them by behaviour would cost a picture or a session."""

from dataclasses import dataclass

from transcoder.codecs.nal import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedQuirks:
    """Holds the quirks that the product shows to one camera.

    Attributes:
        trust_marker: False: only the next picture's start ends a picture, which costs a frame of delay.
        keep_alive_s: the most seconds between keep-alives, or None for half the session's timeout.
        options_first: False: the conversation begins with DESCRIBE.
        bare_requests: requests hold nothing but CSeq, Session, Authorization and Transport: no User-Agent, Accept and
            Range, all of which RFC 2326 leaves to the client.
        codec: the codec of the video, whatever the session description calls it.
    """

    trust_marker: bool = True
    keep_alive_s: float | None = None
    options_first: bool = True
    bare_requests: bool = False
    codec: Codec | None = None


FORCED_QUIRKS = {
    "auto": ForcedQuirks(),
    "no-marker": ForcedQuirks(trust_marker=False),
    # some cameras end a session after 5 s without a sign of life, whatever they announce
    "frequent-keep-alive": ForcedQuirks(keep_alive_s=4.0),
    "no-options": ForcedQuirks(options_first=False),
    # a Hikvision model is said to refuse Basic where other fields are sent too (go2rtc); which one is not known
    "bare-requests": ForcedQuirks(bare_requests=True),
    # an EZVIZ C6N calls its H.264 H265 (go2rtc#264)
    "h264": ForcedQuirks(codec=Codec.H264),
}
"""The quirks by the name in `source.profile`."""
