"""What a family's SDP is made from."""

import base64
from dataclasses import dataclass

from transcoder.codecs.nal import Codec
from transcoder.simulator.access_units import Content
from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.canary import CanaryMint


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionContext:
    """Everything that a description shows.

    Attributes:
        behaviour: the camera's switches.
        content: whose parameter sets are announced.
        mint: makes the canaries of the private lines.
        base: absolute URL of the stream without its query, as the client addressed it, without trailing slash.
        host: address in base.
        tracks: control names of the media that are offered, by kind, in SDP order.
    """

    behaviour: CameraBehaviour
    content: Content
    mint: CanaryMint
    base: str
    host: str
    tracks: dict[str, str]

    def canary(self, name: str) -> str:
        """A canary for a field of the SDP, written as it is."""
        return self.mint.text(f"sdp_{name}", "SDP, raw")

    def control(self, kind: str) -> str:
        """Value of a media's control attribute."""
        name = self.tracks[kind]
        return f"{self.base}/{name}{self.behaviour.control_query}" if self.behaviour.absolute_control else name

    def format_parameters(self) -> str:
        """Value of the video's fmtp attribute after the payload type, in the vendor-neutral order."""
        sets = [base64.b64encode(unit).decode() for unit in self.content.parameter_sets]
        if self.content.codec is Codec.H265:
            vps, sps, pps = sets[:3]
            return f"profile-id=1;sprop-sps={sps};sprop-pps={pps};sprop-vps={vps}"
        return (
            f"profile-level-id={self.profile_level_id()}; packetization-mode=1; sprop-parameter-sets={','.join(sets)}"
        )

    def profile_level_id(self) -> str:
        """From the SPS, or the constant that contradicts it."""
        sps = self.content.parameter_sets[0]
        return "420029" if self.behaviour.wrong_profile_level_id else sps[1:4].hex()

    def encoding(self) -> str:
        """Encoding name and clock rate of the video."""
        return f"{self.content.codec.value}/90000"
