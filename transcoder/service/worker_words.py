"""The words and numbers that a worker may report are here; other words of a worker reach no document and no metric.

A worker may have been taken over, so its reports are the camera's words. Numbers have bounds, and names are words of
the lists here: any other name is counted as OTHER. Sans-IO.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from transcoder import formats
from transcoder.codecs.nal import Codec, nal_unit_name
from transcoder.codecs.picture_codec import is_sane_size
from transcoder.errors import RemoteProtocolError
from transcoder.ipc.messages import CONCEALED
from transcoder.text import printable
from transcoder.worker_options import MAX_DIVISOR, Fallback, Role

MAX_COUNT: Final = 1 << 53
"""The largest count: up to here every whole number is a float of its own, so that no quotient overflows. A worker that
counts a microsecond a time reaches it after 285 years."""
MAX_SAMPLE_ASPECT: Final = 4.0
"""The largest width of a sample by its height, and of its height by its width, that our decoder believes a camera."""
MAX_CPU_S: Final = 1e9
"""Seconds of processor time that a worker can have used: thirty years."""
OTHER: Final = "other"
"""The name under which everything is counted that a worker names by no word of ours."""
MAX_REASON: Final = 300
"""Characters of a failure that the log shows: a sentence of ours and FFmpeg's reason."""

COUNTERS: Final = frozenset({
    "decoded_pictures", "decode_us", "source_format_changes", "skipped_access_units", "shed_access_units",
    "capped_pictures", "shed_pictures", "pictures_without_mask", "pictures_without_output", "encoded_pictures",
    "audio_refused", "audio_out", "unordered_pictures",
}) | {reason.counter for reason in Fallback}  # fmt: skip
"""The counters of transcoder.worker."""
DECODING_COUNTERS: Final = frozenset({
    "decoded_pictures", "decode_us", "source_format_changes", "skipped_access_units", "shed_access_units",
    "unordered_pictures",
})  # fmt: skip
"""The counters that a decoding process keeps where the work is split; it may report no others."""
_FFMPEG_ERRORS: Final = frozenset({
    "InvalidDataError", "EOFError", "ArgumentError", "MemoryError", "BugError", "PatchWelcomeError", "ExternalError",
    "UnknownError", "BlockingIOError", "FFmpegError", "MediaError", "ValueError", "BufferTooSmallError",
    "ExperimentalError", "InputChangedError", "OutputChangedError", "DecoderNotFoundError", "OSError",
})  # fmt: skip
"""The names of PyAV's errors that decoding and encoding meet."""
DECODE_ERRORS: Final = _FFMPEG_ERRORS | {
    CONCEALED, "reset", "picture that can't be read", "picture over the size limit",
}  # fmt: skip
AUDIO_ERRORS: Final = _FFMPEG_ERRORS | {"skew"}
ENCODER_DROPPED: Final = frozenset(
    nal_unit_name(codec, kind) for codec, kinds in ((Codec.H264, 32), (Codec.H265, 64)) for kind in range(kinds)
)
"""The names of the NAL units that an encoder may have made and not let out."""
_COUNTS: Final = {
    "counters": COUNTERS,
    "decode_errors": DECODE_ERRORS,
    "encoder_dropped": ENCODER_DROPPED,
    "audio_errors": AUDIO_ERRORS,
}
_NOTHING: Final[dict[str, Any]] = {
    "counters": {}, "decode_errors": {}, "encoder_dropped": {}, "audio_errors": {}, "cpu_s": 0.0,
}  # fmt: skip
CONDITIONS: Final = ("frozen", "dark", "covered", "scene_changed")
"""The conditions of a picture; transcoder.service.observer makes an event of each."""

SOURCE_CODECS: Final = frozenset(each.codec.value for each in formats.VIDEO)
PIXEL_FORMATS: Final = frozenset({
    "yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p", "yuv440p", "yuvj440p", "yuv411p", "yuvj411p",
    "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "yuv422p12le", "yuv444p12le", "yuv420p9le",
    "yuv422p9le", "yuv444p9le", "yuv420p14le", "yuv422p14le", "yuv444p14le", "gray", "gray8", "gray10le", "gray12le",
    "gray9le", "gray14le", "gbrp", "gbrp9le", "gbrp10le", "gbrp12le", "gbrp14le", "nv12", "nv21", "bgr0", "rgb24",
})  # fmt: skip
"""The pixel formats that FFmpeg's decoders of our source codecs have, by FFmpeg's names."""

PROBLEMS: Final = (
    "audio is left out",
    "a picture could not be prepared and is not shown",
    "a mask has an unknown style",
    "a mask covers nothing of the picture",
    "an output without a format has no picture",
    "the sandbox can't be entered",
    "the kernel refuses no_new_privs",
    "the encoder has no setting",
    "there is no encoder profile",
    "the H264 encoder refuses its settings",
    "the H264 encoder does not know the option",
    "the H264 encoder failed",
    "the H265 encoder refuses its settings",
    "the H265 encoder does not know the option",
    "the H265 encoder failed",
    "the AAC encoder refuses its settings",
    "the JPEG encoder failed",
    "FFmpeg has no h264 video decoder",
    "FFmpeg has no hevc video decoder",
    "FFmpeg has no mjpeg video decoder",
    "FFmpeg has no mpeg4 video decoder",
    "FFmpeg has no AAC encoder",
    "FFmpeg has no JPEG encoder",
    "FFmpeg has no encoder",
)
"""The beginnings of the failures that our worker tells: documents show these words, the log shows the reason."""
OTHER_PROBLEM: Final = "the worker failed; the log tells the reason"
"""Words that a document shows for a failure that begins with no words of ours."""


