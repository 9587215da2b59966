"""The names of channels are ours: those of the standards, and plain words."""

import pytest

from transcoder.service.channel_words import MAX_NAMED, channel_word, channel_words


@pytest.mark.parametrize(
    ("layer", "kind", "word"),
    [
        ("nal_in", "h264 type 6", "SEI"),  # H.264 table 7-1
        ("nal_in", "h265 type 39", "SEI"),  # H.265 table 7-1
        ("nal_in", "h264 type 12", "filler NAL units"),
        ("nal_in", "h264 type 22", "private NAL units 22"),
        ("nal_in", "mpeg4 user data", "mpeg4 user data"),
        ("rtp_payload_type", "private payload type 112", "private packets 112"),
        ("rtp_extension", "0xabac", "RTP header extensions"),
        ("rtp_extension", "private profile", "RTP header extensions"),
        ("rtsp_media", "metadata media", "ONVIF metadata"),
        ("rtsp_media", "audio", "sound"),
        ("rtsp_media", "talk-back", "talk-back"),
        ("rtcp", "SDES", "RTCP SDES"),
        ("rtcp", "other", "RTCP other"),
        ("nal_in", "other", "other"),
    ],
)
def test_a_channel_has_a_word(layer: str, kind: str, word: str) -> None:
    assert channel_word(layer, kind) == word


def test_a_line_names_each_once_and_not_too_many() -> None:
    many = [("nal_in", "h265 type 39"), ("nal_in", "h265 type 40"), ("rtp_payload_type", "private payload type 112")]
    assert channel_words(many) == "SEI, private packets 112"
    line = channel_words(("rtp_payload_type", f"private payload type {number}") for number in range(128))
    assert line.endswith(f", and {128 - MAX_NAMED} more")
    assert line.count(",") == MAX_NAMED
