"""Camera families: presets of `CameraBehaviour`, and what each writes into its session description.

A new family is a module with a `BEHAVIOUR` and a function `describe(context) -> list[str]`, and a line in `FAMILIES`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from transcoder.simulator.behaviour import CameraBehaviour
from transcoder.simulator.cameras import dahua, h264dvr, hikvision, uniview
from transcoder.simulator.cameras.description import DescriptionContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A camera family.

    Attributes:
        behaviour: its switches.
        describe: lines of its SDP, without line ends.
        tracks: control names of its media, by kind.
    """

    behaviour: CameraBehaviour
    describe: Callable[[DescriptionContext], list[str]]
    tracks: dict[str, str]


FAMILIES = {
    "hikvision": Family(behaviour=hikvision.BEHAVIOUR, describe=hikvision.describe, tracks=hikvision.TRACKS),
    "dahua": Family(behaviour=dahua.BEHAVIOUR, describe=dahua.describe, tracks=dahua.TRACKS),
    "uniview": Family(behaviour=uniview.BEHAVIOUR, describe=uniview.describe, tracks=uniview.TRACKS),
    "h264dvr": Family(behaviour=h264dvr.BEHAVIOUR, describe=h264dvr.describe, tracks=h264dvr.TRACKS),
}
