"""A command asks the running gateway that a configuration file describes, over its API."""

import contextlib
import http.client
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from transcoder.cli.event_lines import event_line, state_line
from transcoder.cli.swap_text import swap_lines
from transcoder.config import Config
from transcoder.errors import TranscoderError, TransportError
from transcoder.regular_file import check_regular
from transcoder.text import printable
from transcoder.verify.json_answer import parse_json, within

TIMEOUT_S: Final = 10.0
"""Seconds for which an answer is waited for, all of it together; the gateway answers in milliseconds."""
CHANGE_S: Final = 60.0
"""Seconds for which the answer to a change of many assets is waited for: 4,000 streams are started one by one."""
SWAP_S: Final = 60.0
"""Seconds for which the answer to a swap is waited for: the gateway looks at the new camera for 20 s at most, over TCP
and then over UDP."""
SILENCE_S: Final = 40.0
"""Seconds without a line of events after which the gateway is taken for gone: it sends a comment every 15 s."""
MAX_ANSWER: Final = 4 << 20
"""Bytes of an answer, at most: 80 events of a stream are 100 kB."""
MAX_LINE: Final = 1 << 16
"""Bytes of one line of events, at most."""
MAX_SHOWN: Final = 1000
"""Characters of a refusal that are shown; whatever listens at the port may have written it."""
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # read, not listened on

T = TypeVar("T")


