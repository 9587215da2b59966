"""Slow, silent and full cameras: what a client of theirs sees."""

import pytest

from tests.lab.cameras.defects.test_session import TCP, Talk
from tests.lab.cameras.test_server import camera_of
from transcoder.lab.cameras.defects.patience import PatienceDefects


def test_a_full_table_empties_by_itself(contents) -> None:
    talk = Talk(contents, "full_table_s=20")
    assert [talk.ask("OPTIONS", now=now).status for now in (5.0, 15.0, 24.9, 25.0)] == [403, 403, 403, 200]


def test_a_dead_channel_answers_options_alone(contents) -> None:
    talk = Talk(contents, "unanswered=DESCRIBE")
    assert talk.ask("OPTIONS").status == 200
    assert talk.send("DESCRIBE") is None


def test_the_setup_of_the_sound_is_never_answered(contents) -> None:
    talk = Talk(contents, "unanswered=audio", "audio=true")
    [sound] = [track for track in talk.dialog.camera.tracks if track.kind == "audio"]
    assert talk.ask("SETUP", Transport=TCP).status == 200
    assert talk.send("SETUP", f"{talk.uri}/{sound.control}", Transport=TCP) is None
    assert talk.ask("PLAY").status == 200


@pytest.mark.parametrize(("plays", "quiet_s"), [(0, float("inf")), (1, 8.0), (7, 8.0)])
def test_how_long_it_says_nothing(plays: int, quiet_s: float) -> None:
    assert PatienceDefects(silent_connections=1, first_packet_s=8.0).quiet_s(plays) == quiet_s


async def test_a_late_answer_and_a_late_first_packet(contents, client_class) -> None:
    async with camera_of(contents, "longse", "describe_s=0.3", "first_packet_s=0.4") as camera:
        client = await client_class(camera.url).connect()
        await client.play([0])
        assert not await client.packets(0.2)
        assert await client.packets(0.5)
        client.close()
    async with camera_of(contents, "longse", "silent_connections=1") as camera:
        for expected in (False, True):
            client = await client_class(camera.url).connect()
            await client.play([0])
            assert bool(await client.packets(0.3)) == expected
            client.close()
