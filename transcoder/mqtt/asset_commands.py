"""Commands that concern assets are carried out here.

An answer goes where whoever may read the broker sees it: nothing that helps an attacker stands in it.
"""

from typing import Any

from transcoder.control import Writer
from transcoder.control.asset_verbs import AssetControl
from transcoder.mqtt.commands import Command


async def carry_out(assets: AssetControl, command: Command, by: Writer) -> Any:
    """Carry out a command; return the data of its answer.

    Raises:
        Rejected: the command can't be carried out.
    """
    name = command.asset
    match command.verb:
        case "asset_list":
            states = assets.states().items()
            return [{"id": asset, "state": state, "streams": list(streams)} for asset, (state, streams) in states]
        case "asset_get":
            return assets.asset(name, confidential=False).model_dump(mode="json")
        case "asset_add":
            return (await assets.add(name, command.keys, by, confidential=False)).model_dump(mode="json")
        case "asset_update":
            changed = await assets.update(name, command.keys, by, command.if_match, confidential=False)
            return changed.model_dump(mode="json")
        case _:
            await assets.remove(name, by, command.if_match)
            return None
