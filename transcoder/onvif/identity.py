"""A device is known by a serial number, a hardware address and a UUID, which are ours and stay.

They are made of the gateway's name and the stream's id: a VMS that finds a camera again after a restart, a restore or a
move to another machine takes it for the same one, and two gateways with streams of one name are told apart.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Holds what a device is known by.

    Attributes:
        serial: the serial number, twelve hexadecimal digits.
        hw_address: the hardware address, of the locally administered ones (02:...): no maker's.
        uuid: the address of the endpoint for WS-Discovery.
    """

    serial: str
    hw_address: str
    uuid: UUID


def identity_of(node: str, stream: str = "") -> Identity:
    """Return the identity of the device of a stream.

    Args:
        node: the gateway's name.
        stream: the stream's id; "" for the device that has all streams as channels.
    """
    digest = hashlib.sha256(f"onvif\0{node}\0{stream}".encode("utf-8", "surrogateescape")).digest()
    hardware = bytes([0x02, *digest[:5]])
    return Identity(
        serial=digest[5:11].hex().upper(),
        hw_address=":".join(f"{byte:02x}" for byte in hardware),
        uuid=UUID(bytes=digest[16:32], version=5),
    )
