"""This module calls the libx264 of the PyAV wheel by its C interface, which takes planes and gives back what it coded.

FFmpeg's interface to the same library neither gives the reconstruction nor takes a quantiser for one picture. The
library is the one that PyAV has loaded, so both interfaces run the same code.

What lies where in the library's structures belongs to its build, and the build's number stands in the name of the
function that opens an encoder. With any other build, or if a structure differs from what is expected, library() gives
the reason instead of the library.

Source: the library's documented interface (x264.h, X264_BUILD 165).
"""

import contextlib
import ctypes
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import av  # noqa: F401  # loads libx264
import numpy as np

from transcoder.errors import MediaError
from transcoder.media.changes import MacroblockMap, map_shape
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.picture import U8, OwnPicture
from transcoder.worker_options import Fallback

BUILD: Final = 165
"""The build of the library whose structures are known."""
PRESETS: Final = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
"""The library's presets; it writes to standard error about any other name."""

MAPS: Final = Path("/proc/self/maps")
"""The list of the files that this process has loaded."""

_PARAMETERS_SIZE: Final = 8192
"""Bytes for the parameters, of which this build uses 1024: a build that used all of them would be noticed."""
_WIDTH, _HEIGHT, _COLOUR_SPACE, _DEPTH, _LEVEL = 7, 8, 9, 10, 11
"""Positions among the parameters, counted in ints. No name that the library parses stands for the first four."""
_MB_INFO: Final = 157
"""The position of the switch for information on macroblocks, which has no name either; behind another switch follow
the dead zones for inter and intra macroblocks."""
_PLANAR_420, _SEMIPLANAR_420 = 2, 4
"""The library's numbers for 4:2:0 with three planes, which it takes, and with two (NV12), which it works with."""
_PLANE_COUNT: Final = 3
_TRIAL_SIZE: Final = (64, 48)
_BAD_NAME: Final = -1
_FILLER: Final = 0xA5
_MB: Final = 16
"""The width and height of a macroblock in luma samples."""


class PictureType(Enum):
    """Names how a picture is to be coded."""

    AUTO = 0
    IDR = 1


class UnusableError(MediaError):
    """The library can't be called directly.

    Args:
        reason: the reason.

    Attributes:
        reason: the reason.
    """

    def __init__(self, reason: Fallback) -> None:
        super().__init__(f"libx264 can't be called directly: {reason.value}")
        self.reason = reason


class _Unit(ctypes.Structure):
    _fields_ = (
        ("ref_idc", ctypes.c_int),
        ("type", ctypes.c_int),
        ("long_start_code", ctypes.c_int),
        ("first_mb", ctypes.c_int),
        ("last_mb", ctypes.c_int),
        ("size", ctypes.c_int),
        ("payload", ctypes.c_void_p),
        ("padding", ctypes.c_int),
    )


class _Picture(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("quantiser_and_1", ctypes.c_int),
        ("structure", ctypes.c_int),
        ("keyframe", ctypes.c_int),
        ("pts", ctypes.c_int64),
        ("dts", ctypes.c_int64),
        ("parameters", ctypes.c_void_p),
        ("colour_space", ctypes.c_int),
        ("plane_count", ctypes.c_int),
        ("strides", ctypes.c_int * 4),
        ("planes", ctypes.c_void_p * 4),
        ("quantiser_offsets", ctypes.c_void_p),
        ("free_quantiser_offsets", ctypes.c_void_p),
        ("mb_info", ctypes.c_void_p),
        ("free_mb_info", ctypes.c_void_p),
        ("rest", ctypes.c_uint8 * 1024),  # this build uses 112 bytes
    )


