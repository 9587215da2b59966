"""These sections describe the gateway's servers, RTSP and HTTP, and who may use them."""

import fnmatch
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from transcoder.config.listen import Endpoint, ListenAll, read_endpoints
from transcoder.config.multicast import MulticastConfig
from transcoder.config.patterns import USER_PATTERN
from transcoder.config.section import Name, NotBool, Secret, Section
from transcoder.worker_options import MAIN

UserName = Annotated[str, Field(pattern=USER_PATTERN)]
Port = Annotated[int, Field(ge=0, le=65535), NotBool]


def _listen(default: str) -> Any:
    """Return the field of a key with an address to listen on, which documents show as the file has it."""
    return Field(default=read_endpoints(default), examples=[default], json_schema_extra={"default": default})


class UserConfig(Section):
    """`rtsp.users.<name>` is a reader of streams."""

    password: Secret = Field(examples=["${VMS_PASSWORD}"])
    """The user's password; `password_file` may stand instead."""
    password_file: Name | None = Field(default=None, examples=["vms.secret"])
    """The file with the password; the path is relative to the configuration file's folder."""
    streams: tuple[Name, ...] = ("*",)
    """The patterns (`*`, `?`, `[a-z]`) of the ids of the streams that the user may read, each with all of its
    renditions. A pattern with a slash allows the renditions alone that are named behind it: `front/sub`, `*/sub`, and
    `front/main` for the stream's own picture."""

    def may_read(self, path: str) -> bool:
        """Return whether one of the user's patterns allows a served path: a stream's id, and a rendition's name."""
        stream, _, rendition = path.partition("/")
        return any(_allows(pattern, stream, rendition or MAIN) for pattern in self.streams)


def _allows(pattern: str, stream: str, rendition: str) -> bool:
    of_stream, slash, of_rendition = pattern.partition("/")
    if not fnmatch.fnmatchcase(stream, of_stream):
        return False
    return not slash or fnmatch.fnmatchcase(rendition, of_rendition)


class RtspTlsConfig(Section):
    """`rtsp.tls` describes the server that readers pull from over TLS (rtsps://)."""

    listen: ListenAll = _listen("127.0.0.1:8322")
    """The address and port of RTSP over TLS 1.2 and 1.3, or a list of them; port 0 stands for any free port."""
    certificate_file: Path | None = Field(default=None, examples=["gateway.pem"])
    """The server's certificate and its chain, PEM, which is read again when it changes; null: a certificate that signs
    itself is made at the first start and kept in `state_dir`."""
    key_file: Path | None = Field(default=None, examples=["gateway.key"])
    """The key of `certificate_file`, PEM."""

    @model_validator(mode="after")
    def _check_pair(self) -> "RtspTlsConfig":
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file are needed together")
        return self


class RtspConfig(Section):
    """`rtsp` describes the server that readers pull from."""

    users: dict[UserName, UserConfig] = Field(
        default={}, examples=[{"vms": {"password_file": "vms.secret", "streams": ["*"]}}]
    )
    """The readers, by name. Without any users, readers need no login, and only readers on this machine are served."""
    insecure: bool = False
    """Whether readers on other machines may read without a login where there are no users."""
    udp_ports: tuple[Port, Port] = (8000, 8001)
    """The UDP ports of RTP and RTCP; `[0, 0]` stands for any free ports."""
    listen: ListenAll = _listen("127.0.0.1:8554")
    """The address and port of the server, or a list of them; port 0 stands for any free port, which is printed at
    start. `[::]` serves IPv4 too."""
    tls: RtspTlsConfig | None = Field(default=None, examples=[{"listen": "127.0.0.1:8322"}])
    """The server for readers over TLS, beside the other; null: there is none."""

    multicast: MulticastConfig | None = Field(default=None, examples=[{"groups": ["239.192.0.0/16"]}])
    """What is sent by multicast to readers that ask for it; null: nothing is."""
    digest: Literal["md5", "sha256"] = "md5"
    """How readers log in: by Digest MD5, which every one knows, or, where they know it, by SHA-256 before it."""
    basic: Literal["tls", "always", "never"] = "tls"
    """Where readers may send their password as it is (Basic): over TLS, always, or never."""

    @field_validator("udp_ports")
    @classmethod
    def _check_pair(cls, value: tuple[int, int]) -> tuple[int, int]:
        # server_port in the Transport header is a range (RFC 2326, 12.39), RTP even and RTCP after it (RFC 3550, 11)
        if value != (0, 0) and (value[0] % 2 or value[1] != value[0] + 1 or not value[0]):
            raise ValueError("must be an even port for RTP and the next one for RTCP, or [0, 0]")
        return value

    @field_validator("listen")
    @classmethod
    def _check_open(cls, value: tuple[Endpoint, ...], info: ValidationInfo) -> tuple[Endpoint, ...]:
        _check_users(value, info)
        return value

    @field_validator("tls")
    @classmethod
    def _check_open_tls(cls, value: RtspTlsConfig | None, info: ValidationInfo) -> RtspTlsConfig | None:
        if value is not None:
            _check_users(value.listen, info)
        return value


def _check_users(endpoints: tuple[Endpoint, ...], info: ValidationInfo) -> None:
    # the fields before are missing in `data` where they have problems of their own
    if info.data.get("users") != {} or info.data.get("insecure") is not False:
        return
    for endpoint in endpoints:
        if not endpoint.is_loopback:
            raise ValueError(
                f"{endpoint} is reached from other machines and there are no users: add some to rtsp.users, "
                "listen on 127.0.0.1, or set rtsp.insecure to true to let everybody read"
            )


class TokenConfig(Section):
    """`http.tokens.<name>` is a bearer token of the HTTP API."""

    token: Secret = Field(examples=["${OPS_TOKEN}"])
    """The token that a client sends as `Authorization: Bearer`; `token_file` may stand instead."""
    token_file: Name | None = Field(default=None, examples=["ops.token"])
    """The file with the token; the path is relative to the configuration file's folder."""
    role: Literal["read", "control"] = "read"
    """The rights of the token: `read` only looks, `control` changes streams too."""


class HttpConfig(Section):
    """`http` describes the API, the metrics and the health checks."""

    listen: ListenAll = _listen("127.0.0.1:8080")
    """The address and port of the API, or a list of them; port 0 stands for any free port, which is printed at start.
    `[::]` serves IPv4 too."""
    tokens: dict[UserName, TokenConfig] = Field(
        default={}, examples=[{"ops": {"token_file": "ops.token", "role": "control"}}]
    )
    """The tokens of the API, by name. Without any tokens, a client on this machine may do everything, and other clients
    may only see /healthz and /readyz."""
    open_metrics: bool = False
    """Whether everybody may read /metrics, or only a client that may read the API."""
    cert_file: Path | None = Field(default=None, examples=["gateway.pem"])
    """The server's certificate and its chain, PEM; with a certificate the API is served over TLS only."""
    key_file: Path | None = Field(default=None, examples=["gateway.key"])
    """The key of `cert_file`, PEM."""

    @model_validator(mode="after")
    def _check_pair(self) -> "HttpConfig":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are needed together")
        return self
