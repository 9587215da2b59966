"""A list of cameras is compared with the configuration; what differs is changed by the gateway, or in its state."""

import asyncio
import getpass
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from transcoder.assets.importing.columns import LEFT_OUT, entry, fields_of, read_mapping
from transcoder.assets.importing.configured import known_of, rules_of
from transcoder.assets.importing.plan import Plan, make_plan
from transcoder.assets.importing.table import MAX_BYTES, read_table
from transcoder.cli.fleet import Fleet, read_fleet
from transcoder.cli.gateway_client import GatewayClient
from transcoder.cli.token_file import read_token
from transcoder.config.difference import Difference
from transcoder.control.asset_changes import change_many
from transcoder.control.changes import IMPORT, Change, Changes
from transcoder.control.writer import Writer
from transcoder.errors import TranscoderError
from transcoder.logs import configure_logs
from transcoder.regular_file import read_regular
from transcoder.service.state_folder import is_locked
from transcoder.service.store import Store, now_text
from transcoder.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Holds a list that was compared.

    Attributes:
        path: the configuration file.
        fleet: the assets as they are.
        plan: what would change.
        left_out: the columns that seem to hold secrets, of which nothing is kept.
    """

    path: Path
    fleet: Fleet
    plan: Plan
    left_out: tuple[str, ...] = ()


def compare(path: Path, table: Path, mapping: Iterable[str]) -> Import:
    """Compare a list with the assets of a gateway.

    Args:
        path: the configuration file.
        table: the list.
        mapping: the mappings of columns, as they were typed.

    Raises:
        TranscoderError: the list or the configuration can't be read.
    """
    try:
        data = read_regular(table, MAX_BYTES)
    except ValueError as error:
        raise TranscoderError(f"{table} {error}") from None
    except OSError as error:
        raise TranscoderError(f"{table} can't be read: {error.strerror or error}") from None
    read = read_table(data)
    fields = fields_of(read.columns, read_mapping(mapping))
    fleet = read_fleet(path, time.time())
    made = make_plan(
        [entry(row, fields) for row in read.rows], known_of(fleet.config, fleet.gone), rules_of(fleet.config)
    )
    refused = sorted((*read.refused, *made.refused), key=lambda each: each.line)
    return Import(
        path=path,
        fleet=fleet,
        plan=Plan(rows=made.rows, refused=tuple(refused), duplicates=made.duplicates),
        left_out=tuple(printable(column, 64) for column, name in fields.items() if name == LEFT_OUT),
    )


def document_of(plan: Plan, assets: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the keys that a plan sets, by asset and by stream; passwords are among them.

    Args:
        plan: the plan.
        assets: the keys of the assets as they are.
    """
    found: dict[str, dict[str, Any]] = {"assets": {}, "streams": {}}
    for row in plan.rows:
        before = assets.get(row.asset, {})
        keys = {
            name: value for name, value in row.keys.items() if value != before.get(name) and value not in (None, [])
        }
        if gone := (before.get("extra") or {}).keys() - (row.keys.get("extra") or {}).keys():
            keys["extra"] = {**(row.keys.get("extra") or {}), **dict.fromkeys(gone)}
        if row.kind == "added" or keys:
            found["assets"][row.asset] = keys
        for stream in row.streams:
            found["streams"][stream.stream] = dict(stream.keys)
    return found


def apply(made: Import, token_file: Path | None) -> str:
    """Carry a plan out, and say by whom it was.

    Args:
        made: the list that was compared.
        token_file: the file of the token for a running gateway; None: one of the configuration's.

    Raises:
        TranscoderError: it can't be done; nothing was changed.
    """
    config = made.fleet.config
    before = {name: asset.model_dump(mode="json") for name, asset in config.assets.items()}
    document = document_of(made.plan, before)
    if config.state_dir is None:
        raise TranscoderError("state_dir is null in the configuration, so that nothing can be kept")
    if is_locked(config.state_dir):
        client = GatewayClient(config, made.path, changes=True, token=read_token(token_file))
        client.change_assets(document)
        return f"changed by the running gateway at {client.url}"
    configure_logs(None, "error")  # what was changed is told by the plan
    asyncio.run(_write(made.fleet, config.state_dir, document))
    return f"written to {config.state_dir}; the gateway takes it up when it starts"


async def _write(fleet: Fleet, folder: Path, document: Mapping[str, Any]) -> None:
    async def nobody(found: Difference) -> None:
        del found

    store = Store(folder)
    state = await store.open()
    try:
        changes = Changes(fleet.effective, store, state.etag_key, nobody)
        by = Writer(interface="command line", name=getpass.getuser())
        edit = partial(change_many, by, now_text()[:10])
        await changes.make(Change(verb=IMPORT, keys=document, by=by, edit=edit))
    finally:
        await store.close()
