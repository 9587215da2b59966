"""The media service, version 2: the same profiles, those of H.265 among them.

Source: ONVIF Media 2 Service Specification, ver20/media/wsdl/media.wsdl.
"""

from collections.abc import Callable, Iterable
from typing import Final

from transcoder.onvif.device import Audio, Channel, Profile
from transcoder.onvif.device_service import service_capabilities
from transcoder.onvif.encoder_changes import Wanted, change_of
from transcoder.onvif.faults import Fault, no_config
from transcoder.onvif.markup import Markup, element
from transcoder.onvif.media_words import (
    MAX_KBPS,
    MIN_KBPS,
    QUALITY,
    audio_source,
    gov_range,
    multicast,
    range_of,
    resolution,
    video_source,
    video_source_options,
)
from transcoder.onvif.namespaces import MEDIA2
from transcoder.onvif.stream_uris import snapshot_uri, stream_uri
from transcoder.onvif.visit import ForceIdr, Operations, Outcome, Visit

_ENCODING: Final = {"h264": "H264", "h265": "H265"}
_SOUND: Final = {"aac": "MPEG4-GENERIC", "pcma": "PCMA", "pcmu": "PCMU"}
"""Codecs of sound by the names that IANA has for them, as this version says them."""


def _rate(fps: float) -> float:
    return round(fps, 2)


def _video_encoder(profile: Profile, name: str) -> Markup:
    return element(
        name,
        element("tt:Name", profile.encoder_token),
        element("tt:UseCount", 1),
        element("tt:Encoding", _ENCODING[profile.codec]),
        resolution(profile),
        element(
            "tt:RateControl",
            element("tt:FrameRateLimit", _rate(profile.fps)),
            element("tt:BitrateLimit", profile.bitrate_kbps),
            attributes={"ConstantBitRate": False},
        ),
        multicast(profile) if profile.multicast is not None else None,
        element("tt:Quality", QUALITY),
        attributes={
            "token": profile.encoder_token,
            "GovLength": profile.gov_length,
            "Profile": profile.coding,
        },
    )


