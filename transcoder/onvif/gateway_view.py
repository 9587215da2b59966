"""Devices are described from the configuration in force and from what the streams serve at the moment."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, Final, Literal, Protocol

from transcoder import product
from transcoder.config import Config, StreamConfig
from transcoder.config.stream import OutputConfig, RenditionConfig
from transcoder.net.rtsp_server import RtspServer
from transcoder.onvif.device import Audio, Channel, Device, Multicast, Place, Profile, host_and_port
from transcoder.onvif.event_states import Finding
from transcoder.onvif.identity import identity_of
from transcoder.rtsp.server_events import ServerContext
from transcoder.service.status import StreamState, StreamStatus
from transcoder.service.stream import Stream
from transcoder.worker_options import served_path

ONE_DEVICE: Final = ""
"""The name of the device that has all streams; a stream's own device has the stream's name."""
ASSUMED_SIZE: Final = (1920, 1080)
"""The size that is told of a stream that has never shown a picture, and whose size is not configured."""
ASSUMED_FPS: Final = 25.0
"""The rate that is told of a stream that has never shown a picture, and whose rate is not configured."""
AAC: Final = Audio(codec="aac", bitrate_kbps=48, sample_rate=16_000)
"""The sound of a stream: the bitrate of `media/audio.py`, and its sample rate for telephony, which cameras send."""
_G711_KBPS: Final = 64
_G711_RATE: Final = 8000


class GatewayLike(Protocol):
    """This is the part of the gateway that devices are described from."""

    streams: dict[str, Stream]
    server: RtspServer


class GatewayView:
    """Describes the devices of one gateway.

    Args:
        config: returns the configuration in force.
        gateway: has the streams and the RTSP server.
    """

    def __init__(self, config: Callable[[], Config], gateway: GatewayLike) -> None:
        self._config = config
        self._gateway = gateway
        self._version = version(product.NAME)

    @property
    def config(self) -> Config:
        """Return the configuration in force."""
        return self._config()

    @property
    def context(self) -> ServerContext:
        """Return the context of the RTSP server, whose users log in here."""
        return self._gateway.server.context

    def passwords(self) -> Mapping[str, str]:
        """Return the passwords of the users; where it is empty, nobody has to log in."""
        return self.context.directory.passwords()

    def may_control(self, user: str | None) -> bool:
        """Return whether a user may change something."""
        onvif = self.config.onvif
        return onvif is not None and user is not None and user in onvif.control

    def device(self, name: str, user: str | None) -> Device:
        """Return a device as a user sees it.

        Args:
            name: the stream's id, or ONE_DEVICE.
            user: the user; None for whoever need not log in, who sees everything.
        """
        config = self.config
        names = list(config.streams) if name == ONE_DEVICE else [each for each in (name,) if each in config.streams]
        channels = (self._channel(each, config.streams[each], user) for each in names)
        is_alone = name != ONE_DEVICE and name in config.streams
        return Device(
            identity=identity_of(config.node, name),
            name=(config.streams[name].title or name) if is_alone else config.node,
            hardware="gateway-channel" if name != ONE_DEVICE else "gateway",
            version=self._version,
            channels=tuple(channel for channel in channels if channel.profiles),
        )

    def _channel(self, stream: str, config: StreamConfig, user: str | None) -> Channel:
        profiles = (
            self._profile(stream, name, config, video)
            for name, video in config.outputs.items()
            if user is None or self.context.directory.may_read(user, served_path(stream, name))
        )
        return Channel(stream=stream, title=config.title or stream, profiles=tuple(profiles))

    def _profile(self, stream: str, name: str, config: StreamConfig, video: OutputConfig) -> Profile:
        made = self._made(stream, name)
        width, height = video.dimensions or ASSUMED_SIZE
        rate = made.get("frame_rate") or video.fps or ASSUMED_FPS
        is_silent = config.audio == "drop" or (isinstance(video, RenditionConfig) and video.audio == "drop")
        return Profile(
            stream=stream,
            output=name,
            path=served_path(stream, name),
            codec=video.codec,
            width=made.get("width", width),
            height=made.get("height", height),
            fps=min(rate, video.fps or rate),
            bitrate_kbps=video.bitrate_kbps,
            gop_s=video.gop_s,
            coding=coding_profile(video, config.encoder.profile),
            audio=None if is_silent else _audio(config.audio_codec),
            multicast=self._multicast(served_path(stream, name)),
        )

    def _multicast(self, path: str) -> Multicast | None:
        group = self._gateway.server.group_of(path)
        return Multicast(address=group.address, port=group.port, ttl=group.ttl) if group is not None else None

    def _made(self, stream: str, output: str) -> Mapping[str, Any]:
        """Return the format that an output was last made in; of a rendition that slept so far, nothing."""
        running = self._gateway.streams.get(stream)
        status = running.status.outputs.get(output) if running is not None else None
        return status.format if status is not None else {}

    def place(self, host: str, address: str, port: int) -> Place:
        """Return where a client reaches a device.

        Args:
            host: the client's header Host, "" without one.
            address: the address of this machine that the client is connected to.
            port: the port that it is connected to.
        """
        named, at = host_and_port(host, address, port)
        plain = [each for each in self._gateway.server.listeners if each.certificate is None]
        secured = [each for each in self._gateway.server.listeners if each.certificate is not None]
        return Place(
            host=named,
            port=at,
            address=address,
            rtsp_port=plain[0].port,
            rtsps_port=secured[0].port if secured else None,
        )


def coding_profile(video: OutputConfig, encoder_profile: str) -> Literal["Baseline", "High", "Main"]:
    """Return the profile that an output is coded in.

    x264's fastest preset leaves out all that Baseline has not; our own P pictures have the 8x8 transform whatever the
    preset of their IDRs.

    Args:
        video: the keys of the output.
        encoder_profile: the profile of the stream's encoder.
    """
    if video.codec == "h265":
        return "Main"
    return "Baseline" if video.preset == "ultrafast" and encoder_profile != "motion" else "High"


def _audio(codec: Literal["aac", "pcma", "pcmu"]) -> Audio:
    return AAC if codec == "aac" else Audio(codec=codec, bitrate_kbps=_G711_KBPS, sample_rate=_G711_RATE)


def finding_of(status: StreamStatus) -> Finding:
    """Return what a stream's status says for events."""
    is_away = status.state in {StreamState.AWAY, StreamState.CONNECTING, StreamState.DISABLED}
    return Finding(motion=status.motion, is_away=is_away, conditions=status.conditions)