_UNITS = ctypes.POINTER(_Unit)
_PARAMETERS = ctypes.c_int * (_PARAMETERS_SIZE // ctypes.sizeof(ctypes.c_int))


class _Plane:
    """Describes memory of the library to NumPy, whose arrays keep the owner of the memory alive."""

    def __init__(self, owner: object, address: int, rows: int, columns: int, stride: int) -> None:
        self._owner = owner
        # a ctypes array would need a type for every size, and those are only freed by the garbage collector
        self.__array_interface__ = {
            "version": 3, "typestr": "|u1", "data": (address, True), "shape": (rows, columns), "strides": (stride, 1),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Holds a coded picture as a decoder will show it, and the samples up to whole macroblocks besides.

    Attributes:
        luma: (rows, columns) uint8, both multiples of 16; not contiguous.
        chroma: (rows / 2, columns) uint8, in which Cb and Cr take turns (NV12); not contiguous.
    """

    luma: U8
    chroma: U8

    def shows(self, picture: DecodedPicture) -> bool:
        """Return whether a decoded picture is the same, sample by sample."""
        if picture.bits != 8 or picture.chroma != "420":
            return False
        luma, chroma = self.luma[: picture.height, : picture.width], self.chroma[: picture.height // 2, : picture.width]
        return all(
            np.array_equal(plane, picture.planes[index][: plane.shape[0], : plane.shape[1]])
            for index, plane in enumerate((luma, chroma[:, 0::2], chroma[:, 1::2]))
        )


class X264Library:
    """Holds the functions of a libx264 whose structures are as expected.

    Args:
        path: the library's file; it is loaded already.

    Raises:
        UnusableError: the library is of another build, or a structure differs from what is expected.
    """

    def __init__(self, path: str) -> None:
        loaded = ctypes.CDLL(path)
        pointer = ctypes.c_void_p
        try:
            self.open = loaded[f"x264_encoder_open_{BUILD}"]
            self.close = loaded["x264_encoder_close"]
            self.encode = loaded["x264_encoder_encode"]
            self.reconfigure = loaded["x264_encoder_reconfig"]
            self.read_parameters = loaded["x264_encoder_parameters"]
            self.clean_parameters = loaded["x264_param_cleanup"]
            self._preset = loaded["x264_param_default_preset"]
            self._parse = loaded["x264_param_parse"]
            self._allocate = loaded["x264_picture_alloc"]
            self._free = loaded["x264_picture_clean"]
        except AttributeError:
            raise UnusableError(Fallback.BUILD) from None
        self.open.restype, self.open.argtypes = pointer, [pointer]
        self.close.restype, self.close.argtypes = None, [pointer]
        self.encode.argtypes = [pointer] * 5
        self.reconfigure.argtypes = [pointer, pointer]
        self.read_parameters.restype, self.read_parameters.argtypes = None, [pointer, pointer]
        self.clean_parameters.restype, self.clean_parameters.argtypes = None, [pointer]
        self._preset.argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p]
        self._parse.argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p]
        self._allocate.argtypes = [pointer, ctypes.c_int, ctypes.c_int, ctypes.c_int]
        self._free.restype, self._free.argtypes = None, [pointer]
        if not (self._has_expected_parameters() and self._has_expected_picture()):
            raise UnusableError(Fallback.LAYOUT)

    def _has_expected_parameters(self) -> bool:
        parameters = _PARAMETERS()
        ctypes.memset(parameters, _FILLER, _PARAMETERS_SIZE)
        if self._preset(parameters, b"superfast", b"zerolatency") != 0:
            return False
        before = [parameters[index] for index in (_WIDTH, _HEIGHT, _COLOUR_SPACE, _DEPTH, _LEVEL)]
        zones = parameters[_MB_INFO : _MB_INFO + 4]
        for name, value in ((b"level", b"4.1"), (b"deadzone-inter", b"19"), (b"deadzone-intra", b"9")):
            self._parse(parameters, name, value)
        untouched = bytes(parameters)[-_PARAMETERS_SIZE // 2 :]
        if before != [0, 0, _PLANAR_420, 8, -1] or parameters[_LEVEL] != 41 or {*untouched} != {_FILLER}:
            return False
        if zones != [0, 0, 21, 11] or parameters[_MB_INFO : _MB_INFO + 4] != [0, 0, 19, 9]:
            return False
        parameters = self.parameters("superfast", "zerolatency", [("threads", "1"), ("log", "-1")])
        parameters[_WIDTH], parameters[_HEIGHT] = _TRIAL_SIZE
        handle = self.open(parameters)
        self.clean_parameters(parameters)
        if handle:
            self.close(handle)
        return bool(handle)

    def _has_expected_picture(self) -> bool:
        picture, (width, height) = _Picture(), _TRIAL_SIZE
        if self._allocate(ctypes.byref(picture), _PLANAR_420, width, height) != 0:
            return False
        try:
            luma, cb, cr = ((picture.planes[index] or 0) for index in range(3))
            return (
                (picture.colour_space, picture.plane_count) == (_PLANAR_420, _PLANE_COUNT)
                and picture.strides[:3] == [width, width // 2, width // 2]
                and luma > 0
                and cb - luma >= width * height
                and cr - cb >= width * height // 4
            )
        finally:
            self._free(ctypes.byref(picture))

    def parameters(self, preset: str, tune: str, settings: Iterable[tuple[str, str]]) -> "ctypes.Array[ctypes.c_int]":
        """Return the parameters of an encoder; clean_parameters() takes them back.

        Args:
            preset: the name of a preset.
            tune: the name of a tuning.
            settings: names and values of the library's own; of a name that comes twice the last value holds.

        Raises:
            MediaError: the library does not know a name or refuses a value.
        """
        parameters = _PARAMETERS()
        if preset not in PRESETS or self._preset(parameters, preset.encode(), tune.encode()) != 0:
            raise MediaError(f"the H264 encoder refuses its settings: preset={preset}")
        try:
            self.apply(parameters, settings)
        except MediaError:
            self.clean_parameters(parameters)
            raise
        return parameters

    def apply(self, parameters: "ctypes.Array[ctypes.c_int]", settings: Iterable[tuple[str, str]]) -> None:
        """Change parameters by settings.

        Raises:
            MediaError: the library does not know a name or refuses a value.
        """
        for name, value in settings:
            result = self._parse(parameters, name.encode(), value.encode())
            if result == _BAD_NAME:
                raise MediaError(f"the H264 encoder does not know the option {name}")
            if result != 0:
                raise MediaError(f"the H264 encoder refuses its settings: {name}={value}")


@functools.cache
def library() -> X264Library | Fallback:
    """Return the library that PyAV has loaded, or why it can't be called directly.

    The first call needs files, which a worker can't open; later calls give the same answer.
    """
    path = None
    with contextlib.suppress(OSError):
        for line in MAPS.read_text().splitlines():
            name = line[line.find("/") :] if "/" in line else ""
            if Path(name).name.startswith("libx264"):
                path = name
                break
    if path is None:
        return Fallback.NOT_FOUND
    try:
        return X264Library(path)
    except UnusableError as error:
        return error.reason
    except MediaError:  # it refuses settings that every build takes
        return Fallback.LAYOUT
    except OSError:
        return Fallback.NOT_FOUND


class X264Context:
    """Codes the pictures of one stream: a picture is coded when it comes, and nothing but samples is taken of it.

    Args:
        library: the library.
        parameters: the parameters, which are taken over.
        width: luma samples of a row.
        height: rows of luma samples.

    Raises:
        MediaError: the library refuses the parameters.
    """

    def __init__(self, library: X264Library, parameters: "ctypes.Array[ctypes.c_int]", width: int, height: int) -> None:
        self._handle = None
        self._library = library
        parameters[_WIDTH], parameters[_HEIGHT], parameters[_MB_INFO] = width, height, 1
        self._handle = library.open(parameters)
        library.clean_parameters(parameters)
        if not self._handle:
            raise MediaError("the H264 encoder refuses its settings")
        self._rows, self._columns = -(-height // _MB) * _MB, -(-width // _MB) * _MB
        self._source, self._result = _Picture(), _Picture()
        self._is_constant = np.zeros(map_shape(width, height), np.bool_)
        self._source.mb_info = self._is_constant.ctypes.data
        self._source.colour_space, self._source.plane_count = _PLANAR_420, _PLANE_COUNT
        self._units, self._count = _UNITS(), ctypes.c_int()
        self._arguments = tuple(ctypes.byref(each) for each in (self._units, self._count, self._source, self._result))

    def __del__(self) -> None:
        if self._handle:
            self._library.close(self._handle)

    def encode(
        self,
        picture: OwnPicture,
        tick: int,
        kind: PictureType,
        qp: int | None = None,
        changed: MacroblockMap | None = None,
    ) -> bytes:
        """Code one picture and return it as an Annex B byte stream.

        Args:
            picture: a picture of the context's size.
            tick: the time of the picture, in the unit of the parameters, later than that of the picture before.
            kind: how the picture is to be coded.
            qp: the quantiser of all macroblocks, 0 to 51; None: rate control chooses.
            changed: the map of the macroblocks that changed since the picture before: less is tried for the others.

        Raises:
            MediaError: the library failed.
        """
        if changed is not None and changed.shape == self._is_constant.shape:
            np.equal(changed, 0, out=self._is_constant)
        else:
            self._is_constant.fill(False)
        source = self._source
        source.type, source.pts = kind.value, tick
        source.quantiser_and_1 = 0 if qp is None else qp + 1
        for index, plane in enumerate(picture.planes):
            source.strides[index], source.planes[index] = plane.shape[1], plane.ctypes.data
        size = self._library.encode(self._handle, *self._arguments)
        if size < 0:
            raise MediaError("the H264 encoder failed")
        # the units of a picture lie one behind the other, with their start codes
        return ctypes.string_at(self._units[0].payload, size) if size else b""

    def reconstruction(self) -> Reconstruction | None:
        """Return views of the last coded picture, which the next one overwrites; None where there is none."""
        result = self._result
        addresses, strides = result.planes[:2], result.strides[:2]
        if (result.colour_space, result.plane_count) != (_SEMIPLANAR_420, 2) or None in addresses:
            return None
        if min(strides) < self._columns:
            return None
        luma = np.asarray(_Plane(self, addresses[0], self._rows, self._columns, strides[0]))
        chroma = np.asarray(_Plane(self, addresses[1], self._rows // 2, self._columns, strides[1]))
        return Reconstruction(luma, chroma)

    def reconfigure(self, settings: Iterable[tuple[str, str]]) -> bool:
        """Use other settings from the next picture on; return False where the library does not take them.

        Args:
            settings: names and values of the library's own.

        Raises:
            MediaError: the library does not know a name or refuses a value.
        """
        parameters = _PARAMETERS()
        self._library.read_parameters(self._handle, parameters)
        self._library.apply(parameters, settings)
        return bool(self._library.reconfigure(self._handle, parameters) == 0)
