"""Session descriptions: every peculiarity of the case table, the recorded ones, and bytes that no camera would send."""

import base64
import contextlib
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcoder.codecs.nal import Codec, nal_unit_type
from transcoder.errors import LimitExceeded, SdpSyntaxError
from transcoder.sdp import (
    MAX_MEDIA,
    MAX_SDP_SIZE,
    Interleaving,
    ServedVideo,
    parameter_sets,
    parse_sdp,
    select_audio,
    select_video,
    serialize_served,
)

DATA = Path(__file__).parent / "data"
TABLE = tomllib.loads((DATA / "sdp.toml").read_text(encoding="utf-8"))
CASES = TABLE["case"]
RECORDED = [
    line.split("\t")
    for line in (DATA / "vectors_sdp.tsv").read_text().splitlines()
    if line and not line.startswith("#")
]
ENDS = {"CRLF": "\r\n", "LF": "\n", "CR": "\r"}


def wire(case: dict) -> bytes:
    end = ENDS[case.get("line_end", "CRLF")]
    body = case["body"].replace("\n", end)
    return (body + end if case.get("final", True) else body).encode()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_peculiarity(case: dict) -> None:
    if not case["media"]:
        with pytest.raises(SdpSyntaxError, match=case["error"]):
            parse_sdp(wire(case))
        return
    description = parse_sdp(wire(case))
    assert [media.kind for media in description.media] == case["media"]
    if "error" in case:
        with pytest.raises(SdpSyntaxError, match=case["error"]):
            select_video(description)
        return
    selected = select_video(description)
    assert selected.media.kind == "video"
    assert description.media[selected.index] is selected.media
    assert selected.codec.value == case["codec"]
    assert sorted(selected.payload_types) == case["payload_types"]
    assert selected.clock_rate == 90_000
    assert (selected.media.control or "") == case["control"]
    expected = [bytes.fromhex(unit) for unit in TABLE[case["codec"]]] if case["sets"] else []
    assert list(selected.parameter_sets) == expected


@pytest.mark.parametrize(
    ("encoding", "parameters", "expected"),
    [
        ("H264", "packetization-mode=1;sprop-interleaving-depth=4", None),
        ("H264", "sprop-parameter-sets=Z00=", None),
        (
            "H264",
            "packetization-mode=2;sprop-interleaving-depth=4;sprop-deint-buf-req=90000;sprop-max-don-diff=9",
            Interleaving(depth=4, max_don_diff=9, buffer_size=90_000),
        ),
        ("H264", "packetization-mode=2; sprop-interleaving-depth=-1", Interleaving()),
        ("H265", "sprop-max-don-diff=0;sprop-depack-buf-nalus=4", None),
        (
            "H265",
            "sprop-max-don-diff=3;sprop-depack-buf-nalus=4;sprop-depack-buf-bytes=5000",
            Interleaving(depth=4, max_don_diff=3, buffer_size=5000),
        ),
        ("H265", "sprop-max-don-diff=99999999999", None),
    ],
)
def test_interleaving(encoding: str, parameters: str, expected: Interleaving | None) -> None:
    # RFC 6184 section 8.1; RFC 7798 sections 4.4.1 and 7.1: DONL is there where sprop-max-don-diff is over 0
    body = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {encoding}/90000\r\na=fmtp:96 {parameters}\r\n"
    assert select_video(parse_sdp(body.encode())).interleaving == expected


@pytest.mark.parametrize("row", RECORDED, ids=[row[0] for row in RECORDED])
def test_recorded_description(row: list[str], vectors: Path) -> None:
    name, codec, payload_types, index, control, sets, kinds = row
    data = (vectors / name).read_bytes()
    body = data.partition(b"\r\n\r\n")[2] if data.startswith(b"RTSP/") else data
    if kinds == "-":
        with pytest.raises(SdpSyntaxError):
            parse_sdp(body)
        return
    description = parse_sdp(body)
    assert [media.kind for media in description.media] == [kind.lower() for kind in kinds.split()]
    if codec == "none":
        with pytest.raises(SdpSyntaxError):
            select_video(description)
        return
    selected = select_video(description)
    assert selected.codec.value == codec
    assert selected.payload_types == {int(number) for number in payload_types.split(",")}
    assert selected.index == int(index)
    assert (selected.media.control or "").endswith("" if control == "-" else control)
    found = [f"{nal_unit_type(selected.codec, unit)}:{len(unit)}" for unit in selected.parameter_sets]
    assert found == ([] if sets == "-" else sets.split())


def test_every_recorded_description_is_in_the_table(vectors: Path) -> None:
    files = {str(path.relative_to(vectors)) for path in vectors.glob("*/*.sdp")}
    assert files <= {row[0] for row in RECORDED}


def test_recorded_fmtp_of_tenda(vectors: Path) -> None:
    line = (vectors / "tenda_cp3pro/hevc_fmtp.txt").read_text().splitlines()[0]
    parameters = dict(item.split("=", 1) for item in line.split(";"))
    assert [unit[0] >> 1 for unit in parameter_sets(Codec.H265, parameters)] == [32, 33, 34]


