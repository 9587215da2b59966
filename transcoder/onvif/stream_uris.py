"""The URLs of streams and snapshots: the host that the client used, our own ports and paths, and no login in them."""

from typing import Final

from transcoder.onvif.device import Place, Profile
from transcoder.onvif.faults import Fault

SNAPSHOTS: Final = "/snapshot/"
"""The path under which snapshots lie on a device's own port."""
TUNNELLED: Final = frozenset({"HTTP", "RtspOverHttp"})
MULTICAST: Final = frozenset({"RtspMulticast", "RtspsMulticast"})
SECURED: Final = frozenset({"RtspsUnicast", "RtspsMulticast"})


def stream_uri(profile: Profile, place: Place, protocol: str, *, is_multicast: bool = False) -> str:
    """Return the URL of a profile.

    Args:
        profile: the profile.
        place: where the client reaches the gateway.
        protocol: the protocol as either media service names it.
        is_multicast: whether packets are to be sent to a group.

    Raises:
        Fault: there is no such way to the stream.

    Source: ONVIF Streaming Specification section 5.1.1, Media Service Specification section 5.15.1.
    """
    if is_multicast or protocol in MULTICAST:
        if profile.multicast is None:
            raise _refused("multicast")
        return f"rtsp://{place.host}:{place.rtsp_port}/{profile.path}?multicast"
    if protocol in SECURED:
        if place.rtsps_port is None:
            raise _refused("RTSP over TLS")
        return f"rtsps://{place.host}:{place.rtsps_port}/{profile.path}"
    scheme = "http" if protocol in TUNNELLED else "rtsp"
    return f"{scheme}://{place.host}:{place.rtsp_port}/{profile.path}"


def _refused(way: str) -> Fault:
    return Fault(f"there is no {way} here", "ter:InvalidArgVal", "ter:InvalidStreamSetup")


def snapshot_uri(profile: Profile, place: Place) -> str:
    """Return the URL of a profile's snapshot, which takes the same users as the device."""
    return f"{place.base}{SNAPSHOTS}{profile.path}.jpg"
