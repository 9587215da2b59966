"""This module orders the pictures and spoils them: parameter sets, smart codecs, encryption, restarts."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_PPS,
    H265_PPS,
    Codec,
    add_emulation_prevention,
    header_size,
    is_parameter_set,
    is_vcl,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.lab.cameras.access_units import AccessUnit, Content
from transcoder.lab.cameras.picture_packets import is_configuration

SECOND_PPS = 15
"""The id of the second PPS: its code is 8 bits longer than that of id 0, so that what follows keeps its place in a byte
(H.264 section 9.1), on which CABAC depends."""
ENCRYPTED_BYTES = 4096
"""Bytes of each slice's body that Hikvision encrypts, in blocks of 16 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureDefects:
    """Lists the defects of the pictures and of their order.

    Attributes:
        parameter_sets: they are in the SDP and the stream ("both"), only in the "sdp" (old Axis and Sony firmware), or
            only in the "stream" (Hikvision media server); "apart": the SDP has all but the PPS, which the stream has
            once, before its first IDR.
        parameter_sets_after_s: the stream carries no parameter sets for so long, and the SDP never has any.
        parameter_sets_old_timestamp: the sets carry the timestamp of the picture before theirs (Reolink RLC-822A).
        size_change_every_s: the picture's size changes to three quarters and back so often, at an IDR (Lorex at night).
        grow_after_s: the picture is described and begins with three quarters of its size, and grows for good then
            (Foscam R2).
        codec_switch_every_s: the codec changes from H.264 to H.265, or the reverse, and back so often, at an IDR, while
            payload type, SSRC and numbers go on (somebody changes the camera's settings).
        describes_switch: a session description names the codec that is sent when it is asked for; False: the first one.
        gop_s: seconds from IDR to IDR (H.264+, Zipstream: 20 and more); none: as the fleet says.
        first_idr_after_s: only P pictures come for so long after the first reader came (smart codecs: up to 20).
        intra_refresh: no IDR comes after the first, which nobody gets, but recovery points (mpp#523); in H.265 an IDR
            each time the scene begins anew.
        svc: prefix NAL units 14 and slices of an enhancement layer 20 around each slice (Hikvision with SVC on); H.264.
        frozen_after_s: after so long the camera repeats the same picture, bit for bit (a hung image sensor).
        dark: the picture has next to no light in it (a lens cap, a night without infrared).
        second_pps: P pictures refer to a PPS of their own, which the "sdp" alone has (gortsplib#96) or nothing has
            ("none"); "off": all pictures refer to the same. H.264.
        encrypted: the slices' bodies are random (Hikvision, EZVIZ, Imou with stream encryption on).
        encoder_restart_every_s: SSRC, sequence and timestamp change so often, at an IDR (settings, day and night).
    """

    parameter_sets: Literal["both", "sdp", "stream", "apart"] = "both"
    parameter_sets_after_s: float | None = None
    parameter_sets_old_timestamp: bool = False
    size_change_every_s: float | None = None
    grow_after_s: float | None = None
    codec_switch_every_s: float | None = None
    describes_switch: bool = False
    gop_s: float | None = None
    first_idr_after_s: float = 0.0
    intra_refresh: bool = False
    svc: bool = False
    frozen_after_s: float | None = None
    dark: bool = False
    second_pps: Literal["off", "sdp", "none"] = "off"
    encrypted: bool = False
    encoder_restart_every_s: float | None = None

    @property
    def changes_size(self) -> bool:
        """Return whether the picture changes its size."""
        return self.size_change_every_s is not None or self.grow_after_s is not None

    @property
    def in_description(self) -> bool:
        """Return whether the session description holds parameter sets."""
        return self.parameter_sets != "stream" and self.parameter_sets_after_s is None


