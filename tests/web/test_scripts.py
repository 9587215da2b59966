"""The page's files keep to what its Content-Security-Policy rests on: texts never become markup or code."""

import re

import pytest

from transcoder.web import load

MAX_LINES = 400
FILES = {name: file.content.decode() for name, file in load().items()}
SCRIPTS = [name for name in FILES if name.endswith(".js")]
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment|DOMParser"
    r"|setAttribute\(\s*[\"']style|srcdoc|javascript:|setTimeout\(\s*[\"']"
)
FOREIGN = re.compile(r"(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}", re.IGNORECASE)
NAMESPACES = ("http://www.w3.org/2000/svg",)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_text_never_becomes_markup_or_code(name: str) -> None:
    assert MARKUP.search(FILES[name]) is None


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_another_host(name: str) -> None:
    content = FILES[name]
    for namespace in NAMESPACES:
        content = content.replace(namespace, "")
    assert FOREIGN.search(content) is None


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_import_names_a_file_that_is_there(name: str) -> None:
    folder = name.split("/")[:-1]
    for target in re.findall(r"""(?:from\s+|import\(\s*)["'](\.[^"'$`]+)["']""", FILES[name]):
        path = list(folder)
        for part in target.split("/"):
            if part == "..":
                path.pop()
            elif part != ".":
                path.append(part)
        assert "/".join(path) in FILES, (name, target)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".html")])
def test_markup_has_no_inline_script_or_style(name: str) -> None:
    content = FILES[name]
    assert re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", content) is None
    for address in re.findall(r"""(?:src|href)="([^"]+)\"""", content):
        assert address.startswith(("/web/", "#"))
        if address.startswith("/web/"):
            assert address.removeprefix("/web/") in FILES


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_short_enough_to_be_read(name: str) -> None:
    assert FILES[name].count("\n") <= MAX_LINES
