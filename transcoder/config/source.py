"""These sections say where a stream comes from, and where streams may come from."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from transcoder.config.section import Name, NotBool, Section, at_most
from transcoder.url import Url, split_url

if TYPE_CHECKING:
    from transcoder.config.listen import Endpoint

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

SOURCE_PORTS: Final = {"rtsp": 554, "rtsps": 322}
"""The ports by scheme (RFC 2326, 3.2; RFC 7826, 19)."""

NETWORKS_KEY: Final = "networks"
"""The key of the validation context that holds the networks that a literal address in a source URL must be in."""

LISTENERS_KEY: Final = "listeners"
"""The key of the validation context that holds the gateway's own servers, which no source URL may name."""

MISPLACED_AT: Final = (
    "has an @ behind its host, so that a part of a password is taken for the host: / ? # @ in a password must be "
    "percent-encoded, or the password its own key; an @ that belongs to the path is written %40"
)
"""The problem of a URL such as rtsp://user:p@ss/word@10.0.0.2/: its host would go to DNS and into logs."""

MAX_INTERFACE: Final = 15
"""The largest number of characters of an interface's name (Linux, IFNAMSIZ less its terminator)."""

MAX_REDIRECT_PORTS: Final = 8
"""The largest number of ports that a camera may redirect to; one with several channels was seen to use two."""

RedirectPorts: TypeAlias = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65535), NotBool], ...],
    Field(max_length=MAX_REDIRECT_PORTS),
    at_most(MAX_REDIRECT_PORTS),
]

MAX_ASPECT: Final = 8
"""The largest ratio of one side to the other; panoramic cameras send pictures of 8192x1800 and 32:9."""

MAX_TIMEOUT_S: Final = 600
"""The largest number of seconds that a step may take; a camera that takes longer is away."""

_ASPECT: Final = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")


def without_credentials_in_url(data: object, ports: Mapping[str, int]) -> object:
    """Return the keys of a source or a target with the user and the password of its URL in keys of their own.

    Args:
        data: the keys, or the URL alone, as they were written.
        ports: the usual port of each scheme that the URL may have.

    Raises:
        ValueError: there are credentials in the URL and in keys of their own.
    """
    if isinstance(data, str):
        data = {"url": data}
    if not isinstance(data, Mapping) or not isinstance(text := data.get("url"), str):
        return data
    try:
        url = split_url(text, ports)
    except ValueError:
        return data  # the check of `url` reports it, under its key
    if url.username is None:
        return data
    if data.get("username") is not None or data.get("password") is not None:
        raise ValueError("has credentials in its URL and in keys of its own; give them once")
    password = None if url.password is None else SecretStr(url.password)
    return {**data, "url": url.text, "username": SecretStr(url.username), "password": password}


def read_network(value: object) -> object:
    """Return the network that a text of the configuration names."""
    if isinstance(value, Network):
        return value
    if not isinstance(value, str):  # ipaddress takes the number 5 for 0.0.0.5
        raise ValueError("must be a network such as 10.0.0.0/8 or fc00::/7")  # noqa: TRY004  # pydantic collects ValueError
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("must be a network such as 10.0.0.0/8 or fc00::/7") from None
    raise ValueError(f"has bits set after its prefix, did you mean {meant}?")


NetworkText: TypeAlias = Annotated[
    Network,
    BeforeValidator(read_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"]}),
]
"""The type of a key that reads a network in the file."""

_DEFAULT_ALLOW: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "::1/128")
)


class SourcesConfig(Section):
    """`sources` holds the settings of all sources."""

    allow: tuple[
        NetworkText,
        ...,
    ] = _DEFAULT_ALLOW
    """The networks that cameras may be in; a source elsewhere is refused."""


