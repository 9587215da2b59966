"""Devices are asked over HTTP on loopback: who may ask what, what is answered, and what a change does."""

import asyncio
import http.client
import urllib.error
import urllib.request
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest

from tests.net.test_rtsp_source import until
from tests.support.onvif_client import token as signed
from tests.support.onvif_world import CONFIG, NPM_ONVIF, PASSWORD, FakeController, device, envelope, media, serving
from transcoder.onvif import application, namespaces
from transcoder.onvif import server as server_module
from transcoder.onvif.server import OnvifServer
from transcoder.onvif.soap import SoapRequest, parse_request

pytestmark = pytest.mark.xdist_group("discovery")  # the devices of all tests answer questions to one group

NAMES = {prefix: uri for prefix, uri in namespaces.PREFIXES.items() if prefix != "own"}


def token(user: str = "vms", password: str = PASSWORD) -> str:
    return signed(user, password)


def port_of(server: OnvifServer, name: str) -> int:
    return next(port for port, device in server.ports.items() if device == name)


async def ask(
    server: OnvifServer, body: bytes, name: str = "front", kind: str = "application/soap+xml"
) -> tuple[int, Element, http.client.HTTPMessage]:
    def request() -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", port_of(server, name), timeout=10)
        connection.request("POST", "/onvif/device_service", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.msg

    status, text, headers = await asyncio.to_thread(request)
    return status, ET.fromstring(text), headers  # noqa: S314  # our own answer


async def answered(server: OnvifServer, operation: str, name: str = "front", user: str = "vms") -> Element:
    password = {"vms": "geheim", "guard": "wache"}[user]
    status, tree, _ = await ask(server, envelope(operation, token(user, password)), name)
    assert status == 200, ET.tostring(tree)
    return tree


def reason(tree: Element) -> str:
    return tree.findtext(".//s:Fault/s:Reason/s:Text", "", NAMES)


def codes(tree: Element) -> list[str]:
    return [each.text or "" for each in tree.findall(".//s:Fault//s:Value", NAMES)]


async def test_the_time_and_the_services_are_told_without_a_login() -> None:
    async with serving(FakeController()) as server:
        for operation in ("GetSystemDateAndTime", "GetServices", "GetCapabilities", "GetHostname"):
            status, tree, headers = await ask(server, envelope(device(operation)), kind="text/xml")
            assert (status, tree.find(f".//tds:{operation}Response", NAMES) is not None) == (200, True)
            assert headers["Content-Type"] == "application/soap+xml; charset=utf-8"
        port = port_of(server, "front")
        _, tree, _ = await ask(server, envelope(device("GetCapabilities")))
        found = tree.findtext(".//tt:Media/tt:XAddr", "", NAMES)
        assert found == f"http://127.0.0.1:{port}/onvif/media_service"


async def test_everything_else_needs_a_login_and_may_be_asked_by_either() -> None:
    async with serving(FakeController()) as server:
        status, tree, headers = await ask(server, envelope(device("GetDeviceInformation")))
        assert (status, codes(tree)) == (401, ["s:Sender", "ter:NotAuthorized"])
        assert headers["WWW-Authenticate"].startswith('Digest realm="transcoder", nonce="')
        assert 'qop="auth"' in headers["WWW-Authenticate"]
        status, tree, _ = await ask(server, envelope(device("GetDeviceInformation"), token(password="wrong")))
        assert (status, codes(tree)) == (400, ["s:Sender", "ter:NotAuthorized"])
        status, tree, _ = await ask(server, NPM_ONVIF.encode())
        assert "the clock of the client is" in reason(tree)

        def by_digest() -> bytes:
            url = f"http://127.0.0.1:{port_of(server, 'front')}/onvif/device_service"
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            passwords.add_password(None, url, "vms", "geheim")
            opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
            with opener.open(url, envelope(device("GetDeviceInformation")), timeout=10) as answer:
                return bytes(answer.read())

        assert b"<tds:Model>" in await asyncio.to_thread(by_digest)


async def test_an_overheard_login_by_digest_is_of_no_use_from_the_same_address() -> None:
    controller = FakeController()
    async with serving(controller) as server:
        url = f"http://127.0.0.1:{port_of(server, 'front')}/onvif/device_service"
        heard: list[str] = []

        class Listener(urllib.request.HTTPDigestAuthHandler):
            def get_authorization(self, req: Any, chal: Any) -> str:
                heard.append(f"Digest {super().get_authorization(req, chal)}")
                return heard[-1].removeprefix("Digest ")

        def ask_for_profiles() -> int:
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            passwords.add_password(None, url, "vms", "geheim")
            with urllib.request.build_opener(Listener(passwords)).open(url, envelope(media("GetProfiles"))) as answer:
                return int(answer.status)

        def replay() -> tuple[int, str]:
            request = urllib.request.Request(url, envelope(device("SystemReboot")), {"Authorization": heard[-1]})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                    return answer.status, ""
            except urllib.error.HTTPError as error:
                return error.code, error.headers["WWW-Authenticate"]

        assert await asyncio.to_thread(ask_for_profiles) == 200
        status, challenge = await asyncio.to_thread(replay)
        assert status == 401
        assert challenge.endswith("stale=true")
        assert controller.done == []
        assert server.numbers.refused_logins["replayed"] == 1


async def test_an_empty_request_without_a_login_is_challenged_as_curl_needs_it() -> None:
    # `curl --digest -d @file` first sends a POST with Content-Length 0
    async with serving(FakeController()) as server:
        status, tree, headers = await ask(server, b"")
        assert (status, codes(tree)) == (401, ["s:Sender", "ter:NotAuthorized"])
        assert headers["WWW-Authenticate"].startswith('Digest realm="transcoder", nonce="')
    async with serving(
        FakeController(
            CONFIG.replace(", users: {vms: {password: geheim}, guard: {password: wache, streams: [back]}}", "").replace(
                ", control: [vms]", ""
            )
        )
    ) as server:
        assert (await ask(server, b""))[0] == 400


async def test_a_user_sees_the_streams_that_it_may_read_alone() -> None:
    async with serving(FakeController()) as server:
        asked = envelope(media("GetProfiles"), token("guard", "wache"))
        status, tree, _ = await ask(server, asked)
        assert (status, reason(tree)) == (400, "this user may not read this stream")
    one = FakeController(CONFIG.replace("control: [vms]", "mode: one_device"))
    async with serving(one) as server:
        tree = await answered(server, media("GetVideoSources"), "", "guard")
        assert [each.get("token") for each in tree.findall(".//trt:VideoSources", NAMES)] == ["back"]


async def test_profiles_are_those_that_are_served() -> None:
    async with serving(FakeController()) as server:
        tree = await answered(server, media("GetProfiles"))
        main, sub = tree.findall(".//trt:Profiles", NAMES)
        assert [each.get("token") for each in (main, sub)] == ["front.main", "front.sub"]
        encoder = main.find("tt:VideoEncoderConfiguration", NAMES)
        assert encoder is not None
        found = {each.tag.rpartition("}")[2]: each.text for each in encoder.iter() if each.text}
        wanted = {"Encoding": "H264", "Width": "1280", "Height": "720", "FrameRateLimit": "10", "BitrateLimit": "2500"}
        assert wanted.items() <= found.items()
        assert found["GovLength"] == "20"  # two seconds of ten pictures
        assert sub.findtext("tt:VideoEncoderConfiguration/tt:Resolution/tt:Width", "", NAMES) == "640"
        source = main.find("tt:VideoSourceConfiguration", NAMES)
        assert source is not None
        assert source.findtext("tt:Name", "", NAMES) == "Front <door> & yard"
        # H.265 has no place in this service
        assert (await answered(server, media("GetProfiles"), "back")).find(".//trt:Profiles", NAMES) is None


@pytest.mark.parametrize(
    ("protocol", "uri"),
    [
        ("RTSP", "rtsp://127.0.0.1:8554/front/sub"),
        ("UDP", "rtsp://127.0.0.1:8554/front/sub"),
        ("HTTP", "http://127.0.0.1:8554/front/sub"),
    ],
)
async def test_a_stream_is_found_by_each_protocol(protocol: str, uri: str) -> None:
    schema = f'xmlns:x="{namespaces.SCHEMA}"'
    setup = (
        f"<t:StreamSetup><x:Stream {schema}>RTP-Unicast</x:Stream><x:Transport {schema}>"
        f"<x:Protocol>{protocol}</x:Protocol></x:Transport></t:StreamSetup>"
    )
    asked = media("GetStreamUri", f"{setup}<t:ProfileToken>front.sub</t:ProfileToken>")
    async with serving(FakeController()) as server:
        assert (await answered(server, asked)).findtext(".//tt:Uri", "", NAMES) == uri
        status, tree, _ = await ask(server, envelope(asked.replace("Unicast", "Multicast"), token()))
        assert (status, codes(tree)[-1]) == (400, "ter:InvalidStreamSetup")
        status, tree, _ = await ask(server, envelope(asked.replace("front.sub", "nobody"), token()))
        assert (status, codes(tree)[-1]) == (400, "ter:NoProfile")


async def test_a_snapshot_is_taken_with_the_same_login() -> None:
    async with serving(FakeController()) as server:
        uri = (await answered(server, media("GetSnapshotUri", "<t:ProfileToken>front.sub</t:ProfileToken>"))).findtext(
            ".//tt:Uri", "", NAMES
        )
        assert uri.endswith("/snapshot/front/sub.jpg")

        def fetch(user: str, password: str, url: str) -> tuple[int, bytes]:
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            passwords.add_password(None, url, user, password)
            opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
            try:
                with opener.open(url, timeout=10) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, b""

        assert await asyncio.to_thread(fetch, "vms", "geheim", uri) == (200, b"\xff\xd8 front.sub")
        main = uri.removesuffix("/sub.jpg") + ".jpg"
        assert await asyncio.to_thread(fetch, "vms", "geheim", main) == (200, b"\xff\xd8 front.main")
        assert (await asyncio.to_thread(fetch, "guard", "wache", uri))[0] == 403
        gone = uri.replace("front/sub", "../../etc/passwd")
        assert (await asyncio.to_thread(fetch, "vms", "geheim", gone))[0] == 404


def encoder(token: str, bitrate: int = 2500, fps: int = 10, gov: int = 20, width: int = 1280) -> str:
    """A configuration as npm onvif sends it back."""
    return media(
        "SetVideoEncoderConfiguration",
        f'<t:Configuration xmlns:x="{namespaces.SCHEMA}" token="{token}"><x:Encoding>H264</x:Encoding>'
        f"<x:Resolution><x:Width>{width}</x:Width><x:Height>720</x:Height></x:Resolution>"
        f"<x:RateControl><x:FrameRateLimit>{fps}</x:FrameRateLimit><x:BitrateLimit>{bitrate}</x:BitrateLimit>"
        f"</x:RateControl><x:H264><x:GovLength>{gov}</x:GovLength></x:H264></t:Configuration>",
    )


async def test_an_encoder_is_set_by_the_way_of_every_change() -> None:
    controller = FakeController()
    async with serving(controller) as server:
        await answered(server, encoder("front.main.video", bitrate=1500))
        await answered(server, encoder("front.main.video", fps=5, gov=10))
        await answered(server, encoder("front.main.video"))  # as it is: nothing to do
        status, tree, _ = await ask(server, envelope(encoder("front.main.video", width=640), token()))
        assert (status, codes(tree)[-1]) == (400, "ter:ConfigModify")
        status, tree, _ = await ask(server, envelope(encoder("front.main.video", bitrate=1), token()))
        assert (status, codes(tree)[-1]) == (400, "ter:ConfigModify")
    assert controller.done == [
        ("update", "front", {"video": {"bitrate_kbps": 1500}}, "onvif:vms"),
        ("update", "front", {"video": {"fps": 5.0, "gop_s": 2.0}}, "onvif:vms"),
    ]


async def test_only_users_with_the_right_change_anything() -> None:
    controller = FakeController(CONFIG.replace("control: [vms]", "control: []"))
    async with serving(controller) as server:
        for operation in (encoder("front.main.video", bitrate=1500), device("SystemReboot")):
            status, tree, _ = await ask(server, envelope(operation, token()))
            assert (status, codes(tree)[-1]) == (400, "ter:OperationProhibited")
    assert controller.done == []


async def test_a_synchronization_point_is_an_idr() -> None:
    controller = FakeController()
    async with serving(controller) as server:
        await answered(server, media("SetSynchronizationPoint", "<t:ProfileToken>front.main</t:ProfileToken>"))
    assert controller.done == [("keyframe", "front")]


async def test_a_profile_is_refused_before_a_login_and_what_there_is_not_is_said_so() -> None:
    async with serving(FakeController()) as server:
        status, tree, _ = await ask(server, envelope(media("CreateProfile", "<t:Name>x</t:Name>")))
        assert (status, codes(tree)[-1]) == (400, "ter:MaxNVTProfiles")
        status, tree, _ = await ask(server, envelope(device("UpgradeSystemFirmware"), token()))
        assert (status, codes(tree)[-1]) == (400, "ter:ActionNotSupported")
        assert "not implemented" in reason(tree)  # in lower case: Home Assistant looks for it


async def test_each_device_is_one_of_its_own_and_stays_it() -> None:
    hardware: dict[str, set[str]] = {}
    for _ in range(2):
        async with serving(FakeController()) as server:
            for name in ("front", "back"):
                tree = await answered(server, device("GetNetworkInterfaces"), name)
                hardware.setdefault(name, set()).add(tree.findtext(".//tt:HwAddress", "", NAMES))
    assert {name: len(found) for name, found in hardware.items()} == {"front": 1, "back": 1}
    assert hardware["front"] != hardware["back"]
    assert all(int(address[:2], 16) & 3 == 2 for found in hardware.values() for address in found)  # local, unicast


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"405"),
        (b"PUT /snapshot/front.jpg HTTP/1.1\r\nHost: a\r\n\r\n", b"405"),
    ],
)
async def test_what_no_client_sends_is_answered_shortly(head: bytes, status: bytes) -> None:
    async with serving(FakeController()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "front"))
        writer.write(head + b"x" * 70_000)
        assert (await asyncio.wait_for(reader.readline(), 5)).split()[1] == status
        writer.close()