class GatewayClient:
    """Asks one gateway on this machine.

    Args:
        config: the gateway's configuration, which says where its API is, and holds its tokens.
        path: the file of the configuration.
        changes: whether something is to be changed, for which the least of the rights is not enough.
        addresses: whether answers are to say where cameras are and what they said, which the least of the rights is
            not told; where the file has no other token, they don't.
        token: the token to use; "" for one of the configuration's.

    Raises:
        TranscoderError: the configuration has no API, or one that can't be found.
    """

    def __init__(
        self, config: Config, path: Path, *, changes: bool = False, addresses: bool = False, token: str = ""
    ) -> None:
        if config.http is None:
            asked = "changes are made" if changes else "events are asked for"
            raise TranscoderError(
                f"http: is not in the file {path}: {asked} over the API of the running gateway; add "
                '`http: {listen: "127.0.0.1:8080"}`, and start the gateway anew'
            )
        self._listen = config.http.listen[0]
        if not self._listen.port:
            raise TranscoderError("http.listen: has port 0, so that nothing tells where the running gateway listens")
        self._cert_file = config.http.cert_file
        # the least of the rights that is enough; a file without tokens needs none on this machine
        wanted = "control" if changes or addresses else "read"
        tokens = sorted(config.http.tokens.values(), key=lambda token: token.role != wanted)
        if changes and not token and tokens and tokens[0].role != wanted:
            raise TranscoderError(f"http.tokens: no token of the file {path} has the role control; give --token-file")
        secret = token or (tokens[0].token.get_secret_value() if tokens else "")
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    @property
    def url(self) -> str:
        """Return the URL of the API, to be shown."""
        return f"{'https' if self._cert_file else 'http'}://{self._listen}"

    def stream(self, stream: str) -> dict[str, Any]:
        """Return the document of a stream; see `_get` for what is raised."""
        return self._get(f"/api/v1/streams/{quote(stream, safe='')}", _state)

    def stream_events(self, stream: str, since: str | None = None) -> list[dict[str, Any]]:
        """Return the last events of a stream, the oldest first; see `_get` for what is raised.

        Args:
            stream: the stream's id.
            since: from when on, RFC 3339.
        """
        query = {"since": since} if since is not None else {}
        path = f"/api/v1/streams/{quote(stream, safe='')}/events"
        return self._get(path, lambda document: [_event(event) for event in document["events"]], **query)

    def follow(self, stream: str, after: int) -> Iterator[dict[str, Any]]:
        """Yield the events of a stream as they come, those that came after an event first.

        Args:
            stream: the stream's id.
            after: the sequence of the event.

        Raises:
            TransportError: the gateway is gone.
            TranscoderError: the gateway refuses.
        """
        run = self._get("/api/v1/info", lambda document: str(document["started"]))
        with self._answer(
            SILENCE_S, "/api/v1/events", {"stream": stream}, {"Last-Event-ID": f"{after}@{run}"}, is_endless=True
        ) as answer:
            while line := answer.readline(MAX_LINE):
                name, _, value = line.decode("utf-8", "replace").partition(": ")
                if name == "data":
                    yield _event(parse_json(value.encode()))
        raise TransportError(f"the gateway at {self.url} ended the connection")

    def change_assets(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Add and change many assets and streams, all of them or none; see `_get` for what is raised.

        Args:
            document: the keys to set, by asset and by stream.
        """
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/merge-patch+json"}
        with self._answer(CHANGE_S, "/api/v1/assets", {}, headers, is_endless=False, body=body) as answer:
            return dict(parse_json(answer.read(MAX_ANSWER)))

    def swap(
        self, stream: str, keys: Mapping[str, Any], *, is_rollback: bool = False, if_match: str = ""
    ) -> dict[str, Any]:
        """Swap the camera of a stream, or plan it; see `_get` for what is raised.

        Args:
            stream: the stream's id.
            keys: the keys of the swap.
            is_rollback: whether the last swap is rolled back, which takes no keys.
            if_match: the tag that the stream must still have, "" where any will do.
        """
        path = f"/api/v1/streams/{quote(stream, safe='')}/swap{'/rollback' if is_rollback else ''}"
        body, headers = json.dumps(keys).encode(), {"Content-Type": "application/json"}
        if if_match:
            headers["If-Match"] = f'"{if_match}"'
        with self._answer(SWAP_S, path, {}, headers, is_endless=False, body=body, verb="POST") as answer:
            return _swap(parse_json(answer.read(MAX_ANSWER)))

    def note_device(self, asset: str, told: Mapping[str, str]) -> None:
        """Have the gateway note what the device of an asset told over ONVIF; see `_get` for what is raised.

        Args:
            asset: the asset's id.
            told: what the device told, by property.
        """
        path, body = f"/api/v1/assets/{quote(asset, safe='')}/device", json.dumps(told).encode()
        headers = {"Content-Type": "application/json"}
        with self._answer(TIMEOUT_S, path, {}, headers, is_endless=False, body=body, verb="POST") as answer:
            answer.read(MAX_ANSWER)

    def metrics(self) -> str:
        """Return the metrics as text; see `_get` for what is raised."""
        with self._answer(TIMEOUT_S, "/metrics", {}, {}, is_endless=False) as answer:
            return answer.read(MAX_ANSWER).decode("utf-8", "replace")

    def _get(self, path: str, read: Callable[[Any], T], **query: str) -> T:
        """Return what is wanted of the document under a path.

        Args:
            path: the path.
            read: takes it out of the document; it may raise whatever an unknown document makes it raise.
            query: the query, by key.

        Raises:
            TransportError: nobody answers there.
            TranscoderError: the gateway refuses; the message is its own.
        """
        with self._answer(TIMEOUT_S, path, query, {}, is_endless=False) as answer:
            return read(parse_json(answer.read(MAX_ANSWER)))

    @contextlib.contextmanager
    def _answer(
        self,
        timeout_s: float,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        is_endless: bool,
        body: bytes | None = None,
        verb: str = "PATCH",
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connect(timeout_s)
        try:
            with contextlib.nullcontext() if is_endless else within(connection, timeout_s):
                asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
                target = f"{path}?{asked}" if asked else path
                connection.request("GET" if body is None else verb, target, body, {**self._headers, **headers})
                answer = connection.getresponse()
                if answer.status != http.client.OK:
                    raise TranscoderError(printable(_refusal(parse_json(answer.read(MAX_ANSWER))), MAX_SHOWN))
                yield answer
        except (OSError, http.client.HTTPException) as error:
            reason = printable((isinstance(error, OSError) and error.strerror) or str(error) or "no answer", MAX_SHOWN)
            raise TransportError(f"no gateway answers at {self.url}: {reason}; does it run, with this file?") from None
        except (ValueError, LookupError, TypeError, AttributeError):
            raise TransportError(
                f"what answers at {self.url} is no API of this version of transcoder; does it run, with this file?"
            ) from None
        finally:
            connection.close()

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host = _WILDCARDS.get(self._listen.host, self._listen.host)
        if self._cert_file is None:
            return http.client.HTTPConnection(host, self._listen.port, timeout=timeout_s)
        try:
            check_regular(self._cert_file)
            context = ssl.create_default_context(cafile=str(self._cert_file))
        except OSError as error:
            raise TranscoderError(f"http.cert_file: {error.strerror or error}") from None
        # the gateway is known by its certificate itself, whatever names stand in it and whoever signed it
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return http.client.HTTPSConnection(host, self._listen.port, timeout=timeout_s, context=context)


def _refusal(problem: Mapping[str, Any]) -> str:
    """Return the sentence of a problem document (RFC 9457 section 3.1), which has a title at least."""
    return "; ".join(problem.get("problems") or ()) or str(problem.get("detail") or problem["title"])


def _event(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event.

    Raises:
        ValueError: it is none; LookupError and TypeError, too.
    """
    event_line(document)
    return {**document, "sequence": int(document["sequence"])}


def _state(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a stream.

    Raises:
        ValueError: it is none; LookupError and TypeError, too.
    """
    state_line(document)
    return {**document}


def _swap(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a swap.

    Raises:
        LookupError: it is none; TypeError and ValueError, too.
    """
    swap_lines(document)
    return {**document}
