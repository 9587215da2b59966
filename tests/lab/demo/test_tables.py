import io

import pytest
from rich.console import Console

from transcoder.lab.demo import tables
from transcoder.lab.demo.verdict import Verdict
from transcoder.ledger import Ledger
from transcoder.output.status import OutputStatus
from transcoder.service.status import Rates, StreamState, StreamStatus, WorkerStatus
from transcoder.worker_options import MAIN


def row(number: int = 1) -> tables.Row:
    status = StreamStatus(
        name=f"cam{number}",
        state=StreamState.PLAYING,
        worker=WorkerStatus(source_format={"codec": "H265", "width": 1920, "height": 1080}),
        outputs={MAIN: OutputStatus(format={"codec": "H264", "width": 1280, "height": 720})},
        rates=Rates(fps_in=25.2, fps_out=24.9, kbps_in=3001, kbps_out=2002, cpu=0.314),
    )
    for delay_s in (0.010, 0.020, 0.030):
        status.output.note_delay(1.0, delay_s)
    ledger = Ledger()
    ledger.count("rtp_payload_type", "private payload type 112", count=436)
    return tables.Row(status=status, ledger=ledger, family="hikvision", frames=77)


def shown(renderable, width: int) -> str:
    text = io.StringIO()
    Console(file=text, width=width).print(renderable)
    return text.getvalue()


def test_plain_line() -> None:
    assert tables.plain_line(row()) == (
        "cam1 hikvision: playing, H265 1920x1080 > H264 1280x720, 25 > 25 fps, 3001 > 2002 kbit/s, CPU 31 %, "
        "delay 20 ms, stripped 436, read back 77 frames"
    )


def test_before_the_first_picture_and_after_shedding() -> None:
    status = StreamStatus(name="cam1", state=StreamState.AWAY, problem="refused")
    status.worker.shed_access_units = 3
    status.worker.report = {"counters": {"shed_pictures": 2, "decoded_pictures": 100}}
    line = tables.plain_line(tables.Row(status=status, ledger=Ledger(), family="dahua", frames=0))
    assert line.startswith("cam1 dahua: away (refused), - > -, 0 > 0 fps")
    assert "delay - ms" in line
    assert line.endswith("5 pictures left out: this machine is too busy for all")


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_screen_cuts_nothing_off(width: int) -> None:
    text = shown(tables.live([row()], {"cam1": "rtsp://127.0.0.1:8554/cam1"}, width, "heading", "note"), width)
    assert "…" not in text
    wanted = ["heading", "rtsp://127.0.0.1:8554/cam1", "hikvision", "playing", "H265 1920x1080", "H264 1280x720"]
    wanted += ["25 > 25", "3001 > 2002", "31", "20", "436 RTP packets of foreign type", "77", "note"]
    assert [item for item in wanted if item not in text] == []


def test_many_streams_fit_on_a_screen() -> None:
    rows = [row(number) for number in range(1, 21)]
    urls = {item.status.name: f"rtsp://127.0.0.1:8554/{item.status.name}" for item in rows}
    text = shown(tables.live(rows, urls, 120, "heading", "note"), 120)
    assert "rtsp://127.0.0.1:8554/cam1 to cam20" in text
    assert "8720 RTP packets of foreign type" in text
    assert len(text.splitlines()) <= 20 + 12


def test_verdict_table() -> None:
    stream = {
        "name": "cam1", "frames": 100, "fps": 24.96, "decode_errors": 0, "bytes": 5_340_000, "codec": "h264",
        "width": 1280, "height": 720, "canaries_found": [], "canaries_searched": 72,
    }  # fmt: skip
    camera = {"canaries": 26, "missing": ["cname"], "problem": ""}
    verdict = Verdict(
        streams=[stream],
        cameras={"cam1": camera},
        families={"cam1": "hikvision"},
        dropped={},
        gateway={},
        reasons=[],
        seconds=4,
    )
    text = shown(tables.verdict_table(verdict, [row()]), 80)
    line = next(line for line in text.splitlines() if line.startswith(" cam1"))
    assert " ".join(line.split()) == "cam1 hikvision H264 1280x720 100 25.0 0 5.3 0 of 72 25 of 26"
