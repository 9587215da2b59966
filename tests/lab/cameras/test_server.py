import asyncio
import socket
import struct

import pytest

from transcoder.errors import TransportError
from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.connection import MAX_BACKLOG
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.packets import Burst, frame
from transcoder.lab.cameras.server import SimulatedCamera


def camera_of(contents, family: str, *settings: str, **options) -> SimulatedCamera:
    behaviour = override(FAMILIES[family].behaviour, settings)
    return SimulatedCamera(behaviour, contents[behaviour.codec], **options)


async def test_restart_on_the_same_port(contents, client_class) -> None:
    async with camera_of(contents, "uniview", password="pw") as camera:
        url = camera.url
        client = await client_class(url).connect()
        await client.play([0])
        assert await client.packets(0.2)
        await camera.stop()
        assert not camera.listening
        with pytest.raises(ConnectionError):
            await client.packets(1.0)
        with pytest.raises(TransportError):
            await client_class(url).connect()
        await camera.start()
        assert camera.url == url
        again = await client_class(url).connect()
        await again.play([0])
        assert await again.packets(0.2)
        again.close()


async def test_a_password_is_percent_encoded_in_the_url(contents) -> None:
    async with camera_of(contents, "hikvision", password="p@ss:w/rd#1") as camera:
        assert ":p%40ss%3Aw%2Frd%231@127.0.0.1:" in camera.url


async def test_wrong_password(contents, client_class) -> None:
    async with camera_of(contents, "hikvision", password="right") as camera:
        client = await client_class(camera.url.replace("right", "wrong")).connect()
        status, _, _ = await client.request("DESCRIBE", client.base)
        assert status == 401
        client.close()


async def test_readers_share_one_timeline_and_the_camera_rests_without_any(contents, client_class) -> None:
    async with camera_of(contents, "hikvision") as camera:
        clients = [await client_class(camera.url).connect() for _ in range(3)]
        for client in clients:
            await client.play([0])
        assert camera.readers == 3
        seen = await asyncio.gather(*(client.packets(0.4) for client in clients))
        common = set.intersection(*({(p.payload_type, p.sequence_number, p.payload) for p in part} for part in seen))
        assert len(common) >= 20
        for client in clients:
            client.close()
        await asyncio.sleep(0.1)
        assert camera.readers == 0
        assert not camera.camera.running


async def test_teardown_ends_the_flow_but_not_the_connection(contents, client_class) -> None:
    async with camera_of(contents, "dahua") as camera:
        client = await client_class(camera.url).connect()
        await client.play([0])
        await client.packets(0.1)
        status, _, _ = await client.request("TEARDOWN", client.base)
        assert status == 200
        assert await client.packets(0.2) == []
        assert camera.readers == 0
        client.close()


async def test_udp(contents, client_class) -> None:
    """RTP comes from the even server port to the client's RTP port, reports to the other; marker and order hold."""
    loop = asyncio.get_running_loop()
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
        each.setblocking(False)
    async with camera_of(contents, "h264dvr") as camera:
        client = await client_class(camera.url).connect()
        await client.describe()
        ports = "-".join(str(each.getsockname()[1]) for each in sockets)
        transport = f"RTP/AVP;unicast;client_port={ports}"
        status, text, _ = await client.request("SETUP", client.controls()[0], Transport=transport)
        assert status == 200
        server_ports = text.split("server_port=")[1].split("\r")[0].split("-")
        await client.request("PLAY", client.content_base)
        numbers = []
        for _ in range(10):
            data, address = await asyncio.wait_for(loop.sock_recvfrom(sockets[0], 65535), 2)
            assert address[1] == int(server_ports[0])
            numbers.append(struct.unpack("!H", data[2:4])[0])
        assert [(number - numbers[0]) & 0xFFFF for number in numbers] == list(range(10))
        report, address = await asyncio.wait_for(loop.sock_recvfrom(sockets[1], 65535), 2)
        assert report[1] == 200
        assert address[1] == int(server_ports[1])
        (connection,) = camera._connections
        connection.dialog.last_activity = 0.0
        await loop.sock_sendto(sockets[1], b"\x80\xc9\0\1\0\0\0\0", ("127.0.0.1", int(server_ports[1])))
        await asyncio.sleep(0.1)
        assert connection.dialog.last_activity > 0.0
        client.close()
    for each in sockets:
        each.close()


async def test_large_pictures_are_paced_over_udp(contents) -> None:
    """200 packets of 1400 bytes are more than a default socket buffer holds; all arrive."""
    loop = asyncio.get_running_loop()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setblocking(False)
    async with camera_of(contents, "uniview") as camera:
        camera.udp_ports()
        data, packets = frame([bytes((index,)) * 1400 for index in range(200)])
        from transcoder.lab.cameras.dialog import Delivery

        assert camera._udp is not None
        camera._udp.send(Burst(0, data, packets), "127.0.0.1", Delivery(False, receiver.getsockname()[1], 9))
        got = [(await asyncio.wait_for(loop.sock_recv(receiver, 2000), 2))[0] for _ in range(200)]
    assert got == list(range(200))
    receiver.close()


async def test_slow_reader_resumes_at_an_idr(contents, client_class, monkeypatch) -> None:
    monkeypatch.setattr("transcoder.lab.cameras.connection.MAX_BACKLOG", MAX_BACKLOG // 400)
    async with camera_of(contents, "h264dvr", "idr_nal_units=", "picture_nal_units=") as camera:
        client = await client_class(camera.url).connect()
        await client.play([0])
        (connection,) = camera._connections
        backlog = [10 * MAX_BACKLOG]
        monkeypatch.setattr(
            type(connection._transport), "get_write_buffer_size", lambda _self: backlog[0], raising=False
        )
        await client.packets(0.3)
        assert connection.left_out > 0
        backlog[0] = 0
        packets = await client.packets(0.8)
        client.close()
    kind = packets[0].payload[0] & 31
    assert kind == 24  # STAP-A of the parameter sets in front of the IDR picture


async def test_garbage_ends_the_connection_only(contents, client_class) -> None:
    async with camera_of(contents, "uniview") as camera:
        client = await client_class(camera.url).connect()
        client.write(b"DESCRIBE nowhere\r\n\r\n")
        await asyncio.wait_for(client.client.closed.wait(), 2)
        assert client.recorded == b""
        other = await client_class(camera.url).connect()
        assert (await other.request("OPTIONS", other.base))[0] == 200
        other.close()