def _audio_encoder(profile: Profile, audio: Audio, name: str) -> Markup:
    return element(
        name,
        element("tt:Name", profile.audio_token),
        element("tt:UseCount", 1),
        element("tt:Encoding", _SOUND[audio.codec]),
        element("tt:Bitrate", audio.bitrate_kbps),
        element("tt:SampleRate", audio.sample_rate // 1000),
        attributes={"token": profile.audio_token},
    )


def _profile(channel: Channel, profile: Profile, wanted: set[str]) -> Markup:
    audio = profile.audio
    parts: dict[str, Callable[[], Markup]] = {"VideoSource": lambda: video_source(channel, "tr2:VideoSource")}
    if audio is not None:
        parts["AudioSource"] = lambda: audio_source(channel, "tr2:AudioSource")
    parts["VideoEncoder"] = lambda: _video_encoder(profile, "tr2:VideoEncoder")
    if audio is not None:
        parts["AudioEncoder"] = lambda: _audio_encoder(profile, audio, "tr2:AudioEncoder")
    told = [make() for name, make in parts.items() if wanted & {"All", name}]
    return element(
        "tr2:Profiles",
        element("tr2:Name", profile.token),
        element("tr2:Configurations", *told) if told else None,
        attributes={"token": profile.token, "fixed": True},
    )


def _get_profiles(visit: Visit) -> Outcome:
    wanted = {each.text or "" for each in visit.operation if each.tag.endswith("}Type")}
    token = visit.text("Token")
    pairs = [pair for pair in visit.device.profiles() if token in {"", pair[1].token}]
    if token and not pairs:
        raise Fault("there is no such profile", "ter:InvalidArgVal", "ter:NoProfile")
    return element("tr2:GetProfilesResponse", *(_profile(*pair, wanted) for pair in pairs))


def _refused(_: Visit) -> Outcome:
    raise Fault("profiles are made in the configuration of the gateway", "ter:Action", "ter:MaxNVTProfiles")


def _fixed(_: Visit) -> Outcome:
    raise Fault("profiles are fixed", "ter:Action", "ter:DeletionOfFixedProfile")


def _wanted_channels(visit: Visit) -> Iterable[Channel]:
    """Return the channels of the configuration or the profile that a request names; all where it names none."""
    token, profile = visit.text("ConfigurationToken"), visit.text("ProfileToken")
    if profile:
        return [visit.profile()[0]]
    found = [each for each in visit.device.channels if token in {"", each.view_token, each.hearing_token}]
    if token and not found:
        raise no_config()
    return found


def _wanted_profiles(visit: Visit) -> list[Profile]:
    token, profile = visit.text("ConfigurationToken"), visit.text("ProfileToken")
    if token:
        return [visit.encoder(token)]
    if profile:
        return [visit.profile()[1]]
    return [each for _, each in visit.device.profiles()]


def _get_video_source_configurations(visit: Visit) -> Outcome:
    return element(
        "tr2:GetVideoSourceConfigurationsResponse",
        *(video_source(channel, "tr2:Configurations") for channel in _wanted_channels(visit)),
    )


def _get_video_source_configuration_options(visit: Visit) -> Outcome:
    found = next(iter(_wanted_channels(visit)), None)
    if found is None:
        raise no_config()
    return element("tr2:GetVideoSourceConfigurationOptionsResponse", video_source_options(found, "tr2:Options"))


def _get_audio_source_configurations(visit: Visit) -> Outcome:
    return element(
        "tr2:GetAudioSourceConfigurationsResponse",
        *(audio_source(channel, "tr2:Configurations") for channel in _wanted_channels(visit) if channel.has_audio),
    )


def _get_video_encoder_configurations(visit: Visit) -> Outcome:
    return element(
        "tr2:GetVideoEncoderConfigurationsResponse",
        *(_video_encoder(profile, "tr2:Configurations") for profile in _wanted_profiles(visit)),
    )


def _get_audio_encoder_configurations(visit: Visit) -> Outcome:
    pairs = ((profile, profile.audio) for _, profile in visit.device.profiles())
    return element(
        "tr2:GetAudioEncoderConfigurationsResponse",
        *(_audio_encoder(profile, audio, "tr2:Configurations") for profile, audio in pairs if audio is not None),
    )


def _options(profile: Profile) -> Markup:
    least, most = gov_range(profile)
    return element(
        "tr2:Options",
        element("tt:Encoding", _ENCODING[profile.codec]),
        range_of("tt:QualityRange", QUALITY, QUALITY),
        resolution(profile, "tt:ResolutionsAvailable"),
        range_of("tt:BitrateRange", MIN_KBPS, MAX_KBPS),
        attributes={
            "GovLengthRange": f"{least} {most}",
            "FrameRatesSupported": " ".join(f"{rate:g}" for rate in _rates(profile)),
            "ProfilesSupported": profile.coding,
            "ConstantBitRateSupported": False,
        },
    )


def _rates(profile: Profile) -> list[float]:
    """Return the frame rates that may be asked for: the present one, and whole ones below it."""
    return sorted(
        {_rate(profile.fps), *(float(each) for each in (1, 2, 5, 7, 10, 12, 15, 20, 25) if each < profile.fps)}
    )


def _get_video_encoder_configuration_options(visit: Visit) -> Outcome:
    return element(
        "tr2:GetVideoEncoderConfigurationOptionsResponse", *(_options(profile) for profile in _wanted_profiles(visit))
    )


def _set_video_encoder_configuration(visit: Visit) -> Outcome:
    visit.require_control()
    given = next((each for each in visit.operation if each.tag.endswith("}Configuration")), None)
    if given is None:
        raise no_config()
    wanted = Wanted(
        encoding=visit.text("Configuration", "Encoding"),
        width=visit.text("Configuration", "Resolution", "Width"),
        height=visit.text("Configuration", "Resolution", "Height"),
        fps=visit.text("Configuration", "RateControl", "FrameRateLimit"),
        bitrate_kbps=visit.text("Configuration", "RateControl", "BitrateLimit"),
        gov_length=given.get("GovLength", "")[:16],
    )
    profile = visit.encoder(given.get("token", ""))
    answer = element("tr2:SetVideoEncoderConfigurationResponse")
    return change_of(profile, wanted, _rate(profile.fps), answer)


def _get_video_encoder_instances(visit: Visit) -> Outcome:
    found = next((each for each in visit.device.channels if each.view_token == visit.text("ConfigurationToken")), None)
    if found is None:
        raise no_config()
    codecs = [profile.codec for profile in found.profiles]
    told = (
        element("tr2:Codec", element("tr2:Encoding", _ENCODING[codec]), element("tr2:Number", codecs.count(codec)))
        for codec in dict.fromkeys(codecs)
    )
    info = element("tr2:Info", *told, element("tr2:Total", len(codecs)))
    return element("tr2:GetVideoEncoderInstancesResponse", info)


def _get_stream_uri(visit: Visit) -> Outcome:
    _, profile = visit.profile()
    uri = stream_uri(profile, visit.place, visit.text("Protocol"))
    return element("tr2:GetStreamUriResponse", element("tr2:Uri", uri))


def _get_snapshot_uri(visit: Visit) -> Outcome:
    _, profile = visit.profile()
    return element("tr2:GetSnapshotUriResponse", element("tr2:Uri", snapshot_uri(profile, visit.place)))


def _set_synchronization_point(visit: Visit) -> Outcome:
    channel, _ = visit.profile()
    return ForceIdr(stream=channel.stream, answer=element("tr2:SetSynchronizationPointResponse"))


OPERATIONS: Final[Operations] = {
    "GetServiceCapabilities": lambda visit: element(
        "tr2:GetServiceCapabilitiesResponse", service_capabilities(MEDIA2, visit)
    ),
    "GetProfiles": _get_profiles,
    "CreateProfile": _refused,
    "DeleteProfile": _fixed,
    "GetVideoSourceConfigurations": _get_video_source_configurations,
    "GetVideoSourceConfigurationOptions": _get_video_source_configuration_options,
    "GetAudioSourceConfigurations": _get_audio_source_configurations,
    "GetVideoEncoderConfigurations": _get_video_encoder_configurations,
    "GetVideoEncoderConfigurationOptions": _get_video_encoder_configuration_options,
    "SetVideoEncoderConfiguration": _set_video_encoder_configuration,
    "GetVideoEncoderInstances": _get_video_encoder_instances,
    "GetAudioEncoderConfigurations": _get_audio_encoder_configurations,
    "GetAnalyticsConfigurations": lambda _: element("tr2:GetAnalyticsConfigurationsResponse"),
    "GetMetadataConfigurations": lambda _: element("tr2:GetMetadataConfigurationsResponse"),
    "GetOSDs": lambda _: element("tr2:GetOSDsResponse"),
    "GetMasks": lambda _: element("tr2:GetMasksResponse"),
    "GetStreamUri": _get_stream_uri,
    "GetSnapshotUri": _get_snapshot_uri,
    "SetSynchronizationPoint": _set_synchronization_point,
}
