"""A camera that writes its serial number wherever it may choose a word: no page that outlives the session shows it.

The control of each attack is the probe, or the ledger where the operator asked for examples: there the word is seen.
"""

from typing import Any

import pytest

from tests.support.session_transcript import IDR, VIDEO_SDP, Transcript, rtp
from transcoder.api.metrics import bounded
from transcoder.control.stream_documents import MAX_TEXT, StreamDocuments
from transcoder.errors import ResponseError, SdpSyntaxError, TranscoderError
from transcoder.source.events import Lost

SERIAL = "UNITSERIAL0042"
MEDIA = (
    f"m=metadata 0 RTP/AVP 100\r\na=rtpmap:100 {SERIAL}/90000\r\nm=meta 0 RTP/AVP 101\r\n"
    f"m=vzinfo{SERIAL} 0 RTP/AVP 102\r\nm=application/TP-LINK 0 RTP/AVP smart/1/90000/{SERIAL}\r\n"
    f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {SERIAL}/8000\r\na={SERIAL}:{SERIAL}\r\n"
)


def error_of(transcript: Transcript) -> TranscoderError:
    [lost] = [event for event in transcript.connect() if isinstance(event, Lost)]
    return lost.error


def pages(transcript: Transcript, *, examples: bool) -> str:
    """What HTTP and MQTT tell of the ledger, and what becomes of it in the metrics."""
    entries = StreamDocuments(examples=examples).ledger(transcript.ledger)
    return " ".join(entry.model_dump_json() for entry in entries) + repr(bounded(entries))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_names_of_media(transport: str) -> None:
    transcript = Transcript(sdp=VIDEO_SDP + MEDIA, transport=transport)
    transcript.connect()
    told = pages(transcript, examples=False)
    assert SERIAL.lower() not in told.lower()
    assert SERIAL.encode().hex() not in told
    assert transcript.counted() == {
        "rtsp_media metadata media": 2,
        "rtsp_media private media": 2,
        "rtsp_media audio": 1,
    }
    assert f"smart/1/90000/{SERIAL}" in pages(transcript, examples=True)


def test_a_name_that_is_shown_is_escaped_and_cut() -> None:
    transcript = Transcript(sdp=VIDEO_SDP + f"m=x\x1b[31m\u202e{'N' * 500} 0 RTP/AVP 99\r\n")
    transcript.connect()
    (entry,) = StreamDocuments(examples=True).ledger(transcript.ledger)
    assert entry.kind == "private media"
    assert entry.name is not None
    assert entry.name.startswith("x?[31m?nnn")
    assert len(entry.name) <= MAX_TEXT


@pytest.mark.parametrize("status", [401, 403, 404, 453, 461, 499, 503, 599])
@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
def test_reason_phrases(method: str, status: int) -> None:
    error = error_of(Transcript(answers={method: f"{status} {SERIAL}"}))
    assert isinstance(error, ResponseError)
    assert str(error).startswith(f"{method} was answered {status} ")
    assert SERIAL not in str(error)
    assert error.own_words == SERIAL


def test_a_description_with_nothing_to_play() -> None:
    text = VIDEO_SDP.replace("H264", SERIAL) + MEDIA
    error = error_of(Transcript(sdp=text))
    assert isinstance(error, SdpSyntaxError)
    assert SERIAL not in str(error)
    assert "it offers video of an unknown encoding, metadata media" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        f"{SERIAL} OK",
        f"302 Moved|Location: rtsp://{SERIAL}/live",
        f"302 Moved|Location: {SERIAL}",
        f"200 OK|Content-Length: {SERIAL}",
        f"200 OK|Transport: RTP/{SERIAL}/TCP;unicast;interleaved={SERIAL}|Session: {SERIAL}",
    ],
)
@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP"])
def test_answers_that_can_not_be_read(method: str, answer: str) -> None:
    transcript = Transcript(answers={method: answer})
    errors = [str(event.error) for event in transcript.connect() if isinstance(event, Lost)]
    assert not any(SERIAL.lower() in text.lower() for text in errors)
    assert SERIAL.lower() not in repr(transcript.session.faults).lower()


def test_a_multicast_group_with_a_zone() -> None:
    """An IPv6 zone is any text, and Python's addresses take it."""
    transcript = Transcript(
        transport="multicast",
        transports=[f"RTP/AVP;multicast;destination=ff02::1%{SERIAL};port=5004-5005"],
    )
    assert not any(SERIAL in str(event.error) for event in transcript.connect() if isinstance(event, Lost))


def extended(profile: int) -> bytes:
    """A packet with a header extension of one word (RFC 3550 section 5.3.1)."""
    packet = rtp(1, 9000, b"")
    return bytes([packet[0] | 0x10]) + packet[1:] + profile.to_bytes(2) + b"\x00\x01" + SERIAL[:4].encode() + IDR


def test_profiles_of_header_extensions() -> None:
    """Two bytes in each packet are enough for a serial number."""
    transcript = Transcript()
    transcript.connect()
    for first, second in zip(SERIAL[::2].encode(), SERIAL[1::2].encode(), strict=True):
        transcript.feed(b"$\x00" + len(extended(0)).to_bytes(2) + extended(first << 8 | second))
    transcript.feed(b"$\x00" + len(extended(0)).to_bytes(2) + extended(0xABAC))
    found = transcript.counted()
    assert found["rtp_extension private profile"] == len(SERIAL) // 2
    assert found["rtp_extension 0xabac"] == 1
    told: Any = pages(transcript, examples=False)
    assert SERIAL[:2].encode().hex() not in told


def test_payload_types_that_were_not_negotiated() -> None:
    transcript = Transcript()
    transcript.connect()
    data = rtp(1, 0, SERIAL.encode(), payload_type=112)
    transcript.feed(b"$\x00" + len(data).to_bytes(2) + data)
    assert transcript.counted() == {"rtp_payload_type private payload type 112": 1}
    assert SERIAL.encode().hex() not in pages(transcript, examples=False)
    assert SERIAL.encode().hex() in pages(transcript, examples=True)
