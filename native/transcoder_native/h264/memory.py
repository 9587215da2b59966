"""These functions read and write memory by its address, which to kernels is an int64.

An address costs a helper nothing to take, an array argument costs it tens of nanoseconds. Nothing is checked: callers
hand in addresses that ``layout`` made.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_Signature = tuple[Any, Any]

_intrinsic: Any = intrinsic  # whose own type says that a call never returns


def _read(bits: int, *, signed: bool) -> Any:
    """Make a function ``address -> int64`` that reads one number."""

    def read(typing_context: Any, address: Any) -> _Signature:
        del typing_context, address

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            del context, signature
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            value = builder.load(pointer, align=1)
            if bits == 64:
                return value
            return builder.sext(value, ir.IntType(64)) if signed else builder.zext(value, ir.IntType(64))

        return types.int64(types.int64), codegen

    return read


def _write(bits: int) -> Any:
    """Make a function ``address, value -> None`` that writes the low bits of an int64."""

    def write(typing_context: Any, address: Any, value: Any) -> _Signature:
        del typing_context, address, value

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            del signature
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            value = arguments[1] if bits == 64 else builder.trunc(arguments[1], ir.IntType(bits))
            builder.store(value, pointer, align=1)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    return write


u8: Callable[[int], int] = _intrinsic(_read(8, signed=False))
"""Read a uint8 at an address, as int64."""
u16: Callable[[int], int] = _intrinsic(_read(16, signed=False))
"""Read a uint16 at an address, as int64."""
i16: Callable[[int], int] = _intrinsic(_read(16, signed=True))
"""Read an int16 at an address, as int64."""
i32: Callable[[int], int] = _intrinsic(_read(32, signed=True))
"""Read an int32 at an address, as int64."""
i64: Callable[[int], int] = _intrinsic(_read(64, signed=True))
"""Read an int64 at an address."""
put_u8: Callable[[int, int], None] = _intrinsic(_write(8))
"""Write the low 8 bits of an int64 at an address."""
put_16: Callable[[int, int], None] = _intrinsic(_write(16))
"""Write the low 16 bits of an int64 at an address."""
put_32: Callable[[int, int], None] = _intrinsic(_write(32))
"""Write the low 32 bits of an int64 at an address."""
put_i64: Callable[[int, int], None] = _intrinsic(_write(64))
"""Write an int64 at an address."""
