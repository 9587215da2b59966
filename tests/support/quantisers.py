"""FFmpeg's decoder tells which quantisers a stream of H.264 has (AVVideoEncParams)."""

import struct
from collections.abc import Iterable
from typing import Any

import av
from av.sidedata.sidedata import Type


def quantisers(access_units: Iterable[bytes]) -> list[set[int]]:
    """Return the quantisers of each picture's macroblocks."""
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_type = "NONE"
    context.options = {"export_side_data": "venc_params"}
    frames = [frame for unit in access_units for frame in context.decode(av.Packet(unit))]
    frames += context.decode(None)
    found = []
    for frame in frames:
        side_data: Any = frame.side_data
        data = bytes(side_data[Type.VIDEO_ENC_PARAMS])
        # nb_blocks, blocks_offset, block_size, type, qp; a block: x, y, width, height, delta_qp
        count, offset, size, _, qp = struct.unpack_from("=I4xQQii", data)
        blocks = (struct.unpack_from("=5i", data, offset + number * size) for number in range(count))
        found.append({qp + delta for *_, delta in blocks} or {qp})
    return found
