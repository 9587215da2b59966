"""Media in our own words: whatever a camera calls them, pages that outlive a session hold none of its names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.sdp import left_out, parse_sdp
from transcoder.sdp.words import media_word, offer_word

SERIAL = "UNITSERIAL0042"
VIDEO = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
KNOWN_WORDS = {"video", "audio", "text", "metadata media", "talk-back", "private media"}


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ("m=audio 0 RTP/AVP 8", "audio"),
        ("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000\r\na=recvonly", "audio"),
        ("m=audio 0 RTP/AVP 0\r\na=sendonly", "talk-back"),
        ("m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000", "metadata media"),
        ("m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata.gzip/90000", "metadata media"),
        ("m=metadata 0 RTP/AVP 100", "metadata media"),
        ("m=meta 0 RTP/AVP 100", "metadata media"),
        ("m=vzinfo 0 RTP/AVP 100", "private media"),
        (f"m=application/TP-LINK 0 RTP/AVP smart/1/90000/{SERIAL}", "private media"),
        (f"m={SERIAL} 0 RTP/AVP 96", "private media"),
        (f"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata-{SERIAL}/90000", "metadata media"),
        (f"m=audio 0 RTP/AVP 99\r\na=rtpmap:99 {SERIAL}/8000", "audio"),
        ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 JPEG/90000", "video"),
        ("m=text 0 RTP/AVP 98", "text"),
    ],
)
def test_words(section: str, word: str) -> None:
    description = parse_sdp(f"v=0\r\n{VIDEO}{section}\r\n".encode())
    assert [found for found, _ in left_out(description, [0])] == [word]


def test_the_sendonly_audio_of_a_camera_that_calls_its_video_sendonly_too_is_no_talk_back() -> None:
    """IDS uEye writes the directions as it sees them itself."""
    description = parse_sdp(f"v=0\r\n{VIDEO}a=sendonly\r\nm=audio 0 RTP/AVP 8\r\na=sendonly\r\n".encode())
    assert [word for word, _ in left_out(description, [0])] == ["audio"]


def test_a_media_that_is_set_up_is_not_left_out_and_the_camera_s_name_of_others_is_kept_beside() -> None:
    text = f"v=0\r\n{VIDEO}m=audio 0 RTP/AVP 8\r\nm=application/TP-LINK 0 RTP/AVP smart/1/90000/{SERIAL}\r\n"
    assert list(left_out(parse_sdp(text.encode()), [0, 1])) == [
        ("private media", f"application/tp-link smart/1/90000/{SERIAL}".encode())
    ]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("m=video 0 RTP/AVP 32", "video MPV"),
        ("m=video 0 RTP/AVP 96", "video 96"),
        (f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {SERIAL}/90000", "video of an unknown encoding"),
        ("m=video 0 RTP/AVP", "video ?"),
        (f"m=application 0 RTP/AVP {SERIAL}", "private media"),
    ],
)
def test_an_offer_that_is_of_no_use(section: str, words: str) -> None:
    (media,) = parse_sdp(f"v=0\r\n{section}\r\n".encode()).media
    assert offer_word(media) == words


@given(st.text(st.characters(exclude_characters="\r\n"), max_size=40), st.text(max_size=40))
def test_no_camera_chooses_a_word(kind: str, encoding: str) -> None:
    text = f"v=0\r\n{VIDEO}m={kind} 0 RTP/AVP 97 {encoding}\r\na=rtpmap:97 {encoding}/90000\r\n"
    for media in parse_sdp(text.encode("utf-8", "surrogatepass")[:60_000]).media:
        assert media_word(media) in KNOWN_WORDS
