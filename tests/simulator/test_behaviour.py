import pytest

from transcoder.codecs.nal import Codec
from transcoder.errors import ConfigError
from transcoder.simulator.behaviour import CameraBehaviour, override
from transcoder.simulator.cameras import FAMILIES
from transcoder.simulator.private_nal import KINDS

PLAIN = CameraBehaviour(family="dahua")


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("private_payload_type=112", "private_payload_type", 112),
        ("private_payload_type=", "private_payload_type", None),
        ("video_extension=0x4000", "video_extension", 0x4000),
        ("push_unrequested=true", "push_unrequested", True),
        ("marker=none", "marker", "none"),
        ("idr_nal_units=sei_229,filler", "idr_nal_units", ("sei_229", "filler")),
        ("idr_nal_units=", "idr_nal_units", ()),
        ("realm=Login to {canary}", "realm", "Login to {canary}"),
        ("codec=h265", "codec", Codec.H265),
    ],
)
def test_override(setting: str, name: str, value: object) -> None:
    assert getattr(override(PLAIN, [setting]), name) == value


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
    assert set(behaviour.idr_nal_units + behaviour.picture_nal_units) <= set(KINDS)
