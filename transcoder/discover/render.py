"""What was found is shown to people: a table on a terminal, lines elsewhere; a device's text is never markup."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from transcoder.discover.found import Seems


def render(devices: Sequence[Seems], has_config: bool, is_cut_short: bool, console: Console) -> None:
    """Write the devices.

    Args:
        devices: the devices.
        has_config: whether there is a configuration whose streams are known.
        is_cut_short: whether the search ended early.
        console: the devices are written here.
    """
    columns = ("address", "RTSP", "seems to be", "because", "in the inventory")
    rows = [_row(device, has_config) for device in devices]
    if console.is_terminal:
        table = Table(*columns)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
    else:
        for row in rows:
            console.print(Text(" | ".join(cell for cell in row if cell)), soft_wrap=True)
    new = sum(1 for device in devices if not device.streams and not device.is_a_gateway)
    count = f"{len(devices)} device{'' if len(devices) == 1 else 's'}"
    text = count + (f", {new} of them in no stream" if has_config else "")
    console.print(Text(f"{text}{', so far' if is_cut_short else ''}", "bold"), soft_wrap=True)


def render_json(devices: Sequence[Seems], has_config: bool, is_cut_short: bool, console: Console) -> None:
    """Write the devices as JSON, see `render`."""
    document = {
        "complete": not is_cut_short,
        "inventory": has_config,
        "devices": [device.document() for device in devices],
    }
    console.out(json.dumps(document, indent=2), highlight=False)


def _row(device: Seems, has_config: bool) -> tuple[str, ...]:
    ports = ", ".join(map(str, device.ports)) or "ONVIF alone"
    known = ", ".join(device.streams) or ("no" if has_config else "")
    if device.is_a_gateway:
        return device.address, ports, "a gateway of this product", "", ""
    parts = [f"maker {device.maker.value or 'unknown'}", f"software {device.family or 'unknown'}"]
    parts += [f"{name} {value}" for name, value in (("brand", device.brand), ("model", device.model)) if value]
    because = [*device.because, *(["wants a login"] if device.wants_login else [])]
    return device.address, ports, ", ".join(parts), "; ".join(because), known
