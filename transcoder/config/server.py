"""These sections describe the gateway's servers, RTSP and HTTP, and who may use them."""

import fnmatch
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from transcoder.config.listen import Endpoint, Listen
from transcoder.config.patterns import USER_PATTERN
from transcoder.config.section import Name, NotBool, Secret, Section

UserName = Annotated[str, Field(pattern=USER_PATTERN)]
Port = Annotated[int, Field(ge=0, le=65535), NotBool]


class UserConfig(Section):
    """`rtsp.users.<name>` is a reader of streams."""

    password: Secret = Field(examples=["${VMS_PASSWORD}"])
    """The user's password; `password_file` may stand instead."""
    password_file: Name | None = Field(default=None, examples=["vms.secret"])
    """The file with the password; the path is relative to the configuration file's folder."""
    streams: tuple[Name, ...] = ("*",)
    """The patterns (`*`, `?`, `[a-z]`) of the ids of the streams that the user may read."""

    def may_read(self, stream_id: str) -> bool:
        """Return whether one of the user's patterns matches a stream's id."""
        return any(fnmatch.fnmatchcase(stream_id, pattern) for pattern in self.streams)


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
    listen: Listen = Endpoint(host="127.0.0.1", port=8554)
    """The address and port of the server; port 0 stands for any free port, which is printed at start."""

    @field_validator("udp_ports")
    @classmethod
    def _check_pair(cls, value: tuple[int, int]) -> tuple[int, int]:
        # server_port in the Transport header is a range (RFC 2326, 12.39), RTP even and RTCP after it (RFC 3550, 11)
        if value != (0, 0) and (value[0] % 2 or value[1] != value[0] + 1 or not value[0]):
            raise ValueError("must be an even port for RTP and the next one for RTCP, or [0, 0]")
        return value

    @field_validator("listen")
    @classmethod
    def _check_open(cls, value: Endpoint, info: ValidationInfo) -> Endpoint:
        # the fields above are missing in `data` where they have problems of their own
        if not value.is_loopback and info.data.get("users") == {} and info.data.get("insecure") is False:
            raise ValueError(
                f"{value} is reached from other machines and there are no users: add some to rtsp.users, "
                "listen on 127.0.0.1, or set rtsp.insecure to true to let everybody read"
            )
        return value


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

    listen: Listen = Field(default=Endpoint(host="127.0.0.1", port=8080), examples=["127.0.0.1:8080"])
    """The address and port of the API; port 0 stands for any free port, which is printed at start."""
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
