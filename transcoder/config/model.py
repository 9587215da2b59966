"""This module defines the whole configuration file as one immutable model."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from transcoder.config.asset import MAX_ASSETS, AssetConfig, AssetId
from transcoder.config.include import MAX_PATTERNS
from transcoder.config.ledger import LedgerConfig
from transcoder.config.mqtt import MqttConfig
from transcoder.config.onvif import OnvifConfig
from transcoder.config.patterns import NODE_PATTERN, STREAM_ID_PATTERN
from transcoder.config.push import PushesConfig
from transcoder.config.section import Name, Section, at_most
from transcoder.config.server import HttpConfig, RtspConfig
from transcoder.config.source import SourcesConfig
from transcoder.config.stream import DefaultsConfig, StreamConfig
from transcoder.config.verify import VerifyConfig
from transcoder.config.worker import WorkerConfig

StreamId = Annotated[str, Field(pattern=STREAM_ID_PATTERN)]


LIVE_KEYS: Final[Mapping[str, frozenset[str] | None]] = {
    "sources": None,
    "push": None,
    "verify": None,
    "admission": None,
    "include": None,
    "defaults": None,
    "streams": None,
    "assets": None,
    "rtsp": frozenset({"users", "insecure"}),
    "http": frozenset({"tokens", "open_metrics"}),
    "onvif": frozenset({"control"}),
}
"""The parts of the file that are taken up while the gateway runs; None stands for all keys of a section."""


def _host_name() -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()).lstrip("_.-")
    return name[:63] or "gateway"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Config(Section):
    """The configuration file is one mapping; every key but `streams` has a default."""

    node: Annotated[str, Field(pattern=NODE_PATTERN)] = Field(default_factory=_host_name, examples=["gw1"])
    """The gateway's name in MQTT topics; the default is the host's name."""
    rtsp: RtspConfig = RtspConfig()
    http: HttpConfig | None = Field(default=None, examples=[{"listen": "127.0.0.1:8080"}])
    """The HTTP server; null: there is no HTTP server."""
    onvif: OnvifConfig | None = Field(default=None, examples=[{"listen": "127.0.0.1:8081"}])
    """The ONVIF-compatible devices; null: there are none."""
    mqtt: MqttConfig | None = Field(default=None, examples=[{"url": "mqtt://127.0.0.1:1883"}])
    """The MQTT broker; null: the gateway uses no broker."""
    state_dir: Path | None = Path("state")
    """The folder for everything that is kept over a restart; in a file, the path is relative to the file's folder.
    null: nothing is kept. No stream can be changed at runtime, there is no audit log, verdicts are not signed, the keys
    of cameras over TLS are learned anew, and each start compiles for up to a minute."""
    watch: bool = False
    """Whether the gateway loads this file again when it changes, or a file that it includes, as it does on SIGHUP. The
    log of a start says where that is off. With it on, write a new file and rename it: a file that is written slowly
    in its place may be read when half of its streams are there."""
    admission: Literal["accept", "degrade", "refuse"] = "accept"
    """The way to treat a stream that the machine, by measurement, has no time for. `accept`: the stream is started all
    the same. `degrade`: the stream is started with few pictures a second and gets more when there is time. `refuse`:
    the stream is not started until there is time."""
    open_files: Literal["warn", "refuse"] = "warn"
    """The way to treat files and folders with secrets or state that everybody on the machine may read or change.
    `warn`: the log names them at the start. `refuse`: the gateway does not start."""
    verify: VerifyConfig = VerifyConfig()
    sources: SourcesConfig = SourcesConfig()
    push: PushesConfig = PushesConfig()
    sandbox: Literal["required", "best_effort"] = "best_effort"
    """What the gateway does where a measure of the workers' sandbox is missing, because the kernel or the rights of the
    gateway don't allow it. `best_effort`: workers run without the measure, and the log names it. `required`: no worker
    runs, and the gateway ends with the measure's name and advice."""
    worker: WorkerConfig = WorkerConfig()
    ledger: LedgerConfig = LedgerConfig()
    include: Annotated[
        tuple[Name, ...], Field(max_length=MAX_PATTERNS), at_most(MAX_PATTERNS), BeforeValidator(_as_list)
    ] = Field(default=(), examples=["conf.d/*.yaml"])
    """The files whose keys are added to this file's: a path or a list of paths, relative to this file's folder, with
    `*`, `?` and `[a-z]` in the last part. A key or a stream that two files give is an error, and an included file
    includes no more. Paths in an included file are relative to this file's folder too."""
    defaults: DefaultsConfig = DefaultsConfig()
    """The keys of every stream that doesn't set them itself, as in “A stream”. `defaults.source` holds keys of “A
    stream's camera”, such as a login, but no `url`; a stream with a user of its own does not get the password from
    here, and a camera that is named at runtime gets no login from here."""
    streams: dict[StreamId, StreamConfig] = Field(
        examples=[{"front": {"source": "rtsp://192.168.10.21/Streaming/Channels/101"}}]
    )
    """The streams by id; each is served at `rtsp://<rtsp.listen>/<id>`."""
    assets: Annotated[dict[AssetId, AssetConfig], Field(max_length=MAX_ASSETS)] = Field(
        default={}, examples=[{"pole-17": {"site": "Harbour", "brand": "Annke", "planned": "2027-Q2"}}]
    )
    """The cameras and recorders by id, as boxes on poles: an asset outlives its stream's source. A stream names its
    asset in `asset`."""
