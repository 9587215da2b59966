"""A command asks the running gateway that a configuration file describes, over its API."""

import contextlib
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from transcoder.config import Config
from transcoder.errors import TranscoderError, TransportError

TIMEOUT_S: Final = 10.0
"""Seconds for which an answer is waited for; the gateway answers in milliseconds."""
SILENCE_S: Final = 40.0
"""Seconds without a line of events after which the gateway is taken for gone: it sends a comment every 15 s."""
MAX_ANSWER: Final = 4 << 20
"""Bytes of an answer, at most: 80 events of a stream are 100 kB."""
MAX_LINE: Final = 1 << 16
"""Bytes of one line of events, at most."""
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # read, not listened on


class GatewayClient:
    """Asks one gateway on this machine.

    Args:
        config: the gateway's configuration, which says where its API is, and holds its tokens.

    Raises:
        TranscoderError: the configuration has no API, or one that can't be found.
    """

    def __init__(self, config: Config) -> None:
        if config.http is None:
            raise TranscoderError("http: is not in the file: events are asked for over the API of the running gateway")
        self._listen = config.http.listen
        if not self._listen.port:
            raise TranscoderError("http.listen: has port 0, so that nothing tells where the running gateway listens")
        self._cert_file = config.http.cert_file
        # the least of the rights is enough, and a file without tokens needs none on this machine
        tokens = sorted(config.http.tokens.values(), key=lambda token: token.role != "read")
        self._headers = {"Authorization": f"Bearer {tokens[0].token.get_secret_value()}"} if tokens else {}

    @property
    def url(self) -> str:
        """Return the URL of the API, to be shown."""
        return f"{'https' if self._cert_file else 'http'}://{self._listen}"

    def stream(self, stream: str) -> dict[str, Any]:
        """Return the document of a stream; see `_get` for what is raised."""
        document: dict[str, Any] = self._get(f"/api/v1/streams/{quote(stream, safe='')}")
        return document

    def stream_events(self, stream: str, since: str | None = None) -> list[dict[str, Any]]:
        """Return the last events of a stream, the oldest first; see `_get` for what is raised.

        Args:
            stream: the stream's id.
            since: from when on, RFC 3339.
        """
        query = {"since": since} if since is not None else {}
        found: list[dict[str, Any]] = self._get(f"/api/v1/streams/{quote(stream, safe='')}/events", **query)["events"]
        return found

    def follow(self, stream: str, after: int) -> Iterator[dict[str, Any]]:
        """Yield the events of a stream as they come, those that came after an event first.

        Args:
            stream: the stream's id.
            after: the sequence of the event.

        Raises:
            TransportError: the gateway is gone.
            TranscoderError: the gateway refuses.
        """
        run = self._get("/api/v1/info")["started"]
        with self._answer(
            SILENCE_S, "/api/v1/events", {"stream": stream}, {"Last-Event-ID": f"{after}@{run}"}
        ) as answer:
            while line := answer.readline(MAX_LINE):
                name, _, value = line.decode("utf-8", "replace").partition(": ")
                if name == "data":
                    yield json.loads(value)
        raise TransportError(f"the gateway at {self.url} ended the connection")

    def _get(self, path: str, **query: str) -> Any:
        """Return the document under a path.

        Raises:
            TransportError: nobody answers there.
            TranscoderError: the gateway refuses; the message is its own.
        """
        with self._answer(TIMEOUT_S, path, query, {}) as answer:
            return json.loads(answer.read(MAX_ANSWER))

    @contextlib.contextmanager
    def _answer(
        self, timeout_s: float, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connect(timeout_s)
        try:
            asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
            connection.request("GET", f"{path}?{asked}" if asked else path, headers={**self._headers, **headers})
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                problem = json.loads(answer.read(MAX_ANSWER))
                raise TranscoderError("; ".join(problem.get("problems") or ()) or _refusal(problem))
            yield answer
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            raise TransportError(f"no gateway answers at {self.url}: {reason}; does it run, with this file?") from None
        finally:
            connection.close()

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host = _WILDCARDS.get(self._listen.host, self._listen.host)
        if self._cert_file is None:
            return http.client.HTTPConnection(host, self._listen.port, timeout=timeout_s)
        try:
            context = ssl.create_default_context(cafile=str(self._cert_file))
        except OSError as error:
            raise TranscoderError(f"http.cert_file: {error.strerror or error}") from None
        # the gateway is known by its certificate itself, whatever names stand in it and whoever signed it
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return http.client.HTTPSConnection(host, self._listen.port, timeout=timeout_s, context=context)


def _refusal(problem: Mapping[str, Any]) -> str:
    """Return the sentence of a problem document (RFC 9457 section 3.1), which has a title at least."""
    return str(problem.get("detail") or problem["title"])