async def test_a_host_that_is_none_gets_into_no_answer() -> None:
    async with serving(FakeController()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server, "front"))
        body = envelope(device("GetServices"))
        writer.write(b'POST / HTTP/1.1\r\nHost: "><evil>\r\nConnection: close\r\n')
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert b"evil" not in answer
        assert b"http://127.0.0.1:" in answer


async def test_devices_follow_the_configuration_and_their_ports_stay() -> None:
    controller = FakeController()
    async with serving(controller) as server:
        before, gone = port_of(server, "front"), port_of(server, "back")
        less = {name: stream for name, stream in controller.config.streams.items() if name != "back"}
        controller.config = controller.config.model_copy(update={"streams": less})
        await server.look(0.0)
        assert list(server.ports.values()) == ["front"]
        assert port_of(server, "front") == before
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", gone)


async def test_a_fault_of_the_look_after_devices_does_not_end_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "LOOK_S", 0.0)
    looks: list[float] = []

    async def fail(_: OnvifServer, now: float) -> None:
        looks.append(now)
        raise RuntimeError("a fault")

    monkeypatch.setattr(OnvifServer, "look", fail)
    async with serving(FakeController()) as server:
        await until(lambda: len(looks) > 2)
        assert not any(task.done() for task in server.tasks)


