"""This module is the only one that configures Numba and compiles.

The order matters: ``configure`` first, then any module of ``kernels``. Numba decides where a function is cached when
the function is decorated, so a later change would be ignored silently; here a later change is an error.

Kernels have explicit signatures. Those of the pixel path are compiled (or loaded from the cache) by their import, those
of ``h264`` by ``load`` or at their first use. ``warm`` imports all of the pixel path, ``warm_h264`` all that code
pictures: a fork server calls them once, and none of its children ever compiles.
"""

import hashlib
import importlib
import os
import pkgutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
import numpy.ma  # noqa: F401  # Numba asks NumPy for it at the first array of a new kind; a sandbox has no files by then
from numba import types
from numba.core.registry import cpu_target

from transcoder_native import h264, kernels

# Numba makes its options module attributes at run time; a type checker sees none of them.
_numba_config: Any = numba.config

_P = ParamSpec("_P")
_R = TypeVar("_R")

INT: Final = types.int64
PLANE: Final = types.Array(types.uint8, 2, "C", readonly=True)
PLANE16: Final = types.Array(types.uint16, 2, "C", readonly=True)
POINTS: Final = types.Array(types.float64, 2, "C", readonly=True)
OUT_PLANE: Final = types.Array(types.uint8, 2, "C")
OUT_U16: Final = types.Array(types.uint16, 2, "C")
OUT_I16: Final = types.Array(types.int16, 2, "C")

_SIGNATURE: Final = "signature of a kernel that is not compiled yet"
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(slots=True, kw_only=True)
class _State:
    configured: bool = False
    requested: Path | None = None
    cached: bool = False
    folder: Path | None = None


_state = _State()


def configure(cache_dir: Path | None) -> None:
    """Choose where compiled kernels are kept. Call this function before any kernel module is imported.

    The cache is a subfolder whose name is a digest of the source of kernels, intrinsics and tables: Numba notices a
    change of the file that defines a kernel, but not of a file that this kernel calls. Cache entries are pickles, so
    the subfolder is made for the owner alone, and a subfolder that somebody else owns or may write to is not used.

    Args:
        cache_dir: a folder of the service's own, created if missing. With None, or with a folder that can't be written,
            nothing is cached and every process compiles for itself.

    Raises:
        RuntimeError: kernels are configured already, with another folder (a call with the same one does nothing).
    """
    requested = None if cache_dir is None else cache_dir.absolute()
    if _state.configured:
        if requested != _state.requested:
            raise RuntimeError(
                f"kernels are already configured with cache folder {_state.requested}; {requested} comes too late"
            )
        return
    folder = None if requested is None else _private_folder(requested)
    if folder is not None:
        _numba_config.CACHE_DIR = str(folder)
    _state.configured, _state.requested, _state.cached = True, requested, folder is not None
    _state.folder = folder


def is_cached() -> bool:
    """Return whether compiled kernels are kept on disk; False before ``configure``."""
    return _state.cached


def is_compiled() -> bool:
    """Return whether the cache holds all of ``kernels``, compiled by an earlier process on such a processor."""
    return _is_marked("compiled")


def mark_compiled() -> None:
    """Note, after ``warm``, that the cache holds every kernel; without a cache this function does nothing."""
    _mark("compiled")


def is_h264_compiled() -> bool:
    """Return the same of the kernels of ``h264``."""
    return _is_marked("h264")


def mark_h264_compiled() -> None:
    """Note, after ``warm_h264``, that the cache holds every kernel of ``h264`` that an encoder calls."""
    _mark("h264")


def _is_marked(name: str) -> bool:
    return _state.folder is not None and (_state.folder / _mark_of(name)).is_file()


def _mark(name: str) -> None:
    if _state.folder is not None:
        (_state.folder / _mark_of(name)).touch()


def _mark_of(name: str) -> str:
    """Name the file that says it. Numba compiles anew for another processor and after a change of its own version."""
    processor = cpu_target.target_context.codegen().magic_tuple()  # of which the cache's own index is made
    versions = sys.implementation.cache_tag, numba.__version__
    return f"{name}-" + hashlib.sha256(repr((processor, versions)).encode()).hexdigest()[:16]


