"""The commands of docs/quickstart.md, as they stand there, in a bare Debian with a systemd of its own."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.test_systemd import TRIAL, boot
from tests.support.debian_tree import NEEDED, ROOT, machine, product_wheel, wheelhouse

PAGE = ROOT / "docs/quickstart.md"
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> str:
    return "".join(FENCE.findall(PAGE.read_text(encoding="utf-8")))


def test_each_file_that_it_installs_is_there() -> None:
    named = set(re.findall(r"(?<!tests/)deploy/[\w./-]+", PAGE.read_text(encoding="utf-8")))
    assert named
    assert {name for name in named if not (ROOT / name.rstrip(".")).exists()} == set()


RUN = """
import json, pathlib, subprocess
script = ["bash", "-ex", "/trial/quickstart.sh"]
done = subprocess.run(script, cwd="/clone", capture_output=True, text=True, timeout=380)
journal = subprocess.run(["journalctl", "--no-pager", "-u", "transcoder", "-u", "cameras", "-o", "cat"],
    capture_output=True, text=True).stdout[-8000:]
result = {"exit": done.returncode, "said": done.stdout, "errors": done.stderr[-6000:], "journal": journal}
part = pathlib.Path("/trial/result.part")
part.write_text(json.dumps(result))
part.rename("/trial/result.json")
"""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or lacking:
        pytest.skip(f"needs root and {', '.join(NEEDED)}: make deploy-check")
    with machine(tmp_path_factory.mktemp("quick")) as root:
        (root / "trial").mkdir()
        (root / "trial/trial.py").write_text(RUN)
        (root / "trial/quickstart.sh").write_text(commands())
        units = root / "etc/systemd/system"
        (units / "trial.service").write_text(
            TRIAL.replace(
                "[Service]\n",
                "[Service]\nEnvironment=PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels DEBIAN_FRONTEND=noninteractive\n",
            )
        )
        (units / "multi-user.target.wants").mkdir(exist_ok=True)
        (units / "multi-user.target.wants/trial.service").symlink_to("../trial.service")
        clone(root / "clone")
        shutil.copytree(wheelhouse(product_wheel(tmp_path_factory.mktemp("wheel"))), root / "wheels")
        yield boot(root)


def clone(target: Path) -> None:
    """Copy the files of the repository that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        source = ROOT / name
        if name and source.is_file() and not name.startswith("tests/data"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


@pytest.mark.long
@pytest.mark.process
@pytest.mark.alone
@pytest.mark.timeout(1500)
def test_it_ends_with_a_service_that_plays_is_clean_and_is_steered(quick: dict[str, str]) -> None:
    assert quick["exit"] == 0, quick
    said = quick["said"]
    assert "2 of 2 enabled streams play" in said
    assert re.search(r"^(verdict: )?clean\b", said, re.MULTILINE), said
    for stream in ("front", "yard"):
        assert f'transcoder_stream_up{{stream="{stream}"}} 1.0' in said
    assert said.rstrip().endswith("transcoder/gw1/stream/front/bitrate_kbps/state 1500")
