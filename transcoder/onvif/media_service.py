"""The media service, version 1: what most recorders ask. It knows H.264 only, so profiles of H.265 are not in it.

Source: ONVIF Media Service Specification, media.wsdl.
"""

from collections.abc import Iterator
from typing import Final

from transcoder.onvif.device import Audio, Channel, Profile
from transcoder.onvif.device_service import service_capabilities
from transcoder.onvif.encoder_changes import Wanted, change_of
from transcoder.onvif.faults import Fault, no_config, no_profile
from transcoder.onvif.markup import Markup, element
from transcoder.onvif.media_words import (
    MAX_KBPS,
    MIN_KBPS,
    QUALITY,
    SESSION_TIMEOUT,
    audio_source,
    gov_range,
    multicast,
    range_of,
    resolution,
    video_source,
    video_source_options,
)
from transcoder.onvif.namespaces import MEDIA
from transcoder.onvif.stream_uris import snapshot_uri, stream_uri
from transcoder.onvif.visit import ForceIdr, Operations, Outcome, Visit


def frames(profile: Profile) -> int:
    """Return the frame rate of a profile as this service tells it: a whole number, 1 at least."""
    return max(1, round(profile.fps))


def _profiles(visit: Visit) -> Iterator[tuple[Channel, Profile]]:
    return (pair for pair in visit.device.profiles() if pair[1].codec == "h264")


def _named(visit: Visit) -> tuple[Channel, Profile]:
    channel, profile = visit.profile()
    if profile.codec != "h264":
        raise no_profile()
    return channel, profile


def _channel(visit: Visit, token: str) -> Channel:
    for channel in visit.device.channels:
        if token in {channel.view_token, channel.hearing_token}:
            return channel
    raise no_config()


def video_encoder(profile: Profile, name: str) -> Markup:
    """Return the configuration of a video encoder; UniFi needs RateControl."""
    return element(
        name,
        element("tt:Name", profile.encoder_token),
        element("tt:UseCount", 1),
        element("tt:Encoding", "H264"),
        resolution(profile),
        element("tt:Quality", QUALITY),
        element(
            "tt:RateControl",
            element("tt:FrameRateLimit", frames(profile)),
            element("tt:EncodingInterval", 1),
            element("tt:BitrateLimit", profile.bitrate_kbps),
        ),
        element("tt:H264", element("tt:GovLength", profile.gov_length), element("tt:H264Profile", profile.coding)),
        multicast(profile),
        element("tt:SessionTimeout", SESSION_TIMEOUT),
        attributes={"token": profile.encoder_token},
    )


