"""The memory and the socket that a stream's decoding and encoding process share; the fork server makes and keeps them.

The memory is a file without a name (memfd_create), as large as the largest picture. Seals keep every process from
making it smaller, which would kill the one that reads it, or larger, or from mapping it writable again. The decoding
process inherits the one writable mapping, the encoding process maps the memory from a descriptor that only reads.
"""

import contextlib
import fcntl
import mmap
import os
import socket
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from transcoder.ipc.planes import (
    AUDIO_OFFSET,
    AUDIO_SAMPLES,
    MAP_OFFSET,
    MEMORY_SIZE,
    RECORD_SIZE,
    UNKNOWN,
    plan_planes,
)
from transcoder.media.changes import MacroblockMap, map_shape
from transcoder.media.picture import U8

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEAL_FUTURE_WRITE: Final = 0x10
"""F_SEAL_FUTURE_WRITE (Linux 5.1): no new writable mapping and no write(2), while mappings that are there stay."""
_MAX_DRAINED: Final = 4096
"""More records than a socket holds."""


class SharedPlanes:
    """Shows the memory as planes.

    Args:
        memory: the mapping of MEMORY_SIZE bytes.
    """

    def __init__(self, memory: Any) -> None:
        self._bytes: U8 = np.frombuffer(memory, np.uint8, MEMORY_SIZE)
        self._size = (0, 0)
        self._planes: tuple[U8, ...] = ()
        self.samples: NDArray[np.int16] = self._bytes[AUDIO_OFFSET:MAP_OFFSET].view("<i2")[:AUDIO_SAMPLES]

    def planes(self, width: int, height: int) -> tuple[U8, ...]:
        """Return the three planes of a picture, each (height, stride).

        Args:
            width: luma samples of a row, even.
            height: rows of luma samples, even.
        """
        if self._size != (width, height):
            self._planes = tuple(
                self._bytes[plan.offset : plan.end].reshape(plan.rows, plan.stride)
                for plan in plan_planes(width, height)
            )
            self._size = (width, height)
        return self._planes

    def changed(self, width: int, height: int) -> MacroblockMap:
        """Return the map of the macroblocks that changed in the planes with the last record of a picture.

        For the encoding process the map is a hint of an untrusted side: it has the shape that belongs to the size, and
        whatever stands in it, at worst old samples of the camera are shown instead of new ones.

        Args:
            width: luma samples of a row, even.
            height: rows of luma samples, even.
        """
        rows, columns = map_shape(width, height)
        return self._bytes[MAP_OFFSET : MAP_OFFSET + rows * columns].reshape(rows, columns)

    def mark_unknown(self) -> None:
        """Say of every macroblock that nobody knows whether it changed."""
        self._bytes[MAP_OFFSET:] = UNKNOWN

    def read_changed(self, width: int, height: int) -> MacroblockMap | None:
        """Return a copy of that map, of zeros and ones; None where nobody knows what changed."""
        said = self.changed(width, height).copy()
        return None if (said == UNKNOWN).any() else (said != 0).view(np.uint8)


class StreamLink:
    """Keeps what the two processes of a stream share, in the fork server.

    Attributes:
        decoding: the decoding process's end of the socket for records.
        encoding: the encoding process's end.

    Raises:
        OSError: there is no memory or no descriptor left.
    """

    def __init__(self) -> None:
        file = os.memfd_create("planes", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(file, MEMORY_SIZE)
            self._memory = mmap.mmap(file, MEMORY_SIZE)
            # a process of another stream must not inherit it
            self._memory.madvise(mmap.MADV_DONTFORK)
            self._read_only = os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            with contextlib.suppress(OSError):
                fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEAL_FUTURE_WRITE)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL)
        finally:
            os.close(file)
        self.decoding, self.encoding = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def inherit(self, *, wanted: bool) -> None:
        """Say whether processes that are forked from now on inherit the writable mapping."""
        self._memory.madvise(mmap.MADV_DOFORK if wanted else mmap.MADV_DONTFORK)

    def writable(self) -> SharedPlanes:
        """Return the memory for the decoding process, which inherited it."""
        return SharedPlanes(self._memory)

    def read_only(self) -> SharedPlanes:
        """Return the memory for the encoding process, mapped without the right to write, now or later.

        Raises:
            OSError: the memory can't be mapped.
        """
        return SharedPlanes(mmap.mmap(self._read_only, MEMORY_SIZE, mmap.MAP_SHARED, mmap.PROT_READ))

    def drain(self) -> None:
        """Forget the records and answers of a decoding process that is gone."""
        for end in (self.decoding, self.encoding):
            with contextlib.suppress(BlockingIOError):
                for _ in range(_MAX_DRAINED):
                    end.recv(RECORD_SIZE, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Give everything back; processes keep their own mappings and descriptors."""
        self.decoding.close()
        self.encoding.close()
        os.close(self._read_only)
        self._memory.close()
