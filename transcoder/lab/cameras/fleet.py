"""This module builds many cameras at once, and the content that they share."""

import os
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path

from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.errors import ConfigError
from transcoder.lab.cameras.access_units import Coding, Content
from transcoder.lab.cameras.behaviour import CameraBehaviour, override
from transcoder.lab.cameras.content import ContentOptions, Progress, from_scene
from transcoder.lab.cameras.families import FAMILIES, SOUND
from transcoder.lab.cameras.footage import from_file
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera

MIXED = "mixed"
"""Family name that means each sound family in turn."""
_DARK = 0.02
"""Part of the light that gets through a lens cap."""


def default_cache() -> Path:
    """Return the user's cache folder, or a temporary one if the user's can't be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "transcoder" / "simulator"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / f"transcoder-simulator-{os.getuid()}"
    return folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir()) / "transcoder-simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """Says which cameras are simulated.

    Attributes:
        cameras: number of cameras; not looked at if `each` is given.
        families: names of families, taken in turn; "mixed" stands for all sound ones.
        settings: `name=value` overrides of every camera's behaviour.
        each: the family of each camera and `name=value` overrides, separated by blanks as in a shell.
        scene: the scene that the cameras show.
        codec: codec of all cameras; None: the codec of each family.
        bitrate_kbps: bitrate of all cameras; None: by size.
        gop_s: seconds from IDR to IDR.
        coding: what bits are spent on.
        source: footage to show instead of the scene.
        cache: folder for encoded content.
        host: address that all cameras listen on.
        port_base: port of the first camera, the others follow; 0: any.
        username: username of the login.
        password: None: no login is asked for.
        seed: seed of canaries and random numbers.
    """

    cameras: int = 4
    families: tuple[str, ...] = (MIXED,)
    settings: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    scene: SceneOptions = field(default_factory=lambda: SceneOptions(seconds=8.0))
    codec: Codec | None = None
    bitrate_kbps: int | None = None
    gop_s: float = 4.0
    coding: Coding = Coding.BITRATE
    source: Path | None = None
    cache: Path = field(default_factory=default_cache)
    host: str = "127.0.0.1"
    port_base: int = 0
    username: str = "admin"
    password: str | None = None
    seed: str = "1"


def behaviours(options: FleetOptions) -> list[CameraBehaviour]:
    """Return the behaviour of each camera.

    Raises:
        ConfigError: unknown families or switches, all of them.
    """
    names: list[str] = []
    for name in options.families:
        names += SOUND if name == MIXED else [name]
    wanted = [(name, list(options.settings)) for name in islice(cycle(names), options.cameras)]
    if options.each:
        words = [shlex.split(text) for text in options.each]
        wanted = [(text[0] if text else "", [*options.settings, *text[1:]]) for text in words]
    unknown = dict.fromkeys(name for name, _ in wanted if name not in FAMILIES)
    problems = [f"{name}: no such family; there are {MIXED}, {', '.join(FAMILIES)}" for name in unknown]
    found = []
    for name, settings in wanted:
        try:
            found.append(override(FAMILIES[name].behaviour if name in FAMILIES else _ANY, settings))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return found


_ANY = FAMILIES[SOUND[0]].behaviour


@dataclass(frozen=True, slots=True)
class _Look:
    """Holds the values that a content is made from; cameras of the same look share the content."""

    codec: SourceCodec
    gop_s: float
    dark: bool
    smaller: bool = False
    intra_refresh: bool = False


def build(options: FleetOptions, progress: Progress | None = None) -> list[SimulatedCamera]:
    """Return cameras, not started.

    Content that isn't in the cache yet is rendered and encoded here, which takes seconds.

    Args:
        options: the cameras that are simulated.
        progress: called after each picture, for all contents together.

    Raises:
        ConfigError: unknown families or switches.
        MediaError: the source or the encoder's settings can't be used.
    """
    wanted = behaviours(options)
    looks = [_look(options, behaviour) for behaviour in wanted]
    others = [_other(look, behaviour) for look, behaviour in zip(looks, wanted, strict=True)]
    kinds = list(dict.fromkeys([*looks, *(other for other in others if other)]))
    if options.source:
        fixed = {look: look.codec if isinstance(look.codec, PictureCodec) else options.codec for look in kinds}
        footage = {codec: _footage(options, codec, progress) for codec in dict.fromkeys(fixed.values())}
        contents = {look: footage[codec] for look, codec in fixed.items()}
    else:
        count = len(kinds)
        contents = {look: _scene(options, look, _overall(progress, index, count)) for index, look in enumerate(kinds)}
    return [
        SimulatedCamera(
            behaviour,
            contents[look],
            host=options.host,
            port=options.port_base + index if options.port_base else 0,
            username=options.username,
            password=options.password,
            seed=f"{options.seed}/{index}",
            name=f"{behaviour.family}-{index}",
            other=contents[other] if other else None,
        )
        for index, (behaviour, look, other) in enumerate(zip(wanted, looks, others, strict=True))
    ]


def _look(options: FleetOptions, behaviour: CameraBehaviour) -> _Look:
    fixed = isinstance(behaviour.codec, PictureCodec)  # such families have no other codec
    return _Look(
        behaviour.codec if fixed else options.codec or behaviour.codec,
        behaviour.pictures.gop_s or options.gop_s,
        dark=behaviour.pictures.dark,
        smaller=behaviour.pictures.grow_after_s is not None,
        intra_refresh=behaviour.pictures.intra_refresh,
    )


def _other(look: _Look, behaviour: CameraBehaviour) -> _Look | None:
    """Return the look to which a camera changes, None where it changes to no other."""
    if behaviour.pictures.codec_switch_every_s is not None:
        return replace(look, codec=Codec.H264 if look.codec is Codec.H265 else Codec.H265)
    return replace(look, smaller=not look.smaller) if behaviour.pictures.changes_size else None


def _footage(options: FleetOptions, codec: SourceCodec | None, progress: Progress | None) -> Content:
    if options.source is None or not options.source.is_file():
        raise ConfigError([f"source: {options.source} is no file"])
    return from_file(
        options.source,
        options.cache,
        codec=codec,
        bitrate_kbps=options.bitrate_kbps,
        gop_s=options.gop_s,
        coding=options.coding,
        progress=progress,
    )


def _scene(options: FleetOptions, look: _Look, progress: Progress) -> Content:
    scene = options.scene
    if look.gop_s > scene.seconds:
        scene = replace(scene, seconds=look.gop_s)
    if look.dark:
        scene = replace(scene, brightness=_DARK)
    if look.smaller:
        scene = replace(scene, width=max(192, scene.width * 3 // 4 & ~1), height=max(96, scene.height * 3 // 4 & ~1))
    content = ContentOptions(
        scene=scene, codec=look.codec, bitrate_kbps=options.bitrate_kbps, gop_s=look.gop_s, coding=options.coding
    )
    if look.intra_refresh:
        content = replace(content, intra_refresh=True)
    return from_scene(content, options.cache, progress)


def _overall(progress: Progress | None, index: int, count: int) -> Callable[[int, int], None]:
    """Return a function for the progress of one content of several."""

    def told(done: int, total: int) -> None:
        if progress:
            progress(index * total + done, count * total)

    return told
