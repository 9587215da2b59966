"""These sections say where streams are sent: `push` of a stream, and `push.allow` for what is named at runtime."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from transcoder.config.section import Name, Section
from transcoder.config.source import (
    MISPLACED_AT,
    Network,
    RedirectPorts,
    TlsConfig,
    is_address,
    read_network,
    without_credentials_in_url,
)
from transcoder.url import Url, split_url
from transcoder.worker_options import MAIN

PUSH_PORTS: Final = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "udp": 0}
"""The ports by scheme (RFC 2326, 3.2; RFC 7826, 19; RTMP 1.0, 1). MPEG-TS over UDP has none of its own."""

MAX_PUSHES: Final = 4
"""The largest number of targets of one stream: each is a connection that takes the whole bitrate."""

_NO_SCHEME: Final = {
    "srt": "srt:// can't be sent: the FFmpeg in the product's package is built without SRT; send rtsps:// instead",
    "rtmps": "rtmps:// can't be sent: FFmpeg would trust any certificate; send rtsps:// instead",
    "http": "http:// can't be sent to; the schemes are rtsp, rtsps, rtmp and udp",
    "https": "https:// can't be sent to; the schemes are rtsp, rtsps, rtmp and udp",
}
"""What is said of schemes that one might expect."""


class PushTlsConfig(TlsConfig):
    """`streams.<id>.push.<name>.tls` says how a target with an rtsps:// URL proves that it is itself."""


class PushConfig(Section):
    """`streams.<id>.push.<name>` is a server that a stream is sent to. The URL alone may stand for the mapping."""

    url: Annotated[str, Field(max_length=4096, examples=["rtsps://vms.example/front"])]
    """The target's URL. `rtsp://` and `rtsps://`: the stream is announced and sent over that connection (ANNOUNCE,
    RECORD). `rtmp://host/app/key` and `udp://host:port` (MPEG-TS): a process of its own sends it. A user and a password
    in the URL are moved to `username` and `password`."""
    enabled: bool = True
    """Whether the stream is sent there."""
    rendition: Name = MAIN
    """The name of the output that is sent."""
    username: SecretStr | None = Field(default=None, examples=["gateway"])
    """The user at the target. The password is proved by Digest; it is sent as it is (Basic) over TLS only."""
    password: SecretStr | None = Field(default=None, examples=["${VMS_PASSWORD}"])
    """The user's password; `password_file` may stand instead."""
    password_file: Name | None = Field(default=None, examples=["vms.secret"])
    """The file with the password; the path is relative to the configuration file's folder."""
    stream_key: SecretStr | None = Field(default=None, examples=["${STREAM_KEY}"])
    """The secret last part of the path of an rtmp:// URL; `stream_key_file` may stand instead."""
    stream_key_file: Name | None = Field(default=None, examples=["key.secret"])
    """The file with the stream key; the path is relative to the configuration file's folder."""
    redirect_ports: RedirectPorts = Field(default=(), examples=[[8554]])
    """The ports that an RTSP server may redirect to, besides the URL's own port and that of the scheme (554, 322); it
    never chooses another host."""
    tls: PushTlsConfig = PushTlsConfig()
    """The proof that a target with an rtsps:// URL is itself."""

    @property
    def split(self) -> Url:
        """Return the URL in its parts."""
        return split_url(self.url, PUSH_PORTS)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield (name, f"{self.split.scheme}://{self.split.host}/...") if name == "url" else (name, value)

    @model_validator(mode="before")
    @classmethod
    def _move_credentials(cls, data: object) -> object:
        return without_credentials_in_url(data, PUSH_PORTS)

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        scheme = value.partition("://")[0].lower()
        if scheme in _NO_SCHEME:
            raise ValueError(_NO_SCHEME[scheme])
        url = split_url(value, PUSH_PORTS)
        if "@" in url.rest.partition("?")[0] and not is_address(url.host):  # half a password would be asked for in DNS
            raise ValueError(MISPLACED_AT)
        if url.scheme == "rtmp" and not url.rest.strip("/"):
            raise ValueError("must be rtmp://host/app/key, where the key may stand in stream_key")
        if url.scheme == "udp" and (not url.port or url.rest):
            raise ValueError("must be udp://host:port and nothing else")
        return url.text

    @model_validator(mode="after")
    def _check_keys(self) -> "PushConfig":
        scheme = self.split.scheme
        if self.password is not None and self.username is None:
            raise ValueError("has a password and no username")
        if self.username is not None and scheme not in {"rtsp", "rtsps"}:
            raise ValueError(f"has a username, and {scheme}:// knows no login")
        if self.redirect_ports and scheme not in {"rtsp", "rtsps"}:
            raise ValueError(f"has redirect_ports, and {scheme}:// knows no redirect")
        if self.stream_key is not None and scheme != "rtmp":
            raise ValueError(f"has a stream_key, and {scheme}:// knows none")
        return self


class PushesConfig(Section):
    """`push` holds the settings of all pushes."""

    allow: tuple[
        Annotated[
            Network,
            BeforeValidator(read_network),
            PlainSerializer(str, return_type=str),
            WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"]}),
        ],
        ...,
    ] = Field(default=(), examples=[["10.0.0.0/8"]])
    """The networks that streams may be sent to where a target is named at runtime, over HTTP or MQTT. A target of the
    file needs no entry; without any, the file alone says where pictures go."""


def without_removed(value: object) -> object:
    """Return targets without those that are null: so a target of the file is taken away at runtime."""
    return {name: item for name, item in value.items() if item is not None} if isinstance(value, Mapping) else value
