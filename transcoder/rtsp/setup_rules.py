"""These rules say which SETUP requests are refused, and with which status."""

from transcoder.rtsp.messages import Request
from transcoder.rtsp.server_events import AUDIO, VIDEO
from transcoder.rtsp.session import TRANSITIONS, Method, ServerSession
from transcoder.rtsp.target import Target


def refusal_of_setup(
    request: Request,
    target: Target,
    tracks: int,
    session: ServerSession | None,
    *,
    has_room: bool,
    connection: object,
) -> int:
    """Return the status of an error, or 0 where a track may be set up.

    Args:
        request: the SETUP request.
        target: the stream and the track that the request names.
        tracks: how many tracks the stream has.
        session: the session that the request names, None where it names none of ours.
        has_room: whether there may be another session.
        connection: the connection that asks.
    """
    if target.track not in {None, VIDEO, AUDIO}:
        return 404
    if session is None:
        if request.headers.get("Session") is not None:
            return 454
        if not has_room:
            return 503
    elif Method.SETUP not in TRANSITIONS[session.state] or session.path != target.path:
        return 455
    elif session.is_carried_beside(target.track or VIDEO, connection):
        return 461
    return 404 if (target.track or VIDEO) >= tracks else 0
