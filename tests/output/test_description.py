"""How parameter sets change what readers are told."""

from tests.support.outputs import PPS, SPS, SPS_640, SPS_LEVEL_5
from transcoder.codecs.nal import Codec
from transcoder.output.description import Change, Description

BEGIN = (SPS, PPS)


def taken(*sets: tuple[bytes, ...]) -> list[Change]:
    description = Description(1)
    return [description.take(Codec.H264, each) for each in sets]


def test_the_first_parameter_sets_are_news_and_no_change_of_size() -> None:
    assert taken(BEGIN, BEGIN, ()) == [Change.COMPATIBLE, Change.NONE, Change.NONE]


def test_parameter_sets_of_the_same_size_are_compatible() -> None:
    assert taken(BEGIN, (SPS_LEVEL_5, PPS), BEGIN) == [Change.COMPATIBLE] * 3


def test_another_size() -> None:
    assert taken(BEGIN, (SPS_640, PPS), (SPS_640, PPS)) == [Change.COMPATIBLE, Change.SIZE, Change.NONE]


def test_what_was_forgotten_is_not_compared_with() -> None:
    description = Description(1)
    assert not description.forget()
    description.take(Codec.H264, BEGIN)
    assert description.forget()
    assert not description.is_known
    assert description.take(Codec.H264, (SPS_640, PPS)) is Change.COMPATIBLE
