"""What our own engine sends is decoded where that is asked for, and an engine that errs is noticed at once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support.own_p_pictures import KBPS, Player, encoder, scene
from transcoder.media.encoders.motion import MotionEncoder, MotionSettings
from transcoder.media.encoders.sent_pictures import CHECK_VARIABLE
from transcoder.worker_options import Fallback, OutputFormat
from transcoder_native.h264.engine import Engine

SIZE = 320, 242  # no multiple of 16: what is cut off is not compared
FIRST_WRONG = 3


def break_engine(made: MotionEncoder, alter: Callable[[Engine, bytes], bytes]) -> None:
    """Have the engine err in the picture FIRST_WRONG."""
    write, written = made._engine.write, []

    def broken(cabac_init_idc: int) -> bytes | None:
        data = write(cabac_init_idc)
        written.append(data)
        return data if data is None or len(written) != FIRST_WRONG else alter(made._engine, data)

    made._engine.write = broken


def believes_a_sample(engine: Engine, data: bytes) -> bytes:
    engine.reference.luma[241, 319] ^= 1
    return data


def believes_a_colour(engine: Engine, data: bytes) -> bytes:
    engine.reference.cr[0, 0] ^= 1
    return data


def sends_another_bit(engine: Engine, data: bytes) -> bytes:
    del engine
    return data[:40] + bytes([data[40] ^ 1]) + data[41:]


def sends_half(engine: Engine, data: bytes) -> bytes:
    del engine
    return data[: len(data) // 2]


@pytest.mark.parametrize("alter", [believes_a_sample, believes_a_colour, sends_another_bit, sends_half])
def test_an_engine_that_errs_is_left_for_x264_before_anything_wrong_is_sent(alter: Any) -> None:
    made = encoder(*SIZE, 26)
    made.check()
    break_engine(made, alter)
    pictures, player = scene(*SIZE, 3, 4), Player()
    kinds, fallbacks = [], []
    for number in range(6):
        picture = next(pictures)
        source = picture.planes[0]
        units = made.encode(picture, None, 3600 * number, force_idr=number == 0)
        kinds.append([unit[0] & 0x1F for unit in units])
        fallbacks.append(made.fallback)
        shown = player.planes(units, [source[:, : SIZE[0]], *(plane[:, :160] for plane in picture.planes[1:])])
        assert np.abs(shown[0].astype(int) - source[:, : SIZE[0]]).mean() < 6
    assert kinds == [[7, 8, 8, 5], [1], [1], [7, 8, 5], [1], [1]]
    assert fallbacks == [None] * 3 + [Fallback.DIFFERENCE] * 3


def test_a_right_engine_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = []
    for value in ("", "1"):
        monkeypatch.setenv(CHECK_VARIABLE, value)
        output = OutputFormat(width=SIZE[0], height=SIZE[1], frame_rate=25)
        made = MotionSettings(preset="superfast", crf=26, subme=0).open(output, KBPS)
        pictures = scene(*SIZE, 5, 8)
        # a group of ours, then one of x264's: much of it moves
        streams.append(
            [made.encode(next(pictures), None, 3600 * number, force_idr=number % 5 == 0) for number in range(12)]
        )
        assert isinstance(made, MotionEncoder)
        assert made.fallback is None
        assert (made._sent is not None) == bool(value)
    assert streams[0] == streams[1]
