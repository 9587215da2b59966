"""These functions give kernels vectors of integers: each emits plain LLVM vector operations, no processor's own.

A vector is a value with a fixed number of lanes, which LLVM keeps in registers. ``octets``, ``samples`` and ``words``
load one from an address. Sums, differences, products, shifts and logical operations are Python's operators; they wrap
around at the size of a lane. LLVM chooses the instructions, so one source serves every processor.

Addresses and numbers are int64. The number of lanes is a number in the source, not a variable, because it is a part of
the vector's type. No constant address is emitted, because a kernel with one can't be cached.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model

Vector: TypeAlias = Any
"""The type of a vector for a type checker, which knows nothing of lanes; Numba checks them."""

_Typed: TypeAlias = tuple[Any, Callable[..., Any]]

_infer: Any = infer_global
_lower: Any = lower_builtin  # these two have no types of their own

_I32: Final = ir.IntType(32)
_I64: Final = ir.IntType(64)


class VectorType(types.Type):
    """Names a vector for Numba.

    Args:
        bits: the bits of a lane: 8 (octets), 16 (words) or 32.
        lanes: how many integers the vector holds.
    """

    def __init__(self, bits: int, lanes: int) -> None:
        self.bits, self.lanes = bits, lanes
        super().__init__(name=f"i{bits}x{lanes}")

    @property
    def llvm(self) -> ir.VectorType:
        """Return the same type as LLVM names it."""
        return ir.VectorType(ir.IntType(self.bits), self.lanes)

    def filled(self, number: int) -> ir.Constant:
        """Return the constant vector whose lanes all hold this number."""
        return ir.Constant(self.llvm, [number] * self.lanes)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: VectorType) -> None:
        super().__init__(manager, vector, vector.llvm)  # type: ignore[no-untyped-call]  # Numba has no types


def _operation(typed: Callable[..., _Typed]) -> Any:
    """Make an intrinsic of a function that returns its signature and its body; a type checker may call the result."""
    return intrinsic(typed)


def _counting(typed: Callable[..., _Typed]) -> Callable[..., int]:
    """Make an intrinsic that returns a number."""
    made: Any = intrinsic(typed)
    return cast(Callable[..., int], made)


def _sized(typed: Callable[..., _Typed]) -> Any:
    """Make an intrinsic whose number of lanes is a number in the source."""
    return intrinsic(prefer_literal=True)(typed)


def _function(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
    """Return one of LLVM's own functions for a vector."""
    kind = ir.FunctionType(result, arguments)
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]  # Numba has no types


def _body(emit: Callable[..., Any]) -> Callable[..., Any]:
    """Return what Numba calls to emit an intrinsic, from a function of the builder and the arguments."""

    def codegen(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Sequence[ir.Value]) -> Any:
        result = emit(builder, *arguments)
        return context.get_dummy_value() if result is None else result

    return codegen


def _spread(builder: ir.IRBuilder, number: ir.Value, kind: VectorType) -> ir.Value:
    """Return a vector whose lanes all hold a number that is known at run time."""
    narrow = builder.trunc(number, kind.llvm.element)
    one = builder.insert_element(ir.Constant(kind.llvm, ir.Undefined), narrow, _I32(0))
    return _shuffled(builder, one, one, [0] * kind.lanes)


def _shuffled(builder: ir.IRBuilder, one: ir.Value, other: ir.Value, order: Sequence[int]) -> ir.Value:
    return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_I32, len(order)), list(order)))


def _extreme(builder: ir.IRBuilder, sign: str, one: ir.Value, other: ir.Value, *, signed: bool) -> ir.Value:
    compare = builder.icmp_signed if signed else builder.icmp_unsigned
    return builder.select(compare(sign, one, other), one, other)


# Operators


def _give_operator(function: Callable[..., Any], name: str) -> None:
    """Give vectors one of Python's operators, with such a vector or a number for all lanes on its right side."""

    @_infer(function)
    class _Template(AbstractTemplate):
        def generic(self, arguments: Sequence[Any], _keywords: Any) -> Any:
            if len(arguments) != 2 or not isinstance(arguments[0], VectorType):
                return None
            left, right = arguments
            if isinstance(right, types.Integer):
                return left(left, types.int64)
            return left(left, left) if right == left else None

    def of_vectors(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Sequence[ir.Value]) -> Any:
        return getattr(builder, name)(*arguments)

    def of_number(_context: Any, builder: ir.IRBuilder, called: Any, arguments: Sequence[ir.Value]) -> Any:
        return getattr(builder, name)(arguments[0], _spread(builder, arguments[1], called.args[0]))

    _lower(function, VectorType, VectorType)(of_vectors)
    _lower(function, VectorType, types.Integer)(of_number)


