"""The metrics of what is sent to servers."""

from typing import Any

from transcoder.api.push_metrics import push_metrics
from transcoder.control import PushDocument, StreamStateDocument


def samples(**pushes: PushDocument) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for family in push_metrics({"front": StreamStateDocument.model_construct(push=pushes)}):
        for sample in family.samples:
            assert sample.labels["stream"] == "front"
            found[sample.name, sample.labels["target"]] = sample.value
    return found


def push(**values: Any) -> PushDocument:
    return PushDocument(**{"target": "rtsp://10.0.0.9:554", "rendition": "main", "since": "", **values})


def test_each_target_has_its_numbers() -> None:
    found = samples(
        vms=push(state="playing", starts=3, losses=2, bytes=1000, dropped=4), off=push(state="disabled"),
        away=push(state="waiting"),
    )  # fmt: skip
    assert {name: value for (name, target), value in found.items() if target == "vms"} == {
        "transcoder_push_up": 1,
        "transcoder_push_starts_total": 3,
        "transcoder_push_losses_total": 2,
        "transcoder_push_sent_bytes_total": 1000,
        "transcoder_push_drops_total": 4,
    }
    assert found["transcoder_push_up", "away"] == 0
    assert "off" not in {target for _, target in found}
    assert "10.0.0.9" not in repr(found)
