"""Our own session description may name the multicast group that it is sent to.

Readers such as VLC join every group that a description names, and ask for no unicast then; so it is named for those
alone who ask for it.
"""

from collections.abc import Sequence


def with_group(description: bytes, address: str, ttl: int, ports: Sequence[int]) -> bytes:
    """Return one of our descriptions with the group and the ports of its media in it.

    Args:
        description: a description that we wrote.
        address: the group's address.
        ttl: the group's TTL, which is told for IPv4 alone.
        ports: the RTP port of each media.

    Source: RFC 4566 sections 5.7, 5.14.
    """
    where = f"IP6 {address}" if ":" in address else f"IP4 {address}/{ttl}"
    remaining = iter(ports)
    lines = []
    for line in description.decode().split("\r\n"):
        if line.startswith("c="):
            lines.append(f"c=IN {where}")
        elif line.startswith("m="):
            kind, _, *rest = line.split(" ")
            lines.append(" ".join((kind, str(next(remaining, 0)), *rest)))
        else:
            lines.append(line)
    return "\r\n".join(lines).encode()
