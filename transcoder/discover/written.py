"""What was found becomes lines for a configuration file: streams that are not enabled, and their assets.

What a device seems to be is a comment, not a key: a key is the operator's word, which is never overridden afterwards.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from transcoder.assets.importing.names import free_id, id_of
from transcoder.assets.tables import maker_named, url_templates
from transcoder.discover.found import Seems

_HEAD: Final = """\
# Cameras that `transcoder discover` found on {day}. Nothing here is pulled yet: look at each, give its login
# (source: {{url: ..., username: ..., password_file: ...}}) and set enabled to true.
"""


def as_yaml(devices: Sequence[Seems], taken: Iterable[str], day: str) -> str:
    """Return YAML of a stream and an asset for each device that is no stream yet; `check` accepts it.

    Args:
        devices: the devices.
        taken: the ids of streams and assets that the configuration has.
        day: the day of the look.
    """
    ids = set(taken)
    streams, assets = [], []
    for device in devices:
        if device.streams or device.is_a_gateway or not device.ports:
            continue
        name = free_id(id_of(device.name or f"camera {device.address}"), ids)
        ids.add(name)
        streams += [
            *_comments(device),
            f"  {name}:",
            f"    source: {_quoted(_url(device))}",
            "    enabled: false",
            f"    asset: {name}",
        ]
        keys = {"title": device.name, "model": device.model, "mac": device.mac}
        lines = [f"    {key}: {_quoted(value)}" for key, value in keys.items() if value]
        assets += [f"  {name}:", *lines] if lines else [f"  {name}: {{}}"]
    head = _HEAD.format(day=day)
    if not streams:
        return f"{head}streams: {{}}\n"
    return head + "\n".join(["streams:", *streams, "assets:", *assets]) + "\n"


def _comments(device: Seems) -> list[str]:
    maker = device.maker.value or "unknown"
    lines = [f"seems to be: maker {maker}, software {device.family or 'unknown'}"]
    if device.brand:
        lines.append(f"brand: {device.brand}")
    lines += list(device.because)
    if device.wants_login:
        lines.append("it wants a login")
    if not device.path[0] and device.maker.value not in url_templates():
        lines.append("the path of its stream is not known")
    return [f"  # {line}" for line in lines]


def _url(device: Seems) -> str:
    path, port = device.path
    if not path or path == "/":
        maker = maker_named(device.maker.value)
        template = url_templates().get(maker.name) if maker is not None else None
        path = path or (template.format(channel=1) if template is not None else "/")
    host = f"[{device.address}]" if ":" in device.address else device.address
    return f"rtsp://{host}:{port or device.ports[0]}{path}"


def _quoted(text: str) -> str:
    """Return a value in quotes; `${` would be a variable of the environment."""
    return json.dumps(text.replace("${", "$${"), ensure_ascii=False)