def is_allowed(address: str, networks: Iterable[Network]) -> bool:
    """Return whether an address is in one of the networks.

    Args:
        address: a literal IPv4 or IPv6 address; any other text is not allowed. An IPv4-mapped IPv6 address counts as
            the IPv4 address that a connection to it reaches.
        networks: the networks, as in `SourcesConfig.allow`.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed.version == network.version and parsed in network for network in networks)


class TimeoutsConfig(Section):
    """`streams.<id>.source.timeouts` says how long each step of a session with the camera may take."""

    connect_s: Annotated[float, Field(ge=1, le=MAX_TIMEOUT_S), NotBool] = 10.0
    """The seconds until a connection stands."""
    reply_s: Annotated[float, Field(ge=1, le=MAX_TIMEOUT_S), NotBool] = 30.0
    """The seconds until the camera answers a request before PLAY."""
    first_packet_s: Annotated[float, Field(ge=1, le=MAX_TIMEOUT_S), NotBool] = 20.0
    """The seconds from PLAY to the first packet; recorders and battery cameras take some."""
    silence_s: Annotated[float, Field(ge=1, le=MAX_TIMEOUT_S), NotBool] = 10.0
    """The seconds without a packet or a picture after which the camera is connected anew; a camera whose pictures come
    seldom has four of its longest usual gaps, up to two minutes."""
    first_picture_s: Annotated[float, Field(ge=1, le=MAX_TIMEOUT_S), NotBool] = 30.0
    """The seconds of packets until the first picture."""


_EXAMPLE_FINGERPRINT: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class TlsConfig(Section):
    """`streams.<id>.source.tls` says how a camera with an rtsps:// URL proves that it is itself."""

    verify: Literal["pin", "ca", "none"] = "pin"
    """The proof. `pin`: the camera's key is learned on first use and kept, and another key is an event and an error
    until it is accepted. `ca`: the certificate has to be valid for the URL's host, by an authority that this machine
    trusts. `none`: any certificate will do, so whoever is in between can read and change everything."""
    fingerprint: str | None = Field(default=None, examples=[_EXAMPLE_FINGERPRINT])
    """The SHA-256 of the camera's certificate or of its public key, hexadecimal, with or without colons; then no key is
    learned."""
    old_ciphers: bool = False
    """Whether TLS 1.0 and 1.1 and ciphers that are broken by now may be used, as some older cameras need it."""

    @field_validator("fingerprint")
    @classmethod
    def _check_fingerprint(cls, value: str | None) -> str | None:
        if value is None:
            return None
        digits = value.replace(":", "").lower()
        if not re.fullmatch("[0-9a-f]{64}", digits):
            raise ValueError("must be a SHA-256 in 64 hexadecimal digits, with or without colons")
        return digits


class SourceOptions(Section):
    """`defaults.source` holds the keys that the sources of all streams share, such as a login.

    A camera that is named at runtime doesn't get the login, or whoever may name one could have it sent anywhere.
    """

    username: SecretStr | None = Field(default=None, examples=["viewer"])
    """The camera's user, which may also stand in the URL, percent-encoded."""
    password: SecretStr | None = Field(default=None, examples=["${FRONT_PASSWORD}"])
    """The camera's password; empty where the camera has no password."""
    password_file: Name | None = Field(default=None, examples=["front.secret"])
    """The file with the password; the path is relative to the configuration file's folder."""
    transport: Literal["auto", "tcp", "udp", "http", "multicast"] = "auto"
    """The way of RTP packets: interleaved, UDP, tunnelled over HTTP, or to a multicast group. `auto` tries the ways in
    this order, and multicast only where the camera's description names a group."""
    redirect_ports: RedirectPorts = Field(default=(), examples=[[8554]])
    """The ports that the camera may redirect to, besides its URL's own port and 554; it never chooses another host."""
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """The patience with the camera; the defaults wait long enough for every camera that is known."""
    tls: TlsConfig = TlsConfig()
    """The proof that a camera with an rtsps:// URL is itself."""
    profile: Literal["auto", "no-marker", "frequent-keep-alive", "no-options", "bare-requests", "h264"] = "auto"
    """A quirk of the camera that is forced by hand; `auto`: the gateway finds out by the camera's behaviour."""
    display_aspect: str | None = Field(
        default=None, examples=["16:9"], json_schema_extra={"pattern": "^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$"}
    )
    """The aspect, WIDTH:HEIGHT such as 16:9, at which the camera's picture is to be shown, where its samples are not
    square and the stream tells the aspect wrongly or not at all; null: the stream's own aspect counts."""
    bind_address: str | None = Field(default=None, examples=["10.0.0.2"])
    """The local address from which the gateway connects to the camera."""
    bind_interface: Annotated[str, Field(pattern=rf"^[^/\s:]{{1,{MAX_INTERFACE}}}$")] | None = Field(
        default=None, examples=["eth1"]
    )
    """The local interface from which the gateway connects to the camera."""

    @field_validator("display_aspect")
    @classmethod
    def _check_display_aspect(cls, value: str | None) -> str | None:
        match = _ASPECT.fullmatch(value) if value is not None else None
        if value is not None and match is None:
            raise ValueError("must be WIDTH:HEIGHT such as 16:9")
        if match is not None and not 1 / MAX_ASPECT <= int(match[1]) / int(match[2]) <= MAX_ASPECT:
            raise ValueError(f"must be a picture at most {MAX_ASPECT} times as wide as high, or as high as wide")
        return value

    @field_validator("bind_address")
    @classmethod
    def _check_bind_address(cls, value: str | None) -> str | None:
        if value is not None and not is_address(value):
            raise ValueError("must be an IP address of this machine")
        return value


