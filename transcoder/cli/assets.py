"""The commands `transcoder assets import|export` are here."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from transcoder.cli.failure import errors_end_the_command
from transcoder.exit_codes import NO, OK

app = typer.Typer(help="The list of cameras and recorders that streams come from.", no_args_is_help=True)

ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration file (YAML).")]


@app.command("import")
def import_assets(
    table: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The list, as another program exports it.")],
    config: ConfigOption,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="name=COLUMN,...", help="What columns mean; Milestone's are known."),
    ] = None,
    is_applied: Annotated[
        bool, typer.Option("--apply", help="Carry the plan out; without it nothing is changed.")
    ] = False,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file of a token for the running gateway.")
    ] = None,
) -> None:
    """Print what a list of cameras would add and change; exit 1 if rows are refused."""
    from transcoder.assets.importing.told import plan_lines  # noqa: PLC0415  # --help stays fast
    from transcoder.cli import asset_import  # noqa: PLC0415

    with errors_end_the_command():
        made = asset_import.compare(config, table, mapping or ())
        for line in plan_lines(made.plan):
            typer.echo(line)
        if made.left_out:
            typer.echo(f"columns that seem to hold secrets, of which nothing is kept: {', '.join(made.left_out)}")
        if not is_applied:
            typer.echo("nothing was changed: --apply carries it out")
        elif any(row.kind != "unchanged" for row in made.plan.rows):
            typer.echo(asset_import.apply(made, token_file))
    raise typer.Exit(NO if made.plan.refused else OK)


@app.command("export")
def export_assets(
    config: ConfigOption,
    form: Annotated[Literal["csv", "json"], typer.Option("--format", help="csv or json.")] = "csv",
) -> None:
    """Print all assets with their states, in columns that an import knows; passwords are not among them."""
    import time  # noqa: PLC0415  # --help stays fast

    from transcoder.assets.exporting import export_rows, to_csv, to_json  # noqa: PLC0415
    from transcoder.cli.fleet import read_fleet, told_without_state  # noqa: PLC0415

    with errors_end_the_command():
        fleet = read_fleet(config, time.time())
    if without := told_without_state(fleet):
        typer.echo(without, err=True)
    rows = export_rows(fleet.inventory, fleet.config)
    typer.echo(to_csv(rows) if form == "csv" else to_json(rows, fleet.inventory), nl=False)
