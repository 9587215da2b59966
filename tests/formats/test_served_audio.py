"""The sound that is served: SDP and RTP payloads by RFC 3551 and RFC 3640."""

import pytest

from transcoder.codecs.audio_codec import AudioCodec
from transcoder.formats.served_audio import ServedAudio


@pytest.mark.parametrize(("codec", "number"), [(AudioCodec.PCMU, 0), (AudioCodec.PCMA, 8)])
def test_g711_has_its_static_type_and_its_bytes(codec: AudioCodec, number: int) -> None:
    audio = ServedAudio(codec=codec, clock_rate=8000)
    assert audio.payload_type == number  # RFC 3551 table 4
    assert audio.to_attributes() == [f"a=rtpmap:{number} {codec.name}/8000"]
    assert audio.packetize(b"\x01\x02") == b"\x01\x02"
    assert not audio.has_marker
    assert audio.frame_ticks == 1800  # 20 ms


def test_aac_has_a_dynamic_type_and_an_au_header() -> None:
    audio = ServedAudio(clock_rate=16_000, config=b"\x14\x08")
    assert audio.payload_type >= 96
    rtpmap, fmtp = audio.to_attributes()
    assert rtpmap == f"a=rtpmap:{audio.payload_type} MPEG4-GENERIC/16000/1"
    assert fmtp.endswith(";mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408")
    # RFC 3640 section 3.2.1: 16 bits of headers follow; then 13 bits of size and 3 of index
    assert audio.packetize(b"aac") == b"\x00\x10\x00\x18aac"
    assert audio.has_marker
    assert audio.frame_ticks == 5760
