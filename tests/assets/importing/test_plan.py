"""A plan says what a list would add, change and leave; the same list a second time changes nothing."""

import json

import pytest

from transcoder.assets.importing.columns import entry, fields_of, read_mapping
from transcoder.assets.importing.known import Known, KnownStream
from transcoder.assets.importing.plan import Plan, Recognized, Rules, make_plan
from transcoder.assets.importing.table import TableError, read_table
from transcoder.assets.importing.told import plan_lines

BRANDS = {"annke": Recognized(brand="Annke", maker="Hikvision"), "dahua": Recognized(brand="Dahua", maker="Dahua")}
MILESTONE = """\
HardwareName,HardwareAddress,MacAddress,UserName,Password,DriverNumber,DriverDisplayName,RecordingServerName
Ingang Noord (2),http://192.168.1.10/,44:19:b6:3f:5e:51,root,hunter2,421,Annke C500,rec-1
Brug,http://192.168.1.11:8080/,,admin,hunter3,33,Dahua 1 channel,rec-1
Brug,192.168.1.12,,admin,hunter3,33,Dahua 1 channel,rec-2
Plein,192.168.1.13,,,,1,Unheard of,rec-2
"""


def recognize(text):
    return next((found for name, found in BRANDS.items() if text.lower().startswith(name)), None)


def check_asset(asset, keys):
    return keys


RULES = Rules(recognize=recognize, check_asset=check_asset, check_stream=lambda stream, keys: None)


def plan(text, known=None, *mapping):
    table = read_table(text.encode())
    fields = fields_of(table.columns, read_mapping(mapping))
    return make_plan([entry(row, fields) for row in table.rows], known or Known(), RULES)


def applied(made: Plan, known: Known) -> Known:
    """Return the configuration after a plan was carried out."""
    assets = {**known.assets, **{row.asset: row.keys for row in made.rows}}
    streams = dict(known.streams)
    for row in made.rows:
        for each in row.streams:
            old = streams.get(each.stream, KnownStream(url=""))
            source = {"url": old.url, "username": old.username, "password": old.password, **each.keys.get("source", {})}
            streams[each.stream] = KnownStream(asset=each.keys.get("asset", old.asset), **source)
    return Known(assets=assets, streams=streams, gone=known.gone)


def test_the_list_of_milestone_is_known_by_heart():
    made = plan(MILESTONE)
    assert [(row.line, row.asset, row.kind) for row in made.rows] == [
        (2, "ingang-noord-2", "added"),
        (3, "brug", "added"),
        (4, "brug-2", "added"),
        (5, "plein", "added"),
    ]
    first = made.rows[0]
    assert first.keys["title"] == "Ingang Noord (2)"
    assert first.keys["mac"] == "44:19:b6:3f:5e:51"
    assert first.keys["brand"] == "Annke"
    assert "maker" not in first.keys, "the table of brands is no word of the operator"
    assert first.keys["extra"]["DriverNumber"] == "421"
    assert first.keys["extra"]["RecordingServerName"] == "rec-1"
    assert dict(first.streams[0].keys) == {
        "source": {"url": "rtsp://192.168.1.10/Streaming/Channels/101", "username": "root", "password": "hunter2"},
        "asset": "ingang-noord-2",
        "title": "Ingang Noord (2)",
    }
    assert made.rows[1].streams[0].keys["source"]["url"] == "rtsp://192.168.1.11/cam/realmonitor?channel=1&subtype=0"
    assert [row.asset for row in made.rows if not row.is_maker_known] == ["plein"]
    assert made.rows[3].streams == ()
    assert made.rows[3].keys["extra"]["address"] == "192.168.1.13"


def test_passwords_are_shown_nowhere():
    made = plan(MILESTONE)
    assert "hunter" not in repr(made)
    changed = plan(MILESTONE.replace("hunter2", "other5"), applied(made, Known()))
    assert changed.rows[0].changes == {"password": ("", "(given)")}
    assert "other5" not in repr(changed)
    assert not any("hunter" in json.dumps(row.keys) for row in made.rows)


def test_the_same_list_twice_changes_nothing():
    known = applied(plan(MILESTONE), Known())
    assert {row.kind for row in plan(MILESTONE, known).rows} == {"unchanged"}
    assert not plan(MILESTONE, known).refused


def test_an_empty_cell_leaves_what_was_there_and_a_new_one_changes_it():
    known = applied(plan(MILESTONE), Known())
    made = plan("id,model,site\nbrug,,Haven\n", known)
    assert made.rows[0].kind == "changed"
    assert made.rows[0].changes == {"site": ("", "Haven")}
    assert made.rows[0].keys["title"] == "Brug"


def test_a_camera_that_moved_is_known_by_its_mac_and_keeps_its_path():
    known = applied(plan(MILESTONE), Known())
    made = plan("name,mac,address\nX,4419.b63f.5e51,192.168.1.99\n", known)
    assert made.rows[0].asset == "ingang-noord-2"
    assert made.rows[0].streams[0].keys == {"source": {"url": "rtsp://192.168.1.99/Streaming/Channels/101"}}


