"""The kernels that tests have compiled, for programs that keep theirs in the user's cache folder."""

import contextlib
import os
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a program whose user has these kernels; `folder` becomes the user's cache folder."""
    kept = folder / "transcoder" / "bench"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        Path(os.environ["NUMBA_CACHE_DIR"]).mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another thread of the test was faster
            kept.symlink_to(os.environ["NUMBA_CACHE_DIR"])
    return {**os.environ, "XDG_CACHE_HOME": str(folder)}
