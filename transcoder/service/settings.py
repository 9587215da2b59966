"""The settings of a configured stream are translated here for its source, its worker and its outputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pydantic import SecretStr

from transcoder import clock
from transcoder.assets.relaying import relay_refusal
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.config import StreamConfig
from transcoder.config.push import PushConfig
from transcoder.config.source import TlsConfig
from transcoder.config.stream import EncoderConfig, OutputConfig, RenditionConfig, VideoConfig
from transcoder.net.push_options import PushOptions
from transcoder.net.sockets import Binding
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.quirks import FORCED_QUIRKS
from transcoder.rtsp.urls import parse_url
from transcoder.service.push_networks import AllowedTarget
from transcoder.service.source_networks import SourceNetworks
from transcoder.source.camera_keys import TlsOptions
from transcoder.source.options import Timeouts
from transcoder.worker_options import EncoderSettings, Mask, OutputOptions, WorkerOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Holds the settings of one stream.

    Attributes:
        enabled: whether the camera is pulled.
        source: the way to the camera; transport may be "auto".
        worker: the options of the worker.
        outputs: the names of the worker's outputs, in their order.
        pushes: the options of each push, by its target's name.
        refusal: why the stream is not pulled, "" where it is.
        camera: the camera, by its URL and its asset: another one here is another camera.
        title: the stream's title, or "".
        has_banner: whether a slate has a banner.
    """

    enabled: bool = True
    source: SourceOptions
    worker: WorkerOptions
    outputs: tuple[str, ...]
    pushes: Mapping[str, PushOptions] = field(default_factory=dict)
    refusal: str = field(default="", compare=False)
    camera: tuple[str, str | None] = field(default=("", None), compare=False)
    title: str = ""
    has_banner: bool = True

    def banner_title(self, name: str) -> str | None:
        """Return what the banner of a slate calls a stream of this name; None where a slate has no banner."""
        return (self.title or name) if self.has_banner else None

    def named_outputs(self) -> dict[str, OutputOptions]:
        """Return the options of every output, by its name."""
        return dict(zip(self.outputs, self.worker.outputs, strict=True))

    @property
    def audible(self) -> AudioCodec | None:
        """Return the codec in which readers get the camera's audio, None where it is dropped."""
        return self.worker.audio_codec if self.source.audio else None

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """Return the codec of every output."""
        return tuple(output.codec for output in self.worker.outputs)

    def following(self, before: "StreamSettings") -> "StreamSettings":
        """Return the same settings as they follow on others.

        The outputs that there were keep their places, and new ones stand behind them; another camera is counted.
        """
        named = self.named_outputs()
        names = (*(name for name in before.outputs if name in named), *(n for n in named if n not in before.outputs))
        swaps = before.worker.swaps + (self.camera != before.camera)
        worker = replace(self.worker, outputs=tuple(named[name] for name in names), swaps=swaps)
        return replace(self, worker=worker, outputs=names)

    def reason_to_replace(self, before: "StreamSettings") -> str:
        """Say why a worker with the settings before can't go on with these; nothing where it can.

        A worker knows its outputs by their places: it takes some more behind them, and does without the last ones.
        """
        kept = min(len(self.outputs), len(before.outputs))
        if self.outputs[:kept] != before.outputs[:kept]:
            return "it has other outputs"
        # a sandbox is entered once, and encoders need different ones
        has_threads, had_threads = self.worker.encoder_threads > 0, before.worker.encoder_threads > 0
        if self.codecs[:kept] != before.codecs[:kept] or has_threads != had_threads:
            return "another codec is configured"
        return ""

    def with_split(self, *, split: bool) -> "StreamSettings":
        """Return the same settings, but with or without a process of its own for decoding."""
        return replace(self, worker=replace(self.worker, split=split))

    def at_rate_divisor(self, divisor: int) -> "StreamSettings":
        """Return the same settings, but with outputs that begin with one picture in so many."""
        outputs = tuple(replace(output, rate_divisor=divisor) for output in self.worker.outputs)
        return replace(self, worker=replace(self.worker, outputs=outputs))


