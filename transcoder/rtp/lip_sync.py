"""Sound is kept in step with the picture: both follow their arrival, and sender reports correct the difference.

Sender reports of cameras are missing or wrong often enough, so they correct within bounds and never decide alone.
"""

from transcoder.clock import VIDEO_CLOCK_RATE, unix_from_ntp
from transcoder.rtp.rtcp import SenderReport

MAX_CORRECTION_S = 0.5
"""The largest correction, seconds. Reports that put sound and picture further apart than network and codecs can are not
believed."""
_SMOOTHING = 0.1


class LipSync:
    """Tells how much earlier or later audio has to be presented than its arrival says.

    Args:
        audio_rate: ticks a second of the audio's RTP timestamps.

    Attributes:
        correction_s: seconds, added to audio; 0 without reports of both.
    """

    def __init__(self, audio_rate: int) -> None:
        self._audio_rate = audio_rate
        self._video: tuple[int, int, float] | None = None
        self._reported = False
        self.correction_s = 0.0

    def note_video(self, timestamp: int, pts: int, clock_rate: float = VIDEO_CLOCK_RATE) -> None:
        """Take note that the picture with this RTP timestamp is presented at pts (90 kHz ticks).

        Args:
            timestamp: the RTP timestamp of the picture.
            pts: 90 kHz ticks.
            clock_rate: ticks of the video's RTP timestamps in a second of ours.
        """
        self._video = (timestamp, pts, clock_rate)

    def correct(self, timestamp: int, pts: int, video: SenderReport | None, audio: SenderReport | None) -> int:
        """Return when audio has to be presented.

        Args:
            timestamp: the RTP timestamp of the first sample.
            pts: 90 kHz ticks, by arrival.
            video: the latest sender report of the video source.
            audio: the latest sender report of the audio source.

        Returns:
            90 kHz ticks.
        """
        if video is not None and audio is not None and self._video is not None:
            video_timestamp, video_pts, video_rate = self._video
            taken = _taken_at(audio, timestamp, self._audio_rate) - _taken_at(video, video_timestamp, video_rate)
            wanted_s = taken - (pts - video_pts) / VIDEO_CLOCK_RATE
            if abs(wanted_s) <= MAX_CORRECTION_S:
                weight = _SMOOTHING if self._reported else 1.0
                self._reported = True
                self.correction_s += (wanted_s - self.correction_s) * weight
        return pts + round(self.correction_s * VIDEO_CLOCK_RATE)


def _taken_at(report: SenderReport, timestamp: int, clock_rate: float) -> float:
    """Return the wall clock of a sample by its source's report, UTC seconds (RFC 3550 section 6.4.1)."""
    difference = ((timestamp - report.rtp_timestamp + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
    return unix_from_ntp(report.ntp) + difference / clock_rate
