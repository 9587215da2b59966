"""Sockets towards cameras, over loopback: what they are bound to, and what the kernel says of them."""

import asyncio
import errno
import socket
from pathlib import Path

import pytest

from transcoder.net import sockets
from transcoder.net.sockets import (
    RECEIVE_BUFFER,
    Binding,
    connect,
    is_multicast,
    multicast_socket,
    new_socket,
    port_pair,
)

LOCAL = Binding(address="127.0.0.1")
LOOPBACK = Binding(interface="lo")
IPV6 = Path("/proc/net/if_inet6")


def needs_ipv6() -> None:
    if not IPV6.exists() or " lo" not in IPV6.read_text():
        pytest.skip("the loopback interface has no IPv6 address")


def has_whole_buffer(sock: socket.socket) -> bool:
    """Linux doubles what is asked for, and gives at most twice net.core.rmem_max (socket(7))."""
    most = int(Path("/proc/sys/net/core/rmem_max").read_text())
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 2 * min(RECEIVE_BUFFER, most)


@pytest.mark.parametrize(
    ("host", "family", "anywhere"),
    [("127.0.0.1", socket.AF_INET, "0.0.0.0"), ("::1", socket.AF_INET6, "::")],
)
def test_a_datagram_socket_has_a_port_and_a_large_buffer(host: str, family: int, anywhere: str) -> None:
    if family == socket.AF_INET6:
        needs_ipv6()
    with new_socket(host, socket.SOCK_DGRAM, Binding()) as sock:
        assert sock.family == family
        assert sock.getsockname()[0] == anywhere
        assert sock.getsockname()[1] > 0
        assert not sock.getblocking()
        assert has_whole_buffer(sock)


def test_a_socket_is_bound_where_it_is_told() -> None:
    with new_socket("127.0.0.1", socket.SOCK_DGRAM, Binding(address="127.0.0.2")) as sock:
        assert sock.getsockname()[0] == "127.0.0.2"
    with new_socket("127.0.0.1", socket.SOCK_STREAM, Binding()) as sock:
        assert sock.getsockname() == ("0.0.0.0", 0)  # not bound


def test_an_interface() -> None:
    with new_socket("127.0.0.1", socket.SOCK_STREAM, LOOPBACK) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"


def test_what_is_not_there() -> None:
    with pytest.raises(OSError) as caught:
        new_socket("127.0.0.1", socket.SOCK_STREAM, Binding(address="192.0.2.1"))
    assert caught.value.errno == errno.EADDRNOTAVAIL
    with pytest.raises(OSError):
        new_socket("127.0.0.1", socket.SOCK_STREAM, Binding(interface="nosuch0"))
    with new_socket("127.0.0.1", socket.SOCK_DGRAM, LOCAL) as taken:
        with pytest.raises(OSError) as caught:
            new_socket("127.0.0.1", socket.SOCK_DGRAM, LOCAL, taken.getsockname()[1])
        assert caught.value.errno == errno.EADDRINUSE


async def test_a_connection_comes_from_the_bound_address() -> None:
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set_result(writer.get_extra_info("peername")[0])
        writer.close()

    async with await asyncio.start_server(accepted, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with await connect("127.0.0.1", port, Binding(address="127.0.0.3", interface="lo")) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)
            assert await asyncio.wait_for(came, 5) == "127.0.0.3"


async def test_a_refused_connection_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []

    def keep(*arguments, **named) -> socket.socket:
        made.append(new_socket(*arguments, **named))
        return made[-1]

    monkeypatch.setattr(sockets, "new_socket", keep)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    listening.close()
    with pytest.raises(ConnectionRefusedError):
        await connect("127.0.0.1", port, Binding())
    assert [sock.fileno() for sock in made] == [-1]


def test_pairs_of_ports_are_even_and_odd_neighbours() -> None:
    """RFC 3550 section 11."""
    pairs = [port_pair("127.0.0.1", LOCAL) for _ in range(20)]
    try:
        numbers = [(first.getsockname()[1], second.getsockname()[1]) for first, second in pairs]
        assert all(first % 2 == 0 and second == first + 1 for first, second in numbers)
        assert len(set(numbers)) == 20
        assert all(has_whole_buffer(sock) for pair in pairs for sock in pair)
    finally:
        for pair in pairs:
            for sock in pair:
                sock.close()


def test_a_pair_whose_second_port_is_taken_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[int] = []

    def second_port_taken(host: str, kind: socket.SocketKind, binding: Binding, port: int = 0) -> socket.socket:
        if port and len(refused) < 3:
            refused.append(port)
            raise OSError(errno.EADDRINUSE, "taken")
        return new_socket(host, kind, binding, port)

    monkeypatch.setattr(sockets, "new_socket", second_port_taken)
    first, second = port_pair("127.0.0.1", LOCAL)
    with first, second:
        assert second.getsockname()[1] == first.getsockname()[1] + 1
        assert len(refused) == 3


def test_without_any_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(host: str, kind: socket.SocketKind, binding: Binding, port: int = 0) -> socket.socket:
        if port:
            raise OSError(errno.EADDRINUSE, "taken")
        return new_socket(host, kind, binding)

    monkeypatch.setattr(sockets, "new_socket", taken)
    with pytest.raises(OSError, match="no pair"):
        port_pair("127.0.0.1", LOCAL)


@pytest.mark.parametrize("address", ["224.0.0.0", "232.1.1.1", "239.255.255.255", "ff02::1", "FF1E::7"])
def test_addresses_of_groups(address: str) -> None:
    assert is_multicast(address)


@pytest.mark.parametrize(
    "address", ["", "23.1.1.1", "223.255.255.255", "240.0.0.0", "fe80::1", "239.1.1", "239.1.1.1/16"]
)
def test_other_addresses(address: str) -> None:
    assert not is_multicast(address)


@pytest.mark.parametrize("binding", [LOCAL, LOOPBACK])
def test_a_group_is_received(binding: Binding) -> None:
    group = "239.255.77.1"
    with multicast_socket(group, 0, binding) as receiving, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        port = receiving.getsockname()[1]
        assert not receiving.getblocking()
        assert has_whole_buffer(receiving)
        sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sending.sendto(b"to another group", ("239.255.77.2", port))
        sending.sendto(b"to the host", ("127.0.0.1", port))
        sending.sendto(b"picture", (group, port))
        receiving.settimeout(3)
        assert receiving.recv(100) == b"picture"


def test_a_group_may_be_received_twice() -> None:
    """Two streams of one camera's group, or this program beside another."""
    one = multicast_socket("239.255.77.3", 0, LOCAL)
    two = multicast_socket("239.255.77.3", one.getsockname()[1], LOCAL)
    with one, two:
        assert two.getsockname() == one.getsockname()


def test_an_ipv6_group() -> None:
    """The kernel's own list of memberships: index, interface, group."""
    needs_ipv6()

    def joined() -> bool:
        lines = Path("/proc/net/igmp6").read_text().splitlines()
        return ["lo", "ff150000000000000000000000000077"] in [line.split()[1:3] for line in lines]

    with multicast_socket("ff15::77", 0, LOOPBACK) as receiving:
        assert receiving.getsockname()[0] == "ff15::77"
        assert joined()
    assert not joined()


@pytest.mark.parametrize(
    ("group", "binding"),
    [("127.0.0.1", LOCAL), ("239.255.77.4", Binding(interface="nosuch0")), ("no address", LOCAL)],
)
def test_groups_that_can_not_be_joined(group: str, binding: Binding) -> None:
    with pytest.raises(OSError):
        multicast_socket(group, 0, binding)
