"""Bounds of a stream's keys: the last good value and the first bad one on each side."""

from pathlib import Path

import pytest
import yaml

from transcoder.config import StreamConfig, parse
from transcoder.errors import ConfigError

MASK = {"polygon": [[0, 0], [1, 0], [1, 1]]}


def stream(**keys: object) -> StreamConfig:
    text = yaml.safe_dump({"streams": {"a": {"source": "rtsp://10.0.0.2/", **keys}}})
    return parse(text, Path("/nonexistent"), {}).streams["a"]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("bitrate_kbps", [64, 100_000, "800"], [63, 100_001, 100.5, True, None, "x", float("inf"), [64]]),
        ("fps", [0.5, 120, None, "12.5"], [0.4, 121, True, float("nan"), "x"]),
        ("gop_s", [0.2, 10, 1], [0.19, 10.1, None, True, float("inf")]),
        ("codec", ["h264", "h265"], ["H264", "av1", None, 264]),
        ("preset", [None, "ultrafast", "veryslow"], ["turbo", 5]),
        ("size", [None, "source", "16x16", "1280x720", "8192x4352"],
         ["15x16", "1281x720", "1280x721", "14x16", [1, 2], "8194x16", "8192x8192",
          "1280", "1280x720x3", "-2x4", "", 1280]),
    ],
)  # fmt: skip
def test_video_bounds(key, good, bad):
    for value in good:
        stream(video={key: value})
    for value in bad:
        with pytest.raises(ConfigError) as caught:
            stream(video={key: value})
        (line,) = caught.value.problems
        assert line.startswith(f"streams.a.video.{key}: "), value


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("memory_limit_mb", [128, 4096], [127, 4097, True, 512.5]),
        ("audio", ["drop", "reencode"], [True, "copy", None]),
        ("enabled", [True, False, "true", "no"], ["maybe", 2, None]),
        ("masks", [[], [MASK] * 32], [[MASK] * 33, None, {}]),
        ("video", [{}], [None, [], "h264"]),
    ],
)  # fmt: skip
def test_stream_bounds(key, good, bad):
    for value in good:
        stream(**{key: value})
    for value in bad:
        with pytest.raises(ConfigError) as caught:
            stream(**{key: value})
        (line,) = caught.value.problems
        assert line.startswith(f"streams.a.{key}: "), value


@pytest.mark.parametrize(
    ("polygon", "where"),
    [
        ([[0, 0], [1, 1]], ""),
        ([[0, 0], [0.5, 0.5], [1, 1]], ""),
        ([[0.3, 0.3]] * 4, ""),
        ([[0, 0], [0, 0], [1, 0], [0.5, 0]], ""),
        ([[0, 0], [1, 0], [1, 1.01]], "[2][1]"),
        ([[0, 0], [1, 0], [-0.01, 1]], "[2][0]"),
        ([[0, 0], [1, 0], [1]], "[2]"),
        ([[0, 0], [1, 0], [1, 1, 1]], "[2]"),
        ([[i / 65, i % 2] for i in range(65)], ""),
    ],
)
def test_polygons_that_hide_nothing_or_are_none(polygon, where):
    with pytest.raises(ConfigError) as caught:
        stream(masks=[{"polygon": polygon}])
    assert caught.value.problems[0].startswith(f"streams.a.masks[0].polygon{where}")


def test_masks():
    bow_tie = [[0, 0], [1, 1], [1, 0], [0, 1]]
    first, second = stream(masks=[{"polygon": bow_tie}, {"polygon": bow_tie, "style": "blur"}]).masks
    assert (first.style, second.style) == ("solid", "blur")
    with pytest.raises(ConfigError, match="must be 'solid', 'pixelate' or 'blur'"):
        stream(masks=[{"polygon": bow_tie, "style": "black"}])


