"""The camera of a stream is swapped for another one, after a look at it, and a swap is rolled back without one.

The URL, the size, the codec and the timeline that readers see stay: for them the new camera is the old one that came
back with pictures of another size (docs/architecture.md).
"""

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Final

from transcoder.assets.relaying import relay_refusal
from transcoder.config import StreamConfig
from transcoder.config.overlay import EffectiveConfig
from transcoder.config.swapping import can_roll_back, roll_back, swap
from transcoder.control.cameras import CameraLooks
from transcoder.control.changes import Change, Changes
from transcoder.control.documents import StreamStateDocument
from transcoder.control.swap_documents import PicturesDocument, SwapDocument, SwappedCameraDocument
from transcoder.control.writer import Writer
from transcoder.probe.visits import WATCH_S, Visit
from transcoder.rejection import Code, Rejected
from transcoder.service.store import now_text
from transcoder.text import printable

Edit = Callable[[EffectiveConfig, str, object], EffectiveConfig]
MAX_PROBLEM: Final = 300
"""Characters of the reason for which a camera sends no pictures, at most."""
SAME_SHAPE: Final = Fraction(1, 100)
"""The share by which two shapes may differ without bars: 1920x1088 is 1920x1080 for everybody who looks."""


class Swaps:
    """Carries out the swaps of one gateway.

    Args:
        changes: the configuration, and what changes it.
        cameras: looks at the new camera.
        state: returns the state of a stream.
        tell: tells of a swap that was made, by a writer, and whether it is a roll-back.
    """

    def __init__(
        self,
        changes: Changes,
        cameras: CameraLooks,
        state: Callable[[str], StreamStateDocument],
        tell: Callable[[SwapDocument, Writer, bool], None],
    ) -> None:
        self._changes = changes
        self._cameras = cameras
        self._state = state
        self._tell = tell

    async def swap(self, stream: str, keys: object, by: Writer, if_match: str | None = None) -> SwapDocument:
        """Look at the new camera, and switch to it where it sends pictures.

        Args:
            stream: the stream's id.
            keys: `source` and `asset`; `plan`: whether to change nothing, and `force`: whether to switch to a camera
                that sends no pictures.
            by: the writer.
            if_match: the tag of the stream that the writer has read, None where any will do.

        Raises:
            Rejected: the keys are not valid, or the camera sends no pictures; nothing was changed.
        """
        plan, force, camera = _options(keys)
        effective = self._changes.effective
        edit = partial(swap, today=_today())
        wanted = (await self._changes.off_loop(edit, effective, stream, camera)).config.streams[stream]
        seen = await self._cameras.visit(stream, wanted)
        found = self._document(stream, effective.config.streams[stream], wanted, seen)
        if plan:
            return found
        if found.problem is not None and not force:
            raise Rejected(Code.UNAVAILABLE, f"the new camera would not be shown: {found.problem}")
        guarded = partial(_edit_the_same, edit, effective.config.streams[stream])
        await self._changes.make(
            Change(stream=stream, verb="swap", keys=camera, by=by, edit=guarded, if_match=if_match)
        )
        made = found.model_copy(update={"switched": True, "can_roll_back": True})
        self._tell(made, by, False)
        return made

    async def roll_back(self, stream: str, by: Writer, if_match: str | None = None) -> SwapDocument:
        """Switch back to the camera that the last swap replaced; it is known, and not looked at first.

        Raises:
            Rejected: there is nothing to go back to; nothing was changed.
        """
        before = self._changes.effective.config.streams.get(stream)
        change = Change(stream=stream, verb="swap_rollback", keys={}, by=by, edit=roll_back, if_match=if_match)
        await self._changes.make(change)
        after = self._changes.effective.config.streams[stream]
        found = self._document(stream, before or after, after, None)
        made = found.model_copy(update={"switched": True, "can_roll_back": False})
        self._tell(made, by, True)
        return made

    def _document(self, stream: str, old: StreamConfig, new: StreamConfig, seen: Visit | None) -> SwapDocument:
        state = self._state(stream)
        source, output = state.source, state.output
        now = PicturesDocument(codec=source.codec, width=source.width, height=source.height, fps=source.fps or None)
        served = PicturesDocument(
            codec=output.codec, width=output.width, height=output.height, fps=output.frame_rate or None
        )
        then = _pictures(seen)
        problem = (seen.problem if seen is not None else "") or self._relay_problem(new, then)
        return SwapDocument(
            stream=stream,
            switched=False,
            before=SwappedCameraDocument(asset=old.asset, pictures=now),
            after=SwappedCameraDocument(asset=new.asset, pictures=then),
            served=served,
            for_readers=(*_for_readers(old, new, served, then), *_until_shown(seen)),
            problem=printable(problem, MAX_PROBLEM) if problem else None,
            can_roll_back=can_roll_back(self._changes.effective, stream),
        )

    def _relay_problem(self, new: StreamConfig, then: PicturesDocument) -> str:
        """Return why a relayed stream would not play with the new camera; "" where it would, or is encoded anew."""
        if new.video.mode != "relay":
            return ""
        if then.codec is not None and then.codec != new.video.codec.upper():
            return f"it sends {then.codec}, and the stream is relayed as {new.video.codec.upper()} (video.codec)"
        return relay_refusal(new, self._changes.effective.config.assets, date.fromisoformat(_today()))


