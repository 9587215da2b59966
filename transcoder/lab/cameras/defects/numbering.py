"""This module makes SSRC and sequence numbers change while the pictures go on."""

import random
from dataclasses import dataclass
from typing import Literal

from transcoder.lab.cameras.packets import FRAME_HEADER, Burst
from transcoder.lab.cameras.track import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberingDefects:
    """Lists the defects of RTP headers' numbers.

    Attributes:
        ssrc_turns: two SSRC with numbers and timestamps of their own take turns, a group of pictures each
            (gortsplib#687).
        sequence_restart: sequence numbers begin at 0 with each group of pictures (gortsplib#750).
        packet_numbers: what sequence numbers count; "swapped": their bytes are exchanged; "shared": each second
            one is another media's.
        sent_payload_type: the payload type of the video's packets, which no description has; 0: the described one.
    """

    ssrc_turns: bool = False
    sequence_restart: bool = False
    packet_numbers: Literal["packets", "pictures", "nothing", "swapped", "shared"] = "packets"
    sent_payload_type: int = 0


class Numbering:
    """Changes the numbers of a track at the beginning of each group of pictures.

    Args:
        defects: the switches.
        track: the track of the video.
        rng: source of the camera's random numbers.
    """

    def __init__(self, defects: NumberingDefects, track: Track, rng: random.Random) -> None:
        self._defects = defects
        self._track = track
        self._pictures = 0
        self._other = (rng.getrandbits(32), rng.getrandbits(16), rng.getrandbits(32)) if defects.ssrc_turns else None

    def begin_group(self) -> None:
        """Take note that an IDR comes next."""
        track = self._track
        if self._other is not None:
            before = (track.ssrc, track.sequence_number, track.timestamp_base)
            track.ssrc, track.sequence_number, track.timestamp_base = self._other
            self._other = before
        if self._defects.sequence_restart:
            track.sequence_number = 0

    def renumber(self, burst: Burst) -> None:
        """Give the packets of a picture the numbers that the camera's defect makes."""
        counted = self._defects.packet_numbers
        if counted == "packets":
            return
        self._pictures += 1
        for offset, _ in burst.packets:
            at = offset + FRAME_HEADER + 2
            number = int.from_bytes(burst.data[at : at + 2])
            if counted == "swapped":
                number = int.from_bytes(burst.data[at : at + 2], "little")
            elif counted == "shared":
                number = 2 * number
            else:
                number = self._pictures if counted == "pictures" else 0
            burst.data[at : at + 2] = (number & 0xFFFF).to_bytes(2)
