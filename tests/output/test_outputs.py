"""The outputs of a stream come, stay and go as they are configured."""

from tests.support.outputs import IDR_SLICE, PPS, SPS, FakeTiming, NotedMaker, NotedOwner, coded
from transcoder.output.outputs import Outputs
from transcoder.rtsp.session import EndReason
from transcoder.worker_options import MAIN, OutputOptions

SMALL = OutputOptions(size=(352, 208))


async def arranged(*names: str) -> tuple[Outputs, NotedOwner, NotedMaker]:
    owner, maker = NotedOwner(), NotedMaker()
    outputs = Outputs("front", maker, owner, FakeTiming())
    outputs.arrange(dict.fromkeys(names, SMALL))
    return outputs, owner, maker


async def test_paths_and_numbers() -> None:
    outputs, _, maker = await arranged(MAIN, "sub")
    assert {name: output.path for name, output in outputs.items()} == {MAIN: "front", "sub": "front/sub"}
    assert [outputs.numbered(number) for number in (0, 1)] == [outputs[MAIN], outputs["sub"]]
    outputs["sub"].request_idr()
    assert maker.forced == [1]


async def test_an_output_that_stays_keeps_its_readers_and_gets_its_new_place() -> None:
    outputs, owner, maker = await arranged(MAIN, "sub", "tiny")
    sub = outputs["sub"]
    sub.on_picture(*coded(SPS, PPS, IDR_SLICE, at=1000.0, number=1), 1000.0)
    outputs.arrange({"sub": SMALL, "large": OutputOptions()})
    assert list(outputs) == ["sub", "large"]
    assert outputs["sub"] is outputs.numbered(0) is sub
    assert owner.ended == [("front", EndReason.STREAM_GONE), ("front/tiny", EndReason.STREAM_GONE)]
    outputs.request_idr()
    assert maker.forced == [0, 1]


async def test_an_output_of_another_shape_sends_its_readers_away() -> None:
    outputs, owner, _ = await arranged(MAIN, "sub")
    for number in (0, 1):
        outputs.numbered(number).on_picture(*coded(SPS, PPS, IDR_SLICE, at=1000.0, number=number), 1000.0)
    outputs.arrange({MAIN: OutputOptions(size=(640, 360)), "sub": SMALL})
    assert owner.ended == [("front", EndReason.FORMAT_CHANGE)]


async def test_the_end_of_all_readers() -> None:
    outputs, owner, _ = await arranged(MAIN, "sub")
    outputs.end_readers()
    assert owner.ended == [("front", EndReason.STREAM_GONE), ("front/sub", EndReason.STREAM_GONE)]
