"""The list of packages that `make sbom` writes: the same twice, with the versions that are installed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.process
@pytest.mark.long
def test_it_is_reproducible_and_true(program: Callable[[str], str], tmp_path: Path) -> None:
    texts = []
    for number in range(2):
        path = tmp_path / f"{number}.json"
        options = ["--of", "JSON", "--sv", "1.6", "--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml")]
        command = [program("cyclonedx-py"), "environment", *options, "--output-file", str(path), sys.executable]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run(command, check=True, timeout=200, env=environment, capture_output=True)
        texts.append(path.read_text())
    assert texts[0] == texts[1]
    document = json.loads(texts[0])
    found = {component["name"].lower(): component["version"] for component in document["components"]}
    assert document["metadata"]["component"]["name"] == "transcoder"
    for name in ("av", "numba", "cryptography", "pyseccomp"):
        assert found[name] == version(name)
