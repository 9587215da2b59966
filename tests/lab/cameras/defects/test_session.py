"""The conversation's defects as transcripts; digests are computed here, by RFC 2617 and RFC 7616."""

import hashlib
import re

import pytest

from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.dialog import CameraDialog, Delivery
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.server import SimulatedCamera
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.messages import Headers, Request, Response

HOST = "rtsp://192.0.2.7:554"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


class Talk:
    def __init__(self, contents, *settings: str, password: str | None = None, number: int = 1, moved=None) -> None:
        behaviour = override(FAMILIES["longse"].behaviour, settings)
        camera = Camera(behaviour, contents[behaviour.codec], "1")
        credentials = None if password is None else Credentials(username="admin", password=password)
        self.dialog = CameraDialog(camera, credentials, number, lambda: (5000, 5001), moved)
        self.uri = HOST + behaviour.path

    def send(self, method: str, uri: str | None = None, *, now: float = 0.0, **fields: str) -> Response | None:
        headers = Headers([("CSeq", "7"), *fields.items()])
        return self.dialog.receive_request(Request(method=method, uri=uri or self.uri, headers=headers), now)

    def ask(self, method: str, uri: str | None = None, *, now: float = 0.0, **fields: str) -> Response:
        answer = self.send(method, uri, now=now, **fields)
        assert answer is not None
        return answer

    def play(self) -> None:
        assert self.ask("SETUP", Transport=TCP).status == 200
        assert self.ask("PLAY").status == 200


@pytest.mark.parametrize("status", [400, 401, 405, 451, 454, 501])
def test_refused_keep_alives(contents, status: int) -> None:
    talk = Talk(contents, f"keep_alive={status}")
    assert talk.ask("OPTIONS").status == 200
    talk.play()
    for method in ("OPTIONS", "GET_PARAMETER"):
        answer = talk.ask(method, now=50.0)
        assert answer.status == status
        assert (answer.headers.get("WWW-Authenticate") is not None) == (status == 401)
    assert talk.dialog.playing
    assert not talk.dialog.expired(100.0)
    assert talk.ask("TEARDOWN").status == 200


def test_unanswered_keep_alives(contents) -> None:
    """Hipcam."""
    talk = Talk(contents, "keep_alive=ignored")
    assert talk.ask("OPTIONS").status == 200
    talk.play()
    assert talk.send("OPTIONS") is None
    assert talk.send("GET_PARAMETER") is None
    assert talk.ask("TEARDOWN").status == 200


def field(answer: Response, name: str) -> str:
    value = answer.headers.get(name)
    assert value is not None
    return value


def parameters(value: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="?([^",]*)"?', value))


def login(talk: Talk, value: str, method: str = "DESCRIBE", *, qop: bool = False, now: float = 0.0) -> Response:
    """Answer a Digest challenge (RFC 7616 section 3.4.1; without qop RFC 2069)."""
    given = parameters(value)
    sha = given.get("algorithm", "MD5") != "MD5"

    def digest(text: str) -> str:
        return (hashlib.sha256 if sha else hashlib.md5)(text.encode()).hexdigest()

    first, second = digest(f"admin:{given['realm']}:pw"), digest(f"{method}:{talk.uri}")
    middle = f"{given['nonce']}:00000001:abcd:auth" if qop else given["nonce"]
    text = f'Digest username="admin", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{talk.uri}", '
    text += f'response="{digest(f"{first}:{middle}:{second}")}"'
    text += f", algorithm={given['algorithm']}" if sha else ""
    text += ', qop=auth, nc=00000001, cnonce="abcd"' if qop else ""
    return talk.ask(method, Authorization=text, now=now)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("qop", [False, True])
def test_digests(contents, algorithm: str, qop: bool) -> None:
    settings = (f"digest_algorithm={algorithm}", f"digest_qop={str(qop).lower()}")
    talk = Talk(contents, *settings, password="pw")
    value = field(talk.ask("DESCRIBE"), "WWW-Authenticate")
    assert ("algorithm=SHA-256" in value) == (algorithm == "SHA-256")
    assert ('qop="auth"' in value) == qop
    assert login(talk, value, qop=qop).status == 200
    assert login(talk, value.replace("realm", "realm=x, realm", 1).replace("IP", "x"), qop=not qop).status == 401


def test_an_algorithm_is_answered_as_it_was_spelled(contents) -> None:
    talk = Talk(contents, "digest_algorithm=SHA256", password="pw")
    value = field(talk.ask("DESCRIBE"), "WWW-Authenticate")
    assert "algorithm=SHA256," in f"{value},"
    assert login(talk, value.replace("SHA256", "SHA-256")).status == 401
    assert login(talk, value).status == 200


@pytest.mark.parametrize("understood", ["", "MD5", "SHA256"])
def test_two_algorithms_in_one_parameter(contents, understood: str) -> None:
    """Hikvision."""
    talk = Talk(contents, "digest_algorithm=MD5/SHA256", f"digest_understood={understood}", password="pw")
    value = field(talk.ask("DESCRIBE"), "WWW-Authenticate")
    assert value.endswith('algorithm="MD5/SHA256"')
    for name in ("MD5", "SHA256"):
        expected = 200 if understood in {"", name} else 401
        assert login(talk, value.replace("MD5/SHA256", name)).status == expected


