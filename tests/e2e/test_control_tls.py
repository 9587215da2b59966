"""MQTT and HTTP over TLS, with passwords and client certificates; real broker."""

import asyncio
import signal
import ssl
import subprocess
from pathlib import Path

import aiomqtt
import pytest

from tests.support.control_world import BASE, Broker, Gateway, running
from tests.support.described_messages import SECRET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    folder = tmp_path / "tls"
    folder.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test ca")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name in ("server", "gateway"):
        openssl("req", *new[:-2], "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", "names", "-out", f"{name}.pem"),
        )
    return folder


async def test_tls_passwords_and_client_certificates(tmp_path: Path, numba: Path, certificates: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "gw", SECRET], check=True)
    broker = Broker(
        tmp_path,
        f"cafile {certificates}/ca.pem\ncertfile {certificates}/server.pem\nkeyfile {certificates}/server.key\n"
        f"require_certificate true\npassword_file {passwords}\nallow_anonymous false\n",
    )
    (tmp_path / "mqtt.secret").write_text(SECRET)
    (tmp_path / "ops.token").write_text("token-of-ops")
    (tmp_path / "eye.token").write_text("token-of-eye")
    gateway = Gateway(
        tmp_path,
        numba,
        None,
        {},
        mqtt={
            "url": f"mqtts://127.0.0.1:{broker.port}",
            "username": "gw",
            "password_file": "mqtt.secret",
            "ca_file": "tls/ca.pem",
            "cert_file": "tls/gateway.pem",
            "key_file": "tls/gateway.key",
        },
    )
    gateway.document["http"] |= {
        "cert_file": "tls/server.pem",
        "key_file": "tls/server.key",
        "tokens": {"ops": {"token_file": "ops.token", "role": "control"}, "eye": {"token_file": "eye.token"}},
    }
    gateway.write()
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))

    def curl(path: str, token: str | None, *arguments: str) -> str:
        header = ["-H", f"Authorization: Bearer {token}"] if token else []
        command = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--cacert",
            str(certificates / "ca.pem"),
            *header,
        ]
        url = f"https://127.0.0.1:{gateway.http_port}{path}"
        return subprocess.run([*command, *arguments, url], capture_output=True, text=True, check=False).stdout

    gateway.is_ready = lambda: curl("/readyz", None) == "200"  # type: ignore[method-assign]
    with running(broker, gateway):
        context.load_cert_chain(certificates / "gateway.pem", certificates / "gateway.key")
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, username="gw", password=SECRET, tls_context=context
        ) as client:
            await client.subscribe(f"{BASE}/status", qos=1)
            async for message in client.messages:
                if message.payload == b"online":
                    break
        new = [
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            '{"id": "a", "source": "rtsp://127.0.0.1:9/"}',
        ]
        assert curl("/api/v1/streams", None) == "401"
        assert curl("/api/v1/streams", "wrong") == "401"
        assert curl("/metrics", None) == "401"
        assert curl("/healthz", None) == "200"
        assert curl("/api/v1/streams", "token-of-eye") == "200"
        assert curl("/api/v1/streams", "token-of-eye", *new) == "403"
        assert curl("/api/v1/streams", "token-of-ops", *new) == "201"
        # another token in the file holds after a reload
        (tmp_path / "ops.token").write_text("another-token-of-ops")
        gateway.started.send_signal(signal.SIGHUP)
        for _ in range(100):
            if curl("/api/v1/streams", "token-of-ops") == "401":
                break
            await asyncio.sleep(0.1)
        assert curl("/api/v1/streams", "another-token-of-ops") == "200"
