"""The outputs of one stream are kept here by their names and by their numbers in the worker's options."""

from collections.abc import Iterator, Mapping

from typing_extensions import override

from transcoder import clock
from transcoder.errors import CommandRejected
from transcoder.output.output import Output, OutputOwner, PictureMaker
from transcoder.output.timing import Timing
from transcoder.rtsp.session import EndReason
from transcoder.worker_options import OutputOptions, served_path


class Outputs(Mapping[str, Output]):
    """Holds the outputs of one stream by name.

    Args:
        stream: the stream's name, under which MAIN is served; the others are served one level below it.
        maker: makes the pictures.
        owner: the stream.
        timing: clock, timers and waiting.
    """

    def __init__(self, stream: str, maker: PictureMaker, owner: OutputOwner, timing: Timing) -> None:
        self._stream = stream
        self._maker = maker
        self._owner = owner
        self._timing = timing
        # descriptions of this run are newer than those of an earlier one
        self._session_id = int(clock.wall_clock())
        self._named: dict[str, Output] = {}
        self._numbered: list[Output] = []

    @override
    def __getitem__(self, name: str) -> Output:
        return self._named[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    @override
    def __len__(self) -> int:
        return len(self._named)

    def arrange(self, wanted: Mapping[str, OutputOptions]) -> None:
        """Hold these outputs from now on, in this order; one that stays keeps its readers where its shape stays."""
        before, self._named = self._named, {}
        for number, (name, options) in enumerate(wanted.items()):
            output = before.pop(name, None)
            if output is None:
                path = served_path(self._stream, name)
                output = Output(path, number, options, self._maker, self._owner, self._timing, self._session_id)
            else:
                output.configure(number, options)
            self._named[name] = output
        self._numbered = list(self._named.values())
        for output in before.values():
            output.stop()
            self._owner.end_readers(output.path, EndReason.STREAM_GONE)

    def numbered(self, number: int) -> Output:
        """Return the output that the worker knows by this number."""
        return self._numbered[number]

    async def woken(self, name: str) -> int:
        """Return the number of an output that has pictures made for a while, even if it is made on demand.

        Raises:
            CommandRejected: there is no such output.
        """
        output = self._named.get(name)
        if output is None:
            raise CommandRejected(f"stream {self._stream} has no rendition {name}")
        await output.wake()
        return output.number

    def tick(self, now: float) -> None:
        """Look after every output; to be called several times a second."""
        for output in self._numbered:
            output.tick(now)

    def request_idr(self) -> None:
        """Have an IDR of every output soon."""
        for output in self._numbered:
            output.request_idr()

    def end_readers(self) -> None:
        """End the sessions of all readers, because the stream is served no more."""
        for output in self._numbered:
            self._owner.end_readers(output.path, EndReason.STREAM_GONE)

    def stop(self) -> None:
        """Have no output ask for anything any more."""
        for output in self._numbered:
            output.stop()
