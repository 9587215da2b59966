"""The encoder's profiles and what overrides them, as x264 and x265 see them."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.media.encoders import PROFILES, open_encoder, settings_of
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions, WorkerOptions

H264, H265 = Codec.H264, Codec.H265


def _options(options: OutputOptions) -> dict[str, str]:
    return settings_of(options).ffmpeg_options(options.bitrate_kbps)


def _parameters(options: OutputOptions) -> dict[str, str]:
    """The encoder's own parameters; of one that is named twice it takes the last."""
    name = "x264-params" if options.codec is H264 else "x265-params"
    return dict(item.split("=", 1) for item in _options(options)[name].split(":"))


@pytest.mark.parametrize("codec", [H264, H265])
@pytest.mark.parametrize("profile", ["economy", "balanced", "quality"])
def test_a_picture_comes_out_as_it_goes_in(codec, profile):
    options = OutputOptions(codec=codec, encoder=EncoderSettings(profile=profile))
    encoder = open_encoder(options, OutputFormat(width=320, height=192, frame_rate=25))
    picture = OwnPicture(320, 192)
    for index in range(5):
        picture.fill((60 + 20 * index, 128, 128))
        assert encoder.encode(picture, None, index * 3600, force_idr=index == 0)


@pytest.mark.parametrize("codec", [H264, H265])
def test_every_value_is_overridden(codec):
    settings = EncoderSettings(crf=31.5, aq_mode=2, aq_strength=0.7, ipratio=1.3, subme=1, buffer_s=0.5)
    options = OutputOptions(codec=codec, bitrate_kbps=1000, preset="medium", encoder=settings)
    made, parameters = _options(options), _parameters(options)
    assert (made["preset"], made["crf"]) == ("medium", "31.5")
    assert (parameters["aq-mode"], parameters["aq-strength"], parameters["ipratio"]) == ("2", "0.7", "1.3")
    assert parameters["subme"] == "1"
    buffer = made["bufsize"] if codec is H264 else parameters["vbv-bufsize"]
    assert buffer.rstrip("k") == "500"
    assert open_encoder(options, OutputFormat(width=320, height=192, frame_rate=25))


def test_zero_is_a_value():
    parameters = _parameters(OutputOptions(encoder=EncoderSettings(profile="quality", aq_mode=0, subme=0)))
    assert (parameters["aq-mode"], parameters["subme"]) == ("0", "0")
    assert _options(OutputOptions(encoder=EncoderSettings(crf=0.0)))["crf"] == "0"


def test_the_default_is_balanced():
    assert _options(OutputOptions()) == _options(OutputOptions(encoder=EncoderSettings(profile="balanced")))


def test_a_profile_that_is_none():
    with pytest.raises(MediaError, match="no encoder profile fastest"):
        _options(OutputOptions(encoder=EncoderSettings(profile="fastest")))


def test_settings_cross_the_socket():
    settings = EncoderSettings(profile="economy", crf=30.0, aq_mode=1)
    options = WorkerOptions(outputs=(OutputOptions(encoder=settings),))
    assert WorkerOptions.from_json(options.to_json()) == options


def test_both_codecs_have_the_same_profiles():
    assert set(PROFILES[H264]) == set(PROFILES[H265]) == {"economy", "balanced", "quality"}


def test_another_preset_brings_its_own_motion_estimation() -> None:
    assert _parameters(OutputOptions())["subme"] == "0"
    assert "subme" not in _parameters(OutputOptions(preset="slow"))
    assert _parameters(OutputOptions(preset="slow", encoder=EncoderSettings(subme=3)))["subme"] == "3"
