"""The transports that one connection may set up: interleaved, over UDP, and by multicast."""

from collections.abc import Collection
from dataclasses import replace

from transcoder.rtsp.headers import Transport, first_served
from transcoder.rtsp.messages import Request
from transcoder.rtsp.multicast_groups import Group
from transcoder.rtsp.server_events import DescribeRequested, ServerContext
from transcoder.rtsp.session import ServerSession
from transcoder.rtsp.target import Target, asks_for_group


class Offer:
    """Says which transport a SETUP is answered with.

    Args:
        context: the context that connections share.
        address: the address that the reader connects from.
        is_secure: whether the connection is encrypted, so that no packets go over UDP, in the clear.
    """

    def __init__(self, context: ServerContext, address: str, *, is_secure: bool) -> None:
        self._context = context
        self._address = address
        self._udp_ports = context.udp_ports if not is_secure else None
        self._groups = context.groups if not is_secure else None

    def group(self, path: str) -> Group | None:
        """Return the multicast group of a path, None where none is offered."""
        return self._groups.of(path, is_ipv6=":" in self._address) if self._groups is not None else None

    def description(self, request: Request, target: Target, base: str) -> DescribeRequested:
        """Return the event that asks for a description, which names the group where the URI asks for it.

        Args:
            request: the DESCRIBE request.
            target: the stream that the request names.
            base: scheme, host and port under which the reader knows the server.
        """
        group = self.group(target.path) if asks_for_group(request.uri) else None
        return replace(target.describe_request(base), group=group)

    def transport(
        self, request: Request, path: str, track: int, session: ServerSession | None, taken: Collection[int]
    ) -> Transport | int:
        """Return the transport of a track, without its SSRC, or the status of a refusal.

        Args:
            request: the SETUP request.
            path: the path of the stream.
            track: the number of the track.
            session: the session that gets the track, None for a new one.
            taken: the channels of the connection that other tracks have.
        """
        offered = request.headers.get("Transport") or ""
        group = self.group(path) if "multicast" in offered.lower() else None
        transport = first_served(offered, track, self._udp_ports, taken, group)
        if transport is None:
            return 461
        others = session.tracks.items() if session is not None else ()
        if any(number != track and other.unicast != transport.unicast for number, other in others):
            return 461  # a session is one reader of the group, or none
        if transport.lower == "UDP" and not self._context.sessions.has_room_over_udp(self._address, path):
            return 503
        return transport
