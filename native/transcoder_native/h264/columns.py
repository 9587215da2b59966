"""These intrinsics load and store columns of 16 rows, as vectors of one octet a row.

Rows are turned into columns by zips: a zip of two vectors makes the number of the vector the lowest bit of the lane,
and the highest bit of the lane the number of the vector. After one zip for each bit of the row, lanes are rows.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from transcoder_native.h264.intrinsics import VectorType

_COLUMN = VectorType(8, 16)
_I64 = ir.IntType(64)
_ROWS = 16


def _zip(builder: ir.IRBuilder, one: ir.Value, other: ir.Value, first: int, count: int) -> ir.Value:
    """Return lanes of two vectors by turns, from a first lane on."""
    lanes = one.type.count
    order = [lane + vector for lane in range(first, first + count) for vector in (0, lanes)]
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order))


def _zip_all(builder: ir.IRBuilder, vectors: Sequence[ir.Value], bit: int) -> list[ir.Value]:
    """Zip each two vectors of 16 lanes whose numbers differ in a bit; the lower half of the zip replaces the first."""
    zipped = list(vectors)
    for number, vector in enumerate(vectors):
        if not number & bit:
            other = vectors[number | bit]
            zipped[number] = _zip(builder, vector, other, 0, 8)
            zipped[number | bit] = _zip(builder, vector, other, 8, 8)
    return zipped


def _address_of(builder: ir.IRBuilder, halves: Sequence[ir.Value], stride: ir.Value, row: int) -> ir.Value:
    return builder.add(halves[row // 8], builder.mul(stride, ir.Constant(_I64, row % 8)))


def _columns(_typing: Any, _upper: Any, _lower: Any, _stride: Any, count: Any) -> Any:
    if not isinstance(count, types.IntegerLiteral):
        return None
    width = count.literal_value

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Sequence[ir.Value]) -> Any:
        *halves, stride, _ = arguments
        pointer = ir.VectorType(ir.IntType(8), width).as_pointer()
        vectors = [
            builder.load(builder.inttoptr(_address_of(builder, halves, stride, row), pointer), align=1)
            for row in range(_ROWS)
        ]
        while vectors[0].type.count < _ROWS:
            half = len(vectors) // 2
            vectors = [_zip(builder, vectors[n], vectors[n + half], 0, vectors[n].type.count) for n in range(half)]
        bit = len(vectors) // 2
        while bit:
            vectors = _zip_all(builder, vectors, bit)
            bit //= 2
        return context.make_tuple(builder, signature.return_type, vectors)

    loaded: Any = types.UniTuple(_COLUMN, width)  # type: ignore[no-untyped-call]  # Numba has no types
    return loaded(types.int64, types.int64, types.int64, count), codegen


def _store_columns(_typing: Any, _upper: Any, _lower: Any, _stride: Any, columns: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Sequence[ir.Value]) -> Any:
        *halves, stride, packed = arguments
        vectors = [builder.extract_value(packed, number) for number in range(columns.count)]
        bit = columns.count // 2
        while bit:
            vectors = _zip_all(builder, vectors, bit)
            bit //= 2
        row_type = ir.IntType(8 * columns.count)
        rows = _ROWS // columns.count
        for number, vector in enumerate(vectors):
            wide = builder.bitcast(vector, ir.VectorType(row_type, rows))
            for part in range(rows):
                at = _address_of(builder, halves, stride, number * rows + part)
                value = builder.extract_element(wide, ir.IntType(32)(part))
                builder.store(value, builder.inttoptr(at, row_type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, columns), codegen


_sized: Any = intrinsic(prefer_literal=True)
_plain: Any = intrinsic

columns: Any = _sized(_columns)
"""``columns(upper, lower, stride, count)`` loads columns, 4 or 8, of 8 rows at an address and 8 at another."""
store_columns: Any = _plain(_store_columns)
"""``store_columns(upper, lower, stride, columns)`` stores a tuple of columns, 2 or 8, where ``columns`` loads them."""
