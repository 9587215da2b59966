"""This module holds the facts from which a family writes its SDP."""

import base64
from dataclasses import dataclass

from transcoder.codecs.nal import START_CODE, Codec
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.canary import CanaryMint
from transcoder.lab.cameras.defects.pictures import of_second_pps
from transcoder.lab.cameras.numbered_packets import H264_PARAMETERS, H265_PARAMETERS


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionContext:
    """Holds everything that a description shows.

    Attributes:
        behaviour: the camera's switches.
        content: the content whose parameter sets are announced.
        mint: makes the canaries of the private lines.
        base: absolute URL of the stream without its query, as the client addressed it, without trailing slash.
        host: the address in `base`.
        tracks: control names of the media that are offered, by kind, in SDP order.
    """

    behaviour: CameraBehaviour
    content: Content
    mint: CanaryMint
    base: str
    host: str
    tracks: dict[str, str]

    def canary(self, name: str) -> str:
        """Return a canary for a field of the SDP that holds it as plain text."""
        return self.mint.text(f"sdp_{name}", "SDP, raw")

    def control(self, kind: str) -> str:
        """Return the value of a media's control attribute."""
        name = self.tracks[kind]
        if self.behaviour.description.rooted_controls:
            return f"/{name}"
        return f"{self.base}/{name}{self.behaviour.control_query}" if self.behaviour.absolute_control else name

    def format_parameters(self) -> str:
        """Return the value of the video's fmtp attribute after the payload type, in the vendor-neutral order."""
        known, has_numbers = self.behaviour.pictures.in_description, self.behaviour.packets.decoding_order_numbers
        sets = [base64.b64encode(unit).decode() for unit in self._written_sets()] if known else []
        if self.content.codec is Codec.H265:
            names = ("sprop-vps", "sprop-sps", "sprop-pps")
            values = [f"{name}={value}" for name, value in zip(names, sets, strict=False)]
            numbered = [H265_PARAMETERS] if has_numbers else []
            return ";".join(["profile-id=1", *values[1:], *values[:1], *numbered])
        mode = H264_PARAMETERS if has_numbers else f"packetization-mode={self.behaviour.packets.declared_mode}"
        text = f"profile-level-id={self.profile_level_id()}; {mode}"
        return f"{text}; sprop-parameter-sets={','.join(sets)}" if sets else text

    def _written_sets(self) -> list[bytes]:
        sets, style = list(self.content.parameter_sets), self.behaviour.sprop
        if self.behaviour.pictures.parameter_sets == "apart":
            return sets[:-1]
        if self.behaviour.pictures.second_pps == "sdp":
            sets.append(of_second_pps(sets[-1], codes_before=0))
        if style == "zeros":
            return [unit + b"\0" for unit in sets]
        if self.content.codec is Codec.H265:
            return sets
        if style == "start_code":
            return [START_CODE + unit for unit in sets]
        if style == "no_header":
            return [unit[1:] for unit in sets]
        return [sets[0], b""] if style == "no_pps" else sets

    def profile_level_id(self) -> str:
        """Return the profile-level-id of the SPS, or the constant that contradicts the SPS."""
        sps = self.content.parameter_sets[0]
        return "420029" if self.behaviour.wrong_profile_level_id else sps[1:4].hex()

    def encoding(self) -> str:
        """Return the encoding name and clock rate of the video."""
        return f"{self.content.codec.value}/90000"