for _symbol, _name in (
    ("add", "add"),
    ("sub", "sub"),
    ("mul", "mul"),
    ("and_", "and_"),
    ("or_", "or_"),
    ("xor", "xor"),
    ("lshift", "shl"),
    ("rshift", "ashr"),
):
    _give_operator(getattr(operator, _symbol), _name)
    _give_operator(getattr(operator, "i" + _symbol.rstrip("_")), _name)  # a += b


# Memory


def _load(stored: VectorType, result: VectorType) -> Callable[..., Any]:
    def emit(builder: ir.IRBuilder, address: ir.Value, _lanes: ir.Value) -> ir.Value:
        loaded = builder.load(builder.inttoptr(address, stored.llvm.as_pointer()), align=1)
        return loaded if stored == result else builder.zext(loaded, result.llvm)

    return _body(emit)


@_sized
def octets(_typing: Any, _address: Any, lanes: Any) -> _Typed:
    """Load lanes of 8 bits as they lie in memory, for copies, distances and averages."""
    kind = VectorType(8, lanes.literal_value)
    return kind(types.int64, lanes), _load(kind, kind)


@_sized
def samples(_typing: Any, _address: Any, lanes: Any) -> _Typed:
    """Load samples of 8 bits, and return them in lanes of 16 bits."""
    kind = VectorType(16, lanes.literal_value)
    return kind(types.int64, lanes), _load(VectorType(8, kind.lanes), kind)


@_sized
def words(_typing: Any, _address: Any, lanes: Any) -> _Typed:
    """Load lanes of 16 bits."""
    kind = VectorType(16, lanes.literal_value)
    return kind(types.int64, lanes), _load(kind, kind)


@_operation
def store(_typing: Any, _address: Any, vector: Any) -> _Typed:
    """Store a vector as it is."""

    def emit(builder: ir.IRBuilder, address: ir.Value, value: ir.Value) -> None:
        builder.store(value, builder.inttoptr(address, vector.llvm.as_pointer()), align=1)

    return types.void(types.int64, vector), _body(emit)


@_operation
def store_samples(_typing: Any, _address: Any, vector: Any) -> _Typed:
    """Clip words to 0 to 255, and store them as samples of 8 bits."""
    narrow = VectorType(8, vector.lanes).llvm

    def emit(builder: ir.IRBuilder, address: ir.Value, value: ir.Value) -> None:
        least = _extreme(builder, ">", value, vector.filled(0), signed=True)
        clipped = _extreme(builder, "<", least, vector.filled(255), signed=True)
        builder.store(builder.trunc(clipped, narrow), builder.inttoptr(address, narrow.as_pointer()), align=1)

    return types.void(types.int64, vector), _body(emit)


@_operation
def prefetch(_typing: Any, _address: Any) -> _Typed:
    """Ask for the cache line of an address, which is read soon; nothing waits for it, and no address is wrong."""

    def emit(builder: ir.IRBuilder, address: ir.Value) -> None:
        byte = ir.IntType(8).as_pointer()
        function = _function(builder, "llvm.prefetch.p0", ir.VoidType(), byte, _I32, _I32, _I32)
        to_read, to_keep, data = _I32(0), _I32(2), _I32(1)
        builder.call(function, [builder.inttoptr(address, byte), to_read, to_keep, data])

    return types.void(types.int64), _body(emit)


# Arithmetic


@_operation
def smaller(_typing: Any, one: Any, other: Any) -> _Typed:
    """Return the smaller of each two signed lanes."""
    return one(one, other), _body(lambda builder, a, b: _extreme(builder, "<", a, b, signed=True))


@_operation
def larger(_typing: Any, one: Any, other: Any) -> _Typed:
    """Return the larger of each two signed lanes."""
    return one(one, other), _body(lambda builder, a, b: _extreme(builder, ">", a, b, signed=True))


@_operation
def absolute(_typing: Any, vector: Any) -> _Typed:
    """Return the absolute values of signed lanes."""
    zero = vector.filled(0)
    return vector(vector), _body(lambda builder, a: _extreme(builder, ">", a, builder.sub(zero, a), signed=True))