def test_attributes_and_lines_are_kept_for_fingerprints() -> None:
    body = (
        b"v=0\r\ns=Media\r\na=tool:x\r\nm=video 0 RTP/AVP 96\r\na=Media_header:MEDIAINFO=4949;\r\na=appversion:1.0\r\n"
    )
    description = parse_sdp(body)
    assert description.lines == (("v", "0"), ("s", "Media"))
    assert description.attributes == (("tool", "x"),)
    assert dict(description.media[0].attributes) == {"Media_header": "MEDIAINFO=4949;", "appversion": "1.0"}


def test_unreadable_lines_are_counted() -> None:
    assert parse_sdp(b"hello\r\nm=video 0 RTP/AVP 96\r\n??\r\nm=x\r\n").skipped == 3


def test_static_payload_types_need_no_rtpmap() -> None:  # RFC 3551 tables 4 and 5
    description = parse_sdp(b"m=audio 0 RTP/AVP 0 3 8 10 11 14\r\nm=video 0 RTP/AVP 26 32 33\r\n")
    audio, video = ([(item.encoding, item.clock_rate) for item in media.formats] for media in description.media)
    assert audio == [("PCMU", 8000), ("GSM", 8000), ("PCMA", 8000), ("L16", 44100), ("L16", 44100), ("MPA", 90000)]
    assert video == [("JPEG", 90000), ("MPV", 90000), ("MP2T", 90000)]


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ("H264", 90_000),  # RFC 6184 section 8.2.1
        ("jpeg", 90_000),
        ("PCMU", 8000),  # RFC 3551 table 4
        ("PCMA/", 8000),
        ("G726-32", 8000),
        ("opus", 48_000),  # RFC 7587 section 4.1
        ("G722", 8000),
        ("L16", 0),
        ("PCMU/16000", 16_000),
    ],
)
def test_rtpmap_without_clock_rate(line: str, rate: int) -> None:
    media = parse_sdp(f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {line}\r\n".encode()).media[0]
    assert [(item.encoding, item.clock_rate) for item in media.formats] == [(line.partition("/")[0].upper(), rate)]


@pytest.mark.parametrize(
    ("encoding", "parameters", "suspected"),
    [
        ("H265", "profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=", Codec.H264),  # EZVIZ C6N
        ("H265", "profile-id=1;sprop-vps=QAEM", None),
        ("H265", "", None),
        ("H264", "profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=", None),
        ("JPEG", "sprop-parameter-sets=", None),
    ],
)
def test_parameters_that_contradict_the_encoding(encoding: str, parameters: str, suspected: Codec | None) -> None:
    body = f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {encoding}/90000\r\na=fmtp:96 {parameters}\r\n"
    selection = select_video(parse_sdp(body.encode()))
    assert (selection.codec.value, selection.suspected) == (encoding, suspected)


@pytest.mark.parametrize(("config", "rate"), [("1588", 8000), ("1190", 48_000), ("1408", 16_000), ("", 8000)])
def test_aac_without_clock_rate_has_that_of_its_configuration(config: str, rate: int) -> None:
    """AudioSpecificConfig, ISO 14496-3 table 1.16: 5 bits object type, 4 bits sampling frequency index, channels."""
    description = parse_sdp(
        b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC\r\n"
        + f"a=fmtp:97 mode=AAC-hbr;config={config}\r\n".encode()
    )
    audio = select_audio(description, select_video(description))
    assert audio is not None
    assert audio.clock_rate == rate


def test_parameters_of_audio_under_the_video() -> None:
    description = parse_sdp(
        b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:97 mode=AAC-hbr;config=1588\r\n"
        b"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/8000\r\n"
    )
    audio = select_audio(description, select_video(description))
    assert audio is not None
    assert audio.config == b"\x15\x88"


@pytest.mark.parametrize(
    ("session", "media", "address"),
    [
        ("IN IP4 224.1.1.1/16", None, "224.1.1.1"),
        ("IN IP4 224.1.1.1/127/3", None, "224.1.1.1"),
        ("IN IP6 ff15::101/3", None, "ff15::101"),
        ("IN IP4 224.1.1.1/16", "IN IP4 239.7.7.7/2", "239.7.7.7"),
        ("IN IP4 224.1.1.1/16", "IN", "224.1.1.1"),  # Uniview cuts lines off
        ("IN", None, ""),
        ("", None, ""),
        ("IN c=IN IP4 0.0.0.0", None, "0.0.0.0"),  # HIK Media Server
        (None, None, ""),
    ],
)
def test_the_address_of_a_media_or_of_the_session(session: str | None, media: str | None, address: str) -> None:
    lines = ["v=0"] if session is None else ["v=0", f"c={session}"]
    lines += ["m=video 5000 RTP/AVP 96", "a=rtpmap:96 H264/90000"]
    lines += [] if media is None else [f"c={media}"]
    assert parse_sdp("\r\n".join(lines).encode()).media[0].connection == address


@pytest.mark.parametrize("number", ["128", "999", "01270000", "9" * 5000, "-1", "٣"])
def test_numbers_that_are_no_payload_type(number: str) -> None:
    media = parse_sdp(f"m=video 0 RTP/AVP {number} 96\r\na=rtpmap:{number} H264/90000\r\n".encode()).media[0]
    assert [item.payload_type for item in media.formats] == [96]


def test_a_message_shows_no_control_characters_and_ends() -> None:
    body = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 \x1b[31m\x07" + "X" * 5000 + "/90000\r\n"
    with pytest.raises(SdpSyntaxError) as caught:
        select_video(parse_sdp(body.encode()))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_limits() -> None:
    line = b"a=x:y\r\n"
    body = b"m=video 0 RTP/AVP 96\r\n"
    assert len(parse_sdp(body * (MAX_MEDIA + 5)).media) == MAX_MEDIA
    padded = body + line * ((MAX_SDP_SIZE - len(body)) // len(line))
    assert parse_sdp(padded).media
    with pytest.raises(LimitExceeded):
        parse_sdp(padded + line * 2)


H264_SETS = tuple(bytes.fromhex(unit) for unit in TABLE["H264"])
H265_SETS = tuple(bytes.fromhex(unit) for unit in TABLE["H265"])


def test_served_description_of_h264() -> None:
    video = ServedVideo(codec=Codec.H264, payload_type=96, parameter_sets=H264_SETS, bitrate_kbps=4000, frame_rate=12.5)
    body = serialize_served(video, session_id=77, address="192.0.2.9")
    sets = ",".join(base64.b64encode(unit).decode() for unit in H264_SETS)
    assert body.decode().split("\r\n") == [
        "v=0",
        "o=- 77 1 IN IP4 192.0.2.9",
        "s= ",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        "m=video 0 RTP/AVP 96",
        "b=AS:4000",
        "a=rtpmap:96 H264/90000",
        # profile-level-id: the three bytes after the header of the SPS (RFC 6184 section 8.1)
        f"a=fmtp:96 packetization-mode=1;profile-level-id=4D401F;sprop-parameter-sets={sets}",
        "a=framerate:12.5",
        "a=control:trackID=0",
        "a=recvonly",
        "",
    ]


def test_served_description_of_h265_over_ipv6() -> None:
    video = ServedVideo(codec=Codec.H265, payload_type=97, parameter_sets=H265_SETS, bitrate_kbps=900)
    lines = serialize_served(video, session_id=1, address="2001:db8::9").decode().split("\r\n")
    assert "o=- 1 1 IN IP6 2001:db8::9" in lines
    assert "c=IN IP6 ::" in lines
    vps, sps, pps = (base64.b64encode(unit).decode() for unit in H265_SETS)
    assert f"a=fmtp:97 sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}" in lines  # RFC 7798 section 7.1
    assert not any(line.startswith("a=framerate") for line in lines)


def select_or_refuse(data: bytes) -> None:
    with contextlib.suppress(SdpSyntaxError):
        select_video(parse_sdp(data))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_end_in_a_description_or_a_documented_error(data: bytes) -> None:
    select_or_refuse(data)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["m=video 0 RTP/AVP 96", "m=", "m=a b c d", "a=rtpmap:96 H264/90000", "a=fmtp:96", "=", "a="]
            ),
            st.text(max_size=40),
            st.from_regex(r"a=(rtpmap|fmtp|control):\d{0,4}[^\n]{0,30}", fullmatch=True),
            st.from_regex(r"m=(video|audio) \d{0,6} RTP/S?AVP [0-9 ]{0,12}", fullmatch=True),
        ),
        max_size=12,
    )
)
def test_any_lines_end_in_a_description_or_a_documented_error(lines: list[str]) -> None:
    select_or_refuse("\r\n".join(lines).encode("utf-8", "surrogatepass"))


