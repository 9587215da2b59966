"""The configurations of shards: addresses, ports, processors and what each of them holds."""

from pathlib import Path

import pytest

from transcoder.config import Config, parse
from transcoder.fleet.plan import make_plan
from transcoder.fleet.reading import Fleet, read_fleet_file
from transcoder.fleet.shard_files import places, shard_files

STREAMS = "streams:\n" + "".join(f"  s{n}: {{source: 'rtsp://10.0.0.{n}/', cost: 6}}\n" for n in range(1, 5))
BASE = (
    "rtsp: {listen: ['0.0.0.0:8554', '127.0.0.1:9554'], tls: {listen: '[::]:8322'}, users: {vms: {password: geheim}}}\n"
    "http: {listen: '127.0.0.1:8080'}\nonvif: {listen: '192.0.2.200:8081'}\nstate_dir: /var/lib/transcoder\n"
)


def made(folder: Path, head: str, base: str = BASE, streams: str = STREAMS) -> tuple[Fleet, dict[str, str], list[str]]:
    (folder / "base.yaml").write_text(base)
    path = folder / "fleet.yaml"
    path.write_text(f"base: base.yaml\n{head}\n{streams}")
    fleet = read_fleet_file(path, folder, {})
    problems: list[str] = []
    files = shard_files(fleet, make_plan(fleet.items({}), fleet.slots, {}), path, folder, problems)
    return fleet, files, problems


def listening(config: Config) -> list[str]:
    sections = (config.rtsp, config.rtsp.tls, config.http, config.onvif)
    return [str(endpoint) for section in sections if section is not None for endpoint in section.listen]


def test_each_shard_listens_at_its_own_address_and_inside_the_machine_at_its_own_ports(tmp_path: Path) -> None:
    _, files, problems = made(tmp_path, "addresses: [192.0.2.1, 192.0.2.2, '2001:db8::1-2001:db8::2']")
    assert problems == []
    assert listening(parse(files["shard-01.yaml"], tmp_path, {})) == [
        "192.0.2.1:8554", "127.0.0.1:9554", "192.0.2.1:8322", "127.0.0.1:8080", "192.0.2.1:8081",
    ]  # fmt: skip
    assert listening(parse(files["shard-03.yaml"], tmp_path, {})) == [
        "[2001:db8::1]:8554", "127.0.0.1:9574", "[2001:db8::1]:8322", "127.0.0.1:8100", "[2001:db8::1]:8081",
    ]  # fmt: skip


def test_shards_of_one_address_have_ports_of_their_own(tmp_path: Path) -> None:
    _, files, problems = made(tmp_path, "addresses: 192.0.2.1\nshards_per_address: 4")
    assert problems == []
    configs = [parse(text, tmp_path, {}) for text in files.values()]
    every = [each for config in configs for each in listening(config)]
    assert len(every) == len(set(every)) == 4 * 5
    assert [config.rtsp.udp_ports for config in configs] == [(8000, 8001), (8010, 8011), (8020, 8021), (8030, 8031)]
    assert [config.node for config in configs] == ["shard-01", "shard-02", "shard-03", "shard-04"]
    assert [str(config.state_dir) for config in configs] == [f"/var/lib/transcoder/shard-0{n}" for n in range(1, 5)]


def test_every_stream_keeps_its_keys_in_one_shard(tmp_path: Path) -> None:
    streams = STREAMS.replace("cost: 6}", "cost: 6, title: '1e5'}", 1)
    fleet, files, _ = made(tmp_path, "addresses: 192.0.2.1-192.0.2.4\nname: oost", streams=streams)
    configs = {name: parse(text, tmp_path, {}) for name, text in files.items()}
    assert list(configs) == [f"oost-0{number}.yaml" for number in range(1, 5)]
    assert [list(config.streams) for config in configs.values()] == [["s1"], ["s2"], ["s3"], ["s4"]]
    for config in configs.values():
        for name, stream in config.streams.items():
            assert stream == fleet.config.streams[name]


def test_assets_go_where_their_streams_are_and_none_is_lost(tmp_path: Path) -> None:
    assets = "assets: {old: {successor: new}, new: {}, idle: {}, b: {}}\n"
    streams = (
        "streams:\n  a: {source: 'rtsp://10.0.0.2/', asset: old, cost: 6}\n"
        "  b: {source: 'rtsp://10.0.0.3/', asset: b, cost: 6}\n"
    )
    _, files, problems = made(tmp_path, "addresses: 192.0.2.1-192.0.2.4", BASE + assets, streams)
    assert problems == []
    found = [set(parse(text, tmp_path, {}).assets) for text in files.values()]
    assert found == [{"old", "new", "idle"}, {"b"}]


def test_processors_are_given_to_slots_in_turn(tmp_path: Path) -> None:
    fleet, files, _ = made(tmp_path, "addresses: 192.0.2.1-192.0.2.4\ncpus: 0-7,16-27")
    plan = make_plan(fleet.items({}), fleet.slots, {})
    assert [place.cpus for place in places(fleet, plan, []).values()] == ["0-7", "16-23", "0-7", "16-23"]
    drop_in = files["systemd/transcoder@shard-02.service.d/processors.conf"]
    assert drop_in.splitlines()[1:] == ["[Service]", "AllowedCPUs=16-23"]


@pytest.mark.parametrize(
    ("head", "base", "problem"),
    [
        ("addresses: 192.0.2.1", BASE, "addresses: "),
        ("addresses: 192.0.2.1-192.0.2.4\ncpus: 0-3", BASE, "cpus: are 4, fewer than the 8 cores of a slot"),
        ("addresses: 192.0.2.1-192.0.2.4", "{}\n", ""),
        (
            "addresses: 192.0.2.1\nshards_per_address: 4",
            BASE.replace(":8554", ":65530"),
            "shard-02: would need port 65540",
        ),
        (
            "addresses: 192.0.2.1\nshards_per_address: 4",
            BASE.replace(":8081", ":8564"),
            "shard-02: listens at 192.0.2.1:8564",
        ),
    ],
)
def test_what_gateways_could_not_have_is_a_problem(tmp_path: Path, head: str, base: str, problem: str) -> None:
    _, files, problems = made(tmp_path, head, base)
    if problem:
        assert problems[0].startswith(problem)
    else:
        assert problems == []
        assert len(files) == 4