def test_two_rows_with_one_address_are_named_and_the_second_is_refused():
    made = plan("name,address,brand\na,10.0.0.1,Annke\nb,10.0.0.1,Annke\n")
    assert [row.asset for row in made.rows] == ["a"]
    assert made.duplicates == {3: "line 2"}
    assert made.refused[0].line == 3


def test_an_address_of_another_asset_is_refused():
    known = applied(plan("name,address,brand\na,10.0.0.1,Annke\n"), Known())
    made = plan("id,url\nb,rtsp://10.0.0.1/Streaming/Channels/101\n", known)
    assert made.duplicates == {2: "the asset a"}


def test_the_channels_of_a_recorder_have_one_address_and_a_stream_each():
    made = plan("name,address,brand,channel\na,10.0.0.1,Annke,1\nb,10.0.0.1,Annke,12\n")
    assert [row.streams[0].keys["source"]["url"] for row in made.rows] == [
        "rtsp://10.0.0.1/Streaming/Channels/101",
        "rtsp://10.0.0.1/Streaming/Channels/1201",
    ]
    known = applied(made, Known())
    again = plan("name,address,brand,channel\na,10.0.0.1,Annke,1\nb,10.0.0.1,Annke,12\n", known)
    assert [row.kind for row in again.rows] == ["unchanged", "unchanged"]


def test_a_row_that_may_be_about_several_assets_is_refused():
    known = Known(assets={"a": {"title": "Same"}, "b": {"title": "Same"}})
    made = plan("name\nSame\n", known)
    assert not made.rows
    assert "a, b have its name" in made.refused[0].reason
    clues = Known(assets={"a": {"mac": "44:19:b6:3f:5e:51"}, "b": {"serial": "S1"}})
    assert "a, b" in plan("name,mac,serial\nx,4419B63F5E51,S1\n", clues).refused[0].reason


def test_two_new_rows_that_nothing_tells_apart_are_refused():
    made = plan("name\nSame\nSame\n")
    assert [row.asset for row in made.rows] == ["same"]
    assert "line 2 has its name" in made.refused[0].reason


def test_an_id_that_was_an_assets_is_never_given_again():
    known = Known(assets={"gate": {"title": "Other", "retired": "2025-01-01"}}, gone=frozenset({"gate-2"}))
    made = plan("name,address\nGate,10.0.0.1\n", known)
    assert made.rows[0].asset == "gate-3"
    assert "never given again" in plan("id\ngate-2\n", known).refused[0].reason


def test_a_stream_that_the_gateway_has_already_becomes_the_assets():
    known = Known(streams={"main": KnownStream(url="rtsp://10.0.0.1/x"), "sub": KnownStream(url="rtsp://10.0.0.1/y")})
    made = plan("name,address\nGate,http://10.0.0.1\n", known)
    assert [(each.stream, each.keys, each.is_new) for each in made.rows[0].streams] == [
        ("main", {"asset": "gate"}, False),
        ("sub", {"asset": "gate"}, False),
    ]
    again = plan("name,address\nGate,http://10.0.0.1\n", applied(made, known))
    assert again.rows[0].kind == "unchanged"


def test_an_asset_without_a_stream_gets_one_when_its_maker_is_told():
    known = applied(plan("name,address\nGate,10.0.0.9\n"), Known())
    made = plan("name,address,brand\nGate,10.0.0.9,Annke\n", known)
    assert made.rows[0].asset == "gate"
    assert made.rows[0].streams[0].is_new
    assert "address" not in made.rows[0].keys["extra"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("name,url\na,http://x/", "url: must start with rtsp"),
        ("name,address\na,10.0.0.256", "address: has no valid IPv4"),
        ("name,address,port\na,10.0.0.1,99999", "port:"),
        ("name,address,brand,channel\na,10.0.0.1,Annke,x", "channel:"),
        ("model\nX", "neither an id nor a name"),
        ("id,slips\na,soon", "slips: must be JSON"),
    ],
)
def test_a_row_that_is_not_valid_is_refused_with_its_line(cells, words):
    made = plan(cells + "\n")
    assert not made.rows
    assert made.refused[0].line == 2
    assert words in made.refused[0].reason


def test_another_list_is_read_by_a_mapping():
    made = plan("Camera;IP;Foo\nGate;10.0.0.1;bar\n", None, "name=camera,address=IP")
    assert made.rows[0].asset == "gate"
    assert made.rows[0].keys["extra"] == {"Foo": "bar", "address": "10.0.0.1"}


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("nonsense=A", "not of the form"),
        ("name", "not of the form"),
        ("name=A,title=B", "twice"),
        ("name=C", "no column"),
    ],
)
def test_a_mapping_that_fits_nothing_is_refused(mapping, words):
    with pytest.raises(TableError, match=words):
        plan("A,B\n1,2\n", None, mapping)


def test_a_name_that_two_columns_mean_goes_to_the_first():
    made = plan("title,HardwareName,address\nOne,Two,10.0.0.1\n")
    assert made.rows[0].keys["title"] == "One"
    assert made.rows[0].keys["extra"]["HardwareName"] == "Two"


