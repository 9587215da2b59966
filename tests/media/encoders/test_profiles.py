"""The encoder's profiles and what overrides them, as x264 and x265 see them."""

from dataclasses import asdict, fields

import pytest

from transcoder.codecs.nal import Codec
from transcoder.errors import MediaError
from transcoder.media.encoders import PROFILES, needs_threads, open_encoder, settings_of
from transcoder.media.encoders.ffmpeg import RateFactorSettings
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions, WorkerOptions

H264, H265 = Codec.H264, Codec.H265


def _options(options: OutputOptions) -> dict[str, str]:
    settings = settings_of(options)
    assert isinstance(settings, RateFactorSettings)
    return settings.ffmpeg_options(options.bitrate_kbps)


def _parameters(options: OutputOptions) -> dict[str, str]:
    """The encoder's own parameters; of one that is named twice it takes the last."""
    name = "x264-params" if options.codec is H264 else "x265-params"
    return dict(item.split("=", 1) for item in _options(options)[name].split(":"))


@pytest.mark.parametrize("codec", [H264, H265])
@pytest.mark.parametrize("profile", ["economy", "balanced", "quality", "motion"])
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
    assert set(PROFILES[H264]) == set(PROFILES[H265]) == {"economy", "balanced", "quality", "motion"}


def test_another_preset_brings_its_own_motion_estimation() -> None:
    assert _parameters(OutputOptions())["subme"] == "0"
    assert "subme" not in _parameters(OutputOptions(preset="slow"))
    assert _parameters(OutputOptions(preset="slow", encoder=EncoderSettings(subme=3)))["subme"] == "3"


def test_a_profile_says_which_encoder_its_settings_are_for() -> None:
    for codec, profiles in PROFILES.items():
        assert {settings.codec for settings in profiles.values()} == {codec}


@pytest.mark.parametrize("codec", [H264, H265])
def test_a_setting_that_the_encoder_does_not_have(codec: Codec) -> None:
    with pytest.raises(MediaError, match="no setting lookahead, speed"):
        PROFILES[codec]["balanced"].overridden({"speed": 8, "crf": 20.0, "lookahead": 3})


def test_what_the_configuration_does_not_say_is_no_override() -> None:
    assert EncoderSettings(profile="quality").overrides() == {}
    assert EncoderSettings(crf=0.0, aq_mode=0).overrides() == {"crf": 0.0, "aq_mode": 0}


def test_every_encoder_knows_all_that_a_configuration_can_override() -> None:
    everything = EncoderSettings(crf=30.0, aq_mode=1, aq_strength=0.5, ipratio=1.2, subme=2, buffer_s=2.0).overrides()
    assert set(everything) == {field.name for field in fields(EncoderSettings)} - {"profile"}
    for profiles in PROFILES.values():
        for settings in profiles.values():
            assert isinstance(settings, RateFactorSettings)
            made = settings.overridden(everything | {"preset": "medium"})
            assert asdict(made) == asdict(settings) | everything | {"preset": "medium"}


@pytest.mark.parametrize(
    ("codecs", "expected"), [([H264], False), ([H264, H264], False), ([H265], True), ([H264, H265], True)]
)
def test_threads_are_needed_by_h265_alone(codecs: list[Codec], expected: bool) -> None:
    assert needs_threads(OutputOptions(codec=codec) for codec in codecs) is expected
    nobody = EncoderSettings(profile="fastest")
    assert not needs_threads(OutputOptions(codec=codec, encoder=nobody) for codec in codecs)
