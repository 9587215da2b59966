"""Events and states of a stream, as lines for people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from transcoder.service.camera_log import format_text
from transcoder.service.channel_words import channel_word
from transcoder.text import printable

MAX_LINE: Final = 1000
"""Characters of a line, at most."""


def event_line(event: Mapping[str, Any]) -> str:
    """Return one line for an event: when, what, why.

    Args:
        event: the document of the event.
    """
    detail = dict(event["detail"])
    what = event["event_type"].replace("_", " ")
    if event["event_type"] == "channel_seen":
        what = f"not let through: {channel_word(str(detail.pop('layer', '')), str(detail.pop('kind', '')))}"
    if detail.pop("active", True) is False:
        what += " is over"
    if reason := detail.pop("reason", None):
        what += f": {reason}"
    rest = ", ".join(f"{key} {_shown(value)}" for key, value in detail.items() if value not in (None, [], {}))
    return printable(f"{_time(event['ts'])} {what}{f' ({rest})' if rest else ''}", MAX_LINE)


def state_line(document: Mapping[str, Any]) -> str:
    """Return one line for the present state of a stream.

    Args:
        document: the document of the stream.
    """
    state = document["state"]
    named = ", ".join(str(state[key]) for key in ("title", "site") if state.get(key))
    text = f"{document['id']}{f' ({named})' if named else ''}: {state['status']} since {_time(state['since'])}"
    if state["problem"]:
        text += f": {state['problem']}"
    if state["next_attempt_at"]:
        text += f"; next try at {_time(state['next_attempt_at'])}"
    if state["state"] == "playing":
        readers = state["output"]["readers"]
        text += f": {format_text(state['output'])}, {readers} {'reader' if readers == 1 else 'readers'}"
    return printable(text, MAX_LINE)


def _time(text: str) -> str:
    """Return a time on this machine's clock; events of yesterday have their date."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