def test_dimensions():
    assert stream(video={"size": "1280X0720"}).video.size == "1280x720"
    assert stream(video={"size": "1280x720"}).video.dimensions == (1280, 720)
    assert stream(video={"size": "source"}).video == stream(video={"size": None}).video


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"title": ""}, "streams.a.title: must not be empty"),
        ({"title": "x" * 65}, "streams.a.title: must have at most 64 characters"),
        ({"site": "a\u2028b"}, "streams.a.site: must be one line of printable text"),
        ({"labels": {"Floor": "2"}}, "streams.a.labels.Floor: this name must"),
        ({"labels": {"floor": 2}}, "streams.a.labels.floor: must be text: put it in quotes"),
        ({"labels": {f"l{i}": "x" for i in range(9)}}, "streams.a.labels: must have at most 8 entries"),
    ],
)
def test_names_are_bounded(keys: dict[str, object], says: str) -> None:
    text = yaml.safe_dump({"streams": {"a": {"source": "rtsp://10.0.0.2/", **keys}}}, allow_unicode=True)
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("/nonexistent"), {})
    (line,) = caught.value.problems
    assert line.startswith(says)


def test_labels_of_defaults_are_added_to() -> None:
    text = """
defaults: {site: Harbour, labels: {owner: a, floor: "1"}}
streams: {a: {source: rtsp://10.0.0.2/, title: Front door, labels: {floor: "2"}}}
"""
    a = parse(text, Path("/nonexistent"), {}).streams["a"]
    assert (a.title, a.site, a.labels) == ("Front door", "Harbour", {"owner": "a", "floor": "2"})


def test_renditions_are_served_beside_the_stream() -> None:
    made = stream(
        video={"size": "1280x720"},
        renditions={"sub": {"size": "640x360", "fps": 7, "on_demand": True}, "tiny": {"audio": "drop"}},
    )
    outputs = made.outputs
    assert list(outputs) == ["main", "sub", "tiny"]
    assert [video.dimensions for video in outputs.values()] == [(1280, 720), (640, 360), None]


def test_renditions_of_defaults_are_added_to_and_taken_away() -> None:
    text = """
defaults: {renditions: {sub: {size: 640x360, fps: 7}, tiny: {size: 320x180}}}
streams: {a: {source: rtsp://10.0.0.2/, renditions: {sub: {fps: 5}, tiny: null, wide: {size: 1920x1080}}}}
"""
    renditions = parse(text, Path("/nonexistent"), {}).streams["a"].renditions
    assert list(renditions) == ["sub", "wide"]
    sub = renditions["sub"]
    assert sub is not None
    assert (sub.size, sub.fps) == ("640x360", 5)


@pytest.mark.parametrize(
    ("renditions", "says"),
    [
        ({"main": {}}, "streams.a.renditions.main: this name must not be main"),
        ({"Sub": {}}, "streams.a.renditions.Sub: this name must"),
        ({"a/b": {}}, "streams.a.renditions.'a/b': this name must"),
        ({"x" * 32: {}}, f"streams.a.renditions.{'x' * 32}: this name must consist of lower-case letters"),
        ({"sub": {"sise": "640x360"}}, "streams.a.renditions.sub.sise: unknown key, did you mean size?"),
        ({"sub": {"masks": []}}, "streams.a.renditions.sub.masks: unknown key"),
        ({"sub": {"size": "641x360"}}, "streams.a.renditions.sub.size: must have an even width and height"),
        ({"sub": {"audio": "reencode"}}, "streams.a.renditions.sub.audio: must be 'inherit' or 'drop'"),
        ({f"s{i}": {} for i in range(8)}, "streams.a.renditions: must have at most 7 entries"),
    ],
)
def test_renditions_that_are_refused(renditions: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stream(renditions=renditions)
    (line,) = caught.value.problems
    assert line.startswith(says)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"masks": [{"polygon": [[0, 0], [1, 0], [1, 1]]}]}, "masks can't be drawn"),
        ({"renditions": {"sub": {"size": "640x360"}}}, "no renditions"),
        ({"audio": "reencode"}, "audio must be drop"),
        ({"video": {"size": "640x360"}}, "video.size"),
        ({"video": {"fps": 5}}, "video.fps"),
        ({"video": {"bitrate_kbps": 500}}, "video.bitrate_kbps"),
        ({"encoder": {"crf": 20}}, "encoder"),
        ({"video": {"relay_reason": None}}, "video.relay_reason"),
    ],
)
def test_a_relay_that_would_need_decoded_pictures_is_refused(keys: dict[str, object], says: str) -> None:
    video = {"mode": "relay", "relay_reason": "Axis"}
    assert stream(video=video | {"codec": "h265"}).video.codec == "h265"
    own = keys.get("video")
    with pytest.raises(ConfigError) as caught:
        stream(**keys | {"video": video | (own if isinstance(own, dict) else {})})
    assert says in str(caught.value)
