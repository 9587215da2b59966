"""Presets of VMSs: what they stand for, what wins over them, and the table in docs/vms.md."""

from pathlib import Path
from typing import Any, get_args

import pytest

from transcoder.config.defaults import with_defaults
from transcoder.config.load import parse
from transcoder.config.stream import StreamConfig, StreamOptions
from transcoder.config.vms import PRESETS, preset_rows

PAGE = Path(__file__).parents[2] / "docs" / "vms.md"
SOURCE = "rtsp://10.0.0.1/x"


def stream(keys: dict[str, Any], defaults: dict[str, Any] | None = None) -> StreamConfig:
    return StreamConfig.model_validate(with_defaults(defaults or {}, {"source": SOURCE, **keys}))


def read(text: str) -> StreamConfig:
    return parse(text, Path("/nowhere"), {}).streams["front"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_valid_and_turns_no_sound_on(name: str) -> None:
    """Rules 5, 6 and 9 of what recorders want: a key picture each second, H.264, AAC or no sound."""
    made = stream({"vms": name})
    assert made.vms == name
    assert made.audio == "drop"
    assert made.audio_codec == "aac"
    assert {(video.codec, video.gop_s) for video in made.outputs.values()} == {("h264", 1)}
    assert set(made.renditions) <= {"sub"}


def test_the_key_knows_all_presets_and_no_other() -> None:
    literal, _ = get_args(StreamOptions.model_fields["vms"].annotation)
    assert set(get_args(literal)) == set(PRESETS)
    with pytest.raises(ValueError, match="vms"):
        stream({"vms": "exacq"})


def test_nx_has_its_second_stream() -> None:
    """It asks cameras for 640x360 at 7 pictures a second, and takes up to 1024x768 (Nx, dual streaming)."""
    sub = stream({"vms": "nx"}).renditions["sub"]
    assert sub is not None
    assert (sub.size, sub.fps, sub.on_demand) == ("640x360", 7, False)


@pytest.mark.parametrize("name", ["frigate", "blueiris"])
def test_a_second_picture_for_motion_alone_has_no_sound(name: str) -> None:
    """Frigate detects with `-an`; Blue Iris takes sound of the main stream."""
    sub = stream({"vms": name, "audio": "reencode"}).renditions["sub"]
    assert sub is not None
    assert sub.audio == "drop"


def test_keys_of_the_stream_win_at_any_depth() -> None:
    made = stream({"vms": "nx", "video": {"codec": "h265"}, "renditions": {"sub": {"fps": 5}}, "audio_codec": "pcmu"})
    assert (made.video.codec, made.video.gop_s, made.audio_codec) == ("h265", 1, "pcmu")
    sub = made.renditions["sub"]
    assert sub is not None
    assert (sub.size, sub.fps) == ("640x360", 5)
    assert stream({"vms": "nx", "renditions": {"sub": None}}).renditions == {}


def test_a_preset_of_defaults_lies_under_the_defaults() -> None:
    shared = {"vms": "frigate", "video": {"gop_s": 2}}
    made = stream({}, shared)
    assert (made.vms, made.video.gop_s, list(made.renditions)) == ("frigate", 2, ["sub"])
    assert stream({"video": {"gop_s": 3}}, shared).video.gop_s == 3


def test_a_preset_of_the_stream_takes_the_place_of_that_of_defaults() -> None:
    shared = {"vms": "frigate", "video": {"gop_s": 2, "bitrate_kbps": 900}}
    made = stream({"vms": "zoneminder"}, shared)
    assert (made.video.gop_s, made.video.bitrate_kbps, made.renditions) == (1, 900, {})
    made = stream({"vms": None}, shared)
    assert (made.vms, made.video.gop_s, made.renditions) == (None, 2, {})


def test_a_file_needs_no_defaults_for_a_preset() -> None:
    assert list(read(f"streams: {{front: {{source: '{SOURCE}', vms: nx}}}}").renditions) == ["sub"]
    assert list(read(f"defaults: {{vms: nx}}\nstreams: {{front: {{source: '{SOURCE}'}}}}").renditions) == ["sub"]


def test_the_table_of_the_docs_is_that_of_the_code() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == list(preset_rows())