class SourceConfig(SourceOptions):
    """`streams.<id>.source` describes a camera's stream. In the file, the URL alone may stand for the mapping."""

    url: Annotated[str, Field(max_length=4096, examples=["rtsp://192.168.10.21/Streaming/Channels/101"])]
    """The camera's URL, rtsp://host[:port]/..., or rtsps:// for RTSP over TLS, at port 322. Credentials in the URL are
    moved to `username` and `password`; the rest stays as written."""

    @property
    def host(self) -> str:
        """Return the URL's host; an IPv6 address has no brackets."""
        return self._split.host

    @property
    def port(self) -> int:
        """Return the URL's port; where the URL names none, 554, or 322 for rtsps."""
        return self._split.port

    @property
    def is_secure(self) -> bool:
        """Return whether the camera is reached over TLS."""
        return self._split.scheme == "rtsps"

    @property
    def aspect(self) -> tuple[int, int] | None:
        """Return (width, height) of `display_aspect`, or None for the stream's own aspect."""
        if self.display_aspect is None:
            return None
        width, height = self.display_aspect.split(":")
        return int(width), int(height)

    @property
    def _split(self) -> Url:
        return split_url(self.url, SOURCE_PORTS)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # some cameras want user and password in the path: /user=admin&password=...
        for name, value in super().__repr_args__():
            yield (name, f"{self._split.scheme}://{self.host}:{self.port}/...") if name == "url" else (name, value)

    @model_validator(mode="before")
    @classmethod
    def _move_credentials(cls, data: object) -> object:
        return without_credentials_in_url(data, SOURCE_PORTS)

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str, info: ValidationInfo) -> str:
        url = split_url(value, SOURCE_PORTS)
        before_query = url.rest if url.rest[:1] in {"?", "#"} else url.rest.partition("?")[0]
        if "@" in before_query and not is_address(url.host):  # half a password would be asked for in DNS
            raise ValueError(MISPLACED_AT)
        listeners: tuple[Endpoint, ...] = (info.context or {}).get(LISTENERS_KEY, ())
        if any(listener.is_named_by(url.host, url.port) for listener in listeners):
            raise ValueError(f"port {url.port} of {url.host} is a listener of this gateway, and no camera")
        networks: tuple[Network, ...] | None = (info.context or {}).get(NETWORKS_KEY)
        if networks is not None and is_address(url.host) and not is_allowed(url.host, networks):
            raise ValueError(f"address {url.host} is in none of the networks of sources.allow")
        return url.text

    @model_validator(mode="after")
    def _check_username(self) -> "SourceConfig":
        if self.password is not None and self.username is None:
            raise ValueError("has a password and no username")
        if self.is_secure and self.transport not in {"auto", "tcp"}:
            tunnel = "the HTTP tunnel is not made over TLS"
            reason = tunnel if self.transport == "http" else f"packets over {self.transport} would not be encrypted"
            raise ValueError(f"rtsps:// needs transport tcp: {reason}")
        return self


def is_address(text: str) -> bool:
    """Return whether a text is a literal IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