def problem_of(reason: str) -> str:
    """Return the words of ours by which a document shows a failure."""
    return next((words for words in PROBLEMS if reason.startswith(words)), OTHER_PROBLEM)


def shown_reason(value: object) -> str:
    """Return the reason of a failure as one printable line of bounded length, for the log."""
    return printable(value, MAX_REASON) if isinstance(value, str) else ""


def check_statistics(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a worker's regular report with the keys that we know and with values within their bounds.

    Raises:
        RemoteProtocolError: a value is missing, is of another type or is out of bounds.
    """
    cpu_s = report.get("cpu_s")
    if not isinstance(cpu_s, float) or not 0 <= cpu_s < MAX_CPU_S:
        raise RemoteProtocolError("a worker's report lacks its processor time")
    checked: dict[str, Any] = {"cpu_s": cpu_s}
    for name, known in _COUNTS.items():
        checked[name] = _counts(name, report.get(name), known)
    divisor = report.get("rate_divisor", 1)
    if type(divisor) is not int or not 1 <= divisor <= MAX_DIVISOR:
        raise RemoteProtocolError("a worker's report has an impossible rate_divisor")
    motion = report.get("motion", 0.0)
    if type(motion) not in {int, float} or not 0 <= motion <= 1:
        raise RemoteProtocolError("a worker's report has an impossible motion")
    conditions = report.get("conditions", [])
    if not isinstance(conditions, list):
        raise RemoteProtocolError("a worker's report has impossible conditions")
    share = report.get("changed_macroblocks")
    if share is not None and (type(share) not in {int, float} or not 0 <= share <= 1):
        raise RemoteProtocolError("a worker's report has an impossible changed_macroblocks")
    checked["rate_divisor"], checked["motion"] = divisor, float(motion)
    checked["changed_macroblocks"] = None if share is None else float(share)
    checked["conditions"] = [name for name in CONDITIONS if name in conditions]
    return checked


def joined_report(reports: Mapping[Role, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the checked reports of a worker's processes as one; each is believed in its own matters only."""
    if Role.WHOLE in reports:
        return dict(reports[Role.WHOLE])
    joined = dict(reports.get(Role.ENCODING, _NOTHING))
    decoding = reports.get(Role.DECODING, _NOTHING)
    own = {name: count for name, count in joined["counters"].items() if name not in DECODING_COUNTERS}
    decoded = {name: count for name, count in decoding["counters"].items() if name in DECODING_COUNTERS}
    joined["counters"] = own | decoded
    joined["decode_errors"] = decoding["decode_errors"]
    joined["audio_errors"] = decoding["audio_errors"]
    joined["cpu_s"] = sum(report["cpu_s"] for report in reports.values())
    return joined


def _counts(name: str, counts: object, known: frozenset[str]) -> dict[str, int]:
    if not isinstance(counts, dict):
        raise RemoteProtocolError(f"a worker's report lacks its {name}")
    checked: Counter[str] = Counter()
    for kind, count in counts.items():
        if type(count) is not int or not 0 <= count <= MAX_COUNT:
            raise RemoteProtocolError(f"a worker's report lacks its {name}")
        checked[kind if kind in known else OTHER] += count
    if checked[OTHER] > MAX_COUNT:
        raise RemoteProtocolError(f"a worker's report lacks its {name}")
    return dict(+checked)


def check_source_format(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the format of the camera's pictures with the keys and words that we know.

    Raises:
        RemoteProtocolError: the format is one that no decoder of ours has.
    """
    codec, width, height = report.get("codec"), report.get("width"), report.get("height")
    pixel_format, interlaced = report.get("pixel_format", OTHER), report.get("interlaced", False)
    if not isinstance(codec, str) or codec not in SOURCE_CODECS:
        raise RemoteProtocolError("a worker's source format has an unknown codec")
    if type(width) is not int or type(height) is not int or not is_sane_size(width, height):
        raise RemoteProtocolError("a worker's source format has an impossible size")
    if not isinstance(pixel_format, str) or not isinstance(interlaced, bool):
        raise RemoteProtocolError("a worker's source format is none")
    aspect = check_number(
        report.get("sample_aspect", 1.0), 1 / MAX_SAMPLE_ASPECT, MAX_SAMPLE_ASPECT, what="shape of samples"
    )
    return {
        "codec": codec,
        "width": width,
        "height": height,
        "pixel_format": pixel_format if pixel_format in PIXEL_FORMATS else OTHER,
        "interlaced": interlaced,
        **({"sample_aspect": aspect} if aspect != 1.0 else {}),
    }


def check_number(value: object, lowest: float, highest: float, *, what: str) -> float:
    """Return a finite number within its bounds as a float.

    Raises:
        RemoteProtocolError: the value is no such number.
    """
    if type(value) is int and lowest <= value <= highest:
        return float(value)
    if type(value) is float and math.isfinite(value) and lowest <= value <= highest:
        return value
    raise RemoteProtocolError(f"a worker's {what} is out of bounds")
