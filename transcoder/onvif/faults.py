"""A SOAP fault says why a request is not carried out, in the words of ONVIF.

Source: SOAP 1.2 part 1 section 5.4, ONVIF Core Specification section 5.11.2.
"""

from transcoder.onvif.markup import Markup, element

BAD_REQUEST = 400
UNAUTHORIZED = 401
RECEIVER_ERROR = 500


class Fault(Exception):  # noqa: N818  # the word of SOAP
    """A request can't be carried out.

    Args:
        reason: one sentence for people.
        subcodes: the codes below the first, from general to special, with our prefixes.
        status: the HTTP status.
        is_ours: whether the fault is the device's and not the sender's.
    """

    def __init__(self, reason: str, *subcodes: str, status: int = BAD_REQUEST, is_ours: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.subcodes = subcodes
        self.status = RECEIVER_ERROR if is_ours else status
        self._code = "s:Receiver" if is_ours else "s:Sender"

    def body(self) -> Markup:
        """Return the element that stands in the body of the answer."""
        below: Markup | None = None
        for code in reversed(self.subcodes):
            below = element("s:Subcode", element("s:Value", code), below)
        return element(
            "s:Fault",
            element("s:Code", element("s:Value", self._code), below),
            element("s:Reason", element("s:Text", self.reason, attributes={"xml:lang": "en"})),
        )


def malformed(reason: str) -> Fault:
    """Return the fault of a request that is no well-formed SOAP."""
    return Fault(reason, "ter:WellFormed")


def invalid(reason: str) -> Fault:
    """Return the fault of a request whose arguments are missing or out of their range."""
    return Fault(reason, "ter:InvalidArgVal")


def unsupported(operation: str) -> Fault:
    """Return the fault of an operation that there is not.

    Home Assistant takes it as harmless only where it finds "not implemented" in lower case.
    """
    return Fault(f"Optional Action Not Implemented: {operation} is not implemented", "ter:ActionNotSupported")


def not_authorized(reason: str, status: int = BAD_REQUEST) -> Fault:
    """Return the fault of a sender who is not known, or may not do this."""
    return Fault(reason, "ter:NotAuthorized", status=status)


def no_profile() -> Fault:
    """Return the fault of a profile token that there is not."""
    return Fault("there is no such profile", "ter:InvalidArgVal", "ter:NoProfile")


def no_config() -> Fault:
    """Return the fault of a configuration token that there is not."""
    return Fault("there is no such configuration", "ter:InvalidArgVal", "ter:NoConfig")
