"""The encoder: settings that are understood, a bitrate that is capped, nothing that it signs with."""

import numpy as np
import pytest

from tests.support.coded_video import decode, headers
from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.errors import MediaError
from transcoder.media.encoders import PROFILES, open_encoder
from transcoder.media.encoders.ffmpeg import RateFactorSettings
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import OutputFormat, OutputOptions

BOTH = pytest.mark.parametrize("codec", list(Codec), ids=lambda codec: codec.value)
FORMAT = OutputFormat(width=160, height=120, frame_rate=25.0)


def noisy(seed: int) -> OwnPicture:
    picture = OwnPicture(160, 120)
    rng = np.random.default_rng(seed)
    for samples in picture.planes:
        samples[:] = rng.integers(16, 236, samples.shape, np.uint8)
    return picture


@BOTH
def test_an_option_that_is_not_understood_is_an_error(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = PROFILES[codec]["balanced"]
    assert isinstance(settings, RateFactorSettings)
    known = settings.ffmpeg_options(4000)
    monkeypatch.setattr(type(settings), "ffmpeg_options", lambda self, cap: {**known, "no_such_option": "1"})
    with pytest.raises(MediaError, match="no_such_option"):
        open_encoder(OutputOptions(codec=codec), FORMAT)


@BOTH
def test_a_setting_that_is_refused_is_an_error(codec: Codec) -> None:
    with pytest.raises(MediaError):
        open_encoder(OutputOptions(codec=codec, preset="no such preset"), FORMAT)


@BOTH
@pytest.mark.parametrize("preset", [None, "ultrafast", "veryfast", "medium"])
def test_a_picture_comes_out_as_soon_as_it_went_in(codec: Codec, preset: str | None) -> None:
    encoder = open_encoder(OutputOptions(codec=codec, preset=preset), FORMAT)
    for index in range(8):
        assert encoder.encode(noisy(index), None, index * 3600, force_idr=index == 0)


@BOTH
def test_the_bitrate_is_capped(codec: Codec) -> None:
    """Noise has no end of bits: 3 s of it stay within the cap and one buffer of 1 s."""
    encoder = open_encoder(OutputOptions(codec=codec, bitrate_kbps=1000), FORMAT)
    size = 0
    for index in range(75):
        size += sum(map(len, encoder.encode(noisy(index), None, index * 3600, force_idr=index % 25 == 0)))
    assert 1000 * 3 * 0.3 < size * 8 / 1000 < 1000 * (3 + 1) * 1.1


@pytest.mark.process
@BOTH
@pytest.mark.parametrize("matrix", [1, 6])
def test_the_matrix_is_announced(codec: Codec, matrix: int, tmp_path) -> None:
    output = OutputFormat(width=160, height=120, frame_rate=25.0, matrix=matrix)
    units = open_encoder(OutputOptions(codec=codec), output).encode(noisy(1), None, 0, force_idr=True)
    found = headers(codec.value, join_byte_stream(units), tmp_path)
    assert found.get("matrix_coefficients", found.get("matrix_coeffs")) == matrix
    assert found["video_full_range_flag"] == 0


@BOTH
def test_gaps_in_time_and_pictures_that_are_too_near(codec: Codec) -> None:
    encoder = open_encoder(OutputOptions(codec=codec), FORMAT)
    units: list[bytes] = []
    for pts in (0, 1, 2, 3600, 90_000 * 3600, 90_000 * 3600 + 1):
        units.append(join_byte_stream(encoder.encode(noisy(pts % 97), None, pts, force_idr=not units)))
    assert len(decode(codec.value, units)) == 6
