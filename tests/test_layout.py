"""The shape of the source: small files, and tests that stand where one looks for them."""

import ast
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
PRODUCT = ROOT / "transcoder"
MAX_LINES = 400
SHELLS = {"net/rtsp_source.py": 250, "service/stream.py": 250, "service/gateway.py": 250}
"""Files that tie others together, and the lines that they stay below: what they grow by belongs elsewhere."""

TESTED_THROUGH = {
    "api/problem.py": "e2e/test_api_schemathesis.py",
    "api/read_only.py": "attacks/test_camera_addresses.py",
    "api/routes/*.py": "e2e/test_api_schemathesis.py",
    "api/security_headers.py": "api/test_page.py",
    "assets/importing/streams.py": "assets/importing/test_plan.py",
    "cli/*.py": "cli/test_main.py",
    "codecs/h26?_parameter_sets.py": "codecs/test_parameter_sets.py",
    "codecs/jpeg*.py": "formats/test_jpeg.py",
    "codecs/own_parameter_sets.py": "service/test_coded_pictures.py",
    "codecs/parameter_set_syntax.py": "codecs/test_parameter_sets.py",
    "config/advice.py": "config/test_mistakes.py",
    "config/listen.py": "config/test_server.py",
    "config/listeners.py": "config/test_mistakes.py",
    "config/model.py": "config/test_load.py",
    "config/section.py": "config/test_load.py",
    "control/asset_verbs.py": "control/test_assets.py",
    "control/document_parts.py": "api/test_push_metrics.py",
    "control/interfaces.py": "control/test_controller.py",
    "control/probe_documents.py": "control/test_source_probe.py",
    "control/questions.py": "control/test_controller.py",
    "control/verbs.py": "control/test_controller.py",
    "discover/device_visit.py": "discover/test_device_command.py",
    "discover/render.py": "discover/test_command.py",
    "fleet/file.py": "fleet/test_reading.py",
    "fleet/told.py": "cli/test_fleet_plan.py",
    "kernel.py": "worker/test_sandbox.py",
    "lab/bench/*.py": "lab/bench/test_bench.py",
    "lab/cameras/commands.py": "lab/cameras/test_process.py",
    "lab/cameras/content_packets.py": "lab/cameras/test_packets.py",
    "lab/cameras/encoder.py": "lab/cameras/test_content.py",
    "lab/cameras/families/*.py": "lab/cameras/test_families.py",
    "lab/cameras/login.py": "lab/cameras/test_dialog.py",
    "lab/cameras/numbered_packets.py": "lab/cameras/defects/test_packetization.py",
    "lab/cameras/offered_tracks.py": "lab/cameras/test_camera.py",
    "lab/cameras/private_packets.py": "lab/cameras/test_families.py",
    "lab/cameras/reports.py": "lab/cameras/defects/test_timing.py",
    "lab/cameras/scene_objects.py": "lab/cameras/test_scenes.py",
    "lab/cameras/side_media.py": "lab/cameras/test_families.py",
    "lab/cameras/surroundings.py": "lab/cameras/test_scenes.py",
    "lab/cameras/track.py": "lab/cameras/test_camera.py",
    "lab/cameras/udp.py": "lab/cameras/test_server.py",
    "lab/demo/*.py": "e2e/test_demo.py",
    "lab/json_lines.py": "lab/reader/test_process.py",
    "lab/reader/*.py": "lab/reader/test_process.py",
    "media/encoders/allow_list.py": "media/encoders/test_encoders.py",
    "media/encoders/protocol.py": "media/encoders/test_profiles.py",
    "media/encoders/x26?.py": "media/encoders/test_encoders.py",
    "mqtt/asset_commands.py": "mqtt/test_dispatch.py",
    "mqtt/asyncapi.py": "api/test_schema.py",
    "net/media_ports.py": "net/test_rtsp_source.py",
    "net/reader_connection.py": "net/test_rtsp_server.py",
    "net/tcp_outlet.py": "net/test_rtsp_server.py",
    "net/reader_udp.py": "net/test_rtsp_server_ends.py",
    "onvif/device_service.py": "onvif/test_server.py",
    "onvif/encoder_changes.py": "onvif/test_server.py",
    "onvif/event_service.py": "onvif/test_events.py",
    "onvif/media_service.py": "onvif/test_server.py",
    "onvif/media_words.py": "onvif/test_server.py",
    "onvif/stream_uris.py": "onvif/test_server.py",
    "output/silence.py": "output/test_output.py",
    "product.py": "rtsp/test_server.py",
    "report/charts.py": "report/test_page.py",
    "report/figures.py": "report/test_dataset.py",
    "report/groups.py": "report/test_dataset.py",
    "report/page_charts.py": "report/test_page.py",
    "report/progress.py": "report/test_dataset.py",
    "report/risks.py": "report/test_dataset.py",
    "report/sentence.py": "report/test_page.py",
    "report/style.py": "report/test_page.py",
    "report/timeline.py": "report/test_dataset.py",
    "rtsp/methods.py": "rtsp/test_server.py",
    "rtsp/setup_rules.py": "rtsp/test_server.py",
    "verify/bits.py": "verify/test_sequence_parameter_set.py",
    "verify/media.py": "verify/test_command.py",
    "worker/output_formats.py": "worker/test_output_chain.py",
    "worker/system_calls.py": "worker/test_sandbox.py",
    "service/push_status.py": "service/test_push.py",
    "service/worker_process.py": "service/test_worker.py",
    "media/sample_steps.py": "media/test_common_picture.py",
    "worker/whole_process.py": "e2e/test_worker_connection.py",
}
"""Modules, or patterns of modules, that no test imports by name, and the test that goes through them. An entry is taken
out when the module gets a test of its own."""


def modules() -> list[str]:
    found = (path.relative_to(PRODUCT) for path in PRODUCT.rglob("*.py"))
    return sorted(path.as_posix() for path in found if path.name not in {"__init__.py", "__main__.py"})


def imported() -> set[str]:
    """The modules that tests import by name, those apart that go through the whole gateway."""
    found: set[str] = set()
    for path in TESTS.rglob("*.py"):
        if path.relative_to(TESTS).parts[0] in {"e2e", "support"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_file_of_the_product_is_long() -> None:
    files = [*PRODUCT.rglob("*.py"), *(ROOT / "native").rglob("*.py")]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


@cache
def untested() -> frozenset[str]:
    known = imported()
    return frozenset(
        name
        for name in modules()
        if not (TESTS / name).with_name(f"test_{Path(name).name}").exists()
        and f"transcoder.{name.removesuffix('.py').replace('/', '.')}" not in known
    )


def test_what_ties_others_together_stays_small() -> None:
    lengths = {name: len((PRODUCT / name).read_text(encoding="utf-8").splitlines()) for name in SHELLS}
    assert {name: length for name, length in lengths.items() if length >= SHELLS[name]} == {}


def test_every_module_has_a_test_or_is_named_here() -> None:
    assert {name for name in untested() if not any(fnmatchcase(name, pattern) for pattern in TESTED_THROUGH)} == set()


def test_what_is_named_here_has_no_test_of_its_own() -> None:
    left = untested()
    assert [pattern for pattern in TESTED_THROUGH if not any(fnmatchcase(name, pattern) for name in left)] == []


def test_the_tests_that_are_named_here_exist() -> None:
    assert [path for path in TESTED_THROUGH.values() if not (TESTS / path).is_file()] == []
