"""The configuration model: YAML in, an immutable and validated `Config` out."""

from transcoder.config.listen import Endpoint
from transcoder.config.load import json_schema, load, parse
from transcoder.config.model import Config
from transcoder.config.mqtt import MqttConfig
from transcoder.config.server import HttpConfig, RtspConfig, TokenConfig, UserConfig
from transcoder.config.source import Network, SourceConfig, SourcesConfig, is_allowed
from transcoder.config.stream import MaskConfig, StreamConfig, StreamOptions, VideoConfig

__all__ = [
    "Config",
    "Endpoint",
    "HttpConfig",
    "MaskConfig",
    "MqttConfig",
    "Network",
    "RtspConfig",
    "SourceConfig",
    "SourcesConfig",
    "StreamConfig",
    "StreamOptions",
    "TokenConfig",
    "UserConfig",
    "VideoConfig",
    "is_allowed",
    "json_schema",
    "load",
    "parse",
]
