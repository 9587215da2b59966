"""Session descriptions: every peculiarity of the case table, the recorded ones, and bytes that no camera would send."""

import contextlib
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.codecs.nal import Codec, nal_unit_type
from transcoder.errors import SdpSyntaxError
from transcoder.formats import h265
from transcoder.formats.depacketizer import DecodingOrder
from transcoder.sdp import (
    parse_sdp,
    select_audio,
    select_video,
)

DATA = Path(__file__).parents[1] / "data"
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
    known = [bytes.fromhex(unit) for unit in TABLE[case["codec"]]] if case["sets"] else []
    expected = [known[index] for index in case["sets"]] if isinstance(case["sets"], list) else known
    assert list(selected.parameter_sets) == expected


@pytest.mark.parametrize(
    ("encoding", "parameters", "expected"),
    [
        ("H264", "packetization-mode=1;sprop-interleaving-depth=4", None),
        ("H264", "sprop-parameter-sets=Z00=", None),
        (
            "H264",
            "packetization-mode=2;sprop-interleaving-depth=4;sprop-deint-buf-req=90000;sprop-max-don-diff=9",
            DecodingOrder(depth=4, max_don_diff=9, buffer_size=90_000),
        ),
        ("H264", "packetization-mode=2; sprop-interleaving-depth=-1", DecodingOrder()),
        ("H265", "sprop-max-don-diff=0;sprop-depack-buf-nalus=4", None),
        (
            "H265",
            "sprop-max-don-diff=3;sprop-depack-buf-nalus=4;sprop-depack-buf-bytes=5000",
            DecodingOrder(depth=4, max_don_diff=3, buffer_size=5000),
        ),
        ("H265", "sprop-max-don-diff=99999999999", None),
    ],
)
def test_decoding_order(encoding: str, parameters: str, expected: DecodingOrder | None) -> None:
    # RFC 6184 section 8.1; RFC 7798 sections 4.4.1 and 7.1: DONL is there where sprop-max-don-diff is over 0
    body = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {encoding}/90000\r\na=fmtp:96 {parameters}\r\n"
    assert select_video(parse_sdp(body.encode())).decoding_order == expected


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
    found = []
    for unit in selected.parameter_sets:
        assert isinstance(selected.codec, Codec)
        found.append(f"{nal_unit_type(selected.codec, unit)}:{len(unit)}")
    assert found == ([] if sets == "-" else sets.split())


def test_every_recorded_description_is_in_the_table(vectors: Path) -> None:
    files = {str(path.relative_to(vectors)) for path in vectors.glob("*/*.sdp")}
    assert files <= {row[0] for row in RECORDED}


def test_recorded_fmtp_of_tenda(vectors: Path) -> None:
    line = (vectors / "tenda_cp3pro/hevc_fmtp.txt").read_text().splitlines()[0]
    parameters = dict(item.split("=", 1) for item in line.split(";"))
    assert [unit[0] >> 1 for unit in h265.FORMAT.from_fmtp(parameters).parameter_sets] == [32, 33, 34]


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


def test_a_message_shows_no_control_characters_and_ends() -> None:
    body = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 \x1b[31m\x07" + "X" * 5000 + "/90000\r\n"
    with pytest.raises(SdpSyntaxError) as caught:
        select_video(parse_sdp(body.encode()))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def select_or_refuse(data: bytes) -> None:
    with contextlib.suppress(SdpSyntaxError):
        select_video(parse_sdp(data))


@examples(150)
@given(st.binary(max_size=600))
def test_any_bytes_end_in_a_description_or_a_documented_error(data: bytes) -> None:
    select_or_refuse(data)


@examples(200)
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


def test_sound_of_more_channels_than_two_is_passed_over() -> None:
    """Samples of six channels that were taken for those of one played at a sixth of their speed."""
    lines = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 97 98\r\n"
    description = parse_sdp(lines + b"a=rtpmap:97 L16/48000/6\r\na=rtpmap:98 L16/16000/2\r\n")
    audio = select_audio(description, select_video(description))
    assert audio is not None
    assert (audio.payload_types, audio.clock_rate, audio.channels) == (frozenset({98}), 16_000, 2)
