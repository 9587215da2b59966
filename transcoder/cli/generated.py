"""`python -m transcoder.cli.generated docs` writes the documents that are made from the code."""

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import yaml

from transcoder.api.access import Access
from transcoder.api.app import create_app
from transcoder.api.metrics_reference import metrics_page
from transcoder.api.state import ApiState
from transcoder.config import json_schema
from transcoder.config.reference import reference_page
from transcoder.control import Control, InfoDocument
from transcoder.control.event_reference import events_page
from transcoder.mqtt import asyncapi


class _Nothing:
    """Stands for a gateway that is only asked for its identity."""

    def info(self) -> InfoDocument:
        return InfoDocument(version="", node="", rtsp_port=0, started="")


def documents() -> Mapping[str, str]:
    """Make the text of each document, by its file name."""
    return {
        "asyncapi.yaml": yaml.safe_dump(asyncapi.document(version("transcoder")), sort_keys=False, width=120),
        "openapi.json": _json(openapi()),
        "config.schema.json": _json(json_schema()),
        "configuration.md": reference_page(),
        "metrics.md": metrics_page(),
        "events.md": events_page(),
    }


def openapi() -> dict[str, Any]:
    """Make the OpenAPI document."""
    app = create_app(cast(Control, _Nothing()), ApiState(Access({}), list, open_metrics=False))
    return app.openapi()


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write the documents into a folder."""
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
