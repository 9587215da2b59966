"""The configuration model reads YAML and gives an immutable and validated `Config`."""

from transcoder.config.listen import Endpoint
from transcoder.config.load import ConfigFile, config_schemas, json_schema, load, load_file, parse
from transcoder.config.merge import changes, merge, without
from transcoder.config.model import Config
from transcoder.config.mqtt import MqttConfig
from transcoder.config.multicast import MulticastConfig
from transcoder.config.onvif import OnvifConfig, StreamOnvifConfig
from transcoder.config.remote import HIDDEN, check_remote, lay_over, stream_keys, validate_stream
from transcoder.config.server import HttpConfig, RtspConfig, RtspTlsConfig, TokenConfig, UserConfig
from transcoder.config.source import Network, SourceConfig, SourcesConfig, is_allowed
from transcoder.config.stream import MaskConfig, StreamConfig, StreamOptions, VideoConfig

__all__ = [
    "HIDDEN",
    "Config",
    "ConfigFile",
    "Endpoint",
    "HttpConfig",
    "MaskConfig",
    "MqttConfig",
    "MulticastConfig",
    "Network",
    "OnvifConfig",
    "RtspConfig",
    "RtspTlsConfig",
    "SourceConfig",
    "SourcesConfig",
    "StreamConfig",
    "StreamOnvifConfig",
    "StreamOptions",
    "TokenConfig",
    "UserConfig",
    "VideoConfig",
    "changes",
    "check_remote",
    "config_schemas",
    "is_allowed",
    "json_schema",
    "lay_over",
    "load",
    "load_file",
    "merge",
    "parse",
    "stream_keys",
    "validate_stream",
    "without",
]
