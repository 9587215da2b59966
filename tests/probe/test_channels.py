"""The search for a device's streams asks for the paths of its maker, and ends."""

import pytest

from transcoder.probe.channels import MAX_ASKED, ChannelSearch, place_of


def search(maker: str, target: str, offered: set[str]) -> tuple[list[str], list[tuple[int, str]]]:
    """Search a device that describes some paths and refuses all others.

    Returns:
        All paths that were asked for, and (channel, stream) of those that the device offers.
    """
    core = ChannelSearch(maker, target)
    asked: list[str] = []
    found: list[tuple[int, str]] = []
    while (place := core.next_place()) is not None:
        asked.append(place.target)
        if core.note(is_described=place.target in offered):
            found.append((place.channel, place.stream))
    return asked, found


@pytest.mark.parametrize(
    ("maker", "target", "place"),
    [
        ("Hikvision", "/Streaming/Channels/101", (1, "main")),
        ("Hikvision", "/Streaming/channels/1602?transportmode=unicast", (16, "sub")),
        ("Dahua", "/cam/realmonitor?channel=4&subtype=1&unicast=true&proto=Onvif", (4, "sub")),
        ("Reolink", "/h264Preview_02_sub", (2, "sub")),
        ("Axis", "/axis-media/media.amp?resolution=640x360", (1, "main")),
    ],
)
def test_a_path_tells_channel_and_stream(maker: str, target: str, place: tuple[int, str]) -> None:
    found = place_of(maker, target)
    assert found is not None
    assert (found.channel, found.stream) == place


@pytest.mark.parametrize(
    ("maker", "target"),
    [
        ("Hikvision", "/h264/ch1/main/av_stream"),
        ("Hikvision", "/Streaming/Channels/101/x"),
        ("Nobody", "/live"),
        ("", ""),
    ],
)
def test_a_path_that_is_in_no_row_tells_nothing(maker: str, target: str) -> None:
    assert place_of(maker, target) is None


def test_a_camera_is_asked_for_its_smaller_streams() -> None:
    offered = {"/Streaming/Channels/101", "/Streaming/Channels/102"}
    asked, found = search("Hikvision", "/Streaming/Channels/101", offered)
    assert found == [(1, "sub")]
    # the third stream, a channel that nobody has, and two channels that are not there
    assert asked == [f"/Streaming/Channels/{number}" for number in (102, 103, 9901, 201, 301)]


def test_a_recorder_has_its_channels_listed_over_one_that_is_not_connected() -> None:
    channels = (1, 2, 4)
    offered = {f"/Streaming/Channels/{channel}0{stream}" for channel in channels for stream in (1, 2)}
    _, found = search("Hikvision", "/Streaming/Channels/201", offered)
    assert sorted(found) == [(1, "main"), (1, "sub"), (2, "sub"), (4, "main"), (4, "sub")]


def test_a_device_that_describes_whatever_it_is_asked_for_has_one_channel() -> None:
    everything = {f"/cam/realmonitor?channel={channel}&subtype={stream}" for channel in range(100) for stream in (0, 1)}
    asked, found = search("Dahua", "/cam/realmonitor?channel=1&subtype=0", everything)
    assert found == [(1, "sub")]
    assert len(asked) == 3


def test_a_large_recorder_is_asked_for_so_many_paths_and_no_more() -> None:
    offered = {f"/Streaming/Channels/{channel}0{stream}" for channel in range(1, 65) for stream in (1, 2)}
    asked, _ = search("Hikvision", "/Streaming/Channels/101", offered)
    assert len(asked) == MAX_ASKED == len(set(asked))


@pytest.mark.parametrize(("maker", "target"), [("", "/live"), ("Nobody", "/live"), ("Axis", "/axis-media/media.amp")])
def test_a_device_of_which_no_other_path_is_known_is_asked_nothing(maker: str, target: str) -> None:
    assert search(maker, target, set()) == ([], [])
