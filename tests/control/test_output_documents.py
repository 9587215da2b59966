"""Documents of a stream's own picture and of its renditions."""

from pathlib import Path

from transcoder.config import StreamConfig, parse
from transcoder.control.output_documents import OutputRates, output_document, rendition_documents
from transcoder.output.status import OutputStatus
from transcoder.service.status import Rates, StreamStatus

FORMAT = {"codec": "H264", "width": 640, "height": 360, "frame_rate": 7.0, "matrix": 1}


def configured() -> StreamConfig:
    text = """
    streams: {a: {source: "rtsp://10.0.0.2/", renditions: {sub: {bitrate_kbps: 400, gop_s: 2, on_demand: true}}}}
    """
    return parse(text, Path("/nonexistent"), {}).streams["a"]


def test_each_output_has_its_own_numbers() -> None:
    sub = OutputStatus(format=FORMAT, pictures=70, idr=10, bytes=5000, readers=1)
    main = OutputStatus(pictures=250, bytes=90_000, readers=2)
    status = StreamStatus(name="a", rates=Rates(fps_out=25, kbps_out=720), outputs={"main": main, "sub": sub})
    rates = OutputRates()
    rates.sample(status.outputs, 10.0)
    sub.pictures, sub.bytes = 77, 10_000
    rates.sample(status.outputs, 11.0)
    made = rendition_documents(status, configured(), rates)
    assert list(made) == ["sub"]
    found = made["sub"]
    assert (found.width, found.height, found.frame_rate, found.readers, found.asleep) == (640, 360, 7.0, 1, False)
    assert (found.fps, found.kbps, found.bitrate_kbps, found.gop_s) == (7.0, 40.0, 400, 2.0)
    main.bytes += 100_000
    rates.sample(status.outputs, 13.0)
    own = output_document(status, configured(), rates)
    assert (own.fps, own.kbps, own.readers, own.pictures) == (25.0, 400.0, 3, 250)


def test_an_output_that_is_new_or_begins_anew_has_no_rate() -> None:
    rates = OutputRates()
    rates.sample({"main": OutputStatus(pictures=250)}, 10.0)
    rates.sample({"main": OutputStatus(pictures=3), "sub": OutputStatus(pictures=70)}, 11.0)
    assert (rates.of("main"), rates.of("sub"), rates.of("other")) == ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))


def test_a_rendition_that_sleeps_says_so() -> None:
    status = StreamStatus(name="a", outputs={"main": OutputStatus(), "sub": OutputStatus(is_awake=False)})
    assert rendition_documents(status, configured(), OutputRates())["sub"].asleep
