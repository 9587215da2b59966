"""This module makes the media beside the video: ONVIF metadata documents and G.711 audio."""

import random

from transcoder.lab.cameras.canary import CanaryMint

AUDIO_CLOCK_RATE = 8000
AUDIO_PACKET_SAMPLES = 320
"""Samples in an audio packet: 40 ms, one byte a sample."""
AUDIO_LOOP_PACKETS = 25

_DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" \
xmlns:tns1="http://www.onvif.org/ver10/topics"><tt:VideoAnalytics><tt:Frame UtcTime="2019-03-04T05:06:07.120Z" \
Source="{source}"><tt:Object ObjectId="{number}"><tt:Appearance><tt:Shape><tt:BoundingBox left="-0.31" top="0.52" \
right="-0.12" bottom="-0.44"/><tt:CenterOfGravity x="-0.21" y="0.03"/></tt:Shape></tt:Appearance></tt:Object>\
</tt:Frame></tt:VideoAnalytics><tt:Event><wsnt:NotificationMessage><wsnt:Topic>tns1:RuleEngine/CellMotionDetector/Motion\
</wsnt:Topic><wsnt:Message><tt:Message PropertyOperation="Changed"><tt:Source><tt:SimpleItem Name="Rule" \
Value="{rule}"/></tt:Source><tt:Data><tt:SimpleItem Name="IsMotion" Value="true"/></tt:Data></tt:Message>\
</wsnt:Message></wsnt:NotificationMessage></tt:Event></tt:MetadataStream>"""


def metadata_payload(mint: CanaryMint) -> bytes:
    """Return an ONVIF metadata document that fits into one packet; the marker ends the document.

    Source: ONVIF Streaming, section 5.1.2.1.1.
    """
    where = "metadata track, XML, raw"
    return _DOCUMENT.format(
        source=mint.text("metadata_source", where),
        number=mint.digits("metadata_object", where),
        rule=mint.text("metadata_rule", where),
    ).encode()


def audio_payloads(mint: CanaryMint, payload_type: int) -> list[bytes]:
    """Return one second of quiet G.711 noise; the first packet carries the canary as samples.

    Args:
        mint: mint of the camera.
        payload_type: 8 for A-law, 0 for u-law.
    """
    canary = mint.text("audio_samples", "audio track, samples, raw").encode()
    noise = random.Random(1)
    # The quietest eight codes of either sign: A-law inverts even bits (G.711), u-law all of them.
    inverted = 0x55 if payload_type == 8 else 0xFF
    table = bytes((noise.choice((0x00, 0x80)) | noise.randrange(8)) ^ inverted for _ in range(256))
    payloads = []
    for index in range(AUDIO_LOOP_PACKETS):
        samples = bytes(noise.randrange(256) for _ in range(AUDIO_PACKET_SAMPLES)).translate(table)
        payloads.append(canary + samples[len(canary) :] if index == 0 else samples)
    return payloads
