"""Every key of a configured stream reaches the source, the worker or an output; a key that is forgotten is loud."""

import dataclasses
import ipaddress
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.config import StreamConfig, parse
from transcoder.config.stream import RenditionConfig
from transcoder.net.sockets import Binding
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.quirks import FORCED_QUIRKS
from transcoder.rtsp.urls import parse_url
from transcoder.service.settings import StreamSettings, push_options, stream_settings
from transcoder.source.camera_keys import TlsOptions
from transcoder.source.options import Timeouts
from transcoder.worker_options import MAIN, EncoderSettings, Mask, OutputOptions, WorkerOptions

TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
URL = "rtsp://10.0.0.2/live"

KEYS: list[tuple[str, object, str, object]] = [
    ("enabled", False, "enabled", False),
    ("title", "Front door", "title", "Front door"),
    ("slate.banner", False, "has_banner", False),
    ("audio", "reencode", "source.audio", True),
    ("audio_codec", "pcma", "worker.audio_codec", AudioCodec.PCMA),
    ("memory_limit_mb", 300, "worker.memory_limit_mb", 300),
    ("masks", [{"polygon": TRIANGLE, "style": "blur"}], "worker.masks", (Mask(polygon=TRIANGLE, style="blur"),)),
    ("video.codec", "h265", "worker.outputs.0.codec", Codec.H265),
    ("video.bitrate_kbps", 800, "worker.outputs.0.bitrate_kbps", 800),
    ("video.fps", 12.5, "worker.outputs.0.fps", 12.5),
    ("video.gop_s", 2.5, "worker.outputs.0.gop_s", 2.5),
    ("video.size", "640x360", "worker.outputs.0.size", (640, 360)),
    ("video.preset", "faster", "worker.outputs.0.preset", "faster"),
    ("renditions.sub.size", "640x360", "worker.outputs.1.size", (640, 360)),
    ("renditions.sub.fps", 7, "worker.outputs.1.fps", 7),
    ("renditions.sub.bitrate_kbps", 400, "worker.outputs.1.bitrate_kbps", 400),
    ("renditions.sub.codec", "h265", "worker.outputs.1.codec", Codec.H265),
    ("renditions.sub.gop_s", 2, "worker.outputs.1.gop_s", 2),
    ("renditions.sub.preset", "fast", "worker.outputs.1.preset", "fast"),
    ("renditions.sub.audio", "drop", "worker.outputs.1.audio", False),
    ("renditions.sub.on_demand", True, "worker.outputs.1.on_demand", True),
    ("encoder.profile", "quality", "worker.outputs.0.encoder.profile", "quality"),
    ("encoder.crf", 30.5, "worker.outputs.0.encoder.crf", 30.5),
    ("encoder.aq_mode", 2, "worker.outputs.0.encoder.aq_mode", 2),
    ("encoder.aq_strength", 0.5, "worker.outputs.0.encoder.aq_strength", 0.5),
    ("encoder.ipratio", 1.5, "worker.outputs.0.encoder.ipratio", 1.5),
    ("encoder.subme", 3, "worker.outputs.0.encoder.subme", 3),
    ("encoder.buffer_s", 3.5, "worker.outputs.0.encoder.buffer_s", 3.5),
    ("source.url", "rtsp://10.0.0.3:555/a", "source.url", parse_url("rtsp://10.0.0.3:555/a")),
    ("source.username", "viewer", "source.credentials", Credentials(username="viewer", password="")),
    ("source.transport", "udp", "source.transport", "udp"),
    ("source.profile", "no-marker", "source.quirks", FORCED_QUIRKS["no-marker"]),
    ("source.display_aspect", "16:9", "worker.display_aspect", (16, 9)),
    ("source.bind_address", "10.0.0.9", "source.binding", Binding(address="10.0.0.9")),
    ("source.redirect_ports", [8554], "source.redirect_ports", (8554,)),
    ("source.bind_interface", "eth1", "source.binding", Binding(interface="eth1")),
    ("source.timeouts.connect_s", 2.5, "source.timeouts", Timeouts(connect_s=2.5)),
    ("source.timeouts.reply_s", 60, "source.timeouts", Timeouts(reply_s=60)),
    ("source.timeouts.first_packet_s", 60, "source.timeouts", Timeouts(first_packet_s=60)),
    ("source.timeouts.silence_s", 45.5, "source.timeouts", Timeouts(silence_s=45.5)),
    ("source.timeouts.first_picture_s", 90, "source.timeouts", Timeouts(first_picture_s=90)),
    ("source.tls.verify", "ca", "source.tls", TlsOptions(verify="ca")),
    ("source.tls.fingerprint", "AB:" * 31 + "CD", "source.tls", TlsOptions(fingerprint="ab" * 31 + "cd")),
    ("source.tls.old_ciphers", True, "source.tls", TlsOptions(old_ciphers=True)),
]
"""Key of a stream, another value than the default, where it arrives, and as what."""
WITH_ANOTHER_KEY = {"source.password", "source.password_file", "video.mode", "video.relay_reason"}
"""They mean something beside another key only, such as source.username: tested by themselves."""
SHOWN_ONLY = {"site", "labels"}
"""They are for people and reach no part that handles pictures."""
OF_PRESETS = {"vms"}
"""It stands for other keys; `tests/config/test_vms.py` does."""
OF_THE_CATALOGUE = {"aliases", "renditions.sub.aliases"}
"""Readers find a stream by them; `tests/service/test_catalogue.py` does."""
OF_ASSETS = {"asset"}
"""It says which box on a pole feeds the stream; `tests/assets/test_inventory.py` does."""
OF_PUSHES = {"push"}
"""What is sent elsewhere reaches no part that handles pictures; it is tested by itself."""
OF_THE_DEVICE = {"onvif.port"}
"""VMSs find a stream by it; `tests/onvif/test_server.py` does."""
OF_THE_SERVICE = {
    "source.allowed",
    "source.is_own",
    "source.rate",
    "source.turn_bytes",
    "source.turn_events",
    "worker.slate_size",
    "worker.split",
    "worker.outputs.0.fixed",
    "worker.outputs.0.recalled",
    "worker.outputs.0.rate_divisor",
    "worker.outputs.0.audio",
    "worker.outputs.0.relays",
    "worker.swaps",
    "worker.outputs.0.on_demand",
    "worker.outputs.0.asleep",
}
"""Options that come from no key of a stream: from addresses, limits of the code, the camera, an earlier worker, the
admission, a key of the whole gateway."""


