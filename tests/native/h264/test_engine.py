"""What an engine takes of a picture, and what it finds to have changed."""

import ast
import inspect

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from transcoder_native.h264 import engine as module
from transcoder_native.h264.engine import Engine
from transcoder_native.h264.layout import Geometry

SIZES = [(16, 16), (50, 34), (82, 18), (176, 130)]


def planes(random, width, height):
    """Planes whose rows are longer than the picture is wide; the rest of a row is not part of it."""
    shapes = [(height, width + 24), (height // 2, width // 2 + 12), (height // 2, width // 2 + 12)]
    return [random.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]


def expected(picture, width, height, source):
    """The planes in the coded size: the last column and row are repeated."""
    for plane, own, half in zip(picture, (source.luma, source.cb, source.cr), (1, 2, 2), strict=True):
        shown = plane[: height // half, : width // half]
        below, right = own.shape[0] - shown.shape[0], own.shape[1] - shown.shape[1]
        yield own, np.pad(shown, ((0, below), (0, right)), mode="edge")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_each_sample_that_changes_is_taken(width, height):
    random = np.random.default_rng(width)
    engine = Engine(Geometry(width, height))
    picture = planes(random, width, height)
    engine.take(picture, width, height, None)
    for _ in range(60):
        which = int(random.integers(0, 3))
        half = 2 if which else 1
        y, x = int(random.integers(0, height // half)), int(random.integers(0, width // half))
        picture[which][y, x] ^= 1 << int(random.integers(0, 8))
        for plane in picture:
            plane[:, width // (1 if plane is picture[0] else 2) :] ^= 0x5A  # no part of the picture
        engine.take(picture, width, height, None)
        assert engine.changed == 1
        for own, wanted in expected(picture, width, height, engine._source):
            np.testing.assert_array_equal(own, wanted)
    engine.take(picture, width, height, None)
    assert engine.changed == 0


def test_every_kernel_that_it_calls_is_loaded_with_it():
    """A sandboxed worker can open no file, and so load none later."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    kernels = {ast.unparse(call.func) for call in calls if isinstance(named(call.func), Dispatcher)}
    (load,) = [call for call in calls if ast.unparse(call.func) == "runtime.load"]
    assert {ast.unparse(kernel) for kernel in load.args} == kernels != set()


def named(function):
    """What a function of another module is that `module.name` calls here."""
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return None
    return getattr(getattr(module, function.value.id, None), function.attr, None)
