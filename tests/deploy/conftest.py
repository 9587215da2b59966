"""The folder deploy/, and programs that not every machine has."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-deploy/bin"
"""Where `make deploy-check` installs what is in deploy/requirements.txt."""


@pytest.fixture(scope="session")
def deploy() -> Path:
    return ROOT / "deploy"


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Give the path of a program; a test that lacks it is skipped."""

    def find(name: str) -> str:
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin:{TOOLS}")
        if path is None:
            pytest.skip(f"needs {name}: see tests/system-packages.sh and deploy/requirements.txt")
        return path

    return find
