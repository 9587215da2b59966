"""A device is described by its channels and their profiles: what is served, as it was measured."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from transcoder.onvif.identity import Identity

MAX_TOKEN: Final = 64
"""Characters of a token at most (ReferenceToken of the ONVIF schema)."""
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")


def token_of(*parts: str) -> str:
    """Return the token of a part of a device: readable, and short even where names are long."""
    token = ".".join(parts)
    if len(token) <= MAX_TOKEN:
        return token
    return f"{token[: MAX_TOKEN - 17]}.{hashlib.sha256(token.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """Describes the sound of a profile.

    Attributes:
        codec: the codec as the configuration names it.
        bitrate_kbps: kbit a second.
        sample_rate: samples a second.
    """

    codec: Literal["aac", "pcma", "pcmu"]
    bitrate_kbps: int
    sample_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Multicast:
    """Says where a profile is sent to a group.

    Attributes:
        address: the group's address.
        port: the port of the RTP packets.
        ttl: how many routers packets cross.
    """

    address: str
    port: int
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Describes one output of a stream.

    Attributes:
        stream: the stream's id.
        output: the output's name.
        path: the path of its URL, without a slash in front.
        codec: the codec of the pictures.
        width, height: pixels.
        fps: pictures a second.
        bitrate_kbps: the cap of the bitrate, kbit a second.
        gop_s: seconds between IDR pictures.
        coding: the profile of the codec, by its name in the ONVIF schema.
        audio: the sound, None without any.
        multicast: the group that it can be read from, None without one.
    """

    stream: str
    output: str
    path: str
    codec: Literal["h264", "h265"]
    width: int
    height: int
    fps: float
    bitrate_kbps: int
    gop_s: float
    coding: Literal["Baseline", "High", "Main"]
    audio: Audio | None = None
    multicast: Multicast | None = None

    @property
    def token(self) -> str:
        """Return the token of the profile."""
        return token_of(self.stream, self.output)

    @property
    def encoder_token(self) -> str:
        """Return the token of the configuration of its video encoder."""
        return token_of(self.stream, self.output, "video")

    @property
    def audio_token(self) -> str:
        """Return the token of the configuration of its audio encoder."""
        return token_of(self.stream, self.output, "audio")

    @property
    def gov_length(self) -> int:
        """Return how many pictures there are from one IDR to the next."""
        return max(1, round(self.gop_s * self.fps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Describes one stream: a video source, and the profiles that are made of it.

    Attributes:
        stream: the stream's id.
        title: its name for people.
        profiles: its profiles, the main one first.
    """

    stream: str
    title: str
    profiles: tuple[Profile, ...]

    @property
    def token(self) -> str:
        """Return the token of the video source."""
        return token_of(self.stream)

    @property
    def view_token(self) -> str:
        """Return the token of the configuration of the video source."""
        return token_of(self.stream, "view")

    @property
    def audio_token(self) -> str:
        """Return the token of the audio source."""
        return token_of(self.stream, "sound")

    @property
    def hearing_token(self) -> str:
        """Return the token of the configuration of the audio source."""
        return token_of(self.stream, "hearing")

    @property
    def main(self) -> Profile:
        """Return the main profile, whose size and rate are those of the video source."""
        return self.profiles[0]

    @property
    def has_audio(self) -> bool:
        """Return whether any profile has sound."""
        return any(profile.audio is not None for profile in self.profiles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Describes a device as one user sees it.

    Attributes:
        identity: what the device is known by.
        name: its name for people.
        hardware: the kind of device: the words for its model.
        version: the version of the product.
        channels: the channels that the user may see.
    """

    identity: Identity
    name: str
    hardware: str
    version: str
    channels: tuple[Channel, ...]

    def profiles(self) -> Iterator[tuple[Channel, Profile]]:
        """Yield every profile with its channel."""
        for channel in self.channels:
            for profile in channel.profiles:
                yield channel, profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Says where a client reaches the device, and where it finds the streams.

    Attributes:
        host: the host as the client wrote it; an IPv6 address has brackets.
        port: the port as the client wrote it.
        address: the address of this machine that the client is connected to.
        rtsp_port: the port of the RTSP server.
        rtsps_port: its port over TLS, None without one.
    """

    host: str
    port: int
    address: str
    rtsp_port: int
    rtsps_port: int | None = None

    @property
    def base(self) -> str:
        """Return the URL of the device, without a slash at its end."""
        return f"http://{self.host}:{self.port}"


def host_and_port(header: str, address: str, port: int) -> tuple[str, int]:
    """Return host and port of a Host header; where it is none, those that the client is connected to.

    Only a name or an address gets into our answers: the header is the client's.

    Source: RFC 9110 section 7.2.
    """
    host, colon, given = header.rpartition(":") if not header.endswith("]") else (header, "", "")
    if not colon:
        host, given = header, "80"
    if _HOST.fullmatch(host) and given.isascii() and given.isdigit() and 0 < int(given[:6]) <= 65535:
        return host, int(given[:6])
    return (f"[{address}]" if ":" in address else address), port
