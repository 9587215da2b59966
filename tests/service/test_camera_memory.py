"""What is remembered of cameras over a restart: bounded, a secret, and harmless where it is damaged."""

import pytest

from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import parse_url
from transcoder.service import camera_memory
from transcoder.service.camera_memory import CameraMemory, camera_key
from transcoder.source.options import SessionOptions
from transcoder.source.reconnection import Learned

UDP = Learned(transport="udp", logged_in=True)


def options(url: str = "rtsp://192.0.2.7/secret-path", user: str = "admin", login: str = "s3cret") -> SessionOptions:
    return SessionOptions(url=parse_url(url), credentials=Credentials(username=user, password=login), transport="auto")


def test_what_was_learned_comes_back_after_a_restart() -> None:
    memory = CameraMemory()
    memory.note(options(), UDP)
    assert memory.has_changed
    kept = memory.changes()
    assert not memory.has_changed
    after = CameraMemory()
    after.load(kept)
    assert after.recall(options()) == UDP
    assert not after.has_changed
    assert after.recall(options(user="viewer")) == Learned()
    assert after.recall(options(url="rtsp://192.0.2.7/other")) == Learned()


def test_the_memory_names_no_camera_and_no_login() -> None:
    key = camera_key(options())
    assert not any(word in key for word in ("192", "secret", "admin"))
    assert key == camera_key(options(login="another"))  # nobody can try passwords against it


@pytest.mark.parametrize(
    "kept", [{"k": None}, {"k": {}}, {"k": {"transport": "pigeon", "logged_in": True}}, {"k": {"transport": 1}}]
)
def test_damage_costs_only_itself(kept: dict[str, object]) -> None:
    memory = CameraMemory()
    memory.load({**kept, camera_key(options()): {"transport": "udp", "logged_in": True}})
    assert memory.recall(options()) == UDP
    assert len(memory.changes()) == 1


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_memory, "MAX_CAMERAS", 10)
    memory = CameraMemory()
    for number in range(25):
        memory.note(options(url=f"rtsp://192.0.2.7/{number}"), UDP)
    assert len(memory.changes()) == 10
    assert memory.recall(options(url="rtsp://192.0.2.7/24")) == UDP
    assert memory.recall(options(url="rtsp://192.0.2.7/0")) == Learned()
