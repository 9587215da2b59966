"""What the gateway of a benchmark keeps from run to run."""

from pathlib import Path
from typing import Any

import pytest

from transcoder.lab.bench.load import CameraOptions, keep_kernels


def test_kernels_are_kept_from_run_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        keep_kernels(tmp_path / name)
        keep_kernels(tmp_path / name)  # the next step of the same run
    (tmp_path / "first" / "numba" / "kernel").write_text("compiled")
    assert (tmp_path / "second" / "numba" / "kernel").read_text() == "compiled"


def test_without_a_cache_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "state").mkdir()
    keep_kernels(tmp_path / "state")
    assert list((tmp_path / "state").iterdir()) == []


def test_cameras_code_as_native_ones_unless_a_bitrate_or_noise_is_wanted() -> None:
    def coding(**options: Any) -> tuple[str, str]:
        arguments = CameraOptions(**options).arguments(1)
        return arguments[arguments.index("--coding") + 1], arguments[arguments.index("--gop-s") + 1]

    assert coding() == ("quality", "2.0")
    assert coding(codes_noise=True, gop_s=4.0) == ("bitrate", "4.0")
    assert coding(bitrate_kbps=500) == ("bitrate", "2.0")
