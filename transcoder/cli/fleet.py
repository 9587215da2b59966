"""Commands read the assets of a gateway beside it: its file, what was changed at runtime, and what it kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transcoder.assets.inventory import Inventory, build_inventory
from transcoder.assets.scope import label_names
from transcoder.cli.config_text import read_effective
from transcoder.config import Config
from transcoder.config.overlay import EffectiveConfig
from transcoder.report.gathering import incidents_of, removed_assets
from transcoder.service.asset_register import kept_facts
from transcoder.service.audit import Record
from transcoder.service.kept_assets import KeptAssets
from transcoder.service.state_reader import read_audit, read_kept
from transcoder.verify.statement import product_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Holds the assets of a gateway.

    Attributes:
        effective: the configuration.
        inventory: the assets with their states.
        records: the records of the audit log, none where nothing was kept.
        gone: the ids of assets that there were.
        has_state: whether a gateway kept anything in the state folder.
    """

    effective: EffectiveConfig
    inventory: Inventory
    records: Sequence[Record]
    gone: frozenset[str]
    has_state: bool = True

    @property
    def config(self) -> Config:
        """Return the configuration in force."""
        return self.effective.config


def read_fleet(path: Path, now: float) -> Fleet:
    """Read the assets of the gateway that a configuration file describes.

    Args:
        path: the file.
        now: the time that states are derived for, UTC seconds.

    Raises:
        ConfigError: the file is not valid.
        StoreError: what was kept can't be read.
    """
    _, effective = read_effective(path)
    config = effective.config
    kept = read_kept(config.state_dir)
    records = read_audit(config.state_dir) or []
    assets = kept.assets if kept is not None else KeptAssets()
    verdicts = kept.verdicts if kept is not None else ()
    inventory = build_inventory(
        config,
        kept_facts(config, assets, verdicts),
        now,
        labels_for=label_names,
        audit_head=records[-1].hash if records else "",
        version=product_version(),
        incidents=incidents_of(records, verdicts, config),
    )
    gone = (removed_assets(records) | assets.history.keys()) - config.assets.keys()
    return Fleet(effective=effective, inventory=inventory, records=records, gone=gone, has_state=kept is not None)


def told_without_state(fleet: Fleet) -> str:
    """Return the line that says that no state was kept; "" where there is one."""
    if fleet.has_state:
        return ""
    if fleet.config.state_dir is None:
        return "state_dir is null, so that no state is kept: what is told comes from the configuration file alone"
    return (
        f"there is no state in {fleet.config.state_dir}: no gateway ran with this state_dir yet, or it was taken away; "
        "what is told comes from the configuration file alone"
    )
