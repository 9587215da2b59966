"""Configuration and compilation, each in a process of its own, as both happen once in a process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from transcoder_native import h264, kernels, runtime

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("kernels")]

WARM = """
from pathlib import Path
from numba.core import event
from transcoder_native import runtime
runtime.configure(Path(sys.argv[1]))
with event.install_recorder("numba:compile") as recorder:
    seconds = runtime.warm()
    print("compiled", len(recorder.buffer) > 0)
assert seconds > 0
"""

RUN_ALL = """
with event.install_recorder("numba:compile") as recorder:
    from transcoder_native import cases, registry
    for entry in registry.ENTRIES.values():
        entry.kernel(*entry.case(cases.Source(1), 33, 47))
    print("compiled", len(recorder.buffer) > 0)
    print("threads", len(os.listdir("/proc/self/task")))
"""

WARM_H264 = """
import warnings
from numba import NumbaWarning
from pathlib import Path
from numba.core import event
from transcoder_native import runtime
warnings.simplefilter("error", NumbaWarning)
runtime.configure(Path(sys.argv[1]))
with event.install_recorder("numba:compile") as recorder:
    seconds = runtime.warm_h264()
    from transcoder_native import macroblock_registry
    from transcoder_native.cases import Source
    from transcoder_native.reference.operands import lowered
    for entry in macroblock_registry.ENTRIES.values():
        case = entry.case(Source(1))  # kept: the kernel gets the addresses of its arrays alone
        entry.kernel(*lowered(case))
    print("compiled", len(recorder.buffer) > 0)
"""

ONE_KERNEL = """
from pathlib import Path
from transcoder_native import runtime
runtime.configure(Path(sys.argv[1]))
import numpy as np
from transcoder_native.kernels.plane import fill_plane
out = np.zeros((2, 2), np.uint8)
fill_plane(out, 0, 0, 2, 2, 7)
assert out.min() == 7
print("cached", runtime.is_cached())
"""


def run(script, *arguments, **environment):
    env = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    result = subprocess.run(
        [sys.executable, "-c", "import os, sys\n" + script, *map(str, arguments)],
        env=env | {"OPENBLAS_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.fixture(scope="module")
def warm_cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state") / "numba"
    assert run(WARM + RUN_ALL, folder) == ["compiled", "True", "compiled", "False", "threads", "1"]
    return folder


def test_the_second_process_loads_what_the_first_compiled(warm_cache):
    assert run(WARM + RUN_ALL, warm_cache) == ["compiled", "False", "compiled", "False", "threads", "1"]


def test_the_second_process_loads_the_kernels_that_code_pictures():
    shared = os.environ["NUMBA_CACHE_DIR"]
    run(WARM_H264, shared)  # compiles what no test of this checkout has compiled before
    assert run(WARM_H264, shared) == ["compiled", "False"]


@pytest.mark.parametrize("changed", ["h264/intrinsics.py", "h264/quantiser.py", "kernels/plane.py"])
def test_a_change_of_anything_that_kernels_are_made_of_means_another_cache(tmp_path, monkeypatch, changed):
    copied = shutil.copytree(Path(runtime.__file__).parent, tmp_path / "transcoder_native")
    monkeypatch.setattr(kernels, "__path__", [str(copied / "kernels")])
    monkeypatch.setattr(h264, "__path__", [str(copied / "h264")])
    before = runtime._source_digest()
    (copied / changed).open("a").write("\n")
    assert runtime._source_digest() != before


def test_the_cache_is_for_its_owner_alone(warm_cache):
    (folder,) = warm_cache.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert any(folder.rglob("*.nbi"))


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert run(ONE_KERNEL, tmp_path / "file" / "cache") == ["cached", "False"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to a read-only folder")
def test_a_read_only_folder_means_no_cache(tmp_path):
    tmp_path.chmod(0o500)
    assert run(ONE_KERNEL, tmp_path) == ["cached", "False"]
    assert not any(tmp_path.iterdir())


def test_a_read_only_cache_means_no_cache(tmp_path):
    """A file system that is read-only; as root, /proc is the one at hand."""
    assert run(ONE_KERNEL, "/proc/transcoder-cache") == ["cached", "False"]


def test_a_cache_that_others_may_write_is_not_used(tmp_path):
    assert run(ONE_KERNEL, tmp_path) == ["cached", "True"]
    (folder,) = tmp_path.iterdir()
    folder.chmod(0o777)
    assert run(ONE_KERNEL, tmp_path) == ["cached", "False"]


def test_what_is_compiled_is_known_to_the_next_process(warm_cache):
    script = """
from pathlib import Path
from transcoder_native import runtime
runtime.configure(Path(sys.argv[1]))
print(runtime.is_compiled())
runtime.mark_compiled()
print(runtime.is_compiled())
import numba
numba.__version__ = "another"
print(runtime.is_compiled())
"""
    assert run(script, warm_cache) == ["False", "True", "False"]
    assert run(script, warm_cache) == ["True", "True", "False"]
    assert run(script, "/proc/transcoder-cache") == ["False", "False", "False"]


def test_configured_once():
    script = """
from pathlib import Path
from transcoder_native import runtime
runtime.configure(None)
runtime.configure(None)
try:
    runtime.configure(Path("/tmp/other"))
except RuntimeError as error:
    print("/tmp/other" in str(error))
"""
    assert run(script) == ["True"]


def test_a_kernel_import_is_a_configuration(tmp_path):
    script = """
from pathlib import Path
from transcoder_native import runtime
import transcoder_native.kernels.plane
print(runtime.is_cached())
try:
    runtime.configure(Path(sys.argv[1]) / "late")
except RuntimeError:
    print("late")
"""
    assert run(script, tmp_path) == ["False", "late"]
    assert run(script, tmp_path, NUMBA_CACHE_DIR=str(tmp_path)) == ["True", "late"]


def test_the_package_itself_costs_nothing():
    script = "import transcoder_native, transcoder_native.arrays\nprint('numba' in sys.modules)"
    assert run(script) == ["False"]


def test_twins_need_no_numba():
    script = """
import importlib, pkgutil
from transcoder_native import reference
for module in pkgutil.iter_modules(reference.__path__):
    importlib.import_module(f"{reference.__name__}.{module.name}")
print("numba" in sys.modules)
"""
    assert run(script) == ["False"]
