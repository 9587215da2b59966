"""What is told of an output is what its encoder makes."""

import itertools
from typing import Any, get_args

import pytest

from tests.onvif.test_server import NAMES, answered
from tests.support.onvif_world import CONFIG, FakeController, media, serving
from transcoder.codecs.nal import Codec, nal_unit_type
from transcoder.config.stream import VideoConfig
from transcoder.media.encoders import PROFILES, open_encoder
from transcoder.media.picture import GREY, OwnPicture
from transcoder.onvif.gateway_view import coding_profile
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", None)
IDC = {66: "Baseline", 77: "Main", 100: "High"}
"""profile_idc of H.264 annex A, by the names of H264Profile in the ONVIF schema."""
SPS = 7


def test_every_preset_is_looked_at() -> None:
    annotation: Any = VideoConfig.model_fields["preset"].annotation
    named = {each for part in get_args(annotation) for each in get_args(part)}
    assert {*PRESETS} - {None} == named


@pytest.mark.parametrize(("profile", "preset"), [*itertools.product(PROFILES[Codec.H264], PRESETS)])
def test_the_profile_is_that_of_the_sps(profile: str, preset: Any) -> None:
    options = OutputOptions(encoder=EncoderSettings(profile=profile), preset=preset)
    picture = OwnPicture(64, 64)
    picture.fill(GREY)
    encoder = open_encoder(options, OutputFormat(width=64, height=64, frame_rate=10.0))
    units = encoder.encode(picture, None, 0, force_idr=True)
    [sps] = [unit for unit in units if nal_unit_type(Codec.H264, unit) == SPS]
    assert coding_profile(VideoConfig(preset=preset), profile) == IDC[sps[1]]  # H.264 section 7.3.2.1.1: profile_idc


async def test_both_media_services_tell_it() -> None:
    controller = FakeController(CONFIG.replace("fps: 5,", "fps: 5, preset: ultrafast,"))
    async with serving(controller) as server:
        tree = await answered(server, media("GetProfiles"))
        assert [each.text for each in tree.findall(".//tt:H264Profile", NAMES)] == ["High", "Baseline"]
        asked = media(
            "GetVideoEncoderConfigurationOptions", "<t:ConfigurationToken>front.sub.video</t:ConfigurationToken>"
        )
        tree = await answered(server, asked)
        assert {each.text for each in tree.findall(".//tt:H264ProfilesSupported", NAMES)} == {"Baseline"}
        tree = await answered(server, media("GetVideoEncoderConfigurations").replace("ver10", "ver20"))
        told = {each.get("token"): each.get("Profile") for each in tree.iter() if each.get("Profile")}
        assert told == {"front.main.video": "High", "front.sub.video": "Baseline"}
