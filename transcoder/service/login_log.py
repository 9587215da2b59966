"""Failed logins are told in the log, a line a minute and interface at most."""

import structlog

from transcoder.login_brake import LoginBrake

log = structlog.get_logger()


def note_failed_logins(brake: LoginBrake, interface: str, now: float) -> None:
    """Write a line where logins failed since the last line, and that was a minute ago.

    Args:
        brake: the brake of the interface.
        interface: "rtsp" or "http".
        now: monotonic seconds.
    """
    report = brake.report(now)
    if report is not None:
        what = "1 login" if report.failed == 1 else f"{report.failed} logins"
        words = f"{what} at the {interface.upper()} port failed, last from {report.address}"
        words += f"; {report.delayed} had to wait" if report.delayed else ""
        log.warning(
            "logins failed",
            words=words,
            interface=interface,
            failed=report.failed,
            delayed=report.delayed,
            last_from=report.address,
        )
