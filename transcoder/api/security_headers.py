"""Every answer tells browsers what they may do with it.

Sources: W3C Content Security Policy Level 3; WHATWG Fetch, 3.6 (X-Content-Type-Options), 3.7
(Cross-Origin-Resource-Policy); W3C Referrer Policy; RFC 7034 (X-Frame-Options).
"""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'; object-src 'none'"
)
"""Scripts and styles come from the gateway's own files alone, and none stands in a document. Pictures and videos that
a script has put together are blobs."""
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that don't know frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""The headers of each answer. Documents have them, too: a browser that is led to one by a link treats it as a page."""


class SecurityHeaders:
    """Adds the headers to the answers of an application.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, adding)
