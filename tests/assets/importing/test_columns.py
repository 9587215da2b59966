"""The columns of a list are known by their names, and those that hold secrets are kept nowhere."""

import pytest

from transcoder.assets.importing.columns import entry, fields_of
from transcoder.assets.importing.table import read_table


def read(text: str):
    table = read_table(text.encode())
    return entry(table.rows[0], fields_of(table.columns, {}))


@pytest.mark.parametrize("column", ["Password", "Passwort", "KENNWORT", "wachtwoord", "pwd", "Hardware Password"])
def test_a_password_is_known_in_the_languages_of_lists(column):
    found = read(f"name,{column}\nquay,tiger\n")
    assert (found["password"], found.extra) == ("tiger", {})


@pytest.mark.parametrize(
    "column",
    [
        "admin_password",
        "ONVIF-Passwort",
        "extra.Password",
        "API key",
        "SNMP community",
        "Secret",
        "Wachtwoord 2",
        "PIN code",
    ],
)
def test_a_column_that_seems_to_hold_secrets_is_kept_nowhere(column):
    found = read(f"name,{column}\nquay,tiger\n")
    assert (dict(found.cells), found.extra) == ({"title": "quay"}, {})


def test_a_second_column_with_passwords_is_no_extra():
    found = read("name,Password,HardwarePassword,Passwort\nquay,lion,tiger,puma\n")
    assert (found["password"], found.extra) == ("lion", {})


@pytest.mark.parametrize("column", ["Secretariat", "Passage", "DriverNumber", "Community", "Pinboard"])
def test_other_columns_are_kept(column):
    assert read(f"name,{column}\nquay,tiger\n").extra == {column: "tiger"}


def test_a_login_within_a_cell_is_not_kept_but_where_a_stream_is_made_of_it():
    found = read(
        "name,url,notes,Live view\nquay,rtsp://u:lion@10.0.0.1/a,see rtsp://u:lion@10.0.0.1/a,http://u:lion@10.0.0.1/\n"
    )
    assert found["url"] == "rtsp://u:lion@10.0.0.1/a"
    assert "lion" not in found["notes"] + found.extra["Live view"]
