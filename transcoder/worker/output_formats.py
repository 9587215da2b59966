"""The format of a slate is chosen here, and the aspect of samples; formats are reported to the service."""

from fractions import Fraction
from typing import Final

from transcoder.ipc.messages import MessageType, serialize_json
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.geometry import sane_aspect
from transcoder.worker.frame_rate import DEFAULT_FRAME_RATE
from transcoder.worker_options import OutputFormat, WorkerOptions

SLATE_SIZE: Final = (1280, 720)
"""(width, height) of the slate, the grey picture that stands in for a camera that never sent one, where no size is
configured."""


def slate_format(options: WorkerOptions, number: int) -> OutputFormat:
    """Return the format of an output's slate, as long as no picture of the camera tells one.

    Args:
        options: the settings of the stream.
        number: the number of the output.
    """
    output = options.outputs[number]
    if output.recalled is not None:
        return output.recalled
    width, height = output.size or options.slate_size or SLATE_SIZE
    return OutputFormat(width=width, height=height, frame_rate=output.fps or DEFAULT_FRAME_RATE)


def aspect_of(picture: DecodedPicture, options: WorkerOptions) -> Fraction:
    """Return the aspect of a picture's samples: the operator's, or else the stream's.

    Args:
        picture: the decoded picture.
        options: the settings of the stream.
    """
    if options.display_aspect is not None:
        return sane_aspect(Fraction(*options.display_aspect) * picture.height / picture.width)
    return picture.aspect


def format_message(number: int, output: OutputFormat, *, slate: bool) -> bytes:
    """Return the message that tells the service of an output's format.

    Args:
        number: the number of the output.
        output: the format.
        slate: whether it is a slate's, which is given up for the camera's.
    """
    described = {
        "width": output.width, "height": output.height, "frame_rate": output.frame_rate, "matrix": output.matrix,
    }  # fmt: skip
    report = {"output_number": number, "output": described, "slate": slate}
    return serialize_json(MessageType.FORMAT, report)
