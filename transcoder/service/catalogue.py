"""The catalogue of the RTSP server: users, their rights, and the streams by the paths that readers name."""

from collections.abc import Callable, Mapping

from typing_extensions import override

from transcoder.config import Config
from transcoder.config.aliases import names_alias
from transcoder.net.rtsp_server import Catalogue, ServedStream
from transcoder.service.stream import Stream
from transcoder.worker_options import MAIN, served_path


class ServedStreams(Catalogue):
    """Answers the questions of the RTSP server.

    Args:
        config: returns the present configuration.
        streams: the streams by name.
    """

    def __init__(self, config: Callable[[], Config], streams: Mapping[str, Stream]) -> None:
        self._config = config
        self._streams = streams

    @override
    def passwords(self) -> dict[str, str]:
        return {name: user.password.get_secret_value() for name, user in self._config().rtsp.users.items()}

    @override
    def may_read(self, user: str, path: str) -> bool:
        known = self._config().rtsp.users.get(user)
        return known is not None and known.may_read(path)

    @override
    def find(self, path: str) -> ServedStream | None:
        name, _, output = path.partition("/")
        if name not in self._streams or output == MAIN:
            return None
        return self._streams[name].outputs.get(output or MAIN)

    @override
    def aliased(self, path: str) -> str | None:
        streams = self._config().streams
        found = (
            served_path(stream, name)
            for stream in self._streams
            if stream in streams
            for name, aliases in streams[stream].aliases_by_output.items()
            if any(names_alias(path, alias) for alias in aliases)
        )
        return next(found, None)
