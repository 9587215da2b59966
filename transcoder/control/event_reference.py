"""This module writes the page docs/events.md: every event, its meaning and the keys of its detail."""

from typing import Final

from transcoder.control.documents import EVENT_TYPES

EVENTS: Final[dict[str, tuple[str, str]]] = {
    "added": ("A stream was added, by a command or by a new version of the file.", ""),
    "updated": ("A stream has another configuration.", "`changed`: the keys"),
    "removed": ("A stream was removed.", ""),
    "swapped": (
        "The stream pulls another camera from now on, by a swap or by its roll-back.",
        "`by`, `rolled_back`, `from_asset`, `to_asset`",
    ),
    "source_lost": ("The camera was playing and its connection ended. The gateway tries again.", "`reason`"),
    "source_encrypted": ("Pictures come that the camera encrypted, so none can be shown.", "`reason`"),
    "source_unreadable": (
        "Pictures come that refer to parameter sets which the camera never sends, so none can be shown.",
        "`reason`",
    ),
    "source_recovered": ("Pictures of the camera are shown again.", ""),
    "camera_key_changed": (
        "The camera shows a TLS key that is not trusted; nothing is asked of it until the key is accepted.",
        "`reason`, `fingerprint`: the SHA-256 of the key",
    ),
    "camera_login_downgraded": (
        "The camera asks for the password in clear, and for Digest before; it gets none until that is accepted.",
        "`reason`",
    ),
    "worker_restarted": ("A worker process was lost and is replaced.", "`reason`"),
    "restarted": ("Somebody asked for a restart of the stream.", "`by`"),
    "channel_seen": ("Something that is not let through was seen for the first time.", "`layer`, `kind`"),
    "format_changed": (
        "The served size or codec changed, so the readers' sessions ended.",
        "`codec`, `width`, `height`, `frame_rate`",
    ),
    "overload": (
        "The machine has no time for all pictures of the stream, or has it again.",
        "`active`, `rate_divisor`, `slow_decoding_ms`",
    ),
    "picture_frozen": (
        "The camera's picture has been the same bit for bit for ten seconds, or moves again.",
        "`active`",
    ),
    "picture_dark": ("The picture has become dark, or light again.", "`active`"),
    "picture_covered": ("Something seems to cover the lens, or no longer does.", "`active`"),
    "scene_changed": ("The camera looks at another scene than the one it is known for.", "`active`"),
    "verdict": (
        "The gateway verified a stream as a reader would ([verify.md](verify.md)).",
        "`verdict` (`clean`, `unclean`, `nothing to judge`), `reason`, `number`, `pictures`, `seconds`, `by`",
    ),
    "asset_state": (
        "The asset of the stream has another state ([phase-out.md](phase-out.md)); null where it feeds none.",
        "`asset`, `state`, `before`, `because`: the facts that the state follows from",
    ),
    "config_rejected": ("A change was refused; nothing was changed.", "`by`, `reason`, `problems`, `id`"),
    "config_reloaded": ("The file was read anew.", "`changed`, `at_next_start`"),
    "reader_connected": (
        "A reader began to play.",
        "`session`, `user`, `transport`",
    ),
    "reader_gone": (
        "A reader's session ended, or, with a null `stream`, a connection without one ([reasons](runbook.md)).",
        "`session`, `user`, `transport`, `reason`, `after_s`, `bytes`, `dropped`; `count` in a flood: how many ended",
    ),
    "push_started": ("A stream is sent to one of its targets.", "`target`: the name of the target, `rendition`"),
    "push_lost": (
        "A stream can't be sent to one of its targets. The gateway tries again, and tells it less and less often.",
        "`target`, `rendition`, `reason`",
    ),
}
"""The meaning of each event type, and the keys of its detail."""

_HEAD: Final = """# Events

An event says that something happened to a stream or to the gateway. It is a JSON object with `sequence` (counts up from
1 at each start), `event_type`, `stream` (null for the gateway's own), `ts` (RFC 3339, UTC) and `detail`. They come by
`GET /api/v1/events` (server-sent events; `Last-Event-ID` brings those missed, the last 512 at most) and by MQTT on
`<base>/<node>/stream/<id>/event`. `GET /api/v1/streams/<id>/events?since=` has the last 80 of a stream, 16 of them of
readers, since the gateway was started; `transcoder logs STREAM` prints them.

This page is made from the code (`python -m transcoder.cli.generated docs`).

| event | meaning | detail |
|---|---|---|
"""


def events_page() -> str:
    """Return the text of docs/events.md.

    Raises:
        KeyError: an event of the documents is missing in EVENTS.
    """
    order = [*EVENTS, *sorted(EVENT_TYPES - EVENTS.keys())]
    rows = [(kind, *EVENTS[kind]) for kind in order if kind in EVENT_TYPES]
    return _HEAD + "".join(f"| `{kind}` | {meaning} | {detail} |\n" for kind, meaning, detail in rows)
