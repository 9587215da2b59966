"""The running API held against its own OpenAPI document by schemathesis."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.control_world import Gateway, running

LIVE = ("/api/v1/streams/{stream}/live.mp4", "/api/v1/streams/{stream}/renditions/{rendition}/live.mp4")
ENDLESS = ("/api/v1/events", *LIVE)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,unsupported_method,ignored_auth,use_after_free,ensure_resource_availability"
)
MIN_OPERATIONS = 40
"""So many operations there are, of streams, assets, readers and the gateway: a document that lost some shows here."""
HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("amount", "one_body_in"),
    [
        # the same requests in each run: a fault that chance finds belongs to the run that has the time to look for it
        pytest.param(("--max-examples", "4", "--seed", "1"), 16, id="few"),
        pytest.param(("--max-examples", "100"), 1, id="many", marks=[pytest.mark.long, pytest.mark.timeout(1500)]),
    ],
)
def test_no_5xx_and_no_undocumented_answer(
    tmp_path: Path, state_dir: Path, amount: tuple[str, ...], one_body_in: int
) -> None:
    program = shutil.which("schemathesis") or str(Path(sys.executable).parent / "schemathesis")
    if not Path(program).exists():
        pytest.skip("schemathesis is not installed")
    (tmp_path / "ops.token").write_text("token-of-ops")
    gateway = Gateway(
        tmp_path,
        state_dir / "numba",
        None,
        {"front": {"source": "rtsp://127.0.0.1:9/"}},
        sources={"allow": ["127.0.0.0/8"]},  # whatever is made up, nothing but this machine is connected to
    )
    gateway.document["defaults"]["enabled"] = False
    gateway.document["http"]["tokens"] = {"ops": {"token_file": "ops.token", "role": "control"}}
    gateway.write()
    with running(gateway):
        command = [program, "run", f"http://127.0.0.1:{gateway.http_port}/openapi.json", "--no-color"]
        command += ["-H", "Authorization: Bearer token-of-ops", "--checks", CHECKS, *amount]
        # these never end, which is what they are for; they have tests of their own
        command += [word for path in ENDLESS for word in ("--exclude-path", path)]
        command += ["--request-timeout", "20", "--generation-database", "none"]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
        environment["ONE_BODY_IN"] = str(one_body_in)
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1400, check=False
        )
        assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
        paths = gateway.http("GET", "/openapi.json")[2]["paths"]
        every = sum(len(operations) for path, operations in paths.items() if path not in ENDLESS)
        assert f"Tested: {every}" in result.stdout, result.stdout[-3000:]
        assert every >= MIN_OPERATIONS
        log = gateway.log.read_text()
        assert "Traceback" not in log
        assert '"exception"' not in log
