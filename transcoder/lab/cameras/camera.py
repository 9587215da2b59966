"""This module is a simulated camera without sockets: content, private data and clocks in, stamped packets out.

All readers share one RTP timeline per media: packets are made once for an access unit, for all readers.
"""

import random
from collections.abc import Collection

from transcoder.lab.cameras import reports, side_media
from transcoder.lab.cameras.access_units import CLOCK_RATE, Content
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.canary import Canary, CanaryMint
from transcoder.lab.cameras.content_packets import content_blocks, recipe
from transcoder.lab.cameras.defects.numbering import Numbering
from transcoder.lab.cameras.defects.packetization import carries_parameter_set
from transcoder.lab.cameras.defects.pictures import Programme
from transcoder.lab.cameras.defects.timing import CameraClock
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.families.description import DescriptionContext
from transcoder.lab.cameras.offered_tracks import offered_tracks
from transcoder.lab.cameras.packets import (
    EMPTY,
    FRAME_HEADER,
    Burst,
    block,
    frame,
    payload_offset,
    stamp,
    with_extension,
    without_packet,
)
from transcoder.lab.cameras.surroundings import Surroundings
from transcoder.lab.cameras.track import Track

REPORT_INTERVAL_S = 5.0
METADATA_INTERVAL_S = 1.0
MAX_LATE_S = 1.0
"""Seconds: a camera that fell behind by more (its process did not run) leaves out the pictures that it missed."""


