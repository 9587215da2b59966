"""What a stream does with what its source and its worker tell; neither runs."""

from types import SimpleNamespace
from typing import Any

import pytest

from transcoder.net.rtsp_source import SourceOptions
from transcoder.rtsp.urls import parse_url
from transcoder.service.status import StreamState
from transcoder.service.stream import Stream
from transcoder.worker_options import WorkerOptions


class Watched:
    """A stream that plays, sampled once a second."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.now = 1000.0
        source = SourceOptions(
            url=parse_url("rtsp://192.0.2.1/live"), credentials=None, transport="tcp", allowed=lambda _: True
        )
        no_workers: Any = None
        self.stream = Stream(
            "gate",
            source,
            WorkerOptions(),
            fork_server=no_workers,
            end_readers=lambda *_: None,
            on_event=self._on_event,
        )
        self.status = self.stream.status
        self.status.state = StreamState.PLAYING

    def _on_event(self, name: str, kind: str, detail: dict[str, Any]) -> None:
        assert name == "gate"
        self.events.append((kind, detail))

    def sample(self, seconds: int = 1, **worker: Any) -> list[tuple[str, dict[str, Any]]]:
        """So many seconds with this in the worker's report: the events."""
        for _ in range(seconds):
            self.now += 1
            self.status.worker.report = worker
            self.stream.sample(self.now)
        events, self.events = self.events, []
        return events


@pytest.fixture
async def watched() -> Watched:
    return Watched()


# -- the camera --------------------------------------------------------------------------------------------------------


def test_pictures_that_are_encrypted_are_no_playing(watched: Watched) -> None:
    watched.stream._on_problem("encrypted")
    assert (watched.status.state, watched.status.problem) == (StreamState.AWAY, "encrypted")
    assert watched.sample() == [("source_encrypted", {"reason": "encrypted"})]
    watched.stream._source = SimpleNamespace(is_connected=True, is_encrypted=True, received_bytes=0)  # type: ignore[assignment]
    watched.stream._note_playing(watched.now, 0.1)  # a picture from before, that was in the worker
    assert watched.status.state is StreamState.AWAY
    watched.stream._source.is_encrypted = False  # type: ignore[misc]
    watched.stream._note_playing(watched.now, 0.1)
    assert (watched.status.state, watched.status.problem) == (StreamState.PLAYING, "")
    assert watched.sample() == [("source_recovered", {})]
