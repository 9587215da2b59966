"""The codecs of served sound: their frames by G.711, RFC 3551 and FFmpeg's decoders."""

from typing import Any

import av
import numpy as np
import pytest

from transcoder.codecs.audio_codec import AudioCodec, samples_at

DECODERS = {AudioCodec.AAC: "aac", AudioCodec.PCMA: "pcm_alaw", AudioCodec.PCMU: "pcm_mulaw"}


@pytest.mark.parametrize("codec", AudioCodec)
def test_silence_is_silence_to_a_decoder_and_a_frame_of_ours(codec: AudioCodec) -> None:
    decoder: Any = av.CodecContext.create(DECODERS[codec], "r")
    decoder.sample_rate, decoder.layout = codec.rate(8000), "mono"
    if codec is AudioCodec.AAC:
        decoder.extradata = bytes.fromhex("1408")  # AAC-LC, 16 kHz, one channel
    packets = [av.Packet(codec.silent_frame) for _ in range(3)]
    heard = np.concatenate([frame.to_ndarray()[0] for packet in packets for frame in decoder.decode(packet)])
    assert len(heard) == 3 * codec.frame_samples
    assert np.abs(heard).max() <= (0 if codec is not AudioCodec.PCMA else 8), "the A-law has no zero, but 8 of 32768"
    assert codec.allows(codec.silent_frame)


@pytest.mark.parametrize(
    ("codec", "size", "allowed"),
    [(AudioCodec.PCMA, 160, True), (AudioCodec.PCMU, 159, False), (AudioCodec.PCMA, 320, False),
     (AudioCodec.AAC, 1, True), (AudioCodec.AAC, 6144 // 8, True), (AudioCodec.AAC, 769, False),
     (AudioCodec.AAC, 0, False)],
)  # fmt: skip
def test_a_frame_has_a_size_that_the_encoder_makes(codec: AudioCodec, size: int, *, allowed: bool) -> None:
    assert codec.allows(bytes(size)) is allowed


@pytest.mark.parametrize("codec", AudioCodec)
@pytest.mark.parametrize("clock_rate", [8000, 16_000, 22_050, 48_000, 96_000])
def test_the_rate_tells_the_samples_of_a_frame(codec: AudioCodec, clock_rate: int) -> None:
    assert samples_at(codec.rate(clock_rate)) == codec.frame_samples