def test_extra_fields_refused(contents) -> None:
    talk = Talk(contents, "authentication=basic", "extra_fields_refused=true", password="pw")
    good = "Basic YWRtaW46cHc="
    assert talk.ask("DESCRIBE", Authorization=good).status == 200
    assert talk.ask("DESCRIBE", Authorization=good, Accept="application/sdp").status == 401
    assert talk.ask("SETUP", Authorization=good, Transport=TCP).status == 200


def test_several_challenges(contents) -> None:
    talk = Talk(contents, "authentication=several", password="pw")
    values = talk.ask("DESCRIBE").headers.get_all("WWW-Authenticate")
    assert [value.split()[0] for value in values] == ["Digest", "Digest", "Basic"]
    assert "algorithm=SHA-256" in values[0]
    assert "random=" in values[0]  # scrypted#344
    assert login(talk, values[0]).status == 200
    assert login(talk, values[1]).status == 200
    assert talk.ask("DESCRIBE", Authorization="Basic YWRtaW46cHc=").status == 200


def test_nonces_expire(contents) -> None:
    """Axis."""
    talk = Talk(contents, "nonce_lifetime_s=150", password="pw")
    value = field(talk.ask("DESCRIBE"), "WWW-Authenticate")
    assert login(talk, value, now=100.0).status == 200
    answer = login(talk, value, now=151.0)
    assert answer.status == 401
    fresh = field(answer, "WWW-Authenticate")
    assert parameters(fresh)["stale"] == "TRUE"
    assert parameters(fresh)["nonce"] != parameters(value)["nonce"]
    assert login(talk, value, now=152.0).status == 401
    assert login(talk, fresh, now=153.0).status == 200


def test_redirect_to_another_path(contents) -> None:
    talk = Talk(contents, "redirect=path")
    answer = talk.ask("DESCRIBE")
    assert answer.status == 302
    assert answer.headers.get("Location") == f"{HOST}/moved/profile1"
    assert talk.ask("DESCRIBE", answer.headers.get("Location")).status == 200


def test_redirect_to_another_port(contents) -> None:
    answer = Talk(contents, moved=8554).ask("DESCRIBE")
    assert (answer.status, answer.headers.get("Location")) == (302, "rtsp://192.0.2.7:8554/profile1")


async def test_redirected_client_plays(contents, client_class) -> None:
    behaviour = override(FAMILIES["longse"].behaviour, ["redirect=port"])
    async with SimulatedCamera(behaviour, contents[behaviour.codec]) as camera:
        client = await client_class(camera.url).connect()
        status, text, _ = await client.request("DESCRIBE", client.base)
        client.close()
        assert status == 302
        location = re.search(r"Location: (\S+)", text)
        assert location is not None
        again = await client_class(location[1]).connect()
        assert again.port != client.port
        await again.play([0])
        assert await again.packets(0.2)
        again.close()


def test_busy_at_first(contents) -> None:
    assert Talk(contents, "busy_connections=2", number=2).ask("DESCRIBE").status == 503
    assert Talk(contents, "busy_connections=2", number=3).ask("DESCRIBE").status == 200


@pytest.mark.parametrize(
    ("settings", "text", "channels"),
    [
        (("interleaved=none",), "RTP/AVP/TCP;unicast;ssrc", (0, 1)),
        (("interleaved=single",), "RTP/AVP/TCP;unicast;interleaved=0;", (0, 1)),
        (("interleaved=other",), "RTP/AVP/TCP;unicast;interleaved=2-3;", (2, 3)),
        (("transport_without_tcp=true",), "RTP/AVP;unicast;interleaved=0-1;", (0, 1)),
    ],
)
def test_transport_of_setup(contents, settings, text: str, channels: tuple[int, int]) -> None:
    talk = Talk(contents, *settings)
    assert field(talk.ask("SETUP", Transport=TCP), "Transport").startswith(text)
    assert talk.dialog.deliveries == {0: Delivery(True, *channels)}


def test_play_changes_the_session_id(contents) -> None:
    talk = Talk(contents, "session_id_changes_in_play=true")
    first = field(talk.ask("SETUP", Transport=TCP), "Session").partition(";")[0]
    second = field(talk.ask("PLAY", Session=first), "Session")
    assert first != second
    assert talk.ask("TEARDOWN", Session=first).status == 200


def test_basic_alone_from_a_connection_on(contents) -> None:
    """As by a device in the camera's place."""
    for number, scheme in ((1, "Digest"), (2, "Basic"), (3, "Basic")):
        talk = Talk(contents, "basic_from_connection=2", password="s3cr3t", number=number)
        values = talk.ask("DESCRIBE").headers.get_all("WWW-Authenticate")
        assert [value.partition(" ")[0] for value in values] == [scheme]
        basic = talk.ask("DESCRIBE", Authorization="Basic YWRtaW46czNjcjN0")  # admin:s3cr3t
        assert (basic.status == 200) == (scheme == "Basic")


@pytest.mark.parametrize(("told", "size"), [("true", 0), ("none", None), ("large", 2)])
def test_the_size_of_a_description(contents, told: str, size: int | None) -> None:
    talk = Talk(contents, f"content_length={told}")
    answer = talk.ask("DESCRIBE")
    head, _, body = talk.dialog.camera.behaviour.session.written(answer).partition(b"\r\n\r\n")
    assert body == answer.body
    found = re.findall(rb"Content-Length: (\d+)", head)
    assert found == ([] if size is None else [str(len(body) + size).encode()])
