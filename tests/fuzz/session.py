"""A target that reads a whole session: its dialog, its media, and what is let through of them to a worker."""

import struct

from tests.fuzz import seeds
from tests.fuzz.media import packets_of
from tests.support.session_transcript import AUDIO_SDP, Transcript, frame
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE, Codec
from transcoder.ledger import MAX_KINDS
from transcoder.source.events import Left, Lost, VideoRestarted, VideoSelected
from transcoder.source.intake import VideoIntake
from transcoder.source.status import SourceStatus

MAX_REASON = 400
"""Characters of a reason why pictures can't be read: an operator reads it in one line."""


def session(data: bytes) -> None:
    """Packets of a camera behind a dialog that went well, over TCP or, where the first byte is odd, over UDP."""
    transport = "udp" if data[:1] and data[0] & 1 else "tcp"
    transports = [
        f"RTP/AVP;unicast;client_port={50_000 + 2 * n}-{50_001 + 2 * n};server_port=6000-6001" for n in (0, 1)
    ]
    transcript = Transcript(
        transport=transport, audio=True, sdp=AUDIO_SDP, transports=transports if transport == "udp" else []
    )
    status = SourceStatus()
    intake = VideoIntake(transcript.ledger, status)
    read = 0
    transcript.connect()
    for index, packet in enumerate(packets_of(data)):
        transcript.wait(0.04)
        channel = packet[0] & 3 if packet[:1] and packet[0] < 0x80 else 0  # an RTP packet begins with version 2
        if transport == "tcp":
            transcript.feed(frame(channel, packet))
        else:
            transcript.datagram(packet, track=channel >> 1, is_rtcp=bool(channel & 1))
        if index % 16 == 0:
            transcript.wait(0.6)
        for event in transcript.events[read:]:
            if isinstance(event, Lost | Left):
                return
            if isinstance(event, VideoSelected):
                intake.select(event.selection)
            elif isinstance(event, VideoRestarted):
                intake.restart()
            elif isinstance(event, AccessUnit):
                unit = intake.take(event)
                assert unit is None or (0 < len(unit.data) <= MAX_ACCESS_UNIT_SIZE + 4096 and unit.codec is event.codec)
                assert intake.unreadable is None or len(intake.unreadable.reason) <= MAX_REASON
        read = len(transcript.events)
        assert intake.clock_rate > 0
    assert status.access_units >= status.damaged_access_units
    assert len(list(transcript.ledger)) <= MAX_KINDS + 32


def session_seeds() -> list[bytes]:
    """Streams of both codecs, and one that is switched from H.264 to H.265 and back."""
    begun = {
        Codec.H264: [*seeds.H264_SETS, b"\x65\x88\x84\x21"],
        Codec.H265: [*seeds.H265_SETS, b"\x26\x01\xaf\x08"],
    }
    following = {Codec.H264: b"\x41\x9a\x02\x05", Codec.H265: b"\x02\x01\xd0\x08"}
    packets = []
    number = 0
    for codec in (Codec.H264, Codec.H265, Codec.H264):
        for payload in [*begun[codec], *[following[codec]] * 20]:
            number += 1
            head = struct.pack("!BBHII", 0x80, 0x80 | 96, number, number * 3600, 7)
            packets.append(head + payload)
    switched = [seeds.framed(packets), seeds.framed(packets, 1)]
    return [*seeds.streams("H264"), *seeds.streams("H265"), *switched]