M = b"m=video 0 RTP/AVP 96\n"
WORST = {
    "one long rtpmap": lambda size: M + b"a=rtpmap:96 " + b"H" * size,
    "one long blank": lambda size: M + b"a=rtpmap:96" + b" " * size + b"x",
    "letters and blanks": lambda size: M + b"a=rtpmap:96 " + b"x" * (size // 2) + b" " * (size // 2),
    "many parameters": lambda size: M + b"a=rtpmap:96 H264/90000\na=fmtp:96 " + b"a=b;" * (size // 4),
    "many sets": lambda size: (
        M + b"a=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=" + b"AAABZwAAAWgA," * (size // 13)
    ),
    "many formats": lambda size: b"m=video 0 RTP/AVP " + b"96 " * (size // 3),
    "many lines": lambda size: M + b"a=x\n" * (size // 4),
    "many empty lines": lambda size: M + b"\n" * size,
    "many formats and parameters": lambda size: (
        b"m=video 0 RTP/AVP " + b"96 " * (size // 6) + b"\n" + b"a=fmtp:97\n" * (size // 20)
    ),
    "many sections": lambda size: b"m=a 0 b c\n" * (size // 10),
}


@pytest.mark.parametrize("name", WORST)
def test_worst_cases_cost_no_more_than_their_size(name: str, assert_linear: Callable[..., None]) -> None:
    assert_linear(WORST[name], select_or_refuse, 30_000, at_most_s=0.1)
