"""requirements.lock: exact versions of everything that pyproject.toml names, for whoever installs from any index."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]


def test_every_line_is_one_exact_version_and_no_address():
    for line in LINES:
        assert re.fullmatch(r"[a-z0-9.-]+==[A-Za-z0-9.+!]+( ; [^:@/]+)?", line), line


def test_each_named_package_is_locked_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    locked = [Requirement(line) for line in LINES]
    for requirement in map(Requirement, named):
        if requirement.name == project["name"]:
            continue
        versions = [next(iter(item.specifier)).version for item in locked if item.name == requirement.name.lower()]
        assert versions, f"{requirement.name} is not in requirements.lock: run make lock"
        for version in versions:
            assert version in requirement.specifier, f"{requirement}: {version} is locked: run make lock"
