"""Audio in a worker: messages in, messages out."""

import itertools
import json
from dataclasses import replace

import pytest

from tests.support.pipeline_run import messages_of
from transcoder.codecs.audio_codec import AudioCodec
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


@pytest.mark.parametrize("codec", [AudioCodec.PCMA, AudioCodec.PCMU])
def test_g711_is_made_where_it_is_asked_for(codec: AudioCodec) -> None:
    sound = Sound()
    list(sound.use_format(G711))
    messages = list(sound.use_format(replace(G711, served=codec)))  # the configuration changed
    [(body, _)] = messages_of(messages, MessageType.AUDIO_OUTPUT)
    assert json.loads(bytes(body)) == {"codec": codec.value, "rate": 8000, "config": ""}
    coded = []
    for index in range(50):
        coded += messages_of(sound.unit(1800 * index, bytes([0xFF]) * 160), MessageType.AUDIO_CODED)
    units = [parse_audio(body) for body, _ in coded]
    assert {data for _, data in units} == {{AudioCodec.PCMA: b"\xd5", AudioCodec.PCMU: b"\xff"}[codec] * 160}
    assert [pts for pts, _ in units] == [1800 * index for index in range(len(units))]
    assert len(units) > 45


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
