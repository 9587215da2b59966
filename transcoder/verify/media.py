"""A media is one RTP flow, or one byte stream; everything in it that is not pixels is found here."""

from collections import Counter

from transcoder import product
from transcoder.verify.codec import Codec
from transcoder.verify.nal_units import MAX_KINDS, NalUnits, guess_codec
from transcoder.verify.own_text import shown
from transcoder.verify.payload import Depacketizer
from transcoder.verify.repetition import Repetition, Shown
from transcoder.verify.rtp import REPORT_BLOCKS, Packet, read_rtcp, read_rtp
from transcoder.verify.search import Search, short_marks

_CLOCK_RATE = 90_000
"""The ticks of a second of every video payload format (RFC 6184 section 8.2.1, RFC 7798 section 7.1)."""
_UNDECIDED = 4096
"""The number of packets that are kept of a media whose codec nothing has told yet."""
_DECIDE_EVERY = 64
_OWN_REPORTS = frozenset({"SR", "RR", "SDES", "BYE"})
"""The RTCP packets that the product sends. A BYE needs a report before it (RFC 3550 section 6.1); the report of a
sender without packets is an empty RR."""


class Media:
    """Looks at one media.

    Args:
        name: the name of the media in the report.
        codec: the codec of its video, or None where nothing tells the codec or the media has none.
        declared: the payload types of the description; empty where there was no description.
        search, problems: shared by all media.
        fallback: the codec of a media that nothing describes; None: the codec is guessed.

    Attributes:
        payload_types, ssrcs, extensions, rtcp, rtcp_texts: the number of packets of each.
        first_extensions: the first bytes of the first extension of each profile.
        gaps, late, repeated: the number of packets, by their sequence numbers.
        steps_back: the number of pictures whose timestamp is not later than that of the picture before.
        span: (arrival in seconds, unwrapped ticks) of the first and the latest picture.
        random_access_ticks: the timestamp of each picture that decoding can start at.
        units: the NAL units of the media, once the codec is known.
        repetition: compares the pictures.
        frame_rate: pictures a second that the description announces, None where it announces none.
        rtp_fields, rtcp_fields: the number of packets in which each field of their headers was set.
    """

    def __init__(
        self,
        name: str,
        codec: Codec | None,
        declared: tuple[int, ...],
        search: Search,
        problems: Counter[str],
        *,
        fallback: Codec | None = None,
    ) -> None:
        self.name = name
        self.codec: Codec | None = None
        self.declared = declared
        self.packets = self.octets = 0
        self.payload_types: Counter[int] = Counter()
        self.ssrcs: Counter[int] = Counter()
        self.extensions: Counter[int] = Counter()
        self.first_extensions: dict[int, bytes] = {}
        self.rtcp: Counter[str] = Counter()
        self.rtcp_texts: Counter[str] = Counter()
        self.gaps = self.late = self.repeated = self.steps_back = 0
        self.span: list[tuple[float, int]] = []
        self.random_access_ticks: list[int] = []
        self.units: NalUnits | None = None
        self.repetition = Repetition()
        self.frame_rate: float | None = None
        self.rtp_fields: Counter[str] = Counter()
        self.rtcp_fields: Counter[str] = Counter()
        self._search = search
        self._problems = problems
        self._fallback = fallback
        self._depacketizer: Depacketizer | None = None
        self._waiting: list[tuple[Packet, float]] = []
        self._expected: int | None = None
        self._ticks: int | None = None
        self._random_access = 0
        if codec is not None:
            self._set_codec(codec)

    def _set_codec(self, codec: Codec) -> None:
        self.codec = codec
        self.units = NalUnits(codec, self._search, self._problems)
        self._depacketizer = Depacketizer(codec)

    def _problem(self, text: str, count: int = 1) -> None:
        self._problems[f"{self.name}: {text}"] += count

    def byte_stream(self, units: list[bytes]) -> None:
        """Look at NAL units that came in no packets."""
        for unit in units:
            self.octets += len(unit)
            if self.units is not None and self.units.look(unit):
                self._compare(self.units, unit, None)

    def rtp(self, data: bytes, at: float) -> None:
        """Look at an RTP packet that came at `at`, in seconds of any clock."""
        self._search.feed(f"{self.name} packets", data)
        packet = read_rtp(data)
        if isinstance(packet, str):
            self._problem(packet)
            return
        self.packets += 1
        self.octets += len(data)
        self._header(packet)
        expected_types = self.declared or tuple(self.payload_types)[:1]
        if packet.payload_type in expected_types:
            self._sequence(packet, at)
        else:
            self._search.feed(f"{self.name} private payloads", packet.payload)
            self._marks(packet.payload, "a private packet")

    def _marks(self, data: bytes, where: str) -> None:
        for mark in short_marks(data):
            self._problem(f"mark {mark} in {where}")

    def _header(self, packet: Packet) -> None:
        if packet.ssrc in self.ssrcs or len(self.ssrcs) < MAX_KINDS:
            self.ssrcs[packet.ssrc] += 1
        self.payload_types[packet.payload_type] += 1
        self.rtp_fields.update(
            {
                "version 2": 1,
                "padding": bool(packet.padding),
                "extension": packet.extension is not None,
                "CSRC": bool(packet.csrcs),
                "marker": packet.marker,
            }
        )
        if self.declared and packet.payload_type not in self.declared:
            self._problem(f"payload type {packet.payload_type}, which no description names")
        if packet.extension is not None:
            profile, words = packet.extension
            self.extensions[profile] += 1
            self.first_extensions.setdefault(profile, words[:32])
            self._problem(f"RTP header extension of profile 0x{profile:04x}")
            self._marks(words, "an RTP header extension")
            if words[2:4] == b"HK":
                self._problem("mark HK in an RTP header extension")
        if packet.csrcs:
            self._problem("CSRC identifiers")
        if packet.padding:
            self._problem("RTP padding")

    def _sequence(self, packet: Packet, at: float) -> None:
        if self._expected is not None:
            step = (packet.sequence_number - self._expected) & 0xFFFF
            if step > 0x8000:
                self.repeated += step == 0xFFFF
                self.late += step != 0xFFFF
                return
            self.gaps += step
            if step and self._depacketizer is not None:
                self._depacketizer.lose()
        self._expected = (packet.sequence_number + 1) & 0xFFFF
        if self._depacketizer is not None:
            self._payload(self._depacketizer, packet, at)
        elif not self.declared and len(self._waiting) < _UNDECIDED:
            self._waiting.append((packet, at))
            if len(self._waiting) % _DECIDE_EVERY == 0:
                self._decide()
        else:
            self._search.feed(f"{self.name} payloads", packet.payload)
            self._marks(packet.payload, "a payload")

    def _payload(self, depacketizer: Depacketizer, packet: Packet, at: float) -> None:
        units = self.units
        if units is None:
            return
        for unit in depacketizer.receive(packet.payload, marker=packet.marker):
            if units.look(unit):
                self._picture(units, unit, packet.timestamp, at)

    def _picture(self, units: NalUnits, unit: bytes, timestamp: int, at: float) -> None:
        before = self._ticks
        ticks = timestamp if before is None else before + ((timestamp - before + (1 << 31)) % (1 << 32) - (1 << 31))
        self.steps_back += before is not None and ticks <= before
        self._ticks = ticks
        self.span = [self.span[0] if self.span else (at, ticks), (at, ticks)]
        if self._compare(units, unit, ticks):
            self.random_access_ticks.append(ticks)

    def _compare(self, units: NalUnits, unit: bytes, ticks: int | None) -> bool:
        """Compare a picture with those before, and return whether decoding can start at it."""
        is_random_access = self._random_access < len(units.random_access)
        self._random_access = len(units.random_access)
        self.repetition.note(unit, ticks, is_random_access=is_random_access, macroblocks=units.macroblocks)
        return is_random_access

    def _decide(self) -> None:
        """Find out the codec of a recording without a description."""
        codec = self._fallback
        if codec is None:
            units: list[bytes] = []
            for candidate in Codec:
                depacketizer = Depacketizer(candidate)
                for packet, _ in self._waiting:
                    units += depacketizer.receive(packet.payload, marker=packet.marker)
            codec = guess_codec(units)
        if codec is None:
            return
        self._set_codec(codec)
        packets, self._waiting = self._waiting, []
        for packet, at in packets:
            if self._depacketizer is not None:
                self._payload(self._depacketizer, packet, at)

    def rtcp_packet(self, data: bytes) -> None:
        """Look at an RTCP packet that the server sent."""
        self._search.feed(f"{self.name} RTCP", data)
        self._marks(data, "RTCP")
        reports = read_rtcp(data)
        if isinstance(reports, str):
            self._problem(reports)
            return
        for report in reports:
            self.rtcp[report.name] += 1
            for field, count in report.fields:
                name = f"{report.name}: {field}"
                if name in self.rtcp_fields or len(self.rtcp_fields) < MAX_KINDS:
                    self.rtcp_fields[name] += count
                if field == REPORT_BLOCKS and count:
                    self._problem("RTCP report blocks")  # a reader sends no packets that could be reported on
            if report.name not in _OWN_REPORTS:
                self._problem(f"RTCP {report.name}")
            if report.rest.strip(b"\x00"):
                self._problem(f"RTCP {report.name} with bytes behind what it holds")
            for what, text in report.texts:
                line = shown(f"{what}: {text.decode('latin-1')}")
                if line in self.rtcp_texts or len(self.rtcp_texts) < MAX_KINDS:
                    self.rtcp_texts[line] += 1
                if (what, text) != ("CNAME", product.NAME.encode()):
                    self._problem(f"RTCP text that is not ours: {line}")

    @property
    def announced_rate(self) -> float | None:
        """Return the pictures a second that the description announces, or else the SPS; None where neither does."""
        if self.frame_rate is not None:
            return self.frame_rate
        return self.units.latest_sps.frame_rate if self.units is not None and self.units.latest_sps else None

    def shown(self, read_s: float | None) -> Shown:
        """Return whether pictures of a camera were shown, or one picture over and over, as while a camera is away.

        Args:
            read_s: for how long the stream was read, seconds; None for a recording.
        """
        if not self.span:
            return self.repetition.shown_without_times()
        return self.repetition.shown(_CLOCK_RATE, read_s, self.announced_rate)

    @property
    def slate_s(self) -> float:
        """Return for how many seconds pictures came as those of a slate do, among a camera's."""
        return self.repetition.slate_s(_CLOCK_RATE, self.announced_rate)

    @property
    def span_s(self) -> float:
        """Return the seconds from the first picture to the latest, by their timestamps."""
        return (self.span[1][1] - self.span[0][1]) / _CLOCK_RATE if self.span else 0.0

    def finish(self) -> None:
        """Take note that nothing comes any more."""
        if self.units is None and self._waiting:
            self._decide()
            if self.units is None:
                self._problem("its codec can't be told from what is in it")
        if len(self.payload_types) > 1:
            self._problem("more than one payload type")
        if len(self.ssrcs) > 1:
            self._problem("more than one SSRC")
        if self._depacketizer is not None:
            for fault, count in self._depacketizer.faults.items():
                self._problem(fault, count)