def _audio_encoder(profile: Profile, audio: Audio, name: str) -> Markup:
    return element(
        name,
        element("tt:Name", profile.audio_token),
        element("tt:UseCount", 1),
        element("tt:Encoding", "AAC" if audio.codec == "aac" else "G711"),
        element("tt:Bitrate", audio.bitrate_kbps),
        element("tt:SampleRate", audio.sample_rate // 1000),
        multicast(profile, of_audio=True),
        element("tt:SessionTimeout", SESSION_TIMEOUT),
        attributes={"token": profile.audio_token},
    )


def _profile(channel: Channel, profile: Profile, name: str) -> Markup:
    # go2rtc finds a profile by the text `<trt:Profiles token="`: the token is the first attribute
    audio = profile.audio
    return element(
        name,
        element("tt:Name", profile.token),
        video_source(channel, "tt:VideoSourceConfiguration"),
        audio_source(channel, "tt:AudioSourceConfiguration") if audio is not None else None,
        video_encoder(profile, "tt:VideoEncoderConfiguration"),
        _audio_encoder(profile, audio, "tt:AudioEncoderConfiguration") if audio is not None else None,
        attributes={"token": profile.token, "fixed": True},
    )


def _get_profiles(visit: Visit) -> Outcome:
    return element("trt:GetProfilesResponse", *(_profile(*pair, "trt:Profiles") for pair in _profiles(visit)))


def _get_profile(visit: Visit) -> Outcome:
    return element("trt:GetProfileResponse", _profile(*_named(visit), "trt:Profile"))


def _create_profile(_: Visit) -> Outcome:
    # Synology and Genetec try it, and go on with the profiles that are there when they hear this
    raise Fault("profiles are made in the configuration of the gateway", "ter:Action", "ter:MaxNVTProfiles")


def _delete_profile(_: Visit) -> Outcome:
    raise Fault("profiles are fixed", "ter:Action", "ter:DeletionOfFixedProfile")


def _get_video_sources(visit: Visit) -> Outcome:
    return element(
        "trt:GetVideoSourcesResponse",
        *(
            element(
                "trt:VideoSources",
                element("tt:Framerate", channel.main.fps),
                resolution(channel.main),
                attributes={"token": channel.token},
            )
            for channel in visit.device.channels
        ),
    )


def _get_audio_sources(visit: Visit) -> Outcome:
    heard = (channel for channel in visit.device.channels if channel.has_audio)
    sources = (
        element("trt:AudioSources", element("tt:Channels", 1), attributes={"token": each.audio_token}) for each in heard
    )
    return element("trt:GetAudioSourcesResponse", *sources)


def _sources(operation: str, visit: Visit, *, of_audio: bool = False) -> Markup:
    write = audio_source if of_audio else video_source
    wanted = (channel for channel in visit.device.channels if channel.has_audio or not of_audio)
    return element(f"trt:{operation}Response", *(write(channel, "trt:Configurations") for channel in wanted))


def _get_video_source_configuration(visit: Visit) -> Outcome:
    channel = _channel(visit, visit.text("ConfigurationToken"))
    return element("trt:GetVideoSourceConfigurationResponse", video_source(channel, "trt:Configuration"))


def _get_audio_source_configuration(visit: Visit) -> Outcome:
    channel = _channel(visit, visit.text("ConfigurationToken"))
    return element("trt:GetAudioSourceConfigurationResponse", audio_source(channel, "trt:Configuration"))


def _get_video_source_configuration_options(visit: Visit) -> Outcome:
    if not visit.device.channels:
        raise no_config()
    token = visit.text("ConfigurationToken")
    channel = _channel(visit, token) if token else visit.device.channels[0]
    if visit.text("ProfileToken"):
        channel = visit.profile()[0]
    return element("trt:GetVideoSourceConfigurationOptionsResponse", video_source_options(channel, "trt:Options"))


def _encoders(operation: str, visit: Visit) -> Markup:
    written = (video_encoder(profile, "trt:Configurations") for _, profile in _profiles(visit))
    return element(f"trt:{operation}Response", *written)


def _encoder(visit: Visit, token: str) -> Profile:
    profile = visit.encoder(token)
    if profile.codec != "h264":
        raise no_config()
    return profile


def _get_video_encoder_configuration(visit: Visit) -> Outcome:
    profile = _encoder(visit, visit.text("ConfigurationToken"))
    return element("trt:GetVideoEncoderConfigurationResponse", video_encoder(profile, "trt:Configuration"))


def _get_video_encoder_configuration_options(visit: Visit) -> Outcome:
    token = visit.text("ConfigurationToken")
    if token:
        profile = _encoder(visit, token)
    elif visit.text("ProfileToken"):
        profile = _named(visit)[1]
    else:
        found = next(_profiles(visit), None)
        if found is None:
            raise no_config()
        profile = found[1]
    least, most = gov_range(profile)
    common = (
        resolution(profile, "tt:ResolutionsAvailable"),
        range_of("tt:GovLengthRange", least, most),
        range_of("tt:FrameRateRange", 1, frames(profile)),
        range_of("tt:EncodingIntervalRange", 1, 1),
        element("tt:H264ProfilesSupported", profile.coding),
    )
    bitrates = range_of("tt:BitrateRange", MIN_KBPS, MAX_KBPS)
    options = element(
        "trt:Options",
        range_of("tt:QualityRange", QUALITY, QUALITY),
        element("tt:H264", *common),
        element("tt:Extension", element("tt:H264", *common, bitrates)),
    )
    return element("trt:GetVideoEncoderConfigurationOptionsResponse", options)


def _set_video_encoder_configuration(visit: Visit) -> Outcome:
    visit.require_control()
    given = "Configuration"
    token = next((each.get("token", "") for each in visit.operation if each.tag.endswith("}Configuration")), "")
    wanted = Wanted(
        encoding=visit.text(given, "Encoding"),
        width=visit.text(given, "Resolution", "Width"),
        height=visit.text(given, "Resolution", "Height"),
        fps=visit.text(given, "RateControl", "FrameRateLimit"),
        bitrate_kbps=visit.text(given, "RateControl", "BitrateLimit"),
        gov_length=visit.text(given, "H264", "GovLength"),
    )
    profile = _encoder(visit, token)
    return change_of(profile, wanted, frames(profile), element("trt:SetVideoEncoderConfigurationResponse"))


def _get_guaranteed_number(visit: Visit) -> Outcome:
    channel = _channel(visit, visit.text("ConfigurationToken"))
    number = sum(profile.codec == "h264" for profile in channel.profiles)
    return element(
        "trt:GetGuaranteedNumberOfVideoEncoderInstancesResponse",
        element("trt:TotalNumber", number),
        element("trt:H264", number),
    )


def _audio_encoders(operation: str, visit: Visit) -> Markup:
    heard = ((profile, profile.audio) for _, profile in _profiles(visit))
    written = (_audio_encoder(profile, audio, "trt:Configurations") for profile, audio in heard if audio is not None)
    return element(f"trt:{operation}Response", *written)


def _get_audio_encoder_configuration_options(visit: Visit) -> Outcome:
    found = {profile.audio for _, profile in _profiles(visit)} - {None}
    options = (
        element(
            "tt:Options",
            element("tt:Encoding", "AAC" if audio.codec == "aac" else "G711"),
            element("tt:BitrateList", element("tt:Items", audio.bitrate_kbps)),
            element("tt:SampleRateList", element("tt:Items", audio.sample_rate // 1000)),
        )
        for audio in found
        if audio is not None
    )
    return element("trt:GetAudioEncoderConfigurationOptionsResponse", element("trt:Options", *options))


def _get_stream_uri(visit: Visit) -> Outcome:
    _, profile = _named(visit)
    is_multicast = visit.text("StreamSetup", "Stream") == "RTP-Multicast"
    protocol = visit.text("StreamSetup", "Transport", "Protocol")
    uri = stream_uri(profile, visit.place, protocol, is_multicast=is_multicast)
    return element("trt:GetStreamUriResponse", _media_uri(uri))


def _get_snapshot_uri(visit: Visit) -> Outcome:
    _, profile = _named(visit)
    return element("trt:GetSnapshotUriResponse", _media_uri(snapshot_uri(profile, visit.place)))


def _media_uri(uri: str) -> Markup:
    return element(
        "trt:MediaUri",
        element("tt:Uri", uri),
        element("tt:InvalidAfterConnect", False),
        element("tt:InvalidAfterReboot", False),
        element("tt:Timeout", "PT0S"),
    )


def _set_synchronization_point(visit: Visit) -> Outcome:
    channel, _ = _named(visit)
    return ForceIdr(stream=channel.stream, answer=element("trt:SetSynchronizationPointResponse"))


def _empty(operation: str) -> Markup:
    return element(f"trt:{operation}Response")


OPERATIONS: Final[Operations] = {
    "GetServiceCapabilities": lambda visit: element(
        "trt:GetServiceCapabilitiesResponse", service_capabilities(MEDIA, visit)
    ),
    "GetProfiles": _get_profiles,
    "GetProfile": _get_profile,
    "CreateProfile": _create_profile,
    "DeleteProfile": _delete_profile,
    "GetVideoSources": _get_video_sources,
    "GetVideoSourceConfigurations": lambda visit: _sources("GetVideoSourceConfigurations", visit),
    "GetVideoSourceConfiguration": _get_video_source_configuration,
    "GetVideoSourceConfigurationOptions": _get_video_source_configuration_options,
    "GetCompatibleVideoSourceConfigurations": lambda visit: _sources("GetCompatibleVideoSourceConfigurations", visit),
    "GetVideoEncoderConfigurations": lambda visit: _encoders("GetVideoEncoderConfigurations", visit),
    "GetVideoEncoderConfiguration": _get_video_encoder_configuration,
    "GetVideoEncoderConfigurationOptions": _get_video_encoder_configuration_options,
    "SetVideoEncoderConfiguration": _set_video_encoder_configuration,
    "GetCompatibleVideoEncoderConfigurations": lambda visit: _encoders(
        "GetCompatibleVideoEncoderConfigurations", visit
    ),
    "GetGuaranteedNumberOfVideoEncoderInstances": _get_guaranteed_number,
    "GetAudioSources": _get_audio_sources,
    "GetAudioSourceConfigurations": lambda visit: _sources("GetAudioSourceConfigurations", visit, of_audio=True),
    "GetAudioSourceConfiguration": _get_audio_source_configuration,
    "GetCompatibleAudioSourceConfigurations": lambda visit: _sources(
        "GetCompatibleAudioSourceConfigurations", visit, of_audio=True
    ),
    "GetAudioEncoderConfigurations": lambda visit: _audio_encoders("GetAudioEncoderConfigurations", visit),
    "GetCompatibleAudioEncoderConfigurations": lambda visit: _audio_encoders(
        "GetCompatibleAudioEncoderConfigurations", visit
    ),
    "GetAudioEncoderConfigurationOptions": _get_audio_encoder_configuration_options,
    "GetAudioOutputs": lambda _: _empty("GetAudioOutputs"),
    "GetMetadataConfigurations": lambda _: _empty("GetMetadataConfigurations"),
    "GetVideoAnalyticsConfigurations": lambda _: _empty("GetVideoAnalyticsConfigurations"),
    "GetOSDs": lambda _: _empty("GetOSDs"),
    "GetStreamUri": _get_stream_uri,
    "GetSnapshotUri": _get_snapshot_uri,
    "SetSynchronizationPoint": _set_synchronization_point,
}
