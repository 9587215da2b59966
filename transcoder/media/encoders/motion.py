"""This module encodes H.264 at a cost that follows motion: x264 makes the IDRs, our own engine the P pictures.

Where most of a picture moves, a group of pictures is x264's (``engine_choice``). Our P pictures have a PPS of their
own, which follows x264's; the reference of the first one is the IDR as a decoder shows it.
"""

import ctypes
import sys
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final

import av
import numpy as np
from typing_extensions import override

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import H264_PPS, H264_SPS, Codec, join_byte_stream, nal_unit_type
from transcoder.codecs.own_parameter_sets import OwnSequence, read_own_set
from transcoder.codecs.own_slices import p_slice, picture_parameter_set
from transcoder.errors import MediaError
from transcoder.media.changes import MacroblockMap
from transcoder.media.encoders.engine_choice import Engine as Choice
from transcoder.media.encoders.engine_choice import EngineChoice
from transcoder.media.encoders.protocol import Encoder
from transcoder.media.encoders.rate import IDR_OFFSET, MAX_QP, RateControl
from transcoder.media.encoders.x264 import X264Encoder, X264Settings
from transcoder.media.levels import h264_level
from transcoder.media.picture import U8, OwnPicture
from transcoder.worker_options import OutputFormat

MIN_QP: Final = 10
"""The lowest QP of P pictures: below, levels outgrow what the engine's tests cover, and nobody sees a difference."""
MIN_SAMPLES: Final = 320 * 240
"""Smaller pictures stay with x264: there the engine's fixed costs outweigh what it saves."""
_ENGINE: Final = "transcoder_native.h264.engine"
_CABAC_INIT_IDC: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSettings(X264Settings):
    """Holds the settings of the encoder whose cost follows motion: those of x264, which makes the IDRs.

    `crf` is the QP of P pictures while the cap of the bitrate allows it; that of an IDR is IDR_OFFSET lower.
    """

    @override
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        # kernels can't be imported within the sandbox; until the fork server has them, x264 serves
        engine = sys.modules.get(_ENGINE)
        if engine is None or output.width * output.height < MIN_SAMPLES:
            return X264Settings.open(self, output, bitrate_kbps)
        return MotionEncoder(self, output, bitrate_kbps, engine)

    def options_at(self, qp: int, output: OutputFormat, bitrate_kbps: int) -> dict[str, str]:
        """Return the options by FFmpeg's names of x264 at a constant QP.

        Args:
            qp: the QP of IDRs; P pictures have IDR_OFFSET more.
            output: the size, frame rate and matrix of the output.
            bitrate_kbps: the cap of the bitrate, by which the level goes.
        """
        options = replace(self, ipratio=2 ** (IDR_OFFSET / 6)).ffmpeg_options(bitrate_kbps)
        level = h264_level(output.width, output.height, output.frame_rate, bitrate_kbps)
        options["x264-params"] += f":level={level}"
        for name in ("crf", "maxrate", "bufsize"):
            del options[name]
        return options | {"qp": str(min(qp + IDR_OFFSET, MAX_QP))}