class Programme:
    """Chooses the access unit that comes next.

    Args:
        contents: the content shown first, and the one that the picture changes to, if any.
        defects: the switches.
        start_at_idr: whether the stream begins with an IDR; False: in the middle of a GOP.

    Attributes:
        content: index of the content shown.
        index: index of the access unit that comes next.
        restarted: whether the encoder begins anew with that access unit.
    """

    def __init__(self, contents: Sequence[Content], defects: PictureDefects, *, start_at_idr: bool) -> None:
        self._contents = contents
        self._defects = defects
        self._start_at_idr = start_at_idr and not defects.first_idr_after_s and not defects.intra_refresh
        self.content = 0
        self.begin()

    def begin(self) -> None:
        """Begin, because the first reader came."""
        if self._defects.codec_switch_every_s is None:  # a setting stays, whoever reads
            self.content = 0
        self.index = 0 if self._start_at_idr else self._gop() // 2
        self.restarted = False
        self._waits_for_idr = self._defects.first_idr_after_s > 0
        self._next_restart = self._defects.encoder_restart_every_s
        self._change_every_s = self._defects.size_change_every_s or self._defects.codec_switch_every_s
        self._next_change = self._change_every_s

    @property
    def unit(self) -> AccessUnit:
        """Return the access unit that comes next."""
        return self._contents[self.content].access_units[self.index]

    def step(self, since_start_s: float) -> None:
        """Move on to the next access unit.

        Args:
            since_start_s: seconds since the first reader came.
        """
        defects = self._defects
        units = self._contents[self.content].access_units
        self.restarted = False
        if self._waits_for_idr:
            self._waits_for_idr = since_start_s < defects.first_idr_after_s
            self.index = self.index % max(1, self._gop() - 1) + 1 if self._waits_for_idr and len(units) > 1 else 0
            return
        if defects.frozen_after_s is not None and since_start_s >= defects.frozen_after_s:
            while not units[self.index].random_access:
                self.index -= 1
            return
        if self._next_restart is not None and since_start_s >= self._next_restart:
            self._next_restart += defects.encoder_restart_every_s or 0.0
            self.restarted = True
            self.index = 0
            return
        self.index = (self.index + 1) % len(units)
        is_h264 = self._contents[self.content].codec is Codec.H264
        if defects.intra_refresh and is_h264 and units[self.index].random_access:
            self.index += 1  # in H.265 a picture order count that runs back needs the IDR
        if self._next_change is not None and since_start_s >= self._next_change and units[self.index].random_access:
            self._next_change += self._change_every_s or 0.0
            self.content = (self.content + 1) % len(self._contents)
            self.index = 0
        grows = defects.grow_after_s is not None and since_start_s >= defects.grow_after_s
        if grows and not self.content and units[self.index].random_access:
            self.content, self.index = 1, 0

    def _gop(self) -> int:
        """Return the number of access units in the first GOP."""
        units = self._contents[self.content].access_units
        starts = [index for index, unit in enumerate(units) if unit.random_access]
        return starts[1] if len(starts) > 1 else len(units)


def changed_nal_units(
    codec: SourceCodec,
    unit: AccessUnit,
    *,
    parameter_sets: bool,
    pps_alone: bool,
    encrypted: bool,
    svc: bool,
    second_pps: bool,
    seed: int,
) -> list[bytes]:
    """Return the NAL units of an access unit as the camera sends them.

    Args:
        codec: codec of the NAL units.
        unit: the access unit as the encoder made it.
        parameter_sets: whether parameter sets stay.
        pps_alone: whether the PPS are the only parameter sets that stay.
        encrypted: whether the bodies of slices are made random.
        svc: whether a prefix NAL unit stands before each slice; H.264 only.
        second_pps: whether the slices of other pictures than IDR refer to SECOND_PPS; H.264 only.
        seed: seed of the random bytes.
    """
    if isinstance(codec, PictureCodec):
        return [element for element in unit.nal_units if parameter_sets or not is_configuration(codec, element)]
    rng = random.Random(seed)
    changed: list[bytes] = []
    for made in unit.nal_units:
        nal_unit, kind = made, nal_unit_type(codec, made)
        if is_parameter_set(codec, kind) and (not parameter_sets or (pps_alone and kind not in {H264_PPS, H265_PPS})):
            continue
        if is_vcl(codec, kind):
            if second_pps and codec is Codec.H264 and not unit.random_access:
                nal_unit = of_second_pps(nal_unit, codes_before=2)
            if svc and codec is Codec.H264:
                changed.append(_prefix(nal_unit, idr=unit.random_access))
            if encrypted:
                at = header_size(codec)
                size = min(len(nal_unit) - at, ENCRYPTED_BYTES) // 16 * 16
                changed.append(nal_unit[:at] + rng.randbytes(size) + nal_unit[at + size :])
                continue
        changed.append(nal_unit)
    return changed


def of_second_pps(nal_unit: bytes, *, codes_before: int) -> bytes:
    """Return a slice or a PPS whose pic_parameter_set_id is SECOND_PPS instead of 0.

    Args:
        nal_unit: the H.264 NAL unit.
        codes_before: the number of codes before the id: 2 in a slice, 0 in a PPS.

    Source: H.264 section 7.3.2.2, 7.3.3, 9.1.
    """
    rbsp = remove_emulation_prevention(nal_unit[1:])
    bits = BitReader(rbsp[:48])
    for _ in range(codes_before):
        bits.ue()
    behind = 8 * len(rbsp) - (8 * len(rbsp[:48]) - bits.left) - 1
    value = int.from_bytes(rbsp)
    head = (value >> (behind + 1)) << 9 | (SECOND_PPS + 1)
    moved = head << behind | value & ((1 << behind) - 1)
    return nal_unit[:1] + add_emulation_prevention(moved.to_bytes(len(rbsp) + 1))


def _prefix(slice_unit: bytes, *, idr: bool) -> bytes:
    """Return a prefix NAL unit: layer 0, no flags of its own (H.264 sections G.7.3.1.1, G.7.3.2.12.1)."""
    reference = slice_unit[0] & 0x60
    return bytes((reference | 14, 0xC0 if idr else 0x80, 0x80, 0x07)) + (b"\x20" if reference else b"")
