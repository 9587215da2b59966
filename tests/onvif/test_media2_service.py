"""The second media service has every profile, those of H.265 too, and takes its configurations back."""

import pytest

from tests.onvif.test_server import NAMES, answered, ask, codes, token
from tests.support.onvif_world import FakeController, envelope, serving
from transcoder.onvif import namespaces

pytestmark = pytest.mark.xdist_group("discovery")  # the devices of all tests answer questions to one group


def media2(operation: str, inner: str = "") -> str:
    return f'<t:{operation} xmlns:t="{namespaces.MEDIA2}">{inner}</t:{operation}>'


async def test_profiles_hold_the_parts_that_are_asked_for() -> None:
    async with serving(FakeController()) as server:
        bare = await answered(server, media2("GetProfiles"), "back")
        (profile,) = bare.findall(".//tr2:Profiles", NAMES)
        assert (profile.get("token"), profile.find("tr2:Configurations", NAMES)) == ("back.main", None)
        whole = await answered(server, media2("GetProfiles", "<t:Type>All</t:Type>"), "back")
        parts = whole.find(".//tr2:Configurations", NAMES)
        assert parts is not None
        assert [each.tag.rpartition("}")[2] for each in parts] == [
            "VideoSource", "AudioSource", "VideoEncoder", "AudioEncoder",
        ]  # fmt: skip
        assert parts.findtext("tr2:VideoEncoder/tt:Encoding", "", NAMES) == "H265"
        assert parts.findtext("tr2:AudioEncoder/tt:Encoding", "", NAMES) == "MPEG4-GENERIC"
        some = await answered(
            server, media2("GetProfiles", "<t:Token>front.sub</t:Token><t:Type>VideoEncoder</t:Type>")
        )
        (encoder,) = some.findall(".//tr2:VideoEncoder", NAMES)
        assert (encoder.get("GovLength"), encoder.get("Profile")) == ("5", "High")


@pytest.mark.parametrize(
    ("protocol", "uri"),
    [
        ("RTSP", "rtsp://127.0.0.1:8554/front"),
        ("RtspUnicast", "rtsp://127.0.0.1:8554/front"),
        ("RtspOverHttp", "http://127.0.0.1:8554/front"),
        ("RtspsUnicast", "rtsps://127.0.0.1:8322/front"),
        ("RtspMulticast", "ter:InvalidStreamSetup"),
    ],
)
async def test_a_stream_is_found_by_each_protocol(protocol: str, uri: str) -> None:
    asked = media2("GetStreamUri", f"<t:Protocol>{protocol}</t:Protocol><t:ProfileToken>front.main</t:ProfileToken>")
    async with serving(FakeController()) as server:
        _, tree, _ = await ask(server, envelope(asked, token()))
        assert tree.findtext(".//tr2:Uri", codes(tree)[-1] if codes(tree) else "", NAMES) == uri


async def test_a_configuration_that_is_sent_back_changes_what_differs() -> None:
    controller = FakeController()

    def configuration(bitrate: int, gov: int, encoding: str = "H264") -> str:
        return media2(
            "SetVideoEncoderConfiguration",
            f'<t:Configuration xmlns:x="{namespaces.SCHEMA}" token="front.sub.video" GovLength="{gov}" Profile="High">'
            f"<x:Encoding>{encoding}</x:Encoding><x:RateControl><x:FrameRateLimit>5</x:FrameRateLimit>"
            f"<x:BitrateLimit>{bitrate}</x:BitrateLimit></x:RateControl></t:Configuration>",
        )

    async with serving(controller) as server:
        await answered(server, configuration(300, 5))
        await answered(server, configuration(500, 10))
        status, tree, _ = await ask(server, envelope(configuration(500, 10, "H265"), token()))
        assert (status, codes(tree)[-1]) == (400, "ter:ConfigModify")
    assert controller.done == [
        ("update", "front", {"renditions": {"sub": {"bitrate_kbps": 500, "gop_s": 2.0}}}, "onvif:vms")
    ]


async def test_options_and_instances_are_those_of_the_encoder() -> None:
    async with serving(FakeController()) as server:
        asked = media2(
            "GetVideoEncoderConfigurationOptions", "<t:ConfigurationToken>front.main.video</t:ConfigurationToken>"
        )
        (options,) = (await answered(server, asked)).findall(".//tr2:Options", NAMES)
        assert options.get("GovLengthRange") == "2 100"  # 0.2 to 10 seconds of ten pictures
        assert options.get("FrameRatesSupported") == "1 2 5 7 10"
        asked = media2("GetVideoEncoderInstances", "<t:ConfigurationToken>front.view</t:ConfigurationToken>")
        assert (await answered(server, asked)).findtext(".//tr2:Total", "", NAMES) == "2"
