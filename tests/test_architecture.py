"""The walk of one access unit in docs/architecture.md is true: files, functions and calls are there."""

import ast
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


class Step(NamedTuple):
    """A row of the walk."""

    file: str
    function: str
    hands_on_by: str


STEPS = [
    Step(cells[2].strip().strip("`"), cells[3].strip().strip("`"), cells[5])
    for cells in (line.split("|") for line in PAGE.splitlines())
    if len(cells) == 7 and cells[1].strip().isdigit()
]


def _class(step: Step) -> ast.ClassDef:
    tree = ast.parse((ROOT / "transcoder" / step.file).read_text(encoding="utf-8"))
    name = step.function.partition(".")[0]
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def _calls(node: ast.AST) -> set[str]:
    """Names that are called in a node, as functions or as methods."""
    called = [inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    names = {func.attr for func in called if isinstance(func, ast.Attribute)}
    return names | {func.id for func in called if isinstance(func, ast.Name)}


def test_the_walk_has_at_most_sixteen_files_and_two_callbacks() -> None:
    assert 10 < len({step.file for step in STEPS}) == len(STEPS) <= 16
    walk = "".join(line for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line))
    assert walk.count("**callback**") == 2


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.file)
def test_the_function_of_a_step_is_there(step: Step) -> None:
    methods = {node.name for node in _class(step).body if isinstance(node, ast.FunctionDef)}
    assert step.function.partition(".")[2] in methods


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.file)
def test_the_class_of_a_step_makes_the_call_that_hands_on(step: Step) -> None:
    first = re.match(r"\s*`(\w+)`", step.hands_on_by)
    if first is None:
        pytest.skip("an event or a yielded value, no call")
    assert first.group(1) in _calls(_class(step)) | _calls_of_others(step)


def _calls_of_others(step: Step) -> set[str]:
    """Calls of the function that takes a step's result, where that is the caller: `intake.take(...)` returns a unit."""
    named = re.search(r"`(\w+)` of `([\w/.]+)`", step.hands_on_by)
    if named is None:
        return set()
    text = (ROOT / "transcoder" / named.group(2)).read_text(encoding="utf-8")
    return {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:[a-z0-9_]+/)+[a-z0-9_]+\.py)`", PAGE))
    missing = [name for name in named if not any((folder / name).is_file() for folder in (ROOT, ROOT / "transcoder"))]
    assert not missing


def test_the_layers_are_those_of_the_linter() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = next(item for item in settings["tool"]["importlinter"]["contracts"] if item["type"] == "layers")
    linted = [{name.strip() for name in line.split("|")} for line in contract["layers"]]
    drawn = [
        {f"transcoder.{name.strip()}" if name.strip() != "transcoder_native" else name.strip() for name in names}
        for line in PAGE.partition("## Layers")[2].partition("```")[2].partition("```")[0].strip().splitlines()
        for names in [line.split("   ")[0].split("|")]
    ]
    order = {name: number for number, names in enumerate(drawn) for name in names}
    for number, names in enumerate(linted):
        for name in names:
            assert name in order, f"{name} is not drawn"
            for lower in linted[number + 1 :]:
                assert all(order[name] <= order[other] for other in lower), (name, lower)
