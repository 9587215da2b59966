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
    is_carried: bool = False,
) -> int:
    """Return the status of an error, or 0 where a track may be set up.

    Args:
        request: the SETUP request.
        target: the stream and the track that the request names.
        tracks: how many tracks the stream has.
        session: the session that the request names, None where it names none of ours.
        has_room: whether there may be another session.
        is_carried: whether the session's packets go over another connection; its video may be moved to this one, and
            then its audio, but no session has its packets on two.
    """
    if target.track not in {None, VIDEO, AUDIO}:
        return 404
    if session is None:
        if request.headers.get("Session") is not None:
            return 454
        if target.track == AUDIO:  # the session description lists video first, and so does every client
            return 455
        if not has_room:
            return 503
    elif Method.SETUP not in TRANSITIONS[session.state] or session.path != target.path:
        return 455
    elif is_carried and target.track == AUDIO:
        return 461
    return 404 if (target.track or VIDEO) >= tracks else 0
