"""A request is told by namespace and name of the first element of its body, and by nothing else."""

from collections.abc import Mapping
from typing import Final

from transcoder.onvif import device_service, event_service, media2_service, media_service
from transcoder.onvif.faults import unsupported
from transcoder.onvif.namespaces import DEVICE, EVENTS, MEDIA, MEDIA2, NOTIFICATION
from transcoder.onvif.soap import SoapRequest
from transcoder.onvif.visit import Operation, Operations
from transcoder.text import printable

SERVICES: Final[Mapping[str, Operations]] = {
    DEVICE: device_service.OPERATIONS,
    MEDIA: media_service.OPERATIONS,
    MEDIA2: media2_service.OPERATIONS,
    EVENTS: event_service.OPERATIONS,
    NOTIFICATION: event_service.OF_SUBSCRIPTIONS,
}
"""The operations of each namespace."""
MAX_NAME: Final = 64
"""Characters of an operation's name that a fault repeats at most."""
_REFUSED_UNSEEN: Final = frozenset({"CreateProfile", "DeleteProfile"})
"""Operations that are always refused, and are refused without a login: Synology tries them before it logs in."""


def operation_of(request: SoapRequest) -> Operation:
    """Return the operation that a request asks for.

    Raises:
        Fault: there is no such operation.
    """
    found = SERVICES.get(request.namespace, {}).get(request.name)
    if found is None:
        raise unsupported(printable(request.name, MAX_NAME))
    return found


def needs_login(request: SoapRequest) -> bool:
    """Return whether a request needs a user; where it does not, its login is not looked at.

    node-onvif signs its first question, for the time, with a clock of its own: it must be answered all the same.
    """
    return request.name not in device_service.OPEN | _REFUSED_UNSEEN
