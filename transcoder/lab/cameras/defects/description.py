"""This module spoils session descriptions: lines are missing, misplaced or half written, or name a multicast group."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FIRST_PORT = 5004
"""Port of a multicast group for RTP of the first media (RFC 3551 section 8)."""


_VENDOR_MEDIA = (
    "m=metadata 0 RTP/AVP 100",
    "a=rtpmap:100 {0}-metadata/90000",
    "m=meta 0 RTP/AVP 101",
    "m=vzinfo{0} 0 RTP/AVP 102",
    "m=application/TP-LINK 0 RTP/AVP smart/1/90000/{0}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionDefects:
    """Lists the defects of the session description.

    Attributes:
        fmtp_elsewhere: the video's fmtp stands under the last media, or before the only one (WebRTC#419).
        encoding: name of the video in rtpmap; empty: its true name (EZVIZ C6N: H.264 is called H265; Reolink: H.265
            is called H264).
        clock_rate_left_out: rtpmap names the encoding alone.
        multicast: a group that all media are sent to, named with a TTL by the c= of the session alone; SETUP is
            answered without it, and any other transport is refused.
        session_control: the control attribute of the session, "*" or a URL; empty: that of the family.
        rooted_controls: control attributes are paths from the root of the server (RFC 1808), and media are known
            there alone.
        vendor_media: four more media are offered, of kinds that break parsers (gortsplib#474, #484, #1068;
            androidx/media#1472), and their names hold this text; nothing is sent on them. Empty: none.
        srtp: all media are offered as SRTP (RTP/SAVP; ONVIF cameras with RTSP over TLS).
    """

    fmtp_elsewhere: bool = False
    encoding: Literal["", "H264", "H265"] = ""
    clock_rate_left_out: bool = False
    multicast: str = ""
    session_control: str = ""
    rooted_controls: bool = False
    vendor_media: str = ""
    srtp: bool = False

    def port(self, track: int) -> int:
        """Return the RTP port of a media in the group.

        Args:
            track: index of the media.
        """
        return FIRST_PORT + 2 * track

    def written(self, lines: Sequence[str], payload_type: int) -> list[str]:
        """Return the lines of a session description as such a camera writes them.

        Args:
            lines: the correct lines, without line ends.
            payload_type: RTP payload type of the video.
        """
        changed = list(lines)
        if self.session_control:
            first = next(index for index, line in enumerate(changed) if line.startswith("m="))
            session = [line for line in changed[:first] if not line.startswith("a=control:")]
            changed[:first] = [*session, f"a=control:{self.session_control}"]
        if self.vendor_media:
            changed += [line.format(self.vendor_media) for line in _VENDOR_MEDIA]
        if self.srtp:
            changed = [re.sub(r"^(m=.*) RTP/AVP ", r"\1 RTP/SAVP ", line) for line in changed]
        if self.encoding:
            own = re.compile(rf"^a=rtpmap:{payload_type} [^/]+")
            changed = [own.sub(f"a=rtpmap:{payload_type} {self.encoding}", line) for line in changed]
        if self.clock_rate_left_out:
            changed = [re.sub(r"^(a=rtpmap:\d+ [^/]+)/.*", r"\1", line) for line in changed]
        if self.fmtp_elsewhere:
            parameters = [line for line in changed if line.startswith(f"a=fmtp:{payload_type} ")]
            changed = [line for line in changed if line not in parameters]
            media = [index for index, line in enumerate(changed) if line.startswith("m=")]
            at = len(changed) if len(media) > 1 else media[0]
            changed[at:at] = parameters
        if self.multicast:
            changed = [line for line in changed if not line.startswith("c=")]
            at = next(index for index, line in enumerate(changed) if line[:2] in {"t=", "a=", "m="})
            changed.insert(at, f"c=IN IP4 {self.multicast}/16")
            media = [index for index, line in enumerate(changed) if line.startswith("m=")]
            for track, index in enumerate(media):
                kind, _, rest = changed[index].split(" ", 2)
                changed[index] = f"{kind} {self.port(track)} {rest}"
        return changed