def _today() -> str:
    return now_text()[: len("2026-11-29")]


def _edit_the_same(
    edit: Edit, seen: StreamConfig, effective: EffectiveConfig, stream: str, keys: object
) -> EffectiveConfig:
    """Make a change to a stream that still has the camera which the new one was shown beside.

    Raises:
        Rejected: it has another one by now, to which a roll-back would lead.
    """
    now = effective.config.streams.get(stream)
    if now is not None and (now.source, now.asset) != (seen.source, seen.asset):
        raise Rejected(Code.CONFLICT, f"the camera of stream {stream} was changed meanwhile; read it again")
    return edit(effective, stream, keys)


def _options(keys: object) -> tuple[bool, bool, dict[str, object]]:
    """Return whether to plan only, whether to switch in any case, and the keys of the new camera."""
    if not isinstance(keys, Mapping):
        raise Rejected(Code.MALFORMED, "a swap takes a mapping of keys")
    rest = dict(keys)
    flags = {name: rest.pop(name, False) for name in ("plan", "force")}
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise Rejected(Code.MALFORMED, f"{name}: must be true or false")
    return flags["plan"], flags["force"], rest


def _pictures(seen: Visit | None) -> PicturesDocument:
    if seen is None:
        return PicturesDocument()
    width, _, height = (seen.size or "").partition("x")
    is_size = width.isdecimal() and height.isdecimal()
    return PicturesDocument(
        codec=(seen.codec or "").upper() or None,
        width=int(width) if is_size else None,
        height=int(height) if is_size else None,
        fps=seen.fps,
    )


def _until_shown(seen: Visit | None) -> list[str]:
    """Return how long readers may wait for the new camera's first picture, where that is more than a moment."""
    if seen is None or seen.problem or seen.has_start:
        return []
    return [f"the last picture stays until the new camera sends an IDR picture: none came in {WATCH_S:g} s"]


def _for_readers(old: StreamConfig, new: StreamConfig, served: PicturesDocument, then: PicturesDocument) -> list[str]:
    """Return what readers notice besides a slate for a moment."""
    if new.video.mode == "relay":
        differs = (served.width, served.height) != (then.width, then.height) and then.width and served.width
        return ["their sessions end, because a relayed stream has the size of its camera"] if differs else []
    if old.source.aspect != new.source.aspect:
        return ["their sessions end, because source.display_aspect of the two cameras differs"]
    if served.width and served.height and then.width and then.height:
        kept, shown = Fraction(served.width, served.height), Fraction(then.width, then.height)
        if abs(kept / shown - 1) > SAME_SHAPE:
            beside = "beside" if shown < kept else "above and below"
            return [f"bars {beside} the picture, whose shape is another than the served one's"]
    return []
