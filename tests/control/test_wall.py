"""The tiles of a wall."""

from pathlib import Path

from transcoder.config import StreamConfig, parse
from transcoder.control.page_documents import WallDocument, WallGatewayDocument
from transcoder.control.wall import KEPT_S, Wall, tile_document
from transcoder.output.status import OutputStatus
from transcoder.service.status import StreamState, StreamStatus

SINCE = "2026-11-29T12:00:00.000Z"


def configured() -> StreamConfig:
    text = """
    streams:
      a:
        source: "rtsp://10.0.0.2/"
        title: Gate
        site: North
        masks: [{polygon: [[0, 0], [0.5, 0], [0.5, 0.5]]}]
        renditions: {sub: {size: 320x180}}
    """
    return parse(text, Path("/nonexistent"), {}).streams["a"]


def wall(number: int) -> WallDocument:
    gateway = WallGatewayDocument(
        node="gw", version="1", now=SINCE, started=SINCE, streams=number, online=0, readers=0, kbps_in=0, kbps_out=0,
        cpu=0,
    )  # fmt: skip
    return WallDocument(gateway=gateway, tiles=())


def test_a_tile_tells_what_readers_get() -> None:
    made = {"codec": "H264", "width": 640, "height": 360, "frame_rate": 25.0}
    main, sub = OutputStatus(format=made, readers=2), OutputStatus(readers=1)
    status = StreamStatus(name="a", state=StreamState.PLAYING, outputs={"main": main, "sub": sub}, overloaded=True)
    status.source.vendor = "dahua"
    main.note_delay(10.0, 0.03)
    tile = tile_document(status, configured(), ("degraded", SINCE), (None, None), (24.987, 812.34))
    assert tile.model_dump() == {
        "id": "a",
        "title": "Gate",
        "site": "North",
        "enabled": True,
        "status": "degraded",
        "state": "playing",
        "since": SINCE,
        "problem": None,
        "problem_code": None,
        "vendor": "dahua",
        "codec": "H264",
        "width": 640,
        "height": 360,
        "fps": 24.99,
        "kbps": 812.3,
        "delay_s": 0.03,
        "readers": 3,
        "masks": 1,
        "overloaded": True,
        "encrypted": False,
        "relayed": False,
        "renditions": ("sub",),
    }


def test_a_tile_says_that_a_camera_encrypts() -> None:
    status = StreamStatus(name="a", state=StreamState.AWAY)
    status.output.note_delay(10.0, 0.03)  # while it played
    tile = tile_document(status, configured(), ("offline", SINCE), (None, "encrypted"), (0, 0))
    assert (tile.encrypted, tile.problem, tile.problem_code, tile.delay_s) == (True, None, "encrypted", None)


def test_a_wall_is_made_once_a_second_for_all_who_may_know_the_same() -> None:
    asked: list[bool] = []

    def make(addresses: bool) -> WallDocument:
        asked.append(addresses)
        return wall(len(asked))

    made = Wall(make)
    first = made.document(10.0, addresses=False)
    assert [made.document(10.0 + part * KEPT_S, addresses=False) for part in (0.0, 0.5, 0.9)] == [first] * 3
    assert made.document(10.5, addresses=True) != first
    assert asked == [False, True]
    assert made.document(10.0 + KEPT_S, addresses=False).gateway.streams == 3