def stream_settings(
    stream: StreamConfig, allowed: Callable[[str], bool], is_own: Callable[[str, int], bool] | None = None
) -> StreamSettings:
    """Translate a configured stream.

    Args:
        stream: the validated configuration of the stream.
        allowed: says whether a camera may be at an address.
        is_own: says whether an address and a port belong to a listener of this gateway.
    """
    return StreamSettings(
        enabled=stream.enabled,
        source=source_options(stream, allowed, is_own),
        worker=worker_options(stream),
        outputs=tuple(stream.outputs),
        camera=(stream.source.url, stream.asset),
        title=stream.title or "",
        has_banner=stream.slate.banner,
    )


def networked_settings(
    stream: StreamConfig, networks: SourceNetworks, is_own: Callable[[str, int], bool]
) -> StreamSettings:
    """Translate a configured stream that may connect to what a gateway's networks allow; see `stream_settings`."""
    addresses = networks.of(stream.source)
    settings = stream_settings(stream, addresses, is_own)
    pushes = {name: push_options(push, AllowedTarget.of(networks, push), is_own) for name, push in stream.push.items()}
    refusal = relay_refusal(stream, networks.config.assets, datetime.fromtimestamp(clock.wall_clock(), UTC).date())
    source = replace(settings.source, conceal=addresses.conceal)
    is_enabled = settings.enabled and not refusal
    return replace(settings, source=source, pushes=pushes, enabled=is_enabled, refusal=refusal)


def worker_options(stream: StreamConfig) -> WorkerOptions:
    """Translate the part of a configured stream that its worker needs."""
    return WorkerOptions(
        display_aspect=stream.source.aspect,
        masks=tuple(Mask(polygon=mask.polygon, style=mask.style) for mask in stream.masks),
        memory_limit_mb=stream.memory_limit_mb,
        audio_codec=AudioCodec(stream.audio_codec),
        outputs=tuple(_output_options(video, stream.encoder) for video in stream.outputs.values()),
    )


def _output_options(video: OutputConfig, encoder: EncoderConfig) -> OutputOptions:
    rendition = video if isinstance(video, RenditionConfig) else RenditionConfig()
    return OutputOptions(
        audio=rendition.audio == "inherit",
        on_demand=rendition.on_demand,
        codec=Codec.H264 if video.codec == "h264" else Codec.H265,
        bitrate_kbps=video.bitrate_kbps,
        gop_s=video.gop_s,
        fps=video.fps,
        size=video.dimensions,
        preset=video.preset,
        relays=isinstance(video, VideoConfig) and video.mode == "relay",
        encoder=EncoderSettings(**encoder.model_dump()),
    )


def push_options(push: PushConfig, allowed: Callable[[str], bool], is_own: Callable[[str, int], bool]) -> PushOptions:
    """Translate a configured push."""
    return PushOptions(
        url=push.split,
        rendition=push.rendition,
        enabled=push.enabled,
        credentials=_credentials(push.username, push.password),
        stream_key=push.stream_key.get_secret_value() if push.stream_key is not None else "",
        redirect_ports=push.redirect_ports,
        tls=_tls_options(push.tls),
        allowed=allowed,
        is_own=is_own,
    )


def _credentials(username: SecretStr | None, password: SecretStr | None) -> Credentials | None:
    if username is None:
        return None
    known = password.get_secret_value() if password is not None else ""
    return Credentials(username=username.get_secret_value(), password=known)


def _tls_options(tls: TlsConfig) -> TlsOptions:
    return TlsOptions(verify=tls.verify, fingerprint=tls.fingerprint or "", old_ciphers=tls.old_ciphers)


def source_options(
    stream: StreamConfig, allowed: Callable[[str], bool], is_own: Callable[[str, int], bool] | None = None
) -> SourceOptions:
    """Translate the part of a configured stream that tells how to reach its camera."""
    source = stream.source
    options = SourceOptions(
        url=parse_url(source.url),
        credentials=_credentials(source.username, source.password),
        transport="tcp" if source.is_secure else source.transport,  # what goes beside TLS is not encrypted
        allowed=allowed,
        binding=Binding(address=source.bind_address, interface=source.bind_interface),
        redirect_ports=source.redirect_ports,
        quirks=FORCED_QUIRKS[source.profile],
        audio=stream.audio == "reencode",
        tls=_tls_options(source.tls),
        timeouts=Timeouts(**source.timeouts.model_dump()),
    )
    return options if is_own is None else replace(options, is_own=is_own)
