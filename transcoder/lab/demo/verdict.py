"""This module judges from the reader's result whether the served streams were clean."""

from dataclasses import dataclass
from typing import Any

MAX_REASONS = 3
"""Reasons that the last line names at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Holds the end of a demo.

    Attributes:
        streams: the reader's result for each stream.
        cameras: the reader's result for the cameras' own streams, by stream name.
        families: families of the simulated cameras, by stream name.
        dropped: counts of the data that the gateway did not let through, by stream, layer and kind.
        gateway: the gateway's own numbers, by stream.
        reasons: reasons why the verdict is not clean, one phrase each; none: it is clean.
        seconds: seconds that were watched.
    """

    streams: list[dict[str, Any]]
    cameras: dict[str, dict[str, Any]]
    families: dict[str, str]
    dropped: dict[str, dict[str, int]]
    gateway: dict[str, dict[str, Any]]
    reasons: list[str]
    seconds: float

    @property
    def clean(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.reasons

    @property
    def line(self) -> str:
        """Return the last line that the demo prints."""
        if not self.clean:
            more = len(self.reasons) - MAX_REASONS
            rest = f"; and {count(more, 'other reason')}" if more > 0 else ""
            return f"verdict: NOT clean: {'; '.join(self.reasons[:MAX_REASONS])}{rest}"
        frames = sum(stream["frames"] for stream in self.streams)
        searched = sum(camera["canaries"] for camera in self.cameras.values())
        proof = f", 0 of the cameras' {searched} canaries in what was served" if searched else ""
        return f"verdict: clean: {count(len(self.streams), 'stream')}, {frames} frames decoded without an error{proof}"

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for programs."""
        return {
            "clean": self.clean,
            "reasons": self.reasons,
            "seconds": round(self.seconds, 1),
            "streams": [
                {
                    **stream,
                    "vendor": self.families.get(stream["name"]),
                    "camera": self.cameras.get(stream["name"]),
                    "gateway": self.gateway.get(stream["name"], {}),
                    "dropped": self.dropped.get(stream["name"], {}),
                }
                for stream in self.streams
            ],
        }


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 stream`, `2 streams`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def reasons(
    streams: list[dict[str, Any]], cameras: dict[str, dict[str, Any]], simulated: list[str], away: dict[str, str]
) -> list[str]:
    """List everything that speaks against a clean verdict.

    Args:
        streams: the reader's result.
        cameras: the reader's result for the cameras' own streams, by stream name.
        simulated: names of streams whose cameras carry canaries: no search proves anything before it has found them.
        away: streams that never showed a picture of their camera, whatever they showed instead, each with the reason.
    """
    found: list[str] = []
    for stream in streams:
        name = stream["name"]
        if leaked := stream["canaries_found"]:
            first = leaked[0]
            found.append(
                f"{name} carries {count(len(leaked), 'canary mark')} (first: {first['name']}, {first['where']})"
            )
        found += [f"{name} has {oddity}" for oddity in stream["oddities"]]
        if name in away:
            found.append(f"{name} never showed its camera ({away[name] or 'it sent no picture'})")
        elif not stream["frames"]:
            found.append(f"{name} showed no picture ({stream['problem'] or 'stopped before the first'})")
        if stream["decode_errors"]:
            found.append(f"{name} had {count(stream['decode_errors'], 'decode error')}")
        if stream["steps_back"]:
            found.append(f"{name}'s time stepped back {count(stream['steps_back'], 'time')}")
    for name in simulated:
        camera = cameras.get(name)
        if camera is None:
            found.append(f"{name}'s camera was not searched to its end")
        elif camera["problem"]:
            found.append(f"{name}'s camera could not be read directly ({camera['problem']})")
        elif missing := camera["missing"]:
            found.append(f"the search missed {count(len(missing), 'mark')} in {name}'s own camera ({missing[0]})")
    return found
