"""The twins of the pixel kernels stand in for them in a stopgap fork server, which shows slates while kernels compile.

They are NumPy and define what the kernels do, so that everything works, slowly. A slate takes few of them.
"""

import importlib
import pkgutil
import sys

import transcoder_native.kernels


def use_twins() -> None:
    """Let imports of kernels find their twins; nothing is compiled in this process, and Numba is not loaded."""
    for module in pkgutil.iter_modules(transcoder_native.kernels.__path__):
        twin = importlib.import_module(f"transcoder_native.reference.{module.name}")
        sys.modules[f"{transcoder_native.kernels.__name__}.{module.name}"] = twin
        setattr(transcoder_native.kernels, module.name, twin)