class MotionEncoder(Encoder):
    """Encodes as `engine_choice` says, a group of pictures at a time.

    Args:
        settings: the settings.
        output: the size, frame rate and matrix of the output.
        bitrate_kbps: the cap of the bitrate.
        module: the engine's module.

    Raises:
        MediaError: x264 refuses a setting or does not know it.

    Attributes:
        reconstruction: luma, Cb and Cr as a decoder shows the last of our own pictures, in the coded size.
    """

    codec = Codec.H264

    def __init__(self, settings: MotionSettings, output: OutputFormat, bitrate_kbps: int, module: Any) -> None:
        self.dropped: Counter[str] = Counter()
        self._settings, self._output, self._bitrate_kbps = settings, output, bitrate_kbps
        qp = min(max(round(settings.crf), MIN_QP), MAX_QP)
        samples = output.width * output.height
        self._rate = RateControl(qp, samples, bitrate_kbps, settings.buffer_s)
        self._choice = EngineChoice()
        self._engine = module.open_engine(output.width, output.height)
        self._count = self._engine.geometry.mb_width * self._engine.geometry.mb_height
        self._library_qp = qp - IDR_OFFSET
        self._library = self._open_library(self._library_qp)
        self._decoder: Any = av.CodecContext.create("h264", "r")
        self._decoder.thread_count = 1
        self._sequence: OwnSequence | None = None
        self._frame_num = 0
        self._idr_pts = 0
        self.reconstruction = [self._engine.reference.luma, self._engine.reference.cb, self._engine.reference.cr]

    @override
    def encode(self, picture: OwnPicture, changed: MacroblockMap | None, pts: int, *, force_idr: bool) -> list[bytes]:
        del changed  # a hint; the engine compares for itself
        self._engine.take(picture.planes, picture.width, picture.height, None)
        if force_idr or self._sequence is None:
            return self._encode_idr(picture, pts)
        qp = self._rate.choose(pts, is_idr=False)
        coded = None
        if self._choice.engine is Choice.OWN:
            self._engine.test(qp)
            coded = self._engine.coded / self._count
        since_idr_s = (pts - self._idr_pts) / VIDEO_CLOCK_RATE
        choice = self._choice.choose(self._engine.changed / self._count, coded, since_idr_s)
        if choice is Choice.IDR:
            return self._encode_idr(picture, pts)
        if choice is Choice.LIBRARY:
            units = self._library.encode(picture, None, pts, force_idr=False)
        else:
            data = self._engine.write(_CABAC_INIT_IDC)
            if data is None:
                return self._encode_idr(picture, pts)
            units = [self._slice(data, qp)]
        self._rate.note(_bits(units), is_idr=False)
        return units

    def _slice(self, data: bytes, qp: int) -> bytes:
        if self._sequence is None:
            raise MediaError("a P picture before an IDR")
        bits = self._sequence.counter_bits
        self._frame_num = (self._frame_num + 1) % (1 << bits)
        return p_slice(
            frame_num=self._frame_num,
            frame_num_bits=bits,
            qp=qp,
            cabac_init_idc=_CABAC_INIT_IDC,
            deblocked=True,
            slice_data=data,
        )

    def _encode_idr(self, picture: OwnPicture, pts: int) -> list[bytes]:
        """Encode an IDR and make it the engine's reference."""
        qp = self._rate.choose(pts, is_idr=True)
        if qp != self._library_qp:
            self._library, self._library_qp = self._open_library(qp), qp
        units = self._library.encode(picture, None, pts, force_idr=True)
        types = [nal_unit_type(self.codec, unit) for unit in units]
        sequence = read_own_set(self.codec, units[types.index(H264_SPS)])
        if not isinstance(sequence, OwnSequence):
            raise MediaError("an IDR of ours has no parameter sets")
        self._sequence, self._frame_num, self._idr_pts = sequence, 0, pts
        self._choice.begin_group()
        if self._choice.engine is Choice.OWN:
            self._refer_to(units)
        # also where x264 makes the P pictures: the session description stays the same
        units.insert(types.index(H264_PPS) + 1, picture_parameter_set())
        self._rate.note(_bits(units), is_idr=True)
        return units

    def _refer_to(self, units: list[bytes]) -> None:
        frames = self._decoder.decode(av.Packet(join_byte_stream(units)))
        if len(frames) != 1:
            raise MediaError("an IDR of ours is not decoded")
        for index, plane in enumerate(self.reconstruction):
            plane[:] = _coded_plane(frames[0].planes[index], *plane.shape)
        self._engine.restart()

    def _open_library(self, qp: int) -> X264Encoder:
        options = self._settings.options_at(qp, self._output, self._bitrate_kbps)
        return X264Encoder(options, self._output)


def _coded_plane(plane: Any, height: int, width: int) -> U8:
    """Return a plane in the coded size: the decoder writes whole macroblocks, and shows less of them."""
    size = plane.line_size * height
    buffer = (ctypes.c_uint8 * size).from_address(plane.buffer_ptr)
    return np.frombuffer(buffer, np.uint8).reshape(height, plane.line_size)[:, :width]


def _bits(units: list[bytes]) -> int:
    return 8 * sum(map(len, units))
