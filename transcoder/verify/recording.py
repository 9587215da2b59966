"""A file that is verified is a byte stream, a capture of packets, or the bytes of an RTSP connection."""

import os
from pathlib import Path

from transcoder.errors import TransportError
from transcoder.regular_file import open_regular
from transcoder.verify.capture import Capture, Flow, is_capture, read_capture
from transcoder.verify.codec import Codec
from transcoder.verify.inspector import Inspector
from transcoder.verify.messages import Frame, Message, Splitter, Stray
from transcoder.verify.own_text import Description
from transcoder.verify.payload import split_annex_b
from transcoder.verify.rtp import is_rtcp

MAX_FILE_SIZE = 2 << 30
"""Bytes of a file at most; a file is read as a whole."""
_SUFFIXES = {
    ".h264": Codec.H264, ".264": Codec.H264, ".avc": Codec.H264,
    ".h265": Codec.H265, ".265": Codec.H265, ".hevc": Codec.H265,
}  # fmt: skip
_MIN_FLOW = 3
"""The number of packets from which on a UDP flow is taken for RTP; fewer packets are hole punches."""


def codec_of(path: Path) -> Codec | None:
    """Return the codec that a file's name tells."""
    return _SUFFIXES.get(path.suffix.lower())


def inspect_file(path: Path, inspector: Inspector) -> None:
    """Read a recording.

    Raises:
        TransportError: the file can't be read, or is nothing that can be verified.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_SIZE:
                raise TransportError(f"{path} is over {MAX_FILE_SIZE >> 30} GiB; record less")
            data = file.read()
    except OSError as error:
        raise TransportError(f"{path} can't be read: {error.strerror or error}") from None
    if not data:
        raise TransportError(f"{path} is empty: there is nothing to judge")
    if is_capture(data):
        _inspect_capture(read_capture(data), inspector)
    elif data[:1] == b"$" or data[:5] == b"RTSP/":
        _inspect_connection("connection", [(data, 0.0)], inspector)
    elif data.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        inspector.notes["a byte stream has no times: a slate in it is known where its pictures are alike"] += 1
        inspector.byte_stream("byte stream", split_annex_b(data))
    else:
        raise TransportError(
            f"{path} is no Annex B stream, pcap, pcapng or interleaved RTSP recording; "
            "of a container such as MP4, `ffmpeg -i FILE -c copy FILE.h264` makes the first"
        )


def _inspect_capture(capture: Capture, inspector: Inspector) -> None:
    for reason, count in capture.skipped.items():
        inspector.notes[f"packets of the capture that were not read: {reason}"] += count
    description: Description | None = None
    for flow, pieces in capture.byte_streams():
        start = pieces[0][0]
        if start[:1] == b"$" or start[:5] == b"RTSP/":
            found = _inspect_connection(f"TCP {_name(flow)}", pieces, inspector)
            description = found or description
    flows: dict[Flow, int] = {}
    senders: dict[tuple[str, str], Flow] = {}
    for flow, data, _ in capture.datagrams:
        if len(data) >= 12 and data[0] >> 6 == 2 and not is_rtcp(data):
            flows[flow] = flows.get(flow, 0) + 1
            if flows[flow] == _MIN_FLOW:
                senders.setdefault((flow[0], flow[2]), flow)
    video = next((media for media in description.media if media.codec), None) if description else None
    for flow, data, at in capture.datagrams:
        if flows.get(flow, 0) >= _MIN_FLOW and not is_rtcp(data):
            inspector.add_media(
                f"UDP {_name(flow)}",
                codec=video.codec if video else None,
                declared=video.payload_types if video else (),
            ).rtp(data, at)
        elif is_rtcp(data) and (sender := senders.get((flow[0], flow[2]))) is not None:
            inspector.add_media(f"UDP {_name(sender)}").rtcp_packet(data)


def _inspect_connection(name: str, pieces: list[tuple[bytes, float]], inspector: Inspector) -> Description | None:
    """Look at a server's bytes on a connection; requests of the client in a recording of both are left out."""
    splitter = Splitter()
    description: Description | None = None
    for data, at in pieces:
        for item in splitter.feed(data):
            if isinstance(item, Message):
                if item.is_response:
                    description = inspector.message(item) or description
            elif isinstance(item, Frame):
                _frame(name, item, at, description, inspector)
            elif isinstance(item, Stray):
                inspector.stray(item.data)
    return description


def _frame(name: str, frame: Frame, at: float, description: Description | None, inspector: Inspector) -> None:
    index = frame.channel // 2
    media = description.media[index] if description and index < len(description.media) else None
    looked_at = inspector.add_media(
        f"{name} channel {frame.channel - frame.channel % 2}",
        codec=media.codec if media else None,
        declared=media.payload_types if media else (),
    )
    if is_rtcp(frame.data):
        looked_at.rtcp_packet(frame.data)
    else:
        looked_at.rtp(frame.data, at)


def _name(flow: Flow) -> str:
    return f"{flow[0]}:{flow[1]} to {flow[2]}:{flow[3]}"
