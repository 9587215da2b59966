"""Audio in a worker: messages in, messages out."""

import itertools
import json

import pytest

from tests.support.pipeline_run import messages_of
from transcoder.errors import MediaError
from transcoder.ipc.messages import MessageType, parse_audio
from transcoder.worker import sound as sound_module
from transcoder.worker.sound import Sound
from transcoder.worker_options import AudioFormat

G711 = AudioFormat(encoding="PCMU", clock_rate=8000)


def test_a_format_is_answered_once() -> None:
    sound = Sound()
    messages = list(sound.use_format(G711))
    [(body, _)] = messages_of(messages, MessageType.AUDIO_OUTPUT)
    report = json.loads(bytes(body))
    assert report["rate"] == 16_000
    # ISO/IEC 14496-3 1.6.2.1: AAC LC (2), 16 kHz (8), one channel
    assert report["config"].startswith("1408")
    assert list(sound.use_format(G711)) == []


def test_units_before_a_format_are_nothing() -> None:
    assert list(Sound().unit(0, bytes(160))) == []


def test_units_come_out_with_their_times() -> None:
    sound = Sound()
    list(sound.use_format(G711))
    coded = []
    for index in range(50):
        coded += messages_of(sound.unit(1800 * index, bytes([0xFF]) * 160), MessageType.AUDIO_CODED)
    times = [parse_audio(body)[0] for body, _ in coded]
    # 1024 samples at 16 kHz are 5760 ticks
    assert len(times) >= 12
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {5760}
    assert sound.counters == {"audio_out": len(times)}
    assert sound.errors == {}


def test_audio_that_can_not_be_made_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: AudioFormat) -> None:
        raise MediaError("no such encoder")

    sound = Sound()
    list(sound.use_format(G711))
    monkeypatch.setattr(sound_module, "AudioTranscoder", refuse)
    [(body, _)] = messages_of(sound.use_format(AudioFormat(encoding="PCMA", clock_rate=8000)), MessageType.FAILED)
    assert json.loads(bytes(body)) == {"reason": "audio is left out: no such encoder", "fatal": False}
    assert list(sound.unit(0, bytes(160))) == []
    assert sound.counters == {"audio_refused": 1}
