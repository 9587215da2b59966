"""This module encodes H.264 at a cost that follows motion: x264 makes the IDRs, our own engine the P pictures.

Where most of a picture moves, a group of pictures is x264's (``engine_choice``). Our P pictures have a PPS of their
own, which follows x264's; the reference of the first one is x264's own reconstruction of the IDR.
"""

import os
import sys
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
from typing_extensions import override

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import H264_PPS, H264_SPS, Codec, nal_unit_type
from transcoder.codecs.own_parameter_sets import OwnSequence, read_own_set
from transcoder.codecs.own_slices import p_slice, picture_parameter_set
from transcoder.errors import MediaError
from transcoder.media.changes import MacroblockMap
from transcoder.media.encoders.engine_choice import Engine as Choice
from transcoder.media.encoders.engine_choice import EngineChoice
from transcoder.media.encoders.protocol import Encoder
from transcoder.media.encoders.rate import MAX_QP, RateControl
from transcoder.media.encoders.sent_pictures import CHECK_VARIABLE, SentPictures
from transcoder.media.encoders.x264 import X264Settings
from transcoder.media.levels import h264_level
from transcoder.media.picture import U8, OwnPicture
from transcoder.worker_options import Fallback, OutputFormat

MIN_QP: Final = 10
"""The lowest QP of P pictures: below, levels outgrow what the engine's tests cover, and nobody sees a difference."""
MIN_SAMPLES: Final = 320 * 240
"""Smaller pictures stay with x264: there the engine's fixed costs outweigh what it saves."""
_ENGINE: Final = "transcoder_native.h264.engine"
_CABAC_INIT_IDC: Final = 0
_WHOLE_SAMPLES: Final = 0
_HALF_SAMPLES: Final = 1
"""The values of subme with which x264 looks for vectors of whole samples, and of half samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSettings(X264Settings):
    """Holds the settings of the encoder whose cost follows motion: those of x264, which makes the IDRs.

    `crf` is the QP of P pictures while the cap of the bitrate allows it; that of an IDR is IDR_OFFSET lower.
    """

    wants_changes: ClassVar[bool] = True
    deadzone: ClassVar[int | None] = 16

    @override
    def ffmpeg_options(self, bitrate_kbps: int) -> dict[str, str]:
        options = X264Settings.ffmpeg_options(self, bitrate_kbps)
        # against any preset: our P pictures need an SPS of a High profile
        return options | {"x264-params": f"{options['x264-params']}:8x8dct=1"}

    @override
    def open(self, output: OutputFormat, bitrate_kbps: int) -> Encoder:
        # kernels can't be imported within the sandbox; until the fork server has them, x264 serves
        engine = sys.modules.get(_ENGINE)
        if engine is None or output.width * output.height < MIN_SAMPLES:
            return X264Settings.open(self, output, bitrate_kbps)
        made = MotionEncoder(self, output, bitrate_kbps, engine)
        if os.environ.get(CHECK_VARIABLE):
            made.check()
        return made

    @override
    def adapt(self, encoder: Encoder, output: OutputFormat, bitrate_kbps: int) -> bool:
        if isinstance(encoder, MotionEncoder):
            return encoder.use_bitrate(bitrate_kbps)
        return X264Settings.adapt(self, encoder, output, bitrate_kbps)


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
        reconstruction: luma, Cb and Cr as a decoder shows the last of our own pictures, in the coded size; empty while
            x264 codes a group.
    """

    codec = Codec.H264

    def __init__(self, settings: MotionSettings, output: OutputFormat, bitrate_kbps: int, module: Any) -> None:
        self._settings, self._output, self._bitrate_kbps = settings, output, bitrate_kbps
        qp = min(max(round(settings.crf), MIN_QP), MAX_QP)
        samples = output.width * output.height
        self._rate = RateControl(qp, samples, bitrate_kbps, settings.buffer_s)
        self._choice = EngineChoice()
        self._module = module
        self._engine: Any
        self.reconstruction: list[U8]
        self._open_engine()
        self._count = self._engine.geometry.mb_width * self._engine.geometry.mb_height
        self._library = settings.open_uncapped(output, bitrate_kbps)
        self._subme = settings.subme
        self._is_behind_idr = False
        self.dropped = self._library.dropped
        self._substitute: Encoder | None = None
        self._sequence: OwnSequence | None = None
        self._frame_num = 0
        self._idr_pts = 0
        self._group_s = 0.0
        self._is_told_changes = False
        self._sent: SentPictures | None = None
        self.fallback: Fallback | None = None

    def check(self) -> None:
        """Decode each picture before it is sent, from an IDR on; where one is wrong, x264 takes over."""
        self._sent = SentPictures(self._output.width, self._output.height)

    @override
    def encode(self, picture: OwnPicture, changed: MacroblockMap | None, pts: int, *, force_idr: bool) -> list[bytes]:
        if self._substitute is not None:
            return self._substitute.encode(picture, changed, pts, force_idr=force_idr)
        if self._rate.is_helpless:
            return self._hand_over(picture, pts)
        units = self._encode(picture, changed, pts, force_idr=force_idr)
        if self._sent is None or self._substitute is not None:
            return units
        believed = self.reconstruction if self._choice.engine is Choice.OWN else None
        if self._sent.show(units, pts, believed):
            return units
        self.fallback = Fallback.DIFFERENCE
        return self._hand_over(picture, pts)

    def _encode(self, picture: OwnPicture, changed: MacroblockMap | None, pts: int, *, force_idr: bool) -> list[bytes]:
        changed_share = self._take(picture, changed)
        if force_idr or self._sequence is None:
            return self._encode_idr(picture, pts)
        since_idr_s = (pts - self._idr_pts) / VIDEO_CLOCK_RATE
        qp = self._rate.choose(pts, is_idr=False, gop_rest_s=max(self._group_s - since_idr_s, 0.0))
        coded = None
        if self._choice.engine is Choice.OWN:
            self._engine.test(qp)
            coded = self._engine.coded / self._count
        choice = self._choice.choose(changed_share, coded, since_idr_s)
        if choice is Choice.IDR:
            return self._encode_idr(picture, pts)
        if choice is Choice.LIBRARY:
            units, _ = self._library.encode_at(picture, pts, qp, force_idr=False)
        else:
            data = self._engine.write(_CABAC_INIT_IDC)
            if data is None:
                return self._encode_idr(picture, pts)
            units = [self._slice(data, qp)]
        if self._rate.again(_bits(units)) is not None or not self._fits(units):
            return self._encode_idr(picture, pts)  # what was written is forgotten
        self._rate.note(_bits(units), is_idr=False)
        self._is_behind_idr = False
        if choice is Choice.OWN:
            self._library.rest()
        return units

    @property
    def shares(self) -> tuple[float, float, float]:
        """Return the shares of the last picture's macroblocks that changed, were tested and were coded."""
        engine = self._engine
        if engine is None:
            return 1.0, 1.0, 1.0
        return engine.changed / self._count, engine.tested / self._count, engine.coded / self._count

    def _fits(self, units: list[bytes]) -> bool:
        """Return whether a decoder's buffer holds a picture."""
        return _bits(units) <= self._rate.size_bits

    def use_bitrate(self, bitrate_kbps: int) -> bool:
        """Keep another cap of the bitrate from the next picture on; return False where it needs another encoder."""
        if self._substitute is not None:
            return X264Settings.adapt(self._settings, self._substitute, self._output, bitrate_kbps)
        output = self._output
        old, new = (
            h264_level(output.width, output.height, output.frame_rate, each)
            for each in (self._bitrate_kbps, bitrate_kbps)
        )
        if old != new:  # the SPS tells the level
            return False
        self._bitrate_kbps = bitrate_kbps
        self._rate.set_bitrate(bitrate_kbps)
        return True

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

    def _choose_engine(self) -> None:
        """Choose who codes the group that begins, and have x264 look for half samples where it codes P pictures.

        That takes planes of half samples, 14 MB at 1080p, so that x264 is another one where it makes IDRs alone. Two
        IDRs without a picture between them are of one x264, which numbers them.
        """
        self._choice.begin_group()
        if self._settings.subme != _WHOLE_SAMPLES or self._is_behind_idr:
            return
        subme = _HALF_SAMPLES if self._choice.engine is Choice.LIBRARY else _WHOLE_SAMPLES
        if subme != self._subme:
            self._subme = subme
            self._library.rest()
            self._library = replace(self._settings, subme=subme).open_uncapped(self._output, self._bitrate_kbps)

    def _encode_idr(self, picture: OwnPicture, pts: int) -> list[bytes]:
        """Encode an IDR and make it the engine's reference."""
        self._choose_engine()
        qp: int | None = self._rate.choose(pts, is_idr=True)
        units, reconstruction = list[bytes](), None
        while qp is not None:
            units, reconstruction = self._library.encode_at(picture, pts, qp, force_idr=True)
            qp = self._rate.again(_bits(units)) if reconstruction is not None else None
        if reconstruction is None:
            self.fallback = self._library.fallback or Fallback.RECONSTRUCTION
        if reconstruction is None or not self._fits(units):
            return self._hand_over(picture, pts)
        types = [nal_unit_type(self.codec, unit) for unit in units]
        sequence = read_own_set(self.codec, units[types.index(H264_SPS)])
        if not isinstance(sequence, OwnSequence):
            raise MediaError("an IDR of ours has no parameter sets")
        if self._sequence is not None:
            self._group_s = (pts - self._idr_pts) / VIDEO_CLOCK_RATE
        self._sequence, self._frame_num, self._idr_pts = sequence, 0, pts
        self._is_behind_idr = True
        self._begin_group(picture)
        if self._choice.engine is Choice.OWN:
            luma, cb, cr = self.reconstruction
            luma[:] = reconstruction.luma
            cb[:], cr[:] = reconstruction.chroma[:, ::2], reconstruction.chroma[:, 1::2]
            self._engine.restart()
        # also where x264 makes the P pictures: the session description stays the same
        units.insert(types.index(H264_PPS) + 1, picture_parameter_set())
        self._rate.note(_bits(units), is_idr=True)
        return units

    def _begin_group(self, picture: OwnPicture) -> None:
        """Begin the group of an IDR; our engine has memory while it codes.

        To fill it anew takes 6 ms at 1080p, as much as the pictures of a second take to be copied into it in vain.
        """
        if self._choice.engine is Choice.OWN:
            if self._engine is None:
                self._open_engine()
                self._take(picture, None)
        elif self._is_told_changes:
            self._engine, self.reconstruction = None, []

    def _open_engine(self) -> None:
        engine = self._engine = self._module.open_engine(self._output.width, self._output.height)
        self.reconstruction = [engine.reference.luma, engine.reference.cb, engine.reference.cr]

    def _take(self, picture: OwnPicture, changed: MacroblockMap | None) -> float:
        """Take the next picture and return the share of its macroblocks that changed."""
        self._is_told_changes = changed is not None
        if self._engine is not None:
            self._engine.take(picture.planes, picture.width, picture.height, changed)
            return float(self._engine.changed / self._count)
        return 1.0 if changed is None else np.count_nonzero(changed) / changed.size

    def _hand_over(self, picture: OwnPicture, pts: int) -> list[bytes]:
        """Let x264 encode from now on: under a cap it quantises noise coarser than any QP that can be asked of it."""
        self._engine, self.reconstruction, self._sent = None, [], None
        self._library.rest()
        self._substitute = X264Settings.open(self._settings, self._output, self._bitrate_kbps)
        return self._substitute.encode(picture, None, pts, force_idr=True)


def _bits(units: list[bytes]) -> int:
    return 8 * sum(map(len, units))
