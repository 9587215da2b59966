"""`transcoder check` says these words about a configuration file."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from transcoder.config import Config, load_file
from transcoder.config.places import places
from transcoder.config.stream import StreamConfig
from transcoder.config.warnings import warnings
from transcoder.errors import ConfigError, Place
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.service.state_folder import RESTORING_NAME, folder_problem
from transcoder.service.state_reader import read_kept
from transcoder.service.store import StoreError
from transcoder.text import counted
from transcoder.worker_options import served_path

if TYPE_CHECKING:
    from transcoder.probe.visits import Visit

MAX_NAMED: Final = 5
"""Streams that a line names, at most."""
_OF_TEXT: Final = re.compile(r"(.+?): line ([0-9]+)(?:, column [0-9]+)?: (.*)")
"""Matches a problem of the text, before it has any keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Holds what is to be said about a configuration file.

    Attributes:
        path: the path of the file.
        config: the configuration, None where the file is not valid.
        problems: what keeps the gateway from starting with the file.
        warnings: what is likely to be a mistake.
        places: the places of problems and warnings that have one.
        visits: what the cameras showed; None where they were not visited.
    """

    path: Path
    config: Config | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    visits: "tuple[Visit, ...] | None" = None

    @property
    def is_valid(self) -> bool:
        """Return whether the gateway starts with the file."""
        return not self.problems

    @property
    def exit_code(self) -> int:
        """Return how the command ends: 2 for a file that is not valid, 1 for a camera without pictures."""
        if not self.is_valid:
            return USAGE
        return NO if any(visit.problem for visit in self.visits or ()) else OK

    def camera_lines(self) -> Iterator[str]:
        """Yield a line for each camera that was visited, and the count of those that sent pictures."""
        if self.visits is not None:
            yield from (visit.line() for visit in self.visits)
            good = sum(not visit.problem for visit in self.visits)
            yield f"{good} of {counted(len(self.visits), 'camera')} sent pictures"

    def complaints(self) -> Iterator[str]:
        """Yield the warnings and the problems as lines; the last line counts the problems."""
        for line in self.warnings:
            yield f"warning: {self._placed(line)}"
        for line in self.problems:
            yield self._placed(line)
        if self.problems:
            yield f"{counted(len(self.problems), 'problem')} in {self.path}"

    def preset_lines(self) -> Iterator[str]:
        """Yield a line for what becomes of streams by their preset and their own keys; equal ones have one line."""
        streams = self.config.streams if self.config is not None else {}
        found: dict[str, list[str]] = {}
        for name, stream in streams.items():
            if stream.vms is not None:
                found.setdefault(f"vms {stream.vms}: {_words_of(stream)}", []).append(name)
        for words, names in found.items():
            also = f" and {counted(len(names) - MAX_NAMED, 'other')}" if len(names) > MAX_NAMED else ""
            yield f"{', '.join(names[:MAX_NAMED])}{also}: {words}"

    def summary(self) -> str:
        """Return the last line about a valid file."""
        streams = self.config.streams if self.config is not None else {}
        enabled = sum(stream.enabled for stream in streams.values())
        warned = f", {counted(len(self.warnings), 'warning')}" if self.warnings else ""
        return f"{self.path}: valid, {counted(len(streams), 'stream')}, {enabled} enabled{warned}"

    def as_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.document(), indent=2, ensure_ascii=False)

    def document(self) -> dict[str, Any]:
        """Return the report as plain data."""
        streams = self.config.streams if self.config is not None else {}
        cameras = {} if self.visits is None else {"cameras": [visit.document() for visit in self.visits]}
        return {
            "file": str(self.path),
            "valid": self.is_valid,
            "streams": len(streams),
            "enabled": sum(stream.enabled for stream in streams.values()),
            "problems": [self._parts(line) for line in self.problems],
            "warnings": [self._parts(line) for line in self.warnings],
            **cameras,
        }

    def _placed(self, line: str) -> str:
        return f"{self.places[line]}: {line}" if line in self.places else line

    def _parts(self, line: str) -> dict[str, Any]:
        """Return a line in its parts; a line about a whole file has no key."""
        place = self.places.get(line)
        key, _, message = line.partition(": ")
        if place is None and (found := _OF_TEXT.fullmatch(line)):
            return {"key": None, "message": found[3], "file": found[1], "line": int(found[2])}
        if place is None:
            return {"key": None, "message": line, "file": None, "line": None}
        return {"key": key, "message": message, "file": place.file, "line": place.line}


def _words_of(stream: StreamConfig) -> str:
    sound = f", sound in {stream.audio_codec}" if stream.audio == "reencode" else ", no sound"
    return (
        "; ".join(
            f"{served_path('<id>', name)} {video.codec}, {video.size or 'the size of the camera'}, "
            f"{f'{video.fps:g} fps' if video.fps else 'its rate'}, {video.bitrate_kbps} kbit/s, "
            f"key pictures every {video.gop_s:g} s"
            for name, video in stream.outputs.items()
        )
        + sound
    )


def visited(report: Report, config: Config) -> Report:
    """Visit the cameras of a configuration; return the report with what they showed."""
    import uvloop  # noqa: PLC0415  # a check without visits takes half the time without these

    from transcoder.probe.visits import visit_cameras  # noqa: PLC0415

    return replace(report, visits=tuple(uvloop.run(visit_cameras(config))))


def examined(path: Path) -> Report:
    """Examine a configuration file.

    Args:
        path: the path of the file.
    """
    try:
        file = load_file(path)
    except ConfigError as error:
        return Report(path=path, problems=tuple(error.problems), places=error.places)
    told, folder = tuple(warnings(path, file)), file.config.state_dir
    if folder is not None and (problem := _state_problem(folder)):
        line = f"state_dir: {problem}"
        return Report(path=path, problems=(line,), warnings=told, places=places((line, *told), file.texts))
    known = places(told, file.texts)
    if file.config.open_files == "refuse" and (refused := [line for line in told if line not in known]):
        others = tuple(line for line in told if line in known)
        return Report(path=path, problems=tuple(refused), warnings=others, places=known)
    return Report(path=path, config=file.config, warnings=told, places=known)


def _state_problem(folder: Path) -> str:
    """Return why a gateway would not start with a state, or take no changes; "" where it would."""
    if problem := folder_problem(folder):
        return f"{problem}; state_dir: null keeps nothing"
    if (folder / RESTORING_NAME).exists():
        return f"{folder}: a backup was being restored there: make the restore again"
    try:
        read_kept(folder)
    except StoreError as error:
        return f"{error}; see No state in docs/runbook.md"
    return ""