class Camera:
    """Makes the packets and the description of one camera.

    Args:
        behaviour: its switches.
        content: the pictures that it shows, of the behaviour's codec or another:
            the SDP names the codec of the content.
        seed: seed of its canaries and random numbers.
        other: content of another size or codec, to which the camera changes if its behaviour says so.

    Attributes:
        plays: connections that have begun to play.
        asked_since: monotonic seconds of the first request that came to the camera, None before it.
        mint: its canaries.
        tracks: its media, in the order of the SDP.
        realm: realm of the challenges.
        server_header: value of Server, or empty.
        session_canary: digits in each session id.
        nonce_canary: part of each nonce.
        anchor: loop index of the access unit that the stream began with, and the monotonic time at which it was due;
            later ones follow by their durations, unless the behaviour says otherwise. None before the first reader.
    """

    def __init__(self, behaviour: CameraBehaviour, content: Content, seed: str, other: Content | None = None) -> None:
        self.behaviour = behaviour
        self.content = content
        self.mint = CanaryMint(seed)
        self.anchor: tuple[int, float] | None = None
        self.plays = 0
        self.asked_since: float | None = None
        rng = random.Random(seed)
        self.tracks = offered_tracks(behaviour, FAMILIES[behaviour.family].tracks, rng)
        self._private_sequence = rng.getrandbits(16)
        self._contents = (content,) if other is None else (content, other)
        self._blocks = [content_blocks(each, recipe(behaviour, parameter_sets=True)) for each in self._contents]
        self._gives_sets_once = behaviour.pictures.parameter_sets == "apart"
        late = self._contents if behaviour.pictures.parameter_sets_after_s is not None or self._gives_sets_once else ()
        self._bare = [content_blocks(each, recipe(behaviour, parameter_sets=False)) for each in late]
        self._programme = Programme(self._contents, behaviour.pictures, start_at_idr=behaviour.start_at_idr)
        self._clock = CameraClock(behaviour.timing, self.tracks[0], rng)
        self._numbering = Numbering(behaviour.numbering, self.tracks[0], rng)
        self._gave_sets = False
        self._rng = rng
        self._surroundings = [Surroundings(behaviour, each, self.mint) for each in self._contents]
        self._metadata = block([side_media.metadata_payload(self.mint)]) if behaviour.metadata else EMPTY
        audio = side_media.audio_payloads(self.mint, behaviour.audio_payload_type) if behaviour.audio else []
        self._audio = [block([payload]) for payload in audio]
        self._cname = self._filled(behaviour.cname, "cname", "RTCP, SDES CNAME, raw") if behaviour.rtcp else ""
        self._app = self.mint.text("rtcp_app", "RTCP, APP, raw") if behaviour.rtcp and behaviour.rtcp_app else ""
        self.realm = self._filled(behaviour.realm, "realm", "RTSP, WWW-Authenticate realm, raw")
        self.server_header = self._filled(behaviour.server_header, "server", "RTSP, Server, raw")
        self.session_canary = self.mint.digits("session_id", "RTSP, Session, raw")
        digest = behaviour.authentication != "basic"
        self.nonce_canary = self.mint.text("nonce", "RTSP, WWW-Authenticate nonce, raw") if digest else ""
        self._epoch: float | None = None
        self._started = 0.0
        self._due = 0.0
        self._leaves = 0.0
        self._next_end_lost = behaviour.packets.end_lost_every_s
        self._last_timestamp = 0
        self._next_report: dict[int, float] = {}
        self._next_metadata = 0.0
        self._next_audio = 0.0
        self._audio_index = 0
        self.describe("rtsp://127.0.0.1/", "127.0.0.1")  # describing makes the canaries of the SDP

    def _filled(self, text: str, name: str, where: str) -> str:
        return text.replace("{canary}", self.mint.text(name, where)) if "{canary}" in text else text

    def canaries(self) -> list[Canary]:
        """Return every mark that a client gets if it is asked to log in, sets up every media and waits some seconds."""
        return self.mint.all()

    def describe(self, base: str, host: str) -> bytes:
        """Return the session description.

        Args:
            base: URL of the stream as the client wrote it, without query or credentials.
            host: address in it.
        """
        described = self._programme.content if self.behaviour.pictures.describes_switch else 0
        context = DescriptionContext(
            behaviour=self.behaviour,
            content=self._contents[described],
            mint=self.mint,
            base=base.rstrip("/"),
            host=host,
            tracks={track.kind: track.control for track in self.tracks},
        )
        lines = FAMILIES[self.behaviour.family].describe(context)
        written = self.behaviour.description.written(lines, self.behaviour.video_payload_type)
        return "".join(f"{line}\r\n" for line in written).encode()

    @property
    def running(self) -> bool:
        """Return whether pictures are being sent."""
        return self.anchor is not None

    @property
    def next_due(self) -> float:
        """Return the monotonic seconds at which `advance` next has something to send."""
        return self._leaves

    def start(self, now: float) -> None:
        """Begin to send, because the first reader came: with an IDR or in the middle of a GOP."""
        self._epoch = now if self._epoch is None else self._epoch
        self._programme.begin()
        self._gave_sets = False
        self._started = self._due = self._leaves = self._next_metadata = self._next_audio = now
        self._next_end_lost = self.behaviour.packets.end_lost_every_s
        self._next_report = {}
        self.anchor = self._programme.index, now

    def stop(self) -> None:
        """Stop to send, because the last reader left."""
        self.anchor = None

    def timestamp(self, track: Track, now: float) -> int:
        """Return the RTP timestamp of a moment on a track."""
        return track.timestamp(now - (now if self._epoch is None else self._epoch))

    def advance(self, now: float, wall_s: float, wanted: Collection[int]) -> list[Burst]:
        """Return the packets that are due on the wanted tracks, in the order in which they are sent.

        Args:
            now: monotonic seconds.
            wall_s: UTC seconds, for sender reports.
            wanted: indices of tracks that somebody reads.
        """
        if self.anchor is None:
            return []
        if now - self._leaves > MAX_LATE_S:
            self._due = self._leaves = self._next_metadata = self._next_audio = now
            self.anchor = self._programme.index, now
        bursts: list[Burst] = []
        while self._leaves <= now:
            if 0 in wanted:
                bursts += self._picture()
            nominal_s = self._programme.unit.duration_ticks / CLOCK_RATE
            self._due += self._clock.interval_s(nominal_s, self._due - self._started)
            self._programme.step(self._due - self._started)
            self._leaves = max(self._leaves, self._due + self._clock.sending_delay_s(self._due - self._started))
        for track in self.tracks[1:]:
            if track.index in wanted:
                bursts += self._side(track, now)
        if self.behaviour.rtcp:
            bursts += [
                self._report(self.tracks[index], now, wall_s) for index in wanted if self._report_is_due(index, now)
            ]
        return bursts

    def _picture(self) -> list[Burst]:
        behaviour, track, programme = self.behaviour, self.tracks[0], self._programme
        unit = programme.unit
        since_s = self._due - self._started
        if programme.restarted:
            track.ssrc, track.sequence_number = self._rng.getrandbits(32), self._rng.getrandbits(16)
            track.timestamp_base = self._rng.getrandbits(32)
        if unit.random_access:
            self._numbering.begin_group()
        timestamp = self._clock.picture_timestamp(self._due - (self._epoch or 0.0))
        bursts = []
        surroundings = self._surroundings[programme.content]
        private = surroundings.private
        extension = behaviour.private_packets == "extension"
        if private.packets and extension:
            bursts.append(self._private_burst(timestamp, self._private_sequence, random_access=unit.random_access))
            self._private_sequence = (self._private_sequence + len(private.packets)) & 0xFFFF
        bare = since_s < (behaviour.pictures.parameter_sets_after_s or 0.0) or (
            self._gives_sets_once and self._gave_sets
        )
        self._gave_sets = self._gave_sets or unit.random_access
        picture = (self._bare if bare else self._blocks)[programme.content][programme.index]
        picture = with_extension(picture, surroundings.jpeg_extension)
        before, after = surroundings.around(random_access=unit.random_access)
        blocks = [part for part in (before, picture, after) if part.packets]
        marker = "last" if behaviour.marker == "parameter_sets" else behaviour.marker
        burst = track.burst(blocks, timestamp, marker=marker, random_access=unit.random_access)
        if behaviour.marker == "parameter_sets" or behaviour.pictures.parameter_sets_old_timestamp:
            self._treat_parameter_sets(burst)
        self._last_timestamp = timestamp
        if self._next_end_lost is not None and since_s >= self._next_end_lost and len(picture.packets) > 1:
            self._next_end_lost = since_s + (behaviour.packets.end_lost_every_s or 0.0)
            burst = without_packet(burst, len(before.packets) + len(picture.packets) - 1)
        self._numbering.renumber(burst)
        bursts.append(burst)
        if private.packets and not extension and unit.random_access:
            bursts.append(self._private_burst(timestamp, track.sequence_number - 1, random_access=False))
        return bursts

    def _treat_parameter_sets(self, burst: Burst) -> None:
        """Give packets of parameter sets a marker, or the timestamp of the picture before."""
        data = burst.data
        codec = self._contents[self._programme.content].codec
        for offset, size in burst.packets:
            start = payload_offset(data, offset)
            if carries_parameter_set(codec, memoryview(data)[start : offset + FRAME_HEADER + size]):
                if self.behaviour.marker == "parameter_sets":
                    data[offset + FRAME_HEADER + 1] |= 0x80
                if self.behaviour.pictures.parameter_sets_old_timestamp:
                    at = offset + FRAME_HEADER + 4
                    data[at : at + 4] = self._last_timestamp.to_bytes(4)

    def _private_burst(self, timestamp: int, sequence_number: int, *, random_access: bool) -> Burst:
        data, packets = stamp(
            [self._surroundings[self._programme.content].private],
            payload_type=self.behaviour.private_payload_type or 0,
            sequence_number=sequence_number,
            timestamp=timestamp,
            ssrc=self.tracks[0].ssrc,
            marker="all" if self.behaviour.private_packets == "extension" else "none",
        )
        return Burst(0, data, tuple(packets), random_access=random_access)

    def _side(self, track: Track, now: float) -> list[Burst]:
        bursts = []
        if track.kind == "metadata":
            while self._next_metadata <= now:
                bursts.append(track.burst([self._metadata], self.timestamp(track, self._next_metadata)))
                self._next_metadata += METADATA_INTERVAL_S
        elif track.kind == "audio":
            while self._next_audio <= now:
                payload = self._audio[self._audio_index % len(self._audio)]
                timestamp = self.timestamp(track, self._next_audio)
                bursts.append(track.burst([payload], timestamp, marker="none"))
                self._audio_index += 1
                self._next_audio += side_media.AUDIO_PACKET_SAMPLES / side_media.AUDIO_CLOCK_RATE
        return bursts

    def _report_is_due(self, index: int, now: float) -> bool:
        if self.tracks[index].kind == "backchannel" or self._next_report.get(index, now) > now:
            return False
        self._next_report[index] = now + REPORT_INTERVAL_S
        return True

    def _report(self, track: Track, now: float, wall_s: float) -> Burst:
        foreign = 0x5A5A5A5A if self.behaviour.timing.report_ssrc_foreign else 0
        packet = reports.sender_report(
            ssrc=track.ssrc ^ foreign,
            wall_s=wall_s,
            timestamp=self.timestamp(track, now),
            packets=track.packets,
            octets=track.octets,
            cname=self._cname.encode(),
            app=self._app.encode(),
        )
        data, packets = frame([packet])
        return Burst(track.index, data, packets, rtcp=True)
