"""Listening sockets have every address of a host, and one port."""

import asyncio
import socket

import pytest

from transcoder.net.listening import listening_sockets, plain_host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_all_sockets_of_a_name_have_one_port(host: str) -> None:
    made = await listening_sockets(host, 0)
    try:
        assert len({sock.getsockname()[1] for sock in made}) == 1
        with socket.create_connection(("127.0.0.1", made[0].getsockname()[1]), 5):
            pass
    finally:
        for sock in made:
            sock.close()


async def test_an_address_of_a_name_that_this_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` has an address of IPv6 in the hosts file of machines without IPv6."""

    async def resolve(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, 1, 6, "", (host, 0)) for host in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    addresses = ["192.0.2.1", "127.0.0.1"]  # RFC 5737: nobody's
    (sock,) = await listening_sockets("gateway.example", 0)
    with sock:
        assert sock.getsockname()[0] == "127.0.0.1"
    addresses = ["192.0.2.1"]
    with pytest.raises(OSError, match="Cannot assign"):
        await listening_sockets("gateway.example", 0)


async def test_an_address_that_is_taken_leaves_nothing_open() -> None:
    (first,) = await listening_sockets("127.0.0.1", 0)
    with first, pytest.raises(OSError, match="in use"):
        await listening_sockets("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "plain"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("192.0.2.1", "192.0.2.1"),
     ("::ffff:c000:201", "::ffff:c000:201"), ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1")],
)  # fmt: skip
def test_an_address_of_ipv4_that_is_mapped_to_ipv6_is_that_of_ipv4(address: str, plain: str) -> None:
    assert plain_host(address) == plain
