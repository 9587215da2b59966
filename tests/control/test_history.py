"""The last half hour of a stream, in steps of ten seconds."""

import pytest

from transcoder.control.history import LATE_S, STEP_S, STEPS, History
from transcoder.output.status import DELAY_SPAN_S
from transcoder.service.status import Rates, StreamStatus

WALL = 1_000_000_000.0


class Camera:
    """A stream of 25 pictures a second that come 40 ms late, sampled once a second and a bit."""

    def __init__(self, *, every: float = 1.0) -> None:
        self.status, self.history, self.now, self.every = StreamStatus(name="front"), History(), 100.0, every
        self.wall = WALL
        self.history.sample(self.status, self.now, WALL + self.now)

    def run(self, seconds: float, *, delay_s: float | None = 0.04, kbps: float = 800.0) -> None:
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now += self.every
            output, count = self.status.output, round(25 * self.every)
            if delay_s is not None:
                self.status.source.access_units += count
                output.pictures += count
                output.bytes += round(self.every * 100_000)
                for number in range(count):
                    output.note_delay(self.now, delay_s if number else delay_s * 10)
            self.status.rates = Rates(kbps_in=kbps if delay_s is not None else 0.0)
            self.history.sample(self.status, self.now, self.wall + self.now)


def test_a_step_has_the_means_of_ten_seconds_and_the_delays_of_its_pictures() -> None:
    assert STEP_S == DELAY_SPAN_S  # the output forgets older ones
    camera = Camera()
    camera.status.output.readers = 3
    camera.run(9)
    assert camera.history.document(WALL).at == ()
    camera.run(1)
    found = camera.history.document(WALL + camera.now)
    assert (found.now, found.at, found.step_s) == ("2001-09-09T01:48:30.000Z", ("2001-09-09T01:48:30.000Z",), 10)
    assert (found.fps_in, found.fps_out, found.kbps_in, found.kbps_out) == ((25.0,), (25.0,), (800.0,), (800.0,))
    assert found.readers == (3,)
    # one picture in 25 is ten times as late: less than half, more than one in a hundred
    assert (found.delay_p50_s, found.delay_p99_s) == ((0.04,), (0.4,))


def test_while_a_camera_is_away_there_are_no_delays_and_no_old_ones() -> None:
    camera = Camera()
    camera.run(10)
    camera.run(10, delay_s=None)
    found = camera.history.document(WALL)
    assert (found.fps_in, found.kbps_in) == ((25.0, 0.0), (800.0, 0.0))
    assert (found.delay_p50_s, found.delay_p99_s) == ((0.04, None), (0.4, None))


def test_steps_do_not_grow_longer_where_samples_come_late() -> None:
    camera = Camera(every=1.24)
    camera.run(1240)
    found = camera.history.document(WALL)
    assert len(found.at) == 124  # ten seconds each
    assert set(found.fps_in) == {25.0}


def test_half_an_hour_is_kept_and_no_more() -> None:
    camera = Camera()
    camera.run(1800)
    before = camera.history.document(WALL)
    assert len(before.at) == STEPS == 180
    camera.run(100)
    after = camera.history.document(WALL)
    assert after.at[:-10] == before.at[10:]
    columns = after.model_dump(exclude={"now", "step_s"})
    assert {len(column) for column in columns.values()} == {STEPS}


@pytest.mark.parametrize("counters", ["go back", "go on"])
def test_a_pause_of_the_process_is_no_step(counters: str) -> None:
    camera = Camera()
    camera.run(15)
    camera.now += STEP_S + LATE_S
    if counters == "go back":
        camera.status.output.pictures = camera.status.source.access_units = 0
    camera.run(11)
    assert camera.history.document(WALL).fps_out == (25.0, 25.0)


def test_a_clock_that_is_set_back_leaves_no_step_in_the_future() -> None:
    camera = Camera()
    camera.run(20)
    camera.wall -= 3600
    camera.run(20)
    ends = [f"2001-09-09T00:{end}.000Z" for end in ("48:30", "48:40", "48:50", "49:00")]
    assert list(camera.history.document(WALL).at) == ends


def test_a_machine_that_slept_has_no_steps_meanwhile() -> None:
    camera = Camera()
    camera.run(20)
    camera.wall += 3600
    camera.run(10)
    assert camera.history.document(WALL).at == (
        "2001-09-09T01:48:30.000Z",
        "2001-09-09T01:48:40.000Z",
        "2001-09-09T02:48:50.000Z",
    )
