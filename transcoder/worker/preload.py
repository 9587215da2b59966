"""The fork server imports everything that a worker needs once, so that workers share the pages and start at once.

After a fork into the sandbox no file can be opened, so nothing may be imported late.
"""

import contextlib
import ctypes
import gc
import importlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from transcoder.worker import sandbox, twins

_MADV_DONTNEED = 4
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_OWN_MAPPING = 1 << 20
"""Bytes from which memory that a program frees goes back to the operating system at once: planes, but no coded picture.
By itself the C library raises its threshold with each plane that is freed, and keeps as much."""
_KEPT = 2 << 20
"""Bytes that are kept at the end of the heap, so that coded pictures come and go without the operating system."""
_BACKGROUND = 5
"""The niceness of a process that nobody waits for; with more it would never end on a busy machine."""

Tell = Callable[[int, int], None]
"""A function that is called with how much is done and how much there is."""

_compiling: list[int] = []
"""The process that fills the cache while this one serves."""

_MODULES = (
    "encodings.idna",
    "transcoder.media.encoders",
    "transcoder.media.stages",
    "transcoder.worker.whole_process",
    "transcoder.worker.decoding_process",
    "transcoder.worker.encoding_process",
    "transcoder.worker.shared_planes",
)


def load(cache_dir: Path | None, tell: Tell | None = None) -> float:
    """Import, compile and try out everything; freeze it for the garbage collector.

    Args:
        cache_dir: the folder in which compiled kernels are kept, or None.
        tell: is called, if anything has to be compiled, with how much of it is done and how much there is.

    Returns:
        The seconds that the kernels took.
    """
    from transcoder_native import runtime  # noqa: PLC0415  # Numba takes a second, which a stopgap has not

    _bound_heap()
    runtime.configure(cache_dir)
    _compile_apart(tell)
    if runtime.is_compiled():
        gc.disable()  # almost nothing that is loaded is garbage, unlike what compiling leaves
    took = runtime.warm(None if runtime.is_cached() else tell)
    if runtime.is_h264_compiled():
        took += runtime.warm_h264()
    _import_all()
    _rehearse()
    _freeze()
    return took


def load_twins() -> None:
    """Import everything with the kernels' twins, for workers that show slates until there are kernels."""
    _bound_heap()
    twins.use_twins()
    _import_all()
    _rehearse()
    _freeze()


def _import_all() -> None:
    for name in _MODULES:
        importlib.import_module(name)


def _bound_heap() -> None:
    """Have this process and its children give back what they free; another C library than glibc decides for itself."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)


def _release_heap() -> None:
    """Give back the pages of what has been freed so far, wherever they lie."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _freeze() -> None:
    gc.collect()
    _release_heap()
    _release_compiler()
    gc.freeze()  # a collection in a child would touch, and so copy, every shared page
    gc.enable()


def finish_compiling() -> None:
    """Wait until the process that fills the cache has ended, if there is one."""
    for pid in _compiling:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    _compiling.clear()


def _compile_apart(tell: Tell | None) -> None:
    """Fill the cache in a process of its own, because compiling leaves 50 MB behind that no worker needs.

    The kernels of the pixel path are waited for. Those of H.264 are compiled behind them, while x264 serves already,
    and are loaded by the next start.
    """
    from transcoder_native import runtime  # noqa: PLC0415  # see load()

    if not runtime.is_cached() or (runtime.is_compiled() and runtime.is_h264_compiled()):
        return
    parent = os.getpid()
    done, tell_done = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(done)
            sandbox.die_with_parent(parent)
            runtime.warm(tell)
            runtime.mark_compiled()
            os.close(tell_done)
            os.nice(_BACKGROUND)
            runtime.warm_h264()
            runtime.mark_h264_compiled()
        finally:
            os._exit(0)  # where the other process failed, this process compiles
    os.close(tell_done)
    os.read(done, 1)  # the end: the other process has closed its side
    os.close(done)
    _compiling.append(pid)


def _release_compiler() -> None:
    """Give back the pages of LLVM's code; if one is ever needed, the operating system reads it from the file again."""
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith("/libllvmlite.so") and " r-xp " in line:
            start, end = (int(address, 16) for address in line.split(maxsplit=1)[0].split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def thread_count() -> int:
    """Return the number of threads of this process: it must be 1 when the process forks."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _rehearse() -> None:
    """Run tiny pictures through decoders, stages and encoders: libraries load parts of themselves at first use."""
    from fractions import Fraction  # noqa: PLC0415  # after configure(): media imports kernels

    from transcoder.codecs.audio_codec import AudioCodec  # noqa: PLC0415
    from transcoder.codecs.nal import join_byte_stream  # noqa: PLC0415
    from transcoder.media.audio import AudioDecoder, AudioEncoder, AudioTranscoder  # noqa: PLC0415
    from transcoder.media.changes import DecodedComparison  # noqa: PLC0415
    from transcoder.media.decoder import Decoder  # noqa: PLC0415
    from transcoder.media.encoders import PROFILES  # noqa: PLC0415
    from transcoder.media.jpeg import encode_jpeg  # noqa: PLC0415
    from transcoder.media.picture import GREY, OwnPicture  # noqa: PLC0415
    from transcoder.media.processors import use_one  # noqa: PLC0415
    from transcoder.media.stages import Stages  # noqa: PLC0415
    from transcoder.worker_options import AudioFormat, Mask, OutputFormat  # noqa: PLC0415

    use_one()
    triangle = ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))
    output = OutputFormat(width=64, height=64, frame_rate=25.0)
    picture = OwnPicture(64, 64)
    picture.fill(GREY)
    masks = tuple(Mask(polygon=triangle, style=style) for style in ("solid", "pixelate", "blur"))
    whole, by_macroblocks, comparison = Stages(96, 64, masks), Stages(64, 64, masks), DecodedComparison()
    rehearsed = set()
    for settings in (settings for profiles in PROFILES.values() for settings in profiles.values()):
        # an encoder that has threads of its own can't be rehearsed before a fork
        if settings.threads or type(settings) in rehearsed:
            continue
        rehearsed.add(type(settings))
        units = settings.open(output, bitrate_kbps=1000).encode(picture, None, 0, force_idr=True)
        for decoded in Decoder(settings.codec).decode(join_byte_stream(units), 0):
            whole.run(decoded, Fraction(1))
            for _ in range(2):
                by_macroblocks.run(decoded, Fraction(1), comparison.compare(decoded))
    encode_jpeg(picture)
    for encoding in ("PCMU", "G726-32", "G722", "L16", "OPUS", "MPEG4-GENERIC"):
        list(AudioTranscoder(AudioFormat(encoding=encoding, clock_rate=8000)).process(bytes(640), 0))
    for _, samples in AudioDecoder(AudioFormat(encoding="PCMU", clock_rate=8000)).samples(bytes(1024), 0):
        list(AudioEncoder(16_000).encode_samples(0, samples))
    for codec in (AudioCodec.PCMA, AudioCodec.PCMU):
        sound = AudioTranscoder(AudioFormat(encoding="PCMU", clock_rate=8000, served=codec))
        list(sound.process(bytes(320), 0))
    np.zeros(1).sum()
