"""Commands and groups of the command line show their options as people write them."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override


class _Command(TyperCommand):
    @override
    def get_params(self, ctx: Any) -> list[Any]:
        return _plain(super().get_params(ctx))


class _Group(TyperGroup):
    @override
    def get_params(self, ctx: Any) -> list[Any]:
        return _plain(super().get_params(ctx))


def _plain(parameters: list[Any]) -> list[Any]:
    """Show no type behind the name of a switch, which takes no value."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


def show_plainly(app: typer.Typer) -> None:
    """Have an app and everything below it show its options so."""
    app.info.cls = _Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            show_plainly(group.typer_instance)
