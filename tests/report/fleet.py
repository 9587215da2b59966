"""Fleets of assets for tests of the report, with their history."""

from datetime import UTC, datetime

from transcoder.assets.findings import Finding
from transcoder.assets.history import StateChange
from transcoder.assets.inventory import Incident, Inventory, Judged, KeptFacts, build_inventory
from transcoder.assets.scope import label_names
from transcoder.config import Config
from transcoder.config.asset import AssetConfig

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def config(assets, streams=None):
    text = {name: {"source": keys["source"], "asset": keys.get("asset")} for name, keys in (streams or {}).items()}
    return Config.model_validate({"node": "gw1", "streams": text, "assets": assets})


def change(asset, state, day):
    return StateChange(asset=asset, state=state, at=f"{day}T08:00:00.000Z", because="test")


def small() -> tuple[Config, Inventory]:
    """Seven assets in scope, one of them out of it, and one that nobody knows the maker of."""
    assets = {
        "a-new": {"title": "New at the gate", "maker": "Axis", "site": "Gate"},
        "b-old": {
            "title": "Old at the gate", "maker": "Hikvision", "site": "Gate", "replaced": "2025-06-30",
            "successor": "a-new", "planned": "2025-Q4", "contract": "C1", "contract_ends": "2026-12-31",
        },
        "c-clean": {
            "title": "Quay (192.168.10.3)", "maker": "Dahua", "site": "Quay", "planned": "2027-Q2",
            "slips": [
                {"planned": "2026-Q2", "reason": "no lift at pole 52.3702 N", "by": "Jansen", "at": "2026-05-01"},
            ],
            "serial": "SERIAL-0815", "mac": "44:19:b6:3f:5e:51", "location_exact": "52.3702 N",
            "firmware": "V5.5.82 build 190909",
            "model": "IPC-HFW1", "owner": "Jansen", "notes": "key in room 2.11", "contract": "C1",
            "contract_ends": "2026-12-31",
        },
        "d-legacy": {"title": "<b>Bridge</b> & co", "maker": "Hikvision", "site": "Quay", "planned": "2026-03-31"},
        "e-retired": {"maker": "Dahua", "retired": "2024-02-01"},
        "f-exempt": {
            "maker": "Uniview", "exempt": {"reason": "vault, no network", "by": "CISO", "until": "2027-12-31"},
        },
        "g-unknown": {"title": "Who knows"},
        "h-late": {"maker": "Hikvision"},
    }  # fmt: skip
    streams = {
        "gate": {"source": "rtsp://192.168.10.2/x", "asset": "a-new"},
        "quay": {"source": "rtsp://192.168.10.3/x", "asset": "c-clean"},
        "bridge": {"source": "rtsp://192.168.10.4/x", "asset": "d-legacy"},
    }
    made = config(assets, streams)
    kept = KeptFacts(
        findings={"c-clean": [Finding(field="maker", value="Hikvision", by="registry", evidence=("44:19:B6",))]},
        history={
            "b-old": [change("b-old", "legacy", "2024-01-10"), change("b-old", "replaced", "2025-07-02")],
            "c-clean": [change("c-clean", "legacy", "2024-01-10"), change("c-clean", "cleaned", "2026-02-01")],
        },
        verdicts={"quay": Judged(clean_at=NOW.timestamp() - 3600)},
    )
    incidents = [
        Incident(at="2026-05-01T00:00:00Z", stream="quay", asset="c-clean", kind="unclean", detail="SEI of quay"),
        Incident(at="2020-05-01T00:00:00Z", kind="unclean"),
    ]
    inventory = build_inventory(
        made, kept, NOW.timestamp(), labels_for=label_names, audit_head="ab" * 32, version="1.2.3", incidents=incidents
    )
    return made, inventory


def city(number: int) -> Inventory:
    """A city's fleet with five years of history: a change every month or so."""
    makers = ["Hikvision", "Dahua", "Uniview", "Axis", "Tiandy", "TVT"]
    assets, history = {}, {}
    for n in range(number):
        name = f"cam-{n:04}"
        assets[name] = AssetConfig.model_validate(
            {
                "title": f"Camera {n}", "maker": makers[n % 6], "site": f"Site {n % 40}", "contract": f"C{n % 30}",
                "serial": f"DS-2CD2043G2-I20220112AAWRJ{n:08}", "mac": f"4419b6{n:06x}",
                "location_exact": f"52.{n:04} N, pole {n}", "location_public": f"street {n}",
                "firmware": f"V5.5.82 build 19{1 + n % 9:02}09", "planned": f"20{24 + n % 6}-Q{1 + n % 4}",
                "contract_ends": "2027-06-30", "slips": [{"planned": "2024-Q1", "reason": f"late {n}"}],
            }
        )  # fmt: skip
        states = ["cleaned", "legacy"]
        history[name] = [
            change(name, states[month % 2], f"{2022 + month // 12}-{1 + month % 12:02}-{1 + n % 28:02}")
            for month in range(60)
        ]
    made = Config.model_validate({"node": "gw1", "streams": {}}).model_copy(update={"assets": assets})
    return build_inventory(made, KeptFacts(history=history), NOW.timestamp(), labels_for=label_names, version="1")
