"""The address of a camera becomes the URL of its stream, by the templates of makers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from transcoder.assets.tables import maker_named, url_templates
from transcoder.url import split_host_port, split_url

RTSP_PORT: Final = 554
_PORTS: Final = {"rtsp": RTSP_PORT, "rtsps": 322}
_USUAL_PAGES: Final = (80, 443)
_MAX_CHANNEL: Final = 256
"""The largest channel: recorders with so many were sold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Says where a camera is.

    Attributes:
        host: the host, without brackets.
        port: the port of RTSP.
        url: the URL without credentials; "" where only the host is known.
        pages: the port of the camera's pages, 0 where it is the usual one, or where the port of RTSP is told.
        is_port_known: whether the port is the camera's; false where several cameras share the host.
        username, password: the login, "" for none.
    """

    host: str
    port: int = RTSP_PORT
    url: str = ""
    pages: int = 0
    is_port_known: bool = True
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        """Return the host and the port as they are written, the port where it is not the usual one."""
        return self._host if self.port == RTSP_PORT else f"{self._host}:{self.port}"

    @property
    def kept(self) -> str:
        """Return what an asset without a stream keeps: the URL of the camera's pages, where those have a port."""
        return f"http://{self._host}:{self.pages}" if self.pages else self.text

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def shared_hosts(addresses: Iterable[Address]) -> frozenset[str]:
    """Return the hosts behind which several cameras are: their pages have different ports.

    Nothing tells the ports of RTSP of such cameras, and the usual one is nobody's.

    Args:
        addresses: the addresses of a list.
    """
    ports = defaultdict[str, set[int]](set)
    for each in addresses:
        if not each.url and each.port == RTSP_PORT:
            ports[each.host.lower()].add(each.pages)
    return frozenset(host for host, found in ports.items() if len(found) > 1)


def read_address(url: str, address: str, port: str) -> Address | None:
    """Read the cells that say where a camera is.

    The port of an address such as `http://192.168.1.10:8080` is that of the camera's pages. It is no port of RTSP, but
    it tells cameras apart.

    Args:
        url: an rtsp:// or rtsps:// URL, "" for none.
        address: a host, or the URL of the camera's pages; "" for none.
        port: the port of RTSP, "" for the usual one.

    Raises:
        ValueError: one of them is not valid; the message repeats nothing that may be a password.
    """
    number = RTSP_PORT
    if port:
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError("port: must be a number from 1 to 65535")
        number = int(port)
    if not url and address.lower().startswith(("rtsp://", "rtsps://")):
        url = address
    if url:
        try:
            found = split_url(url, _PORTS)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        return Address(
            host=found.host, port=found.port, url=found.text,
            username=found.username or "", password=found.password or "",
        )  # fmt: skip
    return _host(address, number, is_told=bool(port)) if address else None


def _host(address: str, port: int, *, is_told: bool) -> Address:
    try:
        if "://" in address:
            page = split_url(address, {"http": 80, "https": 443})
            return Address(
                host=page.host, port=port, pages=0 if is_told or page.port in _USUAL_PAGES else page.port,
                username=page.username or "", password=page.password or "",
            )  # fmt: skip
        host, own_port = split_host_port(address.rstrip("/"))
    except ValueError as error:
        raise ValueError(f"address: {error}") from None
    return Address(host=host, port=own_port or port)


def stream_url(address: Address, maker: str, channel: str) -> str:
    """Return the URL of a camera's main stream, "" where nobody knows the path of this maker.

    Args:
        address: the address.
        maker: the maker.
        channel: the channel of a recorder, "" for the first.

    Raises:
        ValueError: the channel is not valid.
    """
    if address.url:
        return address.url
    if not address.is_port_known:
        return ""
    number = channel or "1"
    if not number.isascii() or not number.isdigit() or not 0 < int(number) <= _MAX_CHANNEL:
        raise ValueError(f"channel: must be a number from 1 to {_MAX_CHANNEL}")
    found = maker_named(maker)
    path = url_templates().get(found.name) if found is not None else None
    return f"rtsp://{address.text}{path.format(channel=int(number))}" if path is not None else ""
