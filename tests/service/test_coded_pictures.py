"""Pictures of our encoders pass whatever their settings; what is no such picture does not."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from transcoder.codecs.nal import Codec, nal_unit_type
from transcoder.ipc.messages import CodedMessage
from transcoder.media.encoders import PROFILES, open_encoder
from transcoder.media.picture import OwnPicture
from transcoder.service.coded_pictures import CodedPictures
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
OVERRIDES: tuple[dict[str, Any], ...] = (
    {"crf": 0.0}, {"crf": 51.0}, {"aq_mode": 3, "aq_strength": 3.0}, {"subme": 7}, {"subme": 0}, {"ipratio": 1.0},
    {"buffer_s": 0.2}, *({"profile": name} for name in PROFILES[Codec.H264]),
)  # fmt: skip


def message(codec: Codec, units: list[bytes]) -> CodedMessage:
    return CodedMessage(
        output_number=0, codec=codec, flags=0, pts=0, arrival=0, decode_s=0, stages_s=0, encode_s=0, nal_units=units
    )


def noise(width: int, height: int, seed: int) -> OwnPicture:
    picture, random = OwnPicture(width, height), np.random.default_rng(seed)
    for plane in picture.planes:
        plane[:] = random.integers(0, 256, plane.shape, dtype=np.uint8)
    return picture


def encoded(
    options: OutputOptions, size: tuple[int, int], count: int, *, idr_every: int, rate: float = 12.5, matrix: int = 2
) -> Iterator[list[bytes]]:
    """Encode noise, the hardest picture there is."""
    encoder = open_encoder(options, OutputFormat(width=size[0], height=size[1], frame_rate=rate, matrix=matrix))
    for index in range(count):
        pts = round(index * 90_000 / rate)
        yield encoder.encode(noise(*size, index), None, pts, force_idr=index % idr_every == 0)


@cache
def pictures(codec: Codec) -> tuple[list[bytes], ...]:
    return tuple(encoded(OutputOptions(codec=codec, bitrate_kbps=300), (128, 96), 4, idr_every=2))


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("size", [(64, 48), (96, 96), (638, 358), (854, 480)])
@pytest.mark.parametrize(("cap", "rate", "matrix"), [(64, 1.5, 1), (100_000, 240.0, 6), (4000, 29.97, 5)])
def test_pictures_of_every_size_and_cap_pass(
    codec: Codec, size: tuple[int, int], cap: int, rate: float, matrix: int
) -> None:
    known = CodedPictures(codec)
    for units in encoded(OutputOptions(codec=codec, bitrate_kbps=cap), size, 3, idr_every=2, rate=rate, matrix=matrix):
        assert known.types(message(codec, units)) == [nal_unit_type(codec, unit) for unit in units]
    assert known.size == size


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("preset", PRESETS)
def test_pictures_of_every_preset_pass(codec: Codec, preset: str) -> None:
    known = CodedPictures(codec)
    for units in encoded(OutputOptions(codec=codec, bitrate_kbps=300, preset=preset), (64, 48), 20, idr_every=18):
        assert known.types(message(codec, units)) is not None


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("overrides", OVERRIDES, ids=str)
def test_pictures_of_every_setting_pass(codec: Codec, overrides: dict[str, Any]) -> None:
    known = CodedPictures(codec)
    options = OutputOptions(codec=codec, bitrate_kbps=300, encoder=EncoderSettings(**overrides))
    for units in encoded(options, (64, 48), 20, idr_every=18):
        assert known.types(message(codec, units)) is not None


@pytest.mark.parametrize("codec", list(Codec))
def test_what_our_encoder_does_not_make_next_is_refused(codec: Codec) -> None:
    idr, other, later, _ = pictures(codec)
    wrong = {
        "a slice before its parameter sets": [other],
        "a slice alone that needs its sets": [idr[-1:]],
        "sets alone": [idr[:-1]],
        "two pictures in one": [idr + other],
        "a picture twice": [idr, other, other],
        "sets in another order": [[*idr[1::-1], *idr[2:]]],
        "another codec": [],
    }
    for name, said in wrong.items():
        known = CodedPictures(codec)
        answers = [known.types(message(codec, units)) for units in said]
        assert answers == [] or answers[-1] is None, name
    known = CodedPictures(codec)
    assert known.types(replace(message(codec, idr), codec=next(each for each in Codec if each is not codec))) is None
    assert [known.types(message(codec, units)) is not None for units in (idr, other, later)] == [True] * 3