def test_a_cell_of_several_lines_becomes_one_as_the_configuration_keeps_it():
    text = 'name,notes\nGate,"one\r\n two\n\nthree\x07"\n'
    made = plan(text)
    assert made.rows[0].keys["notes"] == "one; two; three"
    assert plan(text, applied(made, Known())).rows[0].kind == "unchanged"


@pytest.mark.parametrize("key", ["successor", "replaced", "retired", "disposed"])
def test_an_old_list_gives_no_stream_to_an_asset_that_was_given_up(key):
    text = "name,address,brand\nGate,10.0.0.1,Annke\n"
    known = applied(plan(text), Known())
    after = Known(
        assets={**known.assets, "gate": {**known.assets["gate"], key: "2026-01-01"}},
        streams={"gate": KnownStream(url="rtsp://10.0.0.2/x", asset="new")},
    )
    made = plan(text, after)
    assert [(row.asset, row.kind, row.streams) for row in made.rows] == [("gate", "unchanged", ())]


def refusals(made):
    return {each.line: each.reason for each in made.refused}


def test_a_successor_that_nobody_has_is_refused_in_the_plan():
    made = plan("id,successor\nold,new\nolder,old\nthird,fourth\nfourth,\n")
    assert [row.asset for row in made.rows] == ["third", "fourth"]
    assert refusals(made) == {
        2: "successor: there is no asset 'new'",
        3: "successor: there is no asset 'old'",
    }


def test_a_circle_of_successors_is_refused_in_the_plan():
    made = plan("id,successor\na,b\nb,a\nc,c\nd,known\n", Known(assets={"known": {}}))
    assert [row.asset for row in made.rows] == ["d"]
    assert refusals(made) == {
        2: "successor: the asset would follow upon itself: a -> b -> a",
        3: "successor: the asset would follow upon itself: b -> a -> b",
        4: "successor: the asset would follow upon itself: c -> c",
    }


MAPPED = """\
HardwareName,HardwareAddress,DriverDisplayName
Noord,http://10.0.0.5:8081/,Annke C500
Zuid,http://10.0.0.5:8082/,Annke C500
"""
NO_PORT = "several cameras have its host: give a column `port`, the port of RTSP"


def test_cameras_behind_the_mapped_ports_of_one_host_are_not_one_address():
    made = plan(MAPPED)
    assert [(row.asset, row.keys["extra"]["address"]) for row in made.rows] == [
        ("noord", "http://10.0.0.5:8081"),
        ("zuid", "http://10.0.0.5:8082"),
    ]
    assert not any(row.streams for row in made.rows), "nobody said which port of RTSP is whose"
    assert sum(NO_PORT in line for line in plan_lines(made)) == 2
    again = plan(MAPPED, applied(made, Known()))
    assert [(row.asset, row.kind) for row in again.rows] == [("noord", "unchanged"), ("zuid", "unchanged")]


def test_the_pages_of_one_camera_are_one_address_over_http_and_https():
    made = plan("name,address\nA,http://10.0.0.5/\nB,https://10.0.0.5/\nC,10.0.0.5\n")
    assert (len(made.rows), sorted(made.duplicates)) == (1, [3, 4])


def test_ports_of_rtsp_tell_cameras_of_one_host_apart():
    for text in ("A,10.0.0.5,5541\nB,10.0.0.5,5542\n", "A,http://10.0.0.5:81,5541\nB,http://10.0.0.5:82,5542\n"):
        made = plan("name,address,port,brand\n" + text.replace("\n", ",Annke\n"))
        assert [row.streams[0].keys["source"]["url"] for row in made.rows] == [
            "rtsp://10.0.0.5:5541/Streaming/Channels/101",
            "rtsp://10.0.0.5:5542/Streaming/Channels/101",
        ]
        twice = plan("name,address,port,brand\n" + text.replace("5542", "5541").replace("\n", ",Annke\n"))
        assert list(twice.duplicates) == [3]


def test_an_asset_keeps_its_stream_when_a_later_list_has_others_behind_its_host():
    known = applied(plan(MAPPED[: MAPPED.index("Zuid")]), Known())
    assert known.streams["noord"].url == "rtsp://10.0.0.5/Streaming/Channels/101"
    made = plan(MAPPED, known)
    assert [(row.asset, row.kind) for row in made.rows] == [("noord", "changed"), ("zuid", "added")]
    later = applied(made, known)
    assert later.streams == known.streams
    assert [row.kind for row in plan(MAPPED, later).rows] == ["unchanged", "unchanged"]


def test_a_port_that_an_operator_set_stays_where_a_list_has_none():
    known = applied(plan(MAPPED), Known())
    stream = KnownStream(url="rtsp://10.0.0.5:5541/Streaming/Channels/101", asset="noord")
    known = Known(assets=known.assets, streams={"noord": stream})
    assert [row.kind for row in plan(MAPPED, known).rows] == ["unchanged", "unchanged"]
