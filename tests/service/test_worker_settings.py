"""What the next worker of a stream is told."""

from dataclasses import replace

import pytest

from transcoder.codecs.nal import Codec
from transcoder.service.worker_reports import PictureFormat
from transcoder.service.worker_settings import WorkerSettings
from transcoder.worker_options import OutputFormat, OutputOptions, WorkerOptions

HD = OutputFormat(width=1280, height=720, frame_rate=25.0)
SD = OutputFormat(width=640, height=360, frame_rate=25.0)


@pytest.fixture
def settings() -> WorkerSettings:
    return WorkerSettings(WorkerOptions(outputs=(OutputOptions(), OutputOptions(size=(640, 360)))))


def note(settings: WorkerSettings, number: int, output: OutputFormat, *, slate: bool = False) -> None:
    settings.note_format(PictureFormat(output_number=number, output=output, is_slate=slate))


def fixed(settings: WorkerSettings) -> list[OutputFormat | None]:
    return [output.fixed for output in settings.for_new_worker().outputs]


def test_the_first_worker_finds_the_formats_itself(settings: WorkerSettings) -> None:
    assert settings.for_new_worker() == settings.options
    assert fixed(settings) == [None, None]


def test_the_next_worker_keeps_the_formats_that_readers_know(settings: WorkerSettings) -> None:
    note(settings, 1, SD)
    assert fixed(settings) == [None, SD]
    note(settings, 0, HD)
    assert fixed(settings) == [HD, SD]
    assert [output.fixed for output in settings.options.outputs] == [None, None]


def test_a_slates_format_is_given_up_for_the_cameras(settings: WorkerSettings) -> None:
    note(settings, 0, SD, slate=True)
    assert fixed(settings) == [None, None]


def test_formats_stay_while_the_shapes_do(settings: WorkerSettings) -> None:
    note(settings, 0, HD)
    settings.change(WorkerOptions(outputs=(OutputOptions(bitrate_kbps=500), OutputOptions(size=(640, 360)))))
    assert fixed(settings) == [HD, None]
    settings.change(WorkerOptions(outputs=(OutputOptions(codec=Codec.H265), OutputOptions(size=(640, 360)))))
    assert fixed(settings) == [None, None]
    note(settings, 0, HD)
    note(settings, 1, SD)
    settings.change(WorkerOptions(outputs=(OutputOptions(codec=Codec.H265), OutputOptions(size=(320, 180)))))
    assert fixed(settings) == [HD, None]


def test_what_an_output_that_is_gone_made_may_still_come_until_there_is_another_worker(
    settings: WorkerSettings,
) -> None:
    settings.change(WorkerOptions(outputs=(OutputOptions(),)))
    assert settings.outputs_told == 2
    settings.for_new_worker()
    assert settings.outputs_told == 1


def test_an_output_that_is_gone_has_no_format(settings: WorkerSettings) -> None:
    note(settings, 1, SD)
    settings.change(WorkerOptions(outputs=(OutputOptions(),)))
    assert fixed(settings) == [None]


def test_whether_the_options_changed_while_a_worker_was_started(settings: WorkerSettings) -> None:
    note(settings, 0, HD)
    settings.for_new_worker()
    assert not settings.changed_since()
    note(settings, 1, SD)  # a format is no option
    assert not settings.changed_since()
    settings.change(WorkerOptions(memory_limit_mb=256, outputs=settings.options.outputs))
    assert settings.changed_since()
    settings.for_new_worker()
    assert not settings.changed_since()


@pytest.mark.parametrize(
    ("claimed", "size"), [((1280, 720), (1280, 720)), ((1281, 721), (1280, 720)), ((0, 0), None), ((20_000, 8), None)]
)
def test_a_slate_has_the_size_that_the_camera_claims(
    settings: WorkerSettings, claimed: tuple[int, int], size: tuple[int, int] | None
) -> None:
    assert settings.change_slate_size(claimed) is (size is not None)
    assert settings.options.slate_size == size
    assert not settings.change_slate_size(claimed)  # it has it


def test_a_slate_that_was_shown_keeps_its_size(settings: WorkerSettings) -> None:
    note(settings, 0, SD, slate=True)
    assert not settings.change_slate_size((1280, 720))


def test_an_output_sleeps_or_is_awake_through_changes_and_workers() -> None:
    sub = OutputOptions(on_demand=True)
    settings = WorkerSettings(WorkerOptions(outputs=(OutputOptions(), sub)))

    def asleep() -> list[bool]:
        assert settings.for_new_worker().outputs == settings.options.outputs
        return [output.asleep for output in settings.options.outputs]

    assert asleep() == [False, True]
    assert not settings.set_awake(0, is_awake=True)
    assert not settings.set_awake(1, is_awake=False)
    assert not settings.set_awake(7, is_awake=True)
    assert settings.set_awake(1, is_awake=True)
    assert settings.changed_since()
    settings.change(WorkerOptions(outputs=(OutputOptions(bitrate_kbps=500), replace(sub, fps=5))))
    assert asleep() == [False, False]
    settings.change(WorkerOptions(outputs=(OutputOptions(), OutputOptions())))
    settings.change(WorkerOptions(outputs=(OutputOptions(), sub)))
    assert asleep() == [False, True]
