import re
from dataclasses import fields
from operator import attrgetter

import pytest

from transcoder.codecs.nal import Codec
from transcoder.errors import ConfigError
from transcoder.lab.cameras.behaviour import SWITCHES, CameraBehaviour, override
from transcoder.lab.cameras.defects.delivery import DeliveryDefects
from transcoder.lab.cameras.defects.description import DescriptionDefects
from transcoder.lab.cameras.defects.packetization import PacketDefects
from transcoder.lab.cameras.defects.pictures import PictureDefects
from transcoder.lab.cameras.defects.session import SessionDefects
from transcoder.lab.cameras.defects.timing import TimingDefects
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.private_nal import KINDS, PICTURE_KINDS

PLAIN = CameraBehaviour(family="dahua")


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("private_payload_type=112", "private_payload_type", 112),
        ("private_payload_type=", "private_payload_type", None),
        ("video_extension=0x4000", "video_extension", 0x4000),
        ("push_unrequested=true", "delivery.push_unrequested", True),
        ("timestamp_jump_s=-9800", "timing.timestamp_jump_s", -9800.0),
        ("first_idr_after_s=12.5", "pictures.first_idr_after_s", 12.5),
        ("size_change_every_s=", "pictures.size_change_every_s", None),
        ("keep_alive=454", "session.keep_alive", "454"),
        ("multicast=239.255.1.2", "description.multicast", "239.255.1.2"),
        ("fu_empty=true", "packets.fu_empty", True),
        ("marker=none", "marker", "none"),
        ("idr_nal_units=sei_229,filler", "idr_nal_units", ("sei_229", "filler")),
        ("idr_nal_units=", "idr_nal_units", ()),
        ("realm=Login to {canary}", "realm", "Login to {canary}"),
        ("codec=h265", "codec", Codec.H265),
    ],
)
def test_override(setting: str, name: str, value: object) -> None:
    assert attrgetter(name)(override(PLAIN, [setting])) == value


def test_switches_of_one_part_and_of_the_preset_stay() -> None:
    preset = FAMILIES["hipcam"].behaviour
    changed = override(preset, ["digest_qop=true", "interleaved=none", "udp_loss=0.5"])
    assert changed.session.keep_alive == "ignored"
    assert (changed.session.digest_qop, changed.session.interleaved, changed.delivery.udp_loss) == (True, "none", 0.5)
    assert changed.packets == preset.packets


def test_every_defect_names_who_does_it() -> None:
    """Each switch of a part has a line in its docstring."""
    for part in (DeliveryDefects, DescriptionDefects, PacketDefects, PictureDefects, SessionDefects, TimingDefects):
        told = set(re.findall(r"^ {4,8}(\w+): ", part.__doc__ or "", re.MULTILINE))
        assert told == {field.name for field in fields(part)} <= SWITCHES


def test_every_problem_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        override(PLAIN, ["nonsense=1", "marker=first", "rtcp=yes", "max_payload=many", "family=uniview"])
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "nonsense",
        "marker",
        "rtcp",
        "max_payload",
        "family",
    ]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_presets_are_consistent(name: str) -> None:
    behaviour = FAMILIES[name].behaviour
    assert behaviour.family == name
    kinds = set(KINDS if isinstance(behaviour.codec, Codec) else PICTURE_KINDS[behaviour.codec])
    assert set(behaviour.idr_nal_units + behaviour.picture_nal_units) <= kinds