def allowed(address: str) -> bool:
    return ipaddress.ip_address(address).is_private


def configured(key: str = "", value: object = None, **source: object) -> StreamConfig:
    keys: dict[str, Any] = {"source": {"url": URL, **source}}
    *sections, name = key.split(".")
    target = keys
    for section in sections:
        target = target.setdefault(section, {})
    if name:
        target[name] = value
    return parse(yaml.safe_dump({"streams": {"a": plain(keys)}}), Path("/nonexistent"), {}).streams["a"]


def plain(value: Any) -> Any:
    """Tuples are lists in YAML."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def settings(key: str = "", value: object = None, **source: object) -> StreamSettings:
    return stream_settings(configured(key, value, **source), allowed)


def flat(made: object, prefix: str = "") -> dict[str, object]:
    """Every option by its place."""
    found: dict[str, object] = {}
    for field in dataclasses.fields(made):  # type: ignore[arg-type]
        value, name = getattr(made, field.name), f"{prefix}{field.name}"
        if not field.compare:  # no option but a thing that streams share
            continue
        if field.name == "outputs" and isinstance(value[0], OutputOptions):
            for number, output in enumerate(value):
                found |= flat(output, f"{name}.{number}.")
        elif isinstance(value, WorkerOptions | SourceOptions | EncoderSettings):
            found |= flat(value, f"{name}.")
        else:
            found[name] = value
    return found


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if name == "renditions":
            found |= keys_of(RenditionConfig, f"{prefix}{name}.sub.")
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= keys_of(kind, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
    return found


def test_every_key_is_in_the_table() -> None:
    elsewhere = SHOWN_ONLY | OF_PRESETS | OF_THE_CATALOGUE | OF_THE_DEVICE | OF_ASSETS | OF_PUSHES
    assert {key for key, *_ in KEYS} | WITH_ANOTHER_KEY | elsewhere == keys_of(StreamConfig)


def test_every_option_comes_from_a_key_or_is_known_not_to() -> None:
    places = {place for _, _, place, _ in KEYS if "outputs.1" not in place}
    assert places | OF_THE_SERVICE | {"outputs", "pushes"} == set(flat(settings()))


@pytest.mark.parametrize(("key", "value", "place", "expected"), KEYS, ids=[key for key, *_ in KEYS])
def test_a_key_changes_its_option_and_no_other(key: str, value: object, place: str, expected: object) -> None:
    base = settings("renditions.sub", {}) if key.startswith("renditions.") else settings()
    before, after = flat(base), flat(settings(key, value))
    assert before[place] != expected
    assert after == before | {place: expected}


def test_a_relay() -> None:
    keys = {"mode": "relay", "relay_reason": "Axis"}
    before, after = flat(settings()), flat(settings("video", keys))
    assert after == before | {"worker.outputs.0.relays": True}


def test_a_password() -> None:
    made = settings(username="viewer", password="secret")
    assert made.source.credentials == Credentials(username="viewer", password="secret")


SUB = {"size": "640x360", "codec": "h265"}


def test_outputs_are_named_in_the_order_of_the_worker() -> None:
    two = configured("encoder.crf", 30).model_copy(update={"renditions": {"sub": RenditionConfig.model_validate(SUB)}})
    made = stream_settings(two, allowed)
    assert made.outputs == (MAIN, "sub")
    encoder = EncoderSettings(crf=30)
    assert made.named_outputs() == {
        MAIN: OutputOptions(encoder=encoder),
        "sub": OutputOptions(size=(640, 360), codec=Codec.H265, encoder=encoder),
    }


def test_every_output_begins_with_one_picture_in_so_many() -> None:
    made = settings("renditions.sub", SUB).at_rate_divisor(4)
    assert [output.rate_divisor for output in made.worker.outputs] == [4, 4]


@pytest.mark.parametrize(
    ("before", "after", "order", "reason"),
    [
        ({}, {"sub": {}}, (MAIN, "sub"), ""),
        ({"sub": {}}, {}, (MAIN,), ""),
        ({"b": {}}, {"a": {}, "b": {}}, (MAIN, "b", "a"), ""),
        ({"a": {}, "b": {}}, {"a": {}}, (MAIN, "a"), ""),
        ({"a": {}, "b": {}}, {"b": {}}, (MAIN, "b"), "it has other outputs"),
        ({"a": {}}, {"b": {}}, (MAIN, "b"), "it has other outputs"),
        ({"a": {}}, {"a": {"codec": "h265"}}, (MAIN, "a"), "another codec is configured"),
        ({}, {"a": {"codec": "h265"}}, (MAIN, "a"), "another codec is configured"),
        ({"a": {"codec": "h265"}}, {"a": {"codec": "h265"}, "b": {"codec": "h265"}}, (MAIN, "a", "b"), ""),
    ],
)
def test_a_worker_goes_on_where_its_outputs_keep_their_places(
    before: dict[str, Any], after: dict[str, Any], order: tuple[str, ...], reason: str
) -> None:
    had, wanted = settings("renditions", before), settings("renditions", after)
    made = wanted.following(had)
    assert (made.outputs, made.reason_to_replace(had)) == (order, reason)
    assert made.named_outputs() == wanted.named_outputs()


def test_another_camera_is_counted_and_the_same_one_is_not() -> None:
    had, same = configured("enabled", True), configured("audio", "reencode")
    another = configured("source", "rtsp://10.0.0.9/other")
    first, second, third = (stream_settings(stream, allowed) for stream in (had, same, another))
    assert [first.worker.swaps, second.following(first).worker.swaps] == [0, 0]
    swapped = third.following(second.following(first))
    assert (swapped.worker.swaps, third.following(swapped).worker.swaps, first.following(swapped).worker.swaps) == (
        1,
        1,
        2,
    )


def test_a_push() -> None:
    tls = {"verify": "ca", "fingerprint": "AB:" * 31 + "CD", "old_ciphers": True}
    keys = {"url": "rtsps://vms.example:8322/in", "username": "gw", "password": "secret", "enabled": False, "tls": tls}
    push = configured("push.vms", keys).push["vms"]
    made = push_options(push, allowed, lambda *_: False)
    assert (made.url.host, made.url.port, made.url.rest) == ("vms.example", 8322, "/in")
    assert (made.rendition, made.enabled) == (MAIN, False)
    assert made.credentials == Credentials(username="gw", password="secret")
    assert made.tls == TlsOptions(verify="ca", fingerprint="ab" * 31 + "cd", old_ciphers=True)
    tube = configured("push.tube", {"url": "rtmp://tube.example/live", "stream_key": "k3y"}).push["tube"]
    assert push_options(tube, allowed, lambda *_: False).stream_key == "k3y"
