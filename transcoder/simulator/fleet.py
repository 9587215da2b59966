"""Many cameras at once: who they are, and the content that they share."""

import os
import tempfile
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from transcoder.codecs.nal import Codec
from transcoder.errors import ConfigError
from transcoder.simulator.access_units import Content
from transcoder.simulator.behaviour import CameraBehaviour, override
from transcoder.simulator.cameras import FAMILIES
from transcoder.simulator.content import ContentOptions, Progress, from_scene
from transcoder.simulator.footage import from_file
from transcoder.simulator.scenes import SceneOptions
from transcoder.simulator.server import SimulatedCamera

MIXED = "mixed"
"""Family name that means each family in turn."""


def default_cache() -> Path:
    """The user's cache folder, or a temporary one where that can't be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "transcoder" / "simulator"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / f"transcoder-simulator-{os.getuid()}"
    return folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir()) / "transcoder-simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """What is simulated.

    Attributes:
        cameras: how many.
        families: taken in turn; "mixed" stands for all.
        settings: `name=value` overrides of every camera's behaviour.
        scene: what they show.
        codec: of all; None: of each family.
        bitrate_kbps: of all; None: by size.
        gop_s: seconds from IDR to IDR.
        source: footage to show instead of the scene.
        cache: folder for encoded content.
        host: address that all listen on.
        port_base: of the first camera, the others follow; 0: any.
        username: of the login.
        password: None: no login is asked for.
        seed: of canaries and random numbers.
    """

    cameras: int = 4
    families: tuple[str, ...] = (MIXED,)
    settings: tuple[str, ...] = ()
    scene: SceneOptions = field(default_factory=lambda: SceneOptions(seconds=8.0))
    codec: Codec | None = None
    bitrate_kbps: int | None = None
    gop_s: float = 4.0
    source: Path | None = None
    cache: Path = field(default_factory=default_cache)
    host: str = "127.0.0.1"
    port_base: int = 0
    username: str = "admin"
    password: str | None = None
    seed: str = "1"


def behaviours(options: FleetOptions) -> list[CameraBehaviour]:
    """The behaviour of each camera.

    Raises:
        ConfigError: unknown families or switches.
    """
    names: list[str] = []
    for name in options.families:
        names += list(FAMILIES) if name == MIXED else [name]
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise ConfigError([f"{name}: no such family; there are {MIXED}, {', '.join(FAMILIES)}" for name in unknown])
    chosen = islice(cycle(names), options.cameras)
    return [override(FAMILIES[name].behaviour, options.settings) for name in chosen]


def build(options: FleetOptions, progress: Progress | None = None) -> list[SimulatedCamera]:
    """Cameras, not started. Content that isn't in the cache yet is rendered and encoded here, which takes seconds.

    Args:
        options: what is simulated.
        progress: told after each picture, for all contents together.

    Raises:
        ConfigError: unknown families or switches.
        MediaError: the source or the encoder's settings can't be used.
    """
    wanted = behaviours(options)
    codecs = list(dict.fromkeys(options.codec or behaviour.codec for behaviour in wanted))
    if options.source:
        shared = _footage(options, progress)
        contents = dict.fromkeys(codecs, shared)
    else:
        contents = {codec: _scene(options, codec, index, len(codecs), progress) for index, codec in enumerate(codecs)}
    return [
        SimulatedCamera(
            behaviour,
            contents[options.codec or behaviour.codec],
            host=options.host,
            port=options.port_base + index if options.port_base else 0,
            username=options.username,
            password=options.password,
            seed=f"{options.seed}/{index}",
            name=f"{behaviour.family}-{index}",
        )
        for index, behaviour in enumerate(wanted)
    ]


def _footage(options: FleetOptions, progress: Progress | None) -> Content:
    if options.source is None or not options.source.is_file():
        raise ConfigError([f"source: {options.source} is no file"])
    return from_file(
        options.source,
        options.cache,
        codec=options.codec,
        bitrate_kbps=options.bitrate_kbps,
        gop_s=options.gop_s,
        progress=progress,
    )


def _scene(options: FleetOptions, codec: Codec, index: int, count: int, progress: Progress | None) -> Content:
    def overall(done: int, total: int) -> None:
        if progress:
            progress(index * total + done, count * total)

    scene = ContentOptions(scene=options.scene, codec=codec, bitrate_kbps=options.bitrate_kbps, gop_s=options.gop_s)
    return from_scene(scene, options.cache, overall)
