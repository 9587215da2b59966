"""This module says which media a camera offers, by its switches."""

import random

from transcoder.lab.cameras import side_media
from transcoder.lab.cameras.access_units import CLOCK_RATE
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.track import Track


def offered_tracks(behaviour: CameraBehaviour, controls: dict[str, str], rng: random.Random) -> list[Track]:
    """Return the media of a camera, video first; a track's index is its place in this list and in the SDP.

    Args:
        behaviour: the switches that say which media the camera offers.
        controls: control names by kind.
        rng: source of the random numbers that RFC 3550 section 5.1 wants.
    """
    sent = behaviour.numbering.sent_payload_type or behaviour.video_payload_type
    offered = [
        ("video", True, sent, behaviour.timing.video_clock_rate),
        ("audio", behaviour.audio, behaviour.audio_payload_type, side_media.AUDIO_CLOCK_RATE),
        ("metadata", behaviour.metadata, 107, CLOCK_RATE),
        ("backchannel", behaviour.backchannel, 8, side_media.AUDIO_CLOCK_RATE),
    ]
    tracks: list[Track] = []
    for kind, wanted, payload_type, clock_rate in offered:
        if wanted:
            tracks.append(
                Track(
                    index=len(tracks),
                    kind=kind,
                    control=controls[kind],
                    payload_type=payload_type,
                    clock_rate=clock_rate,
                    ssrc=rng.getrandbits(32),
                    sequence_number=rng.getrandbits(16),
                    timestamp_base=rng.getrandbits(32),
                )
            )
    return tracks
