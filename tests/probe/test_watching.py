"""A failure of a visit is explained with a way to mend it."""

import pytest

from transcoder.errors import NotConnected, ResponseError, SdpSyntaxError, Silent, TransportError
from transcoder.probe.watching import LOGIN_BY_CHANGE, explain
from transcoder.rtsp.auth import Credentials

LOGIN = Credentials(username="u", password="p")


@pytest.mark.parametrize(
    ("error", "credentials", "hint"),
    [
        (ResponseError(401, "DESCRIBE", "Unauthorized"), LOGIN, "check user and password"),
        (ResponseError(401, "DESCRIBE", "Unauthorized"), None, "give source.username and source.password"),
        (
            ResponseError(401, "DESCRIBE", "Unauthorized"),
            Credentials(username="u", password=""),
            "give source.password",
        ),
        (ResponseError(404, "DESCRIBE", "Not Found"), LOGIN, "check the path of the URL"),
        (ResponseError(499, "PLAY", "Odd"), LOGIN, "see the camera's log"),
        (SdpSyntaxError("no video"), LOGIN, "choose another stream of the camera, or another codec in its settings"),
        (Silent("no packet"), LOGIN, "a firewall may be in the way; try the other transport"),
        (NotConnected("no route"), LOGIN, "check host and port, and that this machine may reach the camera's network"),
        (TransportError("closed"), LOGIN, "try again; if it stays, try the other transport"),
    ],
)
def test_each_failure_has_a_hint(error: Exception, credentials: Credentials | None, hint: str) -> None:
    assert explain(error, credentials, LOGIN_BY_CHANGE).endswith(f"; {hint}")
