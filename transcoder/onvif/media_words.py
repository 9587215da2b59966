"""Both media services say these parts of a profile in the same words (the namespace tt)."""

from typing import Final

from transcoder.onvif.device import Channel, Profile
from transcoder.onvif.markup import Content, Markup, element

SESSION_TIMEOUT: Final = "PT60S"
"""The time after which a silent RTSP session ends (`ServerOptions`)."""
QUALITY: Final = 5
"""A constant, in a range of itself: the quality follows from bitrate, profile and picture."""
MIN_KBPS, MAX_KBPS = 64, 100_000
"""The range of `video.bitrate_kbps`."""
MIN_GOP_S, MAX_GOP_S = 0.2, 10.0
"""The range of `video.gop_s`."""


def range_of(name: str, low: float, high: float) -> Markup:
    """Return a range."""
    return element(name, element("tt:Min", low), element("tt:Max", high))


def resolution(profile: Profile, name: str = "tt:Resolution") -> Markup:
    """Return the size of a profile's pictures."""
    return element(name, element("tt:Width", profile.width), element("tt:Height", profile.height))


def video_source(channel: Channel, name: str) -> Markup:
    """Return the configuration of a channel's video source: all of its picture."""
    main = channel.main
    # npm onvif takes a profile whose configuration has the name of its source for a profile of every source
    title = channel.title if channel.title != channel.token else channel.view_token
    bounds: dict[str, Content] = {"x": 0, "y": 0, "width": main.width, "height": main.height}
    return element(
        name,
        element("tt:Name", title),
        element("tt:UseCount", len(channel.profiles)),
        element("tt:SourceToken", channel.token),
        element("tt:Bounds", attributes=bounds),
        attributes={"token": channel.view_token},
    )


def audio_source(channel: Channel, name: str) -> Markup:
    """Return the configuration of a channel's audio source."""
    return element(
        name,
        element("tt:Name", channel.title),
        element("tt:UseCount", sum(profile.audio is not None for profile in channel.profiles)),
        element("tt:SourceToken", channel.audio_token),
        attributes={"token": channel.hearing_token},
    )


def video_source_options(channel: Channel, name: str) -> Markup:
    """Return what the configuration of a video source may be: only what it is."""
    main = channel.main
    bounds = element(
        "tt:BoundsRange",
        range_of("tt:XRange", 0, 0),
        range_of("tt:YRange", 0, 0),
        range_of("tt:WidthRange", main.width, main.width),
        range_of("tt:HeightRange", main.height, main.height),
    )
    return element(name, bounds, element("tt:VideoSourceTokensAvailable", channel.token))


def multicast(profile: Profile, *, of_audio: bool = False) -> Markup:
    """Return where a profile is sent to a group; without one, the address of nobody."""
    group = profile.multicast if not of_audio else None
    address, port, ttl = (group.address, group.port, group.ttl) if group is not None else ("0.0.0.0", 0, 0)
    kind = "IPv6" if ":" in address else "IPv4"
    return element(
        "tt:Multicast",
        element("tt:Address", element("tt:Type", kind), element(f"tt:{kind}Address", address)),
        element("tt:Port", port),
        element("tt:TTL", ttl),
        element("tt:AutoStart", False),
    )


def gov_range(profile: Profile) -> tuple[int, int]:
    """Return the least and the largest number of pictures between IDRs."""
    return max(1, round(MIN_GOP_S * profile.fps)), max(1, round(MAX_GOP_S * profile.fps))
