"""Numbers read and written by address."""

import numpy as np
import pytest

from transcoder_native.h264 import memory
from transcoder_native.runtime import INT, kernel


@kernel(INT, INT)
def copy_numbers(source, out):
    memory.put_i64(out, memory.u8(source))
    memory.put_i64(out + 8, memory.u16(source))
    memory.put_i64(out + 16, memory.i16(source))
    memory.put_i64(out + 24, memory.i32(source))
    memory.put_i64(out + 32, memory.i64(source))


@kernel(INT, INT)
def write_numbers(out, value):
    memory.put_u8(out, value)
    memory.put_16(out + 2, value)
    memory.put_32(out + 4, value)


@pytest.mark.parametrize("value", [0, 1, -1, -(2**63), 2**63 - 1, 0x1234_5678_9ABC_DEF0, -0x7654_0123_8001_80FF])
def test_numbers_are_read_at_an_odd_address(value):
    buffer = np.zeros(16, np.uint8)
    buffer[1:9] = np.frombuffer(value.to_bytes(8, "little", signed=True), np.uint8)
    out = np.zeros(5, np.int64)
    copy_numbers(buffer.ctypes.data + 1, out.ctypes.data)
    low = value.to_bytes(8, "little", signed=True)
    assert out.tolist() == [
        low[0],
        int.from_bytes(low[:2], "little"),
        int.from_bytes(low[:2], "little", signed=True),
        int.from_bytes(low[:4], "little", signed=True),
        value,
    ]


def test_no_more_than_the_number_is_written():
    buffer = np.full(12, 0xEE, np.uint8)
    write_numbers(buffer.ctypes.data + 1, -2)
    assert buffer.tobytes().hex() == "eefeeefefffeffffffeeeeee"
