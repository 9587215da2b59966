"""The section `mqtt` names the broker that streams are steered through."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from transcoder.config.section import Name, NotBool, Section
from transcoder.url import Url, split_url

MQTT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
"""The ports registered with IANA: plain and over TLS."""

_TOPIC: Final = re.compile(r"[^$/+#][^/+#]*(/[^/+#]+)*")


def _topic(value: str) -> str:
    # MQTT 5, 4.7: + and # are wildcards, $ in front is the broker's own
    if not _TOPIC.fullmatch(value):
        raise ValueError("must be a topic: levels with / between them, without + and #, not starting with $")
    return value


Topic = Annotated[Name, AfterValidator(_topic)]


class MqttConfig(Section):
    """`mqtt` names the broker, and the gateway's place on it."""

    url: Name = Field(examples=["mqtts://broker.example.org"])
    """The broker's URL, mqtt://host[:1883] or, with TLS, mqtts://host[:8883]. Credentials in the URL are moved to
    `username` and `password`."""
    base_topic: Topic = "transcoder"
    """The first levels of every topic of the gateway."""
    username: Name | None = Field(default=None, examples=["gw"])
    """The gateway's user at the broker; also taken from the URL."""
    password: SecretStr | None = Field(default=None, examples=["${MQTT_PASSWORD}"])
    """The password of `username`; `password_file` may stand instead."""
    password_file: Name | None = Field(default=None, examples=["mqtt.secret"])
    """The file with the password; the path is relative to the configuration file's folder."""
    ca_file: Path | None = Field(default=None, examples=["ca.pem"])
    """The PEM certificates that the broker's certificate is checked against; null: the system's certificates."""
    cert_file: Path | None = Field(default=None, examples=["gateway.pem"])
    """The gateway's own certificate, PEM."""
    key_file: Path | None = Field(default=None, examples=["gateway.key"])
    """The key of `cert_file`, PEM."""
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = Field(default=None, examples=["gw1"])
    """The name by which the broker knows the gateway; null: transcoder-<node>. Two clients with the same name throw
    each other out."""
    session_expiry_s: Annotated[int, Field(ge=0, le=86_400), NotBool] = 0
    """How long the broker keeps commands for a gateway that is away. With 0, a command that can't be carried out now is
    lost, and its sender hears nothing."""
    discovery_prefix: Topic | None = "homeassistant"
    """The topic under which Home Assistant looks for devices; null: the gateway announces no devices."""

    @property
    def host(self) -> str:
        """Return the broker's name or address."""
        return self._split.host

    @property
    def port(self) -> int:
        """Return the broker's port."""
        return self._split.port

    @property
    def tls(self) -> bool:
        """Return whether the connection is encrypted."""
        return self._split.scheme == "mqtts"

    @property
    def _split(self) -> Url:
        return split_url(self.url, MQTT_PORTS)

    @model_validator(mode="before")
    @classmethod
    def _move_credentials(cls, data: object) -> object:
        if not isinstance(data, Mapping) or not isinstance(text := data.get("url"), str):
            return data
        try:
            url = split_url(text, MQTT_PORTS)
        except ValueError:
            return data  # the check of `url` reports it, under its key
        if url.username is None:
            return data
        if data.get("username") is not None or data.get("password") is not None:
            raise ValueError("has credentials in its URL and in keys of its own; give them once")
        return {**data, "url": url.text, "username": url.username, "password": url.password}

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        url = split_url(value, MQTT_PORTS)
        if url.rest not in {"", "/"}:
            hint = "" if "@" not in url.rest else "; / ? # @ in a password must be percent-encoded"
            raise ValueError(f"must end after host and port{hint}")
        return url.text

    @field_validator("ca_file", "cert_file", "key_file")
    @classmethod
    def _check_tls(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        url = info.data.get("url")
        if value is not None and url is not None and not url.startswith("mqtts:"):
            raise ValueError("needs a url that starts with mqtts://")
        return value

    @model_validator(mode="after")
    def _check_pair(self) -> "MqttConfig":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are needed together")
        return self
