"""The gateway's API is asked which of the pictures that it served were its camera's.

It is asked before the reading, so that a wrong address, token or stream is told at once, and after it for the answer.
"""

import http.client
import os
import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from transcoder.errors import TransportError
from transcoder.regular_file import open_regular
from transcoder.text import printable
from transcoder.verify.json_answer import parse_json, within
from transcoder.verify.target import Target

TIMEOUT_S: Final = 10.0
"""Seconds for which an answer is waited for, all of it together."""
MAX_ANSWER: Final = 4 << 20
"""Bytes of an answer at most; 512 spans take some 60 kB."""
MAX_TOKEN: Final = 4096
_MAX_SHOWN: Final = 200
"""Characters of an answer's words that are shown."""
_PORTS: Final = {"http": 80, "https": 443}


class GatewayApi:
    """Asks one gateway about one stream.

    Args:
        url: the URL of the API, http:// or https://, as `http.listen` serves it.
        token: the bearer token, "" for none.
        stream: the stream's id.

    Raises:
        ValueError: the URL is none of HTTP, or the token can't stand in a header.
    """

    def __init__(self, url: str, token: str, stream: str) -> None:
        try:
            parts = urlsplit(url)
            self._secure, self._host = parts.scheme == "https", parts.hostname or ""
            self._host.encode("idna")  # whatever can be no name in DNS is told here, and not by the resolver
            self._port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise ValueError("--api: no valid host or port in the URL") from None
        if not self._host or not self._port or parts.username is not None or parts.query:
            raise ValueError("--api: a URL such as http://127.0.0.1:8080 is needed")
        if not token.isascii() or not (token or "-").isprintable() or len(token) > MAX_TOKEN:
            raise ValueError("--token-file: no bearer token")
        self._path = f"{parts.path.rstrip('/')}/api/v1/streams/{quote(stream, safe='')}/served"
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._has_token = bool(token)
        self._stream = stream

    def served(self, since: str = "") -> dict[str, Any]:
        """Return when the stream showed its camera.

        Args:
            since: the time from which on it is told, as the API writes times; "": the last minute.

        Raises:
            TransportError: the API does not tell; the message says what to do.
        """
        status, answer = self._get(self._path + (f"?{urlencode({'since': since})}" if since else ""))
        if status == 200 and isinstance(answer, dict) and isinstance(answer.get("now"), str):
            return answer
        told = answer if isinstance(answer, dict) else {}
        raise TransportError(f"the API at {self._host}:{self._port} {self._refusal(status, told)}")

    def _refusal(self, status: int, told: dict[str, Any]) -> str:
        detail = printable(str(told.get("detail", "")), _MAX_SHOWN)
        if status == 401:
            return f"answers 401: {'it does not know this token' if self._has_token else 'give it --token-file'}"
        if status == 404 and told.get("code") == "unknown_stream":
            return (
                f"has no stream {printable(self._stream, _MAX_SHOWN)!r}: is it the API of the gateway that serves it?"
            )
        if status in {200, 404}:
            return "is no API of this version of transcoder"
        return f"answers {status}" + (f": {detail}" if detail else "")

    def _get(self, path: str) -> tuple[int, object]:
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S)
            if self._secure
            else http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        )
        try:
            with within(connection, TIMEOUT_S):
                connection.request("GET", path, headers=self._headers)
                answer = connection.getresponse()
                data = answer.read(MAX_ANSWER)
        except ssl.SSLError as error:
            raise TransportError(
                f"no TLS with the API at {self._host}:{self._port}: {error.reason}; its certificate is checked "
                "(SSL_CERT_FILE names one more that is trusted)"
            ) from None
        except http.client.HTTPException:
            raise TransportError(
                f"what answers at {self._host}:{self._port} is no HTTP; is http.listen there?"
            ) from None
        except OSError as error:
            reason = error.strerror or str(error) or "no answer"
            raise TransportError(
                f"no connection to the API at {self._host}:{self._port}: {reason}; is http.listen there?"
            ) from None
        finally:
            connection.close()
        try:
            return answer.status, parse_json(data)
        except ValueError:
            return answer.status, None


def gateway_api(url: str, token_file: Path | None, target: Target) -> GatewayApi:
    """Return the API that tells of the stream of an RTSP URL.

    Raises:
        ValueError: the URL or the token can't be used.
        OSError: the file of the token can't be read.
    """
    token = ""
    if token_file is not None:
        with os.fdopen(open_regular(token_file), encoding="utf-8") as file:
            token = file.read(MAX_TOKEN + 2).strip()
    return GatewayApi(url, token, target.path.partition("?")[0].strip("/").partition("/")[0])
