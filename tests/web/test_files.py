"""The files of the web page."""

import hashlib
import re
from pathlib import Path

import transcoder.web
from transcoder.web import load
from transcoder.web.files import INDEX, MEDIA_TYPES

FOLDER = Path(transcoder.web.__file__).parent


def test_every_file_of_the_page_is_served_as_it_is() -> None:
    there = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    found = load()
    assert set(found) == there
    assert INDEX in there
    for name, file in found.items():
        assert file.content == (FOLDER / name).read_bytes()
        assert file.media_type == MEDIA_TYPES[Path(name).suffix]


def test_no_code_of_the_service_is_served() -> None:
    assert [name for name in load() if ".py" in name] == []


def test_a_tag_is_that_of_the_content() -> None:
    file = load()[INDEX]
    assert file.etag == f'"{hashlib.sha256(file.content).hexdigest()[:20]}"'


def test_the_first_file_needs_nothing_from_elsewhere() -> None:
    text = load()[INDEX].content.decode()
    assert re.findall(r"(?:https?:)?//[a-z]", text) == []
    assert re.findall(r'(?:src|href)="(?!/web/|#)', text) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text) == []  # the policy takes none
