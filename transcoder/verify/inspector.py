"""The inspector collects everything that was read, and gives the verdict."""

from collections import Counter
from enum import Enum
from typing import Final

from transcoder import product
from transcoder.verify.codec import Codec
from transcoder.verify.media import Media
from transcoder.verify.messages import Message
from transcoder.verify.nal_units import MAX_KINDS, guess_codec
from transcoder.verify.origin import Origin
from transcoder.verify.own_text import Description, foreign_fields, read_description, shown
from transcoder.verify.repetition import Shown
from transcoder.verify.search import Pattern, Search, short_marks

_MAX_MEDIA = 64
_MAX_PROBLEMS = 1000
NO_PICTURE: Final = "no picture was read"
"""The problem of a stream that showed nothing: alone it says nothing against the stream."""
_RELAYED = "a=x-relayed"
"""The line of a description that tells that the coded pictures are the camera's: of those nothing is proved."""
_FURTHER = "further problems, each another"
_QUIET = frozenset({"cseq", "content-length", "rtp-info", "date"})
"""The header fields that differ every time and are not listed as text; they are judged all the same."""


class Verdict(Enum):
    """Names the verdict on a stream."""

    CLEAN = "clean"
    UNCLEAN = "unclean"
    NOTHING_TO_JUDGE = "nothing to judge"
    """Nothing was found, and no picture of a camera was seen, or none that can be told from a slate."""


class Problems(Counter[str]):
    """Counts problems by their text; the number of texts is bounded, because a peer chooses the words."""

    def __setitem__(self, text: str, count: int) -> None:
        if text in self or len(self) < _MAX_PROBLEMS:
            super().__setitem__(text, count)
        else:
            super().__setitem__(_FURTHER, self[_FURTHER] + count)


