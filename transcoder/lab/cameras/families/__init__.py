"""Camera families: presets of `CameraBehaviour`, and what each writes into its session description.

A new family is a module with a `BEHAVIOUR`, a function `describe(context) -> list[str]` and `TRACKS`, and a line in
`_SOUND`, `_DEFECTIVE` or `_PICTURES`; the first line of its docstring says what is special about it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.families import (
    amatek,
    axis,
    dahua,
    flir,
    foscam,
    h264dvr,
    hikvision,
    hipcam,
    intelbras,
    longse,
    mjpeg,
    mpeg4,
    reolink,
    tapo,
    tenda,
    tiandy,
    uniview,
    v380,
)
from transcoder.lab.cameras.families.description import DescriptionContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A camera family.

    Attributes:
        behaviour: its switches.
        describe: lines of its SDP, without line ends.
        tracks: control names of its media, by kind.
        summary: what is special about it, one line.
    """

    behaviour: CameraBehaviour
    describe: Callable[[DescriptionContext], list[str]]
    tracks: dict[str, str]
    summary: str


class _Module(Protocol):
    """What a family's module holds."""

    __doc__: str | None
    BEHAVIOUR: CameraBehaviour
    TRACKS: dict[str, str]

    def describe(self, context: DescriptionContext, /) -> list[str]:
        """Lines of the SDP."""


def _family(module: _Module) -> Family:
    return Family(
        behaviour=module.BEHAVIOUR,
        describe=module.describe,
        tracks=module.TRACKS,
        summary=(module.__doc__ or "").partition("\n")[0],
    )


_SOUND: tuple[_Module, ...] = (hikvision, dahua, uniview, h264dvr)
_DEFECTIVE: tuple[_Module, ...] = (
    amatek, axis, flir, foscam, hipcam, intelbras, longse, reolink, tapo, tenda, tiandy, v380,
)  # fmt: skip
_PICTURES: tuple[_Module, ...] = (mjpeg, mpeg4)
"""Their video is no NAL units."""

FAMILIES = {module.BEHAVIOUR.family: _family(module) for module in (*_SOUND, *_DEFECTIVE, *_PICTURES)}
SOUND = tuple(module.BEHAVIOUR.family for module in _SOUND)
"""Families whose packets and clocks are sound: what a mixed fleet is made of."""
