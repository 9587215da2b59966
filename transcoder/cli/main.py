"""The command line has the product's commands, and those of packages that are installed beside it.

A command imports what it needs when it runs, so that `transcoder --help` and a mistyped command cost a fifth of a
second and not the import of everything.
"""

import sys
from importlib.metadata import entry_points
from typing import Annotated

import typer

from transcoder.cli import assets, audit, config, fleet_plan, report
from transcoder.cli.backup import backup, restore
from transcoder.cli.check import check
from transcoder.cli.discover import discover
from transcoder.cli.doctor import doctor
from transcoder.cli.gateway import run
from transcoder.cli.help import show_plainly
from transcoder.cli.init import init
from transcoder.cli.logs import logs
from transcoder.cli.probe import probe
from transcoder.cli.swap import swap
from transcoder.cli.verify import verify

COMMANDS = "transcoder.commands"
"""The group of entry points that add a command: the laboratory's `demo` and `bench`, which the product may not import.
"""


def command_line() -> typer.Typer:
    """Return an app with every command."""
    app = typer.Typer(
        help="Takes legacy IP cameras in and serves clean, re-encoded streams to any video management system.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for command in (run, check, init, probe, discover, verify, logs, swap, doctor, backup, restore):
        app.command()(command)
    app.add_typer(config.app, name="config")
    app.add_typer(audit.app, name="audit")
    app.add_typer(assets.app, name="assets")
    app.add_typer(report.app, name="report")
    app.add_typer(fleet_plan.app, name="fleet")
    for entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name):
        app.command(name=entry.name)(entry.load())
    show_plainly(app)
    return app


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from transcoder.cli.version import version_text  # noqa: PLC0415  # no other command needs it

        typer.echo(version_text())
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the versions of what runs here, and exit."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line: the entry point of the console script and of `python -m transcoder`."""
    sys.exit(command_line()())