def warm(tell: Callable[[int, int], None] | None = None) -> float:
    """Import every kernel module, which compiles its kernels or loads them from the cache.

    Args:
        tell: is called with how many modules are imported, of how many, before the first one and after each.

    Returns:
        The seconds that the import took. The second time nothing is left to do, and the figure is close to 0.
    """
    return _import_all(kernels, tell)


def warm_h264(tell: Callable[[int, int], None] | None = None) -> float:
    """Import every module of ``h264`` as ``warm`` does those of ``kernels``; the arguments and the result are alike."""
    return _import_all(h264, tell)


def _import_all(package: ModuleType, tell: Callable[[int, int], None] | None) -> float:
    start = time.perf_counter()
    modules = list(pkgutil.iter_modules(package.__path__))
    for count, module in enumerate(modules):
        if tell is not None:
            tell(count, len(modules))
        importlib.import_module(f"{package.__name__}.{module.name}")
    if tell is not None:
        tell(len(modules), len(modules))
    return time.perf_counter() - start


def kernel(*signature: types.Type) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Compile a function now, or one of ``h264`` at its first use, for exactly these argument types.

    The flags are the same for all kernels. The GIL is released, because a kernel runs beside an asyncio or reader
    thread. There are no threads of Numba's own, because a process per stream is the parallelism. There is no fastmath,
    because a kernel equals its twin. A division by zero does not raise, because the check for it would keep LLVM from
    vectorising.

    Without an earlier ``configure`` nothing is cached, except where NUMBA_CACHE_DIR names a folder (for tests and
    tools that import kernels directly).

    Args:
        signature: one Numba type an argument.

    Returns:
        A decorator. The compiled function raises TypeError for arguments of any other type.
    """
    if not _state.configured:
        configure(Path(_numba_config.CACHE_DIR) if _numba_config.CACHE_DIR else None)

    def compile_now(function: Callable[_P, _R]) -> Callable[_P, _R]:
        if function.__module__.startswith(f"{h264.__name__}."):
            jit = numba.njit(nogil=True, error_model="numpy", cache=_state.cached)
            return cast(Callable[_P, _R], _compiled_at_first_use(jit(function), signature))
        jit = numba.njit(signature, nogil=True, error_model="numpy", cache=_state.cached)
        return cast(Callable[_P, _R], jit(function))

    return compile_now


def load(*kernels_of_h264: Callable[..., Any]) -> None:
    """Compile kernels of ``h264`` now, or load them from the cache.

    A module calls this function for the kernels that Python calls, since a worker that is sandboxed can load none. A
    kernel that is cached holds the code of all that it calls: nineteen of twenty need not be loaded, which would take
    a third of a second.
    """
    for function in kernels_of_h264:
        _first_use(function)


def _first_use(dispatcher: Any) -> Any:
    """Do what the first use of a kernel of ``h264`` does, and return the compiled function; later do nothing."""
    signature = vars(dispatcher).pop(_SIGNATURE, None)
    if signature is None:
        return None
    del vars(dispatcher)["get_call_template"], vars(dispatcher)["_compile_for_args"]
    function = dispatcher.compile(signature)
    dispatcher.disable_compile()
    return function


def _compiled_at_first_use(dispatcher: Any, signature: tuple[types.Type, ...]) -> Any:
    """Have a kernel compiled for its signature when a kernel that calls it is compiled, or Python calls it."""

    def get_call_template(args: Any, kws: Any) -> Any:
        _first_use(dispatcher)
        return dispatcher.get_call_template(args, kws)

    def compile_for_args(*_args: Any, **_kws: Any) -> Any:
        return _first_use(dispatcher)  # Numba calls it with the arguments, whose types it checks

    vars(dispatcher).update(
        {_SIGNATURE: signature, "get_call_template": get_call_template, "_compile_for_args": compile_for_args}
    )
    return dispatcher


def _private_folder(parent: Path) -> Path | None:
    """Return the cache folder for these sources, or None where there can't be a safe and writable one."""
    folder = parent / f"kernels-{_source_digest()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if status.st_uid != os.geteuid() or status.st_mode & _WRITABLE_BY_OTHERS:
            return None
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def _source_digest() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())  # the flags stand in this file
    for folder in (*kernels.__path__, *h264.__path__):
        for path in sorted(Path(folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