class Inspector:
    """Takes everything that a reader got and says whether it is clean.

    Args:
        canaries: bytes that must not occur.
        codec: the codec of media that nothing describes; None: the codec is guessed.
        path: the path of the URL that is read. It is the reader's own word: a server that repeats the path gives
            nothing away.

    Attributes:
        problems: every reason why the stream is not clean, with how often it occurred.
        notes: facts worth knowing that are no reason.
        texts: everything readable in RTSP messages, with how often it occurred.
        headers: every header field of RTSP messages by its name, with how often it occurred.
        lines: every line of session descriptions, with how often it occurred.
        media: the media by name.
        servers: the values of Server fields; "" for a response without one.
        shown: the origin of the pictures, after finish().
        slate_s: for how many seconds of the time that was read a slate was shown, after finish().
        origin: the gateway's word on the pictures, None where it has none or it does not fit what was read.
    """

    def __init__(self, canaries: list[Pattern], codec: Codec | None = None, path: str = "") -> None:
        self.problems = Problems()
        self.notes: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()
        self.headers: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.media: dict[str, Media] = {}
        self._codec = codec
        self._path = path.strip("/").encode()
        self._search = Search(canaries)
        self.servers: set[str] = set()
        self.shown = Shown.CAMERA
        self.slate_s = 0.0
        self.origin: Origin | None = None
        self._canaries = frozenset(pattern.name for pattern in canaries)

    def message(self, message: Message) -> Description | None:
        """Look at a message of the server, and return the description where the message holds one."""
        written = message.raw.replace(self._path, b"") if self._path else message.raw
        self._search.feed("RTSP messages", written)
        if not message.is_response:
            self.problems[f"a request of the server: {shown(message.start)}"] += 1
        if message.is_response and len(self.servers) < MAX_KINDS:
            self.servers.add(shown(message.field("Server")))
        for name, value in message.fields:
            _count(self.headers, shown(name))
            if name.lower() not in _QUIET:
                _count(self.texts, shown(f"{name}: {value}"))
        for text in foreign_fields(message.fields):
            self.problems[f"RTSP header that is not ours: {shown(text)}"] += 1
        for mark in short_marks(written):
            self.problems[f"mark {mark} in an RTSP message"] += 1
        if not message.body:
            return None
        if not message.body.lstrip().startswith(b"v=") and "sdp" not in message.field("Content-Type").lower():
            self.problems["an RTSP body that is no SDP"] += 1
            return None
        description = read_description(message.body)
        for problem in description.problems:
            self.problems[problem] += 1
        for line in description.lines:
            _count(self.texts, shown(line))
            _count(self.lines, shown(line))
        return description

    def stray(self, data: bytes) -> None:
        """Look at bytes on the RTSP connection that are neither message nor frame."""
        self._search.feed("stray bytes", data)
        self.problems["bytes between RTSP messages and frames"] += len(data)

    def unknown_channel(self, channel: int, data: bytes) -> None:
        """Look at a frame on a channel that was not set up."""
        self._search.feed("unknown channels", data)
        self.problems[f"frames on channel {channel}, which was not set up"] += 1

    def add_media(
        self, name: str, *, codec: Codec | None = None, declared: tuple[int, ...] = (), sets: list[bytes] | None = None
    ) -> Media:
        """Return the media of this name, which is made where there is none yet.

        Args:
            name: the name of the media.
            codec: the codec of its video, None where the media has none or the codec is not known.
            declared: the payload types of the description.
            sets: the parameter sets of the description; they are looked at like any other.
        """
        media = self.media.get(name)
        if media is None:
            if len(self.media) >= _MAX_MEDIA:
                name = "other media"
            media = Media(name, codec, declared, self._search, self.problems, fallback=self._codec)
            self.media[name] = media
        media.byte_stream(sets or [])
        return media

    def byte_stream(self, name: str, units: list[bytes]) -> None:
        """Look at the NAL units of a recorded byte stream."""
        codec = self._codec or guess_codec(units)
        if codec is None:
            self.problems[f"{name}: no SPS in it, so its codec can't be told"] += 1
        else:
            self.add_media(name, codec=codec).byte_stream(units)

    def finish(self, read_s: float | None = None, origin: Origin | None = None) -> None:
        """Judge, because nothing comes any more.

        Args:
            read_s: for how long a stream was read, seconds; None for a recording.
            origin: the gateway's word on the pictures, None where nobody asked it.
        """
        for media in self.media.values():
            media.finish()
            if media.gaps:
                self.notes[f"{media.name}: packets missing in the sequence"] += media.gaps
            if media.steps_back:
                self.notes[f"{media.name}: pictures whose timestamp does not advance"] += media.steps_back
        if not self.pictures:
            self.problems[NO_PICTURE] += 1
        shown_media = [media for media in self.media.values() if media.units is not None and media.units.pictures]
        origins = [media.shown(read_s) for media in shown_media]
        self.shown = Shown.CAMERA if Shown.CAMERA in origins or not origins else origins[0]
        if self.shown is Shown.CAMERA:
            self.slate_s = max((media.slate_s for media in shown_media), default=0.0)
        if origin is not None and self.pictures:
            self._believe(origin)
        if _RELAYED in self.lines:
            self.shown = Shown.RELAYED
        self._search.finish()
        for name, form, stream in sorted(self._search.found):
            what = f"canary {name} ({form})" if name in self._canaries else name
            self.problems[f"{what} in {stream}"] += 1

    def _believe(self, origin: Origin) -> None:
        """Take the gateway's word, which says more than the pictures do, if it tells of the pictures that were read."""
        if origin.is_slate:
            self.shown = Shown.SLATE
        elif origin.fits(self.pictures):
            self.shown = Shown.CAMERA
        else:
            self.notes[f"the API tells of {origin.pictures:.0f} pictures: of another stream or gateway?"] += 1
            return
        self.origin, self.slate_s = origin, origin.slate_s

    @property
    def is_ours(self) -> bool | None:
        """Return whether every response was a gateway's of this product; None where no response was read."""
        return self.servers == {product.NAME} if self.servers else None

    @property
    def pictures(self) -> int:
        """Return the number of pictures of all media."""
        return sum(media.units.pictures for media in self.media.values() if media.units is not None)

    @property
    def clean(self) -> bool:
        """Return whether nothing but pixels was found, and there was something to judge, after finish()."""
        return self.verdict is Verdict.CLEAN

    @property
    def verdict(self) -> Verdict:
        """Return the verdict, after finish()."""
        if self.problems.keys() - {NO_PICTURE}:
            return Verdict.UNCLEAN
        return Verdict.CLEAN if self.shown is Shown.CAMERA and not self.problems else Verdict.NOTHING_TO_JUDGE

    @property
    def canaries(self) -> int:
        """Return the number of canaries that are looked for."""
        return len(self._canaries)

    @property
    def searched(self) -> int:
        """Return the number of bytes that were searched."""
        return self._search.size


def _count(counter: Counter[str], text: str) -> None:
    """Count a text; a peer chooses the texts, so that their number is bounded."""
    if text in counter or len(counter) < 4 * MAX_KINDS:
        counter[text] += 1