async def test_what_clients_ask_is_counted() -> None:
    async with serving(FakeController()) as server:
        await answered(server, media("GetProfiles"))
        await ask(server, b"<a>")
        await ask(server, envelope(device("GetUsers"), token(password="wrong")))
        numbers = server.numbers
    assert numbers.requests == {"GetProfiles": 1, "GetUsers": 1}
    assert numbers.faults == {"ter:WellFormed": 1, "ter:NotAuthorized": 1}
    assert numbers.refused_logins == {"wrong": 1, "skewed": 0, "replayed": 0}


async def test_a_source_is_named_otherwise_than_its_token() -> None:
    """npm onvif 0.8.3 (getActiveSources) takes a profile with such a name for one of every source of the device."""
    one = FakeController(CONFIG.replace("control: [vms]", "mode: one_device"))
    async with serving(one) as server:
        tree = await answered(server, media("GetVideoSourceConfigurations"), "")
    names = {
        each.findtext("tt:SourceToken", "", NAMES): each.findtext("tt:Name", "", NAMES)
        for each in tree.findall(".//trt:Configurations", NAMES)
    }
    assert names == {"front": "Front <door> & yard", "back": "back.view"}


async def test_requests_that_come_at_once_are_read_one_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turn, read_at = 0, list[int]()

    def reading(body: bytes) -> SoapRequest:
        read_at.append(turn)
        return parse_request(body)

    async def count() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"<a/>"}

    async def send(_: object) -> None:
        pass

    monkeypatch.setattr(application, "parse_request", reading)
    async with serving(FakeController()) as server:
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "query_string": b"",
            "headers": [],
            "client": None,
        }
        scope["server"] = ("127.0.0.1", port_of(server, "front"))
        counting = asyncio.get_running_loop().create_task(count())
        await asyncio.gather(*(server.application(scope, receive, send) for _ in range(10)))
        counting.cancel()
    assert len(read_at) == len(set(read_at)) == 10