@_operation
def distance(_typing: Any, one: Any, other: Any) -> _Typed:
    """Return the absolute differences of octets."""

    def emit(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        upper, lower = (_extreme(builder, sign, a, b, signed=False) for sign in (">", "<"))
        return builder.sub(upper, lower)

    return one(one, other), _body(emit)


@_operation
def average(_typing: Any, one: Any, other: Any) -> _Typed:
    """Return (one + other + 1) >> 1 of octets."""
    wide = VectorType(16, one.lanes)

    def emit(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        added = builder.add(builder.zext(a, wide.llvm), builder.zext(b, wide.llvm))
        return builder.trunc(builder.lshr(builder.add(added, wide.filled(1)), wide.filled(1)), one.llvm)

    return one(one, other), _body(emit)


@_operation
def high_product(_typing: Any, one: Any, other: Any) -> _Typed:
    """Return (one * other) >> 16 of words without a sign."""
    wide = VectorType(32, one.lanes)

    def emit(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        product = builder.mul(builder.zext(a, wide.llvm), builder.zext(b, wide.llvm))
        return builder.trunc(builder.lshr(product, wide.filled(16)), one.llvm)

    return one(one, other), _body(emit)


@_operation
def saturated_sum(_typing: Any, one: Any, other: Any) -> _Typed:
    """Return the sums of signed lanes, which stop at the smallest and the largest number instead of wrapping."""

    def emit(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        name = f"llvm.sadd.sat.v{one.lanes}i{one.bits}"
        return builder.call(_function(builder, name, one.llvm, one.llvm, one.llvm), [a, b])

    return one(one, other), _body(emit)


@_operation
def widened(_typing: Any, vector: Any) -> _Typed:
    """Return octets in lanes of 16 bits, or signed words in lanes of 32 bits."""
    wide = VectorType(2 * vector.bits, vector.lanes)
    return wide(vector), _body(lambda builder, a: (builder.zext if vector.bits == 8 else builder.sext)(a, wide.llvm))


@_operation
def narrowed(_typing: Any, vector: Any) -> _Typed:
    """Return the lower half of each lane's bits: words of lanes of 32 bits, octets of words."""
    narrow = VectorType(vector.bits // 2, vector.lanes)
    return narrow(vector), _body(lambda builder, a: builder.trunc(a, narrow.llvm))


@_counting
def trailing_zeros(_typing: Any, _number: Any) -> _Typed:
    """Return the number of the lowest bit that is set in a number other than 0."""

    def emit(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
        return builder.cttz(number, ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), _body(emit)


@_counting
def bit_length(_typing: Any, _number: Any) -> _Typed:
    """Return how many bits a number of 0 or more has, without leading zeros."""

    def emit(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
        return builder.sub(ir.Constant(_I64, 64), builder.ctlz(number, ir.Constant(ir.IntType(1), 0)))

    return types.int64(types.int64), _body(emit)


@_counting
def bit_count(_typing: Any, _number: Any) -> _Typed:
    """Return how many bits of a number are set."""
    return types.int64(types.int64), _body(lambda builder, number: builder.ctpop(number))


# Between lanes


@_operation
def above(_typing: Any, one: Any, other: Any) -> _Typed:
    """Return all bits in lanes where one > other with sign, and no bit elsewhere."""
    return one(one, other), _body(lambda builder, a, b: builder.sext(builder.icmp_signed(">", a, b), one.llvm))


@_sized
def filled(_typing: Any, _number: Any, lanes: Any) -> _Typed:
    """Return words that all hold the same number."""
    kind = VectorType(16, lanes.literal_value)
    return kind(types.int64, lanes), _body(lambda builder, number, _lanes: _spread(builder, number, kind))


@_operation
def four_words(_typing: Any, _number: Any) -> _Typed:
    """Return four words from a number, the lowest one first."""
    kind = VectorType(16, 4)
    return kind(types.int64), _body(lambda builder, number: builder.bitcast(number, kind.llvm))


@_counting
def total(_typing: Any, vector: Any) -> _Typed:
    """Return the sum of signed words, or of lanes of 32 bits, as a number."""
    wide = VectorType(32, vector.lanes)

    def emit(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        add = _function(builder, f"llvm.vector.reduce.add.v{wide.lanes}i32", _I32, wide.llvm)
        lanes = value if vector == wide else builder.sext(value, wide.llvm)
        return builder.sext(builder.call(add, [lanes]), _I64)

    return types.int64(vector), _body(emit)


@_counting
def nonzero_lanes(_typing: Any, vector: Any) -> _Typed:
    """Return a number of which bit n says that lane n is not 0."""

    def emit(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        bits = builder.icmp_unsigned("!=", value, vector.filled(0))
        return builder.zext(builder.bitcast(bits, ir.IntType(vector.lanes)), _I64)

    return types.int64(vector), _body(emit)


def chosen(order: Sequence[int]) -> Callable[[Vector, Vector], Vector]:
    """Make an intrinsic that picks lanes by these numbers, which count through its first vector, then its second."""

    @_operation
    def choose(_typing: Any, one: Any, other: Any) -> _Typed:
        kind = VectorType(one.bits, len(order))
        return kind(one, other), _body(lambda builder, a, b: _shuffled(builder, a, b, order))

    return cast(Callable[[Vector, Vector], Vector], choose)
