"""This room holds the camera families: each has a preset of `CameraBehaviour` and writes a session description.

A new family is a module with a `BEHAVIOUR`, a function `describe(context) -> list[str]` and `TRACKS`, and a line in
`_SOUND`, `_DEFECTIVE` or `_PICTURES`; the first line of the module's docstring names the peculiarities of the family.
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
    """Describes a camera family.

    Attributes:
        behaviour: the switches of the family.
        describe: the function that returns the lines of the SDP, without line ends.
        tracks: control names of the media, by kind.
        summary: the peculiarities of the family, one line.
    """

    behaviour: CameraBehaviour
    describe: Callable[[DescriptionContext], list[str]]
    tracks: dict[str, str]
    summary: str


class _Module(Protocol):
    """Stands for the module of a family."""

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
"""Families whose video does not consist of NAL units."""

FAMILIES = {module.BEHAVIOUR.family: _family(module) for module in (*_SOUND, *_DEFECTIVE, *_PICTURES)}
SOUND = tuple(module.BEHAVIOUR.family for module in _SOUND)
"""Names of the families whose packets and clocks are sound; a mixed fleet is made of them."""
