"""Every problem that there is stands in one group."""

import pytest

from transcoder.verify.findings import OTHERS, group


@pytest.mark.parametrize(
    ("title", "problems"),
    [
        ("canaries", ["canary front realm (raw) in RTSP messages"]),
        ("marks of vendors", ["mark IMKH in an RTSP message", "video: mark HK in an RTP header extension"]),
        (
            "words in RTSP and SDP that are not ours",
            [
                "RTSP header that is not ours: Server: x: y",
                "SDP line that is not ours: a=x",
                "the SDP offers other media than one video, or one video and one audio: none",
                "fmtp parameter that is not ours: DecoderTag=h3c",
                "sprop-vps is no base64",
                "a request of the server: ANNOUNCE * RTSP/1.0",
            ],
        ),
        (
            "SEI, parameter sets and other NAL units",
            [
                "NAL units of type 6 SEI",
                "a NAL unit of another layer",
                "byte stream: no SPS in it, so its codec can't be told",
            ],
        ),
        (
            "packets, their headers and RTCP",
            ["UDP 1.2.3.4:5 to 6.7.8.9:10: RTCP APP", "frames on channel 9, which was not set up"],
        ),
        (OTHERS, ["no picture was read", "further problems, each another"]),
    ],
)
def test_each_problem_is_of_its_group(title: str, problems: list[str]) -> None:
    (found,) = group(dict.fromkeys(problems, 3))
    assert (found.title, found.count, len(found.problems)) == (title, 3 * len(problems), len(problems))


def test_the_most_frequent_stand_first() -> None:
    (found,) = group({"NAL units of type 6 SEI": 2, "a NAL unit of another layer": 5})
    assert [count for _, count in found.problems] == [5, 2]
