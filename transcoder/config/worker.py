"""This section describes the processes that decode and encode."""

from transcoder.config.section import Section


class WorkerConfig(Section):
    """`worker` describes the processes that decode the cameras' pictures and encode ours."""

    split: bool = False
    """Whether each stream has two processes: one reads the camera's bytes and yields nothing but pictures, the other
    one encodes and never sees a byte of the camera. `false`: one process does both. Applied when the gateway starts."""
