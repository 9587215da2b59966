"""What the gateway serves: the RTSP server and the HTTP API, and who may use them."""

import fnmatch
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from transcoder.config.listen import Endpoint, Listen
from transcoder.config.section import Name, NotBool, Secret, Section

USER_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
"""No colon, which ends a user's name in Basic (RFC 7617, 2), and no quote, which ends it in Digest (RFC 7616, 3.4)."""

UserName = Annotated[str, Field(pattern=USER_PATTERN)]
Port = Annotated[int, Field(ge=0, le=65535), NotBool]


class UserConfig(Section):
    """`rtsp.users.<name>`: a reader of streams."""

    password: Secret
    password_file: Name | None = None
    """A file with the password, relative to the configuration file's folder."""
    streams: tuple[Name, ...] = ("*",)
    """Patterns (`*`, `?`, `[a-z]`) of the ids of the streams that the user may read."""

    def may_read(self, stream_id: str) -> bool:
        """Whether one of the user's patterns matches a stream's id."""
        return any(fnmatch.fnmatchcase(stream_id, pattern) for pattern in self.streams)


class RtspConfig(Section):
    """`rtsp`: the server that readers pull from."""

    users: dict[UserName, UserConfig] = Field(default={})
    insecure: bool = False
    """Off loopback too, whoever reaches the server may read when there are no users."""
    udp_ports: tuple[Port, Port] = (8000, 8001)
    """For RTP and RTCP; [0, 0]: any free ports."""
    listen: Listen = Endpoint(host="127.0.0.1", port=8554)
    """host:port; port 0: any free port, printed at start."""

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
    """`http.tokens.<name>`: a bearer token of the HTTP API."""

    token: Secret
    token_file: Name | None = None
    """A file with the token, relative to the configuration file's folder."""
    role: Literal["read", "control"] = "read"
    """What it may do: only look, or change streams too."""


class HttpConfig(Section):
    """`http`: the API, metrics and health."""

    listen: Listen = Endpoint(host="127.0.0.1", port=8080)
    """host:port; port 0: any free port, printed at start."""
    tokens: dict[UserName, TokenConfig] = Field(default={})
    """Without any, a client on this machine may do everything and others nothing but see /healthz and /readyz."""
    open_metrics: bool = False
    """/metrics for everybody; false: for whoever may read."""
    cert_file: Path | None = None
    """The server's certificate and its chain, PEM; with it the API is served over TLS only."""
    key_file: Path | None = None
    """The key of `cert_file`, PEM."""

    @model_validator(mode="after")
    def _check_pair(self) -> "HttpConfig":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are needed together")
        return self
