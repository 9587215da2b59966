"""A line a minute tells of failed logins."""

from structlog.testing import capture_logs

from transcoder.login_brake import LoginBrake
from transcoder.service.login_log import note_failed_logins


def test_many_failures_are_one_line_a_minute() -> None:
    brake = LoginBrake()
    with capture_logs() as lines:
        note_failed_logins(brake, "rtsp", 0.0)
        for second in range(121):
            for _ in range(100):
                brake.failed("192.0.2.7", "vms", second)
            note_failed_logins(brake, "rtsp", second)
    assert [line["failed"] for line in lines] == [100, 6000, 6000]
    assert {(line["event"], line["interface"], line["last_from"]) for line in lines} == {
        ("logins failed", "rtsp", "192.0.2.7")
    }
