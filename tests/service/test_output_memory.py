"""What readers were told of outputs, over a restart."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.outputs import PPS, SPS, SPS_640
from tests.support.stream_parts import stream_settings
from transcoder.codecs.nal import Codec
from transcoder.formats.served_audio import ServedAudio
from transcoder.output.remembered import Remembered
from transcoder.service.camera_memory import CameraMemory
from transcoder.service.output_memory import OutputMemory
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions, WorkerOptions

FORMAT = OutputFormat(width=352, height=208, frame_rate=12.5, matrix=1)
TOLD = Remembered(format=FORMAT, parameter_sets=(SPS, PPS), audio=ServedAudio(clock_rate=16_000, config=b"\x14\x08"))
OPTIONS = WorkerOptions()


def of(**changes: Any) -> WorkerOptions:
    return replace(OPTIONS, outputs=(replace(OPTIONS.outputs[0], **changes),))


@pytest.fixture
def memory() -> OutputMemory:
    made = OutputMemory()
    made.note("front", OPTIONS, 0, TOLD)
    return made


def test_it_is_the_same_after_a_restart(memory: OutputMemory) -> None:
    assert memory.has_changed
    kept = json.loads(json.dumps(memory.changes()))
    assert not memory.has_changed
    after = CameraMemory()
    after.load(kept)
    assert after.outputs.recall("front", OPTIONS, 0) == TOLD
    assert after.outputs.recall("front/sub", OPTIONS, 0) is None
    assert after.changes() == kept


def test_only_a_change_is_written(memory: OutputMemory) -> None:
    memory.changes()
    memory.note("front", OPTIONS, 0, TOLD)
    assert not memory.has_changed
    memory.note("front", OPTIONS, 0, replace(TOLD, audio=None))
    assert memory.has_changed


@pytest.mark.parametrize(
    "changes", [{"bitrate_kbps": 900}, {"preset": "fast"}, {"encoder": EncoderSettings(crf=20)}], ids=str
)
def test_parameter_sets_are_of_the_encoder_s_settings(memory: OutputMemory, changes: dict[str, Any]) -> None:
    assert memory.recall("front", of(**changes), 0) == replace(TOLD, parameter_sets=())


@pytest.mark.parametrize(
    "options", [of(codec=Codec.H265), of(size=(640, 360)), replace(OPTIONS, display_aspect=(16, 9))]
)
def test_another_shape_is_another_output(memory: OutputMemory, options: WorkerOptions) -> None:
    assert memory.recall("front", options, 0) is None


def test_parameter_sets_of_another_size_are_left_out(memory: OutputMemory) -> None:
    memory.note("front", OPTIONS, 0, replace(TOLD, parameter_sets=(SPS_640, PPS)))
    assert memory.recall("front", OPTIONS, 0) == replace(TOLD, parameter_sets=())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", None),
        ("format", {"width": 352}),
        ("format", {"width": 351, "height": 208, "frame_rate": 25, "matrix": 1}),
        ("format", {"width": 352, "height": 208, "frame_rate": 0, "matrix": 1}),
        ("format", {"width": 352, "height": 208, "frame_rate": "25", "matrix": 1}),
        ("sets", ["no hex"]),
        ("sets", None),
        ("audio", {"codec": "MP3"}),
    ],
)
def test_what_can_t_be_read_is_left_out(memory: OutputMemory, key: str, value: object) -> None:
    kept = dict(memory.changes())
    kept["output front"] = kept["output front"] | {key: value}
    after = OutputMemory()
    after.load(kept)
    assert after.recall("front", OPTIONS, 0) is None


def test_a_worker_is_told_the_format(memory: OutputMemory) -> None:
    settings = replace(stream_settings(), worker=OPTIONS)
    assert memory.settings("front", settings).worker.outputs == (OutputOptions(recalled=FORMAT),)
    assert memory.settings("back", settings).worker.outputs == (OutputOptions(),)


def test_a_stream_that_is_removed_is_forgotten(memory: OutputMemory) -> None:
    memory.changes()
    memory.forget("fron")
    assert not memory.has_changed
    memory.forget("front")
    assert memory.has_changed
    assert memory.recall("front", OPTIONS, 0) is None
    assert memory.changes() == {}
