"""`transcoder fleet plan` reads these files and writes a folder, whole or not at all."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from transcoder.errors import ConfigError
from transcoder.fleet import told
from transcoder.fleet.cost import measured_shares
from transcoder.fleet.plan import Plan, make_plan, number_of, shard_name
from transcoder.fleet.reading import Fleet, read_earlier, read_fleet_file
from transcoder.fleet.shard_files import Place, places, shard_files
from transcoder.regular_file import read_regular
from transcoder.text import counted

MAX_MEASURED: Final = 64 * 1024 * 1024
"""Bytes of an answer with measured costs at most: a thousand streams of 64 KiB each."""
_TEMPORARY: Final = ".fleet-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Holds a plan with the files that carry it out.

    Attributes:
        plan: the plan.
        fleet: the fleet.
        where: the place of each shard by its number.
        files: the text of each file by its path in the folder; none where there are problems, or no folder.
        mode: the permissions of the files: those of FLEET.yaml.
        group: the number of the files' group: that of FLEET.yaml.
        gone: the files of shards that are no more.
        is_first: whether there is no earlier plan.
        afresh: the number of shards of a plan without the earlier one.
    """

    plan: Plan
    fleet: Fleet
    where: Mapping[int, Place]
    files: Mapping[str, str]
    mode: int
    group: int
    gone: tuple[str, ...]
    is_first: bool
    afresh: int

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what keeps the plan from being written."""
        return self.plan.problems

    def lines(self) -> Iterable[str]:
        """Return the lines about the plan."""
        return told.lines(self.plan, self.fleet.slots, self.where, is_first=self.is_first, afresh=self.afresh)

    def as_json(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(told.document(self.plan, self.fleet.slots, self.where), indent=2, ensure_ascii=False)

    def written(self) -> str:
        """Return how many files were written and removed."""
        return f"{counted(len(self.files), 'file')} written, {counted(len(self.gone), 'file')} removed"

    def write(self, folder: Path) -> None:
        """Write all files, or none: each is written beside its place, and put there when all are.

        Args:
            folder: the folder.

        Raises:
            ConfigError: a file can't be written.
        """
        waiting: dict[Path, Path] = {}
        try:
            for name, text in self.files.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    raise ConfigError([f"{path}: is a folder"])
                waiting[path] = _beside(path, text, self.mode, self.group)
            for path, temporary in waiting.items():
                temporary.replace(path)
            for name in self.gone:
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError([f"{folder}: can't be written: {error.strerror or type(error).__name__}"]) from None
        finally:
            for temporary in waiting.values():
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)


def _beside(path: Path, text: str, mode: int, group: int) -> Path:
    number, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            with contextlib.suppress(PermissionError):  # a group that the user is not in
                os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def planned(path: Path, earlier: Path | None, out: Path | None, measured: Sequence[Path]) -> Planned:
    """Make a plan of a fleet.

    Args:
        path: FLEET.yaml.
        earlier: the folder of the earlier plan, None where there is none.
        out: the folder that the files are to be written to, None where nothing is to be written.
        measured: answers to GET /api/v1/streams.

    Raises:
        ConfigError: every problem of the files that were read, one line each.
    """
    folder = path.parent if out is None else out
    fleet, status = read_fleet_file(path, folder), path.stat()
    prefix = fleet.file.name
    before = _earlier(earlier, prefix)
    if earlier is None and out is not None and _shards_in(out, prefix):
        raise ConfigError(
            [f"{out}: has the shards of a plan already: name it with --earlier, or choose another folder"]
        )
    items = fleet.items(_measured(measured))
    plan = make_plan(items, fleet.slots, before)
    afresh = len(make_plan(items, fleet.slots, {}).shards) if before else len(plan.shards)
    problems = list(plan.problems)
    files: dict[str, str] = {}
    where = places(fleet, plan, problems)
    if not problems:
        files = shard_files(fleet, plan, path, folder, problems)
    names = {shard_name(prefix, shard.number) for shard in plan.shards}
    gone = [each.name for each in _shards_in(out, prefix) if each.stem not in names] if out is not None else []
    return Planned(
        plan=replace(plan, problems=tuple(problems)),
        fleet=fleet,
        where=where,
        files={} if problems or out is None else files,
        mode=status.st_mode & 0o777,
        group=status.st_gid,
        gone=tuple(gone),
        is_first=earlier is None,
        afresh=afresh,
    )


def _shards_in(folder: Path, prefix: str) -> list[Path]:
    return [path for path in sorted(folder.glob("*.yaml")) if number_of(path.stem, prefix) is not None]


def _earlier(folder: Path | None, prefix: str) -> dict[int, tuple[str, ...]]:
    if folder is None:
        return {}
    found = read_earlier(_shards_in(folder, prefix))
    if not found:
        raise ConfigError([f"{folder}: has no shard of an earlier plan, such as {shard_name(prefix, 1)}.yaml"])
    return {number: streams for name, streams in found.items() if (number := number_of(name, prefix)) is not None}


def _measured(paths: Sequence[Path]) -> dict[str, float]:
    found: dict[str, float] = {}
    for path in paths:
        try:
            found |= measured_shares(json.loads(read_regular(path, MAX_MEASURED)))
        except OSError as error:
            raise ConfigError([f"{path}: can't be read: {error.strerror or type(error).__name__}"]) from None
        except (ValueError, RecursionError) as error:
            reason = "is no JSON" if isinstance(error, json.JSONDecodeError | RecursionError) else str(error)
            raise ConfigError([f"{path}: {reason}"]) from None
    return found
