"""This module makes cameras slow, silent and full."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PatienceDefects:
    """Lists the defects that ask for patience.

    Attributes:
        describe_s: DESCRIBE is answered after so many seconds (Axis P1346: 15 to 30 for the whole handshake).
        unanswered: what is never answered: "DESCRIBE" (dead channels of recorders), the SETUP of "audio", or "PLAY",
            behind which packets come all the same.
        first_packet_s: seconds from PLAY to the first packet (recorders, battery cameras: 8).
        silent_connections: the first so many connections that play get no packet (just after power is back).
        full_table_s: every request is answered 403 for so long, from the first one on (a full table of users: Dahua).
    """

    describe_s: float = 0.0
    unanswered: Literal["", "DESCRIBE", "audio", "PLAY"] = ""
    first_packet_s: float = 0.0
    silent_connections: int = 0
    full_table_s: float = 0.0

    def answer_delay_s(self, method: str) -> float:
        """Return by how many seconds the answer to a request is late."""
        return self.describe_s if method == "DESCRIBE" else 0.0

    def is_unanswered(self, method: str, kind: str) -> bool:
        """Return whether a request is never answered.

        Args:
            method: the method of the request.
            kind: the kind of the media that the request names, or "".
        """
        return (self.unanswered == "DESCRIBE" == method) or (self.unanswered == kind == "audio" and method == "SETUP")

    def quiet_s(self, plays: int) -> float:
        """Return the seconds from PLAY to the first packet.

        Args:
            plays: the number of connections that have played before.
        """
        return math.inf if plays < self.silent_connections else self.first_packet_s
